//! A section of the page: one flaw wherever it was seen, or all checks that one cause left without a verdict.

use serde_json::Value;

use super::anchor::Anchors;
use super::message::{Message, message, messages};
use super::prose::Prose;
use super::required::Required;
use super::tone::Tone;
use super::{Ledger, joined, line, prose, text};
use crate::report::conclude::plural;
use crate::report::evidence::{self, part_at};
use crate::report::fold::{Group, Kind, because, differences, groups, sees};
use crate::report::link::Link;
use crate::report::model::{Finding, Mismatch, RunReport};
use crate::report::text::one_line;
use crate::report::wrap::{shell_joined, shell_wrapped};
use crate::suite::words;

/// A section.
pub(super) struct Section {
    pub anchor: String,
    pub tone: Tone,
    pub title: String,
    /// Its title, and with what it was seen where another section has the same title.
    pub label: String,
    /// The check, unless there are several.
    pub check: Option<String>,
    pub level: String,
    /// `known` or `new` against a baseline.
    pub baseline: Option<String>,
    /// Why there is no verdict.
    pub because: Option<Prose>,
    /// The exchange that stood in the way.
    pub blocked_by: Option<Place>,
    pub required: Required,
    pub sources: Vec<Link>,
    pub differences: Vec<Difference>,
    /// Where no difference says what is wrong.
    pub message: Option<Prose>,
    pub evidence: Vec<Evidence>,
    /// Further exchanges that were looked at, the first of them.
    pub further: Vec<Place>,
    /// How many more there are.
    pub more: usize,
    pub why: Prose,
    pub fix: Prose,
    /// Caller, and what its administrator would see.
    pub shows: Vec<(String, String)>,
    /// With which variants and callers; empty if there is only the standard's own request.
    pub seen_with: Vec<Place>,
    /// The checks, if there are several.
    pub checks: Vec<Named>,
    pub curl: Option<String>,
    /// Callers that are concerned.
    pub callers: usize,
    /// Findings in it.
    pub findings: usize,
}

/// What was expected at a place, and what was there.
pub(super) struct Difference {
    pub at: String,
    pub expected: Prose,
    pub actual: Prose,
}

/// One exchange that shows the flaw.
pub(super) struct Evidence {
    pub title: String,
    pub messages: Vec<Message>,
    pub href: Option<String>,
}

/// A name, and where it leads or what it is called in the page.
pub(super) struct Place {
    pub name: String,
    /// Of its own if it is a place in this section, otherwise where it leads.
    pub anchor: Option<String>,
}

/// A check in a list.
pub(super) struct Named {
    pub anchor: String,
    pub check: String,
    pub title: String,
    /// Why it has no verdict, where that is not the same for all.
    pub because: Prose,
}

/// Places of the page that sections lead to.
pub(super) struct Places<'a> {
    pub report: &'a RunReport,
    pub ledger: &'a Ledger,
    /// One for each finding of the report, in its order.
    pub findings: Vec<String>,
    /// One for each exchange of the report, in its order.
    pub exchanges: Vec<String>,
}

impl<'a> Places<'a> {
    pub(super) fn of(report: &'a RunReport, ledger: &'a Ledger, run: &str, anchors: &mut Anchors) -> Self {
        let name = |finding: &Finding, anchors: &mut Anchors| {
            let word = |word: &Option<String>| word.clone().unwrap_or_default();
            anchors.name(&[run, &finding.check, &word(&finding.variant), &word(&finding.caller)])
        };
        let findings = report.findings.iter().map(|finding| name(finding, anchors)).collect();
        let exchanges = report.exchanges.keys().map(|key| anchors.name(&[run, "exchange", key])).collect();
        Self { report, ledger, findings, exchanges }
    }

    /// The name of a finding of this report.
    pub(super) fn finding(&self, finding: &Finding) -> String {
        let at = self.report.findings.iter().position(|known| std::ptr::eq(known, finding));
        at.map(|at| self.findings[at].clone()).unwrap_or_default()
    }

    /// The name of an exchange that was sent.
    pub(super) fn exchange(&self, key: &str) -> Option<String> {
        let (at, _, document) = self.report.exchanges.get_full(key)?;
        document.get("not_sent").is_none().then(|| self.exchanges[at].clone())
    }
}

/// What failed, errors first.
pub(super) fn sections(places: &Places<'_>) -> Vec<Section> {
    let mut sections: Vec<Section> =
        by_cause(groups(places.report, true)).iter().map(|group| section(places, group)).collect();
    let titles: Vec<String> = sections.iter().map(|section| section.title.clone()).collect();
    for section in &mut sections {
        let names: Vec<&str> = section.seen_with.iter().map(|place| place.name.as_str()).collect();
        if titles.iter().filter(|title| **title == section.title).count() > 1 && !names.is_empty() {
            section.label = format!("{} ({})", section.title, joined(&names, 1));
        }
    }
    sections
}

/// All that one exchange left without a verdict together, whatever was said of each check.
fn by_cause(groups: Vec<Group<'_>>) -> Vec<Group<'_>> {
    let mut joined: Vec<Group<'_>> = Vec::new();
    for group in groups {
        let cause = &group.findings[0].blocked_by;
        let known = joined.iter_mut().find(|known| {
            group.kind == Kind::NotTestable
                && known.kind == group.kind
                && cause.is_some()
                && known.findings[0].blocked_by == *cause
        });
        match known {
            Some(known) => known.findings.extend(group.findings),
            None => joined.push(group),
        }
    }
    joined
}

fn section(places: &Places<'_>, group: &Group<'_>) -> Section {
    let first = group.findings[0];
    let one = group.one_check();
    let untested = group.kind == Kind::NotTestable;
    let blocked_by = first.blocked_by.as_deref();
    let title = match blocked_by {
        _ if one => super::title(&first.title),
        Some(exchange) => format!("{} could not be tested without {}", checks(group), line(exchange)),
        None => format!("{} could not be tested, for one reason", checks(group)),
    };
    let differences = told_once(first);
    let evidence = match blocked_by {
        // What stood in the way says more than what was never asked.
        Some(key) => shown_whole(places, key).into_iter().collect(),
        None if one => evidence(places, first),
        None => Vec::new(),
    };
    let same = group.findings.iter().all(|finding| because(finding) == because(first));
    let mut further: Vec<&String> = Vec::new();
    for key in group.findings.iter().flat_map(|finding| &finding.exchanges).filter(|_| one && !untested) {
        if !further.contains(&key) && !shown_keys(first).contains(&key.as_str()) {
            further.push(key);
        }
    }
    let mut callers: Vec<&str> = group.findings.iter().filter_map(|finding| finding.caller.as_deref()).collect();
    callers.sort_unstable();
    callers.dedup();
    Section {
        anchor: places.finding(first),
        tone: Tone::of_kind(group.kind),
        label: title.clone(),
        title,
        check: one.then(|| line(&first.check)),
        level: line(&first.level),
        baseline: first.baseline.as_deref().map(line),
        because: (untested && same).then(|| prose(because(first))),
        blocked_by: blocked_by.map(|key| Place { name: line(key), anchor: places.exchange(key) }),
        required: if one { Required::of(places.ledger, first) } else { Required::default() },
        sources: if one { first.sources.iter().map(|source| Link::to(source)).collect() } else { Vec::new() },
        message: (!untested && differences.is_empty() && !first.message.is_empty()).then(|| prose(&first.message)),
        differences,
        evidence,
        more: further.len().saturating_sub(MOST_FURTHER),
        further: further
            .iter()
            .take(MOST_FURTHER)
            .map(|key| Place { name: line(key), anchor: places.exchange(key) })
            .collect(),
        why: if one { prose(&first.why) } else { Prose::default() },
        fix: if untested { Prose::default() } else { prose(&first.fix) },
        shows: shows(places.report, group),
        seen_with: if one && same { seen_with(places, group) } else { Vec::new() },
        checks: if one && same { Vec::new() } else { named(places, group, same) },
        curl: group.findings.iter().find_map(|finding| finding.reproduce.as_deref()).map(command),
        callers: callers.len(),
        findings: group.findings.len(),
    }
}

fn checks(group: &Group<'_>) -> String {
    let mut names: Vec<&str> = group.findings.iter().map(|finding| finding.check.as_str()).collect();
    names.dedup();
    plural(names.len(), "check")
}

fn told_once(finding: &Finding) -> Vec<Difference> {
    let difference = |(mismatch, times): (&Mismatch, usize)| {
        let often = if times > 1 { format!(" (in {times} exchanges)") } else { String::new() };
        Difference {
            at: one_line(&words::place(&mismatch.at), 200),
            expected: prose(&mismatch.expected),
            actual: Prose::of(&format!("{}{often}", text(&mismatch.actual))),
        }
    };
    differences(finding).into_iter().map(difference).collect()
}

/// The exchanges whose lines are shown, each with the first place that is meant in it.
fn shown_places(finding: &Finding) -> Vec<(&str, &str)> {
    let mut places: Vec<(&str, &str)> = Vec::new();
    for mismatch in &finding.mismatches {
        if !places.iter().any(|(key, _)| *key == mismatch.exchange) {
            places.push((&mismatch.exchange, &mismatch.at));
        }
    }
    if places.is_empty() {
        places = finding.exchanges.iter().map(|key| (key.as_str(), "/answer")).collect();
    }
    places
}

fn shown_keys(finding: &Finding) -> Vec<&str> {
    shown_places(finding).into_iter().take(MOST_EXCHANGES).map(|(key, _)| key).collect()
}

/// An exchange of which nothing in particular is wrong.
fn shown_whole(places: &Places<'_>, key: &str) -> Option<Evidence> {
    let document = places.report.exchanges.get(key).filter(|document| document.get("not_sent").is_none())?;
    let title = document.get("title").and_then(Value::as_str).unwrap_or(key);
    Some(Evidence { title: line(title), messages: messages(document), href: places.exchange(key) })
}

fn evidence(places: &Places<'_>, finding: &Finding) -> Vec<Evidence> {
    let shown = evidence::shown(places.report, finding, 200);
    let mut all = Vec::new();
    for ((key, at), shown) in shown_places(finding).into_iter().zip(shown).take(MOST_EXCHANGES) {
        let document = places.report.exchanges.get(key).unwrap_or(&Value::Null);
        if document.is_null() || document.get("not_sent").is_some() {
            continue;
        }
        let part = part_at(document, at);
        let own = part.get("response").is_some() || part.get("all").is_none();
        let messages = if own { vec![message(part, &shown.rows)] } else { messages(document) };
        all.push(Evidence { title: shown.title, messages, href: places.exchange(key) });
    }
    all
}

/// What each caller's administrator would see.
fn shows(report: &RunReport, group: &Group<'_>) -> Vec<(String, String)> {
    let told = |shown: &str| if shown == "nothing" { "Nothing is shown there.".to_owned() } else { text(shown) };
    sees(report, group).into_iter().map(|(caller, shown)| (caller, told(shown))).collect()
}

fn seen_with(places: &Places<'_>, group: &Group<'_>) -> Vec<Place> {
    let with = |finding: &Finding| {
        let caller = finding.caller.as_ref().map(|caller| format!("requests of {}", line(caller)));
        let words: Vec<String> = finding.variant.as_deref().map(line).into_iter().chain(caller).collect();
        (!words.is_empty()).then(|| words.join(", "))
    };
    if group.findings.iter().all(|finding| with(finding).is_none()) {
        return Vec::new();
    }
    let own = || "the standard's own request".to_owned();
    let anchors = group.findings.iter().enumerate().map(|(nth, finding)| (nth > 0).then(|| places.finding(finding)));
    let names = group.findings.iter().map(|finding| with(finding).unwrap_or_else(own));
    names.zip(anchors).map(|(name, anchor)| Place { name, anchor }).collect()
}

fn named(places: &Places<'_>, group: &Group<'_>, same: bool) -> Vec<Named> {
    let of = |(nth, finding): (usize, &&Finding)| Named {
        // The first is the section's own name.
        anchor: if nth > 0 { places.finding(finding) } else { String::new() },
        check: match finding.variant.as_deref() {
            Some(variant) => line(&format!("{} ({variant})", finding.check)),
            None => line(&finding.check),
        },
        title: super::title(&finding.title),
        because: if same { Prose::default() } else { prose(because(finding)) },
    };
    group.findings.iter().enumerate().map(of).collect()
}

/// A shell command, its lines broken anew.
fn command(command: &str) -> String {
    let line = one_line(&shell_joined(command), 4_000);
    shell_wrapped(&line, COMMAND_COLUMNS).join("\n")
}

/// Columns of a command, as many as a page has.
const COMMAND_COLUMNS: usize = 88;

/// Names of further exchanges.
const MOST_FURTHER: usize = 8;

/// As many exchanges as the evidence of a finding shows.
const MOST_EXCHANGES: usize = 3;
