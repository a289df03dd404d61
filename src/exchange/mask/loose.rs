//! Finds what a server issued in texts that are no JSON of the expected form: by the names and signs that stand before a token.
//!
//! The tests hold this against a regular expression that says the same; compiling that one took a twentieth of a whole run.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// What stands before every value that is found here, in any letter case.
static SIGNS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let signs = ["token", "code", "assertion", "secret", "bearer", "eyj"];
    AhoCorasick::builder().ascii_case_insensitive(true).build(signs).ok()
});

/// A value and the text behind it.
type Found<'t> = Option<(&'t str, &'t str)>;

/// Every issued value in a text, as it is written there.
pub(super) fn issued(text: &str) -> impl Iterator<Item = &str> {
    // Most texts hold none of the signs.
    let none = SIGNS.as_ref().is_some_and(|signs| !signs.is_match(text));
    let mut from = if none { text.len() } else { 0 };
    std::iter::from_fn(move || {
        let (value, behind) = text[from..]
            .char_indices()
            .map(|(at, c)| (from + at, c))
            .find_map(|(at, c)| value(&text[..at], c, &text[at..]))?;
        from = text.len() - behind.len();
        Some(value)
    })
}

/// The value whose name or sign begins `rest`, whose first character is `c`.
fn value<'t>(before: &str, c: char, rest: &'t str) -> Found<'t> {
    let found = match c {
        '"' => assigned(rest, "\"").and_then(|value| value.strip_prefix('"').map_or_else(|| digits(value), json_text)),
        '\\' => assigned(rest, "\\\"")
            .and_then(|value| value.strip_prefix("\\\""))
            .and_then(|value| taken(value, 1, |c| !matches!(c, '"' | '\\'))),
        '\'' => assigned(rest, "'")
            .and_then(|value| value.strip_prefix('\''))
            .and_then(|value| taken(value, 1, |c| c != '\'')),
        '<' => name(&rest[1..]).and_then(|rest| rest.strip_prefix('>')).and_then(|value| taken(value, 1, |c| c != '<')),
        'a'..='z' | 'A'..='Z' if !before.ends_with(in_word) => parameter(rest).or_else(|| bearer(rest)),
        _ => None,
    };
    found.or_else(|| jwt(rest))
}

/// What stands behind a name in quotes and its colon.
fn assigned<'t>(rest: &'t str, quote: &str) -> Option<&'t str> {
    let behind = name(rest.strip_prefix(quote)?)?.strip_prefix(quote)?;
    Some(behind.trim_start().strip_prefix(':')?.trim_start())
}

/// What stands behind one of the names, in any letter case.
fn name(rest: &str) -> Option<&str> {
    let owned = |owners: &[&str], what: &str| {
        let behind = owners.iter().find_map(|owner| joined(rest, owner));
        word(behind.unwrap_or(rest), what)
    };
    owned(&["access", "refresh", "id"], "token")
        .or_else(|| owned(&["device", "user"], "code"))
        .or_else(|| word(rest, "assertion"))
        .or_else(|| word(joined(rest, "client")?, "secret"))
        .or_else(|| word(joined(joined(rest, "registration")?, "access")?, "token"))
}

/// What stands behind the first word of a name of several.
fn joined<'t>(rest: &'t str, first: &str) -> Option<&'t str> {
    word(rest, first).map(|behind| behind.strip_prefix(['_', '-']).unwrap_or(behind))
}

fn word<'t>(rest: &'t str, word: &str) -> Option<&'t str> {
    let (head, tail) = rest.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(tail)
}

/// At least `least` characters that fit.
fn taken(rest: &str, least: usize, fits: impl Fn(char) -> bool) -> Found<'_> {
    let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
    (end >= least).then(|| rest.split_at(end))
}

fn digits(rest: &str) -> Found<'_> {
    taken(rest, 4, |c| c.is_ascii_digit())
}

/// Up to the quote that ends a JSON text.
fn json_text(rest: &str) -> Found<'_> {
    let mut characters = rest.char_indices();
    let mut end = rest.len();
    while let Some((at, c)) = characters.next() {
        if c == '"' || (c == '\\' && characters.next().is_none_or(|(_, c)| c == '\n')) {
            end = at;
            break;
        }
    }
    (end > 0).then(|| rest.split_at(end))
}

fn parameter(rest: &str) -> Found<'_> {
    let value = name(rest)?.strip_prefix('=')?;
    taken(value, 1, |c| !c.is_whitespace() && !"&\"'<>;,".contains(c))
}

fn bearer(rest: &str) -> Found<'_> {
    let value = word(rest, "bearer")?.strip_prefix(char::is_whitespace)?.trim_start();
    taken(value, 16, |c| c.is_ascii_alphanumeric() || "._~+/-".contains(c))
}

fn jwt(rest: &str) -> Found<'_> {
    let part = |rest, least| taken(rest, least, |c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let (_, behind) = part(word(rest, "eyj")?, 8)?;
    let (_, behind) = part(behind.strip_prefix('.')?, 1)?;
    let (_, behind) = part(behind.strip_prefix('.')?, 1)?;
    Some(rest.split_at(rest.len() - behind.len()))
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    /// What this file says, as a regular expression: one group of a match holds the value.
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        let names = "access[_-]?token|refresh[_-]?token|id[_-]?token|device[_-]?code|user[_-]?code|assertion|token|code\
            |client[_-]?secret|registration[_-]?access[_-]?token";
        let pattern = format!(
            r#"(?ix)
            (?: "(?:{names})"\s*:\s*"((?:[^"\\]|\\.)+)
              | \\"(?:{names})\\"\s*:\s*\\"([^"\\]+)
              | '(?:{names})'\s*:\s*'([^']+)
              | "(?:{names})"\s*:\s*([0-9]{{4,}})
              | <(?:{names})>([^<]+)
              | \b(?:{names})=([^&\s"'<>;,]+)
              | \bbearer\s+([a-z0-9._~+/-]{{16,}})
              | (eyJ[A-Za-z0-9_-]{{8,}}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+) )"#
        );
        Regex::new(&pattern).unwrap()
    });

    fn by_pattern(text: &str) -> Vec<&str> {
        let groups = PATTERN.captures_iter(text);
        groups.map(|groups| groups.iter().skip(1).flatten().next().unwrap().as_str()).collect()
    }

    /// Texts of the pieces that matter, in any order.
    fn texts() -> impl Strategy<Value = String> {
        let pieces = [
            "access_token",
            "Access-Token",
            "accessToken",
            "refresh_token",
            "idtoken",
            "id_code",
            "user_code",
            "deviceCODE",
            "assertion",
            "client",
            "secret",
            "registration",
            "token",
            "code",
            "_",
            "-",
            "bearer ",
            "Bearer",
            "eyJ",
            "eyj",
            "\"",
            "\\\"",
            "\\",
            "'",
            "<",
            ">",
            ":",
            " : ",
            "=",
            "&",
            ";",
            ",",
            ".",
            " ",
            "\n",
            "\u{a0}",
            "é",
            "x",
            "0123",
            "12345",
            "abcdefgh",
            "abcdefghijklmnop",
            "~+/",
        ];
        proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..14).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn the_pattern_finds_the_same(text in texts()) {
            prop_assert_eq!(issued(&text).collect::<Vec<_>>(), by_pattern(&text));
        }
    }

    #[test]
    fn every_way_of_writing_is_found() {
        let value = "abcdefghijklmnop";
        for text in [
            format!(r#"{{"access_token" : "{value}"}}"#),
            format!(r#"{{\"code\":\"{value}\"}}"#),
            format!("{{'id-token': '{value}'}}"),
            format!("<RefreshToken>{value}</RefreshToken>"),
            format!("state=1&code={value}&x"),
            format!("Authorization: BEARER {value}"),
        ] {
            assert_eq!(issued(&text).collect::<Vec<_>>(), [value], "{text}");
        }
        assert_eq!(issued(r#""user_code": 123456"#).collect::<Vec<_>>(), ["123456"]);
        assert_eq!(issued("see eyJhbGciOiJ.eyJz.c2ln!").collect::<Vec<_>>(), ["eyJhbGciOiJ.eyJz.c2ln"]);
    }
}
