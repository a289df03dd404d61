//! What an entry does not say but what follows from it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use url::Url;

use crate::oauth::Secret;

/// What is not said but follows from the entry alone. Of a target that is yet to be discovered, what its metadata will say is left
/// open.
pub(super) fn complete(value: &mut Value, secrets: &[(String, Secret)]) {
    if let Some(scope) = text(value, "scope")
        && text(value, "authorization_scope").is_none()
    {
        value["authorization_scope"] = scope.into();
    }
    if !is_undiscovered(value) {
        defaults(value, secrets);
    }
}

/// Whether the endpoints are still to be learned from metadata.
pub(super) fn is_undiscovered(value: &Value) -> bool {
    text(value, "token_endpoint").is_none()
        && (text(value, "issuer").is_some() || text(value, "metadata_url").is_some())
}

/// What counts where neither the entry nor metadata says anything.
pub(super) fn defaults(value: &mut Value, secrets: &[(String, Secret)]) {
    if let Some(url) = text(value, "issuer").filter(|_| text(value, "metadata_url").is_none()).and_then(well_known) {
        value["metadata_url"] = url.into();
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
    if value["resource_indicators"].as_array().is_some_and(|all| !all.is_empty()) {
        claims.insert("resource_indicators".into());
    }
    for client in ["second_client", "public_client"] {
        if value.pointer(&format!("/{client}/redirect_uri")).is_some_and(Value::is_string) {
            claims.insert(format!("{client}_redirect_uri"));
        }
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
