//! The metadata document, and the keys that it points to.

use serde_json::json;

use super::endpoints::Turn;
use super::message::{Reply, Request};
use super::setup::{INTROSPECT, JWKS, REVOKE, TOKEN};
use super::{Policy, Rule, errors};

/// Answers at the place of the keys. Source: RFC 8414 §2 (`jwks_uri`), RFC 7517 §5.
pub(super) fn keys(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    if !["GET", "HEAD"].contains(&request.method.as_str()) {
        return Err(errors::method_not_allowed("GET, HEAD"));
    }
    Ok(Reply::json("jwks", 200, turn.state.signer.jwk_set()))
}

/// Answers at the well-known place. Source: RFC 8414 §2 and §3.
pub(super) fn answer(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    if !["GET", "HEAD"].contains(&request.method.as_str()) {
        return Err(errors::method_not_allowed("GET, HEAD"));
    }
    if setup.makes(Policy::ForwardedRefused) && FORWARDED.iter().any(|name| request.header(name).next().is_some()) {
        return Err(Reply::text("http.400", 400, "bad request\n"));
    }
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
        "token_endpoint_auth_methods_supported": methods,
        "jwks_uri": format!("{origin}{JWKS}"),
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        // Required although there is no authorization endpoint; §3.2 would rather have no empty array, but cannot omit it.
        "response_types_supported": [],
        "grant_types_supported": grant_types,
        "scopes_supported": setup.main().scopes,
        "revocation_endpoint": format!("{origin}{REVOKE}"),
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint": format!("{origin}{INTROSPECT}"),
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
    });
    Ok(Reply::json("metadata", 200, document.as_object().cloned().unwrap_or_default()))
}

/// The origin as a server sees it that believes what its proxy passes on from anybody. Source: RFC 7239 §5.3, RFC 9700 §4.13.
fn forwarded_origin(request: &Request, own: &str) -> String {
    let told = |name| request.header(name).next().map(|value| String::from_utf8_lossy(value).into_owned());
    let (scheme, host) = own.split_once("://").unwrap_or(("http", own));
    let scheme = told("x-forwarded-proto").unwrap_or_else(|| scheme.to_owned());
    format!("{scheme}://{}", told("x-forwarded-host").unwrap_or_else(|| host.to_owned()))
}

const FORWARDED: [&str; 3] = ["forwarded", "x-forwarded-host", "x-forwarded-proto"];
