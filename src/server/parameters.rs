//! Request parameters: forms, JSON objects and queries, read here and nowhere else in the server.

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::Value;

use super::message::{Reply, Request};
use super::setup::Setup;
use super::{Policy, Rule, errors};

/// The parameters of one request, in order, at most one of a name unless a fault looks away.
#[derive(Debug, Clone, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The value of a parameter; the first one if it is there more often.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether one has no value.
    pub(super) fn has_empty(&self) -> bool {
        self.0.iter().any(|(_, value)| value.is_empty())
    }

    /// Without those that have no value.
    #[must_use]
    pub(super) fn without_empty(mut self) -> Self {
        self.0.retain(|(_, value)| !value.is_empty());
        self
    }

    /// Whether a parameter occurs twice that may not.
    pub(super) fn repeats(&self) -> bool {
        repeated(&self.0, false)
    }

    /// Whether a parameter is there that no document knows.
    pub(super) fn has_unknown(&self) -> bool {
        self.0.iter().any(|(name, _)| !KNOWN.contains(&name.as_str()))
    }

    /// All values of a parameter, in order.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The parameters of the query. Malformed escapes stay as they are: a query is nothing that credentials come in.
    pub(super) fn of_query(request: &Request) -> Self {
        Self(pairs(request.query.as_bytes()).unwrap_or_default())
    }

    /// The parameters of a form in the body, if it is one; for the resource of a server that looks where it must not.
    pub(super) fn of_form(request: &Request) -> Self {
        match request.media_type().as_deref() {
            Some(FORM) => Self(pairs(&request.body).unwrap_or_default()),
            _ => Self::default(),
        }
    }

    /// The parameters of an OAuth request: from the body, or from the query if a GET got this far.
    ///
    /// Source: RFC 6749 §3.2 and appendix B.
    pub(super) fn read(request: &Request, setup: &Setup) -> Result<Self, Reply> {
        let mut read = if request.method == "POST" {
            let mut read = of_body(request, setup)?;
            if !setup.keeps(Rule::ParametersNotInQuery) {
                read.extend(Self::of_query(request).0);
            }
            read
        } else {
            let mut read = Self::of_query(request).0;
            if setup.keeps(Rule::CredentialsNotInQuery) {
                read.retain(|(name, _)| name != "client_secret");
            }
            read
        };
        if !setup.keeps(Rule::ParametersCaseSensitive) {
            read.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
        }
        if setup.keeps(Rule::ParametersEmptyIsAbsent) {
            read.retain(|(_, value)| !value.is_empty());
        }
        if !setup.keeps(Rule::ParametersAllSeen) {
            read = last_values(read);
        }
        if setup.keeps(Rule::ParametersOnce) && repeated(&read, setup.makes(Policy::DuplicatesSameAccepted)) {
            return Err(errors::error(setup, "invalid_request", "a parameter is repeated"));
        }
        let read = Self(read);
        let longest = read.0.iter().map(|(_, value)| value.len()).max().unwrap_or_default();
        if longest > VERY_LONG && !setup.keeps(Rule::ParametersLongSurvived) {
            return Err(Reply::crash());
        }
        if longest > LONG && !setup.keeps(Rule::ParametersLongIgnored) && read.has_unknown() {
            return Err(errors::error(setup, "invalid_request", "a parameter is too long"));
        }
        if !setup.keeps(Rule::ParametersUnknownIgnored) && read.has_unknown() {
            return Err(errors::error(setup, "invalid_request", "a parameter is not known"));
        }
        Ok(read)
    }
}

fn of_body(request: &Request, setup: &Setup) -> Result<Vec<(String, String)>, Reply> {
    let media_type = request.media_type();
    let parameters = request.header("content-type").any(|value| value.contains(&b';'));
    match media_type.as_deref() {
        Some(FORM) if !setup.keeps(Rule::FormAccepted) => Err(unsupported_media_type("application/json")),
        Some(FORM) if parameters && !setup.keeps(Rule::MediaTypeParametersIgnored) => Err(unsupported_media_type(FORM)),
        Some(FORM) => of_form_body(request, setup),
        Some("application/json") if setup.keeps(Rule::JsonAccepted) && !setup.makes(Policy::JsonRefused) => {
            match object(&request.body) {
                Some(members) => Ok(members),
                None if setup.keeps(Rule::JsonWellFormed) => {
                    Err(errors::error(setup, "invalid_request", "the body is no JSON object of strings"))
                }
                None => Err(Reply::crash()),
            }
        }
        None if request.body.is_empty() => Ok(Vec::new()),
        _ if !setup.keeps(Rule::MediaTypeChecked) => of_form_body(request, setup),
        Some("application/json") => Err(errors::error(setup, "invalid_request", "JSON bodies are not taken")),
        _ if setup.makes(Policy::MediaType415) => Err(unsupported_media_type(FORM)),
        _ => Err(errors::error(setup, "invalid_request", "the body is of another media type than a form")),
    }
}

/// Source: RFC 9110 §15.5.16.
fn unsupported_media_type(takes: &str) -> Reply {
    Reply::text("http.415", 415, "unsupported media type\n").with("accept-post", takes)
}

fn of_form_body(request: &Request, setup: &Setup) -> Result<Vec<(String, String)>, Reply> {
    if !setup.keeps(Rule::FormRawSpace) && request.body.contains(&b' ') {
        return Err(errors::error(setup, "invalid_request", "the form has a literal space"));
    }
    if setup.makes(Policy::FormTrailingRefused) && matches!(request.body.last(), Some(b'&' | b'\r' | b'\n')) {
        return Err(errors::error(setup, "invalid_request", "something follows the form"));
    }
    let read = match std::str::from_utf8(&request.body) {
        Ok(text) if !setup.keeps(Rule::FormSpaceEscaped) => pairs(text.replace("%20", "%2520").as_bytes()),
        _ => pairs(&request.body),
    };
    let Some(read) = read else {
        return Err(if setup.keeps(Rule::FormBytesSurvived) {
            errors::error(setup, "invalid_request", "the form is not in UTF-8")
        } else {
            Reply::crash()
        });
    };
    if !setup.keeps(Rule::FormUtf8) && read.iter().any(|(_, value)| !value.is_ascii()) {
        return Err(errors::error(setup, "invalid_request", "the form is not in ASCII"));
    }
    Ok(read)
}

/// The pairs of an urlencoded text; `None` if a name or value is not UTF-8.
fn pairs(text: &[u8]) -> Option<Vec<(String, String)>> {
    let pieces = text.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| {
            let at = piece.iter().position(|byte| *byte == b'=');
            let (name, value) = at.map_or((piece, &b""[..]), |at| (&piece[..at], &piece[at + 1..]));
            Some((decoded(name)?, decoded(value)?))
        })
        .collect()
}

/// Undoes the encoding of forms: `+` is a space, `%` with two hexadecimal digits a byte, anything else itself.
pub(super) fn decoded(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let escape = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let escape = escape.and_then(|digits| std::str::from_utf8(digits).ok());
        let escape = escape.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match (byte, escape.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(value)) => {
                bytes.push(value);
                at += 2;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
        at += 1;
    }
    String::from_utf8(bytes).ok()
}

/// The members of a JSON object, repeated ones included; `None` if it is none.
pub(super) fn members(json: &[u8]) -> Option<Vec<(String, Value)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, Value)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let members = reader.deserialize_map(Members).ok()?;
    reader.end().ok()?;
    Some(members)
}

/// The members of a JSON body; `None` if it is no object, or if a known member is no string.
fn object(body: &[u8]) -> Option<Vec<(String, String)>> {
    let mut read = Vec::new();
    for (name, value) in members(body)? {
        match value {
            Value::String(text) => read.push((name, text)),
            Value::Null => {}
            _ if KNOWN.contains(&name.as_str()) => return None,
            // Unrecognised members are ignored, whatever they hold (RFC 6749 §3.2), yet may not be repeated.
            other => read.push((name, other.to_string())),
        }
    }
    Some(read)
}

/// What a form parser hands on that keeps one value of each name: the last.
fn last_values(pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = Vec::new();
    for (name, value) in pairs {
        kept.retain(|(own, _)| *own != name);
        kept.push((name, value));
    }
    kept
}

/// Whether a name occurs twice. `resource` and `audience` may (RFC 8707 §2, RFC 8693 §2.1).
fn repeated(pairs: &[(String, String)], same_is_fine: bool) -> bool {
    pairs.iter().enumerate().any(|(at, (name, value))| {
        !["resource", "audience"].contains(&name.as_str())
            && pairs[..at].iter().any(|(other, its)| other == name && !(same_is_fine && its == value))
    })
}

const FORM: &str = "application/x-www-form-urlencoded";
/// Where values begin to be long for a server that minds, and for one that cannot deal with them, in bytes.
const LONG: usize = 1000;
const VERY_LONG: usize = 6000;
/// The parameters of the OAuth documents that token, revocation and introspection requests may have.
const KNOWN: [&str; 22] = [
    "grant_type",
    "scope",
    "client_id",
    "client_secret",
    "token",
    "token_type_hint",
    "code",
    "redirect_uri",
    "refresh_token",
    "code_verifier",
    "client_assertion",
    "client_assertion_type",
    "username",
    "password",
    "assertion",
    "resource",
    "audience",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_byte_by_byte() {
        for (text, value) in
            [("a+b%20c d", "a b c d"), ("%7e%7E", "~~"), ("100%", "100%"), ("%zz%+1", "%zz% 1"), ("%C3%A9", "é")]
        {
            assert_eq!(decoded(text.as_bytes()).as_deref(), Some(value), "{text}");
        }
        assert_eq!(decoded(b"%ff"), None);
    }

    #[test]
    fn json_members_are_strings_and_repetition_is_seen() {
        let read = object(br#"{"scope":"a","scope":"b","x":[1],"client_id":null}"#).unwrap();
        assert_eq!(read.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["scope", "scope", "x"]);
        for broken in ["", "[]", "{", "{} x", r#"{"scope":1}"#, "\u{feff}{}"] {
            assert!(object(broken.as_bytes()).is_none(), "{broken}");
        }
    }
}
