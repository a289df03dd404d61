//! Performs a plan: requests go out concurrently, a Recording comes back.
//!
//! Preflight asks the ordinary request first; what is `risk: guess` goes last and alone; at the end every base is asked again.
//! Documents inside are raw; the [`Recording`] that leaves is masked.

mod assertion;
mod browser;
mod connecting;
mod credentials;
mod discover;
mod execute;
mod handshake;
mod order;
mod person;
mod places;
mod preflight;
mod preview;
mod raw;
mod request;
mod send;
mod tls;
mod values;
mod walk;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::exchange::Recording;
use crate::plan::Plan;
use crate::suite::Catalogue;
use crate::target::Target;

pub use browser::WebDriver;
pub use discover::{Found, discover, looking};
pub use execute::{run, run_after};
pub use person::{AtTheBrowser, PATIENCE};
pub use preview::{Prepared, Preview, Taken, prepared, preview};

/// A runtime on this thread, which looks at its clock after every turn: what waits for the network needs no more, and a server that
/// floods one connection keeps no bound from being met. By default a flood of interim responses held it for half a minute.
///
/// # Errors
/// The system gives no means to wait.
pub fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().event_interval(1).build()
}

/// Looks whether anything could be sent to a target: its certificates and its proxy are fit for use.
///
/// # Errors
/// What [`run`] would say.
pub fn usable(target: &Target, settings: &Settings) -> Result<(), Error> {
    wire::Wire::new(target, settings, true).map(|_| ())
}

/// Why nothing could be sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate file of the target.
    #[error("cannot use `ca_file` {path}: {reason}")]
    CaFile {
        /// As given.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The proxy of the target.
    #[error("cannot use the proxy: {0}")]
    Proxy(String),
    /// TLS could not be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
    /// The real browser that was asked for.
    #[error("cannot use a browser: {0}")]
    Browser(String),
}

/// Who walks through the authorization endpoint.
#[derive(Clone, Default)]
pub enum Driver {
    /// The user agent of this program: HTML forms and no scripts.
    #[default]
    Scripted,
    /// A real browser, which runs scripts.
    Browser(WebDriver),
    /// A person with a browser of their own.
    Person {
        /// Shows the URLs.
        at: Arc<dyn AtTheBrowser>,
        /// How long one walk is waited for.
        patience: Duration,
    },
}

/// How a plan is performed.
#[derive(Clone)]
pub struct Settings {
    /// Requests under way at once.
    pub concurrency: usize,
    /// Least time between two requests.
    pub interval: Option<Duration>,
    /// The longest wait that is waited.
    pub patience: Duration,
    /// Seed of made-up values: the same seed makes the same requests.
    pub seed: u64,
    /// Hosts and ports that lead elsewhere; for TLS looks the name's own address counts.
    pub resolve: Vec<((String, u16), SocketAddr)>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Told what goes on.
    pub progress: Arc<dyn Progress>,
    /// Who walks through the authorization endpoint.
    pub driver: Driver,
}

/// Told what a run does.
pub trait Progress: Send + Sync {
    /// `done` of `all` exchanges are settled; `key` is under way.
    fn sending(&self, key: &str, done: usize, all: usize);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn sending(&self, _key: &str, _done: usize, _all: usize) {}
}

/// One step of the preflight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was asked.
    pub step: String,
    /// Whether it held.
    pub passed: bool,
    /// What was seen.
    pub detail: String,
}

/// What a run brought home.
#[derive(Debug, Clone)]
pub struct Brought {
    /// Masked.
    pub recording: Recording,
    /// What preflight saw.
    pub preflight: Vec<Step>,
    /// Why the run ended at its preflight, if it did: one sentence, and what to do.
    pub stopped: Option<(String, String)>,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// Milliseconds, by the clock.
    pub elapsed_ms: u64,
    /// When it began, in milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// Requests that went out.
    pub sent: usize,
}

/// What `run` needs.
#[derive(Clone, Copy)]
pub struct Task<'t> {
    /// Definitions.
    pub catalogue: &'t Catalogue,
    /// What to send.
    pub plan: &'t Plan,
    /// Where to.
    pub target: &'t Target,
}
