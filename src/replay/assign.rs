//! Which recorded request is which instance of which exchange, and the Recording that comes of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::Value;

use super::candidates::{Candidate, Candidates};
use super::facts::Facts;
use super::fit::World;
use super::heard::Heard;
use crate::exchange::{NotSent, Recorded, Recording, Why};
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
}

/// Finds for every instance that the members look at the recorded request that is it, and says of the rest that nobody recorded it.
#[must_use]
pub fn recording(catalogue: &Catalogue, target: &Target, members: &[Member], heard: &[Heard]) -> Replayed {
    let facts: Vec<Facts<'_>> = heard.iter().map(Facts::of).collect();
    let mut named: HashMap<String, Vec<usize>> = HashMap::new();
    // An instance of our own recording comes back as what it was.
    let mut given: IndexMap<String, usize> = IndexMap::new();
    for (nth, facts) in facts.iter().enumerate() {
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
    let world = World { catalogue, target, known: known(&facts, target), served };
    let candidates = Candidates::new(world, &facts, named);
    let mut keys: IndexMap<String, (String, Option<usize>)> = IndexMap::new();
    shared(&candidates, members, &mut keys);
    stories(&candidates, members, &mut keys);
    for (key, nth) in &given {
        if let Some((_, known)) = keys.get_mut(key) {
            *known = Some(*nth);
        }
    }
    sealed(&candidates, keys, target)
}

/// Says of every instance that the members look at and that a saved run does not have that nobody recorded it.
pub fn completed(catalogue: &Catalogue, members: &[Member], recording: &mut Recording) {
    for member in members {
        for (key, name) in looked_at(catalogue, member) {
            recording
                .exchanges
                .entry(key)
                .or_insert_with_key(|key| Recorded::NotSent(not_recorded(key, &name, catalogue)));
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

/// What nobody made up: tokens that were issued, and the secrets of clients that are known.
fn known(facts: &[Facts<'_>], target: &Target) -> HashSet<String> {
    let issued = ["access_token", "refresh_token", "id_token"];
    let of = |facts: &Facts<'_>| {
        let text = |name: &&str| Some(facts.document.pointer(&format!("/response/json/{name}"))?.as_str()?.to_owned());
        issued.iter().filter_map(text).collect::<Vec<_>>()
    };
    let secrets = target.to_mask().into_iter().map(|(_, secret)| secret);
    facts.iter().flat_map(of).chain(secrets).collect()
}

/// Instances that checks share: each on its own, where there are several the one that most others took values from.
fn shared(candidates: &Candidates<'_>, members: &[Member], keys: &mut IndexMap<String, (String, Option<usize>)>) {
    let catalogue = candidates.catalogue();
    for member in members {
        for (key, name) in looked_at(catalogue, member) {
            keys.entry(key).or_insert((name, None));
        }
    }
    let mut used: HashMap<(String, usize), usize> = HashMap::new();
    let plain: Vec<(String, String)> = keys
        .iter()
        .filter(|(key, _)| !key.contains(['~', '<']))
        .map(|(key, (name, _))| (key.clone(), name.clone()))
        .collect();
    for (_, name) in &plain {
        for candidate in candidates.of(name).iter() {
            for (source, nth) in &candidate.from {
                let source = catalogue.representative(source).to_owned();
                *used.entry((source, *nth)).or_default() += 1;
            }
        }
    }
    let mut chosen: HashMap<String, usize> = HashMap::new();
    // What takes from nobody comes first, so that the rest can go by it.
    for depth in 0..=MOST_DEPTH {
        for (key, name) in plain.iter().filter(|(_, name)| depth_of(catalogue, name, 0) == depth) {
            let all = candidates.of(name);
            let fresh = |candidate: &&Candidate| {
                !candidate.from.values().any(|source| candidates.is_revoked(*source, candidate.nth))
            };
            let best = all.iter().filter(fresh).min_by_key(|candidate| {
                let agrees = candidate.from.iter().filter(|(source, nth)| {
                    chosen.get(catalogue.representative(source)).is_none_or(|known| known == *nth)
                });
                let uses = used.get(&(catalogue.representative(name).to_owned(), candidate.nth)).copied().unwrap_or(0);
                (std::cmp::Reverse(agrees.count()), std::cmp::Reverse(uses), candidate.nth)
            });
            if let Some(candidate) = best {
                chosen.entry(catalogue.representative(name).to_owned()).or_insert(candidate.nth);
                keys[key.as_str()].1 = Some(candidate.nth);
            }
        }
    }
}

fn depth_of(catalogue: &Catalogue, name: &str, above: usize) -> usize {
    let from = catalogue.exchanges.get(name).map(|exchange| exchange.takes_from.as_slice()).unwrap_or_default();
    if above >= MOST_DEPTH {
        return 0;
    }
    from.iter().map(|source| 1 + depth_of(catalogue, source, above + 1)).max().unwrap_or(0).min(MOST_DEPTH)
}

/// Instances of stories in which one exchange spoils what another gave: all of a story or none of it.
fn stories(candidates: &Candidates<'_>, members: &[Member], keys: &mut IndexMap<String, (String, Option<usize>)>) {
    let catalogue = candidates.catalogue();
    for member in members {
        let names = member.names(catalogue);
        let story = Story::of(catalogue, &names);
        let own: Vec<(String, String)> = names.iter().map(|name| (story.key(name, None), name.clone())).collect();
        if own.iter().all(|(key, _)| keys.get(key).is_some_and(|(_, nth)| nth.is_some()) || !key.contains(['~', '<'])) {
            continue;
        }
        let mut all: Vec<&str> = story.exchanges().map(|exchange| exchange.id.as_str()).collect();
        // Who takes comes before who gives, so that there is little to try.
        let taken =
            |name: &&str| story.exchanges().filter(|other| other.takes_from.iter().any(|from| from == name)).count();
        all.sort_by_key(taken);
        let mut told = Telling { candidates, story: &story, steps: 0 };
        if let Some(found) = told.rest(&all, BTreeMap::new()) {
            for (key, name) in own {
                if let Some((_, nth)) = keys.get_mut(&key).filter(|(_, nth)| nth.is_none()) {
                    *nth = found.get(&name).copied();
                }
            }
        }
    }
}

struct Telling<'t> {
    candidates: &'t Candidates<'t>,
    story: &'t Story<'t>,
    steps: usize,
}

impl Telling<'_> {
    /// One way to tell the story with what was recorded.
    fn rest(&mut self, left: &[&str], chosen: BTreeMap<String, usize>) -> Option<BTreeMap<String, usize>> {
        let Some((name, left)) = left.split_first() else { return self.in_order(&chosen).then_some(chosen) };
        for candidate in self.candidates.of(name).iter() {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return None;
            }
            let mut more = chosen.clone();
            let mut agrees = *more.entry((*name).to_owned()).or_insert(candidate.nth) == candidate.nth;
            for (source, nth) in &candidate.from {
                agrees &= *more.entry(source.clone()).or_insert(*nth) == *nth;
            }
            if agrees && let Some(found) = self.rest(left, more) {
                return Some(found);
            }
        }
        None
    }

    /// Whether what goes after another came after it, and every reader before what spoils its source.
    fn in_order(&self, chosen: &BTreeMap<String, usize>) -> bool {
        let at = |name: &String| chosen.get(name);
        self.story.exchanges().all(|exchange| {
            let own = at(&exchange.id);
            exchange.file.after.iter().all(|before| at(before) < own)
                && exchange.file.spoils.iter().all(|spoiled| {
                    self.story.exchanges().all(|other| {
                        let reads = other.id != exchange.id && other.takes_from.contains(spoiled);
                        !reads || self.story.draws_in(&other.id, &exchange.id) || at(&other.id) < own
                    })
                })
        })
    }
}

fn sealed(candidates: &Candidates<'_>, keys: IndexMap<String, (String, Option<usize>)>, target: &Target) -> Replayed {
    let catalogue = candidates.catalogue();
    let facts = candidates.facts;
    let mut exchanges: IndexMap<String, Recorded> = IndexMap::new();
    let mut taken_for: HashMap<usize, String> = HashMap::new();
    for (key, (name, nth)) in keys {
        let recorded = match nth {
            None => Recorded::NotSent(not_recorded(&key, &name, catalogue)),
            Some(nth)
                if candidates.facts[nth].heard.name.is_none() && unpromised(catalogue, &name, target).is_some() =>
            {
                let word = unpromised(catalogue, &name, target).unwrap_or_default();
                let reason = format!("nothing in the recording shows that the endpoint takes {word}");
                Recorded::NotSent(NotSent { why: Why::NotRecorded, reason, blocked_by: None })
            }
            Some(nth) => {
                let best = taken_for.entry(nth).or_insert_with(|| name.clone());
                if plainness(catalogue, &name) < plainness(catalogue, best) {
                    best.clone_from(&name);
                }
                Recorded::Sent(as_exchange(&facts[nth], catalogue, &name, target))
            }
        };
        exchanges.insert(key, recorded);
    }
    let mut told = Vec::new();
    for (nth, one) in facts.iter().enumerate() {
        let mut exchange = taken_for.get(&nth).cloned();
        let fitting =
            || catalogue.exchanges.keys().find(|name| candidates.of(name).iter().any(|found| found.nth == nth));
        if exchange.is_none() && one.endpoint(target).is_some() {
            // Nobody asked for it, and sentences about every answer of an endpoint are true of it all the same.
            let name = fitting().map(str::to_owned);
            let document = match &name {
                Some(name) => Some(as_exchange(one, catalogue, name, target)),
                None => grants(one).then(|| titled(one.document(None, Some(target)), "a request of its own kind")),
            };
            if let Some(document) = document {
                let label = name.clone().unwrap_or_else(|| "recorded".to_owned());
                exchanges.insert(format!("{label}#{}", nth + 1), Recorded::Sent(document));
                exchange = Some(name.unwrap_or_else(|| "a request of its own kind".to_owned()));
            }
        }
        let base = one.base().map(|url| format!("{} {url}", one.method()));
        told.push(Told { from: one.heard.from.clone(), request: base.unwrap_or_else(|| "an answer".into()), exchange });
    }
    exchanges.sort_keys();
    let started_ms = facts.iter().filter_map(|one| one.heard.at_ms).min().unwrap_or(0);
    let end = facts.iter().filter_map(|one| Some(one.heard.at_ms? + one.heard.elapsed_ms.unwrap_or(0))).max();
    let recording = Recording { exchanges, target: target.public.clone() }.sealed(&target.to_mask());
    Replayed { recording, told, started_ms, elapsed_ms: end.unwrap_or(started_ms).saturating_sub(started_ms) }
}

/// Of several names for one request the plainest is told: what is like nothing else, and has a right answer of its own.
fn plainness<'n>(catalogue: &Catalogue, name: &'n str) -> (bool, bool, usize, &'n str) {
    let exchange = catalogue.exchanges.get(name);
    let (like, works) = exchange.map_or((true, false), |exchange| (exchange.like.is_some(), exchange.works.is_some()));
    (like, !works, name.len(), name)
}

/// A way of authentication that an exchange rests on and that was never granted: refusing it may be right.
fn unpromised<'c>(catalogue: &'c Catalogue, name: &str, target: &Target) -> Option<&'c str> {
    let needs = &catalogue.exchanges.get(name)?.file.needs;
    let method = |word: &&String| matches!(word.as_str(), "client_secret_basic" | "client_secret_post");
    needs.iter().filter(method).find(|word| !target.claims(word)).map(String::as_str)
}

/// The document of a recorded request that is an exchange of the catalogue.
fn as_exchange(facts: &Facts<'_>, catalogue: &Catalogue, name: &str, target: &Target) -> Value {
    let exchange = catalogue.exchanges.get(name);
    let title = exchange.and_then(|exchange| exchange.file.title.clone()).unwrap_or_else(|| name.to_owned());
    titled(facts.document(exchange, Some(target)), &title)
}

fn titled(mut document: Value, title: &str) -> Value {
    document["title"] = title.into();
    document
}

/// Whether it is a token request as clients send them, of whatever grant.
fn grants(facts: &Facts<'_>) -> bool {
    let grants = ["client_credentials", "authorization_code", "refresh_token", "password"];
    facts.method() == "POST"
        && facts
            .param("grant_type")
            .is_some_and(|grant| grants.contains(&grant) || grant.starts_with("urn:ietf:params:oauth:"))
}

fn not_recorded(key: &str, name: &str, catalogue: &Catalogue) -> NotSent {
    let title = catalogue.exchanges.get(name).and_then(|exchange| exchange.file.title.as_deref());
    let title = title.map(|title| format!(" ({title})")).unwrap_or_default();
    NotSent { why: Why::NotRecorded, reason: format!("the recording lacks `{key}`{title}"), blocked_by: None }
}

/// Exchanges that take from exchanges that take from exchanges.
const MOST_DEPTH: usize = 6;

/// Tries for one story.
const MOST_STEPS: usize = 20_000;
