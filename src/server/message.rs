//! A request as it was read and a reply before it is written: plain data, so that every answer can be had without a socket.

use serde_json::{Map, Value};

/// A request as the listener read it; nothing is decoded yet.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The method, as sent.
    pub method: String,
    /// The path of the request target, not decoded.
    pub path: String,
    /// What follows the question mark, not decoded; empty without one.
    pub query: String,
    /// Header fields in the order in which they came.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
    /// It came in the clear to a listener for TLS.
    pub in_clear: bool,
}

impl Request {
    /// The values of all header fields of this name, in any letter case.
    pub(super) fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    /// The media type of the body without parameters and in lower case; `None` without a Content-Type.
    pub(super) fn media_type(&self) -> Option<String> {
        let value = String::from_utf8_lossy(self.header("content-type").next()?).into_owned();
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }
}

/// An answer and the name by which faults speak of it.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Such as `token.issued`, `error.invalid_client` or `http.405`.
    pub name: String,
    /// The status code.
    pub status: u16,
    /// Header fields in the order in which they are written.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

/// Sets a member where it stands, or adds it at the end.
pub(super) fn set(members: &mut Vec<(String, Value)>, name: &str, value: Value) {
    match members.iter_mut().find(|(own, _)| own == name) {
        Some((_, own)) => *own = value,
        None => members.push((name.to_owned(), value)),
    }
}

/// A body, kept as members for as long as it can be rewritten member by member.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// No body.
    Empty,
    /// The members of a JSON object in order; a name may occur twice when a fault wants it to.
    Members(Vec<(String, Value)>),
    /// Anything else.
    Bytes(Vec<u8>),
}

impl Reply {
    /// A reply without header and body.
    pub(super) fn new(name: impl Into<String>, status: u16) -> Self {
        Self { name: name.into(), status, headers: Vec::new(), body: Body::Empty }
    }

    /// A JSON object.
    pub(super) fn json(name: impl Into<String>, status: u16, members: Map<String, Value>) -> Self {
        let body = Body::Members(members.into_iter().collect());
        Self { body, ..Self::new(name, status) }.with("content-type", "application/json")
    }

    /// A text, for answers that are HTTP's and not OAuth's.
    pub(super) fn text(name: impl Into<String>, status: u16, text: &str) -> Self {
        let body = Body::Bytes(text.as_bytes().to_vec());
        Self { body, ..Self::new(name, status) }.with("content-type", "text/plain; charset=utf-8")
    }

    /// What a server without an error handler answers.
    pub(super) fn crash() -> Self {
        let page = "<html><body><h1>500 Internal Server Error</h1></body></html>\n";
        let body = Body::Bytes(page.as_bytes().to_vec());
        Self { body, ..Self::new("http.500", 500) }.with("content-type", "text/html; charset=utf-8")
    }

    /// An OAuth error of another endpoint than the token endpoint, named so that defects of one do not show at the other.
    #[must_use]
    pub(super) fn of(mut self, endpoint: &str) -> Self {
        if self.name.starts_with("error.") {
            self.name = format!("{endpoint}.{}", self.name);
        }
        self
    }

    /// The same with one more header field.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same with a member set, unless its body is none of members.
    #[must_use]
    pub(super) fn with_member(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Body::Members(members) = &mut self.body {
            set(members, name, value.into());
        }
        self
    }

    /// A member of the body, if it is one of members.
    pub(super) fn member(&self, name: &str) -> Option<&Value> {
        match &self.body {
            Body::Members(members) => members.iter().find(|(own, _)| own == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Takes away all header fields of this name, in any letter case.
    pub(super) fn remove_header(&mut self, name: &str) {
        self.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
    }
}

impl Body {
    /// The bytes that are sent; `pretty` indents members and ends with a newline.
    #[must_use]
    pub fn render(&self, pretty: bool) -> Vec<u8> {
        let members = match self {
            Self::Empty => return Vec::new(),
            Self::Bytes(bytes) => return bytes.clone(),
            Self::Members(members) => members,
        };
        let (open, between, colon, close) =
            if pretty { ("{\n  ", ",\n  ", " : ", "\n}\n") } else { ("{", ",", ":", "}") };
        let members: Vec<String> =
            members.iter().map(|(name, value)| format!("{}{colon}{value}", Value::from(name.as_str()))).collect();
        format!("{open}{}{close}", members.join(between)).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_written_in_order_and_as_often_as_they_stand() {
        let body = Body::Members(vec![
            ("a\"".to_owned(), 1.into()),
            ("b".to_owned(), Value::Null),
            ("b".to_owned(), "x".into()),
        ]);
        assert_eq!(body.render(false), br#"{"a\"":1,"b":null,"b":"x"}"#);
        assert_eq!(body.render(true), b"{\n  \"a\\\"\" : 1,\n  \"b\" : null,\n  \"b\" : \"x\"\n}\n");
    }
}
