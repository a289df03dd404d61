//! Runs with arbitrary text in every field that holds text.

use std::cell::RefCell;

use grantlint::report::json;
use grantlint::report::model::RunReport;
use proptest::prelude::*;
use serde_json::Value;

use crate::fixture::run;

/// Pieces that break something somewhere, and any character at all.
pub fn hostile_character() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "]]>",
        "<![CDATA[",
        "&",
        "&amp;",
        "&#0;",
        "<",
        "\"",
        "'",
        "\n",
        "\r\n",
        "\t",
        "\0",
        "\u{1b}[2J",
        "\u{9b}31m",
        "\u{202e}",
        "\u{200b}",
        "\u{2028}",
        "\u{feff}",
        "\u{ffff}",
        "\u{fffe}",
        " ::error::x",
        "\n::error::y",
        "##[group]",
        "##vso[x]",
        "section_end:1",
        "[[ATTACHMENT|x]]",
        "🦀",
        "e\u{301}",
        "日",
        " ",
        "word",
        "<?xml",
        "<!--",
        "-->",
        "\\",
        "\u{7f}",
        "/",
        "*",
        "#",
        ":",
    ]);
    prop_oneof![3 => pieces.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)]
}

/// The fixture with each of its texts, keys of exchanges and headers too, replaced by a few of `pieces`; what the model
/// fixes (schema, verdicts, severities) and the shape of documents stays.
pub fn run_with(pieces: impl Strategy<Value = String>) -> impl Strategy<Value = RunReport> {
    let text = prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat());
    prop::collection::vec(text, 1..40).prop_map(|texts| {
        let next = RefCell::new(texts.iter().cycle());
        let mut document = serde_json::to_value(run()).expect("a report is JSON");
        replace(&mut document, &|| next.borrow_mut().next().cloned().unwrap_or_default());
        let mut saved = document.to_string();
        // A report that cannot be read back would make the property hold for nothing.
        saved.push('\n');
        json::parse(&saved).expect("only free text was replaced").remove(0)
    })
}

fn replace(value: &mut Value, next: &dyn Fn() -> String) {
    match value {
        Value::String(text) => *text = next(),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, next)),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                let fixed = ["schema", "verdict", "severity", "started", "summary", "fail_on", "state"]
                    .contains(&name.as_str());
                // Half of the places keep their value, so that evidence is still found.
                let place = ["at", "exchange", "text"].contains(&name.as_str());
                let kept = place && next().len().is_multiple_of(2);
                if !fixed && !kept {
                    replace(member, next);
                }
            }
        }
        _ => {}
    }
}
