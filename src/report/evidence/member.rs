//! Where a member stands in a JSON text: a scanner that keeps positions, which serde_json does not.

use std::ops::Range;

/// Bytes of the member at `path`: from its name to the end of its value, or the bare value in an array.
///
/// Of a name that occurs twice the last one is meant, as in the parsed value. `None` if it is not there or the text is not
/// JSON. Linear in the text, and no deeper than `path`.
pub(in crate::report) fn find(text: &str, path: &[&str]) -> Option<Range<usize>> {
    let mut scan = Scan { text: text.as_bytes(), at: 0 };
    if text.starts_with('\u{feff}') {
        scan.at = '\u{feff}'.len_utf8();
    }
    let mut found = None;
    for token in path {
        let (start, value) = scan.child(text, token)?;
        scan.at = value;
        found = Some(start);
    }
    let start = found?;
    scan.value()?;
    Some(start..scan.at)
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    /// Start of the child and start of its value, of the object or array that begins here.
    fn child(&mut self, text: &str, token: &str) -> Option<(usize, usize)> {
        let mut found = None;
        match self.next_token()? {
            b'{' => loop {
                match self.next_token()? {
                    b'}' => return found,
                    b',' => {}
                    b'"' => {
                        let start = self.at - 1;
                        self.string()?;
                        let name: String = serde_json::from_str(text.get(start..self.at)?).ok()?;
                        (self.next_token()? == b':').then_some(())?;
                        self.space();
                        if name == token {
                            found = Some((start, self.at));
                        }
                        self.value()?;
                    }
                    _ => return None,
                }
            },
            b'[' => {
                let index: usize = token.parse().ok()?;
                for at in 0.. {
                    self.space();
                    if self.text.get(self.at) == Some(&b']') {
                        return None;
                    }
                    if at == index {
                        return Some((self.at, self.at));
                    }
                    self.value()?;
                    (self.next_token()? == b',').then_some(())?;
                }
                None
            }
            _ => None,
        }
    }

    /// Moves behind the value that begins here.
    fn value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.next_token()? {
                b'"' => self.string()?,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                b',' | b':' if depth > 0 => continue,
                b',' | b':' => return None,
                _ => {
                    while self.text.get(self.at).is_some_and(|c| !b" \t\r\n,:]}[{\"".contains(c)) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Moves behind the string whose opening quote was just taken.
    fn string(&mut self) -> Option<()> {
        loop {
            let c = *self.text.get(self.at)?;
            self.at += if c == b'\\' { 2 } else { 1 };
            if c == b'"' {
                return Some(());
            }
        }
    }

    fn next_token(&mut self) -> Option<u8> {
        self.space();
        let c = *self.text.get(self.at)?;
        self.at += 1;
        Some(c)
    }

    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(text: &'a str, path: &[&str]) -> Option<&'a str> {
        find(text, path).map(|span| &text[span])
    }

    #[test]
    fn a_member_is_found_with_its_name() {
        let text = r#"{ "a": {"b": [1, {"ü\n": "x\"}"}]}, "c" : null,"a\u0062": -1.5e3 }"#;
        assert_eq!(found(text, &["a", "b", "1", "ü\n"]), Some(r#""ü\n": "x\"}""#));
        assert_eq!(found(text, &["a", "b", "0"]), Some("1"));
        assert_eq!(found(text, &["c"]), Some(r#""c" : null"#));
        assert_eq!(found(text, &["ab"]), Some(r#""a\u0062": -1.5e3"#));
        assert_eq!(found(text, &["a"]), Some(r#""a": {"b": [1, {"ü\n": "x\"}"}]}"#));
    }

    #[test]
    fn of_a_repeated_name_the_last_one_is_meant() {
        assert_eq!(found(r#"{"a":1,"a":2}"#, &["a"]), Some(r#""a":2"#));
    }

    #[test]
    fn what_is_not_there_or_not_json_is_not_found() {
        for text in [r#"{"a":1}"#, "[1,2]", "[]", "{", "", "\u{feff}", r#"{"a"#, r#"{"b\"#, "]", r#"{"b":,}"#, "<html>"]
        {
            assert_eq!(found(text, &["b"]), None, "{text}");
            assert_eq!(found(text, &["7"]), None, "{text}");
        }
        assert_eq!(found(r#"{"b":"#, &["b"]), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_scanned_to_an_end(text in "[\\[\\]{}\",:\\\\ab0ü \u{feff}]{0,40}") {
            for path in [&["a"][..], &["0"], &["a", "0", "b"]] {
                if let Some(span) = find(&text, path) {
                    proptest::prop_assert!(text.get(span).is_some());
                }
            }
        }
    }
}
