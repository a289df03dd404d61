//! A waived violation does not fail a run until its day has passed, and stays in every count.

mod common;

use std::fs;

use common::{Ran, Reference, check, target_file};
use serde_json::Value;

const CHECK: &str = "rfc6749/token-response-cacheable";

/// A run against a server with one violation, under this waiver file.
fn checked(reference: &Reference, waivers: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    target_file(folder.path(), &[("t", &reference.target)]);
    fs::write(folder.path().join("waivers.yaml"), waivers).unwrap();
    check(folder.path(), &["--allow-literal-secrets", "--only", CHECK, "-o", "json", "--waivers", "waivers.yaml"])
}

fn waiver(until: &str) -> String {
    format!("- check: {CHECK}\n  target: t\n  until: {until}\n  reason: gateway upgrade planned\n")
}

fn report(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}

#[test]
fn a_waiver_that_holds_turns_the_gate_and_is_counted() {
    let reference = Reference::with_ids(&[CHECK]);
    let bare = checked(&reference, "[]\n");
    assert_eq!(bare.code, 1, "{}", bare.stdout);
    let violated = report(&bare)["summary"]["violation"].as_u64().unwrap();
    let waived = checked(&reference, &waiver("2999-12-31"));
    let report = report(&waived);
    assert_eq!(report["summary"]["waived"].as_u64().unwrap(), violated);
    assert_eq!(waived.code, 0, "{}", waived.stdout);
    let finding = report["findings"].as_array().unwrap().iter().find(|finding| finding["verdict"] == "waived").unwrap();
    assert_eq!(finding["waiver"]["reason"], "gateway upgrade planned");
}

#[test]
fn a_waiver_that_ended_covers_nothing_and_says_so() {
    let ran = checked(&Reference::with_ids(&[CHECK]), &waiver("2020-01-01"));
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(report(&ran)["diagnosis"].to_string().contains("ended on 2020-01-01"), "{}", ran.stdout);
}

#[test]
fn a_stale_waiver_is_told() {
    let ran = checked(&Reference::conforming(), &waiver("2999-12-31"));
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(report(&ran)["diagnosis"].to_string().contains("stale"), "{}", ran.stdout);
}

#[test]
fn a_broken_waiver_file_ends_the_run_before_anything_is_sent() {
    let ran = checked(&Reference::conforming(), "- check: x\n  untill: 2027-01-31\n");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("did you mean `until`?") && ran.stderr.contains("waivers.yaml:2:3"), "{}", ran.stderr);
}
