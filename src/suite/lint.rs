//! What a schema of the file cannot see: names that do not exist, cycles, pointers, and clauses that cannot fail.

mod schemas;
mod whole;

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::catalogue::Values;
use super::reference::{self, Source};
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

/// Names and references in the files as they stand, before anything is laid over anything.
pub(super) fn references(values: &Values, files: &mut Files) {
    let empty = Map::new();
    let exchanges = values.get("exchanges").unwrap_or(&empty);
    let registries = values.get("registries").unwrap_or(&empty);
    let names: Vec<&str> = exchanges.keys().map(String::as_str).collect();
    let known = Known { exchanges, names: &names, registries };
    for (id, value) in exchanges {
        for key in ["like", "resend"] {
            if let Some(name) = value.get(key).and_then(Value::as_str) {
                known.exchange(files, ("exchanges", id), &format!("/{key}"), name);
            }
        }
        for key in ["spoils", "after"] {
            for (nth, name) in value.get(key).and_then(Value::as_array).into_iter().flatten().enumerate() {
                known.exchange(files, ("exchanges", id), &format!("/{key}/{nth}"), name.as_str().unwrap_or_default());
            }
        }
        if like_cycle(exchanges, id) {
            files.tell(
                "exchanges",
                id,
                "/like",
                "this exchange is like itself".into(),
                Some("end the chain of `like` somewhere".into()),
            );
        }
        let has = |key: &str| value.get(key).is_some();
        if !["like", "resend", "endpoint", "url"].iter().any(|key| has(key)) {
            files.tell("exchanges", id, "", "no `endpoint`, `url` or `like`: where should this be sent?".into(), None);
        }
        known.texts(files, ("exchanges", id), "", value, &[]);
    }
    for (id, value) in values.get("checks").unwrap_or(&empty) {
        check(&known, files, id, value);
    }
}

struct Known<'v> {
    exchanges: &'v Map<String, Value>,
    names: &'v [&'v str],
    registries: &'v Map<String, Value>,
}

impl Known<'_> {
    /// `name` or `name[variant]` must exist.
    fn exchange(&self, files: &mut Files, file: (&str, &str), place: &str, name: &str) {
        let (base, variant) = name.split_once('[').map_or((name, None), |(base, rest)| (base, rest.strip_suffix(']')));
        let Some(exchange) = self.exchanges.get(base) else {
            files.tell(
                file.0,
                file.1,
                place,
                format!("unknown exchange `{base}`"),
                yaml::did_you_mean(base, self.names),
            );
            return;
        };
        if let Some(variant) = variant {
            let variants: Vec<&str> = exchange
                .get("variants")
                .and_then(Value::as_object)
                .into_iter()
                .flat_map(Map::keys)
                .map(String::as_str)
                .collect();
            if !variants.contains(&variant) {
                let help = yaml::did_you_mean(variant, &variants);
                files.tell(file.0, file.1, place, format!("`{base}` has no variant `{variant}`"), help);
            }
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
    fn texts(&self, files: &mut Files, file: (&str, &str), place: &str, value: &Value, roles: &[&str]) {
        match value {
            Value::String(text) => {
                for reference in reference::of_text(text) {
                    self.reference(files, file, place, reference, roles);
                }
            }
            Value::Array(items) => {
                for (nth, item) in items.iter().enumerate() {
                    self.texts(files, file, &format!("{place}/{nth}"), item, roles);
                }
            }
            Value::Object(members) => {
                for (name, value) in members {
                    self.texts(files, file, &format!("{place}/{}", escape(name)), value, roles);
                }
            }
            _ => {}
        }
    }

    fn reference(
        &self,
        files: &mut Files,
        file: (&str, &str),
        place: &str,
        read: Result<reference::Reference, String>,
        roles: &[&str],
    ) {
        let reference = match read {
            Ok(reference) => reference,
            Err(message) => {
                let help = message.split('`').nth(1).and_then(|word| {
                    let known: Vec<&str> =
                        reference::TRANSFORMS.into_iter().chain(reference::RANDOM.map(|(kind, _)| kind)).collect();
                    yaml::nearest(word, known).map(|near| format!("did you mean `{near}`?"))
                });
                return files.tell(file.0, file.1, place, message, help);
            }
        };
        match &reference.source {
            Source::Place { name, .. } if !roles.contains(&name.as_str()) => {
                let grouped = self.exchanges.get(name).is_some_and(|exchange| exchange.get("variants").is_some());
                if grouped {
                    let message = format!("`{name}` has variants: a value can be taken from one of them only");
                    files.tell(file.0, file.1, place, message, Some(format!("name one: `{name}[…]`")));
                } else {
                    self.exchange(files, file, place, name);
                }
            }
            Source::Registry(name) if !self.registries.contains_key(name) => {
                let names: Vec<&str> = self.registries.keys().map(String::as_str).collect();
                files.tell(
                    file.0,
                    file.1,
                    place,
                    format!("unknown registry `{name}`"),
                    yaml::did_you_mean(name, &names),
                );
            }
            Source::Target(path)
                if file.0 == "checks"
                    && path.last().is_some_and(|last| {
                        ["secret", "password", "private_key"].iter().any(|word| last.contains(word))
                    }) =>
            {
                files.tell(
                    file.0,
                    file.1,
                    place,
                    "secrets may not stand in checks".into(),
                    Some("`/response/echoes` names the secrets that an answer repeats".into()),
                );
            }
            Source::Jwt(name) if file.0 == "exchanges" => {
                let names = self.jwts(file.1);
                if !names.contains(&name.as_str()) {
                    let message = format!("no `jwts` of this exchange is called `{name}`");
                    files.tell(file.0, file.1, place, message, yaml::did_you_mean(name, &names));
                }
            }
            Source::Random { .. } | Source::Let(_) | Source::Jwt(_) if file.0 == "checks" => {
                files.tell(
                    file.0,
                    file.1,
                    place,
                    "random values, JWTs and lets belong into exchanges".into(),
                    Some("refer to what was sent: `${/request/…}`".into()),
                );
            }
            _ => {}
        }
    }
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

fn check(known: &Known<'_>, files: &mut Files, id: &str, value: &Value) {
    let file = ("checks", id);
    let named = |value: &Value, place: String| -> Vec<(String, String)> {
        match value {
            Value::String(name) => vec![(place, name.clone())],
            Value::Array(names) => names
                .iter()
                .enumerate()
                .filter_map(|(nth, name)| Some((format!("{place}/{nth}"), name.as_str()?.to_owned())))
                .collect(),
            _ => Vec::new(),
        }
    };
    let mut all = value.get("exchange").map(|value| named(value, "/exchange".into())).unwrap_or_default();
    let roles = value.get("exchanges").and_then(Value::as_object);
    for (role, names) in roles.into_iter().flatten() {
        all.extend(named(names, format!("/exchanges/{}", escape(role))));
    }
    for (place, name) in &all {
        known.exchange(files, file, place, name);
    }
    match (value.get("exchange"), roles) {
        (Some(_), Some(_)) => {
            files.tell("checks", id, "/exchanges", "`exchange` and `exchanges` exclude each other".into(), None)
        }
        (None, None) => {
            files.tell("checks", id, "", "no `exchange` and no `exchanges`: what should be judged?".into(), None)
        }
        _ => {}
    }
    if value.get("severity").is_some() && value.get("because").is_none() {
        files.tell(
            "checks",
            id,
            "/severity",
            "a softer severity needs its reason".into(),
            Some("add `because:`".into()),
        );
    }
    if value.get("otherwise").is_some() && value.get("when").is_none() {
        files.tell(
            "checks",
            id,
            "/otherwise",
            "`otherwise` is the sentence for a `when` that does not hold, and there is none".into(),
            None,
        );
    }
    let roles: Vec<&str> = roles.into_iter().flat_map(Map::keys).map(String::as_str).collect();
    for part in ["when", "given", "expect"] {
        let Some(clauses) = value.get(part) else { continue };
        let maps: Vec<(String, &Map<String, Value>)> = match clauses {
            Value::Object(map) => vec![(format!("/{part}"), map)],
            Value::Array(maps) => maps
                .iter()
                .enumerate()
                .filter_map(|(nth, map)| Some((format!("/{part}/{nth}"), map.as_object()?)))
                .collect(),
            _ => Vec::new(),
        };
        for (at, map) in maps {
            for (place, matcher) in map {
                let here = format!("{at}/{}", escape(place));
                pointer(files, file, &here, place, &roles);
                known.texts(files, file, &here, matcher, &roles);
                if let Value::Object(schema) = matcher {
                    cannot_fail(files, file, &here, schema, false);
                    compiles(files, file, &here, matcher);
                }
            }
        }
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

fn pointer(files: &mut Files, file: (&str, &str), at: &str, place: &str, roles: &[&str]) {
    let mut tokens = place.split('/').skip(1);
    let mut first = tokens.next().unwrap_or_default();
    if !roles.is_empty() {
        if !roles.contains(&first) {
            let help = yaml::did_you_mean(first, roles);
            return files.tell(file.0, file.1, at, format!("`{first}` is none of the roles of this check"), help);
        }
        first = tokens.next().unwrap_or_default();
    }
    if !MEMBERS.contains(&first) {
        let message = format!("an exchange document has no member `{first}`");
        files.tell(file.0, file.1, at, message, yaml::did_you_mean(first, &MEMBERS));
    }
    if place.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
        files.tell(
            file.0,
            file.1,
            at,
            format!("`{place}` is not a JSON Pointer"),
            Some("`~` is written `~0`, `/` within a name `~1`".into()),
        );
    }
}
