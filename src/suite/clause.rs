//! Clauses: places, schemas, and three values (DESIGN 3.2).

use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::reference::{self, Missing, Reference};
use super::words;
use crate::exchange::find;
use crate::schema;

/// Yes, no, or undecided: whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// Its ground is gone: nothing can be said.
    Undecided,
}

/// One accepted or required place.
#[derive(Debug)]
pub struct Clause {
    /// JSON Pointer; with roles, the first token is the role.
    pub place: String,
    /// What must be there.
    pub matcher: Matcher,
}

/// What a clause asks of its place.
#[derive(Debug)]
pub enum Matcher {
    /// Nothing may be there.
    Absent,
    /// Anything must be there.
    Present,
    /// The value must satisfy a schema.
    Schema {
        /// As it stands in the file.
        schema: Value,
        /// Whether it has references to fill before it can be compiled.
        open: bool,
        /// Compiled at first use.
        compiled: OnceLock<Option<Box<Validator>>>,
    },
}

/// Alternatives, one of which must hold whole; a single map is one alternative.
#[derive(Debug, Default)]
pub struct Clauses(pub Vec<Vec<Clause>>);

/// Where a clause looks, and what its references are.
pub trait World {
    /// The document of a place and the place within it, with the exchange's key for the evidence.
    ///
    /// # Errors
    /// The exchange was not sent.
    fn document<'w>(&'w self, place: &str) -> Result<(&'w Value, String, String), Missing>;

    /// The value of a reference, before its transforms.
    ///
    /// # Errors
    /// It has none.
    fn resolve(&self, reference: &Reference) -> Result<Value, Missing>;
}

/// One place that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Key of the exchange.
    pub exchange: String,
    /// Place within its document.
    pub at: String,
    /// What is accepted, in words.
    pub expected: String,
    /// What is there, in words.
    pub actual: String,
}

/// What the clauses came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Whether they hold.
    pub truth: Truth,
    /// Every violated place, nearest alternative first; empty when they hold.
    pub differences: Vec<Difference>,
    /// Why something is undecided.
    pub undecided: Vec<String>,
    /// What is missing because the target does not claim it.
    pub unclaimed: Option<String>,
    /// The exchange that stood in the way, if one did.
    pub blocked_by: Option<String>,
}

/// Places below one of these say nothing when it is not there: `/response/json/…` needs a JSON object, and so on.
const GROUNDS: [&str; 3] = ["/response/json", "/redirect", "/response"];

impl Clauses {
    /// Reads clauses as they stand in a file: a map, or a list of maps. What is not of that form is left out; the loader has
    /// told it before.
    #[must_use]
    pub fn read(value: &Value) -> Self {
        let alternative = |map: &Map<String, Value>| {
            map.iter()
                .map(|(place, matcher)| Clause { place: place.clone(), matcher: Matcher::read(matcher) })
                .collect()
        };
        Self(match value {
            Value::Object(map) => vec![alternative(map)],
            Value::Array(maps) => maps.iter().filter_map(Value::as_object).map(alternative).collect(),
            _ => Vec::new(),
        })
    }

    /// Every clause of every alternative.
    pub fn all(&self) -> impl Iterator<Item = &Clause> {
        self.0.iter().flatten()
    }

    /// Whether any clause speaks of `place` or something below it.
    #[must_use]
    pub fn speak_of(&self, place: &str) -> bool {
        self.all()
            .any(|clause| clause.place.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    /// Applies the clauses. `guard` is the reading for `when`: what is missing makes it not hold, instead of undecided.
    #[must_use]
    pub fn judge(&self, world: &dyn World, guard: bool) -> Judged {
        let mut all: Vec<Judged> = self.0.iter().map(|alternative| one(alternative, world, guard)).collect();
        if all.len() == 1 {
            return all.remove(0);
        }
        if all.iter().any(|judged| judged.truth == Truth::Holds) {
            return Judged::holding();
        }
        let truth =
            if all.iter().any(|judged| judged.truth == Truth::Undecided) { Truth::Undecided } else { Truth::Fails };
        // Nearest first: the alternative with the fewest differences is most likely the one that was meant.
        all.sort_by_key(|judged| (judged.truth == Truth::Undecided, judged.differences.len()));
        let mut merged = Judged { truth, ..Judged::holding() };
        for judged in all {
            for difference in judged.differences {
                merged.add(difference);
            }
            merged.undecided.extend(judged.undecided);
            merged.unclaimed = merged.unclaimed.or(judged.unclaimed);
            merged.blocked_by = merged.blocked_by.or(judged.blocked_by);
        }
        merged
    }
}

impl Judged {
    fn holding() -> Self {
        Self { truth: Truth::Holds, differences: Vec::new(), undecided: Vec::new(), unclaimed: None, blocked_by: None }
    }

    /// Differences at one place become one, with every accepted value.
    fn add(&mut self, difference: Difference) {
        let same = |known: &&mut Difference| known.at == difference.at && known.exchange == difference.exchange;
        match self.differences.iter_mut().find(same) {
            Some(known) if !known.expected.contains(&difference.expected) => {
                known.expected = format!("{}, or {}", known.expected, difference.expected);
            }
            Some(_) => {}
            None => self.differences.push(difference),
        }
    }

    fn undecide(&mut self, missing: Missing) {
        if self.truth != Truth::Fails {
            self.truth = Truth::Undecided;
        }
        match missing {
            Missing::Claim(what) => {
                self.undecided.push(format!("the target does not claim {what}"));
                self.unclaimed = self.unclaimed.take().or(Some(what));
            }
            Missing::Prerequisite { blocked_by, reason } => {
                self.undecided.push(reason);
                self.blocked_by = self.blocked_by.take().or(blocked_by);
            }
        }
    }
}

impl Matcher {
    fn read(value: &Value) -> Self {
        match value.as_str() {
            Some("absent") => Self::Absent,
            Some("present") => Self::Present,
            _ => Self::Schema { schema: value.clone(), open: reference::any(value), compiled: OnceLock::new() },
        }
    }
}

fn one(clauses: &[Clause], world: &dyn World, guard: bool) -> Judged {
    let mut judged = Judged::holding();
    for clause in clauses {
        judge_clause(clause, world, guard, &mut judged);
    }
    judged
}

fn judge_clause(clause: &Clause, world: &dyn World, guard: bool, judged: &mut Judged) {
    let (document, place, exchange) = match world.document(&clause.place) {
        Ok(found) => found,
        Err(missing) => return judged.undecide(missing),
    };
    let found = find(document, &place);
    let grounded = guard || has_ground(document, &place);
    let mut fail = |expected: String, actual: String| {
        judged.truth = Truth::Fails;
        judged.differences.push(Difference { exchange: exchange.clone(), at: place.clone(), expected, actual });
    };
    let gone = || Missing::Prerequisite {
        blocked_by: Some(exchange.clone()),
        reason: format!("{} cannot be looked at: {}", words::place(&place), lacking(document, &place)),
    };
    match (&clause.matcher, found) {
        (Matcher::Absent, Some(found)) => fail("nothing there".into(), words::actual(found.value())),
        (Matcher::Absent, None) if grounded => {}
        (Matcher::Present, Some(_)) => {}
        (Matcher::Schema { schema, open, compiled }, Some(found)) => {
            let holds = if *open {
                match reference::fill(schema, &mut |reference| world.resolve(reference)) {
                    Err(missing) => return judged.undecide(missing),
                    Ok(filled) => {
                        let validator = schema::compile(&filled).ok();
                        let holds = validator.is_some_and(|validator| validator.is_valid(found.value()));
                        if !holds {
                            fail(expected_at(&place, &filled), actual_at(document, &place, &filled, found.value()));
                        }
                        return;
                    }
                }
            } else {
                let validator = compiled.get_or_init(|| schema::compile(schema).ok().map(Box::new));
                validator.as_ref().is_some_and(|validator| validator.is_valid(found.value()))
            };
            if !holds {
                fail(expected_at(&place, schema), actual_at(document, &place, schema, found.value()));
            }
        }
        (Matcher::Present, None) if grounded => fail("something there".into(), "nothing".into()),
        (Matcher::Schema { schema, .. }, None) if grounded => {
            let shown =
                reference::fill(schema, &mut |reference| world.resolve(reference)).unwrap_or_else(|_| schema.clone());
            fail(expected_at(&place, &shown), "nothing".into());
        }
        (_, None) => judged.undecide(gone()),
    }
}

/// What a schema accepts at a place: for `/answer` what a reader sees, not the vocabulary of the document.
#[must_use]
pub fn expected_at(place: &str, schema: &Value) -> String {
    if place.ends_with("/answer") && schema.get("title").is_none() {
        let accepted: Vec<&str> = match (schema.get("const"), schema.get("enum")) {
            (Some(word), _) => word.as_str().into_iter().collect(),
            (None, Some(list)) => list.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
            (None, None) => Vec::new(),
        };
        if !accepted.is_empty() {
            return accepted.into_iter().map(words::answer).collect::<Vec<_>>().join(", or ");
        }
        if let Some(word) = schema.pointer("/not/const").and_then(Value::as_str) {
            return format!("anything but {}", words::answer(word));
        }
    }
    words::expected(schema)
}

fn actual_at(document: &Value, place: &str, schema: &Value, value: &Value) -> String {
    let Some((word, before)) = value.as_str().zip(place.strip_suffix("/answer")) else {
        return words::actual_for(schema, value);
    };
    // The status and the code tell more than the kind of answer.
    let at = |rest: &str| document.pointer(&format!("{before}/response/{rest}"));
    let status = at("status").or_else(|| document.pointer(&format!("{before}/status"))).map(Value::to_string);
    let code = at("json/error").and_then(Value::as_str).map(|code| format!("`{}`", code.escape_debug()));
    let facts: Vec<String> = status.into_iter().chain(code).collect();
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(" ")) };
    format!("{}{facts}", words::answer(word))
}

fn has_ground(document: &Value, place: &str) -> bool {
    let below = |ground: &&&str| place.strip_prefix(**ground).is_some_and(|rest| rest.starts_with('/'));
    match GROUNDS.iter().find(below) {
        None => true,
        Some(ground) => find(document, ground).is_some_and(|found| found.value().is_object()),
    }
}

/// Why a ground is gone.
fn lacking(document: &Value, place: &str) -> String {
    let outcome = document.get("outcome").and_then(Value::as_str).unwrap_or("not answered");
    if document.get("response").is_none() {
        return format!("there is no response ({})", outcome.replace('_', " "));
    }
    if place.starts_with("/redirect") {
        return "there was no redirect".into();
    }
    match document.get("answer").and_then(Value::as_str) {
        Some(answer) => format!("the body is not a JSON object ({})", words::answer(answer)),
        None => "the body is not a JSON object".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct One(Value);

    impl World for One {
        fn document<'w>(&'w self, place: &str) -> Result<(&'w Value, String, String), Missing> {
            Ok((&self.0, place.to_owned(), "x".into()))
        }

        fn resolve(&self, reference: &Reference) -> Result<Value, Missing> {
            match &reference.source {
                reference::Source::Own(place) => find(&self.0, place)
                    .map(|found| found.value().clone())
                    .ok_or(Missing::Prerequisite { blocked_by: None, reason: "gone".into() }),
                _ => Err(Missing::Claim("it".into())),
            }
        }
    }

    fn judge(clauses: Value, document: Value, guard: bool) -> Judged {
        Clauses::read(&clauses).judge(&One(document), guard)
    }

    #[test]
    fn a_missing_place_fails_where_there_is_ground_and_is_undecided_where_there_is_none() {
        let clause = json!({"/response/json/token_type": {"type": "string"}});
        assert_eq!(judge(clause.clone(), json!({"response": {"json": {}}}), false).truth, Truth::Fails);
        assert_eq!(judge(clause.clone(), json!({"response": {"json": []}}), false).truth, Truth::Undecided);
        assert_eq!(judge(clause.clone(), json!({"response": {"json": []}}), true).truth, Truth::Fails);
        let absent = json!({"/response/json/refresh_token": "absent"});
        assert_eq!(judge(absent.clone(), json!({"response": {"json": {}}}), false).truth, Truth::Holds);
        assert_eq!(judge(absent, json!({"response": {}}), false).truth, Truth::Undecided);
    }

    #[test]
    fn a_violated_clause_wins_over_an_undecided_one() {
        let clauses = json!({"/response/json/a": "present", "/answer": {"const": "error"}});
        assert_eq!(judge(clauses, json!({"answer": "token", "response": {}}), false).truth, Truth::Fails);
    }

    #[test]
    fn one_alternative_that_holds_is_enough_and_an_undecided_one_keeps_the_rest_open() {
        let clauses = json!([{"/answer": {"const": "error"}}, {"/response/json/a": "present"}]);
        assert_eq!(judge(clauses.clone(), json!({"answer": "error", "response": {}}), false).truth, Truth::Holds);
        assert_eq!(judge(clauses.clone(), json!({"answer": "token", "response": {}}), false).truth, Truth::Undecided);
        let judged = judge(clauses, json!({"answer": "token", "response": {"json": {}}}), false);
        assert_eq!(judged.truth, Truth::Fails);
        assert_eq!(judged.differences.len(), 2);
    }

    #[test]
    fn alternatives_at_one_place_are_told_together() {
        let clauses = json!([{"/response/status": {"const": 401}}, {"/response/status": {"const": 400}}]);
        let judged = judge(clauses, json!({"response": {"status": 500}}), false);
        assert_eq!(judged.differences[0].expected, "401, or 400");
        assert_eq!(judged.differences[0].actual, "500");
    }

    #[test]
    fn references_in_schemas_are_filled() {
        let clauses = json!({"/response/json/state": {"const": "${/request/query/state}"}});
        let document = json!({"request": {"query": {"state": "a"}}, "response": {"json": {"state": "b"}}});
        let judged = judge(clauses, document, false);
        assert_eq!((judged.truth, judged.differences[0].expected.as_str()), (Truth::Fails, "`a`"));
    }
}
