//! YAML with positions, problems with carets, and the nearest right name for a wrong one.
//!
//! The only user of the YAML crate. Used by every reader of files: specs, target files, faults, waivers.

mod parse;
mod write;

use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

pub use parse::{Document, Position, Problem, escape, parse};
pub use write::{quoted, scalar};

/// All mistakes of one file, with its text so that they can be shown in place.
#[derive(Debug, Clone)]
pub struct FileProblems {
    /// The path as the user wrote it.
    pub path: String,
    /// The file's text.
    pub text: String,
    /// At least one.
    pub problems: Vec<Problem>,
}

impl FileProblems {
    /// Each problem with file, line, column and a caret; `colour` uses ANSI styles.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut out = String::new();
        for problem in &self.problems {
            let end = self.text.len();
            let start = problem.at.start.min(end);
            // One line is enough to point at; a span over many lines would print the whole block.
            let line_end = self.text[start..].find('\n').map_or(end, |at| start + at);
            let stop = problem.at.end.clamp(start, line_end.max(start));
            let stop = start + self.text[start..stop].trim_end().len();
            let title = Level::ERROR.primary_title(&problem.message);
            let mut group = title.element(
                Snippet::source(&self.text).path(&self.path).annotation(AnnotationKind::Primary.span(start..stop)),
            );
            if let Some(help) = &problem.help {
                group = group.element(Level::HELP.message(help));
            }
            out.push_str(&renderer.render(&[group]));
            out.push('\n');
        }
        out
    }
}

impl fmt::Display for FileProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

/// The candidate that `word` most likely means, if any is near enough to be offered.
#[must_use]
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| {
            let shorter = candidate.len().min(word.len());
            *distance < shorter && *distance <= 1.max(shorter / 3)
        })
        .min_by_key(|(distance, candidate)| (*distance, *candidate))
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?` for a wrong word, or the list of right ones when none is near.
#[must_use]
pub fn did_you_mean(word: &str, candidates: &[&str]) -> Option<String> {
    if let Some(near) = nearest(word, candidates.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    (1..=24).contains(&candidates.len()).then(|| format!("known here: {}", candidates.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_and_value_has_its_position() {
        let text = "title: ä b\nlist: [1, 'two']\n";
        let document = parse(text).unwrap();
        let at = |place: &str| document.positions[place].clone();
        assert_eq!(&text[at("/title").value], "ä b");
        assert_eq!(&text[at("/list").key], "list");
        assert_eq!(&text[at("/list/1").value], "'two'");
        assert_eq!(document.value["list"], serde_json::json!([1, "two"]));
    }

    #[test]
    fn all_repeated_keys_of_a_file_are_told_at_once() {
        let problems = parse("a: 1\na: 2\nb: { c: 1, c: 2 }\n").unwrap_err();
        assert_eq!(problems.len(), 2);
    }

    #[test]
    fn a_problem_is_shown_with_file_line_and_caret() {
        let text = "title: x\nlevle: MUST\n".to_owned();
        let shown = FileProblems {
            path: "checks/a.yaml".into(),
            text,
            problems: vec![Problem {
                message: "unknown key `levle`".into(),
                at: 9..14,
                help: did_you_mean("levle", &["level"]),
            }],
        }
        .to_string();
        assert!(shown.contains("checks/a.yaml:2:1"), "{shown}");
        assert!(shown.contains("^^^^^"), "{shown}");
        assert!(shown.contains("did you mean `level`?"), "{shown}");
    }
}
