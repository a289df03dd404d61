//! What a schema of the file cannot see: names that do not exist, cycles, pointers, and clauses that cannot fail.

mod schemas;
mod whole;

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::catalogue::Values;
use super::reference::{self, Reference, Source};
use crate::yaml::{self, Document, FileProblems, Problem, escape};
use schemas::{cannot_fail, compiles};
pub(super) use whole::catalogue;

/// The files of a user's folder with their mistakes. Embedded files have no text, so nothing is said about them.
#[derive(Debug, Default)]
pub struct Files {
    files: HashMap<(String, String), (FileProblems, Document)>,
    broken: Vec<FileProblems>,
}

impl Files {
    pub(super) fn add(&mut self, kind: &str, id: String, file: FileProblems, document: Document) {
        self.files.insert((kind.to_owned(), id), (file, document));
    }

    pub(super) fn broken(&mut self, file: FileProblems) {
        self.broken.push(file);
    }

    pub(super) fn clean(&self) -> bool {
        self.broken.is_empty() && self.files.values().all(|(file, _)| file.problems.is_empty())
    }

    pub(super) fn problems(self) -> Vec<FileProblems> {
        let mut all: Vec<FileProblems> = self
            .files
            .into_values()
            .map(|(file, _)| file)
            .filter(|file| !file.problems.is_empty())
            .chain(self.broken)
            .collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all.iter_mut().for_each(|file| file.problems.sort_by_key(|problem| problem.at.start));
        all
    }

    fn tell(&mut self, kind: &str, id: &str, place: &str, message: String, help: Option<String>) {
        if let Some((file, document)) = self.files.get_mut(&(kind.to_owned(), id.to_owned())) {
            let mut nearest = place;
            let at = loop {
                if let Some(position) = document.positions.get(nearest) {
                    let empty = position.value.is_empty() && !position.key.is_empty();
                    break if empty { position.key.clone() } else { position.value.clone() };
                }
                match nearest.rsplit_once('/') {
                    Some((parent, _)) => nearest = parent,
                    None => break 0..0,
                }
            };
            let problem = Problem { message, at, help };
            if !file.problems.contains(&problem) {
                file.problems.push(problem);
            }
        }
    }

    fn has(&self, kind: &str, id: &str) -> bool {
        self.files.contains_key(&(kind.to_owned(), id.to_owned()))
    }
}

/// A file that is looked at, and where its mistakes are told.
struct Spot<'f> {
    files: &'f mut Files,
    kind: &'f str,
    id: &'f str,
}

impl Spot<'_> {
    fn tell(&mut self, place: &str, message: impl Into<String>, help: Option<String>) {
        self.files.tell(self.kind, self.id, place, message.into(), help);
    }
}

/// Names and references in the files as they stand, before anything is laid over anything.
pub(super) fn references(values: &Values, files: &mut Files) {
    let empty = Map::new();
    let exchanges = values.get("exchanges").unwrap_or(&empty);
    let registries = values.get("registries").unwrap_or(&empty);
    let names: Vec<&str> = exchanges.keys().map(String::as_str).collect();
    let known = Known { exchanges, names: &names, registries };
    for (id, value) in exchanges {
        let spot = &mut Spot { files: &mut *files, kind: "exchanges", id };
        for key in ["like", "resend"] {
            if let Some(name) = value.get(key).and_then(Value::as_str) {
                known.exchange(spot, &format!("/{key}"), name);
            }
        }
        for key in ["spoils", "after"] {
            for (nth, name) in value.get(key).and_then(Value::as_array).into_iter().flatten().enumerate() {
                known.exchange(spot, &format!("/{key}/{nth}"), name.as_str().unwrap_or_default());
            }
        }
        if like_cycle(exchanges, id) {
            let help = "end the chain of `like` somewhere".to_owned();
            spot.tell("/like", "this exchange is like itself", Some(help));
        }
        let has = |key: &str| value.get(key).is_some();
        if !["like", "resend", "endpoint", "url"].iter().any(|key| has(key)) {
            spot.tell("", "no `endpoint`, `url` or `like`: where should this be sent?", None);
        }
        known.texts(spot, "", value, &[]);
    }
    for (id, value) in values.get("checks").unwrap_or(&empty) {
        check(&known, &mut Spot { files: &mut *files, kind: "checks", id }, value);
    }
}

struct Known<'v> {
    exchanges: &'v Map<String, Value>,
    names: &'v [&'v str],
    registries: &'v Map<String, Value>,
}

impl Known<'_> {
    /// `name` or `name[variant]` must exist.
    fn exchange(&self, spot: &mut Spot<'_>, place: &str, name: &str) {
        let (base, variant) = name.split_once('[').map_or((name, None), |(base, rest)| (base, rest.strip_suffix(']')));
        let Some(exchange) = self.exchanges.get(base) else {
            let help = yaml::did_you_mean(base, self.names);
            return spot.tell(place, format!("unknown exchange `{base}`"), help);
        };
        let Some(variant) = variant else { return };
        let variants = exchange.get("variants").and_then(Value::as_object);
        let variants: Vec<&str> = variants.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        if !variants.contains(&variant) {
            let help = yaml::did_you_mean(variant, &variants);
            spot.tell(place, format!("`{base}` has no variant `{variant}`"), help);
        }
    }

    /// The names below `jwts` of an exchange, of its variants and of what it is like.
    fn jwts(&self, id: &str) -> Vec<&str> {
        let (mut names, mut next) = (Vec::new(), Some(id));
        for _ in 0..=self.exchanges.len() {
            let Some(exchange) = next.and_then(|id| self.exchanges.get(id)) else { break };
            let variants = exchange.get("variants").and_then(Value::as_object).into_iter().flat_map(Map::values);
            let maps = std::iter::once(exchange).chain(variants).filter_map(|own| own.get("jwts")?.as_object());
            names.extend(maps.flat_map(Map::keys).map(String::as_str));
            next = ["like", "resend"].iter().find_map(|key| exchange.get(key)?.as_str());
        }
        names
    }

    /// Every reference in every text below a value.
    fn texts(&self, spot: &mut Spot<'_>, place: &str, value: &Value, roles: &[&str]) {
        match value {
            Value::String(text) => {
                for reference in reference::of_text(text) {
                    match reference {
                        Ok(reference) => self.reference(spot, place, &reference, roles),
                        Err(message) => {
                            let help = message.split('`').nth(1).and_then(meant);
                            spot.tell(place, message, help);
                        }
                    }
                }
            }
            Value::Array(items) => {
                for (nth, item) in items.iter().enumerate() {
                    self.texts(spot, &format!("{place}/{nth}"), item, roles);
                }
            }
            Value::Object(members) => {
                for (name, value) in members {
                    self.texts(spot, &format!("{place}/{}", escape(name)), value, roles);
                }
            }
            _ => {}
        }
    }

    fn reference(&self, spot: &mut Spot<'_>, place: &str, reference: &Reference, roles: &[&str]) {
        match &reference.source {
            Source::Place { name, .. } if !roles.contains(&name.as_str()) => {
                let grouped = self.exchanges.get(name).is_some_and(|exchange| exchange.get("variants").is_some());
                if grouped {
                    let message = format!("`{name}` has variants: a value can be taken from one of them only");
                    spot.tell(place, message, Some(format!("name one: `{name}[…]`")));
                } else {
                    self.exchange(spot, place, name);
                }
            }
            Source::Registry(name) if !self.registries.contains_key(name) => {
                let names: Vec<&str> = self.registries.keys().map(String::as_str).collect();
                spot.tell(place, format!("unknown registry `{name}`"), yaml::did_you_mean(name, &names));
            }
            Source::Target(path) if spot.kind == "checks" && path.last().is_some_and(|last| names_secret(last)) => {
                let help = "`/response/echoes` names the secrets that an answer repeats".to_owned();
                spot.tell(place, "secrets may not stand in checks", Some(help));
            }
            Source::Jwt(name) if spot.kind == "exchanges" => {
                let names = self.jwts(spot.id);
                if !names.contains(&name.as_str()) {
                    let message = format!("no `jwts` of this exchange is called `{name}`");
                    spot.tell(place, message, yaml::did_you_mean(name, &names));
                }
            }
            Source::Random { .. } | Source::Let(_) | Source::Jwt(_) if spot.kind == "checks" => {
                let help = "refer to what was sent: `${/request/…}`".to_owned();
                spot.tell(place, "random values, JWTs and lets belong into exchanges", Some(help));
            }
            _ => {}
        }
    }
}

/// The transform or kind of random value that a word most likely means.
fn meant(word: &str) -> Option<String> {
    let known = reference::TRANSFORMS.into_iter().chain(reference::RANDOM.map(|(kind, _)| kind));
    yaml::nearest(word, known).map(|near| format!("did you mean `{near}`?"))
}

fn names_secret(member: &str) -> bool {
    ["secret", "password", "private_key"].iter().any(|word| member.contains(word))
}

fn like_cycle(exchanges: &Map<String, Value>, start: &str) -> bool {
    let mut name = start;
    for _ in 0..=exchanges.len() {
        let Some(value) = exchanges.get(name) else { return false };
        let Some(next) = ["like", "resend"].iter().find_map(|key| value.get(key)?.as_str()) else { return false };
        if next == start {
            return true;
        }
        name = next;
    }
    true
}

fn check(known: &Known<'_>, spot: &mut Spot<'_>, value: &Value) {
    let mut all = value.get("exchange").map(|value| named(value, "/exchange".into())).unwrap_or_default();
    let roles = value.get("exchanges").and_then(Value::as_object);
    for (role, names) in roles.into_iter().flatten() {
        all.extend(named(names, format!("/exchanges/{}", escape(role))));
    }
    for (place, name) in &all {
        known.exchange(spot, place, name);
    }
    match (value.get("exchange"), roles) {
        (Some(_), Some(_)) => spot.tell("/exchanges", "`exchange` and `exchanges` exclude each other", None),
        (None, None) => spot.tell("", "no `exchange` and no `exchanges`: what should be judged?", None),
        _ => {}
    }
    if value.get("severity").is_some() && value.get("because").is_none() {
        spot.tell("/severity", "a softer severity needs its reason", Some("add `because:`".into()));
    }
    if value.get("otherwise").is_some() && value.get("when").is_none() {
        let message = "`otherwise` is the sentence for a `when` that does not hold, and there is none";
        spot.tell("/otherwise", message, None);
    }
    let roles: Vec<&str> = roles.into_iter().flat_map(Map::keys).map(String::as_str).collect();
    for (at, map) in ["when", "given", "expect"].iter().flat_map(|part| maps(value, part)) {
        for (place, matcher) in map {
            let here = format!("{at}/{}", escape(place));
            pointer(spot, &here, place, &roles);
            known.texts(spot, &here, matcher, &roles);
            if let Value::Object(schema) = matcher {
                cannot_fail(spot, &here, schema, false);
                compiles(spot, &here, matcher);
            }
        }
    }
}

/// The exchanges that a member names, one or a list, with their places.
fn named(value: &Value, place: String) -> Vec<(String, String)> {
    match value {
        Value::String(name) => vec![(place, name.clone())],
        Value::Array(names) => {
            let names = names.iter().enumerate();
            names.filter_map(|(nth, name)| Some((format!("{place}/{nth}"), name.as_str()?.to_owned()))).collect()
        }
        _ => Vec::new(),
    }
}

/// The clauses of a part of a check, one map or a list of them, with their places.
fn maps<'v>(check: &'v Value, part: &str) -> Vec<(String, &'v Map<String, Value>)> {
    match check.get(part) {
        Some(Value::Object(map)) => vec![(format!("/{part}"), map)],
        Some(Value::Array(maps)) => {
            let maps = maps.iter().enumerate();
            maps.filter_map(|(nth, map)| Some((format!("/{part}/{nth}"), map.as_object()?))).collect()
        }
        _ => Vec::new(),
    }
}

/// Members of an exchange document that a place may begin with.
const MEMBERS: [&str; 18] = [
    "target",
    "let",
    "outcome",
    "answer",
    "request",
    "response",
    "timing",
    "control",
    "bound",
    "ended",
    "redirect",
    "steps",
    "cause",
    "embeds",
    "handshake",
    "all",
    "attempts",
    "error",
];

fn pointer(spot: &mut Spot<'_>, at: &str, place: &str, roles: &[&str]) {
    let mut tokens = place.split('/').skip(1);
    let mut first = tokens.next().unwrap_or_default();
    if !roles.is_empty() {
        if !roles.contains(&first) {
            let help = yaml::did_you_mean(first, roles);
            return spot.tell(at, format!("`{first}` is none of the roles of this check"), help);
        }
        first = tokens.next().unwrap_or_default();
    }
    if !MEMBERS.contains(&first) {
        let message = format!("an exchange document has no member `{first}`");
        spot.tell(at, message, yaml::did_you_mean(first, &MEMBERS));
    }
    if place.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
        let help = "`~` is written `~0`, `/` within a name `~1`".to_owned();
        spot.tell(at, format!("`{place}` is not a JSON Pointer"), Some(help));
    }
}
