//! Texts as YAML, for what is written for people to go on editing.

use serde_json::Value;

/// A text as YAML: plain where nothing can be misread, else in quotes.
#[must_use]
pub fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:?=~+ ".contains(c))
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { quoted(text) }
}

/// JSON's quotes are YAML's.
#[must_use]
pub fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
