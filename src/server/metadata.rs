//! The metadata document, where it stands, and the keys that it points at.

use serde_json::{Map, Value, json};

use super::endpoints::Turn;
use super::message::{Body, Reply, Request};
use super::setup::{CLIENT_CREDENTIALS, INTROSPECT, JWKS, REVOKE, Setup, TOKEN};
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
    let says_json = |value: &[u8]| String::from_utf8_lossy(value).contains("application/json");
    if !setup.keeps(Rule::MetadataAnyAccept) && !request.header("accept").any(says_json) {
        return Err(Reply::text("http.406", 406, "only application/json is to be had\n"));
    }
    let mut members = document(setup);
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

fn document(setup: &Setup) -> Map<String, Value> {
    let slash = if setup.keeps(Rule::MetadataIssuer) { "" } else { "/" };
    let mut grant_types = vec![CLIENT_CREDENTIALS];
    if !setup.keeps(Rule::MetadataTruthful) {
        grant_types.push("password");
    }
    let mut methods = Vec::new();
    methods.extend((!setup.makes(Policy::BasicRefused)).then_some("client_secret_basic"));
    methods.extend((!setup.makes(Policy::BodyCredentialsRefused)).then_some("client_secret_post"));
    let origin = &setup.origin;
    let document = json!({
        "issuer": format!("{}{slash}", setup.issuer),
        "token_endpoint": format!("{origin}{TOKEN}"),
        "jwks_uri": format!("{origin}{JWKS}"),
        "token_endpoint_auth_methods_supported": methods,
        // Required although there is no authorization endpoint; §3.2 would rather have no empty array, but cannot omit it.
        "response_types_supported": [],
        "grant_types_supported": grant_types,
        "scopes_supported": setup.main().scopes,
        "revocation_endpoint": format!("{origin}{REVOKE}"),
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint": format!("{origin}{INTROSPECT}"),
        "introspection_endpoint_auth_methods_supported": methods,
    });
    let mut members = document.as_object().cloned().unwrap_or_default();
    if setup.makes(Policy::JwksAbsent) {
        members.shift_remove("jwks_uri");
    }
    members
}

/// Answers with the keys: those of RFC 7517 appendix A, since no client has to check a signature of this server.
///
/// Source: RFC 7517 §5, RFC 8414 §2.
pub(super) fn keys(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    readable(request)?;
    let mut keys = vec![
        json!({
            "kty": "EC", "crv": "P-256", "use": "enc", "kid": "1",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        }),
        json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "2011-04-29", "n": MODULUS, "e": "AQAB" }),
    ];
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
const MODULUS: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
