//! The requirement ledger: what the documents demand, row by row, and which check decides each row.
//!
//! Format and notation of the rows: `specs/requirements/README.md`.

use std::collections::{BTreeMap, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalogue::Catalogue;

/// A file of the ledger: the rows of one document.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RequirementFile(#[schemars(length(min = 1))] pub Vec<Row>);

/// A statement of a document, in our words.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Row {
    /// Document, section, subject; never used again for another row.
    #[schemars(regex(pattern = "^[a-z0-9][A-Za-z0-9.-]*$"))]
    pub id: String,
    /// The document.
    pub source: String,
    /// Its section.
    pub section: String,
    /// The source's own word.
    pub level: Binding,
    /// Who is bound.
    pub party: Party,
    /// The condition, or `always`.
    pub when: String,
    /// The requirement.
    pub statement: String,
    /// Only where the sentence has no word of RFC 2119.
    pub keyword: Option<Keyword>,
    /// Whether it can be seen from outside.
    pub observable: Observable,
    /// Why it cannot be seen, or not always.
    pub why_not: Option<String>,
    /// How to provoke it.
    pub probe: Option<String>,
    /// What a conforming answer looks like.
    pub pass: Option<String>,
    /// What a violating answer looks like.
    pub fail: Option<String>,
    /// Side effects, preconditions, and why a finding has to be softened.
    pub caution: Option<String>,
    /// Rows whose probe is the same.
    #[serde(default)]
    pub same_check_as: Vec<String>,
    /// The draft that was read in place of the final text.
    pub from: Option<String>,
    /// Why no check decides the row.
    pub excluded: Option<String>,
    /// What the row waits for.
    pub planned: Option<String>,
}

/// The source's own word; a grammar binds like MUST.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the words of RFC 2119")]
pub enum Binding {
    #[serde(rename = "MUST")]
    Must,
    #[serde(rename = "MUST NOT")]
    MustNot,
    #[serde(rename = "GRAMMAR")]
    Grammar,
    #[serde(rename = "SHOULD")]
    Should,
    #[serde(rename = "SHOULD NOT")]
    ShouldNot,
    #[serde(rename = "MAY")]
    May,
}

impl Binding {
    /// As the source writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Grammar => "GRAMMAR",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
            Self::May => "MAY",
        }
    }
}

/// Who is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the endpoints by the names of their documents")]
pub enum Party {
    TokenEndpoint,
    AuthorizationEndpoint,
    RevocationEndpoint,
    IntrospectionEndpoint,
    DeviceEndpoint,
    ParEndpoint,
    RegistrationEndpoint,
    Metadata,
    ResourceServer,
    Client,
    /// The authorization server as a whole, or several parties.
    Any,
}

impl Party {
    /// The word in the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::TokenEndpoint => "token-endpoint",
            Self::AuthorizationEndpoint => "authorization-endpoint",
            Self::RevocationEndpoint => "revocation-endpoint",
            Self::IntrospectionEndpoint => "introspection-endpoint",
            Self::DeviceEndpoint => "device-endpoint",
            Self::ParEndpoint => "par-endpoint",
            Self::RegistrationEndpoint => "registration-endpoint",
            Self::Metadata => "metadata",
            Self::ResourceServer => "resource-server",
            Self::Client => "client",
            Self::Any => "any",
        }
    }
}

/// How a sentence without a word of RFC 2119 is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Keyword {
    /// Plain text that defines the protocol; the level is our reading.
    None,
    /// Follows from a duty of another party; never fails a run.
    Derived,
}

/// Whether a requirement can be seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "plain words")]
pub enum Observable {
    Yes,
    Partly,
    No,
}

/// Where a row ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// These checks decide it.
    Covered(Vec<String>),
    /// No check decides it, for this reason.
    Excluded(String),
    /// It waits for this.
    Planned(String),
    /// Nobody has said.
    Open,
}

/// All rows, and the checks that cover them.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// In the order of the files.
    pub rows: Vec<Row>,
    covered: BTreeMap<String, Vec<String>>,
}

impl Ledger {
    /// The embedded rows with the checks of a catalogue.
    ///
    /// # Errors
    /// `file: reason` for the first file that is broken.
    pub fn of(catalogue: &Catalogue) -> Result<Self, String> {
        let mut ledger = Self::default();
        for (file, value) in super::requirements() {
            let rows = RequirementFile::deserialize(value).map_err(|error| format!("requirements/{file}: {error}"))?;
            ledger.rows.extend(rows.0);
        }
        for check in catalogue.checks.values() {
            for id in &check.file.covers {
                ledger.covered.entry(id.clone()).or_default().push(check.id.clone());
            }
        }
        Ok(ledger)
    }

    /// Where a row ends: with checks if it has any.
    #[must_use]
    pub fn state(&self, row: &Row) -> State {
        if let Some(checks) = self.covered.get(&row.id) {
            return State::Covered(checks.clone());
        }
        match (&row.excluded, &row.planned, row.observable) {
            (Some(reason), ..) => State::Excluded(reason.clone()),
            (_, Some(what), _) => State::Planned(what.clone()),
            (.., Observable::No) => State::Excluded(row.why_not.clone().unwrap_or_default()),
            _ => State::Open,
        }
    }

    /// What is wrong with the ledger: rows in no state or in two, ids twice, and ids that no row has.
    #[must_use]
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut ids = HashSet::new();
        for row in &self.rows {
            let id = &row.id;
            if !ids.insert(id.as_str()) {
                mistakes.push(format!("{id} is the id of two rows"));
            }
            let said = [
                ("covered", self.covered.contains_key(id)),
                ("excluded", row.excluded.is_some()),
                ("planned", row.planned.is_some()),
            ];
            let said: Vec<&str> = said.iter().filter(|(_, holds)| *holds).map(|(word, _)| *word).collect();
            if said.len() > 1 {
                mistakes.push(format!("{id} is {}", said.join(" and ")));
            }
            match self.state(row) {
                State::Open => mistakes.push(format!("{id} is neither covered nor excluded nor planned")),
                State::Excluded(reason) | State::Planned(reason) if reason.trim().is_empty() => {
                    mistakes.push(format!("{id} is left without a reason"));
                }
                _ => {}
            }
        }
        for (id, checks) in self.covered.iter().filter(|(id, _)| !ids.contains(id.as_str())) {
            mistakes.push(format!("{} covers {id}, which no row has", checks.join(", ")));
        }
        mistakes
    }
}
