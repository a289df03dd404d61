//! The exchange document: what was sent and what came back, as JSON (DESIGN 3.5).

use serde_json::{Map, Value, json};

use super::{answer, fields, json as strict, jwt, wording};

/// Most of a body's text that a document keeps, in bytes; the facts are read from the whole body before.
const BODY_TEXT: usize = 64 * 1024;

/// Parameters that hold what a client signed. Source: RFC 7521 §4.1 and §4.2.
pub(super) const SIGNED: [&str; 2] = ["client_assertion", "assertion"];

/// How an exchange ended on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A whole response arrived.
    Answered,
    /// 429, or 503 with Retry-After, also after one patient repeat.
    Throttled,
    /// The connection was refused.
    Refused,
    /// The name has no address.
    Unresolved,
    /// TLS could not be established.
    TlsFailed,
    /// A time bound was met.
    TimedOut,
    /// The connection ended before the response did.
    ClosedEarly,
    /// A size bound was met.
    TooLarge,
    /// What arrived is not HTTP.
    Malformed,
}

impl Outcome {
    /// The word in the document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Throttled => "throttled",
            Self::Refused => "refused",
            Self::Unresolved => "unresolved",
            Self::TlsFailed => "tls_failed",
            Self::TimedOut => "timed_out",
            Self::ClosedEarly => "closed_early",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
        }
    }
}

/// Which bound was met, in `/bound` of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// `connect`, `first_byte`, `whole`, `body` or `head`.
    pub name: &'static str,
    /// Milliseconds for times, bytes for sizes.
    pub limit: u64,
}

/// What a Basic header was made of.
///
/// Source: RFC 7617 §2; RFC 6749 §2.3.1 for the form-encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// In lower case.
    pub scheme: String,
    /// Who it speaks for, if that can be said.
    pub client_id: Option<String>,
    /// `url-safe`, `standard`, or `either` when the pair encodes alike in both.
    pub alphabet: Option<&'static str>,
    /// `form`, `raw`, or `either` when form-encoding changes nothing.
    pub encoding: Option<&'static str>,
    /// A colon stands in the secret as it was sent, and nothing else in the pair depends on how it is read.
    pub secret_has_colon: bool,
    /// The shell variable that stands for the secret in `curl` lines; `None` when the pair is made up.
    pub secret: Option<&'static str>,
}

/// A request as it went out.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// In upper case.
    pub method: String,
    /// The whole URL with its query.
    pub url: String,
    /// RFC 8414 name of the endpoint, or `resource`.
    pub endpoint: Option<String>,
    /// In the order sent, names as sent.
    pub headers: Vec<(String, String)>,
    /// Pairs of the query that the exchange added, decoded.
    pub query: Vec<(String, String)>,
    /// Pairs of the body, decoded.
    pub params: Vec<(String, String)>,
    /// `form`, `form-unescaped`, `json` or `query`; `None` for a literal or no body.
    pub encode: Option<&'static str>,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// Facts about the Authorization header.
    pub authorization: Option<Authorization>,
}

/// A response as it came in, perhaps cut by a bound.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// Three digits.
    pub status: u16,
    /// `1.0` or `1.1`.
    pub http_version: String,
    /// In the order received.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Bytes of status line and header fields.
    pub head_length: usize,
    /// As far as it was read.
    pub body: Vec<u8>,
    /// Milliseconds from sending to the end of the head.
    pub first_byte_ms: u64,
}

/// Pairs as an object: a name that occurs once is a value, more often a list.
#[must_use]
pub fn many(pairs: &[(String, String)]) -> Value {
    let mut all = Map::new();
    for (name, value) in pairs {
        let value = Value::String(value.clone());
        match all.get_mut(name) {
            None => {
                all.insert(name.clone(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(all)
}

fn request(sent: &Sent) -> Value {
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &sent.headers {
        if let Value::Array(values) =
            headers.entry(name.to_ascii_lowercase()).or_insert_with(|| Value::Array(Vec::new()))
        {
            values.push(Value::String(value.clone()));
        }
    }
    let mut request = json!({
        "method": sent.method, "url": sent.url, "endpoint": sent.endpoint, "headers": headers,
        "header_order": sent.headers.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "query": many(&sent.query), "body": String::from_utf8_lossy(&sent.body),
    });
    if let Some(encode) = sent.encode {
        request["encode"] = encode.into();
        request["params"] = many(&sent.params);
        // What was signed is masked like a secret, so what it says is kept beside it.
        let mut left = strict::JSON_VALUES;
        let decoded = |(name, value): &(String, String)| Some((name.clone(), jwt::decode(value, &mut left)?));
        let signed = sent.params.iter().filter(|(name, _)| SIGNED.contains(&name.as_str()));
        let signed: Map<String, Value> = signed.filter_map(decoded).collect();
        if !signed.is_empty() {
            request["jwt"] = signed.into();
        }
    }
    if let Some(authorization) = &sent.authorization {
        let mut facts = json!({"scheme": authorization.scheme});
        if let Some(client_id) = &authorization.client_id {
            facts["client_id"] = client_id.as_str().into();
        }
        if let Some(alphabet) = authorization.alphabet {
            facts["alphabet"] = alphabet.into();
        }
        if let Some(encoding) = authorization.encoding {
            facts["encoding"] = encoding.into();
        }
        if authorization.secret_has_colon {
            facts["secret_has_colon"] = true.into();
        }
        if let Some(secret) = authorization.secret {
            facts["secret"] = secret.into();
        }
        request["authorization"] = facts;
    }
    request
}

/// `/response` of a document.
fn response(received: &Received, depth: usize) -> Value {
    let texts: Vec<(String, String)> =
        received.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), latin1(value))).collect();
    let of =
        |wanted: &'static str| texts.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &texts {
        if let Value::Array(values) = headers.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new())) {
            values.push(Value::String(value.clone()));
        }
    }
    let (json, problem) = if received.body.is_empty() { (None, None) } else { strict::read(&received.body, depth) };
    let text = String::from_utf8_lossy(&received.body);
    let kept = floor(&text, BODY_TEXT);
    let mut response = json!({
        "status": received.status, "http_version": received.http_version, "headers": headers,
        "head_length": received.head_length,
        "cache_control": fields::cache_control(of("cache-control")),
        "challenges": fields::challenges(of("www-authenticate")),
        "body": {
            "text": &text[..kept], "length": received.body.len(),
            "utf8": std::str::from_utf8(&received.body).is_ok(),
        },
    });
    if kept < text.len() {
        response["body"]["text_cut_at"] = kept.into();
    }
    if let Some(media_type) = of("content-type").next() {
        response["media_type"] = fields::media_type(media_type);
    }
    if let Some(location) = of("location").next() {
        response["location"] = fields::location(location);
    }
    if let Some(json) = json {
        if let Some(members) = json.as_object() {
            let mut left = strict::JSON_VALUES;
            response["jwt"] = members
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), jwt::decode(value.as_str()?, &mut left)?)))
                .collect::<Map<_, _>>()
                .into();
            response["jwt_problem"] = members
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), jwt::problem(value.as_str()?)?.into())))
                .collect::<Map<_, _>>()
                .into();
        }
        response["json"] = json;
    }
    if let Some(problem) = problem {
        response["json_problem"] = problem;
    }
    response
}

/// The whole document. `received` may be there although the outcome is not `answered`: a head without its whole body.
#[must_use]
pub fn document(
    outcome: Outcome,
    sent: &Sent,
    received: Option<&Received>,
    bound: Option<&Bound>,
    depth: usize,
) -> Value {
    let mut document = json!({"outcome": outcome.word(), "request": request(sent)});
    if let Some(bound) = bound {
        document["bound"] = json!({"name": bound.name, "limit": bound.limit});
    }
    if let Some(received) = received {
        document["response"] = response(received, depth);
        if let Some(text) = wording::error_text(sent, &document["response"]) {
            document["response"]["error_text"] = text.into();
        }
        if throttles(received) {
            document["outcome"] = Outcome::Throttled.word().into();
        }
        if matches!(outcome, Outcome::Answered)
            && let Some(word) = answer(&document["response"])
        {
            document["answer"] = word.into();
        }
    }
    document
}

/// `/control` of a document: how the same request ended when it was sent again after others, and whether it did what it has to.
#[must_use]
pub fn control(again: &Value, works: bool) -> Value {
    let mut control = json!({"outcome": again["outcome"], "works": works});
    for (name, place) in [("answer", "/answer"), ("status", "/response/status")] {
        if let Some(value) = again.pointer(place) {
            control[name] = value.clone();
        }
    }
    control
}

/// Lays what the runner knows over a document: its times and lets. The target is the same for all of them, and stands in the recording.
pub fn finish(document: &mut Value, lets: Map<String, Value>, timing: Value) {
    document["let"] = Value::Object(lets);
    document["timing"] = timing;
}

/// Whether a response asks for patience: RFC 6585 §4, RFC 9110 §15.6.4.
fn throttles(received: &Received) -> bool {
    let patient = received.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
    received.status == 429 || (received.status == 503 && patient)
}

/// Field values are octets; each becomes the character of the same number, so that nothing is lost or repaired.
fn latin1(value: &[u8]) -> String {
    std::str::from_utf8(value).map_or_else(|_| value.iter().copied().map(char::from).collect(), str::to_owned)
}

/// The largest character boundary not above `at`.
fn floor(text: &str, at: usize) -> usize {
    if text.len() <= at {
        return text.len();
    }
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn token_response(body: &str) -> Value {
        let received = Received {
            status: 200,
            http_version: "1.1".into(),
            headers: vec![("Content-Type".into(), b"application/json;charset=UTF-8".to_vec())],
            body: body.as_bytes().to_vec(),
            ..Received::default()
        };
        document(Outcome::Answered, &Sent::default(), Some(&received), None, strict::JSON_DEPTH)
    }

    #[test]
    fn what_http_compares_without_case_is_folded() {
        let document = token_response(r#"{"access_token":"x"}"#);
        assert_eq!(document["answer"], "token");
        assert_eq!(document["response"]["media_type"]["essence"], "application/json");
        assert_eq!(document["response"]["headers"]["content-type"][0], "application/json;charset=UTF-8");
        assert_eq!(document["response"]["challenges"], json!([]));
    }

    #[test]
    fn a_name_that_occurs_twice_is_a_list() {
        let pairs = [("a", "1"), ("b", "2"), ("a", "3")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(many(&pairs), json!({"a": ["1", "3"], "b": "2"}));
    }

    #[test]
    fn a_jwt_cannot_hold_more_values_than_a_body() {
        let jwt = |values: usize| {
            let claims = format!(r#"{{"scope":[{}0]}}"#, "0,".repeat(values));
            format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#), URL_SAFE_NO_PAD.encode(claims))
        };
        let read = |body: String| token_response(&body)["response"].take();
        let few = read(format!(r#"{{"access_token":"{}"}}"#, jwt(10)));
        assert!(few["jwt"]["access_token"].is_object());
        let many = read(format!(r#"{{"access_token":"{}"}}"#, jwt(20_000)));
        assert_eq!(
            (&many["jwt"], &many["jwt_problem"]),
            (&json!({}), &json!({})),
            "neither looked into nor complained of"
        );
        let both = read(format!(r#"{{"access_token":"{0}","id_token":"{0}"}}"#, jwt(6_000)));
        assert!(both["jwt"]["access_token"].is_object() && both["jwt"]["id_token"].is_null(), "together");
    }

    #[test]
    fn too_many_requests_is_throttled_not_answered() {
        let received = Received { status: 429, ..Received::default() };
        let document = document(Outcome::Answered, &Sent::default(), Some(&received), None, 9);
        assert_eq!(document["outcome"], "throttled");
        assert_eq!(document["answer"], "http");
    }
}
