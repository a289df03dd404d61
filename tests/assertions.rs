//! Client assertions and JWT grants: who has only a key can be checked whole, and what was signed is in no output.

mod common;

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use common::{Ran, Raw, Reference, check, forward, response, target_file};
use serde_json::{Value, json};

const KEY_ONLY: &str = include_str!("../fixtures/variations/private-key-jwt-only.yaml");

/// A server whose clients have a key and no secret.
fn key_only() -> Reference {
    assert!(KEY_ONLY.contains("client_secret: null"), "the variation says the same");
    Reference::with(&[json!({
        "policy": ["basic.refused", "body_credentials.refused"],
        "target": {
            "token_endpoint_auth_methods": ["private_key_jwt"],
            "client": {"client_secret": null}, "second_client": {"client_secret": null},
        },
    })])
}

fn report(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("r.json")).unwrap()).unwrap()
}

#[test]
fn a_client_with_a_key_alone_is_checked_whole() {
    let reference = key_only();
    let folder = tempfile::tempdir().unwrap();
    target_file(folder.path(), &[("t", &reference.target)]);
    let ran = check(folder.path(), &["--allow-literal-secrets", "--suite", "all", "-o", "json=r.json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let report = report(folder.path());
    assert_eq!(report["summary"]["not_testable"], 0);
    assert!(report["summary"]["pass"].as_u64().unwrap() > 100, "{}", report["summary"]);
    let ordinary = &report["exchanges"]["token.client_credentials"];
    assert_eq!(ordinary["answer"], "token");
    assert_eq!(ordinary["request"]["jwt"]["client_assertion"]["claims"]["sub"], "gl");
    let exchanges = report["exchanges"].as_object().unwrap();
    let mut names = Vec::new();
    for document in exchanges.values() {
        // A wrong secret would be a guess at a client that has none.
        let by = document.pointer("/request/authorization/client_id").and_then(Value::as_str);
        assert!(!matches!(by, Some("gl" | "gl2")), "{document}");
        names.extend(document.pointer("/request/jwt/client_assertion/claims/jti").cloned());
    }
    let sent = names.len();
    names.sort_by_key(Value::to_string);
    names.dedup();
    assert!(sent > 20 && names.len() == sent, "{} of {sent} assertions have a jti of their own", names.len());
}

#[test]
fn what_was_signed_and_with_what_is_in_no_output() {
    let reference = key_only();
    let signed: Arc<Mutex<Vec<String>>> = Arc::default();
    let (origin, kept) = (reference.origin.clone(), Arc::clone(&signed));
    // The server repeats what it was sent: as a member, in a text and in a header field.
    let raw = Raw::new(move |_, asked| {
        let body = String::from_utf8_lossy(&asked.body).into_owned();
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let jwts = pairs.iter().filter(|(name, _)| name == "client_assertion" || name == "assertion");
        let jwts: Vec<String> = jwts.flat_map(|(_, value)| value.split(' ').map(str::to_owned)).collect();
        kept.lock().unwrap().extend(jwts.clone());
        let (status, mut headers, mut answer) = forward(&origin, asked);
        if let Ok(Value::Object(mut members)) = serde_json::from_slice(&answer) {
            members.insert("received".into(), jwts.clone().into());
            members.insert("error_description".into(), format!("no good: {}, {body}", jwts.join(", ")).into());
            answer = Value::Object(members).to_string().into_bytes();
        }
        headers.extend(jwts.iter().map(|jwt| ("X-Received".to_owned(), jwt.clone())));
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Some(response(status, &headers, &answer))
    });
    let target = reference.target.to_string().replace(&reference.origin, &raw.url(""));
    let mut target: Value = serde_json::from_str(&target).unwrap();
    // The server behind it knows itself by its own name.
    for (holder, member) in [("client", "assertion_audience"), ("assertion_grant", "audience")] {
        target[holder][member] = format!("{}/token", reference.origin).into();
    }
    let folder = tempfile::tempdir().unwrap();
    target_file(folder.path(), &[("t", &target)]);
    let mut outputs: Vec<String> = Vec::new();
    for arguments in [
        &["--suite", "assertions", "-o", "json=r.json", "-o", "junit=j.xml", "-o", "console=c.txt"][..],
        &["--suite", "all", "-vv"],
        &["--dry-run", "--suite", "assertions"],
    ] {
        let Ran { stdout, stderr, .. } = check(folder.path(), &[&["--allow-literal-secrets"], arguments].concat());
        outputs.extend([stdout, stderr]);
    }
    outputs.extend(["r.json", "j.xml", "c.txt"].map(|name| fs::read_to_string(folder.path().join(name)).unwrap()));
    let mut needles: Vec<String> = Vec::new();
    for jwt in signed.lock().unwrap().iter().filter(|jwt| jwt.contains('.')) {
        needles.extend(jwt.rsplit('.').next().filter(|signature| signature.len() > 20).map(str::to_owned));
        needles.push(jwt.clone());
    }
    assert!(needles.len() > 100, "{}\n{}", needles.len(), outputs[0]);
    for holder in ["client", "second_client", "assertion_grant"] {
        let key = target[holder]["private_key"].as_str().unwrap();
        needles.extend(key.lines().filter(|line| !line.starts_with("---")).map(str::to_owned));
    }
    for text in &outputs {
        for needle in &needles {
            assert!(!text.contains(needle.as_str()), "{needle}");
        }
    }
    assert!(outputs[4].contains("${CLIENT_ASSERTION:?sign a JWT with alg="), "{}", outputs[4]);
}
