//! Which recorded request is which instance of which exchange, and the Recording that comes of it.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::Value;

use super::candidates::{Candidate, Candidates};
use super::facts::Facts;
use super::fit::{World, ends};
use super::heard::Heard;
use super::path::retold;
use super::proof::Proof;
use super::seal::{as_exchange, not_recorded, sealed, title_of, titled};
use super::several::joined;
use super::signed::audiences;
use super::stories::stories;
use super::walks::trips;
use crate::exchange::{Recorded, Recording};
use crate::suite::{Catalogue, Member, Story};
use crate::target::Target;

/// What a recording was taken for.
#[derive(Debug, Clone, Default)]
pub struct Replayed {
    /// Masked.
    pub recording: Recording,
    /// Each recorded exchange with what it was taken for, in the order of the recording.
    pub told: Vec<Told>,
    /// When the first exchange was sent, in milliseconds since the Unix epoch; 0 if nobody knows.
    pub started_ms: u64,
    /// From the first to the end of the last, in milliseconds.
    pub elapsed_ms: u64,
}

/// One recorded exchange and what it was taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Where it stands, for people.
    pub from: String,
    /// Method and URL without its query, or `answer`.
    pub request: String,
    /// The exchange; `None` if it is none of the catalogue and of none of the endpoints.
    pub exchange: Option<String>,
    /// The instances of exchanges that checks look at and that it was taken for.
    pub instances: Vec<String>,
}

/// Finds for every instance that the members look at the recorded request that is it, and says of the rest that nobody recorded it.
#[must_use]
pub fn recording(catalogue: &Catalogue, target: &Target, members: &[Member], heard: &[Heard]) -> Replayed {
    let facts: Vec<Facts<'_>> = heard.iter().map(Facts::of).collect();
    let mut named: HashMap<String, Vec<usize>> = HashMap::new();
    // An instance of our own recording comes back as what it was.
    let mut given: IndexMap<String, usize> = IndexMap::new();
    let mut parts: IndexMap<String, Vec<usize>> = IndexMap::new();
    for (nth, facts) in facts.iter().enumerate() {
        if let (Some(key), Some(_)) = (&facts.heard.name, &facts.heard.part) {
            parts.entry(key.clone()).or_default().push(nth);
            continue;
        }
        let name = facts.heard.name.clone().or_else(|| facts.heard.asked.is_none().then(|| supposed(facts).to_owned()));
        match name {
            Some(name) if catalogue.exchanges.contains_key(&name) => {
                named.entry(catalogue.representative(&name).to_owned()).or_default().push(nth);
            }
            Some(key) => drop(given.entry(key).or_insert(nth)),
            None => {}
        }
    }
    // `curl -v` keeps the body of a request to itself; what went to the token endpoint was ordinary if nothing says otherwise.
    let silent = |facts: &Facts<'_>| {
        let asked = facts.heard.asked.as_ref();
        asked.is_some_and(|asked| asked.body.is_none() && asked.method == "POST")
            && facts.heard.name.is_none()
            && facts.endpoint(target) == Some("token_endpoint")
    };
    let silent: Vec<usize> = (0..facts.len()).filter(|nth| silent(&facts[*nth])).collect();
    if !silent.is_empty() {
        named.entry(catalogue.representative("token.client_credentials").to_owned()).or_insert(silent);
    }
    let is_served = |facts: &&Facts<'_>| matches!(facts.answer(), "token" | "introspection" | "success");
    let served = facts.iter().filter(is_served).filter_map(|facts| facts.client_id().map(str::to_owned)).collect();
    let walks = trips(&facts, target, catalogue.exchanges.get(AUTHORIZE));
    let mut known = known(&facts, target);
    // A verifier that proves the challenge was not made up by somebody who does not know it.
    known.extend(walks.iter().filter(|trip| trip.is_hashed).filter_map(|trip| trip.verifier.clone()));
    let granted = facts.iter().filter(|facts| facts.answer() == "token");
    let mut basic: Vec<&'static str> = granted.filter_map(|facts| Some(facts.basic.as_ref()?.encoding)).collect();
    if !basic.is_empty() {
        basic.push("either");
    }
    let (audiences, proof) = (taken_audiences(&facts, target), Proof::of(&facts, target));
    let issued_ends = issued(&facts).flat_map(|token| ends(&token)).flatten().collect();
    let forged = RefCell::default();
    let world = World { catalogue, target, known, issued_ends, served, basic, audiences, proof, forged };
    let candidates = Candidates::new(world, &facts, named, walks);
    let mut keys: Keys = IndexMap::new();
    shared(&candidates, members, &mut keys);
    stories(&candidates, members, &mut keys);
    for (key, nth) in &given {
        if let Some((_, known)) = keys.get_mut(key) {
            *known = Some(*nth);
        }
    }
    let retold = parts.into_iter().filter_map(|(key, steps)| Some((key.clone(), together(&candidates, &key, &steps)?)));
    sealed(&candidates, &keys, retold.collect(), target)
}

/// What the parts of an exchange of our own make together.
fn together(candidates: &Candidates<'_>, key: &str, steps: &[usize]) -> Option<Value> {
    let (catalogue, target) = (candidates.catalogue(), candidates.world.target);
    let name = key.split(['~', '<']).next().unwrap_or(key);
    let is_page = candidates.facts[*steps.first()?].heard.part.as_ref()?.is_page;
    let document = if is_page {
        retold(candidates.facts, steps, target, catalogue.exchanges.get(AUTHORIZE))?
    } else {
        joined(steps.iter().map(|nth| as_exchange(&candidates.world, &candidates.facts[*nth], name)).collect())
    };
    Some(titled(document, &title_of(catalogue, name)))
}

/// Instance → its exchange, and where it stands in the recording.
pub(super) type Keys = IndexMap<String, (String, Option<usize>)>;

/// Says of every instance that the members look at and that a saved run does not have that nobody recorded it.
pub fn completed(catalogue: &Catalogue, members: &[Member], recording: &mut Recording) {
    for member in members {
        for (key, name) in looked_at(catalogue, member) {
            recording
                .exchanges
                .entry(key)
                .or_insert_with_key(|key| Recorded::NotSent(not_recorded(key, &name, catalogue, None)));
        }
    }
}

/// Every instance that a member looks at, with what its exchanges are like.
fn looked_at(catalogue: &Catalogue, member: &Member) -> Vec<(String, String)> {
    let names = member.names(catalogue);
    let story = Story::of(catalogue, &names);
    let mut all: Vec<(String, String)> = names.iter().map(|name| (story.key(name, None), name.clone())).collect();
    for name in &names {
        let mut below = catalogue.exchanges.get(name).and_then(|exchange| exchange.like.clone());
        while let Some(name) = below {
            let key = Story::of(catalogue, std::slice::from_ref(&name)).key(&name, None);
            below = catalogue.exchanges.get(&name).and_then(|exchange| exchange.like.clone());
            if !all.iter().any(|(known, _)| *known == key) {
                all.push((key, name));
            }
        }
    }
    all
}

/// What an answer alone is taken for.
fn supposed(facts: &Facts<'_>) -> &'static str {
    let has = |name: &str| facts.document.pointer(&format!("/response/json/{name}")).is_some();
    if has("active") {
        "introspect.access_token"
    } else if has("issuer") && !has("access_token") {
        "metadata"
    } else if has("keys") {
        "jwks"
    } else {
        "token.client_credentials"
    }
}

/// Tokens that were issued.
fn issued(facts: &[Facts<'_>]) -> impl Iterator<Item = String> {
    let of = |facts: &Facts<'_>| {
        let text = |name: &&str| Some(facts.document.pointer(&format!("/response/json/{name}"))?.as_str()?.to_owned());
        ["access_token", "refresh_token", "id_token"].iter().filter_map(text).collect::<Vec<_>>()
    };
    facts.iter().flat_map(of)
}

/// What nobody made up: tokens that were issued, and the secrets of clients that are known.
fn known(facts: &[Facts<'_>], target: &Target) -> HashSet<String> {
    let secrets = target.to_mask().into_iter().map(|(_, secret)| secret);
    let mut all: HashSet<String> = issued(facts).chain(secrets).collect();
    texts(&target.public, &mut all);
    all
}

/// Every text of a value: nobody made up what the target is made of.
fn texts(value: &Value, all: &mut HashSet<String>) {
    match value {
        Value::String(text) => drop(all.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| texts(item, all)),
        Value::Object(members) => members.values().for_each(|member| texts(member, all)),
        _ => {}
    }
}

/// Whom the JWTs that were taken were for; without any, whom they are for by the standard. Source: RFC 7523 §3, rule 3.
fn taken_audiences(facts: &[Facts<'_>], target: &Target) -> HashSet<String> {
    let taken = facts.iter().filter(|facts| facts.answer() == "token");
    let sent = taken.flat_map(|facts| [facts.param("client_assertion"), facts.param("assertion")]).flatten();
    let mut all: HashSet<String> = sent.flat_map(audiences).collect();
    if all.is_empty() {
        all.extend(["token_endpoint", "issuer"].iter().filter_map(|name| target.text(name)));
    }
    all
}

/// Instances that checks share: each on its own, where there are several the one that most others took values from.
fn shared(candidates: &Candidates<'_>, members: &[Member], keys: &mut Keys) {
    let catalogue = candidates.catalogue();
    for member in members {
        for (key, name) in looked_at(catalogue, member) {
            keys.entry(key).or_insert((name, None));
        }
    }
    let plain: Vec<(String, String)> = keys
        .iter()
        .filter(|(key, _)| !key.contains(['~', '<']))
        .map(|(key, (name, _))| (key.clone(), name.clone()))
        .collect();
    let mut choice = Choice { candidates, used: HashMap::new(), chosen: HashMap::new(), together: Vec::new() };
    for (_, name) in &plain {
        for candidate in candidates.of(name).iter().filter(|found| candidates.is_untouched(name, found, &|_| false)) {
            for (source, nth) in &candidate.from {
                let source = catalogue.representative(source).to_owned();
                choice.used.entry((source, *nth)).or_default().insert(name.clone());
            }
        }
    }
    for member in members {
        let story = Story::of(catalogue, &member.names(catalogue));
        let walked = story.exchanges().map(|exchange| exchange.id.as_str()).filter(|id| candidates.rests_on_walk(id));
        let walked: HashSet<String> = walked.map(|id| catalogue.representative(id).to_owned()).collect();
        if walked.len() > 1 {
            choice.together.push(walked);
        }
    }
    // What takes from nobody comes first, so that the rest can go by it; what nobody else is, before what somebody is.
    for depth in 0..=MOST_DEPTH {
        for alone in [true, false] {
            for (key, name) in plain.iter().filter(|(_, name)| depth_of(catalogue, name, 0) == depth) {
                if keys[key.as_str()].1.is_none()
                    && let Some(nth) = choice.best(name, alone)
                {
                    keys[key.as_str()].1 = Some(nth);
                }
            }
        }
    }
}

/// Which recorded request is taken for what checks share.
struct Choice<'c> {
    candidates: &'c Candidates<'c>,
    /// Who took values from it.
    used: HashMap<(String, usize), HashSet<String>>,
    chosen: HashMap<String, usize>,
    /// Exchanges that rest on walks and that one check looks at: none of them is another one's request.
    together: Vec<HashSet<String>>,
}

impl Choice<'_> {
    /// The best request for an exchange; `alone` for one that no other exchange with a walk has.
    fn best(&mut self, name: &str, alone: bool) -> Option<usize> {
        let catalogue = self.candidates.catalogue();
        let own = catalogue.representative(name).to_owned();
        let walked = self.candidates.rests_on_walk(name);
        if alone && !walked {
            return None;
        }
        let all = self.candidates.of(name);
        let free = |candidate: &&Candidate| {
            let mut others = self.chosen.iter().filter(|(other, nth)| **nth == candidate.nth && **other != own);
            let rival = |other: &String| self.together.iter().any(|set| set.contains(other) && set.contains(&own));
            !walked || if alone { others.next().is_none() } else { !others.any(|(other, _)| rival(other)) }
        };
        // Of what rests on a walk, everything has to be of the same one.
        let agreed = |candidate: &&Candidate| {
            candidate.from.iter().all(|(source, nth)| {
                let once = catalogue.exchanges.get(source).is_some_and(|exchange| exchange.file.single_use);
                let known = self.chosen.get(catalogue.representative(source));
                once || !self.candidates.rests_on_walk(source) || known.is_none_or(|known| known == nth)
            })
        };
        let fresh = |candidate: &&Candidate| self.candidates.is_untouched(name, candidate, &|_| false);
        let best = all.iter().filter(free).filter(agreed).filter(fresh).min_by_key(|candidate| {
            let agrees = candidate.from.iter().filter(|(source, nth)| {
                self.chosen.get(catalogue.representative(source)).is_none_or(|known| known == *nth)
            });
            let uses = self.used.get(&(own.clone(), candidate.nth)).map_or(0, HashSet::len);
            // A run makes another one for whoever uses up what an exchange gave.
            let lasting = self.candidates.gave_what_lasts(name, candidate.nth);
            let rank = (!candidate.exact, !lasting, std::cmp::Reverse(agrees.count()), std::cmp::Reverse(uses));
            (rank, candidate.nth)
        })?;
        self.chosen.entry(own).or_insert(best.nth);
        Some(best.nth)
    }
}

fn depth_of(catalogue: &Catalogue, name: &str, above: usize) -> usize {
    let from = catalogue.exchanges.get(name).map(|exchange| exchange.takes_from.as_slice()).unwrap_or_default();
    if above >= MOST_DEPTH {
        return 0;
    }
    from.iter().map(|source| 1 + depth_of(catalogue, source, above + 1)).max().unwrap_or(0).min(MOST_DEPTH)
}

/// The walk that others are like.
const AUTHORIZE: &str = "authorize.code";

/// Exchanges that take from exchanges that take from exchanges.
const MOST_DEPTH: usize = 6;
