//! For each exchange the recorded requests that may be it, and for what they took from others, from which.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use super::facts::Facts;
use super::fit::{Taken, World};
use super::fresh::Issued;
use super::walks::Trip;
use crate::exchange::find;
use crate::suite::files::Kind;
use crate::suite::{Catalogue, Exchange};
use crate::target::duration;

/// A recorded request that may be an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Its number in the recording; of several requests or of a walk that of the last.
    pub(super) nth: usize,
    /// Exchange → the recorded request that its values come from.
    pub(super) from: BTreeMap<String, usize>,
    /// The requests of an exchange that is sent several times; empty for all others.
    pub(super) all: Vec<usize>,
    /// Nothing about it is only like what the exchange would have sent.
    pub(super) exact: bool,
    /// What an exchange is asked again for came true.
    pub(super) settled: bool,
}

/// Candidates by exchange, found when they are asked for.
pub(super) struct Candidates<'c> {
    pub(super) world: World<'c>,
    pub(super) facts: &'c [Facts<'c>],
    /// Exchange → requests that are said to be it.
    pub(super) named: HashMap<String, Vec<usize>>,
    /// Walks, by where their last request stands.
    pub(super) trips: BTreeMap<usize, Trip>,
    /// What was handed out, and what may have ended it.
    pub(super) issued: Issued,
    known: RefCell<HashMap<String, Rc<Vec<Candidate>>>>,
}

impl<'c> Candidates<'c> {
    pub(super) fn new(
        world: World<'c>,
        facts: &'c [Facts<'c>],
        named: HashMap<String, Vec<usize>>,
        trips: Vec<Trip>,
    ) -> Self {
        let trips: BTreeMap<usize, Trip> = trips.into_iter().map(|trip| (trip.last, trip)).collect();
        let code = |trip: &Trip| trip.document.pointer("/redirect/parameters/code")?.as_str().map(str::to_owned);
        let codes = trips.values().filter_map(|trip| Some((trip.last, code(trip)?)));
        let issued = Issued::of(facts, codes, world.target.url_of("revocation_endpoint").as_deref());
        Self { world, facts, named, trips, issued, known: RefCell::default() }
    }

    pub(super) fn catalogue(&self) -> &'c Catalogue {
        self.world.catalogue
    }

    /// The requests that may be an exchange, in the order of the recording.
    pub(super) fn of(&self, name: &str) -> Rc<Vec<Candidate>> {
        let name = self.catalogue().representative(name);
        if let Some(known) = self.known.borrow().get(name) {
            return known.clone();
        }
        // A cycle ends here.
        self.known.borrow_mut().insert(name.to_owned(), Rc::default());
        let found = Rc::new(self.look(name));
        self.known.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }

    /// What was recorded as an exchange, before anybody knows which one: that of the walk or of the request.
    pub(super) fn document(&self, name: &str, nth: usize) -> Option<&Value> {
        if self.is_walk(name) {
            return self.trips.get(&nth).map(|trip| &trip.document);
        }
        self.facts.get(nth).map(|facts| &facts.document)
    }

    /// Whether values of an exchange come from a walk.
    pub(super) fn rests_on_walk(&self, name: &str) -> bool {
        let mut left = vec![name];
        let mut seen: Vec<&str> = Vec::new();
        while let Some(name) = left.pop() {
            if self.is_walk(name) {
                return true;
            }
            if let Some(exchange) = self.catalogue().exchanges.get(name).filter(|_| !seen.contains(&name)) {
                left.extend(exchange.takes_from.iter().map(String::as_str));
                seen.push(name);
            }
        }
        false
    }

    fn look(&self, name: &str) -> Vec<Candidate> {
        if let Some(named) = self.named.get(name) {
            let plain = |nth: &usize| Candidate {
                nth: *nth,
                from: BTreeMap::new(),
                all: Vec::new(),
                exact: true,
                settled: true,
            };
            return named.iter().map(plain).collect();
        }
        let Some(exchange) = self.catalogue().exchanges.get(name) else { return Vec::new() };
        if exchange.file.kind == Some(Kind::Handshake) {
            return Vec::new();
        }
        let free = self.free(exchange);
        if free.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        let ways = self.ways(exchange);
        for (nth, first) in free {
            let facts = &self.facts[first];
            for way in &ways {
                if way.values().any(|source| *source >= first) {
                    continue;
                }
                let taken = |name: &str, place: &str| {
                    find(self.document(name, *way.get(name)?)?, place).map(|found| found.value().clone())
                };
                if self.world.fits(exchange, facts, &taken) && self.waited(exchange, way, nth, &taken) {
                    let exact = self.world.is_exact(exchange, facts, self.trips.get(&nth));
                    let from = way.clone();
                    found.push(Candidate { nth, from, all: Vec::new(), exact, settled: true });
                    break;
                }
            }
            if found.len() >= MOST_CANDIDATES {
                break;
            }
        }
        match &exchange.file.repeat {
            Some(repeat) => self.repeated(exchange, repeat, found),
            None => found,
        }
    }

    /// Requests that may be it, whatever it took from others: where the last and the first of it stand.
    fn free(&self, exchange: &Exchange) -> Vec<(usize, usize)> {
        let may = |nth: usize| {
            let facts = &self.facts[nth];
            facts.heard.name.is_none() && self.world.may_fit(exchange, facts)
        };
        if exchange.file.kind == Some(Kind::Authorize) {
            let like = self
                .trips
                .values()
                .filter(|trip| trip.goes_like(exchange) && may(trip.first) && self.world.verifier_fits(exchange, trip));
            return like.map(|trip| (trip.last, trip.first)).collect();
        }
        (0..self.facts.len()).filter(|nth| may(*nth)).map(|nth| (nth, nth)).collect()
    }

    /// The recorded requests that the sources of an exchange may be, in every combination.
    fn ways(&self, exchange: &Exchange) -> Vec<BTreeMap<String, usize>> {
        let mut ways: Vec<BTreeMap<String, usize>> = vec![BTreeMap::new()];
        for source in &exchange.takes_from {
            let mut numbers: Vec<usize> = self.of(source).iter().map(|candidate| candidate.nth).collect();
            numbers.sort_unstable();
            numbers.dedup();
            let mut more = Vec::new();
            for way in &ways {
                for nth in &numbers {
                    // Two walks are never one.
                    let walked = |name: &String| self.is_walk(source) && self.is_walk(name);
                    if way.iter().any(|(name, known)| known == nth && walked(name)) {
                        continue;
                    }
                    let mut way = way.clone();
                    way.insert(source.clone(), *nth);
                    more.push(way);
                    if more.len() >= MOST_WAYS {
                        break;
                    }
                }
            }
            ways = more;
        }
        ways
    }

    /// Whether a request came as long after its sources as the exchange says: late where it waits, in time where it does not.
    fn waited(&self, exchange: &Exchange, way: &BTreeMap<String, usize>, nth: usize, taken: Taken<'_>) -> bool {
        let Some(wait) = &exchange.file.wait else { return self.in_time(&self.facts[nth]) };
        let wait = match self.world.filled(exchange, wait, taken) {
            Some(Value::Number(seconds)) => seconds.as_u64().map(Duration::from_secs),
            Some(Value::String(text)) => duration(&text),
            _ => None,
        };
        let since = self.since_sources(way.values().copied(), nth);
        wait.zip(since).is_some_and(|(wait, since)| u128::from(since) >= wait.as_micros())
    }
}

/// Sources of one request that are tried.
const MOST_WAYS: usize = 512;

/// Requests that are kept for one exchange.
const MOST_CANDIDATES: usize = 256;
