//! What a schema of the file cannot see: names that do not exist, cycles, pointers, and clauses that cannot fail.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::catalogue::{Catalogue, Values};
use super::clause::{Clauses, Matcher};
use super::reference::{self, Source};
use super::select;
use crate::schema;
use crate::yaml::{self, Document, FileProblems, Problem, escape};

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
                    && path.last().is_some_and(|last| last.contains("secret") || last.contains("password")) =>
            {
                files.tell(
                    file.0,
                    file.1,
                    place,
                    "secrets may not stand in checks".into(),
                    Some("`/response/echoes` names the secrets that an answer repeats".into()),
                );
            }
            Source::Random { .. } | Source::Let(_) if file.0 == "checks" => {
                files.tell(
                    file.0,
                    file.1,
                    place,
                    "random values and lets belong into exchanges".into(),
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
const MEMBERS: [&str; 17] = [
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

const ANY_TYPE: [&str; 9] = ["type", "const", "enum", "title", "description", "not", "anyOf", "allOf", "oneOf"];
const BOUND_TO_TYPE: [(&str, &[&str]); 4] = [
    ("string", &["minLength", "maxLength", "pattern", "format", "within-scope-of", "same-scope-as", "contains-text"]),
    ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    (
        "array",
        &["items", "prefixItems", "contains", "minContains", "maxContains", "minItems", "maxItems", "uniqueItems"],
    ),
    ("object", &["properties", "required", "additionalProperties", "minProperties", "maxProperties"]),
];

/// JSON Schema passes what a keyword does not speak of: `minimum` passes on `"3600"`. Below `not` that turns round.
fn cannot_fail(files: &mut Files, file: (&str, &str), at: &str, schema: &Map<String, Value>, below_not: bool) {
    let mut tell = |key: &str, message: String, help: String| {
        files.tell(file.0, file.1, &format!("{at}/{}", escape(key)), message, Some(help));
    };
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    for key in schema.keys() {
        let bound = BOUND_TO_TYPE.iter().find(|(_, keys)| keys.contains(&key.as_str()));
        match bound {
            None if !ANY_TYPE.contains(&key.as_str()) => {
                let known: Vec<&str> = ANY_TYPE
                    .into_iter()
                    .chain(BOUND_TO_TYPE.iter().flat_map(|(_, keys)| keys.iter().copied()))
                    .collect();
                let help = yaml::nearest(key, known)
                    .map_or_else(|| "see the language reference".into(), |near| format!("did you mean `{near}`?"));
                tell(key, format!("unknown keyword `{key}`"), help);
            }
            Some((wanted, _)) if types.is_empty() && !below_not => {
                let wanted = if *wanted == "number" { "integer" } else { wanted };
                tell(key, format!("`{key}` passes on every value of another type"), format!("add `type: {wanted}`"));
            }
            _ => {}
        }
    }
    if schema.contains_key("properties") && !schema.contains_key("required") {
        tell("properties", "`properties` passes when the member is missing".into(), "add `required: [...]`".into());
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && !below_not
        && !(pattern.starts_with('^') && pattern.ends_with('$'))
    {
        tell(
            "pattern",
            format!("the pattern `{pattern}` is not anchored: it passes when a part fits"),
            "write `^…$`".into(),
        );
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str)
        && !schema::FORMATS.iter().any(|(known, _)| *known == format)
    {
        let known: Vec<&str> = schema::FORMATS.iter().map(|(name, _)| *name).collect();
        let help = yaml::did_you_mean(format, &known).unwrap_or_default();
        tell("format", format!("unknown format `{format}`"), help);
    }
    if schema.keys().all(|key| matches!(key.as_str(), "title" | "description")) {
        files.tell(
            file.0,
            file.1,
            at,
            "this schema accepts everything".into(),
            Some("write `present` if anything will do".into()),
        );
    }
    for (key, value) in schema {
        let here = format!("{at}/{}", escape(key));
        let below_not = below_not || key == "not";
        match (key.as_str(), value) {
            ("not" | "items" | "contains", Value::Object(inner)) => cannot_fail(files, file, &here, inner, below_not),
            ("anyOf" | "allOf" | "oneOf" | "prefixItems", Value::Array(all)) => {
                for (nth, inner) in all.iter().enumerate() {
                    if let Value::Object(inner) = inner {
                        cannot_fail(files, file, &format!("{here}/{nth}"), inner, below_not || !types.is_empty());
                    }
                }
            }
            ("properties", Value::Object(members)) => {
                for (name, inner) in members {
                    if let Value::Object(inner) = inner {
                        cannot_fail(files, file, &format!("{here}/{}", escape(name)), inner, below_not);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The schema compiles; where it has references, with a text or a number in their place.
fn compiles(files: &mut Files, file: (&str, &str), at: &str, schema: &Value) {
    let tried = |stand_in: &Value| {
        let filled = reference::fill(schema, &mut |_| Ok(stand_in.clone())).unwrap_or_default();
        schema::compile(&filled).map(drop)
    };
    let Err(error) = tried(&Value::from("x")) else { return };
    if reference::any(schema) && (tried(&Value::from(1)).is_ok() || tried(&Value::Array(vec!["x".into()])).is_ok()) {
        return;
    }
    files.tell(file.0, file.1, at, format!("not a JSON Schema: {error}"), None);
}

/// What can only be seen when everything is laid out: cycles, absence that proves nothing, suites.
pub(super) fn catalogue(catalogue: &Catalogue, files: &mut Files) {
    for exchange in catalogue.exchanges.values() {
        let base = exchange.id.split('[').next().unwrap_or_default();
        if files.has("exchanges", base) && cycle(catalogue, &exchange.id) {
            let message = "this exchange needs itself, through what it takes values from or comes after".to_owned();
            files.tell(
                "exchanges",
                base,
                "",
                message,
                Some("take one of the references, `after` or `spoils` away".into()),
            );
        }
    }
    for check in catalogue.checks.values() {
        let absent_only = |clauses: &Clauses| clauses.all().all(|clause| matches!(clause.matcher, Matcher::Absent));
        let proven = [&check.when, &check.given].into_iter().flatten().any(|clauses| !absent_only(clauses));
        let names = match (&check.file.exchange, &check.file.exchanges) {
            (Some(one), _) => one.list(),
            (None, Some(roles)) => roles.values().flat_map(super::files::OneOrMany::list).collect(),
            (None, None) => Vec::new(),
        };
        let alive = names
            .iter()
            .flat_map(|name| catalogue.expand(name))
            .all(|name| catalogue.exchanges.get(&name).is_some_and(|exchange| exchange.works.is_some()));
        if absent_only(&check.expect) && !proven && !alive {
            let message =
                "only `absent` is expected of an exchange without `works`: an empty answer would pass".to_owned();
            files.tell(
                "checks",
                &check.id,
                "/expect",
                message,
                Some("say with `given` what an answer that proves something looks like".into()),
            );
        }
    }
    suites(catalogue, files);
}

fn suites(catalogue: &Catalogue, files: &mut Files) {
    let checks: Vec<&str> = catalogue.checks.keys().map(String::as_str).collect();
    for suite in catalogue.suites.values() {
        let fits = |pattern: &str| checks.iter().any(|id| select::matches(pattern, id));
        let lists = [("/checks".to_owned(), &suite.file.checks)]
            .into_iter()
            .chain(suite.file.sees.iter().map(|(id, patterns)| (format!("/sees/{}", escape(id)), patterns)));
        for (place, patterns) in lists {
            for (nth, pattern) in patterns.iter().enumerate().filter(|(_, pattern)| !fits(pattern)) {
                let help = yaml::nearest(pattern, checks.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                files.tell("suites", &suite.id, &format!("{place}/{nth}"), format!("`{pattern}` fits no check"), help);
            }
        }
        for id in suite.file.levels.keys().filter(|id| !catalogue.checks.contains_key(*id)) {
            let help = yaml::did_you_mean(id, &checks);
            files.tell("suites", &suite.id, &format!("/levels/{}", escape(id)), format!("unknown check `{id}`"), help);
        }
        let diagnoses: Vec<&str> = catalogue.diagnoses.keys().map(String::as_str).collect();
        for id in suite.file.sees.keys().filter(|id| !catalogue.diagnoses.contains_key(*id)) {
            let help = yaml::did_you_mean(id, &diagnoses);
            files.tell(
                "suites",
                &suite.id,
                &format!("/sees/{}", escape(id)),
                format!("unknown diagnosis `{id}`"),
                help,
            );
        }
        let exchanges: Vec<&str> = catalogue.exchanges.keys().map(String::as_str).collect();
        for (base, sent) in &suite.file.sends {
            for name in sent.iter().chain([base]).filter(|name| !catalogue.exchanges.contains_key(*name)) {
                let help = yaml::did_you_mean(name, &exchanges);
                files.tell(
                    "suites",
                    &suite.id,
                    &format!("/sends/{}", escape(base)),
                    format!("unknown exchange `{name}`"),
                    help,
                );
            }
        }
        let seen = |id: &&&str| suite.file.sees.values().flatten().any(|pattern| select::matches(pattern, id));
        if suite.file.caller.is_some()
            && let Some(id) = checks
                .iter()
                .find(|id| suite.file.checks.iter().any(|pattern| select::matches(pattern, id)) && !seen(id))
        {
            files.tell(
                "suites",
                &suite.id,
                "/sees",
                format!("what the administrator sees of `{id}` is not said"),
                None,
            );
        }
    }
}

fn cycle(catalogue: &Catalogue, start: &str) -> bool {
    let mut left = vec![start];
    let mut seen = std::collections::HashSet::new();
    while let Some(name) = left.pop() {
        let Some(exchange) = catalogue.exchanges.get(name) else { continue };
        for next in exchange.takes_from.iter().chain(&exchange.file.after).chain(&exchange.file.spoils) {
            if next == start {
                return true;
            }
            if seen.insert(next.as_str()) {
                left.push(next);
            }
        }
    }
    false
}
