//! The JUnit report: what GitLab, Jenkins and GitHub's reporters read.
//!
//! Pure. One test case for each finding, passes too, so that servers can compare runs. Everything a reader needs is in the
//! text of a case, since some servers show only that. The crate `junit-report` writes text as it is given; `case::Case` is
//! the only way to hand it some, and makes it legal.

mod case;
mod complete;
mod words;

use std::collections::HashSet;

use junit_report::{Duration, OffsetDateTime, Report, TestSuite};

use super::evidence::elapsed_ms;
use super::facts;
use super::model::{Finding, RunReport, Severity, VerdictKind};
use case::{Case, Names, Outcome};
use complete::complete;

/// How findings become JUnit's outcomes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JUnitOptions {
    /// What becomes of warnings, and, failures aside, of notes.
    pub warnings: WarningsAs,
    /// The user's own file that servers link cases to, relative to the repository. `None`: the one that the report names, if any.
    pub file: Option<String>,
    /// Files of the same run that belong to every red case, relative to the repository. GitLab shows the first.
    pub attachments: Vec<String>,
}

/// What a warning is in a format that knows none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WarningsAs {
    /// A passed case with its text as output, which GitLab does not show.
    Pass,
    /// A skipped case with its text, which every server shows.
    #[default]
    Skipped,
    /// A failure, for `--fail-on should`. Notes stay skipped.
    Failure,
}

/// One `testsuite` for each run, with totals; XML that ends with a line break.
#[must_use]
pub fn render(reports: &[&RunReport], options: &JUnitOptions) -> String {
    let mut names = Names::default();
    let mut document = Report::new();
    let mut properties = Vec::new();
    for report in reports {
        document.add_testsuite(suite(report, reports.len() > 1, options, &mut names));
        properties.push(words::properties(report));
    }
    let mut bytes = Vec::new();
    document.write_xml(&mut bytes).expect("writing to memory does not fail, and the timestamp was checked");
    let xml = String::from_utf8(bytes).expect("it was written from strings");
    complete(&xml, document.testsuites(), &properties)
}

fn suite(report: &RunReport, many: bool, options: &JUnitOptions, names: &mut Names) -> TestSuite {
    let target = report.target.get("name").and_then(|name| name.as_str()).unwrap_or("target");
    let suites = if report.suites.is_empty() { "all".to_owned() } else { report.suites.join("+") };
    let mut suite = TestSuite::new(&names.new_suite(&format!("{target}: {suites}")));
    suite.package = "grantlint".to_owned();
    // What RFC 3339 cannot write would be a panic in the crate.
    let started = facts::started(report).and_then(|at| at.replace_nanosecond(0).ok());
    suite.set_timestamp(started.unwrap_or(OffsetDateTime::UNIX_EPOCH));
    let mut timed = HashSet::new();
    for finding in &report.findings {
        let classname =
            format!("grantlint.{}.{}", segment(&suites), segment(finding.check.split('/').next().unwrap_or("")));
        let mut name = finding.check.clone();
        for word in finding.variant.iter().cloned().chain(finding.caller.iter().map(|caller| format!("@{caller}"))) {
            name = format!("{name} {word}");
        }
        if many {
            // Servers that leave out the suite's name would take two targets for one case.
            name = format!("{name} ({target})");
        }
        let name = names.new_case(&classname, &name);
        let elapsed: u64 = finding
            .exchanges
            .iter()
            .filter(|key| timed.insert(key.as_str()))
            .filter_map(|key| report.exchanges.get(key))
            .fold(0, |sum, document| sum.saturating_add(elapsed_ms(document)));
        let time = Duration::milliseconds(i64::try_from(elapsed.min(MOST_MS)).unwrap_or_default());
        let case = Case::new(name, time, outcome(report, finding, options.warnings));
        let file = options.file.as_deref().or(report.source.as_ref().map(|source| source.file.as_str()));
        suite.add_testcase(case.in_file(file).with(&options.attachments).into_inner());
    }
    suite
}

fn outcome(report: &RunReport, finding: &Finding, warnings: WarningsAs) -> Outcome {
    let kind = if finding.check.contains('/') { finding.check.clone() } else { format!("grantlint/{}", finding.check) };
    let because = finding.reason.as_deref().unwrap_or(&finding.message);
    let text = words::text(report, finding);
    let titled = |word: &str| format!("{word}: {}", finding.title);
    match (finding.verdict, finding.severity, warnings) {
        (VerdictKind::Pass, ..) => Outcome::Passed { output: None },
        (VerdictKind::Violation, Severity::Error, _) => Outcome::Failure { kind, message: finding.title.clone(), text },
        (VerdictKind::Violation, Severity::Warning, WarningsAs::Failure) => {
            Outcome::Failure { kind, message: titled("warning"), text }
        }
        (VerdictKind::Violation, Severity::Warning | Severity::Note, WarningsAs::Pass) => {
            Outcome::Passed { output: Some(text) }
        }
        (VerdictKind::Violation, Severity::Warning, WarningsAs::Skipped) => {
            Outcome::Skipped { kind, message: titled("warning"), text }
        }
        (VerdictKind::Violation, Severity::Note, _) => Outcome::Skipped { kind, message: titled("note"), text },
        (VerdictKind::NotTestable, ..) => Outcome::Error { kind, message: said("not testable", because), text },
        (VerdictKind::NotApplicable, ..) => {
            let word = if because.starts_with("not exercised") { "not exercised" } else { "not applicable" };
            Outcome::Skipped { kind, message: said(word, because), text }
        }
        (VerdictKind::LeftOut, ..) => Outcome::Skipped { kind, message: said("left out", because), text },
        (VerdictKind::Waived, ..) => {
            let message = format!("waived: {}", facts::waiver(finding).unwrap_or_else(|| "no reason given".to_owned()));
            Outcome::Skipped { kind, message, text }
        }
    }
}

/// A reason with the word for what became of the check in front, unless the reason begins with it.
fn said(word: &str, because: &str) -> String {
    if because.starts_with(word) { because.to_owned() } else { format!("{word}: {because}") }
}

/// A part of a class name: servers split at dots, and slashes and colons wreck their trees.
fn segment(text: &str) -> String {
    let segment: String =
        text.chars().take(100).map(|c| if c.is_ascii_alphanumeric() || "+-_".contains(c) { c } else { '_' }).collect();
    if segment.is_empty() { "_".to_owned() } else { segment }
}

/// A day: no exchange takes longer, and sums of it cannot overflow.
const MOST_MS: u64 = 86_400_000;
