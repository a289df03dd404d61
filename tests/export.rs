//! `grantlint export`: nothing secret goes out, and what goes out is what the tools expect.

mod common;

use common::{Ran, Reference, grantlint, run, target_file};
use serde_json::Value;

fn export(reference: &Reference, arguments: &[&str]) -> Ran {
    let folder = tempfile::TempDir::new().unwrap();
    target_file(folder.path(), &[("reference", &reference.target)]);
    run(grantlint(folder.path()).arg("export").args(arguments).arg("--allow-literal-secrets"))
}

/// Every text below a member whose name says that it is secret.
fn secrets(value: &Value, named: bool, found: &mut Vec<String>) {
    match value {
        Value::String(text) if named => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| secrets(item, named, found)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            let secret = ["client_secret", "private_key", "password"].contains(&name.as_str());
            secrets(value, secret, found);
        }),
        _ => {}
    }
}

#[test]
fn no_export_holds_a_secret_in_any_encoding() {
    use base64::Engine as _;
    let reference = Reference::conforming();
    let mut all = Vec::new();
    secrets(&reference.target, false, &mut all);
    assert!(all.len() >= 3, "{all:?}");
    for form in ["curl", "postman", "http", "httpyac"] {
        for more in [&[][..], &["--all"], &["--suite", "coupa-call-out"]] {
            let ran = export(&reference, &[&[form], more].concat());
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            for secret in &all {
                let form_encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
                let pair = |id: &str| base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
                for shape in [secret.clone(), form_encoded, secret.replace('/', "\\/"), pair("gl"), pair("gl2")] {
                    assert!(!ran.stdout.contains(&shape), "{form} {more:?} holds {shape}");
                    assert!(!ran.stderr.contains(&shape), "{form} {more:?} tells {shape}");
                }
            }
            assert!(!ran.stdout.contains("***"), "{form} {more:?}: a mask stayed:\n{}", ran.stdout);
        }
    }
}

#[test]
fn a_collection_tests_each_ordinary_answer_and_hands_tokens_on() {
    let reference = Reference::conforming();
    let ran = export(&reference, &["postman"]);
    let collection: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(collection["info"]["schema"], "https://schema.getpostman.com/json/collection/v2.1.0/collection.json");
    let items = collection["item"].as_array().unwrap();
    let item =
        |key: &str| items.iter().find(|item| item["request"]["description"] == key).unwrap_or_else(|| panic!("{key}"));
    let first = item("token.client_credentials").to_string();
    assert!(first.contains("pm.test(") && first.contains("pm.collectionVariables.set("), "{first}");
    assert_eq!(item("token.client_credentials")["request"]["url"], "{{token_endpoint}}");
    let resource = item("resource.ordinary")["request"]["header"].to_string();
    assert!(resource.contains("Bearer {{token_client_credentials_access_token}}"), "{resource}");
    for variable in collection["variable"].as_array().unwrap() {
        let (key, value) = (variable["key"].as_str().unwrap(), variable["value"].as_str().unwrap());
        assert!(value.is_empty() || value.starts_with("http://127.0.0.1:"), "{key} has a value");
    }
    // Each request stands behind those that it takes values from.
    let text = serde_json::to_string(items).unwrap();
    let set = text.find("collectionVariables.set(\\\"token_client_credentials_access_token").unwrap();
    assert!(set < text.find("{{token_client_credentials_access_token}}").unwrap());
}

#[test]
fn an_export_is_of_one_target_and_never_of_nothing() {
    let folder = tempfile::TempDir::new().unwrap();
    let reference = Reference::conforming();
    target_file(folder.path(), &[("one", &reference.target), ("two", &reference.target)]);
    let ran = |arguments: &[&str]| run(grantlint(folder.path()).args(arguments).arg("--allow-literal-secrets"));
    let many = ran(&["export", "curl"]);
    assert_eq!(many.code, 2);
    assert!(many.stderr.contains("name one of them: one, two"), "{}", many.stderr);
    assert_eq!(ran(&["export", "curl", "two"]).code, 0);
    let nothing = ran(&["export", "curl", "two", "--only", "tls/**", "--only", "rfc8996/**"]);
    assert!([2, 4].contains(&nothing.code), "{}", nothing.stderr);
}
