//! Sentences in which `code` stands between grave accents.

use super::message::Piece;

/// A sentence; what is marked is code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Prose(Vec<Piece>);

impl Prose {
    /// Pairs of grave accents on one line are taken for code, a single one stays.
    pub(super) fn of(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, from)) = rest.split_once('`') {
            let Some((code, after)) = from.split_once('`').filter(|(code, _)| !code.is_empty() && !code.contains('\n'))
            else {
                break;
            };
            pieces.push(Piece { text: before.to_owned(), marked: false });
            pieces.push(Piece { text: code.to_owned(), marked: true });
            rest = after;
        }
        pieces.push(Piece { text: rest.to_owned(), marked: false });
        pieces.retain(|piece| !piece.text.is_empty());
        Self(pieces)
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A title as a sentence begins; names of parameters keep their letters.
pub(super) fn title(title: &str) -> String {
    let first = title.split(' ').next().unwrap_or_default();
    if !OPENERS.contains(&first) {
        return title.to_owned();
    }
    let mut chars = title.chars();
    chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

/// Words that begin a title and are no name of a protocol.
const OPENERS: [&str; 36] = [
    "a",
    "access",
    "an",
    "another",
    "any",
    "at",
    "basic",
    "client",
    "clients",
    "credentials",
    "forged",
    "form-encoded",
    "id",
    "introspection",
    "issuer",
    "keys",
    "malformed",
    "missing",
    "neither",
    "no",
    "of",
    "one",
    "opaque",
    "pages",
    "parameter",
    "refused",
    "revocation",
    "text",
    "the",
    "there",
    "tokens",
    "too",
    "two",
    "unknown",
    "unsigned",
    "web",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_found_and_a_single_accent_stays() {
        let said =
            |text| Prose::of(text).pieces().iter().map(|piece| (piece.text.clone(), piece.marked)).collect::<Vec<_>>();
        let piece = |text: &str, marked| (text.to_owned(), marked);
        assert_eq!(
            said("Send `a: b` and `c`"),
            [piece("Send ", false), piece("a: b", true), piece(" and ", false), piece("c", true)]
        );
        assert_eq!(said("one ` only"), [piece("one ` only", false)]);
        assert_eq!(said("``"), [piece("``", false)]);
        assert_eq!(said("a `b\nc` d"), [piece("a `b\nc` d", false)]);
        assert!(Prose::of("").is_empty());
    }

    #[test]
    fn a_title_begins_like_a_sentence_unless_it_names_something() {
        assert_eq!(title("a token response may be cached"), "A token response may be cached");
        assert_eq!(title("expires_in is 0"), "expires_in is 0");
        assert_eq!(title("scope in the answer is empty"), "scope in the answer is empty");
        assert_eq!(title(""), "");
    }
}
