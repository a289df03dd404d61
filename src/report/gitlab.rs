//! GitLab's code quality report: what is new in a merge request.
//!
//! Pure. GitLab shows the description only, so the check stands in it; it compares fingerprints with the target branch by itself.
//!
//! Source: GitLab's documentation, "Code Quality report format".

use serde::Serialize;

use super::facts::{self, Fingerprints, Point};
use super::model::{Finding, Place, RunReport, Severity, VerdictKind};
use super::text::json_safe;

/// A list of issues, without a byte-order mark, with a line break at the end.
#[must_use]
pub fn render(reports: &[&RunReport]) -> String {
    let mut fingerprints = Fingerprints::default();
    let mut issues = Vec::new();
    for report in reports {
        for finding in facts::told(report) {
            issues.push(issue(report, finding, fingerprints.of(report, finding)));
        }
        for notice in &report.waivers {
            let variant = notice.variant.as_deref().unwrap_or_default();
            let words = [
                "grantlint/waiver",
                notice.check.as_str(),
                facts::target(report, "name"),
                variant,
                notice.file.as_str(),
            ];
            issues.push(Issue {
                description: format!("grantlint/waiver: {}", facts::line(&notice.says)),
                check_name: "grantlint/waiver".to_owned(),
                fingerprint: fingerprints.unused(&words),
                severity: "info",
                location: Location::from(facts::point_of_waiver(notice)),
            });
        }
    }
    let mut text = serde_json::to_string_pretty(&issues).expect("it has only strings as keys");
    text.push('\n');
    json_safe(&text)
}

#[derive(Debug, Serialize)]
struct Issue {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Debug, Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Debug, Serialize)]
struct Lines {
    begin: usize,
}

impl From<Point> for Location {
    fn from(point: Point) -> Self {
        // A path from the repository's root, without a dot in front: otherwise GitLab finds no file.
        let path = point.file.trim_start_matches("./").to_owned();
        Self { path: if path.is_empty() { NO_FILE.to_owned() } else { path }, lines: Lines { begin: point.place.line } }
    }
}

/// GitLab refuses an issue without a path; a target of flags has none.
const NO_FILE: &str = "grantlint.yaml";

fn issue(report: &RunReport, finding: &Finding, fingerprint: String) -> Issue {
    let mut words = vec![format!("{}: {}", facts::name(finding), facts::line(&finding.title))];
    match finding.verdict {
        VerdictKind::NotTestable => words[0] = format!("{}: not testable", facts::name(finding)),
        VerdictKind::Waived => words.push(format!("waived: {}", facts::waiver(finding).unwrap_or_default())),
        _ => {}
    }
    words.extend(facts::says(finding));
    words.extend((finding.baseline.as_deref() == Some("known")).then(|| "known in the baseline".to_owned()));
    words.extend(
        Some(facts::target(report, "name"))
            .filter(|name| !name.is_empty())
            .map(|name| format!("target {}", facts::line(name))),
    );
    let nowhere = || Point { file: NO_FILE.to_owned(), place: Place { line: 1, column: 1, end_column: 2 } };
    Issue {
        description: facts::line(&words.join("; ")),
        check_name: Some(facts::line(&finding.check))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "grantlint".to_owned()),
        fingerprint,
        severity: match (finding.verdict, finding.severity) {
            (VerdictKind::Waived, _) => "info",
            (VerdictKind::NotTestable, _) | (_, Severity::Error) => "major",
            (_, Severity::Warning) => "minor",
            (_, Severity::Note) => "info",
        },
        location: facts::point(report, finding).unwrap_or_else(nowhere).into(),
    }
}
