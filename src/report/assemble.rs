//! Verdicts become the run report: severities, the two answers, counts, exit code.

mod diagnosis;

use indexmap::IndexMap;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::conclude::{self, Ended};
use super::json::RUN_SCHEMA;
pub use super::model::FailOn;
use super::model::{
    Answers, Finding, LeftOut, Mismatch, Preflight, PreflightStep, RunReport, Severity, Tool, VerdictKind,
};
use super::waivers::{self, Waiver};
use crate::exchange::{Recorded, Recording, Why, curl};
use crate::judge::{Court, Judgement, Verdict};
use crate::suite::files::{Level, Soft};
use crate::suite::{Catalogue, Check, Member, Suite, matches};

/// What a report is made of.
#[derive(Debug, Clone)]
pub struct Material<'m> {
    /// Definitions.
    pub catalogue: &'m Catalogue,
    /// Masked.
    pub recording: Recording,
    /// What was selected.
    pub members: &'m [Member],
    /// The target's name.
    pub target: &'m str,
    /// Ids of the suites.
    pub suites: &'m [String],
    /// What preflight saw: step, whether it held, detail.
    pub preflight: Vec<(String, bool, String)>,
    /// Why the run ended there: a sentence, and what to do.
    pub stopped: Option<(String, String)>,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// Milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// Milliseconds.
    pub elapsed_ms: u64,
    /// Requests that went out.
    pub sent: usize,
    /// The gate.
    pub fail_on: FailOn,
    /// Violations that somebody answers for.
    pub waivers: &'m [Waiver],
}

/// Judges every member and puts the report together.
#[must_use]
pub fn assemble(material: Material<'_>) -> RunReport {
    let report = without_documents(&material);
    RunReport { exchanges: material.recording.into_documents(), ..report }
}

/// All of it but what was sent and answered.
fn without_documents(material: &Material<'_>) -> RunReport {
    let court = Court::new(material.catalogue, &material.recording);
    let mut findings: Vec<Finding> =
        material.members.iter().filter_map(|member| finding(material, &court, member)).collect();
    findings.sort_by(|a, b| (&a.check, &a.caller, &a.variant).cmp(&(&b.check, &b.caller, &b.variant)));
    let notices = waivers::apply(&mut findings, material.waivers, material.target, material.started_ms);
    let summary = conclude::count(&findings, material.sent);
    let ended = Ended {
        fail_on: material.fail_on,
        waivers: &notices,
        stopped: material.stopped.is_some(),
        interrupted: material.interrupted,
        ..Ended::default()
    };
    let exit = conclude::exit(&findings, ended);
    let mut target: IndexMap<String, Value> = IndexMap::from([("name".to_owned(), Value::from(material.target))]);
    target.extend(
        material.recording.target.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())),
    );
    let exchanges = &material.recording.exchanges;
    let step = |(step, passed, detail): &(String, bool, String)| PreflightStep {
        step: step.clone(),
        passed: *passed,
        detail: detail.clone(),
    };
    RunReport {
        schema: RUN_SCHEMA.into(),
        tool: Tool { name: "grantlint".into(), version: env!("CARGO_PKG_VERSION").into() },
        started: date(material.started_ms),
        elapsed_ms: material.elapsed_ms,
        target,
        suites: material.suites.to_vec(),
        exit,
        summary,
        answers: answers(material, &findings),
        preflight: Preflight {
            passed: material.stopped.is_none(),
            steps: material.preflight.iter().map(step).collect(),
        },
        controls: exchanges.iter().filter_map(control).collect(),
        left_out: exchanges.iter().filter_map(left_out).collect(),
        diagnosis: diagnosis::of(material, &findings, &notices),
        exchanges: IndexMap::new(),
        source: None,
        shard: None,
        waivers: notices,
        findings,
    }
}

/// Whether the control of an exchange held, or what came of it.
fn control((key, recorded): (&String, &Recorded)) -> Option<(String, String)> {
    let Recorded::Sent(document) = recorded else { return None };
    let control = document.get("control")?;
    let word = |name: &str| control.get(name).and_then(Value::as_str);
    let held = control.get("works") == Some(&Value::Bool(true));
    let lost = word("answer").or_else(|| word("outcome")).unwrap_or("lost");
    Some((key.clone(), if held { "held".to_owned() } else { lost.to_owned() }))
}

fn left_out((key, recorded): (&String, &Recorded)) -> Option<LeftOut> {
    match recorded {
        Recorded::NotSent(not_sent) if not_sent.why == Why::LeftOut => {
            Some(LeftOut { exchange: key.clone(), reason: not_sent.reason.clone() })
        }
        _ => None,
    }
}

/// RFC 3339, whole seconds.
fn date(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or(0);
    let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    date.format(&Rfc3339).unwrap_or_default()
}

fn finding(material: &Material<'_>, court: &Court<'_>, member: &Member) -> Option<Finding> {
    let catalogue = material.catalogue;
    let check = catalogue.checks.get(&member.check)?;
    let suite = catalogue.suites.get(&member.suite)?;
    let judgement = court.judge(member);
    let (level, severity) = weight(check, suite, member);
    let mismatches = judgement
        .differences
        .iter()
        .map(|difference| Mismatch {
            exchange: difference.exchange.clone(),
            at: difference.at.clone(),
            expected: difference.expected.clone(),
            actual: difference.actual.clone(),
        })
        .collect();
    let document = |key: &String| material.recording.document(key);
    let failing = judgement.verdict == Verdict::Violation || judgement.verdict == Verdict::NotTestable;
    let reproduce = judgement.exchanges.iter().filter(|_| failing).find_map(|key| curl(document(key)?));
    Some(Finding {
        check: check.id.clone(),
        variant: member.variant.clone(),
        verdict: kind(judgement.verdict),
        level: level.word().into(),
        severity,
        title: check.file.title.clone(),
        sources: check.file.source.clone(),
        covers: check.file.covers.clone(),
        message: judgement.message(),
        mismatches,
        why: check.file.why.clone(),
        fix: check.file.fix.clone(),
        reproduce,
        caller: member.caller.clone(),
        caller_sees: sees(material, member),
        blocked_by: judgement.blocked_by.clone(),
        reason: reason(&judgement),
        waiver: None,
        baseline: None,
        exchanges: judgement.exchanges,
    })
}

fn reason(judgement: &Judgement) -> Option<String> {
    judgement.reason.clone().filter(|_| !matches!(judgement.verdict, Verdict::Pass | Verdict::Violation))
}

fn kind(verdict: Verdict) -> VerdictKind {
    match verdict {
        Verdict::Pass => VerdictKind::Pass,
        Verdict::Violation => VerdictKind::Violation,
        Verdict::NotApplicable => VerdictKind::NotApplicable,
        Verdict::NotTestable => VerdictKind::NotTestable,
        Verdict::LeftOut => VerdictKind::LeftOut,
    }
}

/// How severe a violation of this member is; `None` for one of another catalogue.
pub(crate) fn severity(catalogue: &Catalogue, member: &Member) -> Option<Severity> {
    let (check, suite) = (catalogue.checks.get(&member.check)?, catalogue.suites.get(&member.suite)?);
    Some(weight(check, suite, member).1)
}

/// Level and severity of a finding. A caller's suite changes the levels of the caller's findings only: what Coupa needs says
/// nothing about the standard.
fn weight(check: &Check, suite: &Suite, member: &Member) -> (Level, Severity) {
    let bound = suite.file.caller.is_none() || member.caller.is_some();
    let changed = suite.file.levels.get(&check.id).filter(|_| bound);
    let level = changed.map_or(check.file.level, |change| change.level);
    let severity = match level {
        Level::Must | Level::Grammar => Severity::Error,
        Level::Should => Severity::Warning,
        Level::May => Severity::Note,
    };
    let soft = check.file.severity.filter(|_| changed.is_none()).map(|soft| match soft {
        Soft::Warning => Severity::Warning,
        Soft::Note => Severity::Note,
    });
    (level, soft.map_or(severity, |soft| soft.max(severity)))
}

/// What the caller's administrator would see: by the first caller's suite of the run that selects the check.
fn sees(material: &Material<'_>, member: &Member) -> Option<String> {
    let suites = material.suites.iter().filter_map(|id| material.catalogue.suites.get(id));
    suites
        .filter(|suite| suite.file.caller.is_some())
        .flat_map(|suite| &suite.file.sees)
        .find(|(_, patterns)| patterns.iter().any(|pattern| matches(pattern, &member.check)))
        .and_then(|(id, _)| material.catalogue.diagnoses.get(id))
        .and_then(|diagnosis| diagnosis.shown.clone())
}

fn answers(material: &Material<'_>, findings: &[Finding]) -> Answers {
    let callers: Vec<&str> =
        material.suites.iter().filter_map(|id| material.catalogue.suites.get(id)?.file.caller.as_deref()).collect();
    // What a caller needs says nothing about a standard, also where its suite was not asked for.
    let is_callers =
        |document: &str| material.catalogue.suites.values().any(|suite| suite.file.caller.as_deref() == Some(document));
    conclude::answers(findings, &callers, |document| document != PRACTICE && !is_callers(document))
}

/// Checks of no document are filed here; they answer neither question.
const PRACTICE: &str = "grantlint practice";
