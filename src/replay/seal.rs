//! The Recording that comes of what was taken for what: documents, masked, and for the rest why nothing is known of it.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::Value;

use super::assign::{Keys, Replayed, Told};
use super::candidates::Candidates;
use super::facts::Facts;
use super::several::joined;
use crate::exchange::{NotSent, Recorded, Recording, Why};
use crate::suite::files::{Absentable, Jwt, Kind, Sign};
use crate::suite::reference::{self, Source};
use crate::suite::{Catalogue, Exchange};
use crate::target::Target;

pub(super) fn sealed(
    candidates: &Candidates<'_>,
    keys: Keys,
    retold: IndexMap<String, Value>,
    target: &Target,
) -> Replayed {
    let catalogue = candidates.catalogue();
    let facts = candidates.facts;
    let mut exchanges: IndexMap<String, Recorded> = IndexMap::new();
    let mut taken_for: HashMap<usize, String> = HashMap::new();
    for (key, (name, nth)) in keys {
        if retold.contains_key(&key) {
            continue;
        }
        let recorded = match nth {
            None => Recorded::NotSent(not_recorded(&key, &name, catalogue)),
            Some(nth)
                if let Some(reason) =
                    unpromised(catalogue, &name, target).filter(|_| facts[nth].heard.name.is_none()) =>
            {
                Recorded::NotSent(NotSent { why: Why::NotRecorded, reason, blocked_by: None })
            }
            Some(nth) if candidates.is_walk(&name) => {
                let steps = candidates.trips.get(&nth).map(|trip| trip.steps.as_slice()).unwrap_or_default();
                for step in steps {
                    taken_for.entry(*step).or_insert_with(|| name.clone());
                }
                Recorded::Sent(titled(walk(candidates, nth), &title_of(catalogue, &name)))
            }
            Some(nth) => {
                let several = candidates.of(&name).iter().find(|found| found.nth == nth).map(|found| found.all.clone());
                let several = several.unwrap_or_default();
                for nth in several.iter().copied().chain([nth]) {
                    let best = taken_for.entry(nth).or_insert_with(|| name.clone());
                    if plainness(catalogue, &name) < plainness(catalogue, best) {
                        best.clone_from(&name);
                    }
                }
                let one = |nth: usize| as_exchange(&facts[nth], catalogue, &name, target);
                if several.is_empty() {
                    Recorded::Sent(one(nth))
                } else {
                    let all = several.into_iter().map(one).collect();
                    Recorded::Sent(titled(joined(all), &title_of(catalogue, &name)))
                }
            }
        };
        exchanges.insert(key, recorded);
    }
    exchanges.extend(retold.into_iter().map(|(key, document)| (key, Recorded::Sent(document))));
    // Walks that no check asked for: what is said of every page, and of every answer of the endpoint, is true of them all the same.
    for (nth, trip) in &candidates.trips {
        if !trip.whole || taken_for.contains_key(nth) {
            continue;
        }
        let document = titled(walk(candidates, *nth), "a walk of its own kind");
        exchanges.insert(format!("recorded#{}", nth + 1), Recorded::Sent(document));
        for step in trip.steps.iter().chain([nth]) {
            taken_for.entry(*step).or_insert_with(|| "a walk of its own kind".to_owned());
        }
    }
    let mut told = Vec::new();
    for (nth, one) in facts.iter().enumerate() {
        let mut exchange = taken_for.get(&nth).cloned();
        let fitting =
            || catalogue.exchanges.keys().find(|name| candidates.of(name).iter().any(|found| found.nth == nth));
        if one.heard.part.is_some() {
            exchange.clone_from(&one.heard.name);
        }
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
    let started_ms = facts.iter().filter_map(|one| one.heard.at_ms()).min().unwrap_or(0);
    let end = facts.iter().filter_map(|one| Some(one.heard.at_ms()? + one.heard.elapsed_ms().unwrap_or(0))).max();
    let recording = Recording { exchanges, target: target.public.clone() }.sealed(&target.to_mask());
    Replayed { recording, told, started_ms, elapsed_ms: end.unwrap_or(started_ms).saturating_sub(started_ms) }
}

/// Of several names for one request the plainest is told: what is like nothing else, and has a right answer of its own.
fn plainness<'n>(catalogue: &Catalogue, name: &'n str) -> (bool, bool, usize, &'n str) {
    let exchange = catalogue.exchanges.get(name);
    let (like, works) = exchange.map_or((true, false), |exchange| (exchange.like.is_some(), exchange.works.is_some()));
    (like, !works, name.len(), name)
}

/// What an exchange rests on and nothing in the recording promises, so that refusing it, or not minding it, may be right: a secret, a
/// way of authentication, a body or a grant that was never taken, or a specification that only the owner can say the server follows.
fn unpromised(catalogue: &Catalogue, name: &str, target: &Target) -> Option<String> {
    let needs = &catalogue.exchanges.get(name)?.file.needs;
    let promise = |word: &String| PROMISES.iter().find(|(known, _)| known == word).filter(|_| !target.claims(word));
    let (word, verb) = needs.iter().find_map(promise)?;
    Some(format!("nothing in the recording shows that {verb} {word}"))
}

const PROMISES: [(&str, &str); 9] = [
    ("client_secret", "the client has a"),
    ("client_secret_basic", "the endpoint takes"),
    ("client_secret_post", "the endpoint takes"),
    ("json", "the endpoint takes"),
    ("urn:ietf:params:oauth:grant-type:jwt-bearer", "the endpoint takes"),
    ("urn:ietf:params:oauth:grant-type:token-exchange", "the endpoint takes"),
    ("oauth-2.1", "the endpoint follows"),
    ("rfc7523bis", "the endpoint follows"),
    ("rfc9068", "the endpoint follows"),
];

/// The document of a walk.
fn walk(candidates: &Candidates<'_>, nth: usize) -> Value {
    candidates.trips.get(&nth).map(|trip| trip.document.clone()).unwrap_or_default()
}

pub(super) fn title_of(catalogue: &Catalogue, name: &str) -> String {
    let exchange = catalogue.exchanges.get(name);
    exchange.and_then(|exchange| exchange.file.title.clone()).unwrap_or_else(|| name.to_owned())
}

/// The document of a recorded request that is an exchange of the catalogue.
pub(super) fn as_exchange(facts: &Facts<'_>, catalogue: &Catalogue, name: &str, target: &Target) -> Value {
    titled(facts.document(catalogue.exchanges.get(name), Some(target)), &title_of(catalogue, name))
}

pub(super) fn titled(mut document: Value, title: &str) -> Value {
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

pub(super) fn not_recorded(key: &str, name: &str, catalogue: &Catalogue) -> NotSent {
    let exchange = catalogue.exchanges.get(name);
    let title = exchange.and_then(|exchange| exchange.file.title.as_deref());
    let title = title.map(|title| format!(" ({title})")).unwrap_or_default();
    // What stands behind the name of an instance spoils it, and has to be recorded, too.
    let spoilers = key.split(['~', '+', '<']).skip(1).filter_map(|name| catalogue.exchanges.get(name));
    let more = exchange.into_iter().chain(spoilers).find_map(untold).map(|why| format!("; {why}")).unwrap_or_default();
    let reason = format!("the recording lacks `{key}`{title}{more}");
    NotSent { why: Why::NotRecorded, reason, blocked_by: None }
}

/// Why no recording, or hardly one, holds an exchange; `None` if it only has to be recorded.
fn untold(exchange: &Exchange) -> Option<String> {
    let file = &exchange.file;
    if file.kind == Some(Kind::Handshake) {
        return Some("what is recorded of HTTP does not show a TLS handshake".to_owned());
    }
    let own = match &file.authenticate {
        Some(Absentable::Is(authenticate)) => authenticate.jwt.as_ref(),
        _ => None,
    };
    let forged = |jwt: &Jwt| matches!(jwt.sign, Sign::Altered | Sign::PublicKeyAsSecret | Sign::EmbeddedKey);
    if file.jwts.values().chain(own).any(forged) {
        return Some("only who has the key can tell a wrong signature from a right one".to_owned());
    }
    let (mut asks, mut code, mut verifier) = (None, None, None);
    for value in file.params.values().chain(file.query.values()).chain(file.headers.values()) {
        reference::each(value, &mut |reference| {
            if let Source::Target(path) = &reference.source
                && ONLY_OWNERS_KNOW.contains(&path.join(".").as_str())
            {
                asks.get_or_insert_with(|| path.join("."));
            }
            if let Source::Place { name, place } = &reference.source {
                if place == "/redirect/parameters/code" {
                    code = Some(name.clone());
                } else if place.starts_with("/let/") {
                    verifier = Some(name.clone());
                }
            }
        });
    }
    if let Some(member) = asks {
        return Some(format!("only the owner knows `{member}`"));
    }
    if verifier.is_some() && verifier != code {
        return Some("whose verifier it is nobody can tell who was not told it".to_owned());
    }
    match &file.repeat {
        Some(repeat) if repeat.until.is_none() => {
            let times = repeat.times.unwrap_or(2);
            let moment = if repeat.at_once { " at the same moment" } else { "" };
            return Some(format!("it is sent {times} times{moment}"));
        }
        _ => {}
    }
    match file.wait.as_ref()?.as_str()? {
        wait if wait.contains('$') => Some("it is sent when what it uses has run out".to_owned()),
        wait => Some(format!("it is sent {wait} later")),
    }
}

/// Members of a target that no recording gives away: that a scope is refused does not say that there is one.
const ONLY_OWNERS_KNOW: [&str; 6] = [
    "ungranted_scope",
    "other_resource_scope",
    "resource.scope",
    "resource.foreign_issuer_token",
    "resource.foreign_audience_token",
    "resource.foreign_type_token",
];
