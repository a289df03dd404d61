//! An exchange and the values it needs become a request, byte for byte.

use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::assertion::{CLIENT_ASSERTION_TYPE, Signing};
use super::credentials::{Joined, authenticated, credentials, first_method};
use crate::exchange::{Authorization, Sent};
use crate::suite::Exchange;
use crate::suite::files::{Absentable, By, Encode, Endpoint, Transport, Who};
use crate::suite::reference::{self, Missing, Reference, Source};
use crate::target::Target;

/// A request that is ready to go out.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) sent: Sent,
    /// Written by our own HTTP/1.1 writer, names of header fields as they stand.
    pub(super) raw: bool,
}

pub(super) type Resolve<'r> = &'r mut dyn FnMut(&Reference) -> Result<Value, Missing>;

/// What an exchange says of a request, filled, before it becomes bytes.
struct Draft {
    encode: Encode,
    params: Vec<(String, Value)>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    authorization: Option<Authorization>,
    /// A configured secret goes out with it.
    secret: bool,
}

/// A body with its media type, and what it was made of.
#[derive(Default)]
struct Body {
    bytes: Vec<u8>,
    content_type: Option<String>,
    /// How `params` are written; `None` for a literal body and for none.
    encode: Option<&'static str>,
    params: Vec<(String, String)>,
}

/// Builds the request.
///
/// # Errors
/// The first value that is not there, or that HTTP cannot carry.
pub(super) fn build(
    exchange: &Exchange,
    target: &Target,
    joined: Joined,
    resolve: Resolve<'_>,
) -> Result<Ready, Missing> {
    let file = &exchange.file;
    let mut secret = false;
    let mut resolve = |reference: &Reference| {
        secret |= match &reference.source {
            Source::Target(path) => path.last().is_some_and(|name| is_secret(name)),
            source => matches!(source, Source::Jwt(_)),
        };
        resolve(reference)
    };
    let resolve: Resolve<'_> = &mut resolve;
    let method = method(exchange, target);
    let query_by_default = method == "GET" && file.encode.is_none();
    let mut draft = Draft {
        encode: if query_by_default { Encode::Query } else { file.encode.unwrap_or(Encode::Form) },
        params: filled(&file.params, resolve)?,
        query: texts(filled(&file.query, resolve)?),
        headers: texts(filled(&file.headers, resolve)?),
        authorization: None,
        secret: false,
    };
    draft.authenticate(exchange, target, joined, resolve)?;
    let body = draft.body(exchange, target, &method, resolve)?;
    let url = url(exchange, target, &draft.query, resolve)?;
    if file.url.is_some() && (secret || draft.secret) {
        return Err(unsendable("credentials go to configured endpoints only".into()));
    }
    let Draft { query, headers, authorization, .. } = draft;
    let own = |name: &str| headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let odd = ["host", "content-length", "transfer-encoding", "connection"].into_iter().any(own);
    // A URL that a parser would change, and fields that the library writes itself, go out as they stand.
    let raw =
        file.transport == Some(Transport::Raw) || odd || Url::parse(&url).is_ok_and(|parsed| parsed.as_str() != url);
    // Through a proxy only the library can send.
    let raw = raw && target.proxy.is_none();
    let Body { bytes: body, content_type, encode, params } = body;
    let outline = Outline { method: &method, url: &url, content_type, length: body.len(), raw };
    let headers = complete(headers, outline, target);
    carried(&method, &headers)?;
    let authorization = authorization.or_else(|| literal(&headers));
    let endpoint = file.endpoint.filter(|_| !file.apart).map(|endpoint| endpoint.name().to_owned());
    let sent = Sent { method, url, endpoint, headers, query, params, encode, body, authorization };
    Ok(Ready { sent, raw })
}

impl Draft {
    /// Puts credentials where the exchange, or the target, wants them.
    fn authenticate(
        &mut self,
        exchange: &Exchange,
        target: &Target,
        joined: Joined,
        resolve: Resolve<'_>,
    ) -> Result<(), Missing> {
        let Some(Absentable::Is(authenticate)) = &exchange.file.authenticate else { return Ok(()) };
        if authenticate.who == Who::AssertionGrant && grants_alone(target) {
            return Ok(());
        }
        let credentials = credentials(authenticate, target, resolve)?;
        let by = authenticate.by.unwrap_or_else(|| first_method(target, &credentials));
        self.secret = by.is_assertion() || credentials.variable.is_some() && credentials.client_secret.is_some();
        if (by == By::Post || by.is_assertion()) && self.encode == Encode::Query {
            // Only what says so in its own `query` writes a secret where logs see it.
            return Err(Missing::Claim("client_secret_basic".into()));
        }
        if by.is_assertion() {
            let member = credentials.member.ok_or_else(|| Missing::Claim("client.private_key".into()))?;
            let spec = authenticate.jwt.clone().unwrap_or_default();
            let jwt = Signing::of(target, member, Some(by))?.jwt(&spec, resolve)?;
            for (name, value) in [
                // Unnecessary, and some servers look for the key by it. Source: RFC 7521 §4.2.
                ("client_id", credentials.client_id.clone()),
                ("client_assertion_type", CLIENT_ASSERTION_TYPE.to_owned()),
                ("client_assertion", jwt),
            ] {
                if !self.params.iter().any(|(own, _)| own == name) {
                    self.params.push((name.into(), value.into()));
                }
            }
        }
        self.authorization = authenticated(by, credentials, joined, &mut self.params, &mut self.headers);
        Ok(())
    }

    /// The body; parameters that belong into the query move there.
    fn body(
        &mut self,
        exchange: &Exchange,
        target: &Target,
        method: &str,
        resolve: Resolve<'_>,
    ) -> Result<Body, Missing> {
        let file = &exchange.file;
        if let Some(raw) = &file.raw {
            let bytes = text(reference::fill(&Value::String(raw.clone()), resolve)?).into_bytes();
            return Ok(Body { bytes, ..Body::default() });
        }
        if file.endpoint == Some(Endpoint::Resource) && file.params.is_empty() && file.method.is_none() {
            let bytes = target.text("resource.body").unwrap_or_default().into_bytes();
            let content_type = target.text("resource.content_type").filter(|_| !bytes.is_empty());
            return Ok(Body { bytes, content_type, ..Body::default() });
        }
        if self.params.is_empty() && method != "POST" {
            return Ok(Body::default());
        }
        let (bytes, content_type) = encoded(self.encode, &self.params);
        let mut params = texts(std::mem::take(&mut self.params));
        if self.encode == Encode::Query {
            self.query.append(&mut params);
        }
        Ok(Body { bytes, content_type, encode: Some(self.encode.word()), params })
    }
}

/// Whether nobody authenticates beside a JWT grant. Source: RFC 7521 §4.1, where it is optional.
fn grants_alone(target: &Target) -> bool {
    match target.public.pointer("/assertion_grant/authenticate").and_then(Value::as_bool) {
        Some(authenticates) => !authenticates,
        None => !target.claims("client"),
    }
}

fn is_secret(name: &str) -> bool {
    matches!(name, "client_secret" | "password" | "private_key") || name.starts_with("foreign_")
}

fn method(exchange: &Exchange, target: &Target) -> String {
    let file = &exchange.file;
    match (&file.method, file.endpoint) {
        (Some(own), _) => own.clone(),
        (None, Some(Endpoint::Resource)) => {
            target.text("resource.method").map_or("GET".into(), |own| own.to_uppercase())
        }
        (None, Some(Endpoint::MetadataUrl | Endpoint::AuthorizationEndpoint)) => "GET".into(),
        (None, _) => "POST".into(),
    }
}

fn unsendable(reason: String) -> Missing {
    Missing::Prerequisite { blocked_by: None, reason }
}

/// Refuses what would break out of its line: a value may come from a server's answer.
///
/// Source: RFC 9110 §5.5 and §5.6.2.
fn carried(method: &str, headers: &[(String, String)]) -> Result<(), Missing> {
    if http::Method::from_bytes(method.as_bytes()).is_err() {
        return Err(unsendable(format!("{method:?} is not an HTTP method")));
    }
    for (name, value) in headers {
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(unsendable(format!("{name:?} is not the name of a header field")));
        }
        if http::HeaderValue::from_bytes(value.as_bytes()).is_err() {
            return Err(unsendable(format!("the value of the header field `{name}` holds a control character")));
        }
    }
    Ok(())
}

/// The pairs of a parameter map with their values: a list sends the name repeatedly, `null` is left out.
fn filled(map: &Map<String, Value>, resolve: Resolve<'_>) -> Result<Vec<(String, Value)>, Missing> {
    let mut pairs = Vec::new();
    if let Value::Object(filled) = reference::fill(&Value::Object(map.clone()), resolve)? {
        for (name, value) in filled {
            match value {
                Value::Null => {}
                Value::Array(values) => pairs.extend(values.into_iter().map(|value| (name.clone(), value))),
                value => pairs.push((name, value)),
            }
        }
    }
    Ok(pairs)
}

fn texts(pairs: Vec<(String, Value)>) -> Vec<(String, String)> {
    pairs.into_iter().map(|(name, value)| (name, text(value))).collect()
}

/// A value as it stands in a form, a header field or a URL.
pub(super) fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The body and its media type.
fn encoded(encode: Encode, params: &[(String, Value)]) -> (Vec<u8>, Option<String>) {
    let pairs = || texts(params.to_vec());
    match encode {
        Encode::Query => (Vec::new(), None),
        Encode::Form => {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs()).finish();
            (body.into_bytes(), Some("application/x-www-form-urlencoded".into()))
        }
        Encode::FormUnescaped => {
            let body = pairs().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
            (body.into_bytes(), Some("application/x-www-form-urlencoded".into()))
        }
        Encode::Json => {
            // Written by hand, so that a repeated name is written twice.
            let member = |(name, value): &(String, Value)| format!("{}:{value}", Value::String(name.clone()));
            let body = format!("{{{}}}", params.iter().map(member).collect::<Vec<_>>().join(","));
            (body.into_bytes(), Some("application/json".into()))
        }
    }
}

fn url(
    exchange: &Exchange,
    target: &Target,
    query: &[(String, String)],
    resolve: Resolve<'_>,
) -> Result<String, Missing> {
    let file = &exchange.file;
    let mut url = match (&file.url, file.endpoint) {
        (Some(own), _) => {
            let url = text(reference::fill(&Value::String(own.clone()), resolve)?);
            known_host(&url, target)?;
            url
        }
        (None, Some(Endpoint::Resource)) => {
            target.text("resource.url").ok_or_else(|| Missing::Claim("resource".into()))?
        }
        (None, Some(endpoint)) => target.text(endpoint.name()).ok_or_else(|| Missing::Claim(endpoint.name().into()))?,
        (None, None) => return Err(Missing::Claim("an endpoint".into())),
    };
    // A fragment is not sent; the query that an endpoint already has is kept. Source: RFC 6749 §3.2.
    url.truncate(url.find('#').unwrap_or(url.len()));
    if !query.is_empty() {
        url.push_str(match url.split_once('?') {
            None => "?",
            Some((_, own)) if own.is_empty() || own.ends_with('&') => "",
            Some(_) => "&",
        });
        url.push_str(&form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish());
    }
    on_the_wire(url, target)
}

/// A URL as a request line can carry it, without repairing what only looks odd: the reference may be a server's answer.
fn on_the_wire(url: String, target: &Target) -> Result<String, Missing> {
    let parsed = Url::parse(&url).map_err(|error| unsendable(format!("{url:?} is not a URL: {error}")))?;
    if url.contains(|c: char| c.is_ascii_control()) {
        return Err(unsendable(format!("the URL {url:?} holds a control character")));
    }
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(unsendable(format!("`{url}` is neither http nor https")));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(unsendable("credentials do not belong into a URL".into()));
    }
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') && url.contains("://");
    Ok(if plain && target.proxy.is_none() { url } else { parsed.into() })
}

/// A URL that is not configured, perhaps from a server's answer, must lead to a configured host.
fn known_host(url: &str, target: &Target) -> Result<(), Missing> {
    let host = |url: &str| Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let Some(wanted) = host(url) else {
        return Err(unsendable(format!("{url:?} is not a URL with a host")));
    };
    let entry = target.public.as_object().into_iter().flatten();
    let mut known = entry
        .filter_map(|(_, value)| host(value.as_str()?))
        .chain(target.text("resource.url").and_then(|url| host(&url)));
    if known.any(|known| known == wanted) {
        return Ok(());
    }
    Err(Missing::Claim(format!("`{wanted}` as a host of its own")))
}

/// What of a request its fields follow from.
pub(super) struct Outline<'o> {
    pub(super) method: &'o str,
    pub(super) url: &'o str,
    /// Of the body, unless the exchange says it itself.
    pub(super) content_type: Option<String>,
    /// Bytes of the body.
    pub(super) length: usize,
    /// Written by our own HTTP/1.1 writer.
    pub(super) raw: bool,
}

/// Every field that goes out, in order: nothing is added behind the evidence's back.
pub(super) fn complete(own: Vec<(String, String)>, outline: Outline<'_>, target: &Target) -> Vec<(String, String)> {
    let Outline { method, url, content_type, length, raw } = outline;
    let has =
        |headers: &[(String, String)], name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let mut headers = Vec::new();
    if !has(&own, "host") {
        // The default port of a scheme is left out, an IPv6 address keeps its brackets: RFC 9110 §7.2.
        let host = Url::parse(url).ok().map_or_else(String::new, |url| match url.port() {
            Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
            None => url.host_str().unwrap_or_default().to_owned(),
        });
        headers.push(("Host".to_owned(), host));
    }
    headers.extend(own);
    for (name, value) in &target.headers {
        if !has(&headers, name) {
            headers.push((name.clone(), value.clone()));
        }
    }
    if !has(&headers, "accept") {
        headers.push(("Accept".into(), "*/*".into()));
    }
    if !has(&headers, "user-agent") {
        headers.push(("User-Agent".into(), concat!("grantlint/", env!("CARGO_PKG_VERSION")).into()));
    }
    if let Some(content_type) = content_type.filter(|_| !has(&headers, "content-type")) {
        headers.push(("Content-Type".into(), content_type));
    }
    if (length > 0 || matches!(method, "POST" | "PUT" | "PATCH")) && !has(&headers, "content-length") {
        headers.push(("Content-Length".into(), length.to_string()));
    }
    if !raw {
        // The library writes names in lower case; the evidence shows what goes out.
        headers.iter_mut().for_each(|(name, _)| *name = name.to_ascii_lowercase());
    }
    headers
}

/// The scheme of an Authorization header that stands in the exchange itself.
fn literal(headers: &[(String, String)]) -> Option<Authorization> {
    let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    let scheme = value.split(' ').next().unwrap_or_default().to_ascii_lowercase();
    Some(Authorization {
        scheme,
        client_id: None,
        alphabet: None,
        encoding: None,
        secret_has_colon: false,
        secret: None,
    })
}
