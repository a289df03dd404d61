//! Colour, decided by the caller and kept out of global state, so that two reports can be written at once.

use colored::Color;

/// Whether colour is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(pub bool);

/// What a colour means; words or symbols say it too. Good is blue: red and green are what many cannot tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Bad,
    Warning,
    Note,
    Good,
    Strong,
    Faint,
}

impl Paint {
    /// The text in its tone. Must not be wrapped afterwards: escapes take no columns.
    pub(super) fn tone(self, tone: Tone, text: &str) -> String {
        if !self.0 || text.is_empty() {
            return text.to_owned();
        }
        let colour = |colour: Color| format!("1;{}", colour.to_fg_str());
        let code = match tone {
            Tone::Bad => colour(Color::Red),
            Tone::Warning => colour(Color::Yellow),
            Tone::Note => colour(Color::Cyan),
            Tone::Good => colour(Color::BrightBlue),
            Tone::Strong => "1".to_owned(),
            Tone::Faint => "2".to_owned(),
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Text that is safe to show as a link to an address of ours.
    ///
    /// Source: Hyperlinks in Terminal Emulators (OSC 8).
    pub(super) fn link(url: &str, text: &str) -> String {
        format!("\u{1b}]8;;{url}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\")
    }
}
