//! The files of `specs/` as types; their JSON Schemas are generated from here. Exchange files stand in this one.

mod check;
mod diagnosis;
mod jwt;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use check::{
    CheckFile, ClauseList, ClauseMap, Everywhere, Level, LevelChange, MatcherSchema, OneOrMany, PresenceWord, Soft,
    SuiteFile,
};
pub use diagnosis::{DiagnosisFile, RUNS, RunSigns};
pub use jwt::{Form, Jwt, Sign, Signer};

/// An exchange: what is sent, and what the answer to it is when all is well.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = any_member_may_be_absent)]
pub struct ExchangeFile {
    /// What it is, for people.
    pub title: Option<String>,
    /// Takes another exchange over; own keys are laid over it, member by member, and `absent` takes one away. Proves nothing
    /// unless that exchange worked.
    pub like: Option<String>,
    /// As `like`, with every value exactly as it was sent.
    pub resend: Option<String>,
    /// A request (default), a walk through the authorization endpoint, or a TLS hello.
    pub kind: Option<Kind>,
    /// Where to: the name of an endpoint of the target.
    pub endpoint: Option<Endpoint>,
    /// Where to, in full; carries no credentials unless it is a configured endpoint's.
    pub url: Option<String>,
    /// HTTP method; POST, or GET for metadata, or the target's own for the resource.
    pub method: Option<String>,
    /// What the target must claim.
    pub needs: Vec<String>,
    /// Who the client is and how it says so; `absent` sends no credentials.
    pub authenticate: Option<Absentable<Authenticate>>,
    /// Header fields by name; a list sends the field repeatedly.
    pub headers: Map<String, Value>,
    /// Pairs added to the URL's query; a list sends the name repeatedly.
    pub query: Map<String, Value>,
    /// Pairs of the body; a list sends the name repeatedly.
    pub params: Map<String, Value>,
    /// How `params` are written into the body.
    pub encode: Option<Encode>,
    /// A literal body instead of `params`.
    pub raw: Option<String>,
    /// Out of the ordinary, so that sentences about every answer of an endpoint (`also_every`) leave it alone.
    pub apart: bool,
    /// `raw`: sent by our own HTTP/1.1 writer, names of header fields as written here.
    pub transport: Option<Transport>,
    /// What the answer is when all is well: the control of every negative.
    #[schemars(with = "Option<ClauseList>")]
    pub works: Option<Value>,
    /// Changes by name: each makes an exchange `id[name]`.
    pub variants: IndexMap<String, Map<String, Value>>,
    /// Named values of one instance.
    #[serde(rename = "let")]
    pub lets: Map<String, Value>,
    /// JWTs by name, signed when this exchange is sent: `${jwt.name}`.
    pub jwts: IndexMap<String, Jwt>,
    /// Sent more than once.
    pub repeat: Option<Repeat>,
    /// Waited before sending: `90s`, `2m`, or a reference to a number of seconds.
    pub wait: Option<Value>,
    /// `new`: without the user agent's cookies.
    pub session: Option<Session>,
    /// What it may do to the target.
    pub risk: Risk,
    /// Exchanges whose fruits this one may make unusable.
    pub spoils: Vec<String>,
    /// Exchanges that go first, although no value is taken from them.
    pub after: Vec<String>,
    /// What it yields can be used once: every reader gets its own.
    pub single_use: bool,
    /// TLS version of a hello: `1.0`, `1.1`, `1.2`, `1.3`; `weak` offers weak cipher suites of TLS 1.2.
    pub offer: Option<String>,
    /// What the person at the user agent does.
    pub user: Option<User>,
}

/// In a file the word `absent` takes any member of what an exchange is like away, so the schema lets it stand everywhere.
fn any_member_may_be_absent(schema: &mut schemars::Schema) {
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, member) in members.into_iter().flatten() {
        if !matches!(name.as_str(), "like" | "resend" | "title" | "variants") {
            let mut own = member.take();
            let description = own.as_object_mut().and_then(|own| own.remove("description"));
            *member = serde_json::json!({"anyOf": [own, {"const": "absent"}]});
            if let Some(description) = description {
                member["description"] = description;
            }
        }
    }
}

/// A value, or the word `absent`, which takes it away.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Absentable<T> {
    /// The word `absent`.
    Absent(AbsentWord),
    /// A value.
    Is(T),
}

/// The word `absent`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AbsentWord {
    /// Takes away.
    Absent,
}

/// What kind of exchange it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One HTTP request.
    #[default]
    Request,
    /// A walk of a user agent from the authorization endpoint to the redirect.
    Authorize,
    /// A TLS hello.
    Handshake,
}

/// Endpoints by the names of RFC 8414, and the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// RFC 6749 §3.2.
    TokenEndpoint,
    /// RFC 6749 §3.1.
    AuthorizationEndpoint,
    /// RFC 7009.
    RevocationEndpoint,
    /// RFC 7662.
    IntrospectionEndpoint,
    /// RFC 7591 §3.
    RegistrationEndpoint,
    /// RFC 8414 §3.
    MetadataUrl,
    /// RFC 8628 §3.1.
    DeviceAuthorizationEndpoint,
    /// A protected resource.
    Resource,
}

impl Endpoint {
    /// The key in the target file and in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TokenEndpoint => "token_endpoint",
            Self::AuthorizationEndpoint => "authorization_endpoint",
            Self::RevocationEndpoint => "revocation_endpoint",
            Self::IntrospectionEndpoint => "introspection_endpoint",
            Self::RegistrationEndpoint => "registration_endpoint",
            Self::MetadataUrl => "metadata_url",
            Self::DeviceAuthorizationEndpoint => "device_authorization_endpoint",
            Self::Resource => "resource",
        }
    }
}

/// Who authenticates, and how.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Authenticate {
    /// Whose credentials; the target's client by default.
    #[serde(rename = "as")]
    pub who: Who,
    /// The method; the way this target takes by default.
    pub by: Option<By>,
    /// Another identifier.
    pub client_id: Option<String>,
    /// Another secret.
    pub client_secret: Option<String>,
    /// By what its client assertion differs from the ordinary one.
    pub jwt: Option<Jwt>,
}

/// Whose credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// `client` of the target.
    #[default]
    Client,
    /// `second_client` of the target.
    SecondClient,
    /// `public_client` of the target.
    PublicClient,
    /// `resource_server` of the target, or its client.
    ResourceServer,
    /// An invented client that no server knows.
    Stranger,
    /// `client` of the target, unless its `assertion_grant` says that nobody authenticates beside the grant.
    AssertionGrant,
}

/// How credentials are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// HTTP Basic in the way that preflight found to work.
    Basic,
    /// HTTP Basic, id and secret form-encoded first (RFC 6749 §2.3.1).
    BasicFormEncoded,
    /// HTTP Basic of the pair as it is (RFC 7617).
    BasicRaw,
    /// The pair as it is in the URL-safe alphabet (RFC 4648 §5), with padding.
    BasicUrlSafe,
    /// HTTP Basic in the way that preflight found to work, the scheme written `basic` (RFC 9110 §11.1).
    BasicLowerCase,
    /// `client_id` and `client_secret` in the body.
    Post,
    /// `client_id` alone.
    None,
    /// A client assertion: of private_key_jwt and client_secret_jwt the one that the target names first.
    Assertion,
    /// A client assertion that is signed with the client's key (RFC 7523 §2.2).
    #[serde(rename = "private_key_jwt")]
    PrivateKeyJwt,
    /// A client assertion with a MAC by the client's secret (RFC 7523 §2.2).
    #[serde(rename = "client_secret_jwt")]
    ClientSecretJwt,
}

impl By {
    /// Whether it is a client assertion.
    #[must_use]
    pub fn is_assertion(self) -> bool {
        matches!(self, Self::Assertion | Self::PrivateKeyJwt | Self::ClientSecretJwt)
    }

    /// Whether it sends the client's secret.
    #[must_use]
    pub fn sends_secret(self) -> bool {
        !self.is_assertion() && self != Self::None
    }
}

/// How parameters are written into the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encode {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// The same without percent-encoding the values.
    FormUnescaped,
    /// A JSON object.
    Json,
    /// Into the query of the URL.
    Query,
}

impl Encode {
    /// The word in the document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::FormUnescaped => "form-unescaped",
            Self::Json => "json",
            Self::Query => "query",
        }
    }
}

/// Who writes the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Our own HTTP/1.1 writer.
    Raw,
}

/// Sent more than once. Without `until` the document is `/all/*/…`, with it the last attempt.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often, at most 20.
    pub times: Option<usize>,
    /// All at the same moment.
    #[serde(default)]
    pub at_once: bool,
    /// Until this holds.
    #[schemars(with = "Option<ClauseList>")]
    pub until: Option<Value>,
    /// For how long `until` is tried, for example `30s`.
    pub within: Option<String>,
}

/// The user agent's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Session {
    /// Without cookies.
    New,
}

/// What the person at the user agent does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum User {
    /// Logs in and agrees.
    #[default]
    Consents,
    /// Logs in and refuses.
    Denies,
    /// There is no one to log in. (`absent` would take the key away.)
    Nobody,
}

/// What an exchange may do to the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// What a real client does every day.
    #[default]
    None,
    /// Wrong credentials of a real client: may lock it. At most two for each client and run.
    Guess,
    /// Revokes, rotates or registers.
    Change,
    /// Long, many or slow.
    Load,
    /// A secret where logs see it.
    Leak,
}

impl Risk {
    /// The word in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Guess => "guess",
            Self::Change => "change",
            Self::Load => "load",
            Self::Leak => "leak",
        }
    }
}
