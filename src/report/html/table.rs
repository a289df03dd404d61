//! How many checks ended how, for each document and caller.

use indexmap::IndexMap;

use super::tone::Tone;
use crate::report::link::{Link, document};
use crate::report::model::{Answer, Finding, RunReport, VerdictKind};

/// Documents and callers against verdicts.
pub(super) struct Table {
    /// Columns that some row needs.
    pub heads: Vec<(Tone, &'static str)>,
    pub rows: Vec<Row>,
}

/// What was found about one document or caller.
pub(super) struct Row {
    pub question: &'static str,
    pub link: Link,
    /// `None` if neither conformance nor a caller is answered for.
    pub answer: Option<(Tone, String)>,
    pub cells: Vec<(Tone, &'static str, usize)>,
}

/// The document or caller that a finding is about, as the two answers file it.
pub(super) fn group_of(finding: &Finding) -> &str {
    match &finding.caller {
        Some(caller) => caller,
        None => finding.sources.first().map_or("", |source| document(source)),
    }
}

/// Callers first, then documents that are answered for, then the rest by name.
pub(super) fn grouped<'a>(
    report: &'a RunReport,
    findings: impl Iterator<Item = &'a Finding>,
) -> IndexMap<&'a str, Vec<&'a Finding>> {
    let answered = report.answers.works_for.keys().chain(report.answers.conforms.keys());
    let mut groups: IndexMap<&str, Vec<&Finding>> = answered.map(|name| (name.as_str(), Vec::new())).collect();
    let mut rest: IndexMap<&str, Vec<&Finding>> = IndexMap::new();
    for finding in findings {
        let name = group_of(finding);
        match groups.get_mut(name) {
            Some(group) => group.push(finding),
            None => rest.entry(name).or_default().push(finding),
        }
    }
    rest.sort_keys();
    groups.extend(rest);
    groups
}

/// The table of a run.
pub(super) fn of(report: &RunReport) -> Table {
    let columns: [Column; 8] = [
        (Tone::Bad, "errors", |finding| Tone::of(finding) == Tone::Bad),
        (Tone::Unknown, "not testable", |finding| Tone::of(finding) == Tone::Unknown),
        (Tone::Warning, "warnings", |finding| Tone::of(finding) == Tone::Warning),
        (Tone::Note, "notes", |finding| Tone::of(finding) == Tone::Note),
        (Tone::Waived, "waived", |finding| Tone::of(finding) == Tone::Waived),
        (Tone::Good, "passed", |finding| Tone::of(finding) == Tone::Good),
        (Tone::Quiet, "not applicable", |finding| finding.verdict == VerdictKind::NotApplicable),
        (Tone::Quiet, "left out", |finding| finding.verdict == VerdictKind::LeftOut),
    ];
    let needed: Vec<_> = columns
        .into_iter()
        .filter(|(tone, _, counts)| matches!(tone, Tone::Bad | Tone::Good) || report.findings.iter().any(counts))
        .collect();
    let rows = grouped(report, report.findings.iter()).into_iter().map(|(name, findings)| {
        let (question, answer) = match (report.answers.works_for.get(name), report.answers.conforms.get(name)) {
            (Some(answer), _) => ("Works for", Some(answer)),
            (None, Some(answer)) => ("Conforms to", Some(answer)),
            (None, None) => ("", None),
        };
        Row {
            question,
            link: Link::to(name),
            answer: answer.map(said),
            cells: needed
                .iter()
                .map(|(tone, head, counts)| (*tone, *head, findings.iter().filter(|finding| counts(finding)).count()))
                .collect(),
        }
    });
    Table { rows: rows.collect(), heads: needed.iter().map(|(tone, head, _)| (*tone, *head)).collect() }
}

/// Tone, head, and which findings it counts.
type Column = (Tone, &'static str, fn(&Finding) -> bool);

/// An answer in words.
pub(super) fn said(answer: &Answer) -> (Tone, String) {
    let tone = Tone::of_answer(answer);
    let word = match tone {
        Tone::Good => "yes",
        Tone::Bad => "no",
        _ => "not known",
    };
    (tone, word.to_owned())
}
