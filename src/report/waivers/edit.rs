//! A waiver more in a waiver file, everything else in it left as it is. Pure.
//!
//! The text is edited, so that comments, order and layout stay; what comes out is read again and has to hold what it held, and the new one.

use std::ops::Range;

use super::{Waiver, read};
use crate::yaml::{self, FileProblems, quoted, scalar};

/// A file with one waiver more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// The whole file.
    pub text: String,
    /// The line at which the new waiver begins, from 1.
    pub line: usize,
}

/// Why nothing was added.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file has mistakes, or the new waiver would be one.
    #[error("the waiver file has mistakes")]
    Mistakes(Box<FileProblems>),
    /// A waiver that stands there covers all that the new one would.
    #[error("{}:{}: this is waived already, until {}", .0.file, .0.line, .0.until)]
    Doubled(Box<Waiver>),
    /// The list is written in a way to which nothing can be added.
    #[error("`{0}` is written in a way to which nothing can be added")]
    NoRoom(String),
}

/// Adds a waiver to the text of a file, which may be empty.
///
/// # Errors
/// What is wrong with the file or the waiver, or that it is doubled; nothing is repaired.
pub fn with(path: &str, text: &str, waiver: &Waiver) -> Result<Added, Error> {
    let blank = text.trim_start_matches('\u{feff}').lines().all(|line| line.trim().is_empty() || line.starts_with('#'));
    let before = if blank { Vec::new() } else { read(path, text).map_err(Error::Mistakes)? };
    if let Some(known) = before.iter().find(|known| known.includes(waiver)) {
        return Err(Error::Doubled(Box::new(known.clone())));
    }
    let added = if blank { at_the_end(text, 0, waiver) } else { in_the_list(text, waiver) };
    let after = read(path, &added).map_err(|file| {
        // A mistake of the new waiver is its own; that the list cannot take it is another matter.
        match read(path, &block(waiver, 0)) {
            Err(own) => Error::Mistakes(own),
            Ok(_) => Error::NoRoom(file.path),
        }
    })?;
    let same = |one: &Waiver, other: &Waiver| {
        let bare = |waiver: &Waiver| Waiver { file: String::new(), line: 0, ..waiver.clone() };
        bare(one) == bare(other)
    };
    let whole = after.len() == before.len() + 1 && before.iter().chain([waiver]).zip(&after).all(|(a, b)| same(a, b));
    match after.last().filter(|_| whole) {
        Some(last) => Ok(Added { line: last.line, text: added }),
        None => Err(Error::NoRoom(path.to_owned())),
    }
}

/// The text with the waiver in its list.
fn in_the_list(text: &str, waiver: &Waiver) -> String {
    let Ok(document) = yaml::parse(text) else { return text.to_owned() };
    let at = |place: &str| document.positions.get(place).map(|position| position.value.clone());
    let root = at("").unwrap_or_default();
    if text[root.clone()].starts_with('[') {
        return in_brackets(text, &root, waiver);
    }
    let first = at("/0").map_or(0, |first| first.start);
    let dash = text[..first].rfind('-').unwrap_or(0);
    let column = dash - text[..dash].rfind('\n').map_or(0, |end| end + 1);
    at_the_end(text, column, waiver)
}

fn in_brackets(text: &str, root: &Range<usize>, waiver: &Waiver) -> String {
    // What the parser gives as the end may lie behind a comment.
    let Some(close) = text[..root.end].rfind(']').filter(|close| *close > root.start) else { return text.to_owned() };
    let (before, inside, after) = (&text[..root.start], &text[root.start + 1..close], &text[close + 1..]);
    let alone = before.is_empty() || before.ends_with('\n');
    if inside.trim().is_empty() && alone && after.trim().is_empty() {
        return at_the_end(before, 0, waiver);
    }
    let comma = if inside.trim().is_empty() { "" } else { ", " };
    format!("{}{comma}{}]{after}", &text[..close], flow(waiver))
}

fn at_the_end(text: &str, column: usize, waiver: &Waiver) -> String {
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut whole = text.to_owned();
    if !whole.is_empty() && !whole.ends_with('\n') {
        whole.push_str(line_end);
    }
    // Where entries stand apart, the new one does too.
    let apart = text.replace('\r', "").contains(&format!("\n\n{}- ", " ".repeat(column)));
    if apart && !whole.ends_with("\n\n") && !whole.ends_with("\r\n\r\n") {
        whole.push_str(line_end);
    }
    whole + &block(waiver, column).replace('\n', line_end)
}

fn members(waiver: &Waiver) -> Vec<(&'static str, &str)> {
    let all = [
        ("check", Some(&waiver.check)),
        ("target", Some(&waiver.target)),
        ("variant", waiver.variant.as_ref()),
        ("until", Some(&waiver.until)),
        ("reason", Some(&waiver.reason)),
        ("approved_by", waiver.approved_by.as_ref()),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?.as_str()))).collect()
}

/// As an entry of a list that begins at a column, ending with a line break.
fn block(waiver: &Waiver, column: usize) -> String {
    let indent = " ".repeat(column);
    let mut lines = String::new();
    for (nth, (name, value)) in members(waiver).into_iter().enumerate() {
        let lead = if nth == 0 { "- " } else { "  " };
        // A date is a word in the schema of these files, and read as one.
        let value = if name == "until" { value.to_owned() } else { scalar(value) };
        lines.push_str(&format!("{indent}{lead}{name}: {value}\n"));
    }
    lines
}

/// As an entry of a list in brackets.
fn flow(waiver: &Waiver) -> String {
    let members: Vec<String> =
        members(waiver).iter().map(|(name, value)| format!("{name}: {}", quoted(value))).collect();
    format!("{{ {} }}", members.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiver(check: &str, reason: &str) -> Waiver {
        Waiver {
            check: check.into(),
            target: "test".into(),
            variant: None,
            until: "2027-01-31".into(),
            reason: reason.into(),
            approved_by: None,
            file: String::new(),
            line: 0,
        }
    }

    const ONE: &str = "- check: a/b\n  target: test\n  until: 2026-12-31\n  reason: >-\n    in two\n    lines\n";

    #[test]
    fn what_stands_there_stays_byte_for_byte() {
        for text in [
            String::new(),
            "# ours\n".into(),
            "\n# ours".into(),
            ONE.into(),
            format!("# ours\n{ONE}# the last word\n"),
            format!("# ours\n\n{ONE}\n{}\n", ONE.replace("a/b", "c/d")),
            ONE.trim_end().into(),
            ONE.replace("- check", "  - check").replace("\n  ", "\n    "),
            ONE.replace('\n', "\r\n"),
            "---\n".to_owned() + ONE,
        ] {
            let added =
                with("w.yaml", &text, &waiver("x/y", "since: it is so")).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert!(added.text.starts_with(&text), "{}", added.text);
            assert_eq!(text.contains("\r\n"), added.text.contains("\r\n"));
            assert!(!added.text.replace("\r\n", "").contains('\r') && added.text.ends_with('\n'));
            let line = added.text.lines().nth(added.line - 1).unwrap_or_default();
            assert_eq!(line.trim(), "- check: x/y", "{}", added.text);
        }
    }

    #[test]
    fn a_list_in_brackets_takes_one_more() {
        let full = r#"[{check: a/b, target: test, until: "2026-12-31", reason: r}] # ours"#;
        for (text, starts) in
            [("[]\n", "- check"), ("# x\n[ ]\n", "# x\n- check"), (full, "[{check: a/b"), ("--- []", "--- [{ check")]
        {
            let added = with("w.yaml", text, &waiver("x/y", "r")).unwrap();
            assert!(added.text.starts_with(starts), "{}", added.text);
        }
    }

    #[test]
    fn any_reason_is_read_as_it_was_said() {
        for reason in [
            "a: b",
            "# no",
            "\"quoted\" \\",
            "yes",
            "é 🙂",
            "two\nlines",
            "- x",
            "[",
            "{{x}}",
            "'",
            "\u{7}",
            "%",
            "@x",
            "12",
        ] {
            let added = with("w.yaml", ONE, &waiver("x/y", reason)).unwrap();
            assert_eq!(read("w.yaml", &added.text).unwrap()[1].reason, reason, "{}", added.text);
        }
    }

    #[test]
    fn what_is_covered_is_not_doubled() {
        let other = |change: fn(&mut Waiver)| {
            let mut waiver = waiver("a/b", "again");
            change(&mut waiver);
            with("w.yaml", ONE, &waiver)
        };
        let told = other(|_| {}).unwrap_err().to_string();
        assert_eq!(told, "w.yaml:1: this is waived already, until 2026-12-31");
        assert!(other(|waiver| waiver.variant = Some("v".into())).is_err(), "every variant is covered");
        assert!(other(|waiver| waiver.target = "production".into()).is_ok());
        let all = ONE.replace("target: test", "target: \"*\"\n  approved_by: us");
        assert!(matches!(with("w.yaml", &all, &waiver("a/b", "r")), Err(Error::Doubled(_))));
    }

    #[test]
    fn nothing_is_added_to_what_is_broken_or_to_what_ends() {
        assert!(matches!(with("w.yaml", "- chek: x\n", &waiver("x/y", "r")), Err(Error::Mistakes(_))));
        assert!(matches!(with("w.yaml", &format!("{ONE}...\n"), &waiver("x/y", "r")), Err(Error::NoRoom(_))));
        let mut nobody = waiver("x/y", "r");
        nobody.target = "*".into();
        let Err(Error::Mistakes(file)) = with("w.yaml", ONE, &nobody) else { panic!("it needs approved_by") };
        assert!(file.to_string().contains("approved_by"), "{file}");
    }
}
