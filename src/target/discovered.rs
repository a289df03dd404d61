//! What an entry leaves open, taken from the metadata of its issuer. Pure: who fetched the document is not its business.

use std::net::IpAddr;

use serde_json::{Value, json};
use url::{Host, Url};

use super::complete::{claims, defaults, is_undiscovered, text};
use super::{Target, mistakes};

/// Why the endpoints of a metadata document are not used: one sentence, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untrusted {
    /// What is wrong, as a lower-case fragment.
    pub says: String,
    /// The way out.
    pub next: String,
}

impl Target {
    /// Whether the endpoints are still to be learned from metadata: the entry names an issuer and no token endpoint.
    #[must_use]
    pub fn is_undiscovered(&self) -> bool {
        is_undiscovered(&self.public)
    }

    /// The same target, with what it leaves open taken from a metadata document that was found at `found_at`. What the entry says
    /// wins; an endpoint that it sets to null stays unclaimed.
    ///
    /// A document of another origin than the issuer's names no endpoint that credentials may go to, and no endpoint may be less
    /// protected than the document. Another host is lawful: the document says so under TLS.
    ///
    /// # Errors
    /// The document is another issuer's, or no token endpoint can be used.
    ///
    /// Source: RFC 8414 §2, §3.3, §6.2.
    pub fn with_metadata(&self, found_at: &str, document: &Value) -> Result<Self, Untrusted> {
        let asked = text(&self.public, "issuer").unwrap_or_else(|| found_at.to_owned());
        own_issuer(&asked, document)?;
        let mut value = self.public.clone();
        let mut taken = Vec::new();
        let mut passed_over = Vec::new();
        for name in ENDPOINTS {
            let Some(url) = document.get(name).and_then(Value::as_str) else { continue };
            let said = value.get(name).is_some_and(|own| name != "token_endpoint" || !own.is_null());
            if said {
                continue;
            }
            match usable(url, name, found_at) {
                Ok(()) => {
                    value[name] = url.into();
                    taken.push(name);
                }
                Err(why) => passed_over.push(format!("{name} `{}` is not used: {why}", url.escape_debug())),
            }
        }
        if text(&value, "token_endpoint").is_none() {
            let says = passed_over.into_iter().find(|why| why.starts_with("token_endpoint"));
            return Err(Untrusted {
                says: says.unwrap_or_else(|| "the metadata names no token endpoint".to_owned()),
                next: NAME_IT.to_owned(),
            });
        }
        lists(&mut value, document);
        if text(&value, "metadata_url").is_none() {
            value["metadata_url"] = found_at.into();
        }
        value["discovered"] = json!({"from": found_at, "members": taken, "passed_over": passed_over});
        defaults(&mut value, &self.secrets);
        Ok(Self { claims: claims(&value, &self.secrets), public: value, ..self.clone() })
    }

    /// The same target when no metadata can be used: what it says itself, and the place where its metadata should be.
    #[must_use]
    pub fn without_metadata(&self) -> Self {
        let mut value = self.public.clone();
        defaults(&mut value, &self.secrets);
        Self { claims: claims(&value, &self.secrets), public: value, ..self.clone() }
    }
}

/// Grants and authentication methods that metadata lists, as far as they can be played.
///
/// The lists speak of all clients, and a client is registered for one method: of those listed only one is claimed, Basic before the
/// body (RFC 6749 §2.3.1). A list that is absent stands for a default that servers forget about, so that the entry's default counts.
fn lists(value: &mut Value, document: &Value) {
    let listed = |name: &str| -> Option<Vec<&str>> {
        Some(document.get(name)?.as_array()?.iter().filter_map(Value::as_str).collect())
    };
    let unsaid = |value: &Value, key: &str| value.get(key).is_none_or(Value::is_null);
    if let Some(listed) = listed("grant_types_supported").filter(|_| unsaid(value, "grant_types")) {
        let played: Vec<&str> = GRANTS.into_iter().filter(|grant| listed.contains(grant)).collect();
        value["grant_types"] = json!(played);
    }
    if let Some(listed) =
        listed("token_endpoint_auth_methods_supported").filter(|_| unsaid(value, "token_endpoint_auth_methods"))
    {
        let played: Vec<&str> = METHODS.into_iter().filter(|method| listed.contains(method)).take(1).collect();
        value["token_endpoint_auth_methods"] = json!(played);
    }
}

/// The document has to be of the issuer's own origin; that it is not the identical issuer is a finding and no danger.
fn own_issuer(asked: &str, document: &Value) -> Result<(), Untrusted> {
    let refused = |says: String| Err(Untrusted { says, next: NAME_IT.to_owned() });
    let Some(issuer) = document.get("issuer").and_then(Value::as_str) else {
        return refused("the metadata does not say whose it is: it has no issuer".to_owned());
    };
    let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin());
    match (origin(asked), origin(issuer)) {
        (Some(asked), Some(own)) if asked == own => Ok(()),
        _ => refused(format!(
            "the metadata is that of another issuer, `{}`: credentials do not go to the endpoints that it names",
            issuer.escape_debug()
        )),
    }
}

/// Whether credentials may go to an endpoint that the document found at `found_at` names.
fn usable(url: &str, name: &str, found_at: &str) -> Result<(), String> {
    mistakes::url(url, &format!("/{name}")).map_err(|(message, _)| message)?;
    let parsed = |text: &str| Url::parse(text).map_err(|error| error.to_string());
    let (endpoint, document) = (parsed(url)?, parsed(found_at)?);
    if document.scheme() == "https" && endpoint.scheme() != "https" {
        return Err("the metadata came over https, and this endpoint would get credentials in the clear".into());
    }
    if document.scheme() != "https" && endpoint.host() != document.host() {
        return Err("the metadata came over http, where anybody on the way may have put another host in".into());
    }
    if is_own_machine(&endpoint) && !is_own_machine(&document) {
        return Err("it is an address of this machine, and the issuer is not".into());
    }
    Ok(())
}

/// Loopback, link-local and unspecified addresses, and the names for them.
fn is_own_machine(url: &Url) -> bool {
    let own = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_unicast_link_local()
                || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback() || v4.is_link_local())
        }
    };
    match url.host() {
        Some(Host::Ipv4(address)) => own(address.into()),
        Some(Host::Ipv6(address)) => own(address.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => true,
    }
}

/// Members of the document that are keys of an entry too. Source: RFC 8414 §2, RFC 8628 §4. Not `registration_endpoint`: who
/// registers a client leaves something behind that others see, so the target file has to name it.
const ENDPOINTS: [&str; 6] = [
    "token_endpoint",
    "authorization_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
    "device_authorization_endpoint",
    "jwks_uri",
];
/// Grants that can be played without more than a client.
const GRANTS: [&str; 1] = ["client_credentials"];
/// Methods that can be played with a client secret, the one that is taken first.
const METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];
const NAME_IT: &str = "check the issuer; where this is known and right, name `token_endpoint` in the target file";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::from_entry;

    const WELL_KNOWN: &str = "https://as.example/.well-known/oauth-authorization-server";

    fn with(entry: Value, found_at: &str, document: Value) -> Result<Value, String> {
        let target = from_entry("t", entry).unwrap();
        assert!(target.is_undiscovered());
        target.with_metadata(found_at, &document).map(|target| target.public).map_err(|untrusted| untrusted.says)
    }

    #[test]
    fn what_the_entry_says_wins_and_null_stays_unclaimed() {
        let entry = json!({"issuer": "https://as.example", "revocation_endpoint": "https://as.example/own",
            "introspection_endpoint": null, "grant_types": ["password"]});
        let document = json!({"issuer": "https://as.example", "token_endpoint": "https://tokens.example/token",
            "revocation_endpoint": "https://as.example/r", "introspection_endpoint": "https://as.example/i",
            "grant_types_supported": ["client_credentials"], "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"]});
        let public = with(entry, WELL_KNOWN, document).unwrap();
        assert_eq!(public["token_endpoint"], "https://tokens.example/token");
        assert_eq!(public["revocation_endpoint"], "https://as.example/own");
        assert!(public["introspection_endpoint"].is_null());
        assert_eq!(public["grant_types"], json!(["password"]));
        assert_eq!(public["token_endpoint_auth_methods"], json!(["client_secret_basic"]));
        assert_eq!(public["discovered"]["members"], json!(["token_endpoint"]));
        assert_eq!(public["metadata_url"], WELL_KNOWN);
    }

    #[test]
    fn only_what_is_listed_is_claimed_and_an_absent_list_claims_the_default() {
        let document = json!({"issuer": "https://as.example/", "token_endpoint": "https://as.example/token",
            "grant_types_supported": ["authorization_code"], "token_endpoint_auth_methods_supported": ["private_key_jwt"]});
        let public = with(json!({"issuer": "https://as.example"}), WELL_KNOWN, document).unwrap();
        assert_eq!((&public["grant_types"], &public["token_endpoint_auth_methods"]), (&json!([]), &json!([])));
        let bare = json!({"issuer": "https://as.example", "token_endpoint": "https://as.example/token"});
        let public = with(json!({"issuer": "https://as.example"}), WELL_KNOWN, bare).unwrap();
        assert_eq!(public["grant_types"], json!(["client_credentials"]));
    }

    #[test]
    fn credentials_go_to_no_endpoint_that_a_wrong_document_names() {
        let token = "https://as.example/token";
        for (issuer, found_at, own, endpoint, says) in [
            ("https://as.example", WELL_KNOWN, json!("https://evil.example"), token, "another issuer"),
            ("https://as.example", WELL_KNOWN, json!("http://as.example"), token, "another issuer"),
            ("https://as.example", WELL_KNOWN, json!("https://as.example:8443"), token, "another issuer"),
            ("https://as.example", WELL_KNOWN, json!("as.example"), token, "another issuer"),
            ("https://as.example", WELL_KNOWN, json!(null), token, "no issuer"),
            ("https://as.example", WELL_KNOWN, json!("https://as.example"), "http://as.example/token", "in the clear"),
            ("https://as.example", WELL_KNOWN, json!("https://as.example"), "https://127.0.0.1/token", "this machine"),
            ("https://as.example", WELL_KNOWN, json!("https://as.example"), "https://[::1]/token", "this machine"),
            ("https://as.example", WELL_KNOWN, json!("https://as.example"), "https://a.localhost./", "this machine"),
            ("https://as.example", WELL_KNOWN, json!("https://as.example"), "https://x@as.example/", "credentials"),
            ("https://as.example", WELL_KNOWN, json!("https://as.example"), "file:///etc/passwd", "neither http nor"),
            ("https://as.example", WELL_KNOWN, json!("https://as.example"), "/token", "not a URL"),
            (
                "http://as.corp",
                "http://as.corp/x",
                json!("http://as.corp"),
                "https://evil.example/",
                "anybody on the way",
            ),
        ] {
            let document = json!({"issuer": own, "token_endpoint": endpoint});
            let refused = with(json!({"issuer": issuer}), found_at, document).unwrap_err();
            assert!(refused.contains(says), "{own} {endpoint}: {refused}");
        }
        let document = json!({"issuer": "https://as.example/tenant", "token_endpoint": "https://other.example/token"});
        assert!(with(json!({"metadata_url": WELL_KNOWN}), WELL_KNOWN, document).is_ok());
    }
}
