//! Time, as something that can be given: the real clock, or one that a test moves.
//!
//! A leaf module, used by the runner (due times, `wait`) and by the reference server (expiry), so that a self-test of an
//! hour-long wait takes no time and sleeps nowhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time in milliseconds since the Unix epoch.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;

    /// Moves the clock to `at_ms` and says so with `true`; a real clock cannot be moved and answers `false`, upon which the
    /// caller has to sleep. Never moves backwards.
    fn jump_to(&self, at_ms: u64) -> bool;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn jump_to(&self, _at_ms: u64) -> bool {
        false
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that stands at `at_ms` milliseconds since the Unix epoch.
    #[must_use]
    pub fn new(at_ms: u64) -> Self {
        Self(Arc::new(AtomicU64::new(at_ms)))
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn jump_to(&self, at_ms: u64) -> bool {
        self.0.fetch_max(at_ms, Ordering::SeqCst);
        true
    }
}
