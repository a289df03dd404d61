//! What a message means, and what a run as a whole says: by the diagnoses of the catalogue.
//!
//! Pure. A message is compared by its words, so that other spacing, quotes, line breaks or a log around it make no difference.

use crate::suite::files::{DiagnosisFile, RUNS};
use crate::suite::{Catalogue, matches};

/// A diagnosis that fits.
#[derive(Debug, Clone, Copy)]
pub struct Diagnosed<'c> {
    /// Its path below `specs/diagnoses`.
    pub id: &'c str,
    /// What it says.
    pub file: &'c DiagnosisFile,
    /// Characters of the message that speak for it.
    pub weight: usize,
}

/// The diagnoses that a message fits: what is general last, and of the others the one with most of its words first.
#[must_use]
pub fn of_text<'c>(catalogue: &'c Catalogue, message: &str) -> Vec<Diagnosed<'c>> {
    // What matters of a log stands near its beginning or its end; comparing is quick, but not for nothing.
    let message: String = message.chars().take(MOST_CHARS).collect();
    let (words, run_together) = (spaced(&message), together(&message));
    let stands = |phrase: &str| -> Option<usize> {
        let wanted = spaced(phrase);
        let joined = together(phrase);
        let found =
            !joined.is_empty() && (words.contains(&wanted) || joined.len() >= LONG && run_together.contains(&joined));
        found.then_some(joined.len())
    };
    let mut all: Vec<Diagnosed<'c>> = Vec::new();
    for (id, file) in catalogue.diagnoses.iter() {
        let weights = file.texts.iter().filter_map(|text| text.list().into_iter().map(stands).sum::<Option<usize>>());
        if let Some(weight) = weights.max() {
            all.push(Diagnosed { id, file, weight });
        }
    }
    all.sort_by_key(|one| (one.file.general, std::cmp::Reverse(one.weight), one.id));
    all
}

/// The diagnoses that a run fits, the most telling first; `violated` and `passed` are ids of checks.
#[must_use]
pub fn of_run<'c>(catalogue: &'c Catalogue, violated: &[&str], passed: &[&str]) -> Vec<Diagnosed<'c>> {
    let fits = |pattern: &String, checks: &[&str]| checks.iter().any(|check| matches(pattern, check));
    let mut all: Vec<(u8, Diagnosed<'c>)> = Vec::new();
    let of_runs = catalogue.diagnoses.keys().filter(|id| id.starts_with(RUNS));
    for (id, file) in of_runs.filter_map(|id| Some((id, catalogue.diagnoses.get(id)?))) {
        let Some(run) = &file.run else { continue };
        let says = run.violated.iter().all(|pattern| fits(pattern, violated))
            && (run.any_violated.is_empty() || run.any_violated.iter().any(|pattern| fits(pattern, violated)))
            && !run.not_violated.iter().any(|pattern| fits(pattern, violated))
            && run.passed.iter().all(|pattern| fits(pattern, passed));
        if says && !(run.violated.is_empty() && run.any_violated.is_empty()) {
            all.push((run.rank, Diagnosed { id, file, weight: 0 }));
        }
    }
    all.sort_by(|one, other| one.0.cmp(&other.0).then_with(|| one.1.id.cmp(other.1.id)));
    all.into_iter().map(|(_, diagnosed)| diagnosed).collect()
}

/// The words of a text in lower case, a space before and behind each.
fn spaced(text: &str) -> String {
    let mut out = String::from(" ");
    for word in text.split(|c: char| !in_word(c)).filter(|word| !word.is_empty()) {
        out.push_str(&word.to_lowercase());
        out.push(' ');
    }
    out
}

/// Its letters and digits alone: a message that was broken in the middle of a word.
fn together(text: &str) -> String {
    text.chars().filter(|c| in_word(*c)).flat_map(char::to_lowercase).collect()
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Shorter phrases are only found as words: a number stands in many others.
const LONG: usize = 16;

/// Of one message.
const MOST_CHARS: usize = 200_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whatever_stands_between_them() {
        let text = spaced("{ \"statusCode\":  401,\n “message”: \"Unauthorized.\" }");
        assert_eq!(text, " statuscode 401 message unauthorized ");
        assert!(!text.contains(&spaced("40")));
        assert_eq!(together("Authenti-\n cationError"), "authenticationerror");
    }
}
