//! What findings add up to: counts, the two answers, the exit code.
//!
//! Pure, and of the model alone, so that a merged or re-gated run is concluded by the same rules as a live one.

use indexmap::IndexMap;

use super::link::document;
use super::model::{
    Answer, Answers, Exit, FailOn, Finding, RunReport, Severity, Summary, VerdictKind, WaiverNotice, WaiverState,
};

/// What the exit code hangs on, besides the findings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ended<'r> {
    /// The gate.
    pub fail_on: FailOn,
    /// Whether stale and ended waivers fail the run.
    pub fail_on_stale: bool,
    /// Whether it was judged as if there were no waivers.
    pub no_waivers: bool,
    /// The waivers that want to be looked at.
    pub waivers: &'r [WaiverNotice],
    /// Whether it ended before its checks were asked.
    pub stopped: bool,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// Whether only a part of the checks was asked for: then it is no mistake if nothing applies.
    pub part: bool,
}

/// Counts over findings; `exchanges` is how many were sent.
#[must_use]
pub fn count(findings: &[Finding], exchanges: usize) -> Summary {
    let mut summary = Summary { checks: findings.len(), exchanges, ..Summary::default() };
    for finding in findings {
        let counter = match (finding.verdict, finding.severity) {
            (VerdictKind::Pass, _) => &mut summary.pass,
            (VerdictKind::Violation, Severity::Error) => &mut summary.violation,
            (VerdictKind::Violation, Severity::Warning) => &mut summary.warning,
            (VerdictKind::Violation, Severity::Note) => &mut summary.note,
            (VerdictKind::NotApplicable, _) => &mut summary.not_applicable,
            (VerdictKind::NotTestable, _) => &mut summary.not_testable,
            (VerdictKind::LeftOut, _) => &mut summary.left_out,
            (VerdictKind::Waived, _) => &mut summary.waived,
        };
        *counter += 1;
    }
    summary
}

/// Counts and exit code anew, from the findings, the gate and the waivers that stand in the report.
pub fn decide(report: &mut RunReport) {
    report.summary = count(&report.findings, report.summary.exchanges);
    let ended = Ended {
        fail_on: report.exit.fail_on,
        fail_on_stale: report.exit.fail_on_stale,
        no_waivers: report.exit.no_waivers,
        waivers: &report.waivers,
        stopped: !report.preflight.passed,
        interrupted: report.exit.code == 130,
        part: report.shard.is_some(),
    };
    report.exit = exit(&report.findings, ended);
}

/// The two answers anew, about the documents and callers that they are about already.
pub fn answer(report: &mut RunReport) {
    let Answers { conforms, works_for } = std::mem::take(&mut report.answers);
    let callers: Vec<&str> = works_for.keys().map(String::as_str).collect();
    report.answers = answers(&report.findings, &callers, |document| conforms.contains_key(document));
}

/// The exit code of a run (DESIGN section 4).
#[must_use]
pub fn exit(findings: &[Finding], ended: Ended<'_>) -> Exit {
    let Ended { fail_on, fail_on_stale, no_waivers, .. } = ended;
    let at_the_gate = |finding: &&Finding| {
        finding.verdict == VerdictKind::Violation
            && match fail_on {
                FailOn::Must => finding.severity == Severity::Error,
                FailOn::Should => finding.severity != Severity::Note,
                FailOn::May => true,
                FailOn::Never => false,
            }
    };
    let (known, new): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().filter(at_the_gate).partition(|finding| finding.baseline.as_deref() == Some("known"));
    let old = |notice: &&WaiverNotice| matches!(notice.state, WaiverState::Stale | WaiverState::Expired);
    let old = ended.waivers.iter().filter(old).count();
    let untested = findings.iter().filter(|finding| finding.verdict == VerdictKind::NotTestable).count();
    let concluded = findings
        .iter()
        .any(|finding| matches!(finding.verdict, VerdictKind::Pass | VerdictKind::Violation | VerdictKind::Waived));
    let besides = if known.is_empty() { String::new() } else { format!(" ({} known in the baseline)", known.len()) };
    let (code, meaning) = if ended.interrupted {
        (130, "interrupted; what had finished is reported".to_owned())
    } else if !new.is_empty() {
        (1, format!("{} at or above the gate{besides}", plural(new.len(), "violation")))
    } else if fail_on_stale && old > 0 {
        let are =
            if old == 1 { "1 waiver is stale or has ended" } else { &format!("{old} waivers are stale or have ended") };
        (1, format!("{are} (--fail-on-stale)"))
    } else if untested > 0 || ended.stopped {
        (3, format!("not everything could be tested: {} without a verdict", plural(untested, "check")))
    } else if !concluded && !ended.part {
        (4, "nothing was selected, or nothing applies to this target".to_owned())
    } else if !known.is_empty() {
        (0, format!("nothing new at or above the gate{besides}"))
    } else {
        (0, "every selected check came to a verdict, and none is at or above the gate".to_owned())
    };
    let meaning = if no_waivers { format!("{meaning}; no waiver was looked at (--no-waivers)") } else { meaning };
    Exit { code, meaning, fail_on, fail_on_stale, no_waivers }
}

/// The code for several runs: the first of these that occurs (DESIGN section 4).
#[must_use]
pub fn worst(reports: &[&RunReport]) -> u8 {
    let codes: Vec<u8> = reports.iter().map(|report| report.exit.code).collect();
    [130, 1, 3, 4].into_iter().find(|code| codes.contains(code)).unwrap_or(0)
}

/// The two answers. `callers` are those that were asked for; `stands_for_itself` says of a document whether it has an answer of its
/// own.
pub(super) fn answers(findings: &[Finding], callers: &[&str], stands_for_itself: impl Fn(&str) -> bool) -> Answers {
    let mut by_document: IndexMap<&str, Vec<&Finding>> = IndexMap::new();
    let mut by_caller: IndexMap<&str, Vec<&Finding>> = callers.iter().map(|caller| (*caller, Vec::new())).collect();
    for finding in findings {
        let document = finding.sources.first().map_or("", |source| document(source));
        if let Some(caller) = &finding.caller {
            by_caller.entry(caller).or_default().push(finding);
        } else if callers.contains(&document) {
            by_caller.entry(document).or_default().push(finding);
        } else if stands_for_itself(document) {
            by_document.entry(document).or_default().push(finding);
        }
    }
    by_document.sort_keys();
    let answered = |groups: IndexMap<&str, Vec<&Finding>>| {
        groups
            .into_iter()
            .filter(|(_, findings)| findings.iter().any(|finding| finding.verdict != VerdictKind::NotApplicable))
            .map(|(name, findings)| (name.to_owned(), answer_of(&findings)))
            .collect()
    };
    Answers { conforms: answered(by_document), works_for: answered(by_caller) }
}

fn answer_of(findings: &[&Finding]) -> Answer {
    let violated = |severity: Severity| {
        findings
            .iter()
            .filter(|finding| finding.verdict == VerdictKind::Violation && finding.severity == severity)
            .count()
    };
    let of = |verdict: VerdictKind| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (violations, not_testable) = (violated(Severity::Error), of(VerdictKind::NotTestable));
    let word = if violations > 0 {
        "no"
    } else if not_testable > 0 || of(VerdictKind::Pass) == 0 {
        "not known"
    } else {
        "yes"
    };
    Answer { answer: word.into(), violations, warnings: violated(Severity::Warning), not_testable }
}

/// `1 check`, `2 checks`.
pub(super) fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}
