//! What every format for machines says of a finding: its name, where it points, its fingerprint, in words that are safe to show.
//!
//! Pure. One place, so that SARIF, GitHub, GitLab and Markdown cannot say different things.

use std::collections::HashSet;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::evidence;
use super::model::{Finding, Place, RunReport, Severity, Source, Summary, VerdictKind, WaiverNotice, WaiverState};
use super::text::one_line;

/// Characters of one text before it is cut.
const MOST_CHARS: usize = 1_000;

/// One line of at most 1,000 characters.
pub(super) fn line(text: &str) -> String {
    one_line(text, MOST_CHARS)
}

/// A text of the target's entry; empty if it has none.
pub(super) fn target<'r>(report: &'r RunReport, member: &str) -> &'r str {
    report.target.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// Target and suites: `sandbox: coupa-call-out`.
pub(super) fn run_name(report: &RunReport) -> String {
    let name = match target(report, "name") {
        "" => "target",
        name => name,
    };
    line(&format!("{name}: {}", if report.suites.is_empty() { "all".to_owned() } else { report.suites.join("+") }))
}

/// Check, variant and caller: `rfc6749/x [post] @Coupa call-out`.
pub(super) fn name(finding: &Finding) -> String {
    let variant = finding.variant.as_ref().map_or_else(String::new, |variant| format!(" [{variant}]"));
    let caller = finding.caller.as_ref().map_or_else(String::new, |caller| format!(" @{caller}"));
    line(&format!("{}{variant}{caller}", finding.check))
}

/// What became of a finding, in one word or two.
pub(super) fn word(finding: &Finding) -> &'static str {
    match (finding.verdict, finding.severity) {
        (VerdictKind::Pass, _) => "passed",
        (VerdictKind::Violation, Severity::Error) => "error",
        (VerdictKind::Violation, Severity::Warning) => "warning",
        (VerdictKind::Violation, Severity::Note) => "note",
        (VerdictKind::NotTestable, _) => "not testable",
        (VerdictKind::Waived, _) => "waived",
        (VerdictKind::LeftOut, _) => "left out",
        (VerdictKind::NotApplicable, _) => "not applicable",
    }
}

/// Violations, what could not be tested, and what is waived: what somebody has to look at, worst first, else in their order.
pub(super) fn told(report: &RunReport) -> Vec<&Finding> {
    let rank = |finding: &Finding| match (finding.verdict, finding.severity) {
        (VerdictKind::Violation, Severity::Error) => Some(0),
        (VerdictKind::NotTestable, _) => Some(1),
        (VerdictKind::Violation, Severity::Warning) => Some(2),
        (VerdictKind::Violation, Severity::Note) => Some(3),
        (VerdictKind::Waived, _) => Some(4),
        (VerdictKind::Pass | VerdictKind::LeftOut | VerdictKind::NotApplicable, _) => None,
    };
    let mut told: Vec<&Finding> = report.findings.iter().filter(|finding| rank(finding).is_some()).collect();
    // What is known in the baseline comes after what is new.
    told.sort_by_key(|finding| (finding.baseline.as_deref() == Some("known"), rank(finding)));
    told
}

/// What is wrong or why there is no verdict, with what was expected and what came; several lines.
pub(super) fn says(finding: &Finding) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |label: &str, text: &str| {
        if !text.trim().is_empty() {
            lines.push(format!("{label}{}", line(text)));
        }
    };
    tell("", &finding.message);
    tell("", finding.reason.as_deref().filter(|reason| *reason != finding.message).unwrap_or_default());
    tell("blocked by: ", finding.blocked_by.as_deref().unwrap_or_default());
    for mismatch in finding.mismatches.iter().take(MOST_MISMATCHES) {
        tell("expected: ", &mismatch.expected);
        tell("got: ", &mismatch.actual);
    }
    lines
}

/// Places of a finding that are told; the JSON report has all.
const MOST_MISMATCHES: usize = 3;

/// Name and number of every count, in the order of the console.
pub(super) fn counts(summary: &Summary) -> [(&'static str, usize); 9] {
    [
        ("checks", summary.checks),
        ("passed", summary.pass),
        ("errors", summary.violation),
        ("not testable", summary.not_testable),
        ("warnings", summary.warning),
        ("notes", summary.note),
        ("waived", summary.waived),
        ("not applicable", summary.not_applicable),
        ("left out", summary.left_out),
    ]
}

/// The counts in one line; what is nought is left out, but checks and passes.
pub(super) fn counted(summary: &Summary) -> String {
    let counts = counts(summary);
    let counts = counts.iter().enumerate().filter(|(at, (_, n))| *at < 2 || *n > 0);
    counts
        .map(|(_, (name, n))| match (n, name.strip_suffix('s')) {
            (1, Some(one)) => format!("1 {one}"),
            _ => format!("{n} {name}"),
        })
        .collect::<Vec<_>>()
        .join(", ")
}

/// When a run started, in UTC; `None` if the report does not say it, or says a moment that RFC 3339 cannot write.
pub(super) fn started(report: &RunReport) -> Option<OffsetDateTime> {
    let started = OffsetDateTime::parse(&report.started, &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC)?;
    started.format(&Rfc3339).is_ok().then_some(started)
}

/// A line of a file of the user's repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    pub file: String,
    pub place: Place,
}

const WHOLE: Place = Place { line: 1, column: 1, end_column: 2 };

/// The line of the target file that a finding is about: that of the endpoint that was asked, or of the target.
pub(super) fn point(report: &RunReport, finding: &Finding) -> Option<Point> {
    let source = report.source.as_ref()?;
    let keys = finding.mismatches.iter().map(|mismatch| &mismatch.exchange).chain(&finding.exchanges);
    let asked = keys.filter_map(|key| endpoint(report.exchanges.get(key)?)).next();
    let member = asked.unwrap_or("token_endpoint");
    let place = source.places.get(member).or_else(|| ["issuer", ""].iter().find_map(|name| source.places.get(*name)));
    Some(at(source, place.copied().unwrap_or(WHOLE)))
}

/// The line at which the target's entry begins.
pub(super) fn point_of_target(report: &RunReport) -> Option<Point> {
    let source = report.source.as_ref()?;
    Some(at(source, source.places.get("").copied().unwrap_or(WHOLE)))
}

/// The line of a waiver.
pub(super) fn point_of_waiver(notice: &WaiverNotice) -> Point {
    Point { file: line(&notice.file), place: Place { line: notice.line.clamp(1, MOST_LINE), ..WHOLE } }
}

/// A saved run may say any number; what readers take is a positive one that fits into 32 bits.
fn at(source: &Source, place: Place) -> Point {
    let column = place.column.clamp(1, MOST_LINE);
    let end_column = place.end_column.clamp(column + 1, MOST_LINE + 1);
    Point { file: line(&source.file), place: Place { line: place.line.clamp(1, MOST_LINE), column, end_column } }
}

const MOST_LINE: usize = 1_000_000;

/// The endpoint that an exchange document asked: its member in a target file.
fn endpoint(document: &Value) -> Option<&str> {
    let parts = ["/request/endpoint", "/steps/0/request/endpoint", "/all/0/request/endpoint"];
    parts.iter().find_map(|place| document.pointer(place)?.as_str())
}

/// What was asked, and how it ended: `POST https://as.example/token → HTTP/1.1 400`; empty if nothing was sent.
pub(super) fn asked(report: &RunReport, finding: &Finding) -> String {
    let key = finding.mismatches.first().map(|mismatch| &mismatch.exchange).or(finding.exchanges.first());
    let Some(document) = key.and_then(|key| report.exchanges.get(key)) else { return String::new() };
    let request = evidence::request_line(document);
    if request.is_empty() { String::new() } else { format!("{request} → {}", evidence::status_line(document)) }
}

/// Why a waived finding is waived, until when, and who approved it.
pub(super) fn waiver(finding: &Finding) -> Option<String> {
    let waiver = finding.waiver.as_ref()?;
    let word = |name: &str| waiver.get(name).and_then(Value::as_str);
    let mut words = line(word("reason").unwrap_or("no reason given"));
    for (label, name) in [("until", "until"), ("approved by", "approved_by")] {
        if let Some(word) = word(name) {
            words = format!("{words}, {label} {}", line(word));
        }
    }
    Some(words)
}

/// The word for a waiver that wants to be looked at.
pub(super) fn state(notice: &WaiverNotice) -> &'static str {
    match notice.state {
        WaiverState::Stale => "stale",
        WaiverState::Expired => "ended",
        WaiverState::Ending => "ends soon",
    }
}

/// Fingerprints that were given: readers take two results with one fingerprint for one.
#[derive(Debug, Default)]
pub(super) struct Fingerprints(HashSet<String>);

impl Fingerprints {
    /// The fingerprint of a finding: of check, target, variant and caller, so that it stays the same over runs, versions of a server
    /// and lines of the target file.
    pub(super) fn of(&mut self, report: &RunReport, finding: &Finding) -> String {
        let [variant, caller] = [&finding.variant, &finding.caller].map(|word| word.as_deref().unwrap_or_default());
        self.unused(&["grantlint/1", &finding.check, target(report, "name"), variant, caller])
    }

    /// The fingerprint of anything else.
    pub(super) fn unused(&mut self, words: &[&str]) -> String {
        let mut numbered = (1_usize..).map(|nth| {
            let mut hash = Sha256::new();
            for word in words {
                // With its length in front no two lists of words are one text.
                hash.update(format!("{}:{word}", word.len()));
            }
            if nth > 1 {
                hash.update(format!("#{nth}"));
            }
            hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        });
        numbered.find(|hash| self.0.insert(hash.clone())).expect("there are more numbers than findings")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_same_next_time_and_given_once() {
        let words = ["a", "b"];
        let first = Fingerprints::default().unused(&words);
        let mut given = Fingerprints::default();
        assert_eq!(given.unused(&words), first);
        assert_ne!(given.unused(&words), first);
        assert_ne!(given.unused(&["a:b"]), first);
        assert_eq!(first.len(), 64);
    }
}
