//! Finds many values in a text at once.

use std::collections::HashSet;

/// How much of a long value has to stand in a text for it to be found, in bytes; the rest may be cut.
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
///
/// An automaton would take longer to build than all texts of a run to search: forms are few and long, and most texts hold none.
#[derive(Debug, Default)]
pub(super) struct Finder {
    forms: Vec<Form>,
    /// Each text once, in the order of its bytes.
    sorted: Vec<Sorted>,
    beginnings: Beginnings,
}

/// A form among its neighbours.
#[derive(Debug)]
struct Sorted {
    /// The first form with this text.
    nth: usize,
    /// The longest other text that this one begins with.
    begins_with: Option<usize>,
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
        let mut order: Vec<usize> = (0..forms.len()).filter(|nth| !forms[*nth].text.is_empty()).collect();
        // Stable: of equal texts the first one stays.
        order.sort_by(|a, b| forms[*a].text.cmp(&forms[*b].text));
        order.dedup_by(|later, first| forms[*later].text == forms[*first].text);
        let mut sorted: Vec<Sorted> = Vec::with_capacity(order.len());
        for nth in order {
            let mut begins_with = sorted.len().checked_sub(1);
            while let Some(at) = begins_with.filter(|at| !forms[nth].text.starts_with(&forms[sorted[*at].nth].text)) {
                begins_with = sorted[at].begins_with;
            }
            sorted.push(Sorted { nth, begins_with });
        }
        let beginnings = Beginnings::of(&forms);
        Self { forms, sorted, beginnings }
    }

    /// The forms that it was built from.
    pub(super) fn into_forms(self) -> Vec<Form> {
        self.forms
    }

    /// The next form at or behind `from`.
    pub(super) fn find(&self, text: &str, mut from: usize) -> Option<Found<'_>> {
        loop {
            let start = self.beginnings.next(text, from)?;
            if let Some((nth, length)) = self.standing_at(&text[start..]) {
                let (form, end) = (&self.forms[nth], start + length);
                if !form.bounded || (ends_word(&text[..start]) && !text[end..].starts_with(in_word)) {
                    return Some(Found { start, end, nth, form });
                }
            }
            from = start + text[start..].chars().next().map_or(1, char::len_utf8);
        }
    }

    /// The form that `rest` begins with, and how many bytes of it: a form that holds another one wins, so nothing of it is left
    /// standing. Tokens of one server may be alike for long: the one that agrees furthest is meant. It may be cut.
    fn standing_at(&self, rest: &str) -> Option<(usize, usize)> {
        let text = |at: usize| self.forms[self.sorted[at].nth].text.as_str();
        // What agrees furthest stands on one side or the other of where this would be sorted in.
        let after = self.sorted.partition_point(|sorted| self.forms[sorted.nth].text.as_str() <= rest);
        let before = after.checked_sub(1);
        let cut = [before, Some(after).filter(|at| *at < self.sorted.len())].into_iter().flatten();
        let cut =
            cut.map(|at| (common(rest, text(at)), at)).filter(|(length, at)| *length >= BEGINNING.min(text(*at).len()));
        // Or it is one that the text before begins with, and then it stands there whole.
        let mut whole = before;
        while let Some(at) = whole.filter(|at| !rest.starts_with(text(*at))) {
            whole = self.sorted[at].begins_with;
        }
        let whole = whole.map(|at| (text(at).len(), at));
        let (length, at) = cut.chain(whole).max_by_key(|(length, at)| (*length, *length == text(*at).len()))?;
        Some((self.sorted[at].nth, length))
    }

    /// The text with every form replaced by its mask; `None` when it holds none. `put` is told each mask that stands there whole.
    pub(super) fn replace(&self, text: &str, put: &mut dyn FnMut(&str)) -> Option<String> {
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
                put(&found.form.mask);
            }
            from = found.end;
            next = self.find(text, from);
        }
        out.push_str(&text[from..]);
        Some(out)
    }
}

/// Where a form may begin, by its first bytes: most texts hold none, and looking at four bytes is quicker than at the forms.
#[derive(Debug, Default)]
struct Beginnings {
    /// One bit for each hash of first bytes; empty when a form is shorter than they are, and may begin anywhere.
    bits: Vec<u64>,
    known: HashSet<u32>,
    /// No form at all.
    none: bool,
}

/// How many bytes a beginning has.
const FIRST: usize = 4;

impl Beginnings {
    fn of(forms: &[Form]) -> Self {
        let mut new = Self { bits: vec![0; 1024], known: HashSet::new(), none: forms.is_empty() };
        for form in forms {
            let Some(first) = form.text.as_bytes().first_chunk::<FIRST>() else { return Self::default() };
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

    /// The first place at or behind `from`, which begins a character, where a form may begin.
    fn next(&self, text: &str, from: usize) -> Option<usize> {
        if self.none || from >= text.len() {
            return None;
        }
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
        // Only short values are words of their own. Of long ones that are cut alike it does not matter which one is found.
        let bounded = |text: &str| text.len() < BEGINNING && text.len() % 2 == 1;
        let form = |text: &String| Form { text: text.clone(), mask: "***".into(), bounded: bounded(text) };
        Finder::new(texts.iter().map(form).collect())
    }

    /// The same, by looking for every form at every place.
    fn by_hand<'f>(forms: &'f [Form], text: &str, from: usize) -> Option<Found<'f>> {
        let places = (from..text.len()).filter(|at| text.is_char_boundary(*at));
        places.into_iter().find_map(|start| {
            let of = |form: &Form| (common(&text[start..], &form.text), form.text.len());
            let stands = |form: &Form| of(form).0 >= BEGINNING.min(of(form).1) && !form.text.is_empty();
            let furthest = |nth: &usize| (of(&forms[*nth]).0, of(&forms[*nth]).0 == of(&forms[*nth]).1);
            let nth = (0..forms.len()).rev().filter(|nth| stands(&forms[*nth])).max_by_key(furthest)?;
            let (form, end) = (&forms[nth], start + of(&forms[nth]).0);
            let fits = !form.bounded || (ends_word(&text[..start]) && !text[end..].starts_with(in_word));
            fits.then_some(Found { start, end, nth, form })
        })
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_stands_there(
            forms in prop::collection::vec("[abé]{1,7}", 1..6),
            long in prop::collection::vec("a{254}[ab]{1,5}", 0..4),
            text in "[abé ]{0,40}(a{250,262}b{0,4})?[ab ]{0,4}",
        ) {
            let finder = finder(&[forms, long].concat());
            let mut from = 0;
            loop {
                let (found, meant) = (finder.find(&text, from), by_hand(&finder.forms, &text, from));
                prop_assert_eq!(found.as_ref().map(|found| (found.start, found.end)), meant.map(|meant| (meant.start, meant.end)));
                let Some(found) = found else { break };
                // Where it is whole, it is the first of its text.
                if found.end - found.start == found.form.text.len() {
                    prop_assert_eq!(finder.forms.iter().position(|form| form.text == found.form.text), Some(found.nth));
                }
                from = found.end;
            }
        }
    }
}
