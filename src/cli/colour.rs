//! Whether colours are written: the flag, then the environment, then the stream.

use std::env;
use std::io::{self, IsTerminal as _};
use std::sync::OnceLock;

use clap::ValueEnum;

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// By the stream and the environment (`NO_COLOR`, `FORCE_COLOR`, `CLICOLOR_FORCE`).
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

static CHOSEN: OnceLock<Colour> = OnceLock::new();

/// Takes the flag; `colored` decides from global state, which is set here once.
pub(super) fn choose(colour: Colour) {
    let _ = CHOSEN.set(colour);
    colored::control::set_override(stdout());
}

/// Whether standard output is coloured.
pub(super) fn stdout() -> bool {
    decided(io::stdout().is_terminal())
}

/// Whether standard error is coloured.
pub(super) fn stderr() -> bool {
    decided(io::stderr().is_terminal())
}

/// Whether links are written (OSC 8): to a terminal that shows colours and that somebody looks at.
pub(super) fn links() -> bool {
    io::stdout().is_terminal() && stdout() && !in_ci() && !is_dumb()
}

/// Whether this is a job of a CI server, some of which pretend to be a terminal: what is replaced in place would fill its log.
pub(super) fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// Whether the terminal takes no escapes: neither colours nor a line that is replaced in place.
pub(super) fn is_dumb() -> bool {
    env::var("TERM").as_deref() == Ok("dumb")
}

fn decided(terminal: bool) -> bool {
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    match CHOSEN.get().copied().unwrap_or_default() {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto if env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
        Colour::Auto if set("FORCE_COLOR") || set("CLICOLOR_FORCE") => true,
        Colour::Auto => terminal && !is_dumb(),
    }
}
