//! The words of a target file.

use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// A target file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    /// Targets by name.
    #[schemars(extend("minProperties" = 1))]
    pub targets: IndexMap<String, Entry>,
}

/// One target.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Entry {
    /// Suites that are run when none is asked for.
    pub suites: Vec<String>,
    /// The issuer identifier (RFC 8414 §2). Without a token endpoint, what is not said here comes from its metadata.
    pub issuer: Option<String>,
    /// RFC 6749 §3.2.
    pub token_endpoint: Option<String>,
    /// RFC 6749 §3.1.
    pub authorization_endpoint: Option<String>,
    /// RFC 7009.
    pub revocation_endpoint: Option<String>,
    /// RFC 7662.
    pub introspection_endpoint: Option<String>,
    /// RFC 7591 §3. Checks register clients here, and delete them where the server lets them.
    pub registration_endpoint: Option<String>,
    /// RFC 8628 §3.1.
    pub device_authorization_endpoint: Option<String>,
    /// The keys of the authorization server (RFC 8414 §2).
    pub jwks_uri: Option<String>,
    /// Only if the metadata is not at the well-known place.
    pub metadata_url: Option<String>,
    /// What the client may ask for: words separated by spaces.
    pub scope: Option<String>,
    /// The same for the code flow; default: `scope`.
    pub authorization_scope: Option<String>,
    /// A scope that exists and that this client may not have.
    pub ungranted_scope: Option<String>,
    /// A scope of another resource than `scope`, which this client may ask for by itself.
    pub other_resource_scope: Option<String>,
    /// What the target promises to take; default `[client_credentials]`.
    pub grant_types: Option<Vec<String>>,
    /// In the words of RFC 8414; default `[client_secret_basic]`. The first is used for ordinary requests.
    pub token_endpoint_auth_methods: Option<Vec<String>>,
    /// Which bodies the token endpoint promises to take; default `[form]`.
    pub request_content_types: Option<Vec<ContentType>>,
    /// What else the target promises to keep to; checks of these documents apply only then.
    pub claims: Vec<Claim>,
    /// What a token exchange of this client needs besides the token (RFC 8693 §2.1).
    pub token_exchange: Option<TokenExchange>,
    /// The client that the checks play.
    pub client: Option<Client>,
    /// Another client; enables cross-client checks.
    pub second_client: Option<Client>,
    /// A client without a secret.
    pub public_client: Option<Client>,
    /// Who asks the introspection endpoint; default: `client`.
    pub resource_server: Option<Client>,
    /// What JWTs the token endpoint takes as grants (RFC 7523 §2.1).
    pub assertion_grant: Option<AssertionGrant>,
    /// A registered redirect URI.
    pub redirect_uri: Option<String>,
    /// A protected resource that takes the tokens.
    pub resource: Option<Resource>,
    /// What the client may name as `resource` in authorization and token requests (RFC 8707 §2): first the identifier of `resource`, then those of
    /// other resources, whose tokens `resource` must refuse.
    #[schemars(length(min = 1))]
    pub resource_indicators: Vec<String>,
    /// The user who logs in.
    pub login: Option<Login>,
    /// A file with certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy.
    pub proxy: Option<String>,
    /// Header fields added to every request to this target.
    pub headers: IndexMap<String, String>,
    /// Longest time for a whole exchange, for example `30s`.
    pub timeout: Option<String>,
    /// The other bounds.
    pub bounds: Option<BoundsEntry>,
}

/// A body that a token endpoint takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContentType {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/json`.
    Json,
}

/// A document that a target keeps to by its own choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Claim {
    /// The profile of JWT access tokens.
    #[serde(rename = "rfc9068")]
    Rfc9068,
    /// The draft of OAuth 2.1.
    #[serde(rename = "oauth-2.1")]
    OAuth21,
    /// The draft update of RFC 7523: the audience of client assertions is the issuer alone.
    #[serde(rename = "rfc7523bis")]
    Rfc7523bis,
}

/// A registered client.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// RFC 6749 §2.2.
    pub client_id: String,
    /// RFC 6749 §2.3.1: `${env:NAME}`, `${file:PATH}` or `${command:…}`.
    pub client_secret: Option<String>,
    /// A redirect URI that is registered for it (RFC 6749 §3.1.2.2); for `client` itself, `redirect_uri` of the target.
    pub redirect_uri: Option<String>,
    /// What client assertions are signed with: PEM or JWK, from `${env:NAME}`, `${file:PATH}` or `${command:…}`.
    pub private_key: Option<String>,
    /// The `kid` in the header of assertions (RFC 7515 §4.1.4); default: none.
    pub key_id: Option<String>,
    /// The `alg` of assertions; default: RS256, ES256, ES384 or EdDSA by the kind of key, and HS256 for a secret.
    pub assertion_algorithm: Option<String>,
    /// The `aud` of assertions; default: the token endpoint.
    pub assertion_audience: Option<String>,
}

/// Who issues JWT grants that the token endpoint trusts, and for whom.
///
/// Source: RFC 7523 §2.1 and §3.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssertionGrant {
    /// The `iss`.
    pub issuer: String,
    /// The `sub`: for whom a token is asked.
    pub subject: String,
    /// The issuer's key: PEM or JWK, from `${env:NAME}`, `${file:PATH}` or `${command:…}`.
    pub private_key: Option<String>,
    /// The `kid` (RFC 7515 §4.1.4); default: none.
    pub key_id: Option<String>,
    /// The `alg`; default: RS256, ES256, ES384 or EdDSA by the kind of key.
    pub algorithm: Option<String>,
    /// The `aud`; default: the token endpoint.
    pub audience: Option<String>,
    /// Whether `client` authenticates beside the grant; default: if there is a `client`.
    pub authenticate: Option<bool>,
}

/// A protected resource.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Where it is.
    pub url: String,
    /// Default GET.
    pub method: Option<String>,
    /// Of the body.
    pub content_type: Option<String>,
    /// What is posted to it.
    pub body: Option<String>,
    /// A file with what is posted to it, relative to the target file.
    pub body_file: Option<PathBuf>,
    /// The scope that it asks for.
    pub scope: Option<String>,
    /// A living token of another issuer, as another tenant's: `${env:NAME}`, `${file:PATH}` or `${command:…}`.
    pub foreign_issuer_token: Option<String>,
    /// A living token of the same issuer that is meant for another resource.
    pub foreign_audience_token: Option<String>,
    /// A living JWT of the same issuer that is no access token, such as an ID Token.
    pub foreign_type_token: Option<String>,
}

/// What a token exchange needs besides the token.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokenExchange {
    /// Whom the new token is for, by name.
    pub audience: Option<String>,
    /// Whom the new token is for, by URI.
    pub resource: Option<String>,
}

/// The user who logs in.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The name.
    pub username: String,
    /// `${env:NAME}`, `${file:PATH}` or `${command:…}`.
    pub password: String,
    /// Name of the form's field for the name, if it is not found by itself.
    pub username_field: Option<String>,
    /// Name of the form's field for the password, if it is not found by itself.
    pub password_field: Option<String>,
    /// Hosts that the login may lead over, besides those of the endpoints.
    #[serde(default)]
    pub hosts: Vec<String>,
}

/// Bounds of an exchange.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BoundsEntry {
    /// To the established connection, TLS included; default `10s`.
    pub connect: Option<String>,
    /// From the request to the end of the response's head; default `20s`.
    pub first_byte: Option<String>,
    /// Bytes of the body; default 1048576.
    #[schemars(range(min = 1024))]
    pub body: Option<usize>,
    /// Bytes of status line and header fields; default 65536.
    #[schemars(range(min = 1024))]
    pub head: Option<usize>,
    /// Nesting of JSON; default 100.
    #[schemars(range(min = 4, max = 120))]
    pub json_depth: Option<usize>,
}

/// Bounds of an exchange, all set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// To the established connection, TLS included.
    pub connect: Duration,
    /// From the request to the end of the response's head.
    pub first_byte: Duration,
    /// The whole exchange.
    pub whole: Duration,
    /// Bytes of the body.
    pub body: usize,
    /// Bytes of status line and header fields.
    pub head: usize,
    /// Nesting of JSON.
    pub json_depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(20),
            whole: Duration::from_secs(30),
            body: 1 << 20,
            head: 64 << 10,
            json_depth: 100,
        }
    }
}
