//! What answers to the same request have that differs.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::Difference;
use crate::report::facts;
use crate::report::model::RunReport;

/// Header fields whose value says how an endpoint is set up. Of the others it only counts whether they are there.
const BY_VALUE: [&str; 9] = [
    "cache-control",
    "content-type",
    "pragma",
    "www-authenticate",
    "server",
    "strict-transport-security",
    "access-control-allow-origin",
    "content-encoding",
    "x-powered-by",
];

/// Fields that come and go with time and load.
const PASSING: [&str; 6] = ["age", "retry-after", "set-cookie", "keep-alive", "connection", "transfer-encoding"];

/// Differences of answers, each told once with all exchanges that show it, and how many exchanges both answered.
pub(super) fn differing(left: &RunReport, right: &RunReport) -> (Vec<Difference>, usize) {
    let mut found: IndexMap<(String, String, String), Vec<String>> = IndexMap::new();
    let mut both = 0;
    for (key, a, b) in shared(left, right) {
        both += 1;
        for one in super::differing(&facts_of(a), &facts_of(b)) {
            found.entry((one.what, one.left, one.right)).or_default().push(facts::line(key));
        }
    }
    let found = found.into_iter().map(|((what, left, right), seen_in)| Difference { what, left, right, seen_in });
    (found.collect(), both)
}

/// Key and documents of what both sides have an answer to.
pub(super) fn shared<'r>(
    left: &'r RunReport,
    right: &'r RunReport,
) -> impl Iterator<Item = (&'r String, &'r Value, &'r Value)> {
    left.exchanges.iter().filter_map(|(key, a)| {
        let b = right.exchanges.get(key)?;
        let sent = |one: &Value| one["outcome"].is_string() && one["handshake"].is_null();
        (sent(a) && sent(b)).then_some((key, a, b))
    })
}

fn facts_of(document: &Value) -> IndexMap<String, String> {
    let mut all = IndexMap::new();
    let mut add = |what: String, said: String| {
        all.insert(facts::line(&what), facts::line(&said));
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let response = &document["response"];
    if document["outcome"] != "answered" {
        add("outcome".into(), text(&document["outcome"]));
    }
    for (what, at) in [("status", "/status"), ("HTTP version", "/http_version")] {
        if let Some(value) = response.pointer(at) {
            add(what.into(), text(value));
        }
    }
    if let Some(answer) = document["answer"].as_str() {
        add("answer".into(), answer.to_owned());
    }
    let fields = response["headers"].as_object();
    for (name, values) in fields.into_iter().flat_map(Map::iter) {
        let by_value = BY_VALUE.contains(&name.as_str());
        if PASSING.contains(&name.as_str()) {
            continue;
        }
        let said = values.as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(", ");
        add(format!("header {name}"), if by_value { said } else { "there".to_owned() });
    }
    for (name, value) in response["json"].as_object().into_iter().flat_map(Map::iter) {
        match name.as_str() {
            "expires_in" | "token_type" | "scope" | "error" | "active" | "issued_token_type" => {
                add(format!("member {name}"), text(value));
            }
            "access_token" | "refresh_token" if value.is_string() => {
                let token = text(value);
                add(format!("form of {name}"), form(response, name, &token));
                add(format!("length of {name}"), format!("about {}", rounded(token.chars().count())));
            }
            _ => add(format!("member {name}"), kind(value).to_owned()),
        }
    }
    all
}

/// A JWT with its algorithm, or opaque; masks keep shape and length.
fn form(response: &Value, name: &str, token: &str) -> String {
    let jwt = &response["jwt"][name];
    if jwt.is_object() {
        return format!("JWT ({})", jwt["header"]["alg"].as_str().unwrap_or("no algorithm"));
    }
    if token.matches('.').count() == 2 { "three parts with dots" } else { "opaque" }.to_owned()
}

/// Tokens of one server differ by a few characters.
fn rounded(length: usize) -> usize {
    let step = match length {
        0..=64 => 4,
        65..=512 => 16,
        _ => 64,
    };
    length.div_ceil(step) * step
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// TLS versions and certificates, by the endpoint's hello.
pub(super) fn tls(left: &RunReport, right: &RunReport) -> Vec<Difference> {
    let all = |report: &RunReport| {
        let mut all = IndexMap::new();
        for (key, document) in &report.exchanges {
            let handshake = &document["handshake"];
            let certificate = handshake["certificate"].as_object();
            let mut members: Vec<(String, &Value)> = certificate
                .into_iter()
                .flat_map(Map::iter)
                // Of one certificate this is another number every day.
                .filter(|(name, _)| *name != "days_left")
                .map(|(name, value)| (format!("certificate {}", name.replace('_', " ")), value))
                .collect();
            members.extend(
                ["version", "answered"].iter().filter_map(|name| Some(((*name).to_owned(), handshake.get(name)?))),
            );
            for (what, value) in members {
                let said = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                all.insert(facts::line(&format!("{key}: {what}")), facts::line(&said));
            }
        }
        all
    };
    let (a, b) = (all(left), all(right));
    // A side without TLS, or one that was not looked at, has nothing to differ in.
    if a.is_empty() || b.is_empty() { Vec::new() } else { super::differing(&a, &b) }
}

/// Median milliseconds to the head of the answer on each side, over what both answered.
pub(super) fn times(left: &RunReport, right: &RunReport) -> Option<[u64; 2]> {
    let time = |document: &Value| document.pointer("/timing/first_byte_ms").and_then(Value::as_u64);
    let pairs: Vec<(u64, u64)> = shared(left, right).filter_map(|(_, a, b)| Some((time(a)?, time(b)?))).collect();
    let median = |mut all: Vec<u64>| {
        all.sort_unstable();
        all.get(all.len() / 2).copied()
    };
    Some([median(pairs.iter().map(|pair| pair.0).collect())?, median(pairs.iter().map(|pair| pair.1).collect())?])
}
