//! What an entry does not say but what follows from it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use url::Url;

use crate::oauth::Secret;

/// What is not said but follows from the entry alone. Of a target that is yet to be discovered, what its metadata will say is left
/// open.
pub(super) fn complete(value: &mut Value) {
    if let Some(scope) = text(value, "scope")
        && text(value, "authorization_scope").is_none()
    {
        value["authorization_scope"] = scope.into();
    }
    if !is_undiscovered(value) {
        defaults(value);
    }
}

/// Whether the endpoints are still to be learned from metadata.
pub(super) fn is_undiscovered(value: &Value) -> bool {
    text(value, "token_endpoint").is_none()
        && (text(value, "issuer").is_some() || text(value, "metadata_url").is_some())
}

/// What counts where neither the entry nor metadata says anything.
pub(super) fn defaults(value: &mut Value) {
    if let Some(url) = text(value, "issuer").filter(|_| text(value, "metadata_url").is_none()).and_then(well_known) {
        value["metadata_url"] = url.into();
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

/// Where the metadata of an issuer is: the well-known part stands between host and path. Source: RFC 8414 §3.1.
fn well_known(issuer: String) -> Option<String> {
    let url = Url::parse(&issuer).ok()?;
    let path = url.path().trim_end_matches('/');
    Some(format!("{}/.well-known/oauth-authorization-server{path}", url.origin().ascii_serialization()))
}

/// A text of the entry that is not empty.
pub(super) fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The features that the target claims: the words of `needs`.
pub(super) fn claims(value: &Value, secrets: &[(String, Secret)]) -> BTreeSet<String> {
    let mut claims = BTreeSet::new();
    for list in ["grant_types", "token_endpoint_auth_methods", "request_content_types", "claims"] {
        claims.extend(value[list].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    }
    for (key, member) in value.as_object().into_iter().flatten() {
        if !member.is_null() && !member.is_array() && member.as_str() != Some("") {
            claims.insert(key.clone());
        }
    }
    if text(value, "scope").is_some_and(|scope| scope.split(' ').filter(|word| !word.is_empty()).count() > 1) {
        claims.insert("scope_list".into());
    }
    if text(value, "token_endpoint").is_some_and(|url| url.starts_with("https:")) {
        claims.insert("https".into());
    }
    if secrets.iter().any(|(name, _)| name == "client.client_secret") {
        claims.insert("client_secret".into());
    }
    claims
}
