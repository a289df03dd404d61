//! Reads saved runs, of which anything may be wrong: every mistake is told with its place in the file.
//!
//! Pure; the caller reads the file and bounds it ([`MOST_BYTES`]).

use std::fmt;

use serde_json::Value;

use super::evidence::{member, segments};
use super::json::{self, RUN_SCHEMA};
use super::model::RunReport;
use super::text::one_line;
use crate::schema::FileKind;

/// The schema of a saved run, generated from [`RunReport`].
const SCHEMA: &str = include_str!("../../specs/schema/run-v1.schema.json");

/// Bytes of a file that are read; a run of every suite takes a tenth of it.
pub const MOST_BYTES: u64 = 64 << 20;

/// Mistakes of a file that are told.
const MOST_MISTAKES: usize = 20;

/// What is wrong with a saved run, place by place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    /// At least one: `run.json:3:5: …`, safe to print.
    pub lines: Vec<String>,
    /// What the user can do about it, as one imperative sentence.
    pub help: &'static str,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

/// The runs of a saved report, in their order.
///
/// # Errors
/// What is wrong with it, at most twenty mistakes, each with line and column.
pub fn read(path: &str, text: &str) -> Result<Vec<RunReport>, Mistakes> {
    let error = match json::parse(text) {
        Ok(runs) => return Ok(runs),
        Err(error) => error,
    };
    let help = error.help();
    let lines = match &error {
        json::Error::NotJson(cause) => {
            vec![format!("{}:{}:{}: {error}: {cause}", one_line(path, 300), cause.line(), cause.column())]
        }
        json::Error::Shape { error: cause, .. } => {
            let mut lines = by_schema(path, text);
            if lines.is_empty() {
                lines.push(told(path, text, &[], &cause.to_string()));
            }
            lines
        }
        json::Error::Schema(_) => vec![told(path, text, &["schema"], &error.to_string())],
    };
    Err(Mistakes { lines, help })
}

/// What the schema says, run by run.
fn by_schema(path: &str, text: &str) -> Vec<String> {
    let Ok(document) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) else { return Vec::new() };
    let Ok(kind) = FileKind::new(SCHEMA) else { return Vec::new() };
    let runs: Vec<(String, &Value)> = match document["runs"].as_array() {
        Some(runs) if document["schema"] != RUN_SCHEMA => {
            runs.iter().enumerate().map(|(nth, run)| (format!("/runs/{nth}"), run)).collect()
        }
        _ => vec![(String::new(), &document)],
    };
    let mut lines = Vec::new();
    for (place, run) in runs {
        for (at, message) in kind.mistakes(run) {
            if lines.len() == MOST_MISTAKES {
                return lines;
            }
            let tokens = segments(&format!("{place}{at}"));
            let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
            lines.push(told(path, text, &tokens, &message));
        }
    }
    lines
}

/// A mistake at a member, or at what holds it when it is not there.
fn told(path: &str, text: &str, mut tokens: &[&str], message: &str) -> String {
    let mut start = 0;
    while let Some((_, parent)) = tokens.split_last() {
        if let Some(span) = member::find(text, tokens) {
            start = span.start;
            break;
        }
        tokens = parent;
    }
    let before = &text[..start];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{}:{line}:{column}: {}", one_line(path, 300), one_line(message, 500))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_run_is_told_with_its_place() {
        let lines = |text: &str| read("run.json", text).unwrap_err().lines;
        assert!(lines("{\n  \"a\": }")[0].starts_with("run.json:2:"), "{:?}", lines("{\n  \"a\": }"));
        assert!(lines("{\n \"schema\": \"x\"}")[0].starts_with("run.json:2:2: the saved report has the schema `x`"));
        let wrong = lines("{\n \"schema\": \"grantlint/run-v1\",\n \"elapsed_ms\": \"soon\"\n}");
        assert!(wrong.iter().any(|line| line.contains("run.json:3:2: `soon` should be a whole number")), "{wrong:?}");
        assert!(wrong.iter().any(|line| line.contains("`findings` is missing")), "{wrong:?}");
    }

    #[test]
    fn what_is_hostile_is_shown_and_not_obeyed() {
        let text = "{\"schema\": \"grantlint/run-v1\", \"\u{9b}31m\": 1}";
        for line in read("a\u{202e}b.json", text).unwrap_err().lines {
            assert!(!line.contains(['\u{9b}', '\u{202e}']), "{line:?}");
        }
        assert!(read("deep.json", &"[".repeat(100_000)).is_err());
    }
}
