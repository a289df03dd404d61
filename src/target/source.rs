//! Where a target stands in its file, for reports that point at lines.

use std::collections::HashMap;

use crate::yaml::Position;

/// A target's entry in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file's path as it was given.
    pub path: String,
    /// Member of the entry → its place, in the order of the file; the entry itself, named by the empty text, comes first.
    pub places: Vec<(String, Place)>,
}

/// The first line of a member, counted from 1 in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// Where the key begins.
    pub column: usize,
    /// Behind the last character of the line.
    pub end_column: usize,
}

impl Source {
    pub(super) fn new(path: &str, text: &str, positions: &HashMap<String, Position>, entry: &str) -> Self {
        let mut starts: Vec<(usize, String)> = positions
            .iter()
            .filter_map(|(pointer, position)| {
                let member = pointer.strip_prefix(entry)?;
                let member = if member.is_empty() { member } else { member.strip_prefix('/')? };
                (!member.contains('/')).then(|| (position.key.start, member.replace("~1", "/").replace("~0", "~")))
            })
            .collect();
        starts.sort();
        let places = starts.into_iter().map(|(start, member)| (member, place(text, start))).collect();
        Self { path: path.to_owned(), places }
    }
}

fn place(text: &str, start: usize) -> Place {
    let (before, after) = text.split_at(start.min(text.len()));
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let rest = after.lines().next().unwrap_or_default().trim_end().chars().count();
    Place { line: before.matches('\n').count() + 1, column, end_column: column + rest.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    #[test]
    fn members_have_the_lines_of_their_keys() {
        let text = "targets:\n  a/b:\n    token_endpoint: https://x  \n    client: { client_id: gl }\n  other: {}\n";
        let document = yaml::parse(text).unwrap();
        let source = Source::new("t.yaml", text, &document.positions, "/targets/a~1b");
        let lines: Vec<(&str, usize)> = source.places.iter().map(|(name, place)| (name.as_str(), place.line)).collect();
        assert_eq!(lines, [("", 2), ("token_endpoint", 3), ("client", 4)]);
        assert_eq!(source.places[1].1, Place { line: 3, column: 5, end_column: 30 });
    }
}
