//! The reference of the language, from the schemas of the file kinds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::support::{is_current, slug, text};

/// File kinds: schema, heading, where such files are.
const KINDS: [(&str, &str, &str); 9] = [
    ("check", "Checks", "`specs/checks/**.yaml`, and below the `checks` of a folder that `--specs` names"),
    ("exchange", "Exchanges", "`specs/exchanges/*.yaml`, likewise"),
    ("suite", "Suites", "`specs/suites/*.yaml`, likewise"),
    ("diagnosis", "Diagnoses", "`specs/diagnoses/*.yaml`, likewise"),
    ("requirement", "Requirements", "`specs/requirements/*.yaml`"),
    (
        "target",
        "Target files",
        "`grantlint.yaml`, or what `--config` names; explained in [the target file](target-file.md)",
    ),
    ("waivers", "Waivers", "what `--waivers` names; explained in [reports](reports.md#waivers)"),
    ("fault", "Faults", "`fixtures/faults/**.yaml`"),
    ("variation", "Variations", "`fixtures/variations/*.yaml`"),
];

const INTRODUCTION: &str = "\
# The language

Every kind of file and every key. Written from `specs/schema` by `GRANTLINT_BLESS=1 cargo test --test docs`; an editor that knows JSON Schema helps
with the same schemas, if the file's first line names one. [Writing a check](writing-a-check.md) explains how the pieces fit.

Keys that are not here are refused, with line and column. Where an exchange says `like`, every key of it may also be `absent`, which takes it away.
What is a link in the tables is explained under [Types](#types).
";

/// Text in a cell of a table: one line, no bars.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn description(schema: &Value) -> String {
    cell(schema["description"].as_str().unwrap_or_default())
}

/// What a value may be, in words. `absent`, which takes a key of an exchange away, is told once for all and left out here.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return format!("[{name}](#{})", slug(name));
    }
    if let Some(word) = schema.get("const") {
        return format!("`{}`", word.as_str().map_or_else(|| word.to_string(), str::to_owned));
    }
    if let Some(words) = schema["enum"].as_array() {
        return words
            .iter()
            .map(|word| format!("`{}`", word.as_str().unwrap_or("null")))
            .collect::<Vec<_>>()
            .join(" or ");
    }
    if let Some(choices) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        let mut words: Vec<String> = Vec::new();
        for choice in choices.iter().filter(|choice| choice["type"] != "null" && choice["const"] != "absent") {
            let word = kind(choice);
            if !words.contains(&word) {
                words.push(word);
            }
        }
        return words.join(" or ");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect(),
        _ => Vec::new(),
    };
    let words: Vec<String> = types
        .into_iter()
        .map(|one| match one {
            "string" => schema["format"]
                .as_str()
                .filter(|_| schema["pattern"].is_null())
                .map_or("text".to_owned(), |format| format!("text ({format})")),
            "integer" => match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
                (Some(least), Some(most)) => format!("{least} to {most}"),
                (Some(least), None) if least > 0 => format!("whole number from {least}"),
                _ => "whole number".to_owned(),
            },
            "number" => "number".to_owned(),
            "boolean" => "`true` or `false`".to_owned(),
            "array" => format!("list of {}", kind(&schema["items"])),
            "object" => match &schema["additionalProperties"] {
                Value::Object(_) => format!("map to {}", kind(&schema["additionalProperties"])),
                _ => "map".to_owned(),
            },
            other => other.to_owned(),
        })
        .collect();
    if words.is_empty() { "anything".to_owned() } else { words.join(" or ") }
}

/// What a type takes: a table of its keys, or of its words, or a sentence.
fn body(schema: &Value) -> String {
    if let Some(keys) = schema["properties"].as_object() {
        return table_of_keys(keys, schema["required"].as_array().map_or(&[], Vec::as_slice));
    }
    let choices = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    let Some(choices) = choices else { return format!("Takes {}.\n", kind(schema)) };
    let mut body = String::from("| value | meaning |\n|---|---|\n");
    for choice in choices.iter().filter(|choice| choice["type"] != "null") {
        writeln!(body, "| {} | {} |", kind(choice), description(choice)).unwrap();
    }
    // A choice may be a map with keys of its own.
    for keys in choices.iter().filter_map(|choice| choice["properties"].as_object()) {
        write!(body, "\n{}", table_of_keys(keys, &[])).unwrap();
    }
    body
}

fn table_of_keys(keys: &Map<String, Value>, required: &[Value]) -> String {
    let mut body = String::from("| key | value | meaning |\n|---|---|---|\n");
    for (key, schema) in keys {
        let must = if required.iter().any(|one| one == key) { " (required)" } else { "" };
        writeln!(body, "| `{key}`{must} | {} | {} |", kind(schema), description(schema)).unwrap();
    }
    body
}

#[test]
fn the_page_of_the_language_is_the_schemas() {
    let mut page = INTRODUCTION.to_owned();
    let mut types: BTreeMap<String, Value> = BTreeMap::new();
    for (name, heading, place) in KINDS {
        let schema: Value = serde_json::from_str(&text(&format!("specs/schema/{name}.schema.json"))).unwrap();
        write!(
            page,
            "\n## {heading}\n\n{}\n\nWhere: {place}. Schema: `specs/schema/{name}.schema.json`.\n\n",
            description(&schema)
        )
        .unwrap();
        page.push_str(&body(&schema));
        for (name, schema) in schema["$defs"].as_object().into_iter().flatten() {
            let known = types.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(known, schema, "two types are called {name}");
        }
    }
    page.push_str("\n## Types\n");
    for (name, schema) in types {
        write!(page, "\n### {name}\n\n").unwrap();
        let description = description(&schema);
        if !description.is_empty() {
            write!(page, "{description}\n\n").unwrap();
        }
        page.push_str(&body(&schema));
    }
    is_current("docs/language.md", &page);
}
