//! Findings that say the same are told once, by every writer for people.

use super::facts::line;
use super::model::{Finding, Mismatch, RunReport, Severity, VerdictKind};

/// What is told in one block: one flaw wherever it was seen, or all checks that one cause left without a verdict.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    /// How loud it is.
    pub kind: Kind,
    /// Never empty. Of a flaw: the same check, with other variants and callers. Otherwise: other checks too.
    pub findings: Vec<&'a Finding>,
}

/// Sections of the report, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Error,
    NotTestable,
    Warning,
    Note,
}

/// What failed, errors first, in the order of the report.
///
/// A run that stopped in its preflight has one diagnosis instead of a red line for each check: `everything` tells those too.
pub(crate) fn groups(report: &RunReport, everything: bool) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for finding in &report.findings {
        let Some(kind) = kind(finding) else { continue };
        if kind == Kind::NotTestable && !report.preflight.passed && !everything {
            continue;
        }
        match groups.iter_mut().find(|group| group.kind == kind && alike(kind, group.findings[0], finding)) {
            Some(group) => group.findings.push(finding),
            None => groups.push(Group { kind, findings: vec![finding] }),
        }
    }
    groups.sort_by_key(|group| group.kind);
    groups
}

impl Group<'_> {
    /// Whether it is about one check.
    pub(crate) fn one_check(&self) -> bool {
        self.findings.iter().all(|finding| finding.check == self.findings[0].check)
    }
}

/// The section of a finding; `None` if it did not fail.
fn kind(finding: &Finding) -> Option<Kind> {
    match (finding.verdict, finding.severity) {
        (VerdictKind::NotTestable, _) => Some(Kind::NotTestable),
        (VerdictKind::Violation, Severity::Error) => Some(Kind::Error),
        (VerdictKind::Violation, Severity::Warning) => Some(Kind::Warning),
        (VerdictKind::Violation, Severity::Note) => Some(Kind::Note),
        _ => None,
    }
}

fn alike(kind: Kind, one: &Finding, other: &Finding) -> bool {
    if kind == Kind::NotTestable {
        return one.blocked_by == other.blocked_by && because(one) == because(other);
    }
    // The exchanges differ wherever the variant does, and with them the line that sends them again.
    let said = |mismatch: &Mismatch| (mismatch.at.clone(), mismatch.expected.clone(), mismatch.actual.clone());
    one.check == other.check
        && one.title == other.title
        && one.level == other.level
        && one.message == other.message
        && one.fix == other.fix
        && one.baseline == other.baseline
        && one.mismatches.iter().map(said).eq(other.mismatches.iter().map(said))
}

/// Why there is no verdict.
pub(crate) fn because(finding: &Finding) -> &str {
    finding.reason.as_deref().unwrap_or(&finding.message)
}

/// Each difference once, with how many exchanges show it.
pub(crate) fn differences(finding: &Finding) -> Vec<(&Mismatch, usize)> {
    let mut told: Vec<(&Mismatch, usize)> = Vec::new();
    for mismatch in &finding.mismatches {
        let same = |known: &Mismatch| {
            (&known.at, &known.expected, &known.actual) == (&mismatch.at, &mismatch.expected, &mismatch.actual)
        };
        match told.iter_mut().find(|(known, _)| same(known)) {
            Some((_, times)) => *times += 1,
            None => told.push((mismatch, 1)),
        }
    }
    told
}

/// What each caller's administrator would see, told once; a run for one caller speaks of that one throughout.
pub(crate) fn sees<'a>(report: &RunReport, group: &Group<'a>) -> Vec<(String, &'a str)> {
    let mut known = report.answers.works_for.keys();
    let only = known.next().filter(|_| known.next().is_none());
    let only = only.map_or_else(|| "the caller".to_owned(), |name| line(name));
    let mut seen: Vec<(String, &str)> = Vec::new();
    for finding in &group.findings {
        if let Some(sees) = finding.caller_sees.as_deref() {
            let caller = finding.caller.as_deref().map_or_else(|| only.clone(), line);
            if !seen.contains(&(caller.clone(), sees)) {
                seen.push((caller, sees));
            }
        }
    }
    seen
}
