//! Saved runs become one report: shards of one target are put together, different targets stay runs of their own.
//!
//! Pure, and the same whatever the order of the files.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Debug;

use indexmap::IndexMap;
use serde_json::Value;

use super::conclude::{self, plural};
use super::facts;
use super::json;
use super::model::{Diagnosis, Finding, RunReport, Shard, VerdictKind};

/// One run for each target, in the order of their names; every run is concluded anew from its findings.
///
/// Where two runs of one target disagree about a check, the worse verdict counts, and the report says so. Of a target of which parts
/// are missing not everything was tested.
#[must_use]
pub fn merge(mut runs: Vec<RunReport>) -> Vec<RunReport> {
    let order = |run: &RunReport| {
        let part = run.shard.as_ref().map(|shard| shard.parts.clone());
        (identity(run), part, run.started.clone(), run.elapsed_ms, run.suites.clone())
    };
    runs.sort_by(|one, other| order(one).cmp(&order(other)).then_with(|| json::render(one).cmp(&json::render(other))));
    let mut merged: Vec<RunReport> = Vec::new();
    for group in runs.chunk_by(|one, other| identity(one) == identity(other)) {
        let mut run = match group {
            [one] => one.clone(),
            several => one_of(several),
        };
        conclude::decide(&mut run);
        note_missing_parts(&mut run);
        merged.push(run);
    }
    merged
}

/// Name and token endpoint: two targets of one name at different endpoints are two.
fn identity(run: &RunReport) -> (String, String) {
    let word = |name: &str| run.target.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    (word("name"), word("token_endpoint"))
}

/// Several runs of one target.
fn one_of(runs: &[RunReport]) -> RunReport {
    let mut merged = runs[0].clone();
    merged.shard = parts(runs);
    (merged.started, merged.elapsed_ms) = span(runs);
    let mut versions = BTreeSet::from([merged.tool.version.clone()]);
    let mut disagreements = Vec::new();
    let places = merged.findings.iter().enumerate().map(|(at, finding)| (key(finding), at));
    let mut places: HashMap<Key, usize> = places.collect();
    let divided = are_parts(runs);
    for (nth, run) in runs.iter().enumerate().skip(1) {
        versions.insert(run.tool.version.clone());
        let mut run = run.clone();
        keep_evidence(&mut merged.exchanges, &mut run, nth + 1);
        for finding in std::mem::take(&mut run.findings) {
            disagreements.extend(add(&mut merged.findings, &mut places, finding, divided));
        }
        join(&mut merged, run);
    }
    merged.findings.sort_by_cached_key(key);
    let callers: BTreeSet<String> = runs.iter().flat_map(|run| run.answers.works_for.keys().cloned()).collect();
    let documents: BTreeSet<String> = runs.iter().flat_map(|run| run.answers.conforms.keys().cloned()).collect();
    let callers: Vec<&str> = callers.iter().map(String::as_str).collect();
    merged.answers = conclude::answers(&merged.findings, &callers, |document| documents.contains(document));
    merged.diagnosis.extend(unlike(disagreements, versions));
    merged
}

/// Adds what a run says beside its findings.
fn join(merged: &mut RunReport, run: RunReport) {
    unite(&mut merged.suites, run.suites);
    unite(&mut merged.preflight.steps, run.preflight.steps);
    merged.preflight.passed &= run.preflight.passed;
    unite(&mut merged.left_out, run.left_out);
    unite(&mut merged.diagnosis, run.diagnosis);
    unite(&mut merged.waivers, run.waivers);
    for (exchange, state) in run.controls {
        let held = merged.controls.entry(exchange).or_insert_with(|| state.clone());
        if held == "held" {
            *held = state;
        }
    }
    merged.summary.exchanges = merged.summary.exchanges.saturating_add(run.summary.exchanges);
    merged.source = merged.source.take().or(run.source);
    merged.exit.fail_on = merged.exit.fail_on.max(run.exit.fail_on);
    merged.exit.fail_on_stale |= run.exit.fail_on_stale;
    merged.exit.no_waivers |= run.exit.no_waivers;
    // `decide` reads from the code whether a run was interrupted.
    merged.exit.code = if run.exit.code == 130 { 130 } else { merged.exit.code };
}

/// What is to be looked at where the runs of one target are not alike.
fn unlike(mut disagreements: Vec<String>, versions: BTreeSet<String>) -> Vec<Diagnosis> {
    let mut all = Vec::new();
    disagreements.sort();
    disagreements.dedup();
    if !disagreements.is_empty() {
        all.push(Diagnosis {
            says: format!(
                "the runs that were put together disagree about {}; the worse verdict counts",
                plural(disagreements.len(), "check")
            ),
            next: "look whether the endpoint changed between the runs, or answers differently from time to time".into(),
            checks: disagreements,
        });
    }
    if versions.len() > 1 {
        all.push(Diagnosis {
            says: format!("the runs were made by different versions: {}", Vec::from_iter(versions).join(", ")),
            next: "run all parts with one version: what a part holds depends on it".into(),
            checks: Vec::new(),
        });
    }
    all
}

type Key = (String, Option<String>, Option<String>);

fn key(finding: &Finding) -> Key {
    (finding.check.clone(), finding.caller.clone(), finding.variant.clone())
}

/// Adds a finding; where another run has one of the same name the worse one stays. Answers the check if the two disagree.
fn add(
    findings: &mut Vec<Finding>,
    places: &mut HashMap<Key, usize>,
    finding: Finding,
    divided: bool,
) -> Option<String> {
    let Some(at) = places.get(&key(&finding)).copied() else {
        places.insert(key(&finding), findings.len());
        findings.push(finding);
        return None;
    };
    let known = &findings[at];
    if known.verdict == finding.verdict {
        return None;
    }
    let worse = rank(&finding) < rank(known);
    let (mut stays, goes) = if worse { (finding, known.clone()) } else { (known.clone(), finding) };
    // That one run did not ask is no disagreement, and neither is it that a sentence about every answer broke in one part only.
    let silent = divided || matches!(goes.verdict, VerdictKind::LeftOut | VerdictKind::NotApplicable);
    if !silent {
        let told = format!("another run of this target: {}", facts::word(&goes));
        stays.reason = Some(stays.reason.map_or_else(|| told.clone(), |reason| format!("{reason} ({told})")));
    }
    let check = stays.check.clone();
    findings[at] = stays;
    (!silent).then_some(check)
}

/// The worse, the smaller.
fn rank(finding: &Finding) -> u8 {
    match finding.verdict {
        VerdictKind::Violation => 0,
        VerdictKind::NotTestable => 1,
        VerdictKind::Waived => 2,
        VerdictKind::Pass => 3,
        VerdictKind::LeftOut => 4,
        VerdictKind::NotApplicable => 5,
    }
}

/// Adds the exchanges of a run. One that is there already stays; if a finding that failed rests on another answer to it, that answer
/// is kept under a name of its own.
fn keep_evidence(exchanges: &mut IndexMap<String, Value>, run: &mut RunReport, nth: usize) {
    let failed = |finding: &&Finding| matches!(finding.verdict, VerdictKind::Violation | VerdictKind::NotTestable);
    let needed: BTreeSet<String> = run
        .findings
        .iter()
        .filter(failed)
        .flat_map(|finding| {
            finding.exchanges.iter().chain(finding.mismatches.iter().map(|mismatch| &mismatch.exchange))
        })
        .cloned()
        .collect();
    let mut renamed: IndexMap<String, String> = IndexMap::new();
    for (key, document) in std::mem::take(&mut run.exchanges) {
        let not_sent = |document: &Value| document.get("not_sent").is_some();
        match exchanges.get_mut(&key) {
            None => {
                exchanges.insert(key, document);
            }
            Some(known) if not_sent(known) && !not_sent(&document) => *known = document,
            Some(known) if *known == document || not_sent(&document) || !needed.contains(&key) => {}
            Some(_) => {
                let mut name = format!("{key} (run {nth})");
                while exchanges.contains_key(&name) {
                    name.push('\'');
                }
                exchanges.insert(name.clone(), document);
                renamed.insert(key, name);
            }
        }
    }
    let rename = |key: &mut String| {
        if let Some(name) = renamed.get(key.as_str()) {
            name.clone_into(key);
        }
    };
    for finding in run.findings.iter_mut().filter(|finding| failed(&&**finding)) {
        finding.exchanges.iter_mut().for_each(rename);
        finding.mismatches.iter_mut().for_each(|mismatch| rename(&mut mismatch.exchange));
        finding.blocked_by.iter_mut().for_each(rename);
    }
}

/// Adds what is not there yet, in time that grows no faster than the two lists.
fn unite<T: Debug>(all: &mut Vec<T>, more: Vec<T>) {
    let mut known: HashSet<String> = all.iter().map(|one| format!("{one:?}")).collect();
    all.extend(more.into_iter().filter(|one| known.insert(format!("{one:?}"))));
}

/// From the first start to the last end.
fn span(runs: &[RunReport]) -> (String, u64) {
    let longest = runs.iter().map(|run| run.elapsed_ms).max().unwrap_or(0);
    let times: Option<Vec<(i128, i128)>> = runs
        .iter()
        .map(|run| {
            let start = facts::started(run)?.unix_timestamp_nanos() / 1_000_000;
            Some((start, start + i128::from(run.elapsed_ms)))
        })
        .collect();
    let first = runs.iter().map(|run| run.started.clone()).min().unwrap_or_default();
    let Some(times) = times else { return (first, longest) };
    let start = times.iter().map(|(start, _)| *start).min().unwrap_or(0);
    let end = times.iter().map(|(_, end)| *end).max().unwrap_or(0);
    (first, u64::try_from(end - start).unwrap_or(longest))
}

/// Whether the runs are different parts of one.
fn are_parts(runs: &[RunReport]) -> bool {
    let shards: Option<Vec<&Shard>> = runs.iter().map(|run| run.shard.as_ref()).collect();
    let parts: Vec<usize> = shards.iter().flatten().flat_map(|shard| shard.parts.clone()).collect();
    shards.is_some() && parts.iter().collect::<BTreeSet<_>>().len() == parts.len()
}

/// The parts that are there; `None` when nothing is missing.
fn parts(runs: &[RunReport]) -> Option<Shard> {
    let mut shards: Vec<Shard> = runs.iter().map(|run| run.shard.clone()).collect::<Option<_>>()?;
    let of = shards.iter().map(|shard| shard.of).max()?;
    // Parts of different cuts do not add up: only those of the finest are counted.
    shards.retain(|shard| shard.of == of);
    let parts: BTreeSet<usize> = shards.into_iter().flat_map(|shard| shard.parts).collect();
    (parts.len() < of).then(|| Shard { parts: parts.into_iter().collect(), of })
}

/// When a run started, in milliseconds since the Unix epoch; 0 if it does not say so.
#[must_use]
pub fn started_ms(run: &RunReport) -> u64 {
    facts::started(run).and_then(|start| u64::try_from(start.unix_timestamp_nanos() / 1_000_000).ok()).unwrap_or(0)
}

/// A part is no whole: what was not asked cannot count as tested.
pub fn note_missing_parts(run: &mut RunReport) {
    let Some(shard) = &run.shard else { return };
    let parts: BTreeSet<usize> = shard.parts.iter().copied().filter(|part| (1..=shard.of).contains(part)).collect();
    let missing = shard.of - parts.len();
    let names: Vec<String> =
        (1..=shard.of).filter(|part| !parts.contains(part)).take(MOST_PARTS).map(|part| part.to_string()).collect();
    let more = if missing > names.len() { ", …" } else { "" };
    let are = if missing == 1 { "is" } else { "are" };
    let says = format!("of {} parts {missing} {are} missing: {}{more}", shard.of, names.join(", "));
    let diagnosis =
        Diagnosis { says: says.clone(), next: "give the saved runs of all parts".into(), checks: Vec::new() };
    unite(&mut run.diagnosis, vec![diagnosis]);
    if matches!(run.exit.code, 0 | 3 | 4) {
        run.exit.code = 3;
        run.exit.meaning = format!("not everything could be tested: {says}");
    }
}

/// Missing parts that are named.
const MOST_PARTS: usize = 20;
