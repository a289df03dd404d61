//! Pairs of small runs.

use serde_json::{Value, json};

use super::*;
use crate::report::json as saved;

/// A run whose exchanges are these.
fn run(name: &str, exchanges: Value) -> RunReport {
    let text = json!({
        "schema": "grantlint/run-v1", "tool": {"name": "grantlint", "version": "0.0.0"}, "started": "2026-11-22T00:00:00Z",
        "elapsed_ms": 0, "target": {"name": name, "token_endpoint": "https://as.example/token"}, "suites": ["all"],
        "exit": {"code": 0, "meaning": ""},
        "summary": {"checks": 0, "pass": 0, "violation": 0, "warning": 0, "note": 0, "not_applicable": 0, "not_testable": 0,
                    "waived": 0, "left_out": 0, "exchanges": 0},
        "findings": [], "answers": {"conforms": {}, "works_for": {}}, "preflight": {"passed": true, "steps": []},
        "controls": {}, "left_out": [], "diagnosis": [], "exchanges": exchanges,
    });
    saved::parse(&text.to_string()).map_err(|error| error.to_string()).unwrap().remove(0)
}

fn answered(answer: &str, status: u16, json: Value, secret: Option<&str>) -> Value {
    let mut document = json!({
        "outcome": "answered", "answer": answer, "request": {"params": {}},
        "response": {"status": status, "headers": {"cache-control": ["no-store"]}, "json": json},
        "timing": {"first_byte_ms": 10},
    });
    if let Some(encoding) = secret {
        document["request"]["authorization"] =
            json!({"secret": "CLIENT_SECRET", "alphabet": "either", "encoding": encoding});
    }
    document
}

fn token(secret: &str) -> Value {
    let token = "x".repeat(40);
    answered("token", 200, json!({"access_token": token, "expires_in": 3600}), Some(secret))
}

fn refused(secret: Option<&str>) -> Value {
    answered("error", 401, json!({"error": "invalid_client"}), secret)
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let one = run("a", json!({"t": token("either")}));
    let comparison = compare(&one, &run("b", json!({"t": token("either")})));
    assert!(comparison.is_alike(), "{comparison:?}");
    assert_eq!((comparison.shared, comparison.times_ms), (1, Some([10, 10])));
    assert!(render(&comparison, 100).contains("✓ nothing differs"));
}

#[test]
fn only_authentication_differs_when_nothing_else_does() {
    let works = run("test", json!({"t": token("either"), "stranger": refused(None)}));
    let fails = run("production", json!({"t": refused(Some("either")), "stranger": refused(None)}));
    for comparison in [compare(&works, &fails), compare(&fails, &works)] {
        let [diagnosis] = comparison.diagnosis.as_slice() else { panic!("{comparison:?}") };
        assert!(diagnosis.says.starts_with("Only authentication differs: production refuses"), "{}", diagnosis.says);
        assert!(diagnosis.next.starts_with("Have the client secret of production regenerated"), "{}", diagnosis.next);
    }
}

#[test]
fn a_secret_that_encodings_write_differently_is_named() {
    let works = run("test", json!({"raw": token("either"), "form": token("either")}));
    let fails = run("production", json!({"raw": token("raw"), "form": refused(Some("form"))}));
    let comparison = compare(&works, &fails);
    assert!(comparison.diagnosis[0].next.contains("letters and digits only"), "{comparison:?}");
}

#[test]
fn it_is_not_called_authentication_where_something_else_differs() {
    let works = run("a", json!({"t": token("either"), "stranger": refused(None)}));
    let crash = answered("crash", 500, Value::Null, None);
    assert!(compare(&works, &run("b", json!({"t": refused(Some("either")), "stranger": crash}))).diagnosis.is_empty());
    // Each refuses what the other takes.
    let left = run("a", json!({"t": token("either"), "u": refused(Some("either"))}));
    let right = run("b", json!({"t": refused(Some("either")), "u": token("either")}));
    assert!(compare(&left, &right).diagnosis.is_empty());
}

#[test]
fn headers_members_lifetimes_and_tokens_are_told_once_for_all_exchanges() {
    let mut other = token("either");
    other["response"]["headers"] = json!({"content-type": ["text/html"], "date": ["today"]});
    other["response"]["json"] = json!({"access_token": "x".repeat(2000), "expires_in": "60", "extra": 1});
    other["response"]["jwt"] = json!({"access_token": {"header": {"alg": "RS256"}}});
    let left = run("a", json!({"t": token("either"), "u": token("either")}));
    let comparison = compare(&left, &run("b", json!({"t": other, "u": other})));
    let find =
        |what: &str| comparison.exchanges.iter().find(|one| one.what == what).unwrap_or_else(|| panic!("{what}"));
    for (what, left, right) in [
        ("header cache-control", "no-store", NOTHING),
        ("header content-type", NOTHING, "text/html"),
        ("member expires_in", "3600", "60"),
        ("member extra", NOTHING, "a number"),
        ("form of access_token", "opaque", "JWT (RS256)"),
        ("length of access_token", "about 40", "about 2048"),
    ] {
        let one = find(what);
        assert_eq!((one.left.as_str(), one.right.as_str(), one.seen_in.len()), (left, right, 2), "{what}");
    }
    assert!(!comparison.is_alike());
}

#[test]
fn what_a_server_says_cannot_steer_the_terminal() {
    let mut other = token("either");
    other["response"]["headers"]["server"] = json!(["\u{1b}[2J\u{9b}31m\u{202e}"]);
    let text =
        render(&compare(&run("a", json!({"t": token("either")})), &run("\u{1b}]0;x\u{7}", json!({"t": other}))), 100);
    assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{7}']), "{text:?}");
}

#[test]
fn that_nothing_differs_is_said_only_of_what_was_asked() {
    let (one, other) = (run("a", json!({"t": token("either")})), run("b", json!({"t": token("either")})));
    assert_eq!(compare(&one, &other).ending, Ending::Alike);
    let (nothing, elsewhere) = (run("a", json!({})), run("b", json!({"u": token("either")})));
    for (left, right) in [(&nothing, &nothing), (&one, &elsewhere)] {
        let comparison = compare(left, right);
        assert_eq!((comparison.ending, comparison.ending.code()), (Ending::NothingShared, 4));
        assert!(render(&comparison, 100).contains("✗ nothing was asked of both"));
    }
    let mut stopped = run("b", json!({"t": token("either")}));
    stopped.preflight.passed = false;
    assert_eq!(compare(&one, &stopped).ending.code(), 3);
    stopped.exit.code = 130;
    assert_eq!(compare(&one, &stopped).ending.code(), 130);
    assert_eq!(compare(&one, &run("b", json!({"t": refused(None)}))).ending.code(), 1);
}

#[test]
fn a_program_reads_what_a_person_reads() {
    let mut other = token("either");
    other["response"]["headers"] = json!({"x\u{1b}[2J": ["1"]});
    let (left, right) = (run("a", json!({"t": token("either")})), run("b", json!({"t": other})));
    let comparison = compare(&left, &right);
    let text = super::json::render(&comparison, &left, &right);
    assert!(!text.contains('\u{1b}') && text.ends_with("}\n"), "{text:?}");
    let read: super::json::ComparisonReport = serde_json::from_str(&text).unwrap();
    assert_eq!((read.schema.as_str(), read.exit.code, read.shared), ("grantlint/comparison-v1", 1, 1));
    assert_eq!(read.exchanges.len(), comparison.exchanges.len());
    let gone = read.exchanges.iter().find(|row| row.what == "header cache-control").unwrap();
    assert_eq!((gone.left.as_deref(), gone.right.as_deref(), gone.seen_in.len()), (Some("no-store"), None, 1));
}

#[test]
fn certificates_and_versions_differ_and_days_do_not() {
    let hello = |names: &[&str], days: u32, version: &str| {
        let certificate = json!({"names": names, "days_left": days, "trusted": true});
        json!({"tls.handshake": {"outcome": "answered", "handshake": {"version": version, "answered": "server_hello", "certificate": certificate}}})
    };
    let left = run("a", hello(&["as.example"], 90, "1.3"));
    assert!(compare(&left, &run("b", hello(&["as.example"], 89, "1.3"))).tls.is_empty());
    let comparison = compare(&left, &run("b", hello(&["*.example"], 90, "1.2")));
    let rows: Vec<(&str, &str)> = comparison.tls.iter().map(|row| (row.what.as_str(), row.right.as_str())).collect();
    assert_eq!(rows, [("tls.handshake: certificate names", "[\"*.example\"]"), ("tls.handshake: version", "1.2")]);
    assert!(compare(&left, &run("b", json!({}))).tls.is_empty(), "a side without TLS has nothing to differ in");
}
