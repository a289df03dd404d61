//! What a verdict rests on beside the findings: what passed, what was not tested and why, and every exchange.

use indexmap::IndexMap;
use serde_json::Value;

use super::finding::Places;
use super::message::{Message, messages};
use super::prose::Prose;
use super::table::grouped;
use super::{line, prose, text, title};
use crate::report::evidence::{elapsed_ms, status_line};
use crate::report::link::Link;
use crate::report::model::{Finding, VerdictKind};

/// The checks of one document or caller that passed.
pub(super) struct Passed {
    pub link: Link,
    pub rows: Vec<PassedRow>,
}

/// A check that passed.
pub(super) struct PassedRow {
    pub anchor: String,
    pub check: String,
    pub title: String,
    pub level: String,
    pub statements: Vec<Prose>,
    pub sources: Vec<Link>,
    /// How many members of its exchange list.
    pub times: usize,
}

/// Checks without a verdict, for one reason.
pub(super) struct Untested {
    /// `not applicable`, `not exercised` or `left out`.
    pub kind: &'static str,
    pub reason: Prose,
    pub checks: Vec<UntestedCheck>,
}

/// One of them.
pub(super) struct UntestedCheck {
    pub anchor: String,
    pub check: String,
    pub title: String,
}

/// A violation that somebody answers for.
pub(super) struct Waived {
    pub anchor: String,
    pub check: String,
    pub title: String,
    pub reason: String,
    pub until: String,
    pub approved_by: String,
}

/// What went over the wire.
pub(super) struct Exchange {
    pub anchor: String,
    pub key: String,
    pub title: String,
    pub status: String,
    pub elapsed_ms: u64,
    pub messages: Vec<Message>,
}

pub(super) fn passed(places: &Places<'_>) -> Vec<Passed> {
    let passes = places.report.findings.iter().filter(|finding| finding.verdict == VerdictKind::Pass);
    let of = |(name, findings): (&str, Vec<&Finding>)| {
        let mut rows: IndexMap<&str, PassedRow> = IndexMap::new();
        for finding in findings {
            let row = rows.entry(&finding.check).or_insert_with(|| PassedRow {
                anchor: places.finding(finding),
                check: line(&finding.check),
                title: title(&finding.title),
                level: line(&finding.level),
                statements: places.ledger.statements(&finding.covers),
                sources: finding.sources.iter().map(|source| Link::to(source)).collect(),
                times: 0,
            });
            row.times += 1;
        }
        Passed { link: Link::to(name), rows: rows.into_values().collect() }
    };
    let groups = grouped(places.report, passes);
    groups.into_iter().filter(|(_, findings)| !findings.is_empty()).map(of).collect()
}

pub(super) fn untested(places: &Places<'_>) -> Vec<Untested> {
    let mut groups: IndexMap<(&str, String), Vec<UntestedCheck>> = IndexMap::new();
    for finding in &places.report.findings {
        let reason = finding.reason.as_deref().unwrap_or(&finding.message);
        let (kind, reason) = match finding.verdict {
            VerdictKind::LeftOut => ("left out", reason),
            VerdictKind::NotApplicable => match reason.strip_prefix("not exercised:") {
                Some(reason) => ("not exercised", reason),
                None => ("not applicable", reason.strip_prefix("not applicable:").unwrap_or(reason)),
            },
            _ => continue,
        };
        let checks = groups.entry((kind, text(reason.trim()))).or_default();
        let (check, title) = (line(&finding.check), title(&finding.title));
        if checks.iter().all(|known| known.check != check) {
            checks.push(UntestedCheck { anchor: places.finding(finding), check, title });
        }
    }
    let mut all: Vec<Untested> =
        groups.into_iter().map(|((kind, reason), checks)| Untested { kind, reason: prose(&reason), checks }).collect();
    // What was left out by choice first: it can be had.
    all.sort_by_key(|group| match group.kind {
        "left out" => 0,
        "not exercised" => 1,
        _ => 2,
    });
    all
}

pub(super) fn waived(places: &Places<'_>) -> Vec<Waived> {
    let waived = places.report.findings.iter().filter(|finding| finding.verdict == VerdictKind::Waived);
    let of = |finding: &Finding| {
        let word = |name: &str| {
            let word = finding.waiver.as_ref().and_then(|waiver| waiver.get(name)).and_then(Value::as_str);
            word.map(text).unwrap_or_default()
        };
        Waived {
            anchor: places.finding(finding),
            check: match finding.variant.as_deref() {
                Some(variant) => line(&format!("{} ({variant})", finding.check)),
                None => line(&finding.check),
            },
            title: title(&finding.title),
            reason: word("reason"),
            until: word("until"),
            approved_by: word("approved_by"),
        }
    };
    waived.map(of).collect()
}

pub(super) fn exchanges(places: &Places<'_>) -> Vec<Exchange> {
    let of = |(key, document): (&String, &Value)| {
        let named = document.get("title").and_then(Value::as_str).unwrap_or(key);
        Some(Exchange {
            anchor: places.exchange(key)?,
            key: line(key),
            title: line(named),
            status: match document["all"].as_array() {
                Some(all) => format!("{} answers", all.len()),
                None => status_line(document),
            },
            elapsed_ms: elapsed_ms(document),
            messages: messages(document),
        })
    };
    places.report.exchanges.iter().filter_map(of).collect()
}
