//! A problem is shown with its line of the file; secrets that stand in that line are not.

use std::ops::Range;

use regex::Regex;
use serde_json::Value;

use super::secrets::{MEMBERS, holds_secret};
use crate::yaml::{self, Document, FileProblems};

/// What must not be shown: where it stands in the text, and its value.
#[derive(Debug)]
pub(super) struct Hidden {
    at: Range<usize>,
    value: String,
}

/// Finds what must not be shown. Without a document (the YAML is broken) the lines are looked at as texts.
pub(super) fn found(text: &str, document: Option<&Document>) -> Vec<Hidden> {
    let mut all = match document {
        Some(document) => by_place(text, document),
        None => by_line(text),
    };
    // Up to the last `@`: a password may hold one, and then it is no URL that could be taken apart.
    let userinfo = Regex::new(r#"://([^\s"',{}]+)@|\b([\w.~-]+:[^\s"',{}]+)@"#).expect("the pattern is constant");
    for groups in userinfo.captures_iter(text) {
        if let Some(found) = groups.get(1).or_else(|| groups.get(2)) {
            all.push(Hidden { at: found.range(), value: found.as_str().to_owned() });
        }
    }
    all
}

fn by_place(text: &str, document: &Document) -> Vec<Hidden> {
    let mut all = Vec::new();
    for (place, position) in &document.positions {
        // The first two are `targets` and the target's own name, which may be any word.
        let names: Vec<&str> = place.split('/').skip(3).collect();
        let name = names.last().copied().unwrap_or_default();
        let value = match document.value.pointer(place) {
            Some(Value::String(value)) => value.clone(),
            Some(value @ Value::Number(_)) => value.to_string(),
            _ => continue,
        };
        if (names.iter().any(|name| named_secret(name)) || (names.contains(&"headers") && holds_secret(name)))
            && !is_reference(&value)
        {
            let written = text[position.value.clone()].trim_end();
            let at = position.value.start..position.value.start + written.len();
            all.push(Hidden { at: at.clone(), value: value.clone() });
            all.push(Hidden { at, value: written.to_owned() });
        }
    }
    all
}

/// From the name of a secret to the end of its line, and what is indented below it.
fn by_line(text: &str) -> Vec<Hidden> {
    let key = Regex::new(r#"([A-Za-z_-]+)["']?\s*:\s*"#).expect("the pattern is constant");
    let mut all = Vec::new();
    let (mut at, mut below) = (0, None);
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let end = at + line.trim_end().len();
        if below.is_some_and(|outer| indent > outer) {
            all.push(at..end);
        } else {
            below = None;
            let name = key.captures_iter(line).find(|groups| named_secret(&groups[1]));
            if let Some(value) = name.and_then(|groups| groups.get(0)).map(|whole| at + whole.end()) {
                if value < end && !text[value..end].trim_matches(['"', '\'']).starts_with("${") {
                    all.push(value..end);
                }
                below = Some(indent);
            }
        }
        at += line.len();
    }
    all.into_iter()
        .filter(|range| !range.is_empty())
        .map(|at| Hidden { value: text[at.clone()].to_owned(), at })
        .collect()
}

/// A misspelt name is one too: it is what is complained about.
fn named_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.contains("secret") || lower.contains("passw") || yaml::nearest(&lower, MEMBERS).is_some()
}

fn is_reference(value: &str) -> bool {
    value.starts_with("${") && value.ends_with('}') && value.matches("${").count() == 1
}

/// Replaces what must not be shown in text and messages; lines and columns stay.
pub(super) fn apply(file: &mut FileProblems, hidden: &[Hidden]) {
    let mut bytes = std::mem::take(&mut file.text).into_bytes();
    for Hidden { at, .. } in hidden {
        for byte in &mut bytes[at.clone()] {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = b'*';
            }
        }
    }
    // Whole scalars were replaced, so no character was cut.
    file.text = String::from_utf8_lossy(&bytes).into_owned();
    for problem in &mut file.problems {
        for Hidden { value, .. } in hidden.iter().filter(|hidden| !hidden.value.is_empty()) {
            let shown = format!("`{value}`");
            if problem.message.contains(&shown) {
                problem.message = problem.message.replace(&shown, "`***`");
            } else if value.chars().count() >= 6 {
                problem.message = problem.message.replace(value.as_str(), "***");
            }
        }
    }
}
