//! For each exchange the recorded requests that may be it, and for what they took from others, from which.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use serde_json::Value;

use super::facts::Facts;
use super::fit::{World, shows};
use crate::exchange::find;
use crate::suite::Catalogue;

/// A recorded request that may be an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Its number in the recording.
    pub(super) nth: usize,
    /// Exchange → the recorded request that its values come from.
    pub(super) from: BTreeMap<String, usize>,
}

/// Candidates by exchange, found when they are asked for.
pub(super) struct Candidates<'c> {
    pub(super) world: World<'c>,
    pub(super) facts: &'c [Facts<'c>],
    /// Exchange → requests that are said to be it.
    pub(super) named: HashMap<String, Vec<usize>>,
    known: RefCell<HashMap<String, Rc<Vec<Candidate>>>>,
    /// Token → when it was revoked.
    revoked: HashMap<String, usize>,
}

impl<'c> Candidates<'c> {
    pub(super) fn new(world: World<'c>, facts: &'c [Facts<'c>], named: HashMap<String, Vec<usize>>) -> Self {
        let endpoint = world.target.url_of("revocation_endpoint");
        let revokes = |facts: &&(usize, &Facts<'_>)| endpoint.is_some() && facts.1.base() == endpoint;
        let mut revoked = HashMap::new();
        for (nth, facts) in facts.iter().enumerate().collect::<Vec<_>>().iter().filter(revokes) {
            if let Some(token) = facts.param("token") {
                revoked.entry(token.to_owned()).or_insert(*nth);
            }
        }
        Self { world, facts, named, known: RefCell::default(), revoked }
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

    /// Whether what a request was answered with, or sent, was revoked before another one.
    pub(super) fn is_revoked(&self, source: usize, before: usize) -> bool {
        let token = self.facts[source].document.pointer("/response/json/access_token").and_then(Value::as_str);
        token.and_then(|token| self.revoked.get(token)).is_some_and(|at| *at < before)
    }

    fn look(&self, name: &str) -> Vec<Candidate> {
        if let Some(named) = self.named.get(name) {
            return named.iter().map(|nth| Candidate { nth: *nth, from: BTreeMap::new() }).collect();
        }
        let Some(exchange) = self.catalogue().exchanges.get(name) else { return Vec::new() };
        if !shows(exchange) {
            return Vec::new();
        }
        let free = |nth: &usize| {
            let facts = &self.facts[*nth];
            facts.heard.name.is_none() && self.world.may_fit(exchange, facts)
        };
        let free: Vec<usize> = (0..self.facts.len()).filter(free).collect();
        if free.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        let sources: Vec<(&String, Rc<Vec<Candidate>>)> =
            exchange.takes_from.iter().map(|source| (source, self.of(source))).collect();
        let mut ways: Vec<BTreeMap<String, usize>> = vec![BTreeMap::new()];
        for (source, candidates) in &sources {
            let mut numbers: Vec<usize> = candidates.iter().map(|candidate| candidate.nth).collect();
            numbers.sort_unstable();
            numbers.dedup();
            let mut more = Vec::new();
            for way in &ways {
                for nth in &numbers {
                    let mut way = way.clone();
                    way.insert((*source).clone(), *nth);
                    more.push(way);
                    if more.len() >= MOST_WAYS {
                        break;
                    }
                }
            }
            ways = more;
        }
        for nth in free {
            let facts = &self.facts[nth];
            for way in &ways {
                if way.values().any(|source| *source >= nth) {
                    continue;
                }
                let taken = |name: &str, place: &str| {
                    find(&self.facts[*way.get(name)?].document, place).map(|found| found.value().clone())
                };
                if self.world.fits(exchange, facts, &taken) {
                    found.push(Candidate { nth, from: way.clone() });
                    break;
                }
            }
            if found.len() >= MOST_CANDIDATES {
                break;
            }
        }
        found
    }
}

/// Sources of one request that are tried.
const MOST_WAYS: usize = 512;

/// Requests that are kept for one exchange.
const MOST_CANDIDATES: usize = 256;
