//! `--interactive`: the person at the terminal has the browser.

use std::io;

use super::output::tell;
use crate::run::AtTheBrowser;

/// Shows URLs on standard error, and takes what is pasted from standard input.
#[derive(Debug)]
pub(super) struct AtTheTerminal;

impl AtTheBrowser for AtTheTerminal {
    fn open(&self, url: &str, listening: bool) {
        let next = if listening {
            "log in there; the answer is waited for on this machine"
        } else {
            "log in there, then paste the address at which the browser ended, and press Enter"
        };
        tell(&format!("\nopen this address in a browser:\n\n  {url}\n\n{next}"));
    }

    fn pasted(&self) -> Option<String> {
        let mut line = String::new();
        let count = io::stdin().read_line(&mut line).ok()?;
        (count > 0).then_some(line)
    }

    fn not_it(&self, ends: &[String]) {
        tell(&format!("this is not the address that is waited for; it begins with {}", ends.join(" or with ")));
    }
}
