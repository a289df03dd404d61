//! The metadata document, where it stands, and the keys that it points at.

use serde_json::{Map, Value, json};

use super::endpoints::Turn;
use super::message::{Body, Reply, Request};
use super::setup::{AUTHORIZE, INTROSPECT, JWKS, REGISTER, REVOKE, Setup, TOKEN};
use super::{Policy, Rule, errors};

/// Paths at which the document stands, the first of which is the one for the target entry.
///
/// Source: RFC 8414 §3 and §5; OpenID Connect Discovery 1.0 §4.
pub(super) fn places(setup: &Setup) -> Vec<String> {
    let path = &setup.issuer_path;
    let appended = format!("{path}/.well-known/openid-configuration");
    if let Some(own) = &setup.dialect.overrides.metadata_path {
        return vec![own.clone()];
    }
    if setup.makes(Policy::MetadataOpenidOnly) {
        return vec![appended];
    }
    if setup.makes(Policy::MetadataOpenidInserted) {
        return vec![format!("/.well-known/openid-configuration{path}")];
    }
    let mut places = vec![format!("{WELL_KNOWN}{path}")];
    places.extend(setup.makes(Policy::MetadataOpenidToo).then_some(appended));
    places
}

/// Whether a document stands at this path.
pub(super) fn serves(setup: &Setup, path: &str) -> bool {
    let all = !setup.keeps(Rule::MetadataUnknownIssuerRefused) && path.starts_with(WELL_KNOWN);
    all || places(setup).iter().any(|place| place == path)
}

/// Answers at the well-known place. Source: RFC 8414 §2 and §3.
pub(super) fn answer(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    readable(request)?;
    if !setup.keeps(Rule::MetadataOpen) && request.header("authorization").next().is_none() {
        return Err(Reply::text("http.401", 401, "log in first\n").with("www-authenticate", "Basic realm=\"metadata\""));
    }
    if setup.makes(Policy::ForwardedRefused) && FORWARDED.iter().any(|name| request.header(name).next().is_some()) {
        return Err(Reply::text("http.400", 400, "bad request\n"));
    }
    let says_json = |value: &[u8]| String::from_utf8_lossy(value).contains("application/json");
    if !setup.keeps(Rule::MetadataAnyAccept) && !request.header("accept").any(says_json) {
        return Err(Reply::text("http.406", 406, "only application/json is to be had\n"));
    }
    let mut members = document(setup, request);
    let copy = places(setup).first().is_some_and(|first| *first != request.path);
    if copy && !setup.keeps(Rule::MetadataCopiesAgree) {
        members.insert("token_endpoint".to_owned(), format!("{}/v1/token", setup.origin).into());
    }
    if copy && !setup.keeps(Rule::MetadataCopiesSameKeys) {
        members.insert("jwks_uri".to_owned(), format!("{}/v1/jwks", setup.origin).into());
    }
    let mut reply = Reply::json("metadata", 200, members);
    if setup.makes(Policy::MetadataSlashesEscaped) {
        let text = String::from_utf8_lossy(&reply.body.render(false)).replace('/', "\\/");
        reply.body = Body::Bytes(text.into_bytes());
    }
    Ok(reply)
}

fn document(setup: &Setup, request: &Request) -> Map<String, Value> {
    let slash = if setup.keeps(Rule::MetadataIssuer) { "" } else { "/" };
    let mut grant_types = setup.main().grant_types.to_vec();
    if !setup.keeps(Rule::MetadataTruthful) {
        grant_types.push("password");
    }
    let mut methods = Vec::new();
    methods.extend((!setup.makes(Policy::BasicRefused)).then_some("client_secret_basic"));
    methods.extend((!setup.makes(Policy::BodyCredentialsRefused)).then_some("client_secret_post"));
    methods.extend(["private_key_jwt", "client_secret_jwt"]);
    let algorithms = ["RS256", "PS256", "ES256", "EdDSA", "HS256"];
    let forwarded = (!setup.keeps(Rule::ForwardedIgnored)).then(|| forwarded_origin(request, &setup.origin));
    let origin = forwarded.as_ref().unwrap_or(&setup.origin);
    let issuer = setup.issuer.replacen(&setup.origin, origin, 1);
    let document = json!({
        "issuer": format!("{issuer}{slash}"),
        "token_endpoint": format!("{origin}{TOKEN}"),
        "jwks_uri": format!("{origin}{JWKS}"),
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "authorization_endpoint": format!("{origin}{AUTHORIZE}"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "grant_types_supported": grant_types,
        "scopes_supported": setup.main().scopes,
        "revocation_endpoint": format!("{origin}{REVOKE}"),
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint": format!("{origin}{INTROSPECT}"),
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
    });
    let mut members = document.as_object().cloned().unwrap_or_default();
    if setup.makes(Policy::WebMessageOffered) {
        members.insert("response_modes_supported".to_owned(), json!(["query", "form_post", "web_message"]));
    }
    if !setup.makes(Policy::RegistrationAbsent) {
        members.insert("registration_endpoint".to_owned(), json!(format!("{origin}{REGISTER}")));
    }
    if setup.makes(Policy::JwksAbsent) {
        members.shift_remove("jwks_uri");
    }
    members
}

/// The origin as a server sees it that believes what its proxy passes on from anybody. Source: RFC 7239 §5.3, RFC 9700 §4.13.
fn forwarded_origin(request: &Request, own: &str) -> String {
    let told = |name| request.header(name).next().map(|value| String::from_utf8_lossy(value).into_owned());
    let (scheme, host) = own.split_once("://").unwrap_or(("http", own));
    let scheme = told("x-forwarded-proto").unwrap_or_else(|| scheme.to_owned());
    format!("{scheme}://{}", told("x-forwarded-host").unwrap_or_else(|| host.to_owned()))
}

/// Answers with the keys that tokens are signed with, after one for encryption (RFC 7517 appendix A.1).
///
/// Source: RFC 7517 §5, RFC 8414 §2.
pub(super) fn keys(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    readable(request)?;
    let mut keys = vec![json!({
        "kty": "EC", "crv": "P-256", "use": "enc", "kid": "1",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    })];
    let own = turn.state.signer.jwk_set();
    keys.extend(own.get("keys").and_then(Value::as_array).cloned().unwrap_or_default());
    leave_out(turn.setup, &mut keys);
    let set = json!({ "keys": keys });
    Ok(Reply::json("jwks", 200, set.as_object().cloned().unwrap_or_default()))
}

/// What a server that forgets the rules of a key set makes of its keys, of which the first is for encryption.
fn leave_out(setup: &Setup, keys: &mut [Value]) {
    let [first, others @ ..] = keys else { return };
    if !setup.keeps(Rule::JwksPublicOnly) {
        first["d"] = "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE".into();
    }
    for other in others.iter_mut().filter_map(Value::as_object_mut) {
        if !setup.keeps(Rule::JwksKidUnique) {
            other.insert("kid".to_owned(), first["kid"].clone());
        }
        if !setup.keeps(Rule::JwksUseNamed) {
            other.shift_remove("use");
        }
    }
}

fn readable(request: &Request) -> Result<(), Reply> {
    match request.method.as_str() {
        "GET" | "HEAD" => Ok(()),
        _ => Err(errors::method_not_allowed("GET, HEAD")),
    }
}

/// Source: RFC 8414 §3.
const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";
/// Fields in which a proxy tells what it was asked. Source: RFC 7239 §4, and those that were in use before.
const FORWARDED: [&str; 3] = ["forwarded", "x-forwarded-host", "x-forwarded-proto"];
