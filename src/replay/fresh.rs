//! Whether what a request used was still good when it was used: nothing that ends it was recorded before, and its time was not over.
//!
//! A live run gives every exchange what no other one has used up. In a recording a token may have been revoked, rotated or outlived by
//! then, and an answer to that says nothing about the exchange.

use std::collections::HashMap;

use serde_json::Value;

use super::candidates::{Candidate, Candidates};
use super::facts::Facts;
use crate::suite::files::Kind;
use crate::suite::reference::{self, Source};

/// What was handed out, and what may have ended it.
#[derive(Debug, Default)]
pub(super) struct Issued {
    /// Value → who handed it out first.
    by: HashMap<String, Origin>,
    /// Parameter and value → requests that may use it up: codes that are redeemed, refresh tokens that are used, tokens that are
    /// revoked.
    touched: HashMap<(&'static str, String), Vec<usize>>,
    /// Codes that were redeemed once more: the server may take back everything that the user granted (RFC 6749 §4.1.2).
    replays: Vec<usize>,
}

#[derive(Debug)]
struct Origin {
    ended_us: Option<u64>,
    /// Seconds.
    good_for: u64,
}

impl Issued {
    pub(super) fn of(
        facts: &[Facts<'_>],
        codes: impl Iterator<Item = (usize, String)>,
        revocation: Option<&str>,
    ) -> Self {
        let mut all = Self::default();
        for (nth, code) in codes {
            let origin = Origin { ended_us: facts[nth].heard.ended_us(), good_for: CODE_SECONDS };
            all.by.entry(code).or_insert(origin);
        }
        for (nth, one) in facts.iter().enumerate() {
            let json = one.document.pointer("/response/json");
            let text = |name: &str| json.and_then(|json| json.get(name)).and_then(Value::as_str);
            if let Some(token) = text("access_token") {
                let told = json.and_then(|json| json.get("expires_in")).and_then(Value::as_u64);
                let origin = Origin { ended_us: one.heard.ended_us(), good_for: told.unwrap_or(TOKEN_SECONDS) };
                all.by.entry(token.to_owned()).or_insert(origin);
            }
            let revokes = revocation.is_some() && one.base().as_deref() == revocation;
            // The redirect URI gets a code, too, and does not use it up.
            let grants = one.pair("grant_type").is_some();
            let names = ["code", "refresh_token"].into_iter().filter(|_| grants).chain(revokes.then_some("token"));
            for (name, value) in names.filter_map(|name| Some((name, one.pair(name)?))) {
                let earlier = all.touched.entry((name, value.to_owned())).or_default();
                if !earlier.is_empty() && name == "code" {
                    all.replays.push(nth);
                }
                earlier.push(nth);
            }
        }
        all
    }
}

impl Candidates<'_> {
    /// Whether nothing but the requests of its own story has touched what a request used, up to its answer.
    pub(super) fn is_untouched(&self, name: &str, candidate: &Candidate, own: &dyn Fn(usize) -> bool) -> bool {
        let sources = self.lineage(name, candidate);
        let is_own = |nth: usize| {
            nth == candidate.nth
                || candidate.all.contains(&nth)
                || own(nth)
                || sources.iter().any(|(_, one)| *one == nth)
        };
        let before = |nth: usize| nth < candidate.nth || self.at_the_same_time(nth, candidate.nth);
        let spoilt = |(name, source): &(String, usize)| {
            let uses = self.uses(name, *source);
            let mut touches = uses.iter().filter_map(|one| self.issued.touched.get(one)).flatten();
            touches.any(|nth| *nth > *source && !is_own(*nth) && before(*nth))
        };
        if sources.iter().any(spoilt) {
            return false;
        }
        let walk = sources.iter().filter(|(name, _)| self.is_walk(name)).map(|(_, nth)| *nth).min();
        walk.is_none_or(|walk| {
            !self.issued.replays.iter().any(|nth| *nth > walk && *nth < candidate.nth && !is_own(*nth))
        })
    }

    /// Whether an answer gave something that nothing in the recording uses up.
    pub(super) fn gave_what_lasts(&self, name: &str, nth: usize) -> bool {
        let given = self.uses(name, nth);
        !given.is_empty() && !given.iter().any(|one| self.issued.touched.contains_key(one))
    }

    /// Everything that a request rests on: exchanges with where they stand.
    fn lineage(&self, name: &str, candidate: &Candidate) -> Vec<(String, usize)> {
        let mut left: Vec<(String, usize)> = self.fruits(name, candidate);
        let mut all = Vec::new();
        while let Some(one) = left.pop() {
            if all.len() >= MOST_SOURCES || all.contains(&one) {
                continue;
            }
            if let Some(found) = self.of(&one.0).iter().find(|found| found.nth == one.1) {
                left.extend(self.fruits(&one.0, found));
            }
            all.push(one);
        }
        all
    }

    /// The sources of a request that it took something from that can be used up: what stands in the query of an authorization request,
    /// or behind its challenge, cannot.
    fn fruits(&self, name: &str, candidate: &Candidate) -> Vec<(String, usize)> {
        let Some(exchange) = self.catalogue().exchanges.get(self.catalogue().representative(name)) else {
            return Vec::new();
        };
        let file = &exchange.file;
        let mut used: Vec<String> = Vec::new();
        for value in file.params.values().chain(file.query.values()).chain(file.headers.values()) {
            reference::each(value, &mut |reference| {
                if let Source::Place { name, place } = &reference.source
                    && !place.starts_with("/let/")
                    && !place.starts_with("/request/query/")
                {
                    used.push(name.clone());
                }
            });
        }
        let text = |text: &Option<String>| text.clone().map(Value::String).unwrap_or_default();
        for value in [text(&file.raw), text(&file.url)] {
            reference::each(&value, &mut |reference| {
                if let Source::Place { name, .. } = &reference.source {
                    used.push(name.clone());
                }
            });
        }
        let taken = candidate.from.iter().filter(|(name, _)| used.contains(name));
        taken.map(|(name, nth)| (name.clone(), *nth)).collect()
    }

    /// What would use up the codes and tokens of an answer: the parameter with the value.
    fn uses(&self, name: &str, nth: usize) -> Vec<(&'static str, String)> {
        let document = self.document(name, nth);
        let places = [
            ("token", "/response/json/access_token"),
            ("token", "/response/json/refresh_token"),
            ("refresh_token", "/response/json/refresh_token"),
            ("code", "/redirect/parameters/code"),
        ];
        let use_of = |(parameter, place): &(&'static str, &str)| {
            Some((*parameter, document?.pointer(place)?.as_str()?.to_owned()))
        };
        places.iter().filter_map(use_of).collect()
    }

    /// Whether one of two requests was sent before the other was answered.
    pub(super) fn at_the_same_time(&self, one: usize, other: usize) -> bool {
        let span = |nth: usize| Some((self.facts[nth].heard.began_us?, self.facts[nth].heard.ended_us()?));
        span(one).zip(span(other)).is_some_and(|(one, other)| one.0 < other.1 && other.0 < one.1)
    }

    /// Whether nothing that a request sends had run out by then.
    pub(super) fn in_time(&self, facts: &Facts<'_>) -> bool {
        let Some(began) = facts.heard.began_us else { return true };
        let names = ["code", "token", "subject_token"];
        let sent = names.iter().filter_map(|name| facts.pair(name)).chain(facts.bearer());
        sent.filter_map(|value| self.issued.by.get(value)).all(|origin| {
            let end = origin.ended_us.map(|end| end.saturating_add(origin.good_for.saturating_mul(1_000_000)));
            end.is_none_or(|end| began <= end)
        })
    }

    /// Microseconds from the last of its sources to a request.
    pub(super) fn since_sources(&self, sources: impl Iterator<Item = usize>, nth: usize) -> Option<u64> {
        let ends: Option<Vec<u64>> = sources.map(|source| self.facts[source].heard.ended_us()).collect();
        self.facts[nth].heard.began_us?.checked_sub(ends?.into_iter().max()?)
    }

    pub(super) fn is_walk(&self, name: &str) -> bool {
        self.catalogue().exchanges.get(name).is_some_and(|exchange| exchange.file.kind == Some(Kind::Authorize))
    }
}

/// How long a code is taken to be good at least, in seconds: many servers give it a minute.
const CODE_SECONDS: u64 = 60;

/// The same of a token without `expires_in`.
const TOKEN_SECONDS: u64 = 600;

/// Sources of sources that are looked at.
const MOST_SOURCES: usize = 40;
