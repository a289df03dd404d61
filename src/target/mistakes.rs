//! What can be wrong with an entry beyond its schema: all of it at once.

use std::fs;
use std::path::Path;

use serde_json::Value;
use url::Url;

use super::duration;

/// One thing that is wrong.
#[derive(Debug)]
pub(super) struct Mistake {
    /// JSON Pointer within the entry; empty is the entry itself.
    pub(super) at: String,
    /// A lower-case fragment.
    pub(super) message: String,
    /// The way out.
    pub(super) help: Option<String>,
}

impl Mistake {
    pub(super) fn new(at: impl Into<String>, message: impl Into<String>, help: Option<String>) -> Self {
        Self { at: at.into(), message: message.into(), help }
    }
}

/// Members that are URLs. Source: RFC 6749 §3.1, §3.2; RFC 8414 §2.
const URLS: [&str; 9] = [
    "/issuer",
    "/token_endpoint",
    "/authorization_endpoint",
    "/revocation_endpoint",
    "/introspection_endpoint",
    "/registration_endpoint",
    "/device_authorization_endpoint",
    "/jwks_uri",
    "/metadata_url",
];

/// Members that are scopes. Source: RFC 6749 §3.3.
const SCOPES: [&str; 4] = ["/scope", "/authorization_scope", "/ungranted_scope", "/resource/scope"];

/// What commas in a scope are there for.
#[derive(PartialEq, Eq)]
enum Commas {
    None,
    /// A comma may stand within a scope word (RFC 6749 §3.3), and some servers have such words.
    Perhaps,
    /// A word that begins or ends with a comma is nobody's.
    Separate,
}

fn commas(scope: &str) -> Commas {
    if !scope.contains(',') {
        return Commas::None;
    }
    let at_edge = |word: &str| word.starts_with(',') || word.ends_with(',') || word.contains(",,");
    if scope.split_whitespace().any(at_edge) { Commas::Separate } else { Commas::Perhaps }
}

fn spaced(scope: &str) -> String {
    let words: Vec<&str> = scope.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty()).collect();
    format!("scopes are separated by spaces (RFC 6749 §3.3): `{}`", words.join(" "))
}

/// Where Coupa's instances are, and the endpoints of each. Source: Coupa API §B.
const COUPA_HOSTS: [&str; 2] = [".coupahost.com", ".coupacloud.com"];
const COUPA_PATHS: [(&str, &str); 2] =
    [("token_endpoint", "/oauth2/token"), ("authorization_endpoint", "/oauth2/authorizations/new")];

/// What may be a mistake and may be meant: told before anything is sent, and no reason to stop.
pub(super) fn hints(value: &Value) -> Vec<String> {
    let scopes = SCOPES.iter().filter_map(|place| Some((place, value.pointer(place)?.as_str()?)));
    let doubtful = scopes.filter(|(_, scope)| commas(scope) == Commas::Perhaps);
    let commas = doubtful.map(|(place, scope)| {
        let member = place.trim_start_matches('/').replace('/', ".");
        format!("`{member}` has a comma within a word; if several words are meant, {}", spaced(scope))
    });
    let paths = COUPA_PATHS.iter().filter_map(|(member, path)| {
        let url = Url::parse(value.get(member)?.as_str()?).ok()?;
        let host = url.host_str().filter(|host| COUPA_HOSTS.iter().any(|own| host.ends_with(own)))?;
        (url.path() != *path).then(|| format!("`{member}` of a Coupa instance is `https://{host}{path}`"))
    });
    commas.chain(paths).collect()
}

/// Everything that is wrong; reads `body_file` into `body` on the way. What is of the wrong type is the schema's business.
pub(super) fn all(value: &mut Value, folder: &Path) -> Vec<Mistake> {
    let mut all = Vec::new();
    let text = |place: &str| value.pointer(place).and_then(Value::as_str);
    for place in URLS.iter().chain(&["/resource/url"]) {
        if let Some((message, help)) = text(place).and_then(|text| url(text, place).err()) {
            all.push(Mistake::new(*place, message, help));
        }
    }
    let named = |key: &str| value.get(key).is_some_and(|value| !value.is_null());
    if !["token_endpoint", "issuer", "metadata_url"].into_iter().any(named) {
        let help = Some("add `token_endpoint: https://…`, or `issuer: https://…` to take it from metadata".to_owned());
        all.push(Mistake::new("", "`token_endpoint` is missing", help));
    }
    for place in SCOPES {
        if let Some(scope) = text(place).filter(|scope| commas(scope) == Commas::Separate) {
            all.push(Mistake::new(place, "a scope with commas", Some(spaced(scope))));
        }
    }
    for place in ["/timeout", "/bounds/connect", "/bounds/first_byte"] {
        if let Some((message, help)) = text(place).and_then(|text| time(text).err()) {
            all.push(Mistake::new(place, message, Some(help)));
        }
    }
    for (nth, indicator) in value["resource_indicators"].as_array().into_iter().flatten().enumerate() {
        // Source: RFC 8707 §2.
        let wrong = match indicator.as_str().map(Url::parse) {
            Some(Err(error)) => format!("not an absolute URI: {error}"),
            Some(Ok(uri)) if uri.fragment().is_some() => "a resource indicator has no fragment".to_owned(),
            _ => continue,
        };
        let help = Some("for example `https://api.example/invoices` (RFC 8707 §2)".to_owned());
        all.push(Mistake::new(format!("/resource_indicators/{nth}"), wrong, help));
    }
    if let Some(proxy) = text("/proxy").filter(|proxy| Url::parse(proxy).map_or(true, |url| url.host().is_none())) {
        let help = (!proxy.contains("://")).then(|| format!("did you mean `http://{proxy}`?"));
        all.push(Mistake::new("/proxy", "the proxy is not a URL", help));
    }
    if let Some(path) = text("/ca_file").map(|path| folder.join(path))
        && let Err(error) = fs::File::open(&path)
    {
        all.push(Mistake::new("/ca_file", format!("cannot read `{}`: {error}", path.display()), None));
    }
    if let Some(path) = text("/resource/body_file").map(|path| folder.join(path)) {
        if text("/resource/body").is_some() {
            let help = Some("keep `body` or `body_file`".to_owned());
            all.push(Mistake::new("/resource/body_file", "the resource has two bodies", help));
        }
        match fs::read_to_string(&path) {
            Ok(body) => value["resource"]["body"] = body.into(),
            Err(error) => {
                let help = Some("the path is relative to the target file".to_owned());
                let message = format!("cannot read `{}`: {error}", path.display());
                all.push(Mistake::new("/resource/body_file", message, help));
            }
        }
    }
    all
}

/// A time for a bound: none of them can be nothing.
///
/// # Errors
/// What is wrong, and what would be right.
pub(super) fn time(text: &str) -> Result<(), (String, String)> {
    let help = || "for example 500ms, 30s or 2m".to_owned();
    match duration(text) {
        None => Err((format!("`{text}` is not a time"), help())),
        Some(time) if time.is_zero() => Err((format!("`{text}` leaves no time for an answer"), help())),
        Some(_) => Ok(()),
    }
}

/// A URL at a place of the entry.
///
/// # Errors
/// What is wrong, and what would be right.
pub(super) fn url(text: &str, place: &str) -> Result<(), (String, Option<String>)> {
    // First of all, and without repeating it: what is not a URL otherwise may hold credentials too.
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest).split(['/', '?', '#']).next();
    let broken = text.contains('@') && Url::parse(text).is_err();
    if broken || authority.is_some_and(|authority| authority.contains('@')) {
        return Err(("credentials do not belong into a URL".into(), Some("use `client:`".into())));
    }
    // `as.example:8443/token` parses, with `as.example` as its scheme.
    if !text.contains("://") {
        let meant = format!("did you mean `https://{}`?", text.trim_start_matches('/'));
        return Err((format!("`{text}` is not a URL: it has no scheme"), (!text.is_empty()).then_some(meant)));
    }
    let url = Url::parse(text).map_err(|error| (format!("`{text}` is not a URL: {error}"), None))?;
    if !matches!(url.scheme(), "http" | "https") {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        return Err((format!("`{text}` is neither http nor https"), Some(format!("did you mean `https://{rest}`?"))));
    }
    // That the endpoints of RFC 6749 and RFC 7009 have none is a requirement with a check of its own; elsewhere it is a slip of the pen.
    let checked = matches!(place, "/token_endpoint" | "/authorization_endpoint" | "/revocation_endpoint");
    if let Some(fragment) = url.fragment().filter(|_| !checked) {
        let help = text.strip_suffix(&format!("#{fragment}")).map(|rest| format!("leave it away: `{rest}`"));
        return Err((format!("`{text}` has a fragment, which is never sent"), help));
    }
    if place == "/issuer" && url.query().is_some() {
        return Err((format!("`{text}` has a query, which an issuer has not (RFC 8414 §2)"), None));
    }
    Ok(())
}
