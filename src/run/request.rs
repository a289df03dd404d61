//! An exchange and the values it needs become a request, byte for byte.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::exchange::{Authorization, Sent, pairs};
use crate::suite::Exchange;
use crate::suite::files::{Absentable, Authenticate, By, Encode, Endpoint, Transport, Who};
use crate::suite::reference::{self, Missing, Reference};
use crate::target::Target;

/// How id and secret are joined for HTTP Basic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Joined {
    /// Each form-encoded first (RFC 6749 §2.3.1).
    #[default]
    FormEncoded,
    /// As they are (RFC 7617 §2).
    Raw,
}

/// A request that is ready to go out.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) sent: Sent,
    /// Written by our own HTTP/1.1 writer, names of header fields as they stand.
    pub(super) raw: bool,
}

type Resolve<'r> = &'r mut dyn FnMut(&Reference) -> Result<Value, Missing>;

struct Credentials {
    client_id: String,
    client_secret: Option<String>,
    /// Shell variable for `curl`; `None` when the secret is not the target's.
    variable: Option<&'static str>,
}

/// Builds the request.
///
/// # Errors
/// The first value that is not there.
pub(super) fn build(
    exchange: &Exchange,
    target: &Target,
    joined: Joined,
    resolve: Resolve<'_>,
) -> Result<Ready, Missing> {
    let file = &exchange.file;
    let map = |map: &Map<String, Value>, resolve: Resolve<'_>| -> Result<Vec<(String, String)>, Missing> {
        match reference::fill(&Value::Object(map.clone()), resolve)? {
            Value::Object(filled) => Ok(pairs(&filled)),
            _ => Ok(Vec::new()),
        }
    };
    let mut params = map(&file.params, resolve)?;
    let mut query = map(&file.query, resolve)?;
    let mut headers = map(&file.headers, resolve)?;
    let mut encode = file.encode.unwrap_or(Encode::Form);
    let mut authorization = None;
    if let Some(Absentable::Is(authenticate)) = &file.authenticate {
        authorization = authenticated(authenticate, target, joined, encode, &mut params, &mut headers, resolve)?;
    }
    let resource = file.endpoint == Some(Endpoint::Resource);
    let method =
        file.method.clone().or_else(|| resource.then(|| target.text("resource.method")).flatten()).unwrap_or_else(
            || {
                if resource || file.endpoint == Some(Endpoint::MetadataUrl) { "GET".into() } else { "POST".into() }
            },
        );
    if method == "GET" && file.encode.is_none() {
        encode = Encode::Query;
    }
    let mut body = Vec::new();
    let mut content_type = None;
    let mut written = None;
    if let Some(raw) = &file.raw {
        body = text(reference::fill(&Value::String(raw.clone()), resolve)?).into_bytes();
    } else if resource && file.params.is_empty() && file.method.is_none() {
        body = target.text("resource.body").unwrap_or_default().into_bytes();
        content_type = target.text("resource.content_type").filter(|_| !body.is_empty());
    } else if !params.is_empty() || method == "POST" {
        written = Some(encode.word());
        (body, content_type) = encoded(encode, &params);
        if encode == Encode::Query {
            query.append(&mut params);
        }
    }
    let authenticated_url =
        file.url.is_none() || authorization.as_ref().is_none_or(|facts: &Authorization| facts.secret.is_none());
    let url = url(exchange, target, &query, resolve)?;
    if !authenticated_url {
        return Err(Missing::Prerequisite {
            blocked_by: None,
            reason: "credentials go to configured endpoints only".into(),
        });
    }
    let raw =
        file.transport == Some(Transport::Raw) || url::Url::parse(&url).map_or(true, |parsed| parsed.as_str() != url);
    let headers = complete(headers, &url, &method, content_type, body.len(), target, raw);
    one_line(&url, &headers)?;
    let authorization = authorization.or_else(|| literal(&headers));
    Ok(Ready {
        sent: Sent {
            method,
            url,
            endpoint: file.endpoint.map(|endpoint| endpoint.name().to_owned()),
            headers,
            query,
            params,
            encode: written,
            body,
            authorization,
        },
        raw,
    })
}

/// Values come from servers too: a line break in a token or a URL would let its issuer write into the request to another server.
///
/// Source: RFC 9110 §5.5.
fn one_line(url: &str, headers: &[(String, String)]) -> Result<(), Missing> {
    let broken = |text: &str| text.contains(['\r', '\n', '\0']);
    let found = if broken(url) {
        Some("the URL".to_owned())
    } else {
        headers.iter().find(|(name, value)| broken(name) || broken(value)).map(|(name, _)| format!("`{name}`"))
    };
    match found {
        None => Ok(()),
        Some(place) => Err(Missing::Prerequisite {
            blocked_by: None,
            reason: format!("a line break would stand in {place}, and no header field can carry one"),
        }),
    }
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Puts credentials where the method wants them; answers the facts about a Basic header.
fn authenticated(
    authenticate: &Authenticate,
    target: &Target,
    joined: Joined,
    encode: Encode,
    params: &mut Vec<(String, String)>,
    headers: &mut Vec<(String, String)>,
    resolve: Resolve<'_>,
) -> Result<Option<Authorization>, Missing> {
    let credentials = credentials(authenticate, target, resolve)?;
    let default = match target.public["token_endpoint_auth_methods"][0].as_str() {
        _ if credentials.client_secret.is_none() => By::None,
        Some("client_secret_post") => By::Post,
        Some("none") => By::None,
        _ => By::Basic,
    };
    let secret = credentials.client_secret.clone().unwrap_or_default();
    let id = credentials.client_id.clone();
    let by = authenticate.by.unwrap_or(default);
    let (joined, standard) = match by {
        By::None | By::Post => {
            params.push(("client_id".into(), id));
            if by == By::Post {
                params.push(("client_secret".into(), secret));
            }
            return Ok(None);
        }
        By::Basic => (joined, true),
        By::BasicFormEncoded => (Joined::FormEncoded, true),
        By::BasicRaw => (Joined::Raw, true),
        By::BasicUrlSafe => (Joined::Raw, false),
    };
    // A JSON body never holds credentials here: HTTP Basic is what this caller uses.
    let _ = encode;
    let raw = format!("{id}:{secret}");
    let form = format!("{}:{}", form_encode(&id), form_encode(&secret));
    let pair = if joined == Joined::Raw { &raw } else { &form };
    let (in_standard, in_url_safe) = (STANDARD.encode(pair), URL_SAFE.encode(pair));
    let alphabet = match (in_standard == in_url_safe, standard) {
        (true, _) => "either",
        (false, true) => "standard",
        (false, false) => "url-safe",
    };
    let encoding = match (raw == form, joined) {
        (true, _) => "either",
        (false, Joined::FormEncoded) => "form",
        (false, Joined::Raw) => "raw",
    };
    let value = format!("Basic {}", if standard { in_standard } else { in_url_safe });
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
        headers.insert(0, ("Authorization".into(), value));
    }
    Ok(Some(Authorization {
        scheme: "basic".into(),
        client_id: Some(id),
        alphabet: Some(alphabet),
        encoding: Some(encoding),
        secret: credentials.variable,
    }))
}

fn credentials(authenticate: &Authenticate, target: &Target, resolve: Resolve<'_>) -> Result<Credentials, Missing> {
    let (place, variable) = match authenticate.who {
        Who::Client => ("client", "CLIENT_SECRET"),
        Who::SecondClient => ("second_client", "SECOND_CLIENT_SECRET"),
        Who::PublicClient => ("public_client", ""),
        Who::ResourceServer if target.claims("resource_server") => ("resource_server", "RESOURCE_SERVER_SECRET"),
        Who::ResourceServer => ("client", "CLIENT_SECRET"),
        Who::Stranger => ("", ""),
    };
    let mut filled = |text: &Option<String>| -> Result<Option<String>, Missing> {
        text.as_ref().map(|given| Ok(text_of(reference::fill(&Value::String(given.clone()), resolve)?))).transpose()
    };
    let own_id = filled(&authenticate.client_id)?;
    let own_secret = filled(&authenticate.client_secret)?;
    let variable = (own_secret.is_none() && !variable.is_empty()).then_some(variable);
    let (client_id, client_secret) = if authenticate.who == Who::Stranger {
        let mut made_up = |kind: &str| -> Result<String, Missing> {
            Ok(text_of(reference::fill(&Value::String(format!("${{random.{kind}}}")), resolve)?))
        };
        (format!("grantlint-{}", made_up("hex32")?), Some(made_up("hex32")?))
    } else {
        let id =
            target.text(&format!("{place}.client_id")).ok_or_else(|| Missing::Claim(format!("{place}.client_id")))?;
        (id, target.text(&format!("{place}.client_secret")))
    };
    Ok(Credentials { client_id: own_id.unwrap_or(client_id), client_secret: own_secret.or(client_secret), variable })
}

fn text_of(value: Value) -> String {
    text(value)
}

fn form_encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The body and its media type.
fn encoded(encode: Encode, params: &[(String, String)]) -> (Vec<u8>, Option<String>) {
    match encode {
        Encode::Query => (Vec::new(), None),
        Encode::Form => {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
            (body.into_bytes(), Some("application/x-www-form-urlencoded".into()))
        }
        Encode::FormUnescaped => {
            let body = params.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
            (body.into_bytes(), Some("application/x-www-form-urlencoded".into()))
        }
        Encode::Json => {
            // Written by hand, so that a repeated name is written twice.
            let member = |(name, value): &(String, String)| {
                format!("{}:{}", Value::String(name.clone()), Value::String(value.clone()))
            };
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
    if !query.is_empty() {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish());
    }
    Ok(url)
}

/// A URL that is not configured, perhaps from a server's answer, must lead to a configured host.
fn known_host(url: &str, target: &Target) -> Result<(), Missing> {
    let host = |url: &str| url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let Some(wanted) = host(url) else {
        return Err(Missing::Prerequisite { blocked_by: None, reason: format!("`{url}` is not a URL") });
    };
    let entry = target.public.as_object().into_iter().flatten();
    let mut known = entry
        .filter_map(|(_, value)| host(value.as_str()?))
        .chain(target.text("resource.url").and_then(|url| host(&url)));
    if known.any(|known| known == wanted) {
        return Ok(());
    }
    Err(Missing::Prerequisite { blocked_by: None, reason: format!("`{wanted}` is not a host of the target file") })
}

/// Every field that goes out, in order: nothing is added behind the evidence's back.
fn complete(
    own: Vec<(String, String)>,
    url: &str,
    method: &str,
    content_type: Option<String>,
    length: usize,
    target: &Target,
    raw: bool,
) -> Vec<(String, String)> {
    let host = url::Url::parse(url).ok().map_or_else(String::new, |url| match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    });
    let mut headers = vec![("Host".to_owned(), host)];
    headers.extend(own);
    let has =
        |headers: &[(String, String)], name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
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
    Some(Authorization { scheme, client_id: None, alphabet: None, encoding: None, secret: None })
}
