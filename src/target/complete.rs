//! What an entry does not say but what follows from it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use url::Url;

use super::Entry;
use crate::oauth::Secret;

/// What is not said but follows.
pub(super) fn complete(value: &mut Value, entry: &Entry) {
    if entry.metadata_url.is_none()
        && let Some(url) = entry.issuer.as_deref().and_then(|issuer| Url::parse(issuer).ok())
    {
        // RFC 8414 §3.1: the well-known part stands between host and path.
        let path = url.path().trim_end_matches('/');
        let origin = url.origin().ascii_serialization();
        value["metadata_url"] = format!("{origin}/.well-known/oauth-authorization-server{path}").into();
    }
    if entry.authorization_scope.is_none()
        && let Some(scope) = &entry.scope
    {
        value["authorization_scope"] = scope.as_str().into();
    }
    for (key, default) in [
        ("grant_types", json!(["client_credentials"])),
        ("token_endpoint_auth_methods", json!(["client_secret_basic"])),
        ("request_content_types", json!(["form"])),
    ] {
        if value.get(key).is_none_or(Value::is_null) {
            value[key] = default;
        }
    }
}

/// The features that the target claims: the words of `needs`.
pub(super) fn claims(value: &Value, entry: &Entry, secrets: &[(String, Secret)]) -> BTreeSet<String> {
    let mut claims = BTreeSet::new();
    for list in ["grant_types", "token_endpoint_auth_methods", "request_content_types", "claims"] {
        claims.extend(value[list].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    }
    for (key, member) in value.as_object().into_iter().flatten() {
        if !member.is_null() && !member.is_array() && member.as_str() != Some("") {
            claims.insert(key.clone());
        }
    }
    if entry.scope.as_deref().is_some_and(|scope| scope.split(' ').filter(|word| !word.is_empty()).count() > 1) {
        claims.insert("scope_list".into());
    }
    if entry.token_endpoint.as_deref().is_some_and(|url| url.starts_with("https:")) {
        claims.insert("https".into());
    }
    for client in ["second_client", "public_client"] {
        if value.pointer(&format!("/{client}/redirect_uri")).is_some_and(Value::is_string) {
            claims.insert(format!("{client}_redirect_uri"));
        }
    }
    if secrets.iter().any(|(name, _)| name == "client.client_secret") {
        claims.insert("client_secret".into());
    }
    claims
}
