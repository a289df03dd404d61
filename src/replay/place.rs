//! Where in a JSON text a JSON Pointer leads, as line and column: mistakes in recordings are told in place.

/// Line and column, both from 1, of what `pointer` leads to; of the deepest member on the way that is there.
///
/// The text is known to be JSON. Source: RFC 6901.
pub(super) fn of(text: &str, pointer: &str) -> (usize, usize) {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    scan.space();
    let mut found = scan.at;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        if !scan.enter(&token) {
            break;
        }
        found = scan.at;
    }
    line_and_column(text, found)
}

/// Line and column of a byte.
pub(super) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

struct Scan<'s> {
    bytes: &'s [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Goes to the value of a member or an item; `false` if there is none.
    fn enter(&mut self, token: &str) -> bool {
        let open = self.peek();
        let mut nth = 0;
        self.at += 1;
        loop {
            self.space();
            match (open, self.peek()) {
                (Some(b'{'), Some(b'"')) => {
                    let start = self.at;
                    self.value();
                    let name: Option<String> = std::str::from_utf8(&self.bytes[start..self.at])
                        .ok()
                        .and_then(|text| serde_json::from_str(text).ok());
                    self.space();
                    self.at += 1;
                    self.space();
                    if name.as_deref() == Some(token) {
                        return true;
                    }
                }
                (Some(b'['), Some(byte)) if byte != b']' => {
                    if token.parse() == Ok(nth) {
                        return true;
                    }
                    nth += 1;
                }
                _ => return false,
            }
            self.value();
            self.space();
            if self.peek() != Some(b',') {
                return false;
            }
            self.at += 1;
        }
    }

    /// Passes over a value.
    fn value(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                None => return,
                Some(b'"') => {
                    self.at += 1;
                    while let Some(byte) = self.peek().filter(|byte| *byte != b'"') {
                        self.at += if byte == b'\\' { 2 } else { 1 };
                    }
                    self.at += 1;
                }
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if depth > 0 => self.at += 1,
                Some(byte) if byte.is_ascii_whitespace() => self.at += 1,
                Some(_) => {
                    while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_to_a_line_and_a_column() {
        let text =
            "{\"log\": {\"a\": [1, {\"x\\\"y\": \"}\"}],\n  \"entries\": [\n    {},\n    {\"request\": 7}\n  ]}}";
        assert_eq!(of(text, "/log/entries/1/request"), (4, 17));
        assert_eq!(of(text, "/log/entries"), (2, 14));
        assert_eq!(of(text, "/log/entries/9/request"), (2, 14));
        assert_eq!(of(text, "/log/a/1/x\"y"), (1, 28));
        assert_eq!(of(text, ""), (1, 1));
    }
}
