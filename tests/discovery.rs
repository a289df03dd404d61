//! Discovery end to end: an issuer alone, what the target file says beside it, and servers whose metadata cannot be trusted or read.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Asked, Ran, Raw, Reference, check, grantlint, response, run, target_file};
use serde_json::{Value, json};

const INSERTED: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
const SECRET: &str = "s3cret:~~?~+/%";

/// A target that knows its issuer and a client.
fn entry(issuer: &str, more: Value) -> Value {
    let mut entry = json!({"issuer": issuer, "client": {"client_id": "gl", "client_secret": SECRET}});
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    entry
}

fn checked(entry: &Value, arguments: &[&str]) -> (Ran, Value) {
    let folder = tempfile::tempdir().unwrap();
    target_file(folder.path(), &[("t", entry)]);
    let arguments: Vec<&str> = ["--allow-literal-secrets", "-o", "json"].iter().chain(arguments).copied().collect();
    let ran = check(folder.path(), &arguments);
    let report = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr));
    (ran, report)
}

/// A server whose metadata is what a function makes of its origin, at one path; `None` is 404. Tokens are granted to everybody.
fn server(path: &'static str, document: impl Fn(&str) -> Value + Send + Sync + 'static) -> Raw {
    let json = [("Content-Type", "application/json"), ("Cache-Control", "no-store")];
    Raw::new(move |_, asked| {
        let origin = format!("http://{}", asked.header("host").unwrap_or_default());
        Some(match asked.path() {
            own if own == path => response(200, &json, document(&origin).to_string().as_bytes()),
            "/token" | "/own" => {
                response(200, &json, br#"{"access_token":"T0ken-abcdef","token_type":"Bearer","expires_in":60}"#)
            }
            _ => response(404, &[], b""),
        })
    })
}

fn paths(raw: &Raw) -> Vec<String> {
    raw.asked().iter().map(|asked: &Asked| asked.path().to_owned()).collect()
}

fn verdict<'r>(report: &'r Value, check: &str) -> &'r str {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["check"] == check).map_or("", |one| one["verdict"].as_str().unwrap())
}

fn origin(raw: &Raw) -> String {
    raw.url("").trim_end_matches('/').to_owned()
}

#[test]
fn an_issuer_alone_is_enough() {
    for (faults, found_at) in [
        (json!({}), INSERTED.to_owned()),
        (json!({"settings": {"issuer_path": "/tenant/1"}}), format!("{INSERTED}/tenant/1")),
        (
            json!({"settings": {"issuer_path": "/tenant/1"}, "policy": ["metadata.openid_only"]}),
            format!("/tenant/1{OPENID}"),
        ),
        (
            json!({"settings": {"issuer_path": "/tenant/1"}, "policy": ["metadata.openid_inserted"]}),
            format!("{OPENID}/tenant/1"),
        ),
    ] {
        let reference = Reference::with(&[faults]);
        let issuer = reference.target["issuer"].as_str().unwrap();
        let (ran, report) = checked(&entry(issuer, json!({})), &[]);
        assert_eq!(ran.code, 0, "{} {}", report["exit"], report["diagnosis"]);
        assert_eq!(report["target"]["discovered"]["from"], format!("{}{found_at}", reference.origin));
        for endpoint in ["token_endpoint", "revocation_endpoint", "introspection_endpoint"] {
            assert_eq!(report["target"][endpoint], reference.target[endpoint], "{endpoint}");
        }
        for suite in ["introspection", "metadata", "oauth2", "revocation"] {
            assert!(report["suites"].as_array().unwrap().contains(&suite.into()), "{suite}");
        }
        // A client that is registered stays behind: nobody is registered unless the target file asks for it.
        assert!(report["target"].get("registration_endpoint").is_none_or(|endpoint| endpoint.is_null()));
        assert_eq!(report["target"]["token_endpoint_auth_methods"], json!(["client_secret_basic"]));
        assert_eq!(verdict(&report, "rfc8414/issuer-differs"), "pass");
    }
}

#[test]
fn what_was_asked_before_planning_is_evidence_and_not_asked_again() {
    let raw = server(INSERTED, |origin| json!({"issuer": origin, "token_endpoint": format!("{origin}/token")}));
    let (_, report) = checked(&entry(&origin(&raw), json!({})), &["--only", "rfc8414/issuer-*"]);
    assert_eq!(paths(&raw), [INSERTED]);
    assert_eq!(raw.asked()[0].header("authorization"), None);
    assert_eq!(report["exchanges"]["metadata"]["response"]["status"], 200);
    assert_eq!(report["exchanges"]["metadata.inserted"]["request"]["url"], raw.url(INSERTED));
    assert_eq!((&report["summary"]["exchanges"], verdict(&report, "rfc8414/issuer-differs")), (&json!(1), "pass"));
    let (_, report) = checked(&entry(&origin(&raw), json!({})), &["--only", "rfc6749/token-response-status"]);
    assert_eq!(paths(&raw)[1..], [INSERTED, "/token"]);
    assert_eq!(report["exchanges"]["metadata"]["response"]["status"], 200, "evidence, although no check looks at it");
}

#[test]
fn what_the_target_file_says_wins() {
    let raw = server(INSERTED, |origin| {
        json!({"issuer": origin, "token_endpoint": format!("{origin}/token"), "revocation_endpoint": format!("{origin}/revoke"),
            "introspection_endpoint": format!("{origin}/introspect"), "grant_types_supported": ["password"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"]})
    });
    let said = json!({"revocation_endpoint": raw.url("/own"), "introspection_endpoint": null,
        "grant_types": ["client_credentials"], "token_endpoint_auth_methods": ["client_secret_basic"]});
    let (_, report) = checked(&entry(&origin(&raw), said), &["--suite", "metadata"]);
    let target = &report["target"];
    assert_eq!(
        (&target["token_endpoint"], &target["revocation_endpoint"]),
        (&json!(raw.url("/token")), &json!(raw.url("/own")))
    );
    assert_eq!(
        (&target["introspection_endpoint"], &target["grant_types"]),
        (&json!(null), &json!(["client_credentials"]))
    );
    assert_eq!(target["discovered"]["members"], json!(["token_endpoint"]));
    for contradiction in ["rfc8414/configured-grant-not-announced", "rfc8414/configured-method-not-announced"] {
        assert_eq!(verdict(&report, contradiction), "violation", "{contradiction}");
    }
    // A token endpoint in the file leaves nothing to discover, and the contradiction is told.
    let said = json!({"token_endpoint": raw.url("/own")});
    let (_, report) = checked(&entry(&origin(&raw), said), &["--suite", "metadata"]);
    assert_eq!(report["target"]["discovered"], json!(null));
    assert_eq!(verdict(&report, "rfc8414/configured-token-endpoint-differs"), "violation");
}

#[test]
fn another_spelling_of_the_issuer_is_a_finding_and_another_origin_the_end() {
    let raw =
        server(INSERTED, |origin| json!({"issuer": format!("{origin}/"), "token_endpoint": format!("{origin}/token")}));
    let (ran, report) = checked(&entry(&origin(&raw), json!({})), &[]);
    assert_eq!((ran.code, verdict(&report, "rfc8414/issuer-differs")), (1, "violation"));
    assert!(paths(&raw).contains(&"/token".to_owned()));
    for wrong in [json!("https://other.example"), json!(null)] {
        let raw = server(INSERTED, move |origin| json!({"issuer": wrong, "token_endpoint": format!("{origin}/token")}));
        let (ran, report) = checked(&entry(&origin(&raw), json!({})), &["--suite", "oauth2"]);
        assert_eq!(ran.code, 3, "{}", report["exit"]);
        assert!(report["diagnosis"][0]["says"].as_str().unwrap().contains("cannot be used"), "{}", report["diagnosis"]);
        let (ran, _) = checked(&entry(&origin(&raw), json!({})), &["--suite", "metadata"]);
        assert_eq!(ran.code, 1, "what came back is judged all the same");
        assert!(paths(&raw).iter().all(|path| path == INSERTED), "{:?}", paths(&raw));
        assert!(raw.asked().iter().all(|asked| asked.header("authorization").is_none()));
    }
}

#[test]
fn an_endpoint_that_cannot_be_trusted_is_passed_over_and_told() {
    let raw = server(
        INSERTED,
        |origin| json!({"issuer": origin, "token_endpoint": format!("{origin}/token"), "revocation_endpoint": "http://other.example/revoke"}),
    );
    let (_, report) = checked(&entry(&origin(&raw), json!({})), &["--only", "rfc8414/issuer-*"]);
    assert_eq!(report["target"]["revocation_endpoint"], json!(null));
    let told = report["preflight"]["steps"][0]["detail"].as_str().unwrap();
    assert!(told.contains("revocation_endpoint `http://other.example/revoke` is not used"), "{told}");
}

#[test]
fn every_way_to_have_no_metadata_is_told_with_the_places_that_were_asked() {
    let html = [("Content-Type", "text/html")];
    let ways: [(Option<Vec<u8>>, &str); 7] = [
        (Some(response(404, &[], b"")), ": 404"),
        (Some(response(200, &html, b"<!doctype html><title>Portal</title>")), ": 200 an HTML page"),
        (
            Some(response(302, &[("Location", "http://127.0.0.1:9/elsewhere")], b"")),
            ": 302, a redirect to http://127.0.0.1:9/elsewhere, which is not followed",
        ),
        (Some(response(200, &[("Content-Type", "application/json")], b"{\"issuer\":")), ": 200 without metadata"),
        (
            Some(response(200, &[("Content-Type", "application/json")], &vec![b' '; 2 << 20])),
            ": too large (body over 1048576 bytes)",
        ),
        (Some(b"nonsense\r\n\r\n".to_vec()), ": malformed"),
        (None, ": timed out"),
    ];
    for (answer, says) in ways {
        let raw = Raw::new(move |_, _| answer.clone());
        let more = json!({"timeout": "400ms"});
        let (ran, report) =
            checked(&entry(&format!("{}/t", origin(&raw)), more), &["--suite", "oauth2", "--suite", "metadata"]);
        assert_eq!(ran.code, if says.contains("200 without") { 1 } else { 3 }, "{says}: {}", report["exit"]);
        let told = report["diagnosis"][0]["says"].as_str().unwrap();
        assert!(told.contains(says), "not `{says}`: {told}");
        let places = [format!("{INSERTED}/t"), format!("/t{OPENID}"), format!("{OPENID}/t")];
        assert!(places.iter().all(|place| told.contains(&raw.url(place))), "{told}");
        assert_eq!(paths(&raw), places, "{says}");
    }
}

#[test]
fn an_issuer_without_a_path_has_two_places() {
    let raw = Raw::new(|_, _| Some(response(404, &[], b"")));
    let (_, report) = checked(&entry(&origin(&raw), json!({})), &["--suite", "metadata"]);
    assert_eq!(paths(&raw), [INSERTED, OPENID]);
    assert_eq!(report["preflight"]["steps"].as_array().unwrap().len(), 2, "{}", report["preflight"]);
}

#[test]
fn a_named_place_is_the_only_one_that_is_asked() {
    let raw = server("/metadata", |origin| json!({"issuer": origin, "token_endpoint": format!("{origin}/token")}));
    let mut own = entry("", json!({"metadata_url": raw.url("/metadata")}));
    own.as_object_mut().unwrap().shift_remove("issuer");
    let (_, report) = checked(&own, &["--only", "rfc8414/issuer-*"]);
    assert_eq!(
        (report["target"]["token_endpoint"].clone(), paths(&raw)),
        (json!(raw.url("/token")), vec!["/metadata".to_owned()])
    );
    let (ran, _) = checked(&json!({"metadata_url": raw.url("/nowhere")}), &["--suite", "metadata"]);
    assert_eq!((ran.code, paths(&raw).len()), (3, 2));
}

#[test]
fn flags_name_an_issuer_with_a_client_or_without() {
    let reference = Reference::conforming();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), SECRET).unwrap();
    let issuer = reference.origin.as_str();
    let ran = check(folder.path(), &["--issuer", issuer, "--client-id", "gl", "--client-secret-file", "secret"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let line: String = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(line.contains(&format!("({issuer}/token, found in {issuer}{INSERTED})")), "{line}");
    let ran = check(folder.path(), &["--issuer", issuer, "--suite", "metadata", "-v"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for (arguments, says) in [
        (vec!["--issuer", "as.example"], "https://as.example"),
        (vec!["--issuer", "https://as.example/?x"], "which an issuer has not"),
        (vec!["--issuer", issuer, "--client-secret-file", "secret"], "--client-id"),
        (vec!["--issuer", issuer, "--config", "x.yaml"], "cannot be used with"),
        (vec!["--issuer", issuer, "--suite", "nothing"], "no suite is called"),
    ] {
        let ran = run(grantlint(folder.path()).arg("check").args(&arguments));
        assert!(ran.code == 2 && ran.stderr.contains(says), "{arguments:?}: {} {}", ran.code, ran.stderr);
    }
}

#[test]
fn a_dry_run_says_what_would_be_fetched_and_fetches_nothing() {
    let raw = server(INSERTED, |_| json!({}));
    let folder = tempfile::tempdir().unwrap();
    target_file(folder.path(), &[("t", &entry(&format!("{}/t", origin(&raw)), json!({})))]);
    let ran = check(folder.path(), &["--allow-literal-secrets", "--dry-run"]);
    assert_eq!((ran.code, raw.asked().len()), (0, 0), "{}", ran.stderr);
    assert!(ran.stdout.contains("the endpoints are not known"), "{}", ran.stdout);
    for place in [format!("{INSERTED}/t"), format!("/t{OPENID}"), format!("{OPENID}/t")] {
        assert!(ran.stdout.contains(&raw.url(&place)), "{}", ran.stdout);
    }
}
