//! The JSON report.

use grantlint::report::json::{Error, parse, render, render_all};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::arbitrary::{hostile_character, run_with};
use crate::fixture::{run, stopped};

#[test]
fn everything_is_in_it() {
    insta::assert_snapshot!("json", render(&run()));
}

#[test]
fn one_run_reads_back_as_it_was() {
    assert_eq!(parse(&render(&run())).expect("it was just written"), [run()]);
}

#[test]
fn several_runs_read_back_as_they_were() {
    let text = render_all(&[&run(), &stopped()]);
    let document: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(document["schema"], "grantlint/runs-v1");
    assert_eq!(parse(&text).expect("it was just written"), [run(), stopped()]);
    assert_eq!(render_all(&[&run()]), render(&run()));
    assert_eq!(parse(&render_all(&[])).expect("it was just written"), []);
}

#[test]
fn what_is_no_report_is_refused_with_the_way_out() {
    let mut other = serde_json::to_value(run()).expect("a report is JSON");
    other["exit"]["code"] = json!("one");
    let runs = json!({ "schema": "grantlint/runs-v1", "runs": [serde_json::to_value(run()).expect("JSON"), other] });
    let errors = [
        parse("{").expect_err("cut"),
        parse("[]").expect_err("no schema"),
        parse(r#"{"schema": "grantlint/run-v2\u001b"}"#).expect_err("another schema"),
        parse(&other.to_string()).expect_err("not its shape"),
        parse(&runs.to_string()).expect_err("not its shape"),
        parse(r#"{"schema": "grantlint/runs-v1", "runs": [{}]}"#).expect_err("no schema inside"),
    ];
    assert!(matches!(errors[0], Error::NotJson(_)));
    assert!(matches!(errors[1], Error::Schema(None)));
    assert_eq!(
        errors[2].to_string(),
        "the saved report has the schema `grantlint/run-v2\\x1b`, not `grantlint/run-v1` or `grantlint/runs-v1`"
    );
    assert!(matches!(errors[3], Error::Shape { run: None, .. }));
    assert_eq!(errors[4].to_string(), "the saved report (run 2) is not as its schema says");
    assert!(matches!(errors[5], Error::Schema(None)));
    assert!(errors.iter().all(|error| !error.help().is_empty()));
}

#[test]
fn an_answer_nested_a_hundred_deep_still_reads_back() {
    let mut report = run();
    let nested = (0..100).fold(json!(1), |inner, _| json!([inner]));
    report.exchanges.insert("deep".into(), json!({ "all": [{ "response": { "json": nested } }] }));
    assert_eq!(parse(&render_all(&[&report, &run()])).expect("it was just written")[0], report);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_reads_back_and_steers_nothing(report in run_with(hostile_character())) {
        let text = render(&report);
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        prop_assert!(!text.contains(steers));
        prop_assert!(!text.contains("##[") && !text.contains("##vso[") && !text.contains("section_end:"));
        prop_assert_eq!(parse(&text).expect("it was just written"), [report]);
    }
}
