//! Annotations of a GitHub workflow: commands in its log. The table of everything is the job summary (`markdown`).
//!
//! Pure. GitHub shows ten annotations of a kind for each step and drops the rest without a word, so at most ten are written, the worst
//! first, and a last one tells the counts.
//!
//! Source: GitHub's documentation, "Workflow commands for GitHub Actions".

use super::conclude::plural;
use super::facts::{self, Point};
use super::model::{Finding, RunReport, Severity, VerdictKind};

/// Annotations of findings, over all runs.
const MOST: usize = 10;

/// Characters of one message.
const MOST_CHARS: usize = 4_000;

/// Lines that GitHub reads from the log of a step, the last one for each run with its counts.
#[must_use]
pub fn render(reports: &[&RunReport]) -> String {
    let many = reports.len() > 1;
    let mut lines = Vec::new();
    let mut told: Vec<(&RunReport, &Finding)> = reports
        .iter()
        .flat_map(|report| facts::told(report).into_iter().map(|finding| (*report, finding)))
        .filter(|(_, finding)| finding.verdict != VerdictKind::Waived)
        .collect();
    // Errors of the second target come before notes of the first.
    told.sort_by_key(|(_, finding)| {
        let kind = match kind(finding) {
            "error" => 0,
            "warning" => 1,
            _ => 2,
        };
        (finding.baseline.as_deref() == Some("known"), kind)
    });
    for (report, finding) in told.iter().take(MOST) {
        let target = if many { format!("{}: ", facts::line(facts::target(report, "name"))) } else { String::new() };
        let known = if finding.baseline.as_deref() == Some("known") { " (known in the baseline)" } else { "" };
        let title = format!("{target}{}{known}", facts::name(finding));
        let head = match finding.verdict {
            VerdictKind::NotTestable => format!("not testable: {}", facts::line(&finding.title)),
            _ => facts::line(&finding.title),
        };
        let mut words = vec![head];
        words.extend(facts::says(finding));
        words.extend(Some(facts::asked(report, finding)).filter(|asked| !asked.is_empty()));
        words.extend(Some(facts::line(&finding.fix)).filter(|fix| !fix.is_empty()).map(|fix| format!("fix: {fix}")));
        lines.push(command(kind(finding), facts::point(report, finding), &title, &words.join("\n")));
    }
    for report in reports {
        for notice in &report.waivers {
            let title = format!("waiver {}", facts::state(notice));
            let says = facts::line(&notice.says);
            lines.push(command("warning", Some(facts::point_of_waiver(notice)), &title, &says));
        }
    }
    let rest = told.len().saturating_sub(MOST);
    for (nth, report) in reports.iter().enumerate() {
        let mut words = vec![
            facts::counted(&report.summary),
            format!("exit code {}: {}", report.exit.code, facts::line(&report.exit.meaning)),
        ];
        if rest > 0 && nth + 1 == reports.len() {
            words.push(format!("{} not shown here; the job summary has them", plural(rest, "finding")));
        }
        let title = format!("grantlint {}", facts::run_name(report));
        lines.push(command("notice", facts::point_of_target(report), &title, &words.join("\n")));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn kind(finding: &Finding) -> &'static str {
    match (finding.verdict, finding.severity) {
        (VerdictKind::NotTestable, _) | (_, Severity::Error) => "error",
        (_, Severity::Warning) => "warning",
        (_, Severity::Note) => "notice",
    }
}

/// One command. Columns are given within one line only; otherwise GitHub refuses them.
fn command(kind: &str, point: Option<Point>, title: &str, message: &str) -> String {
    let mut properties = Vec::new();
    if let Some(Point { file, place }) = point {
        properties.push(format!("file={}", property(&file)));
        properties.push(format!("line={},endLine={}", place.line, place.line));
        properties.push(format!("col={},endColumn={}", place.column, place.end_column));
    }
    properties.push(format!("title={}", property(title)));
    let message: String = message.chars().take(MOST_CHARS).collect();
    format!("::{kind} {}::{}", properties.join(","), data(&message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
