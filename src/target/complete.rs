//! What an entry does not say but what follows from it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use url::Url;

use super::Entry;
use crate::oauth::Secret;

/// What is not said but follows.
pub(super) fn complete(value: &mut Value, entry: &Entry, secrets: &[(String, Secret)]) {
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
        ("token_endpoint_auth_methods", json!([default_method(secrets)])),
        ("request_content_types", json!(["form"])),
    ] {
        if value.get(key).is_none_or(Value::is_null) {
            value[key] = default;
        }
    }
}

/// Says of a client whose secret is not made of printable ASCII that it is so, since no document holds the secret itself.
///
/// Source: RFC 6749 appendix A.2.
pub(super) fn note_odd_secrets(value: &mut Value, secrets: &[(String, Secret)]) {
    for (name, secret) in secrets {
        let odd = secret.expose().chars().any(|c| !matches!(c, ' '..='~'));
        if let Some(client) = name.strip_suffix(".client_secret")
            && odd
            && let Some(members) = value.get_mut(client).and_then(Value::as_object_mut)
        {
            members.insert("client_secret_characters".to_owned(), "beyond printable ASCII".into());
        }
    }
}

/// What every client may use, unless there is a key and no secret. Source: RFC 8414 §2.
fn default_method(secrets: &[(String, Secret)]) -> &'static str {
    let has = |name: &str| secrets.iter().any(|(own, _)| own == name);
    if has("client.private_key") && !has("client.client_secret") { "private_key_jwt" } else { "client_secret_basic" }
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
    let mut assertion = false;
    for (member, method) in [("client_secret", "client_secret_jwt"), ("private_key", "private_key_jwt")] {
        if secrets.iter().any(|(name, _)| *name == format!("client.{member}")) {
            claims.insert(member.into());
            assertion |= claims.contains(method);
        } else {
            // What the endpoint takes from others cannot be asked of it.
            claims.remove(method);
        }
    }
    if assertion {
        claims.insert("client_assertion".into());
    }
    if assertion || claims.contains("assertion_grant") {
        claims.insert("assertions".into());
    }
    claims.extend(over_tls(value));
    if !entry.resource_indicators.is_empty() {
        claims.insert("resource_indicators".into());
    }
    claims
}

/// What can be said of endpoints with TLS: that they have it, and whether they are on a host and port of their own.
///
/// TLS belongs to a host and a port, not to a path: of endpoints that share them, the first stands for the others.
fn over_tls(value: &Value) -> Vec<String> {
    let (mut said, mut seen) = (Vec::new(), Vec::new());
    for name in WITH_TLS {
        let url = if name == "resource" { &value[name]["url"] } else { &value[name] };
        let Some(url) = url.as_str().and_then(|url| Url::parse(url).ok()).filter(|url| url.scheme() == "https") else {
            continue;
        };
        said.push(format!("{name} over https"));
        if !seen.contains(&url.origin()) {
            seen.push(url.origin());
            said.push(format!("{name} on a host of its own"));
        }
    }
    said
}

/// Endpoints in the order in which one stands for another.
const WITH_TLS: [&str; 6] = [
    "token_endpoint",
    "authorization_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
    "metadata_url",
    "resource",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_endpoints_that_share_host_and_port_the_first_is_on_its_own() {
        let value = json!({
            "token_endpoint": "https://as.example/token", "revocation_endpoint": "https://as.example:443/revoke",
            "introspection_endpoint": "http://in.example/introspect", "metadata_url": "https://as.example:8443/m",
            "resource": { "url": "https://api.example/invoices" },
        });
        let said = over_tls(&value);
        let alone: Vec<&str> = said.iter().filter_map(|said| said.strip_suffix(" on a host of its own")).collect();
        assert_eq!(alone, ["token_endpoint", "metadata_url", "resource"]);
        let with: Vec<&str> = said.iter().filter_map(|said| said.strip_suffix(" over https")).collect();
        assert_eq!(with, ["token_endpoint", "revocation_endpoint", "metadata_url", "resource"]);
    }
}
