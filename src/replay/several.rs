//! Requests that were sent more than once: which of those recorded are one exchange.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::candidates::{Candidate, Candidates};
use crate::exchange::find;
use crate::suite::files::Repeat;
use crate::suite::reference::{Missing, Reference, Source};
use crate::suite::{Clauses, Exchange, Truth, World};
use crate::target::duration;

impl Candidates<'_> {
    /// What single requests come to, of an exchange that is sent more than once.
    pub(super) fn repeated(&self, exchange: &Exchange, repeat: &Repeat, found: Vec<Candidate>) -> Vec<Candidate> {
        let mut by_source: BTreeMap<BTreeMap<String, usize>, Vec<Candidate>> = BTreeMap::new();
        for candidate in found {
            by_source.entry(candidate.from.clone()).or_default().push(candidate);
        }
        let mut all: Vec<Candidate> = match &repeat.until {
            Some(until) => {
                let within = repeat.within.as_deref().and_then(duration).unwrap_or(Duration::from_secs(30));
                let until = Clauses::read(until.clone());
                by_source.into_values().filter_map(|tries| self.settled(exchange, &until, within, &tries)).collect()
            }
            None => {
                let times = repeat.times.unwrap_or(2).clamp(1, MOST_COPIES);
                by_source.into_values().filter_map(|tries| self.copies(&tries, times, repeat.at_once)).collect()
            }
        };
        all.sort_by_key(|candidate| candidate.nth);
        all
    }

    /// As many as were asked for that stand closest together.
    fn copies(&self, tries: &[Candidate], times: usize, at_once: bool) -> Option<Candidate> {
        let together = |window: &&[Candidate]| !at_once || self.at_one_moment(window);
        let span = |window: &&[Candidate]| window[times - 1].nth - window[0].nth;
        let best = tries.windows(times).filter(together).min_by_key(span)?;
        let all: Vec<usize> = best.iter().map(|one| one.nth).collect();
        Some(Candidate { all, ..best[times - 1].clone() })
    }

    /// Whether all of them were sent before the first was answered, or so fast that no client would have waited for answers.
    fn at_one_moment(&self, window: &[Candidate]) -> bool {
        let began: Option<Vec<u64>> = window.iter().map(|one| self.facts[one.nth].heard.began_us).collect();
        let ended = window.iter().filter_map(|one| self.facts[one.nth].heard.ended_us()).min();
        let (Some(began), Some(ended)) = (began, ended) else { return false };
        let (first, last) = (began.iter().min().copied(), began.iter().max().copied());
        first.zip(last).is_some_and(|(first, last)| last < ended || last - first <= ONE_MOMENT_US)
    }

    /// The first try of which it holds, or else the last, if there was time enough for it to come true.
    fn settled(
        &self,
        exchange: &Exchange,
        until: &Clauses,
        within: Duration,
        tries: &[Candidate],
    ) -> Option<Candidate> {
        let document = |one: &Candidate| self.facts[one.nth].document(Some(exchange), Some(self.world.target));
        if let Some(one) = tries.iter().find(|one| until.truth(&One(&document(one)), false) == Truth::Holds) {
            return Some(one.clone());
        }
        let last = tries.last()?;
        let waited = self.since_sources(last.from.values().copied(), last.nth)?;
        // People do not look at the second.
        let enough = u64::try_from(within.as_micros()).unwrap_or(u64::MAX).saturating_sub(2_000_000);
        (waited >= enough).then(|| Candidate { settled: false, ..last.clone() })
    }
}

/// The document of an exchange that was sent several times.
pub(super) fn joined(all: Vec<Value>) -> Value {
    let outcome =
        all.iter().find(|one| one["outcome"] != "answered").map_or("answered".into(), |one| one["outcome"].clone());
    // What one of them does not tell is told of none.
    let untold = all.iter().flat_map(|one| one["unrecorded"].as_array().into_iter().flatten());
    let untold: BTreeSet<&str> = untold.filter_map(Value::as_str).collect();
    let each = (0..all.len()).map(|nth| format!("/all/{nth}")).chain(["/all/*".to_owned()]);
    let each = each.flat_map(|part| untold.iter().map(move |place| format!("{part}{place}")));
    let first = untold.iter().filter(|place| place.starts_with("/request")).map(|place| (*place).to_owned());
    let untold: Vec<String> = first.chain(each).collect();
    let mut document = json!({"outcome": outcome, "all": all});
    for name in ["target", "request", "timing"] {
        if let Some(value) = document["all"][0].get(name).cloned() {
            document[name] = value;
        }
    }
    if !untold.is_empty() {
        document["unrecorded"] = json!(untold);
    }
    document
}

/// Whether an exchange did what it has to do to be of use; without a word on that, any answer will do.
pub(super) fn worked(exchange: &Exchange, document: &Value) -> bool {
    let works = exchange.file.works.clone();
    works.is_none_or(|works| Clauses::read(works).truth(&One(document), false) == Truth::Holds)
}

struct One<'d>(&'d Value);

impl World for One<'_> {
    fn document<'w>(&'w self, place: &'w str) -> Result<(&'w Value, &'w str, &'w str), Missing> {
        Ok((self.0, place, ""))
    }

    fn resolve(&self, reference: &Reference) -> Result<Value, Missing> {
        let own = match &reference.source {
            Source::Own(place) => find(self.0, place).map(|found| found.value().clone()),
            _ => None,
        };
        own.ok_or_else(|| Missing::Unrecorded(format!("the recording does not tell `{}`", reference.text)))
    }
}

/// Between the first and the last of requests that are sent at the same moment, in microseconds.
const ONE_MOMENT_US: u64 = 25_000;

/// Most copies of a repeated exchange.
const MOST_COPIES: usize = 20;
