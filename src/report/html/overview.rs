//! Several targets side by side.

use indexmap::IndexMap;

use super::line;
use super::run::Run;
use super::table::said;
use super::tone::Tone;
use crate::report::link::Link;
use crate::report::model::RunReport;

/// The tables of several targets.
pub(super) struct Overview {
    pub questions: Vec<Question>,
    /// Checks that did not pass everywhere.
    pub checks: Vec<Check>,
}

/// One question, and the answer for each target.
pub(super) struct Question {
    pub question: &'static str,
    pub link: Link,
    pub cells: Vec<Option<(Tone, String)>>,
}

/// One check, and its verdict for each target: tone and where it is told.
pub(super) struct Check {
    pub check: String,
    pub title: String,
    pub cells: Vec<Option<(Tone, String)>>,
}

impl Overview {
    /// `None` for a single target.
    pub(super) fn of(reports: &[&RunReport], runs: &[Run]) -> Option<Self> {
        (reports.len() > 1).then(|| Self { questions: questions(reports), checks: checks(runs) })
    }
}

fn questions(reports: &[&RunReport]) -> Vec<Question> {
    let mut callers: IndexMap<&str, Vec<Option<(Tone, String)>>> = IndexMap::new();
    let mut documents = callers.clone();
    for (at, report) in reports.iter().enumerate() {
        for (table, answers) in [(&mut callers, &report.answers.works_for), (&mut documents, &report.answers.conforms)]
        {
            for (name, answer) in answers {
                table.entry(name).or_insert_with(|| vec![None; reports.len()])[at] = Some(said(answer));
            }
        }
    }
    let of = |question: &'static str| {
        move |(name, cells): (&str, Vec<Option<(Tone, String)>>)| Question { question, link: Link::to(name), cells }
    };
    callers.into_iter().map(of("Works for")).chain(documents.into_iter().map(of("Conforms to"))).collect()
}

fn checks(runs: &[Run]) -> Vec<Check> {
    let mut rows: IndexMap<&str, Check> = IndexMap::new();
    for (at, run) in runs.iter().enumerate() {
        for (check, (tone, title, anchor)) in &run.worst {
            let row = rows.entry(check).or_insert_with(|| Check {
                check: line(check),
                title: title.clone(),
                cells: vec![None; runs.len()],
            });
            row.cells[at] = Some((*tone, anchor.clone()));
        }
    }
    let mut rows: Vec<Check> = rows.into_values().filter(|row| row.worst() < Tone::Waived).collect();
    rows.sort_by_key(Check::worst);
    rows
}

impl Check {
    fn worst(&self) -> Tone {
        self.cells.iter().flatten().map(|(tone, _)| *tone).min().unwrap_or(Tone::Quiet)
    }
}
