//! One target: the verdict first, then what to do, then everything that it rests on.

use std::cmp::Reverse;

use indexmap::IndexMap;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::anchor::Anchors;
use super::appendix::{self, Exchange, Passed, Untested, Waived};
use super::finding::{Places, Section, sections};
use super::prose::Prose;
use super::table::{self, Table};
use super::tone::Tone;
use super::{Ledger, joined, line, prose, title};
use crate::report::conclude::plural;
use crate::report::model::{Answer, Finding, RunReport};

/// A target and its results.
pub(super) struct Run {
    pub anchor: String,
    pub name: String,
    pub endpoint: String,
    pub suites: Vec<String>,
    pub verdict: Verdict,
    pub started: String,
    pub exit: u8,
    pub counts: Vec<Count>,
    /// Whether it ended in the preflight.
    pub stopped: bool,
    pub tasks: Vec<Task>,
    /// Sections that are no task of their own.
    pub further: usize,
    pub table: Table,
    pub sections: Vec<Section>,
    pub waived: Vec<Waived>,
    pub passed: Vec<Passed>,
    pub untested: Vec<Untested>,
    pub facts: Vec<(String, String)>,
    pub steps: Vec<Step>,
    pub controls: Vec<Step>,
    pub exchanges: Vec<Exchange>,
    /// The worst verdict of each check that did not simply pass, and where it is told.
    pub worst: IndexMap<String, (Tone, String, String)>,
}

/// The answer in a sentence.
pub(super) struct Verdict {
    pub tone: Tone,
    pub headline: String,
    pub details: Vec<String>,
}

/// How many findings ended in one way.
pub(super) struct Count {
    pub n: usize,
    pub word: &'static str,
    pub tone: Tone,
    /// Part of the run's chapter that lists them; empty if none does.
    pub part: &'static str,
}

/// Something that was looked at before or after the rest.
pub(super) struct Step {
    pub tone: Tone,
    pub name: Prose,
    pub detail: Prose,
}

/// Something to do.
pub(super) struct Task {
    pub what: Prose,
    pub because: Prose,
    pub tone: Tone,
    /// Where it is told; empty if nowhere.
    pub anchor: String,
}

pub(super) fn run(report: &RunReport, ledger: &Ledger, anchors: &mut Anchors) -> Run {
    let name = word(report, "name").unwrap_or_else(|| "without a name".to_owned());
    let anchor = anchors.name(&[&name]);
    for part in PARTS {
        anchors.name(&[&anchor, part]);
    }
    let places = Places::of(report, ledger, &anchor, anchors);
    let sections = sections(&places);
    let waived = appendix::waived(&places);
    let passed = appendix::passed(&places);
    let untested = appendix::untested(&places);
    let (tasks, further) = tasks(report, &sections);
    let steps = report.preflight.steps.iter().map(|step| self::step(&step.step, step.passed, &step.detail)).collect();
    let controls = report.controls.iter().map(|(key, state)| {
        let held = state == "held";
        step(key, held, if held { "answers as before" } else { state })
    });
    let told = |finding: &Finding| {
        let group = sections.iter().find(|section| section.check.as_deref() == Some(&finding.check));
        group.map_or_else(|| places.finding(finding), |section| section.anchor.clone())
    };
    let mut worst: IndexMap<String, (Tone, String, String)> = IndexMap::new();
    for finding in &report.findings {
        let tone = Tone::of(finding);
        match worst.get_mut(&finding.check) {
            Some(known) if known.0 <= tone => {}
            Some(known) => *known = (tone, title(&finding.title), told(finding)),
            None => {
                worst.insert(finding.check.clone(), (tone, title(&finding.title), told(finding)));
            }
        }
    }
    Run {
        endpoint: word(report, "token_endpoint").unwrap_or_default(),
        suites: report.suites.iter().map(|suite| line(suite)).collect(),
        verdict: verdict(report),
        started: date(&report.started),
        exit: report.exit.code,
        counts: counts(report, &waived),
        stopped: !report.preflight.passed,
        tasks,
        further,
        table: table::of(report),
        facts: facts(report),
        controls: controls.collect(),
        exchanges: appendix::exchanges(&places),
        anchor,
        name,
        steps,
        sections,
        waived,
        passed,
        untested,
        worst,
    }
}

fn word(report: &RunReport, name: &str) -> Option<String> {
    report.target.get(name).and_then(Value::as_str).map(line).filter(|word| !word.is_empty())
}

fn step(name: &str, held: bool, detail: &str) -> Step {
    Step { tone: if held { Tone::Good } else { Tone::Bad }, name: prose(name), detail: prose(detail) }
}

/// `21 November 2026, 09:30 UTC`, or what stands there if it is no date.
fn date(started: &str) -> String {
    let format = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    let date = OffsetDateTime::parse(started, &Rfc3339).ok();
    let date = date.and_then(|date| date.checked_to_offset(time::UtcOffset::UTC)?.format(format).ok());
    date.unwrap_or_else(|| line(started))
}

fn verdict(report: &RunReport) -> Verdict {
    let answers = &report.answers;
    let of = |all: &IndexMap<String, Answer>, tone: Tone| -> Vec<String> {
        all.iter().filter(|(_, answer)| Tone::of_answer(answer) == tone).map(|(name, _)| name.clone()).collect()
    };
    let said = |names: &[String]| joined(&names.iter().map(String::as_str).collect::<Vec<_>>(), 3);
    let (fails, open) = (of(&answers.works_for, Tone::Bad), of(&answers.works_for, Tone::Unknown));
    let (breaks, unsure) = (of(&answers.conforms, Tone::Bad), of(&answers.conforms, Tone::Unknown));
    let works: Vec<String> = answers.works_for.keys().cloned().collect();
    let summary = &report.summary;
    let (tone, headline) = if report.exit.code == 130 {
        (Tone::Unknown, "The run was interrupted: what follows is not complete".to_owned())
    } else if !fails.is_empty() {
        (Tone::Bad, format!("Does not work for {}", said(&fails)))
    } else if !open.is_empty() {
        (Tone::Unknown, format!("Whether it works for {} is not known", said(&open)))
    } else if !breaks.is_empty() && works.is_empty() {
        (Tone::Bad, format!("Does not conform to {}", said(&breaks)))
    } else if !breaks.is_empty() {
        (Tone::Bad, format!("Works for {}, but does not conform to {}", said(&works), said(&breaks)))
    } else if summary.violation > 0 {
        (Tone::Bad, format!("Has {}", plural(summary.violation, "error")))
    } else if !unsure.is_empty() || summary.not_testable > 0 || !report.preflight.passed {
        (Tone::Unknown, "Not everything could be tested".to_owned())
    } else if summary.pass == 0 {
        (Tone::Unknown, "Nothing was tested".to_owned())
    } else if works.is_empty() {
        (Tone::Good, "Conforms, as far as it was tested".to_owned())
    } else {
        (Tone::Good, format!("Works for {}, and conforms as far as it was tested", said(&works)))
    };
    let mut details = Vec::new();
    if !fails.is_empty() && !breaks.is_empty() {
        details.push(format!("It does not conform to {} either.", said(&breaks)));
    }
    if tone == Tone::Bad && summary.not_testable > 0 {
        details.push(format!("{} could not be tested.", plural(summary.not_testable, "finding")));
    }
    if tone == Tone::Good && summary.warning > 0 {
        details.push(format!("It has {} to look at.", plural(summary.warning, "warning")));
    }
    if tone != Tone::Bad {
        details.push(format!("{}.", line(&sentence(&report.exit.meaning)).trim_end_matches('.')));
    }
    Verdict { tone, headline, details }
}

fn counts(report: &RunReport, waived: &[Waived]) -> Vec<Count> {
    let summary = &report.summary;
    let all = [
        (summary.violation, if summary.violation == 1 { "error" } else { "errors" }, Tone::Bad, "findings"),
        (summary.not_testable, "not testable", Tone::Unknown, "findings"),
        (summary.warning, if summary.warning == 1 { "warning" } else { "warnings" }, Tone::Warning, "findings"),
        (summary.note, if summary.note == 1 { "note" } else { "notes" }, Tone::Note, "findings"),
        (summary.waived, "waived", Tone::Waived, if waived.is_empty() { "" } else { "waived" }),
        (summary.pass, "passed", Tone::Good, "passed"),
        (summary.not_applicable, "not applicable", Tone::Quiet, "untested"),
        (summary.left_out, "left out", Tone::Quiet, "untested"),
    ];
    let needed = |(n, _, tone, _): &(usize, &str, Tone, &str)| *n > 0 || matches!(tone, Tone::Bad | Tone::Good);
    all.into_iter()
        .filter(needed)
        .map(|(n, word, tone, part)| Count { n, word, tone, part: if n > 0 { part } else { "" } })
        .collect()
}

/// What the owner of the endpoint does first: what the run as a whole says, then the flaws that break a caller, then the
/// others by how much hangs on them.
fn tasks(report: &RunReport, sections: &[Section]) -> (Vec<Task>, usize) {
    let whole = report.diagnosis.iter().map(|diagnosis| Task {
        what: prose(&sentence(&diagnosis.next)),
        because: prose(&diagnosis.says),
        tone: if report.exit.code == 0 { Tone::Note } else { Tone::Bad },
        anchor: String::new(),
    });
    let mut urgent: Vec<&Section> = sections.iter().filter(|section| section.tone <= Tone::Warning).collect();
    urgent.sort_by_key(|section| {
        let shown = section.shows.iter().any(|(_, shown)| shown != "Nothing is shown there.");
        (section.tone, !shown, Reverse(section.callers), Reverse(section.findings))
    });
    let untested: usize =
        urgent.iter().filter(|section| section.tone == Tone::Unknown).map(|section| section.findings).sum();
    // What could not be tested mostly waits for something else, and is one task then.
    let waits = !report.preflight.passed || urgent.iter().any(|section| section.tone == Tone::Bad);
    let mut of_sections: Vec<Task> = urgent
        .iter()
        .filter(|section| section.tone != Tone::Unknown || !waits)
        .map(|section| Task {
            what: if section.fix.is_empty() { Prose::of(UNTESTED) } else { section.fix.clone() },
            because: Prose::of(&section.label),
            tone: section.tone,
            anchor: section.anchor.clone(),
        })
        .collect();
    let room = MOST_TASKS.saturating_sub(report.diagnosis.len()).max(1);
    let further = of_sections.len().saturating_sub(room);
    of_sections.truncate(room);
    let again = (waits && untested > 0).then(|| Task {
        what: Prose::of("Run the test again once that is mended."),
        because: Prose::of(&format!("{} could not be tested before", plural(untested, "finding"))),
        tone: Tone::Unknown,
        anchor: urgent
            .iter()
            .find(|section| section.tone == Tone::Unknown)
            .map(|section| section.anchor.clone())
            .unwrap_or_default(),
    });
    (whole.chain(of_sections).chain(again).collect(), further)
}

/// Beginning with a capital letter.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

/// How it was tested, name and value.
fn facts(report: &RunReport) -> Vec<(String, String)> {
    let mut facts = vec![
        ("Program".to_owned(), line(&format!("{} {}", report.tool.name, report.tool.version))),
        ("Started".to_owned(), date(&report.started)),
        ("Took".to_owned(), format!("{}.{} s", report.elapsed_ms / 1000, report.elapsed_ms % 1000 / 100)),
        ("Suites".to_owned(), line(&report.suites.join(", "))),
        ("Exchanges sent".to_owned(), report.summary.exchanges.to_string()),
        ("Exit code".to_owned(), line(&format!("{}: {}", report.exit.code, report.exit.meaning))),
    ];
    for (name, value) in &report.target {
        flat(name, value, &mut facts);
    }
    facts
}

/// The members of an entry of the target file, one in a line.
fn flat(name: &str, value: &Value, facts: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            members
                .iter()
                .take(MOST_MEMBERS)
                .for_each(|(member, value)| flat(&format!("{name}.{member}"), value, facts));
        }
        Value::Array(items) => {
            let words: Vec<String> =
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
            facts.push((line(name), line(&words.join(", "))));
        }
        Value::String(word) => facts.push((line(name), line(word))),
        Value::Null => {}
        other => facts.push((line(name), line(&other.to_string()))),
    }
}

impl Run {
    /// Sections of a kind.
    pub(super) fn of(&self, tone: Tone) -> usize {
        self.sections.iter().filter(|section| section.tone == tone).count()
    }
}

/// What can be done where nothing says what to mend.
const UNTESTED: &str = "See why it could not be tested, and run the test again.";

/// Parts of a chapter that have a name of their own.
const PARTS: [&str; 7] = ["first", "documents", "findings", "waived", "passed", "untested", "how"];

/// More than these nobody does first.
const MOST_TASKS: usize = 6;

/// Members of one object of the target.
const MOST_MEMBERS: usize = 40;
