//! Schemas of clauses that cannot fail, or do not compile.

use serde_json::{Map, Value};

use super::Spot;
use crate::schema;
use crate::suite::reference;
use crate::yaml::{self, escape};

const ANY_TYPE: [&str; 9] = ["type", "const", "enum", "title", "description", "not", "anyOf", "allOf", "oneOf"];
const BOUND_TO_TYPE: [(&str, &[&str]); 4] = [
    ("string", &["minLength", "maxLength", "pattern", "format", "within-scope-of", "same-scope-as", "contains-text"]),
    ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    (
        "array",
        &["items", "prefixItems", "contains", "minContains", "maxContains", "minItems", "maxItems", "uniqueItems"],
    ),
    (
        "object",
        &[
            "properties",
            "patternProperties",
            "required",
            "additionalProperties",
            "propertyNames",
            "minProperties",
            "maxProperties",
        ],
    ),
];

/// JSON Schema passes what a keyword does not speak of: `minimum` passes on `"3600"`. Below `not` that turns round.
pub(super) fn cannot_fail(spot: &mut Spot<'_>, at: &str, schema: &Map<String, Value>, below_not: bool) {
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    for key in schema.keys() {
        if let Some((message, help)) = wrong_keyword(key, &types, below_not) {
            spot.tell(&format!("{at}/{}", escape(key)), message, Some(help));
        }
    }
    for (key, message, help) in wrong_values(schema, below_not) {
        spot.tell(&format!("{at}/{key}"), message, Some(help));
    }
    if schema.keys().all(|key| matches!(key.as_str(), "title" | "description")) {
        spot.tell(at, "this schema accepts everything", Some("write `present` if anything will do".into()));
    }
    for (key, value) in schema {
        let here = format!("{at}/{}", escape(key));
        let below_not = below_not || key == "not";
        match (key.as_str(), value) {
            ("not" | "items" | "contains" | "propertyNames", Value::Object(inner)) => {
                cannot_fail(spot, &here, inner, below_not)
            }
            ("anyOf" | "allOf" | "oneOf" | "prefixItems", Value::Array(all)) => {
                for (nth, inner) in all.iter().enumerate() {
                    if let Value::Object(inner) = inner {
                        cannot_fail(spot, &format!("{here}/{nth}"), inner, below_not || !types.is_empty());
                    }
                }
            }
            ("properties" | "patternProperties", Value::Object(members)) => {
                for (name, inner) in members {
                    if let Value::Object(inner) = inner {
                        cannot_fail(spot, &format!("{here}/{}", escape(name)), inner, below_not);
                    }
                }
            }
            _ => {}
        }
    }
}

/// A keyword that nobody knows, or that passes on values of another type: what is wrong, and the way out.
fn wrong_keyword(key: &str, types: &[&str], below_not: bool) -> Option<(String, String)> {
    let bound = BOUND_TO_TYPE.iter().find(|(_, keys)| keys.contains(&key));
    match bound {
        None if !ANY_TYPE.contains(&key) => {
            let known = ANY_TYPE.into_iter().chain(BOUND_TO_TYPE.iter().flat_map(|(_, keys)| keys.iter().copied()));
            let help = yaml::nearest(key, known)
                .map_or_else(|| "see the language reference".into(), |near| format!("did you mean `{near}`?"));
            Some((format!("unknown keyword `{key}`"), help))
        }
        Some((wanted, _)) if types.is_empty() && !below_not => {
            let wanted = if *wanted == "number" { "integer" } else { wanted };
            Some((format!("`{key}` passes on every value of another type"), format!("add `type: {wanted}`")))
        }
        _ => None,
    }
}

/// Keywords whose values let too much pass: keyword, what is wrong, and the way out.
fn wrong_values(schema: &Map<String, Value>, below_not: bool) -> Vec<(&'static str, String, String)> {
    let mut all = Vec::new();
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    if schema.contains_key("properties") && !schema.contains_key("required") {
        let message = "`properties` passes when the member is missing".to_owned();
        all.push(("properties", message, "add `required: [...]`".to_owned()));
    }
    let anchored = |pattern: &str| pattern.starts_with('^') && pattern.ends_with('$');
    if let Some(pattern) = text("pattern").filter(|pattern| !below_not && !anchored(pattern)) {
        let message = format!("the pattern `{pattern}` is not anchored: it passes when a part fits");
        all.push(("pattern", message, "write `^…$`".to_owned()));
    }
    let known = schema::FORMATS.map(|(name, _)| name);
    if let Some(format) = text("format").filter(|format| !known.contains(format)) {
        let help = yaml::did_you_mean(format, &known).unwrap_or_default();
        all.push(("format", format!("unknown format `{format}`"), help));
    }
    all
}

/// The schema compiles; where it has references, with a text, a number, a list or a URL in their place.
pub(super) fn compiles(spot: &mut Spot<'_>, at: &str, schema: &Value) {
    let tried = |stand_in: &Value| {
        let filled = reference::fill(schema, &mut |_| Ok(stand_in.clone())).unwrap_or_default();
        schema::compile(&filled).map(drop)
    };
    let Err(error) = tried(&Value::from("x")) else { return };
    // A transform may take URLs only.
    let others = [Value::from(1), Value::Array(vec!["x".into()]), Value::from("https://x/")];
    if reference::any(schema) && others.iter().any(|stand_in| tried(stand_in).is_ok()) {
        return;
    }
    spot.tell(at, format!("not a JSON Schema: {error}"), None);
}
