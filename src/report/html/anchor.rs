//! Names of places in the page: the same finding has the same name in every run.

use std::collections::HashSet;

/// Names that were given.
#[derive(Debug)]
pub(super) struct Anchors(HashSet<String>);

impl Default for Anchors {
    fn default() -> Self {
        Self(OF_THE_PAGE.map(str::to_owned).into())
    }
}

impl Anchors {
    /// A name that is free, from words that may hold anything: letters, digits and hyphens only.
    pub(super) fn name(&mut self, words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| plain(word)).filter(|word| !word.is_empty()).collect();
        let name = if words.is_empty() { "x".to_owned() } else { words.join("--") };
        let mut free = name.clone();
        let mut nth = 1;
        while !self.0.insert(free.clone()) {
            nth += 1;
            free = format!("{name}-{nth}");
        }
        free
    }
}

fn plain(word: &str) -> String {
    let mut plain = String::new();
    for c in word.chars() {
        if plain.len() >= MOST_CHARS {
            break;
        }
        if c.is_ascii_alphanumeric() {
            plain.push(c.to_ascii_lowercase());
        } else if !plain.ends_with('-') && !plain.is_empty() {
            plain.push('-');
        }
    }
    plain.trim_end_matches('-').to_owned()
}

/// Names that the page gives itself.
const OF_THE_PAGE: [&str; 3] = ["report", "overview", "legend"];

/// Characters of one word in a name.
const MOST_CHARS: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_its_own() {
        let mut anchors = Anchors::default();
        assert_eq!(anchors.name(&["My target", "rfc6749/a-b", "basic"]), "my-target--rfc6749-a-b--basic");
        assert_eq!(anchors.name(&["my target", "rfc6749-a-b", "basic"]), "my-target--rfc6749-a-b--basic-2");
        assert_eq!(anchors.name(&["<&\"'>", "", "ü"]), "x");
        assert_eq!(anchors.name(&[&"y".repeat(200)]).len(), MOST_CHARS);
    }
}
