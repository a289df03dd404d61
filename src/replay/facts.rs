//! What can be said of a recorded request before anybody knows what it is, and the document of it when somebody does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::heard::{Asked, Heard};
use super::secrets;
use crate::exchange::{Authorization, Bound, JSON_DEPTH, Outcome, Received, Sent, document, read_json};
use crate::suite::Exchange;
use crate::suite::files::{Encode, Endpoint};
use crate::target::{Bounds, Target};

/// A recorded exchange, taken apart.
pub(super) struct Facts<'h> {
    pub(super) heard: &'h Heard,
    /// Without a fragment.
    pub(super) url: Option<Url>,
    pub(super) query: Vec<(String, String)>,
    /// Pairs of a form or JSON body; `None` where the body is neither or was not recorded.
    pub(super) params: Option<Vec<(String, String)>>,
    pub(super) is_json: bool,
    /// Nothing in the body has to be escaped any more.
    pub(super) is_escaped: bool,
    pub(super) basic: Option<Basic>,
    /// The document before anybody knows what it is: what other requests took from the answer is looked up here.
    pub(super) document: Value,
}

/// A Basic header that decodes.
pub(super) struct Basic {
    /// As it was written.
    pub(super) scheme: String,
    pub(super) id: String,
    pub(super) secret: String,
    /// `url-safe`, `standard` or `either`.
    pub(super) alphabet: &'static str,
    /// `form`, `raw` or `either`.
    pub(super) encoding: &'static str,
    colon: bool,
}

impl<'h> Facts<'h> {
    pub(super) fn of(heard: &'h Heard) -> Self {
        let asked = heard.asked.as_ref();
        let mut url = asked.and_then(|asked| Url::parse(&asked.url).ok());
        if let Some(url) = &mut url {
            url.set_fragment(None);
        }
        let query = url.as_ref().map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default();
        let essence = asked.and_then(Asked::essence).unwrap_or_default();
        let body = asked.and_then(|asked| asked.body.as_deref());
        let is_json = essence == "application/json";
        let params = match body {
            Some(body) if essence == "application/x-www-form-urlencoded" => {
                Some(form_urlencoded::parse(body).into_owned().collect())
            }
            Some(body) if is_json => members(body),
            Some([]) => Some(Vec::new()),
            _ => None,
        };
        let basic = asked.and_then(|asked| basic(asked.field("authorization")?));
        let is_escaped = body.is_some_and(|body| body.iter().all(u8::is_ascii_graphic));
        let mut facts = Self { heard, url, query, params, is_json, is_escaped, basic, document: Value::Null };
        facts.document = facts.document(None, None);
        facts
    }

    /// The only value of a parameter.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        let mut all = self.params.iter().flatten().filter(|(known, _)| known == name);
        all.next().filter(|_| all.next().is_none()).map(|(_, value)| value.as_str())
    }

    /// The only value of a parameter, wherever it was sent.
    pub(super) fn pair(&self, name: &str) -> Option<&str> {
        let mut all = self.query.iter().filter(|(known, _)| known == name);
        self.param(name).or_else(|| all.next().filter(|_| all.next().is_none()).map(|(_, value)| value.as_str()))
    }

    /// Whose request it is, if it says so.
    pub(super) fn client_id(&self) -> Option<&str> {
        self.basic.as_ref().map(|basic| basic.id.as_str()).or_else(|| self.param("client_id"))
    }

    pub(super) fn client_secret(&self) -> Option<&str> {
        self.basic.as_ref().map(|basic| basic.secret.as_str()).or_else(|| self.param("client_secret"))
    }

    pub(super) fn method(&self) -> &str {
        self.heard.asked.as_ref().map_or("", |asked| asked.method.as_str())
    }

    pub(super) fn answer(&self) -> &str {
        self.document.get("answer").and_then(Value::as_str).unwrap_or_default()
    }

    /// The token in an `Authorization: Bearer` field.
    pub(super) fn bearer(&self) -> Option<&str> {
        let value = self.heard.asked.as_ref()?.field("authorization")?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The URL without its query.
    pub(super) fn base(&self) -> Option<String> {
        let mut url = self.url.clone()?;
        url.set_query(None);
        Some(url.into())
    }

    /// The exchange document; `exchange` says what was meant, and without it the endpoint has to say who answered.
    pub(super) fn document(&self, exchange: Option<&Exchange>, target: Option<&Target>) -> Value {
        let sent = self.sent(exchange, target);
        let answered = &self.heard.answered;
        let mut received = Received {
            status: answered
                .head
                .as_ref()
                .map_or_else(|| supposed_status(answered.body.as_deref()), |head| head.status),
            http_version: answered.head.as_ref().map_or_else(String::new, |head| head.http_version.clone()),
            headers: answered.head.as_ref().map(|head| head.headers.clone()).unwrap_or_default(),
            head_length: answered.head.as_ref().map_or(0, |head| head.length),
            body: answered.body.clone().unwrap_or_default(),
            first_byte_ms: self.heard.elapsed_ms().unwrap_or(0),
        };
        let bound = target.and_then(|target| exceeded(&target.bounds, &received));
        if bound.is_some() {
            received.body.truncate(target.map_or(usize::MAX, |target| target.bounds.body));
        }
        let outcome = if bound.is_some() { Outcome::TooLarge } else { Outcome::Answered };
        let mut document = document(outcome, &sent, Some(&received), bound.as_ref(), JSON_DEPTH);
        let mut unrecorded: Vec<&str> = Vec::new();
        let mut leave_out = |document: &mut Value, places: &[&'static str]| {
            for place in places {
                let (parent, name) = place.rsplit_once('/').unwrap_or(("", place));
                if let Some(members) = document.pointer_mut(parent).and_then(Value::as_object_mut) {
                    members.shift_remove(name);
                }
                unrecorded.push(place);
            }
        };
        match &self.heard.asked {
            None => {
                // Nor what of the answer's words is only repeated.
                leave_out(&mut document, &["/request", "/response/error_text"]);
                document["request"] = json!({"endpoint": sent.endpoint});
            }
            Some(asked) => {
                if asked.body.is_none() {
                    leave_out(&mut document, &["/request/body", "/request/params", "/request/encode", "/request/jwt"]);
                }
                if asked.scheme_guessed {
                    leave_out(&mut document, &["/target/token_endpoint"]);
                }
            }
        }
        if target.is_some_and(|target| target.url_of("token_endpoint").is_none()) {
            leave_out(&mut document, &["/target/token_endpoint"]);
        }
        // What was made up has no name in a recording.
        if exchange.is_some_and(|exchange| !exchange.file.lets.is_empty()) {
            leave_out(&mut document, &["/let"]);
        }
        // That nobody says what the resource asks for does not say that it asks for nothing: it may refuse a token for that.
        if target.is_some_and(|target| target.text("resource.scope").is_none()) {
            leave_out(&mut document, &["/target/resource/scope"]);
        }
        if answered.head.is_none() {
            leave_out(&mut document, &HEAD);
        } else if answered.head.as_ref().is_some_and(|head| head.length == 0) {
            leave_out(&mut document, &["/response/head_length"]);
        }
        if answered.body.is_none() {
            leave_out(&mut document, &BODY);
        } else if self.recoded() {
            leave_out(&mut document, &["/response/body/utf8"]);
        }
        if self.heard.is_masked {
            leave_out(&mut document, &MASKED);
        }
        let timing = match (self.heard.at_ms(), self.heard.elapsed_ms()) {
            (Some(at), Some(elapsed)) => json!({"at": at, "elapsed_ms": elapsed}),
            (None, Some(elapsed)) => json!({"elapsed_ms": elapsed}),
            _ => {
                leave_out(&mut document, &["/timing"]);
                Value::Null
            }
        };
        if !timing.is_null() {
            document["timing"] = timing;
        }
        if !unrecorded.is_empty() {
            document["unrecorded"] = json!(unrecorded);
        }
        let sensitive = secrets::of(self);
        if !sensitive.is_empty() {
            document["sensitive"] = json!(sensitive);
        }
        document["target"] = target.map_or(Value::Null, |target| target.public.clone());
        document["let"] = json!({});
        document
    }

    /// Whether the text may be another one than the bytes were: what is not ASCII was read in a character set of the answer's.
    fn recoded(&self) -> bool {
        let answered = &self.heard.answered;
        let charset = answered.head.as_ref().and_then(|head| head.field("content-type")).map(str::to_ascii_lowercase);
        let other = charset.is_some_and(|value| value.contains("charset=") && !value.contains("utf-8"));
        other && answered.body.as_ref().is_some_and(|body| !body.is_ascii())
    }

    fn sent(&self, exchange: Option<&Exchange>, target: Option<&Target>) -> Sent {
        let file = exchange.map(|exchange| &exchange.file);
        let endpoint = match file {
            Some(file) => file.endpoint.filter(|_| !file.apart).map(Endpoint::name),
            None => target.and_then(|target| self.endpoint(target)),
        };
        let Some(asked) = &self.heard.asked else {
            return Sent { endpoint: endpoint.map(str::to_owned), ..Sent::default() };
        };
        let mut url = asked.url.split('#').next().unwrap_or_default().to_owned();
        // Source: RFC 9110 §4.2.4; who logs in does not belong into a report.
        if let Some(plain) = self.url.clone().filter(|url| !url.username().is_empty() || url.password().is_some()) {
            let mut plain = plain;
            if plain.set_username("").is_ok() && plain.set_password(None).is_ok() {
                url = plain.into();
            }
        }
        let resource = endpoint == Some(Endpoint::Resource.name());
        let literal =
            file.is_some_and(|file| file.raw.is_some()) || resource && file.is_none_or(|file| file.params.is_empty());
        let body = if resource { Vec::new() } else { asked.body.clone().unwrap_or_default() };
        let (params, encode) = match &self.params {
            _ if literal => (Vec::new(), None),
            Some(params) if !params.is_empty() || asked.method == "POST" => {
                let unescaped = file.and_then(|file| file.encode) == Some(Encode::FormUnescaped);
                let encode = if self.is_json {
                    "json"
                } else if unescaped {
                    "form-unescaped"
                } else {
                    "form"
                };
                // Nothing was escaped, so nothing is to be undone.
                let raw = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
                let written = || String::from_utf8_lossy(&body).split('&').filter_map(raw).collect();
                (if unescaped { written() } else { params.clone() }, Some(encode))
            }
            Some(_) if file.is_some_and(|file| !file.params.is_empty()) => (Vec::new(), Some("query")),
            _ => (Vec::new(), None),
        };
        let own_header =
            file.is_some_and(|file| file.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")));
        let known = |place: &str| target.and_then(|target| target.text(place));
        let authorization = match self.basic.as_ref().filter(|_| !own_header) {
            Some(basic) => {
                let is = |client: &str| {
                    known(&format!("{client}.client_id")).as_deref() == Some(basic.id.as_str())
                        && known(&format!("{client}.client_secret")).as_deref() == Some(basic.secret.as_str())
                };
                Some(Authorization {
                    scheme: "basic".into(),
                    client_id: Some(basic.id.clone()),
                    alphabet: Some(basic.alphabet),
                    encoding: Some(basic.encoding),
                    secret_has_colon: basic.colon,
                    secret: is("client")
                        .then_some("CLIENT_SECRET")
                        .or_else(|| is("second_client").then_some("SECOND_CLIENT_SECRET")),
                })
            }
            None => asked.field("authorization").map(|value| Authorization {
                scheme: value.split(' ').next().unwrap_or_default().to_ascii_lowercase(),
                client_id: None,
                alphabet: None,
                encoding: None,
                secret_has_colon: false,
                secret: None,
            }),
        };
        let own = target.zip(endpoint).and_then(|(target, name)| Url::parse(&target.url_of(name)?).ok());
        let own: Vec<(String, String)> = own.iter().flat_map(|url| url.query_pairs().into_owned()).collect();
        Sent {
            method: asked.method.clone(),
            url,
            endpoint: endpoint.map(str::to_owned),
            headers: asked.headers.clone(),
            query: self.query.iter().filter(|pair| !own.contains(pair)).cloned().collect(),
            params,
            encode,
            body,
            authorization,
        }
    }

    /// Whose answer it is: the endpoint of the target with this URL.
    pub(super) fn endpoint(&self, target: &Target) -> Option<&'static str> {
        let base = self.base()?;
        let same = |name: &&&str| {
            let url = target.url_of(name).and_then(|url| Url::parse(&url).ok());
            url.is_some_and(|mut url| {
                url.set_query(None);
                url.set_fragment(None);
                url.as_str() == base
            })
        };
        ENDPOINTS.iter().find(same).copied()
    }
}

/// The bound that a run would not have gone beyond.
fn exceeded(bounds: &Bounds, received: &Received) -> Option<Bound> {
    // Browsers do not tell how long a head was; without white space it was at least this.
    let fields: usize = received.headers.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
    let sizes = [("head", received.head_length.max(fields), bounds.head), ("body", received.body.len(), bounds.body)];
    let (name, _, limit) = sizes.into_iter().find(|(_, size, limit)| size > limit)?;
    Some(Bound { name, limit: u64::try_from(limit).unwrap_or(u64::MAX) })
}

fn members(body: &[u8]) -> Option<Vec<(String, String)>> {
    let (Some(Value::Object(members)), None) = read_json(body, JSON_DEPTH) else { return None };
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Some(members.into_iter().map(|(name, value)| (name, text(value))).collect())
}

/// The status of a body that was recorded alone: only for the word that says how it ended.
fn supposed_status(body: Option<&[u8]>) -> u16 {
    let json = body.and_then(|body| read_json(body, JSON_DEPTH).0);
    if json.is_some_and(|json| json.get("error").is_some_and(Value::is_string)) { 400 } else { 200 }
}

/// Source: RFC 7617 §2; RFC 6749 §2.3.1 for the form-encoding.
fn basic(header: &str) -> Option<Basic> {
    let (scheme, encoded) = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))?;
    let encoded = encoded.trim();
    let pair = STANDARD.decode(encoded.replace('-', "+").replace('_', "/")).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let alphabet = match (encoded.contains(['-', '_']), encoded.contains(['+', '/'])) {
        (false, false) => "either",
        (true, false) => "url-safe",
        (false, true) => "standard",
        (true, true) => return None,
    };
    let form = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let decoded = |text: &str| {
        let pair = format!("x={}", text.replace('&', "%26"));
        form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let encoding = if form(id) == id && form(secret) == secret {
        "either"
    } else if form(&decoded(id)) == id && form(&decoded(secret)) == secret {
        "form"
    } else {
        "raw"
    };
    let (id, secret) = if encoding == "form" { (decoded(id), decoded(secret)) } else { (id.into(), secret.into()) };
    let colon = encoding == "raw" && secret.contains(':') && !pair.contains(['%', '+']);
    Some(Basic { scheme: scheme.to_owned(), id, secret, alphabet, encoding, colon })
}

/// What a body alone does not tell.
const HEAD: [&str; 8] = [
    "/response/status",
    "/response/http_version",
    "/response/headers",
    "/response/head_length",
    "/response/cache_control",
    "/response/challenges",
    "/response/media_type",
    "/response/location",
];

/// What a head alone does not tell; how an answer ended is read from its body too.
const BODY: [&str; 7] = [
    "/answer",
    "/response/body",
    "/response/json",
    "/response/json_problem",
    "/response/jwt",
    "/response/jwt_problem",
    "/response/error_text",
];

/// What masks do not tell: how credentials were written, what tokens say.
const MASKED: [&str; 5] =
    ["/request/authorization", "/request/jwt", "/response/jwt", "/response/jwt_problem", "/response/echoes"];

/// Endpoints that a recorded request can be one of.
const ENDPOINTS: [&str; 5] =
    ["token_endpoint", "revocation_endpoint", "introspection_endpoint", "metadata_url", "resource"];
