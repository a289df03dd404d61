//! Progress, on standard error only: a line that is replaced in place on a terminal, silence elsewhere.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::colour;
use super::output::tell;
use crate::run::Progress;

/// Shows what is under way.
pub(super) struct Shown {
    bar: ProgressBar,
    log: bool,
}

impl Shown {
    /// `log` writes a line for every request instead.
    pub(super) fn new(name: &str, quiet: bool, log: bool) -> Self {
        let visible = !quiet && !log && io::stderr().is_terminal() && !colour::in_ci() && !colour::is_dumb();
        let bar = if visible { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.set_draw_target(if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() });
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {pos} of {len} exchanges, {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        if visible {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, log }
    }

    pub(super) fn done(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Shown {
    fn sending(&self, key: &str, done: usize, all: usize) {
        if self.log {
            tell(&format!("sending {key} ({done} of {all} settled)"));
        } else {
            self.bar.set_length(all as u64);
            self.bar.set_position(done as u64);
            self.bar.set_message(key.to_owned());
        }
    }
}
