//! Diagnosis files: what an error message means, and what a run as a whole says.

use schemars::JsonSchema;
use serde::Deserialize;

use super::OneOrMany;

/// Where diagnoses of whole runs stand, so that a run need not read the others.
pub const RUNS: &str = "run/";

/// What an error means: by the text that somebody saw, or by what a run found.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiagnosisFile {
    /// What it is, for people.
    #[schemars(length(min = 1))]
    pub title: String,
    /// The text that an administrator sees, for `sees` of a suite.
    pub shown: Option<String>,
    /// Where the text is documented.
    #[serde(default)]
    pub source: Vec<String>,
    /// What stands in such a message: one of these, and of a list all. Letter case, spacing, quotes and line breaks do not count.
    #[serde(default)]
    pub texts: Vec<OneOrMany>,
    /// What others say of such a message is nearer to the cause, so they come first.
    #[serde(default)]
    pub general: bool,
    /// A message as it is seen, which one of `texts` finds.
    pub example: Option<String>,
    /// What of a run says so.
    pub run: Option<RunSigns>,
    /// What it means, in a sentence that stands alone.
    #[schemars(length(min = 1))]
    pub means: String,
    /// Where to look, the most likely cause first.
    #[schemars(length(min = 1))]
    pub look: Vec<String>,
    /// Patterns of the checks that decide.
    #[serde(default)]
    pub checks: Vec<String>,
    /// What to ask the endpoint's owner, or to tell him.
    pub ask: Option<String>,
}

/// What of a run speaks for a diagnosis: all that is said must be so.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunSigns {
    /// Patterns of checks: each of them fits one that was violated.
    pub violated: Vec<String>,
    /// Patterns of checks: at least one of them fits one that was violated.
    pub any_violated: Vec<String>,
    /// Patterns of checks: none of them fits one that was violated.
    pub not_violated: Vec<String>,
    /// Patterns of checks: each of them fits one that passed.
    pub passed: Vec<String>,
    /// Of several diagnoses of a run the lowest comes first.
    #[schemars(range(min = 1, max = 99))]
    pub rank: u8,
}
