//! The comparison for programs, `grantlint/comparison-v1`: a frozen struct of its own. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Comparison, Difference, NOTHING};
use crate::report::facts;
use crate::report::json::text;
use crate::report::model::{Diagnosis, RunReport, Tool};

/// The schema of a comparison.
pub const SCHEMA: &str = "grantlint/comparison-v1";

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComparisonReport {
    /// Always `grantlint/comparison-v1`.
    pub schema: String,
    /// Which program wrote this.
    pub tool: Tool,
    /// The run that was named first.
    pub left: Side,
    /// The other run.
    pub right: Side,
    /// The exit code and what it means.
    pub exit: ComparisonExit,
    /// Answers to the two questions.
    pub answers: Vec<Row>,
    /// Verdicts of the checks that both runs looked at, worst on either side first.
    pub verdicts: Vec<Row>,
    /// What came back: status, header fields, members, tokens, lifetimes.
    pub exchanges: Vec<Row>,
    /// Certificates and TLS versions; empty too if a side has none.
    pub tls: Vec<Row>,
    /// Median time to the head of an answer; no difference by itself. `null` if there is none of both.
    pub times_ms: Option<Times>,
    /// Exchanges that were asked of both.
    pub shared: usize,
    /// What the differences say together, most likely first.
    pub diagnosis: Vec<Diagnosis>,
}

/// One of the two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// The target, with the time of the run where both are of one target.
    pub name: String,
    /// Where tokens are asked for; `null` if that is not known.
    pub token_endpoint: Option<String>,
    /// When its first exchange was sent: RFC 3339, UTC, whole seconds.
    pub started: String,
    /// The exit code of the run by itself.
    pub exit_code: u8,
}

/// The exit code of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComparisonExit {
    /// 0, 1, 3, 4 or 130.
    pub code: u8,
    /// The code in words.
    pub meaning: String,
}

/// One thing that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What is compared: `rfc6749/token-type-missing`, `header cache-control`.
    pub what: String,
    /// What the left side has; `null` if it is not there.
    pub left: Option<String>,
    /// What the right side has.
    pub right: Option<String>,
    /// Keys of the exchanges that show it; empty for verdicts, answers and TLS.
    pub seen_in: Vec<String>,
}

/// Milliseconds on each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// Of the left side.
    pub left: u64,
    /// Of the right side.
    pub right: u64,
}

/// The comparison of these two runs as indented JSON that ends with a line break.
#[must_use]
pub fn render(comparison: &Comparison, left: &RunReport, right: &RunReport) -> String {
    text(&report(comparison, left, right))
}

fn report(comparison: &Comparison, left: &RunReport, right: &RunReport) -> ComparisonReport {
    let side = |nth: usize, run: &RunReport| Side {
        name: comparison.names[nth].clone(),
        token_endpoint: Some(facts::target(run, "token_endpoint")).filter(|url| !url.is_empty()).map(facts::line),
        started: run.started.clone(),
        exit_code: run.exit.code,
    };
    ComparisonReport {
        schema: SCHEMA.into(),
        tool: Tool { name: "grantlint".into(), version: env!("CARGO_PKG_VERSION").into() },
        left: side(0, left),
        right: side(1, right),
        exit: ComparisonExit { code: comparison.ending.code(), meaning: comparison.ending.meaning().into() },
        answers: rows(&comparison.answers),
        verdicts: rows(&comparison.verdicts),
        exchanges: rows(&comparison.exchanges),
        tls: rows(&comparison.tls),
        times_ms: comparison.times_ms.map(|[left, right]| Times { left, right }),
        shared: comparison.shared,
        diagnosis: comparison.diagnosis.clone(),
    }
}

fn rows(list: &[Difference]) -> Vec<Row> {
    let there = |said: &str| (said != NOTHING).then(|| said.to_owned());
    list.iter()
        .map(|one| Row {
            what: one.what.clone(),
            left: there(&one.left),
            right: there(&one.right),
            seen_in: one.seen_in.clone(),
        })
        .collect()
}
