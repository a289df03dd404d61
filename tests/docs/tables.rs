//! Tables that have to name everything there is.

use serde_json::Value;

use crate::support::text;

/// The first cells of the tables between a heading and the next of its rank.
fn cells(page: &str, heading: &str) -> Vec<String> {
    let from = page.find(heading).unwrap_or_else(|| panic!("no heading `{heading}`")) + heading.len();
    let rank = heading.trim_start().chars().take_while(|c| *c == '#').count();
    let next = format!("\n{} ", "#".repeat(rank));
    let part = page[from..].split(&next).next().unwrap();
    part.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).map(str::to_owned).collect()
}

fn members(schema: &Value, pointer: &str) -> Vec<String> {
    let members = schema.pointer(pointer).and_then(Value::as_object).unwrap_or_else(|| panic!("no {pointer}"));
    members.keys().cloned().collect()
}

fn schema(name: &str) -> Value {
    serde_json::from_str(&text(&format!("specs/schema/{name}.schema.json"))).unwrap()
}

#[test]
fn every_key_of_the_target_file_is_on_its_page() {
    let (page, schema) = (text("docs/target-file.md"), schema("target"));
    for (heading, definition) in [
        ("## Keys of a target", "Entry"),
        ("## Clients", "Client"),
        ("## The resource", "Resource"),
        ("## Token exchange", "TokenExchange"),
        ("## The user", "Login"),
        ("## Bounds", "BoundsEntry"),
    ] {
        assert_eq!(cells(&page, heading), members(&schema, &format!("/$defs/{definition}/properties")), "{heading}");
    }
}

#[test]
fn every_member_of_the_json_report_is_on_its_page() {
    let (page, schema) = (text("docs/reports.md"), schema("run-v1"));
    assert_eq!(cells(&page, "### The run"), members(&schema, "/properties"));
    assert_eq!(cells(&page, "### A finding"), members(&schema, "/$defs/Finding/properties"));
}

#[test]
fn both_tables_of_exit_codes_are_one() {
    let table = |page: &str| {
        let page = text(page);
        let from = page.find("| code |").unwrap();
        page[from..page.find("<!-- /exit codes -->").unwrap()].to_owned()
    };
    assert_eq!(table("README.md"), table("docs/exit-codes.md"));
}

#[test]
fn every_risk_is_on_the_page_of_safety() {
    let risks = schema("exchange")["$defs"]["Risk"]["oneOf"].as_array().unwrap().clone();
    let words: Vec<&str> = risks.iter().map(|risk| risk["const"].as_str().unwrap()).collect();
    assert_eq!(cells(&text("docs/safety.md"), "# Safety"), words);
}
