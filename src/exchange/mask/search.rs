//! Finds many values in a text at once.

use std::collections::{BTreeSet, HashMap, HashSet};

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};

/// How much of a long value is searched for, in characters; the rest is compared where its beginning is found.
const BEGINNING: usize = 256;

/// One value in one form.
#[derive(Debug)]
pub(super) struct Form {
    /// What is searched for.
    pub(super) text: String,
    /// What stands for it.
    pub(super) mask: String,
    /// Found only where no letter or digit stands beside it: it would be found in every word.
    pub(super) bounded: bool,
}

/// Forms that are searched for together.
#[derive(Debug, Default)]
pub(super) struct Finder {
    automaton: Option<AhoCorasick>,
    forms: Vec<Form>,
    /// For each pattern of the automaton: the forms that begin with it.
    starting: Vec<Vec<usize>>,
    beginnings: Beginnings,
}

/// Where a form stands.
pub(super) struct Found<'f> {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its number in the list that the finder was built from.
    pub(super) nth: usize,
    pub(super) form: &'f Form,
}

impl Finder {
    pub(super) fn new(forms: Vec<Form>) -> Self {
        let (mut patterns, mut starting): (Vec<String>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
        let mut known: HashMap<String, usize> = HashMap::new();
        for (nth, form) in forms.iter().enumerate() {
            let beginning: String = form.text.chars().take(BEGINNING).collect();
            let pattern = *known.entry(beginning.clone()).or_insert_with(|| {
                patterns.push(beginning);
                starting.push(Vec::new());
                starting.len() - 1
            });
            starting[pattern].push(nth);
        }
        // Leftmost-longest: a form that holds another one wins, so nothing of it is left standing.
        // A DFA would search faster, but building one for a hundred tokens takes longer than the search.
        let mut builder = AhoCorasick::builder();
        builder.match_kind(MatchKind::LeftmostLongest).kind(Some(AhoCorasickKind::ContiguousNFA));
        let automaton = if patterns.is_empty() { None } else { builder.build(&patterns).ok() };
        Self { automaton, forms, starting, beginnings: Beginnings::of(&patterns) }
    }

    /// The forms that it was built from.
    pub(super) fn into_forms(self) -> Vec<Form> {
        self.forms
    }

    /// The next form at or behind `from`.
    pub(super) fn find(&self, text: &str, mut from: usize) -> Option<Found<'_>> {
        let automaton = self.automaton.as_ref()?;
        loop {
            from = self.beginnings.next(text, from)?;
            let found = automaton.find(Input::new(text).range(from..))?;
            let start = found.start();
            // Tokens of one server may be alike for long: the one that agrees furthest is meant. It may be cut.
            let (length, nth) = self.starting[found.pattern().as_usize()]
                .iter()
                .map(|nth| (common(&text[start..], &self.forms[*nth].text), *nth))
                .max_by_key(|(length, nth)| {
                    (*length, *length == self.forms[*nth].text.len(), std::cmp::Reverse(*nth))
                })?;
            let form = &self.forms[nth];
            let end = start + length.max(1);
            if !form.bounded || (ends_word(&text[..start]) && !text[end..].starts_with(in_word)) {
                return Some(Found { start, end, nth, form });
            }
            from = start + text[start..].chars().next().map_or(1, char::len_utf8);
        }
    }

    /// The text with every form replaced by its mask; `None` when it holds none.
    pub(super) fn replace(&self, text: &str) -> Option<String> {
        let mut next = Some(self.find(text, 0)?);
        let (mut out, mut from) = (String::with_capacity(text.len()), 0);
        while let Some(found) = next {
            out.push_str(&text[from..found.start]);
            let length = found.end - found.start;
            if length < found.form.text.len() {
                let kept = text[found.start..found.end].chars().count();
                out.extend(found.form.mask.chars().take(kept));
            } else {
                out.push_str(&found.form.mask);
            }
            from = found.end;
            next = self.find(text, from);
        }
        out.push_str(&text[from..]);
        Some(out)
    }
}

/// Where a pattern may begin, by its first bytes: most texts hold none, and looking at four bytes is quicker than the automaton.
#[derive(Debug, Default)]
struct Beginnings {
    /// One bit for each hash of first bytes; empty when a pattern is shorter than they are, and may begin anywhere.
    bits: Vec<u64>,
    known: HashSet<u32>,
}

/// How many bytes a beginning has.
const FIRST: usize = 4;

impl Beginnings {
    fn of(patterns: &[String]) -> Self {
        let mut new = Self { bits: vec![0; 1024], known: HashSet::new() };
        for pattern in patterns {
            let Some(first) = pattern.as_bytes().first_chunk::<FIRST>() else { return Self::default() };
            let (word, bit) = Self::place(u32::from_le_bytes(*first));
            new.bits[word] |= bit;
            new.known.insert(u32::from_le_bytes(*first));
        }
        new
    }

    /// A word of `bits` and a bit of it: the upper 16 bits of a product that mixes all of them.
    fn place(first: u32) -> (usize, u64) {
        let hash = first.wrapping_mul(0x9E37_79B1) >> 16;
        ((hash >> 6) as usize, 1 << (hash & 63))
    }

    /// The first place at or behind `from` where a pattern may begin.
    fn next(&self, text: &str, from: usize) -> Option<usize> {
        if self.bits.is_empty() {
            return Some(from);
        }
        let may_begin = |window: &[u8]| {
            let Some(first) = window.first_chunk::<FIRST>().map(|first| u32::from_le_bytes(*first)) else {
                return false;
            };
            let (word, bit) = Self::place(first);
            self.bits[word] & bit != 0 && self.known.contains(&first)
        };
        Some(from + text.as_bytes().get(from..)?.windows(FIRST).position(may_begin)?)
    }
}

/// Tells which of many texts stand in another one: by their ends, which are quick to prepare, and where masks differ.
#[derive(Debug)]
pub(super) struct Among {
    ends: Option<AhoCorasick>,
    /// Bytes of the shortest end: what is shorter holds none.
    shortest: usize,
    texts: Vec<String>,
}

/// Bytes of an end.
const END: usize = 16;

impl Among {
    pub(super) fn new(texts: Vec<String>) -> Self {
        // From the first character that begins within the last bytes.
        let end = |text: &str| (text.len().saturating_sub(END)..text.len()).find(|at| text.is_char_boundary(*at));
        let ends: Vec<&str> = texts.iter().map(|text| &text[end(text).unwrap_or(0)..]).collect();
        let shortest = ends.iter().map(|end| end.len()).min().unwrap_or(usize::MAX);
        let automaton = AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(ends);
        Self { ends: automaton.ok(), shortest, texts }
    }

    /// Those that stand in a text, in their own order.
    pub(super) fn standing_in(&self, text: &str) -> impl Iterator<Item = &str> {
        let ends = self.ends.iter().filter(|_| text.len() >= self.shortest);
        let found = ends.flat_map(|ends| ends.find_overlapping_iter(text));
        let whole = found.filter_map(|found| {
            let nth = found.pattern().as_usize();
            text[..found.end()].ends_with(&self.texts[nth]).then_some(nth)
        });
        let all: BTreeSet<usize> = whole.collect();
        all.into_iter().map(|nth| self.texts[nth].as_str())
    }
}

/// Bytes that both begin with, whole characters only.
fn common(a: &str, b: &str) -> usize {
    let alike = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    (0..=alike).rev().find(|at| a.is_char_boundary(*at) && b.is_char_boundary(*at)).unwrap_or(0)
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a word may begin behind this text; what ends in an escape such as `%20` or `\n` ends a word.
fn ends_word(before: &str) -> bool {
    if !before.ends_with(in_word) {
        return true;
    }
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let behind = |sign: &str, digits: usize| {
        before
            .len()
            .checked_sub(digits)
            .and_then(|at| before.get(at..).map(|tail| (at, tail)))
            .is_some_and(|(at, tail)| hex(tail) && before[..at].ends_with(sign))
    };
    let newline =
        before.len() >= 2 && ["\\n", "\\r", "\\t", "\\b", "\\f"].iter().any(|escape| before.ends_with(escape));
    behind("%", 2) || behind("\\u", 4) || newline
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finder(texts: &[String]) -> Finder {
        let form = |text: &String| Form { text: text.clone(), mask: "***".into(), bounded: text.len() % 2 == 1 };
        Finder::new(texts.iter().map(form).collect())
    }

    proptest! {
        #[test]
        fn beginnings_leave_out_nothing_that_the_automaton_finds(
            forms in prop::collection::vec("[abé]{1,6}", 1..4),
            // With one form of less than four bytes, all may begin anywhere.
            short in prop::option::of("[ab]{1,3}"),
            text in "[abé ]{0,40}",
        ) {
            let forms: Vec<String> = forms.into_iter().filter(|form| form.len() >= FIRST).chain(short).collect();
            let quick = finder(&forms);
            let plain = Finder { beginnings: Beginnings::default(), ..finder(&forms) };
            prop_assert_eq!(quick.replace(&text), plain.replace(&text));
        }
    }
}
