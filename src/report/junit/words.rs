//! What a case says: the same as a block of the console report, without colour and without wrapping.

use crate::report::evidence::shown;
use crate::report::facts;
use crate::report::model::{Answer, Finding, RunReport, VerdictKind};
use crate::report::text::{block, one_line};

/// Everything about a finding, for readers who see only this.
pub(super) fn text(report: &RunReport, finding: &Finding) -> String {
    let mut lines = vec![format!("{}: {}", line(&finding.check), line(&finding.title))];
    let mut row = |label: &str, text: &str| {
        if !text.trim().is_empty() {
            let label = if label.is_empty() { "  | ".to_owned() } else { format!("{label}: ") };
            lines.push(format!("{label}{}", block(text, 30, 2_000).replace('\n', "\n    ")));
        }
    };
    row("found", &finding.message);
    row("because", finding.reason.as_deref().filter(|reason| *reason != finding.message).unwrap_or_default());
    row("blocked by", finding.blocked_by.as_deref().unwrap_or_default());
    row("waived", &facts::waiver(finding).unwrap_or_default());
    let target = |name: &str| report.target.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    row("target", format!("{} {}", target("name"), target("token_endpoint")).trim());
    // What was not judged here has no evidence, whatever was sent for other checks.
    let judged = !matches!(finding.verdict, VerdictKind::NotApplicable | VerdictKind::LeftOut);
    for shown in shown(report, finding, 160).into_iter().filter(|_| judged) {
        if shown.request.is_empty() {
            row("exchange", &shown.title);
        } else {
            row("sent", &format!("{} ({})", shown.request, shown.title));
        }
        for evidence in shown.rows {
            let carets = evidence.carets();
            for line in std::iter::once(evidence.text).chain(carets) {
                row("", &line);
            }
        }
    }
    for mismatch in &finding.mismatches {
        row("at", &mismatch.at);
        row("expected", &mismatch.expected);
        row("got", &mismatch.actual);
    }
    let requirement: Vec<&str> = finding.sources.iter().map(String::as_str).chain([finding.level.as_str()]).collect();
    row("requirement", &requirement.join(", "));
    let caller = finding.caller.as_deref().unwrap_or("the caller");
    row(&format!("in {}", line(caller)), finding.caller_sees.as_deref().unwrap_or_default());
    if judged {
        row("why", &finding.why);
    }
    if judged {
        row("fix", &finding.fix);
    }
    row("baseline", finding.baseline.as_deref().unwrap_or_default());
    row("again", finding.reproduce.as_deref().unwrap_or_default());
    if finding.verdict == VerdictKind::NotTestable {
        for diagnosis in &report.diagnosis {
            row("diagnosis", &diagnosis.says);
            row("next", &diagnosis.next);
        }
    }
    lines.join("\n")
}

/// What is said about the whole suite, name and value.
pub(super) fn properties(report: &RunReport) -> Vec<(String, String)> {
    let target = |name: &str| report.target.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    let mut properties = vec![
        ("grantlint.version".to_owned(), line(&report.tool.version)),
        ("target".to_owned(), line(target("name"))),
        ("token_endpoint".to_owned(), line(target("token_endpoint"))),
        ("suites".to_owned(), line(&report.suites.join(", "))),
        ("exit".to_owned(), line(&format!("{}: {}", report.exit.code, report.exit.meaning))),
    ];
    let words = |answer: &Answer| match answer.answer.as_str() {
        "no" => format!("no ({})", answer.violations),
        "yes" => "yes".to_owned(),
        _ => format!("not known ({} not testable)", answer.not_testable),
    };
    for (document, answer) in &report.answers.conforms {
        properties.push((format!("conforms to {}", line(document)), words(answer)));
    }
    for (caller, answer) in &report.answers.works_for {
        properties.push((format!("works for {}", line(caller)), words(answer)));
    }
    let summary = &report.summary;
    for (name, n) in [
        ("checks", summary.checks),
        ("pass", summary.pass),
        ("violation", summary.violation),
        ("warning", summary.warning),
        ("note", summary.note),
        ("not_applicable", summary.not_applicable),
        ("not_testable", summary.not_testable),
        ("waived", summary.waived),
        ("left_out", summary.left_out),
        ("exchanges", summary.exchanges),
    ] {
        properties.push((format!("summary.{name}"), n.to_string()));
    }
    for notice in &report.waivers {
        properties.push((format!("waiver {}", facts::state(notice)), line(&notice.says)));
    }
    properties
}

fn line(text: &str) -> String {
    one_line(text, 500)
}
