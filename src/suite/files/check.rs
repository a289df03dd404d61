//! Check, suite and diagnosis files.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A check: what must hold.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckFile {
    /// Names the flaw.
    #[schemars(length(min = 1))]
    pub title: String,
    /// The source's own word.
    pub level: Level,
    /// Softens what the level would do; `because` says why.
    pub severity: Option<Soft>,
    /// Why the severity is softer.
    pub because: Option<String>,
    /// Sections, for example `RFC 6749 §5.1`.
    #[schemars(length(min = 1))]
    pub source: Vec<String>,
    /// Ids of requirement rows.
    #[schemars(length(min = 1))]
    pub covers: Vec<String>,
    /// The exchange, or a list, each judged on its own.
    pub exchange: Option<OneOrMany>,
    /// Exchanges by role; one role may be a list.
    pub exchanges: Option<IndexMap<String, OneOrMany>>,
    /// Applies the sentence to whatever else was answered there.
    pub also_every: Option<Everywhere>,
    /// Does the rule bind here?
    #[schemars(with = "Option<ClauseList>")]
    pub when: Option<Value>,
    /// The sentence shown when `when` does not hold.
    pub otherwise: Option<String>,
    /// Can this answer prove anything?
    #[schemars(with = "Option<ClauseList>")]
    pub given: Option<Value>,
    /// The rule; of a list, one must hold whole.
    #[schemars(with = "ClauseList")]
    pub expect: Value,
    /// Why it matters.
    #[schemars(length(min = 1))]
    pub why: String,
    /// What the endpoint's owner can do.
    #[schemars(length(min = 1))]
    pub fix: String,
}

/// The source's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Level {
    /// An absolute requirement (RFC 2119).
    #[serde(rename = "MUST")]
    Must,
    /// A rule of a grammar: binding like MUST.
    #[serde(rename = "GRAMMAR")]
    Grammar,
    /// A recommendation.
    #[serde(rename = "SHOULD")]
    Should,
    /// An option.
    #[serde(rename = "MAY")]
    May,
}

impl Level {
    /// As the source writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Grammar => "GRAMMAR",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        }
    }
}

/// A softer severity than the level's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Soft {
    /// Reported, does not fail a run.
    Warning,
    /// Information only.
    Note,
}

impl Soft {
    /// The word in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One word or a list of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// As a list.
    #[must_use]
    pub fn list(&self) -> Vec<&str> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many.iter().map(String::as_str).collect(),
        }
    }
}

/// Where else a sentence applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Everywhere {
    /// Every answer of the token endpoint.
    TokenEndpoint,
    /// Every answer of the authorization endpoint.
    AuthorizationEndpoint,
    /// Every answer of the revocation endpoint.
    RevocationEndpoint,
    /// Every answer of the introspection endpoint.
    IntrospectionEndpoint,
    /// Every answer of the resource.
    Resource,
    /// Every page of a walk.
    Page,
    /// Every answer.
    Any,
}

impl Everywhere {
    /// Whose answers are meant, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::TokenEndpoint => "the token endpoint",
            Self::AuthorizationEndpoint => "the authorization endpoint",
            Self::RevocationEndpoint => "the revocation endpoint",
            Self::IntrospectionEndpoint => "the introspection endpoint",
            Self::Resource => "the resource",
            Self::Page => "a page of the authorization endpoint",
            Self::Any => "any endpoint",
        }
    }

    /// Whether an exchange with this endpoint is meant.
    #[must_use]
    pub fn takes(self, endpoint: Option<&str>) -> bool {
        let name = match self {
            Self::Any | Self::Page => return true,
            Self::TokenEndpoint => "token_endpoint",
            Self::AuthorizationEndpoint => "authorization_endpoint",
            Self::RevocationEndpoint => "revocation_endpoint",
            Self::IntrospectionEndpoint => "introspection_endpoint",
            Self::Resource => "resource",
        };
        endpoint == Some(name)
    }
}

/// A suite: which checks, and for which caller.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SuiteFile {
    /// What it is, for people.
    pub title: String,
    /// The caller whose contract it is.
    pub caller: Option<String>,
    /// What a target has to claim for the suite to be run without being asked for; absent: it is run only when it is asked for.
    #[schemars(length(min = 1))]
    pub needs: Vec<String>,
    /// What is claimed for every target that is run with this suite.
    pub claims: Vec<String>,
    /// An ordinary exchange → what this caller sends in its place.
    pub sends: IndexMap<String, Vec<String>>,
    /// Patterns of check ids: `*` within a segment, `**` across them.
    #[schemars(length(min = 1))]
    pub checks: Vec<String>,
    /// Other levels for single checks; with a caller, for the caller's findings only.
    pub levels: IndexMap<String, LevelChange>,
    /// What the caller's administrator would see: id of a diagnosis → patterns of check ids; the first that fits counts.
    pub sees: IndexMap<String, Vec<String>>,
}

/// Another level for one check.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelChange {
    /// The level here.
    pub level: Level,
    /// Why.
    #[schemars(length(min = 1))]
    pub because: String,
}

/// Place → what must be there: a JSON Schema, `present` or `absent`.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
#[schemars(extend("propertyNames" = {"pattern": "^/"}, "minProperties" = 1))]
pub struct ClauseMap(IndexMap<String, MatcherSchema>);

/// Clauses, or a list of them of which one must hold whole.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
#[serde(untagged)]
pub enum ClauseList {
    /// All must hold.
    All(ClauseMap),
    /// One must hold whole.
    OneOf(Vec<ClauseMap>),
}

/// What must be there.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
#[serde(untagged)]
pub enum MatcherSchema {
    /// `present` or `absent`.
    Word(PresenceWord),
    /// A JSON Schema (2020-12).
    Schema(Map<String, Value>),
}

/// Something or nothing.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
#[serde(rename_all = "snake_case")]
pub enum PresenceWord {
    /// Anything.
    Present,
    /// Nothing.
    Absent,
}
