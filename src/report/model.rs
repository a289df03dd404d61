//! The run report: the one model that every writer is a pure function of.
//!
//! It is the JSON format `grantlint/run-v1` (DESIGN section 5): a frozen struct of its own, so that inner types may change
//! without changing what users have saved. Everything in it is already masked.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything that one run against one target concluded, with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunReport {
    /// Always `grantlint/run-v1`.
    pub schema: String,
    /// Which program wrote this.
    pub tool: Tool,
    /// When the first exchange was sent: RFC 3339, UTC, whole seconds.
    pub started: String,
    /// Wall time of the run in milliseconds.
    pub elapsed_ms: u64,
    /// The target file's entry without secrets; `name` and `token_endpoint` are always there.
    pub target: IndexMap<String, Value>,
    /// Ids of the suites that were asked for, in the order given.
    pub suites: Vec<String>,
    /// The exit code and what it means.
    pub exit: Exit,
    /// Counts over `findings`.
    pub summary: Summary,
    /// One entry for each selected check and member, passes too; sorted by check, variant and caller.
    pub findings: Vec<Finding>,
    /// The two answers: does it conform, does it work for the caller.
    pub answers: Answers,
    /// What was learned before the first negative.
    pub preflight: Preflight,
    /// For each ordinary exchange that was asked again after its negatives: `held`, or how it ended.
    pub controls: IndexMap<String, String>,
    /// Exchanges that were not sent by choice (`--safe`, `--patience`, a pattern).
    pub left_out: Vec<LeftOut>,
    /// What the run as a whole says, most likely first.
    pub diagnosis: Vec<Diagnosis>,
    /// The Recording: an exchange document for each instance, masked.
    pub exchanges: IndexMap<String, Value>,
    /// The file that declares the target, for readers that show findings in it; absent for a target of flags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Which parts of the checks are in it (`--shard`); absent when all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Waivers that want to be looked at: stale, ended, or about to end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<WaiverNotice>,
}

/// The file that declares the target, with the places of its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Relative to the repository that it is in, or as it was given.
    pub file: String,
    /// Member of the entry (`token_endpoint`) → its place; the empty name is the entry itself.
    pub places: IndexMap<String, Place>,
}

/// A part of one line, counted from 1 in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// Of the first character.
    pub column: usize,
    /// Behind the last character.
    pub end_column: usize,
}

/// Parts of the checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Which parts, from 1, ascending.
    pub parts: Vec<usize>,
    /// How many parts there are.
    pub of: usize,
}

/// Why a waiver wants to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaiverState {
    /// Its check passes: it can be taken out.
    Stale,
    /// Its last day has passed: it covers nothing.
    Expired,
    /// It covers a violation, for at most fourteen days more.
    Ending,
}

/// A waiver that wants to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiverNotice {
    /// Why.
    pub state: WaiverState,
    /// Its check.
    pub check: String,
    /// Its member of the check's exchange list, if it names one.
    pub variant: Option<String>,
    /// Its last day.
    pub until: String,
    /// The waiver file.
    pub file: String,
    /// The line at which it begins, from 1.
    pub line: usize,
    /// All of it in one sentence.
    pub says: String,
}

/// The program that wrote a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Always `grantlint`.
    pub name: String,
    /// The package version.
    pub version: String,
}

/// The process exit code of the run (DESIGN section 4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    /// 0, 1, 3, 4 or 130 in a report; the other codes end a run before there is one.
    pub code: u8,
    /// The code in words.
    pub meaning: String,
    /// From which severity on a violation fails the run.
    #[serde(default)]
    pub fail_on: FailOn,
    /// Whether a stale or ended waiver fails it too.
    #[serde(default)]
    pub fail_on_stale: bool,
    /// Whether it was judged as if there were no waivers; absent if waivers counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_waivers: bool,
}

/// From which severity on a violation fails the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailOn {
    /// Nothing.
    Never,
    /// Errors.
    #[default]
    Must,
    /// Warnings too.
    Should,
    /// Notes too.
    May,
}

/// How many findings came to which verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// All findings.
    pub checks: usize,
    /// Every clause held.
    pub pass: usize,
    /// Violations that count as errors.
    pub violation: usize,
    /// Violations softened to, or by level, a warning.
    pub warning: usize,
    /// Violations that are information only.
    pub note: usize,
    /// The rule does not bind this target, or was not exercised.
    pub not_applicable: usize,
    /// Nothing could be concluded: red.
    pub not_testable: usize,
    /// Violations with a written reason and an end date.
    pub waived: usize,
    /// Left out by choice: counted and listed, no verdict.
    pub left_out: usize,
    /// Exchanges that were sent.
    pub exchanges: usize,
}

/// What one check concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// Every clause held.
    Pass,
    /// A clause did not hold; `severity` says how loud it is.
    Violation,
    /// The target does not claim the feature, or `when` did not hold.
    NotApplicable,
    /// A prerequisite failed or the answer proves nothing.
    NotTestable,
    /// Not sent by choice.
    LeftOut,
    /// A violation with a waiver.
    Waived,
}

/// How loud a violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A MUST was broken.
    Error,
    /// A SHOULD was broken, or a MUST with a reason to be lenient.
    Warning,
    /// Information only.
    Note,
}

/// One check applied to one member, with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The check's id, for example `rfc6749/token-type-missing`.
    pub check: String,
    /// Which member of the check's exchange list this is about; `null` when there is only one.
    pub variant: Option<String>,
    /// The conclusion.
    pub verdict: VerdictKind,
    /// The source's own word: MUST, SHOULD, MAY or GRAMMAR, after the suite's `levels`.
    pub level: String,
    /// How loud a violation of this check is.
    pub severity: Severity,
    /// Names the flaw.
    pub title: String,
    /// For example `RFC 6749 §5.1`.
    pub sources: Vec<String>,
    /// Ids of requirement rows.
    pub covers: Vec<String>,
    /// One sentence: for a violation what is wrong, otherwise why there is no verdict; empty for a pass.
    pub message: String,
    /// What was expected and what was there, place by place; empty unless violated.
    pub mismatches: Vec<Mismatch>,
    /// Keys into `exchanges` of the report: the evidence.
    pub exchanges: Vec<String>,
    /// Why it matters.
    pub why: String,
    /// What the endpoint's owner can do.
    pub fix: String,
    /// A shell line that sends the request again; secrets are shell variables. `null` if nothing was sent.
    pub reproduce: Option<String>,
    /// The caller whose contract this finding is about; `null` for the standard's own requests.
    pub caller: Option<String>,
    /// What an administrator of the calling platform would see; `null` outside a caller's suite.
    pub caller_sees: Option<String>,
    /// For not testable: the exchange that stood in the way.
    pub blocked_by: Option<String>,
    /// For not applicable, not testable and left out: why, for example `not exercised: …`.
    pub reason: Option<String>,
    /// The waiver that covers it.
    pub waiver: Option<Value>,
    /// `known` or `new` against a baseline; `null` without one.
    pub baseline: Option<String>,
}

/// One place where an answer differs from every accepted one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mismatch {
    /// The exchange it was seen on (key into `exchanges`).
    pub exchange: String,
    /// JSON Pointer into the exchange document.
    pub at: String,
    /// Every accepted answer in words.
    pub expected: String,
    /// What was there, in words, masked and cut.
    pub actual: String,
}

/// The two questions, each with its answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Document (for example `RFC 6749`) → answer.
    pub conforms: IndexMap<String, Answer>,
    /// Caller (for example `Coupa call-out`) → answer.
    pub works_for: IndexMap<String, Answer>,
}

/// Yes, no, or not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// `yes`, `no` or `not known`.
    pub answer: String,
    /// Violations that count as errors.
    pub violations: usize,
    /// Warnings among them, which do not turn the answer.
    pub warnings: usize,
    /// Checks without a conclusion.
    pub not_testable: usize,
}

/// What was learned before the negatives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preflight {
    /// Whether the run went on after it.
    pub passed: bool,
    /// Each step in order.
    pub steps: Vec<PreflightStep>,
}

/// One step of the preflight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreflightStep {
    /// For example `ordinary request`.
    pub step: String,
    /// Whether it held.
    pub passed: bool,
    /// What was seen.
    pub detail: String,
}

/// An exchange that was not sent by choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Its instance key.
    pub exchange: String,
    /// Which option left it out.
    pub reason: String,
}

/// What the run as a whole says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Diagnosis {
    /// One sentence.
    pub says: String,
    /// What to do next.
    pub next: String,
    /// Ids of the findings that decide it.
    pub checks: Vec<String>,
}
