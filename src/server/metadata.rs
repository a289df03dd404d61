//! The metadata document.

use serde_json::json;

use super::endpoints::Turn;
use super::message::{Reply, Request};
use super::setup::{AUTHORIZATION_CODE, AUTHORIZE, CLIENT_CREDENTIALS, INTROSPECT, REFRESH_TOKEN, REVOKE, TOKEN};
use super::{Policy, Rule, errors};

/// Answers at the well-known place. Source: RFC 8414 §2 and §3.
pub(super) fn answer(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    if !["GET", "HEAD"].contains(&request.method.as_str()) {
        return Err(errors::method_not_allowed("GET, HEAD"));
    }
    let slash = if setup.keeps(Rule::MetadataIssuer) { "" } else { "/" };
    let mut grant_types = vec![CLIENT_CREDENTIALS, AUTHORIZATION_CODE, REFRESH_TOKEN];
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
        "token_endpoint_auth_methods_supported": methods,
        "authorization_endpoint": format!("{origin}{AUTHORIZE}"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "grant_types_supported": grant_types,
        "scopes_supported": setup.main().scopes,
        "revocation_endpoint": format!("{origin}{REVOKE}"),
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint": format!("{origin}{INTROSPECT}"),
        "introspection_endpoint_auth_methods_supported": methods,
    });
    Ok(Reply::json("metadata", 200, document.as_object().cloned().unwrap_or_default()))
}
