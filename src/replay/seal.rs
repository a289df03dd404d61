//! The Recording that comes of what was taken for what: documents, masked, and for the rest why nothing is known of it.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::Value;

use super::assign::{Keys, Replayed, Told};
use super::blocked::blocked;
use super::candidates::Candidates;
use super::control::controls;
use super::facts::Facts;
use super::fit::World;
use super::several::joined;
use crate::exchange::{NotSent, Recorded, Recording, Why};
use crate::suite::files::{Absentable, Jwt, Kind, Sign};
use crate::suite::reference::{self, Source};
use crate::suite::{Catalogue, Exchange};
use crate::target::Target;

pub(super) fn sealed(
    candidates: &Candidates<'_>,
    keys: &Keys,
    retold: IndexMap<String, Value>,
    target: &Target,
) -> Replayed {
    let catalogue = candidates.catalogue();
    let facts = candidates.facts;
    let mut exchanges: IndexMap<String, Recorded> = IndexMap::new();
    let mut taken_for: HashMap<usize, String> = HashMap::new();
    let mut instances: HashMap<usize, Vec<String>> = HashMap::new();
    for (key, (name, nth)) in keys {
        if retold.contains_key(key) {
            continue;
        }
        nth.iter().for_each(|nth| instances.entry(*nth).or_default().push(key.clone()));
        let recorded = match *nth {
            None if let Some(not_sent) = blocked(candidates, keys, name).filter(|_| !key.contains(['~', '<'])) => {
                Recorded::NotSent(not_sent)
            }
            None => Recorded::NotSent(not_recorded(key, name, catalogue, Some(target))),
            Some(nth) if let Some(reason) = unpromised(catalogue, name, target, facts[nth].heard.name.is_some()) => {
                Recorded::NotSent(NotSent { why: Why::NotRecorded, reason, blocked_by: None })
            }
            Some(nth) if candidates.is_walk(name) => {
                let steps = candidates.trips.get(&nth).map(|trip| trip.steps.as_slice()).unwrap_or_default();
                for step in steps {
                    taken_for.entry(*step).or_insert_with(|| name.clone());
                }
                Recorded::Sent(titled(walk(candidates, nth), &title_of(catalogue, name)))
            }
            Some(nth) => {
                let several = candidates.of(name).iter().find(|found| found.nth == nth).map(|found| found.all.clone());
                let several = several.unwrap_or_default();
                for nth in several.iter().copied().chain([nth]) {
                    let best = taken_for.entry(nth).or_insert_with(|| name.clone());
                    if plainness(catalogue, name) < plainness(catalogue, best) {
                        best.clone_from(name);
                    }
                }
                let one = |nth: usize| as_exchange(&candidates.world, &facts[nth], name);
                if several.is_empty() {
                    Recorded::Sent(one(nth))
                } else {
                    let all = several.into_iter().map(one).collect();
                    Recorded::Sent(titled(joined(all), &title_of(catalogue, name)))
                }
            }
        };
        exchanges.insert(key.clone(), recorded);
    }
    controls(candidates, keys, &mut exchanges);
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
                Some(name) => Some(as_exchange(&candidates.world, one, name)),
                None => grants(one).then(|| titled(one.document(None, Some(target)), "a request of its own kind")),
            };
            if let Some(document) = document {
                let label = name.clone().unwrap_or_else(|| "recorded".to_owned());
                exchanges.insert(format!("{label}#{}", nth + 1), Recorded::Sent(document));
                exchange = Some(name.unwrap_or_else(|| "a request of its own kind".to_owned()));
            }
        }
        let base = one.base().map(|url| format!("{} {url}", one.method()));
        told.push(Told {
            from: one.heard.from.clone(),
            request: base.unwrap_or_else(|| "an answer".into()),
            exchange,
            instances: instances.remove(&nth).unwrap_or_default(),
        });
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
///
/// Whoever names the exchange (`named`) promises the rest, but neither a specification nor scopes.
fn unpromised(catalogue: &Catalogue, name: &str, target: &Target, named: bool) -> Option<String> {
    let needs = &catalogue.exchanges.get(name)?.file.needs;
    let promise = |word: &String| {
        let missing = |(known, _, apart): &&(&str, &str, bool)| known == word && (!named || *apart);
        PROMISES.iter().find(missing).filter(|_| !target.claims(word))
    };
    let (_, promise, _) = needs.iter().find_map(promise)?;
    Some(format!("nothing in the recording shows that {promise}"))
}

/// A word of `needs`, what it promises, and whether naming the exchange does not promise it too.
const PROMISES: [(&str, &str, bool); 10] = [
    ("client_secret", "the client has a secret", false),
    ("scope_list", "the client asks for several scopes", true),
    ("client_secret_basic", "the endpoint takes client_secret_basic", false),
    ("client_secret_post", "the endpoint takes client_secret_post", false),
    ("json", "the endpoint takes JSON", false),
    ("urn:ietf:params:oauth:grant-type:jwt-bearer", "the endpoint takes JWT grants", false),
    ("urn:ietf:params:oauth:grant-type:token-exchange", "the endpoint exchanges tokens", false),
    ("oauth-2.1", "the endpoint follows OAuth 2.1", true),
    ("rfc7523bis", "the endpoint follows rfc7523bis", true),
    ("rfc9068", "the endpoint follows RFC 9068", true),
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
pub(super) fn as_exchange(world: &World<'_>, facts: &Facts<'_>, name: &str) -> Value {
    let exchange = world.catalogue.exchanges.get(name);
    let mut document = facts.document(exchange, Some(world.target));
    if let Some(exchange) = exchange {
        world.tell_lets(exchange, facts, &mut document);
    }
    titled(document, &title_of(world.catalogue, name))
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

/// `target` says what a recording by others could tell; `None` for a run of our own.
pub(super) fn not_recorded(key: &str, name: &str, catalogue: &Catalogue, target: Option<&Target>) -> NotSent {
    let exchange = catalogue.exchanges.get(name);
    let title = exchange.and_then(|exchange| exchange.file.title.as_deref());
    let title = title.map(|title| format!(" ({title})")).unwrap_or_default();
    // What stands behind the name of an instance spoils it, and has to be recorded, too.
    let spoilers = key.split(['~', '+', '<']).skip(1).filter_map(|name| catalogue.exchanges.get(name));
    let more = exchange
        .into_iter()
        .chain(spoilers)
        .find_map(|one| untold(one, target?))
        .map(|why| format!("; {why}"))
        .unwrap_or_default();
    let reason = format!("the recording lacks `{key}`{title}{more}");
    NotSent { why: Why::NotRecorded, reason, blocked_by: None }
}

/// Why no recording, or hardly one, holds an exchange; `None` if it only has to be recorded.
fn untold(exchange: &Exchange, target: &Target) -> Option<String> {
    let file = &exchange.file;
    if file.kind == Some(Kind::Handshake) {
        return Some("what is recorded of HTTP does not show a TLS handshake".to_owned());
    }
    let own = match &file.authenticate {
        Some(Absentable::Is(authenticate)) => authenticate.jwt.as_ref(),
        _ => None,
    };
    // The key of `embedded-key` is ours, and everybody can tell.
    let forged = |jwt: &Jwt| {
        matches!(jwt.sign, Sign::Altered | Sign::PublicKeyAsSecret)
            && target.key(jwt.of.unwrap_or_default().member()).is_none()
    };
    if file.jwts.values().chain(own).any(forged) {
        return Some("only who has the key can tell a wrong signature from a right one".to_owned());
    }
    let (mut asks, mut code, mut verifier) = (None, None, None);
    for value in file.params.values().chain(file.query.values()).chain(file.headers.values()) {
        reference::each(value, &mut |reference| {
            if let Source::Target(path) = &reference.source
                && ONLY_OWNERS_KNOW.contains(&path.join(".").as_str())
                && target.value(path).is_none()
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
