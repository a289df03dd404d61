//! The metadata document.

use serde_json::json;

use super::endpoints::Turn;
use super::message::{Reply, Request};
use super::setup::{CLIENT_CREDENTIALS, INTROSPECT, REVOKE, TOKEN};
use super::{Policy, Rule, errors};

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
    let mut grant_types = vec![CLIENT_CREDENTIALS];
    if !setup.keeps(Rule::MetadataTruthful) {
        grant_types.push("password");
    }
    let mut methods = Vec::new();
    methods.extend((!setup.makes(Policy::BasicRefused)).then_some("client_secret_basic"));
    methods.extend((!setup.makes(Policy::BodyCredentialsRefused)).then_some("client_secret_post"));
    let forwarded = (!setup.keeps(Rule::ForwardedIgnored)).then(|| forwarded_origin(request, &setup.origin));
    let origin = forwarded.as_ref().unwrap_or(&setup.origin);
    let issuer = setup.issuer.replacen(&setup.origin, origin, 1);
    let document = json!({
        "issuer": format!("{issuer}{slash}"),
        "token_endpoint": format!("{origin}{TOKEN}"),
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
