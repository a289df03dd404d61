//! Values of flags that are more than a word.

use std::str::FromStr;

/// `--shard`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// From 1.
    pub(super) index: usize,
    pub(super) of: usize,
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let part = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match part {
            Some((index, of)) if (1..=1_000).contains(&of) && (1..=of).contains(&index) => Ok(Self { index, of }),
            _ => Err("a part is I/N with I from 1 to N, and N at most 1000: 2/4".to_owned()),
        }
    }
}

/// `--location`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) path: String,
    /// From 1.
    pub(super) line: usize,
}

impl FromStr for Spot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, line) = match text.rsplit_once(':').map(|(path, line)| (path, line.parse::<usize>())) {
            Some((path, Ok(line))) => (path, line),
            _ => (text, 1),
        };
        if path.is_empty() || line == 0 {
            return Err("a place is the path of a file in the repository, with a line from 1 on: ci/grantlint.yaml:3"
                .to_owned());
        }
        Ok(Self { path: path.to_owned(), line })
    }
}
