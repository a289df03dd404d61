//! Clauses: places, schemas, and three values (DESIGN 3.2).

use serde_json::Value;

use super::reference::{self, Missing, Reference};
use super::{unclaimed_words, within, words};
use crate::exchange::{Found, below, find};
use crate::schema::Compiled;

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
        /// Compiled when it has to be.
        compiled: Compiled,
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
    fn document<'w>(&'w self, place: &'w str) -> Result<(&'w Value, &'w str, &'w str), Missing>;

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
    /// What is missing because the target does not claim it, or because a recording does not tell it.
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
    pub fn read(value: Value) -> Self {
        let alternative = |value: Value| match value {
            Value::Object(map) => {
                let clauses = map.into_iter().map(|(place, matcher)| Clause { place, matcher: Matcher::read(matcher) });
                Some(clauses.collect())
            }
            _ => None,
        };
        Self(match value {
            Value::Array(maps) => maps.into_iter().filter_map(alternative).collect(),
            one => alternative(one).into_iter().collect(),
        })
    }

    /// Every clause of every alternative.
    pub fn all(&self) -> impl Iterator<Item = &Clause> {
        self.0.iter().flatten()
    }

    /// Whether any clause speaks of `place` or something below it.
    #[must_use]
    pub fn speak_of(&self, place: &str) -> bool {
        self.all().any(|clause| below(&clause.place, place).is_some())
    }

    /// What the clauses come to, where nobody asks why: what `judge` says, without the words.
    #[must_use]
    pub fn truth(&self, world: &dyn World, guard: bool) -> Truth {
        let mut undecided = false;
        for alternative in &self.0 {
            match truth(alternative, world, guard) {
                Truth::Holds => return Truth::Holds,
                Truth::Undecided => undecided = true,
                Truth::Fails => {}
            }
        }
        if undecided { Truth::Undecided } else { Truth::Fails }
    }

    /// Applies the clauses. `guard` is the reading for `when`: what is missing makes it not hold, instead of undecided.
    #[must_use]
    pub fn judge(&self, world: &dyn World, guard: bool) -> Judged {
        if let [only] = self.0.as_slice() {
            return one(only, world, guard);
        }
        if self.truth(world, guard) == Truth::Holds {
            return Judged::holding();
        }
        let mut all: Vec<Judged> = self.0.iter().map(|alternative| one(alternative, world, guard)).collect();
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
        let (reason, unclaimed, blocked_by) = match missing {
            Missing::Claim(what) => (unclaimed_words(&what), Some(what), None),
            Missing::Unrecorded(reason) => (reason.clone(), Some(reason), None),
            Missing::Prerequisite { blocked_by, reason } => (reason, None, blocked_by),
        };
        self.undecided.push(reason);
        self.unclaimed = self.unclaimed.take().or(unclaimed);
        self.blocked_by = self.blocked_by.take().or(blocked_by);
    }
}

impl Matcher {
    fn read(value: Value) -> Self {
        match value.as_str() {
            Some("absent") => Self::Absent,
            Some("present") => Self::Present,
            _ => Self::Schema { open: reference::any(&value), schema: value, compiled: Compiled::default() },
        }
    }
}

fn one(clauses: &[Clause], world: &dyn World, guard: bool) -> Judged {
    let mut judged = Judged::holding();
    for clause in clauses {
        match look(clause, world, guard) {
            Ok(None) => {}
            Ok(Some(failing)) => {
                judged.truth = Truth::Fails;
                judged.differences.extend(failing.told(world));
            }
            Err(missing) => judged.undecide(missing),
        }
    }
    judged
}

/// What `one` comes to, without the words.
fn truth(clauses: &[Clause], world: &dyn World, guard: bool) -> Truth {
    let mut truth = Truth::Holds;
    for clause in clauses {
        match look(clause, world, guard) {
            Ok(None) => {}
            Ok(Some(_)) => return Truth::Fails,
            Err(_) => truth = Truth::Undecided,
        }
    }
    truth
}

/// A clause that does not hold.
struct Failing<'f> {
    document: &'f Value,
    exchange: &'f str,
    at: &'f str,
    matcher: &'f Matcher,
    /// The schema with its references filled, if it has any and there was something to hold it against.
    filled: Option<Value>,
    found: Option<Found<'f>>,
}

/// Applies one clause; `None` when it holds.
fn look<'f>(clause: &'f Clause, world: &'f dyn World, guard: bool) -> Result<Option<Failing<'f>>, Missing> {
    let (document, at, exchange) = world.document(&clause.place)?;
    let found = find(document, at);
    let mut filled = None;
    let holds = match (&clause.matcher, &found) {
        (Matcher::Absent, found) => found.is_none(),
        (Matcher::Present, found) => found.is_some(),
        (Matcher::Schema { schema, open: true, .. }, Some(found)) => {
            let schema = filled.insert(reference::fill(schema, &mut |reference| world.resolve(reference))?);
            Compiled::default().holds(schema, found.value())
        }
        (Matcher::Schema { schema, compiled, .. }, Some(found)) => compiled.holds(schema, found.value()),
        (Matcher::Schema { .. }, None) => false,
    };
    if found.is_none() && !guard && !has_ground(document, at) {
        return Err(Missing::Prerequisite {
            blocked_by: Some(exchange.to_owned()),
            reason: format!("{} cannot be looked at: {}", words::place(at), lacking(document, at)),
        });
    }
    Ok((!holds).then_some(Failing { document, exchange, at, matcher: &clause.matcher, filled, found }))
}

impl Failing<'_> {
    /// What is wrong: the members that are, where a schema speaks of members, or the whole.
    fn told(&self, world: &dyn World) -> Vec<Difference> {
        let difference = |at: &str, expected, actual| Difference {
            exchange: self.exchange.to_owned(),
            at: at.to_owned(),
            expected,
            actual,
        };
        let actual = self.found.as_ref().map(Found::value);
        let (expected, actual) = match (self.matcher, actual) {
            (Matcher::Absent, actual) => ("nothing there".into(), actual.map_or("nothing".into(), words::actual)),
            (Matcher::Present, _) => ("something there".into(), "nothing".into()),
            (Matcher::Schema { schema, .. }, Some(value)) => {
                let schema = self.filled.as_ref().unwrap_or(schema);
                let members = within::members(self.at, schema, value);
                if !members.is_empty() {
                    return members
                        .into_iter()
                        .map(|(at, expected, actual)| difference(&at, expected, actual))
                        .collect();
                }
                (words::expected_at(self.at, schema), words::actual_at(self.document, self.at, schema, value))
            }
            (Matcher::Schema { schema, .. }, None) => {
                let filled = reference::fill(schema, &mut |reference| world.resolve(reference));
                (words::expected_at(self.at, filled.as_ref().unwrap_or(schema)), "nothing".into())
            }
        };
        vec![difference(self.at, expected, actual)]
    }
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
        fn document<'w>(&'w self, place: &'w str) -> Result<(&'w Value, &'w str, &'w str), Missing> {
            Ok((&self.0, place, "x"))
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
        Clauses::read(clauses).judge(&One(document), guard)
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
