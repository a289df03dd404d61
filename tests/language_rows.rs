//! The rows that the language was tried on give the verdicts of the sketch it was tried with.
//!
//! Each row is a check of the catalogue under the name of its row; those that need a login are not in this version. A column is a
//! server or a target with less. P pass, V violation, N not applicable, T not testable. The sketch had no server
//! with TLS, none with opaque tokens, and no fault for two rows; what it says of the conforming server is taken there, and a
//! violation for each fault. [`DIFFERENT`] says where and why our verdict is another one.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use grantlint::mutation::trial;
use grantlint::report::model::{RunReport, VerdictKind};
use grantlint::server::Fault;
use grantlint::suite::{self, Wanted};
use serde_json::{Value, json};

/// The servers and targets, in the words of fault files.
fn columns() -> Vec<(&'static str, Value)> {
    let target = |overlay: Value| json!({"target": overlay});
    vec![
        ("conforming", json!({})),
        ("rate limiter", json!({"policy": ["rate.limited"]})),
        ("scope narrowed", json!({"policy": ["scope.narrow"]})),
        ("post answered 401", json!({"policy": ["error.post_401"]})),
        ("TLS", json!({"settings": {"tls": {"certificate": "trusted"}}})),
        ("JWT", json!({"policy": ["token.jwt"]})),
        ("opaque tokens", json!({"policy": ["token.opaque"], "target": {"claims": ["oauth-2.1"]}})),
        ("post only", target(json!({"token_endpoint_auth_methods": ["client_secret_post"]}))),
        ("no introspection", target(json!({"introspection_endpoint": null}))),
        ("no resource", target(json!({"resource": null}))),
        ("no second client", target(json!({"second_client": null}))),
        (
            "second client wrong",
            target(json!({"second_client": {"client_id": "gl2", "client_secret": "wrong-by-mistake"}})),
        ),
        ("no scope", target(json!({"scope": null}))),
    ]
}

/// Row; own fault; then the columns above.
const TABLE: &str = "
coupa/call-out/basic-url-safe-refused        V  P P P P P P P P P P P P P
coupa/call-out/long-token-breaks-resource    V  P P P P P P P P P N P P P
oauth21/token-taken-from-query               V  P P P P P P P P P N P P P
practice/clients-enumerable                  V  P P P P P P P P P P P P P
rfc6749/answers-over-http                    V  P P P P P P P P P P P P P
rfc6749/basic-failure-without-challenge      V  P P P P P P P P P P P P P
rfc6749/credentials-taken-from-uri           V  P T P P P P P P P P P P P
rfc6749/error-description-characters         V  N N N N N N N N N N N N N
rfc6749/expired-token-accepted               V  P T P P P P P P P N P P P
rfc6749/expires-in-not-a-number              V  P P P P P P P P P P P P P
rfc6749/invalid-client-status-wrong          V  P P P P P P P P P P P P P
rfc6749/repeated-parameter-accepted          V  P T P P P P P P P P P P P
rfc6749/response-member-repeated             V  P P P P P P P P P P P P P
rfc6749/scope-narrowed-silently              V  P T P P P P P P P P P P N
rfc6749/token-by-get                         V  P T P P P P P P P P P P P
rfc6749/token-endpoint-has-fragment          V  P P P P P P P P P P P P P
rfc6749/token-guessable                      V  N T N N N N N N N N N N N
rfc6749/token-response-cacheable             V  P P P P P P P P P P P P P
rfc6749/two-authentication-methods-accepted  V  P T P P P P P P P P P P P
rfc7009/foreign-token-revoked                V  P T P P P P P P N P N P P
rfc7009/revoked-token-active                 V  P T P P P P P P N P P P P
rfc7617/malformed-basic-mishandled           V  P T P P P P P P P P P P P
rfc8414/announced-grant-unsupported          V  P T P P P P P P P P P P P
rfc8414/basic-refused-by-default             V  N N N N N N N N N N N N N
rfc8414/issuer-differs                       V  P P P P P P P P P P P P P
rfc8996/old-tls-offered                      V  P P P P P P P P P P P P P
rfc9068/forged-token-accepted                V  P P P P P P P P P N P P P
";

/// Row, column (`*`: every one, `http`: every one but TLS), our verdict (two letters: either, by timing), and why it is not the sketch's.
const DIFFERENT: &[(&str, &str, &str, &str)] = &[
    ("rfc6749/answers-over-http", "http", "N", "without TLS there is no clear-text twin; the sketch's target is https"),
    ("rfc8996/old-tls-offered", "http", "N", "without TLS there is no version of it; the sketch's target is https"),
    ("coupa/call-out/basic-url-safe-refused", "rate limiter", "T", "the control is lost; the sketch has none"),
    ("practice/clients-enumerable", "rate limiter", "T", "the control is lost; the sketch has none"),
    ("rfc6749/basic-failure-without-challenge", "rate limiter", "T", "the control is lost; the sketch has none"),
    ("rfc6749/error-description-characters", "rate limiter", "T", "the control is lost; the sketch has none"),
    ("rfc6749/invalid-client-status-wrong", "rate limiter", "T", "the control is lost; the sketch has none"),
    (
        "practice/clients-enumerable",
        "post only",
        "N",
        "the wrong secret goes by Basic, which this target does not claim",
    ),
    ("rfc6749/expired-token-accepted", "rate limiter", "PT", "asked before the first refused secret, or after it"),
    ("rfc7009/foreign-token-revoked", "rate limiter", "PT", "asked before the first refused secret, or after it"),
    ("rfc7009/revoked-token-active", "rate limiter", "PT", "asked before the first refused secret, or after it"),
    ("rfc6749/token-by-get", "post only", "N", "the secret would stand in the URL, where logs see it"),
    ("rfc6749/two-authentication-methods-accepted", "post only", "N", "the target claims one method only"),
    (
        "coupa/call-out/long-token-breaks-resource",
        "no scope",
        "T",
        "this resource wants a scope that is not the default",
    ),
    ("oauth21/token-taken-from-query", "no scope", "T", "this resource wants a scope that is not the default"),
    ("rfc6749/expired-token-accepted", "no scope", "T", "this resource wants a scope that is not the default"),
    ("rfc9068/forged-token-accepted", "no scope", "T", "this resource wants a scope that is not the default"),
    ("rfc6749/token-guessable", "opaque tokens", "P", "no JWT, so the row is exercised; the sketch had no such server"),
    ("rfc9068/forged-token-accepted", "opaque tokens", "N", "nothing to forge; the sketch had no such server"),
];

/// What the members of a check that are not a caller's came to together.
fn verdict(report: &RunReport, check: &str) -> char {
    let own = report.findings.iter().filter(|finding| finding.check == check && finding.caller.is_none());
    let kinds: Vec<VerdictKind> = own.map(|finding| finding.verdict).collect();
    let order = [
        (VerdictKind::Violation, 'V'),
        (VerdictKind::NotTestable, 'T'),
        (VerdictKind::Pass, 'P'),
        (VerdictKind::NotApplicable, 'N'),
    ];
    order.iter().find(|(kind, _)| kinds.contains(kind)).map_or('?', |(_, letter)| *letter)
}

fn fault(mut value: Value) -> Fault {
    value["behaviour"] = json!("a column of the table");
    serde_json::from_value(value).unwrap()
}

#[test]
fn every_row_gives_the_verdicts_of_the_sketch() {
    let catalogue = suite::embedded();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let wanted = |only: Vec<String>| Wanted { suites: vec!["all".into()], only, skip: Vec::new() };
    let rows: BTreeMap<&str, Vec<char>> = TABLE
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(row, letters)| (row, letters.chars().filter(|letter| *letter != ' ').collect()))
        .collect();
    assert_eq!(rows.len(), 27);
    let mut seen: Vec<(&str, &str, char, char)> = Vec::new();
    for (nth, (column, server)) in columns().into_iter().enumerate() {
        let report = runtime.block_on(trial(&catalogue, &[fault(server)], &wanted(Vec::new()))).unwrap();
        let tripped = report.findings.iter().filter(|finding| finding.verdict == VerdictKind::Violation);
        let tripped: Vec<String> = tripped.map(|finding| format!("{}: {}", finding.check, finding.message)).collect();
        assert_eq!(tripped, Vec::<String>::new(), "{column}: it is lawful");
        seen.extend(rows.iter().map(|(row, letters)| (*row, column, letters[nth + 1], verdict(&report, row))));
    }
    for (row, letters) in &rows {
        let fault: Fault = serde_json::from_value(suite::fixtures()["faults"][*row].clone()).unwrap();
        let report = runtime.block_on(trial(&catalogue, &[fault], &wanted(vec![(*row).to_owned()]))).unwrap();
        seen.push((row, "its fault", letters[0], verdict(&report, row)));
    }
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for (row, column, sketch, ours) in seen.iter().copied().filter(|(_, _, sketch, ours)| sketch != ours) {
        let explains = |(of, at, letters, _): &(&str, &str, &str, &str)| {
            let here = *at == column || *at == "*" || (*at == "http" && column != "TLS");
            *of == row && here && letters.contains(ours)
        };
        match DIFFERENT.iter().position(explains) {
            Some(nth) => drop(used.insert(nth)),
            None => wrong.push(format!("{row}, {column}: sketch {sketch}, here {ours}")),
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    let due = (0..DIFFERENT.len()).filter(|nth| DIFFERENT[*nth].2.len() == 1 && !used.contains(nth));
    assert_eq!(due.collect::<Vec<_>>(), Vec::<usize>::new(), "differences that are none");
}
