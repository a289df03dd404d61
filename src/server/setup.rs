//! What a server is started with, and what follows from it for the time it runs.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock::{Clock, SystemClock};
use crate::oauth::Secret;

use super::assertion::SUBJECT;
use super::dialect::Dialect;
use super::keys::{Key, KeyKind};
use super::{Policy, Rule, indicators, metadata};

/// What a server is started with; the default is the conforming server on a free port with the real clock.
#[derive(Clone)]
pub struct Settings {
    /// Tells when tokens expire and takes delays; a clock that can be moved is moved where the server would sleep.
    pub clock: Arc<dyn Clock>,
    /// By how much every answer is held back; default none.
    pub latency: Duration,
    /// Length of every access token in characters; `None`: what the format yields. The dialect's own wins.
    pub token_length: Option<usize>,
    /// By what the server differs from the conforming default.
    pub dialect: Dialect,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Certificate and key; `None` serves plain HTTP.
    pub tls: Option<Tls>,
    /// Makes tokens predictable, for tests that compare bytes; `None` takes the seed from the operating system.
    pub seed: Option<[u8; 32]>,
}

/// A certificate chain and its key, as PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificates, the server's own first.
    pub certificates_pem: String,
    /// The private key.
    pub key_pem: Secret,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            latency: Duration::ZERO,
            token_length: None,
            dialect: Dialect::default(),
            port: 0,
            tls: None,
            seed: None,
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("port", &self.port).field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

/// A registered client. Source: RFC 6749 §2.
pub(super) struct Client {
    pub(super) id: String,
    /// `None` makes the client a public one (RFC 6749 §2.1).
    pub(super) secret: Option<Secret>,
    /// What it signs assertions with (RFC 7523 §2.2); `None` for a client that is registered without a key.
    pub(super) key: Option<Key>,
    pub(super) grant_types: &'static [&'static str],
    pub(super) scopes: Vec<String>,
    /// Source: RFC 6749 §3.1.2.2.
    pub(super) redirect_uris: Vec<String>,
}

/// Whose JWT grants are trusted. Source: RFC 7523 §3 item 1.
pub(super) struct Issuer {
    pub(super) id: String,
    pub(super) key: Option<Key>,
}

/// Everything about a running server that does not change.
pub(super) struct Setup {
    pub(super) origin: String,
    pub(super) issuer: String,
    /// What follows the origin in the issuer; empty or with a leading slash.
    pub(super) issuer_path: String,
    /// The main client, the second client, the public client, the resource server.
    pub(super) clients: [Client; 4],
    pub(super) issuer_of_grants: Issuer,
    pub(super) dialect: Dialect,
    pub(super) token_length: Option<usize>,
    pub(super) expires_in: u64,
    pub(super) max_header: usize,
    pub(super) latency_ms: u64,
    pub(super) default_scope: String,
    /// Grants that every client may use besides its own.
    pub(super) extra_grants: Vec<&'static str>,
    /// What resources ask for.
    pub(super) scopes: Vec<String>,
    pub(super) lock_after: Option<u32>,
}

impl Setup {
    /// `seed` is what keys follow from.
    pub(super) fn new(settings: &Settings, origin: String, seed: &[u8; 32]) -> Self {
        let mut dialect = settings.dialect.clone();
        dialect.speak_as(&origin);
        let set = &dialect.overrides;
        let path = set.issuer_path.clone().unwrap_or_default();
        let scopes = set.scopes.clone().unwrap_or_else(|| SCOPES.map(str::to_owned).to_vec());
        let default_scope = set.default_scope.as_ref().or(scopes.first()).cloned().unwrap_or_default();
        let offline = !dialect.makes(Policy::RefreshAlways);
        let own: Vec<String> = scopes.iter().cloned().chain(offline.then(|| OFFLINE_ACCESS.to_owned())).collect();
        let confidential = |id: &str, secret: &str, kind: KeyKind, redirect_uri: Option<&str>| Client {
            id: id.to_owned(),
            secret: Some(Secret::new(secret)),
            key: Key::new(kind, seed, id),
            grant_types: &[CLIENT_CREDENTIALS, AUTHORIZATION_CODE, REFRESH_TOKEN, TOKEN_EXCHANGE, JWT_BEARER],
            scopes: own.clone(),
            redirect_uris: redirect_uri.map(str::to_owned).into_iter().collect(),
        };
        let public = Client {
            id: PUBLIC_ID.to_owned(),
            secret: None,
            key: None,
            grant_types: &[AUTHORIZATION_CODE, REFRESH_TOKEN],
            scopes: own.clone(),
            redirect_uris: vec![set.public_redirect_uri.as_deref().unwrap_or(PUBLIC_REDIRECT_URI).to_owned()],
        };
        let kind = set.client_key.unwrap_or_default();
        let life = if dialect.makes(Policy::TokenShortLived) { 5 } else { 3600 };
        Self {
            issuer: format!("{origin}{path}"),
            issuer_path: path,
            clients: [
                confidential(
                    set.client_id.as_deref().unwrap_or(ID),
                    set.client_secret.as_deref().unwrap_or(SECRET),
                    kind,
                    Some(REDIRECT_URI),
                ),
                confidential(SECOND_ID, SECOND_SECRET, KeyKind::Ed25519, Some(SECOND_REDIRECT_URI)),
                public,
                Client {
                    grant_types: &[],
                    ..confidential(RESOURCE_SERVER_ID, RESOURCE_SERVER_SECRET, KeyKind::Ed25519, None)
                },
            ],
            issuer_of_grants: Issuer { id: ISSUER_OF_GRANTS.to_owned(), key: Key::new(kind, seed, ISSUER_OF_GRANTS) },
            token_length: set.token_length.or(settings.token_length),
            expires_in: set.expires_in.unwrap_or(life),
            max_header: set.max_header.unwrap_or(LONGEST_HEADER),
            latency_ms: u64::try_from(settings.latency.as_millis()).unwrap_or(u64::MAX),
            default_scope,
            extra_grants: USER_GRANTS.into_iter().filter(|own| set.grants.iter().any(|grant| grant == own)).collect(),
            scopes,
            lock_after: set.lock_after,
            origin,
            dialect,
        }
    }

    /// What an invalid subject token is called.
    pub(super) fn exchange_error(&self) -> &'static str {
        if self.keeps(Rule::ExchangeInvalidRequest) { "invalid_request" } else { "invalid_grant" }
    }

    pub(super) fn keeps(&self, rule: Rule) -> bool {
        self.dialect.keeps(rule)
    }

    pub(super) fn makes(&self, policy: Policy) -> bool {
        self.dialect.makes(policy)
    }

    /// The client of the target entry.
    pub(super) fn main(&self) -> &Client {
        &self.clients[0]
    }

    /// The client of this id.
    pub(super) fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }

    /// The entry for a target file: what this server claims, the credentials for it, and tokens that its resource must refuse.
    pub(super) fn target(&self, foreign: &[(&str, String)]) -> Value {
        let mut claimed = self.claimed();
        for (name, token) in foreign {
            claimed["resource"][*name] = token.as_str().into();
        }
        let mut entry = match claimed {
            Value::Object(entry) => entry,
            _ => Map::new(),
        };
        if self.makes(Policy::IntrospectionResourceServersOnly) {
            let [.., resource_server] = &self.clients;
            entry.insert("resource_server".to_owned(), pair(resource_server));
        }
        if !self.makes(Policy::RegistrationAbsent) {
            entry.insert("registration_endpoint".to_owned(), json!(format!("{}{REGISTER}", self.origin)));
        }
        if !self.makes(Policy::IndicatorsIgnored) {
            entry.insert("resource_indicators".to_owned(), json!(indicators::known(self)));
        }
        let origin = &self.origin;
        let token_endpoint = format!("{origin}{TOKEN}");
        let values = [
            ("${origin}", origin.as_str()),
            ("${port}", origin.rsplit(':').next().unwrap_or_default()),
            ("${token_endpoint}", &token_endpoint),
            ("${token_path}", TOKEN),
        ];
        self.dialect.lay_over_target(&mut entry, &values);
        Value::Object(entry)
    }

    /// What every entry says.
    fn claimed(&self) -> Value {
        let Self { origin, issuer, .. } = self;
        let [main, second, public, _] = &self.clients;
        let grant_types: Vec<&str> = main
            .grant_types
            .iter()
            .chain(self.extra_grants.iter().filter(|own| !main.grant_types.contains(own)))
            .copied()
            .collect();
        let contents = if self.makes(Policy::JsonRefused) { json!(["form"]) } else { json!(["form", "json"]) };
        json!({
            "issuer": issuer,
            "token_endpoint": format!("{origin}{TOKEN}"),
            "revocation_endpoint": format!("{origin}{REVOKE}"),
            "introspection_endpoint": format!("{origin}{INTROSPECT}"),
            "metadata_url": format!("{origin}{}", metadata::places(self).first().map_or("", String::as_str)),
            "jwks_uri": format!("{origin}{JWKS}"),
            "authorization_endpoint": format!("{origin}{AUTHORIZE}"),
            "scope": self.scopes.join(" "),
            "authorization_scope": main.scopes.join(" "),
            "ungranted_scope": UNGRANTED,
            "grant_types": grant_types,
            "other_resource_scope": OTHER_SCOPE,
            "token_endpoint_auth_methods":
                ["client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt"],
            "request_content_types": contents,
            "claims": ["rfc9068", "oauth-2.1"],
            "redirect_uri": main.redirect_uris.first(),
            "login": { "username": USERNAME, "password": USER_PASSWORD },
            "client": pair(main),
            "second_client": pair(second),
            "public_client": { "client_id": public.id, "redirect_uri": public.redirect_uris.first() },
            "assertion_grant": {
                "issuer": self.issuer_of_grants.id, "subject": SUBJECT,
                "private_key": private(self.issuer_of_grants.key.as_ref()),
            },
            "resource": {
                "url": format!("{origin}{RESOURCE}"),
                "method": "POST",
                "content_type": "application/json",
                "body": "{\"invoice\":{\"number\":\"INV-1\",\"total\":\"119.00\",\"currency\":\"EUR\"}}",
                "scope": RESOURCE_WRITE,
            },
        })
    }
}

/// A client of a target entry.
fn pair(client: &Client) -> Value {
    json!({
        "client_id": client.id, "client_secret": client.secret.as_ref().map(Secret::expose),
        "private_key": private(client.key.as_ref()), "redirect_uri": client.redirect_uris.first(),
    })
}

fn private(key: Option<&Key>) -> Option<&str> {
    key.map(|key| key.private_pem.expose())
}

pub(super) const TOKEN: &str = "/token";
pub(super) const AUTHORIZE: &str = "/authorize";
/// Where a server that has moved its authorization endpoint serves it.
pub(super) const MOVED: &str = "/v2/authorize";
pub(super) const ERROR: &str = "/error";
pub(super) const LOGIN: &str = "/login";
pub(super) const CONSENT: &str = "/consent";
/// Asks for a refresh token. Source: OpenID Connect Core §11.
pub(super) const OFFLINE_ACCESS: &str = "offline_access";
pub(super) const USERNAME: &str = "alice";
/// Differs under every encoding that forms go through.
pub(super) const USER_PASSWORD: &str = "w0nder land+%&<é";
const REDIRECT_URI: &str = "https://client.example/cb";
const SECOND_REDIRECT_URI: &str = "https://second.example/cb?x=1&y=a%2Fb";
/// A native app's. Source: RFC 8252 §7.3.
const PUBLIC_REDIRECT_URI: &str = "http://127.0.0.1/cb";
pub(super) const REVOKE: &str = "/revoke";
pub(super) const INTROSPECT: &str = "/introspect";
pub(super) const REGISTER: &str = "/register";
pub(super) const JWKS: &str = "/jwks";
pub(super) const RESOURCE: &str = "/invoices";
pub(super) const CLIENT_CREDENTIALS: &str = "client_credentials";
pub(super) const AUTHORIZATION_CODE: &str = "authorization_code";
pub(super) const REFRESH_TOKEN: &str = "refresh_token";
pub(super) const PASSWORD: &str = "password";
pub(super) const USER_GRANTS: [&str; 3] = [AUTHORIZATION_CODE, REFRESH_TOKEN, PASSWORD];
/// Source: RFC 8693 §2.1.
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// Source: RFC 7523 §2.1.
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(super) const RESOURCE_READ: &str = "invoices.read";
pub(super) const RESOURCE_WRITE: &str = "invoices.write";
/// A scope of another resource, which every client is registered for and which is granted by itself only.
pub(super) const OTHER_SCOPE: &str = "orders.read";
/// A scope that exists and that no client is registered for.
pub(super) const UNGRANTED: &str = "admin";
pub(super) const LONGEST_HEADER: usize = 16 * 1024;
const SCOPES: [&str; 2] = [RESOURCE_READ, RESOURCE_WRITE];
const ID: &str = "gl";
/// Differs in everything that clients get wrong: between the base64 alphabets (`~` at offset 11 of the pair), under
/// form-encoding (`~`, `?`, `+`, `/`, `%`), and by a colon of its own.
const SECRET: &str = "s3cret:~~?~+/%";
const SECOND_ID: &str = "gl2";
const SECOND_SECRET: &str = "0ther-s3cret";
const PUBLIC_ID: &str = "pub";
/// Who may see the tokens of every client at introspection.
pub(super) const RESOURCE_SERVER_ID: &str = "rs";
const RESOURCE_SERVER_SECRET: &str = "res0urce-s3cret";
const ISSUER_OF_GRANTS: &str = "https://idp.example";

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    #[test]
    fn the_main_pair_differs_in_every_encoding_that_clients_confuse() {
        let pair = format!("{ID}:{SECRET}");
        assert_ne!(STANDARD.encode(&pair), URL_SAFE.encode(&pair));
        assert!(SECRET.contains(['+', '%']) && SECRET.contains(':'));
    }

    #[test]
    fn a_dialect_changes_the_target_member_by_member() {
        let mut dialect = Dialect::of(&[], &[Policy::JsonRefused]);
        let fault = json!({ "behaviour": "x", "settings": { "client_secret": "new" },
                            "target": { "client": { "client_id": "other" }, "second_client": null, "resource": { "url": "${origin}/x" } } });
        dialect.add(serde_json::from_value(fault).unwrap()).unwrap();
        let settings = Settings { dialect, ..Settings::default() };
        let target = Setup::new(&settings, "http://h".to_owned(), &[0; 32]).target(&[]);
        assert_eq!(
            (&target["client"]["client_id"], &target["client"]["client_secret"]),
            (&json!("other"), &json!("new"))
        );
        assert_eq!(target["resource"]["url"], "http://h/x");
        assert_eq!((target.get("second_client"), &target["request_content_types"]), (None, &json!(["form"])));
    }
}
