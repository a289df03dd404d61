//! What is expected of an ordinary answer, in the few words that other tools have too.

use serde_json::Value;

use crate::suite::{Clauses, Matcher};

/// One thing that an answer has to have.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expected {
    /// A status from here to there, both included.
    Status(u64, u64),
    /// One of these statuses.
    OneOf(Vec<u64>),
    /// A JSON object with this member.
    Member(String),
    /// A JSON object whose member is this text.
    Says(String, String),
}

/// The alternatives, one of which has to hold whole. What cannot be said is left out, so that a test may be weaker than the
/// exchange's own words, and never stricter; empty if an alternative has nothing that can be said.
pub(super) fn of(clauses: &Clauses) -> Vec<Vec<Expected>> {
    let mut alternatives = Vec::new();
    for alternative in &clauses.0 {
        let said: Vec<Expected> = alternative.iter().flat_map(|clause| said(&clause.place, &clause.matcher)).collect();
        if said.is_empty() {
            return Vec::new();
        }
        alternatives.push(said);
    }
    alternatives
}

fn said(place: &str, matcher: &Matcher) -> Vec<Expected> {
    let schema = match matcher {
        Matcher::Schema { schema, open: false, .. } => schema,
        Matcher::Present => &Value::Null,
        _ => return Vec::new(),
    };
    let constant = schema["const"].as_str();
    let member = |place: &str| {
        place.strip_prefix("/response/json/").filter(|name| !name.contains(['/', '~'])).map(str::to_owned)
    };
    match (place, constant) {
        ("/answer", Some("token")) => vec![Expected::Status(200, 299), Expected::Member("access_token".into())],
        ("/answer", Some("introspection")) => vec![Expected::Status(200, 299), Expected::Member("active".into())],
        ("/answer", Some("error")) => vec![Expected::Member("error".into())],
        ("/answer", Some("success")) => vec![Expected::Status(200, 299)],
        ("/response/status", _) => status(schema).into_iter().collect(),
        (place, constant) => match (member(place), constant) {
            (Some(name), Some(text)) => vec![Expected::Says(name, text.to_owned())],
            (Some(name), None) => vec![Expected::Member(name)],
            _ => Vec::new(),
        },
    }
}

fn status(schema: &Value) -> Option<Expected> {
    if let Some(all) = schema["enum"].as_array() {
        return Some(Expected::OneOf(all.iter().filter_map(Value::as_u64).collect()));
    }
    if let Some(one) = schema["const"].as_u64() {
        return Some(Expected::OneOf(vec![one]));
    }
    let bound = |name: &str| schema[name].as_u64();
    (bound("minimum").is_some() || bound("maximum").is_some())
        .then(|| Expected::Status(bound("minimum").unwrap_or(100), bound("maximum").unwrap_or(599)))
}

/// In words, for comments and the names of tests.
pub(super) fn words(alternatives: &[Vec<Expected>]) -> String {
    let one = |expected: &Expected| match expected {
        Expected::Status(from, to) => format!("a status from {from} to {to}"),
        Expected::OneOf(all) => {
            format!("status {}", all.iter().map(u64::to_string).collect::<Vec<_>>().join(" or "))
        }
        Expected::Member(name) => format!("JSON with `{name}`"),
        Expected::Says(name, text) => format!("JSON whose `{name}` is `{text}`"),
    };
    let all: Vec<String> =
        alternatives.iter().map(|said| said.iter().map(one).collect::<Vec<_>>().join(" and ")).collect();
    all.join(", or ")
}
