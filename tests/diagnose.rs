//! Every diagnosis is found by its own example, and every diagnosis of a run by a fault of the reference server.

mod common;

use std::io::Write as _;
use std::process::Stdio;

use common::{Reference, grantlint, run, target_file};
use grantlint::judge::diagnose::of_text;
use grantlint::mutation::trial;
use grantlint::suite::{self, Catalogue, Wanted};
use serde_json::Value;

/// Diagnosis of a run → the fault that shows it.
const SHOWN_BY: [(&str, &str); 15] = [
    ("run/certificate", "rfc6749/certificate-untrusted"),
    ("run/door-open", "rfc6749/wrong-secret-accepted"),
    ("run/form-decoding-only", "coupa/call-out/raw-pair-refused"),
    ("run/forms-only", "coupa/call-out/json-body-refused"),
    ("run/long-tokens", "coupa/call-out/long-token-breaks-resource"),
    ("run/no-forms", "rfc6749/form-body-refused"),
    ("run/payload-refused", "coupa/call-out/payload-refused"),
    ("run/resource-open", "rfc6750/invented-token-accepted"),
    ("run/resource-refuses", "rfc6750/token-refused-by-resource"),
    ("run/revocation-idle", "rfc7009/revoked-token-active"),
    ("run/scope-not-granted", "practice/configured-scope-refused"),
    ("run/spaces-unescaped", "coupa/call-out/raw-spaces-refused"),
    ("run/standard-alphabet-only", "coupa/call-out/basic-url-safe-refused"),
    ("run/token-format", "rfc6749/token-type-missing"),
    ("run/wrong-errors", "rfc6749/refusal-not-an-oauth-error"),
];

fn embedded() -> Catalogue {
    suite::embedded()
}

#[test]
fn every_diagnosis_is_found_by_its_own_example() {
    let catalogue = embedded();
    let mut wrong = Vec::new();
    for (id, file) in catalogue.diagnoses.iter() {
        let Some(example) = &file.example else { continue };
        for text in [
            example.clone(),
            example.to_uppercase().replace('"', "”").replace(' ', "\n   "),
            format!(
                "2026-11-22T08:00:00Z [worker-7] ERROR call failed: {example}\n\tat com.example.Main.run(Main.java:42)"
            ),
        ] {
            let found = of_text(&catalogue, &text);
            if found.first().map(|first| first.id) != Some(id) {
                wrong.push(format!("{id}: {:?} for {text}", found.iter().map(|found| found.id).collect::<Vec<_>>()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_says_nothing_of_a_cause_is_not_diagnosed() {
    let catalogue = embedded();
    for text in [
        "hello",
        "HTTP/1.1 200 OK Content-Type: application/json {\"access_token\":\"x\",\"token_type\":\"Bearer\",\"expires_in\":3600}",
        "invoice 404 of order 1415 was posted in 502 ms",
        "404",
    ] {
        assert!(of_text(&catalogue, text).is_empty(), "{text}");
    }
}

#[test]
fn every_diagnosis_says_how_it_is_found() {
    let catalogue = embedded();
    for (id, file) in catalogue.diagnoses.iter() {
        let found = !file.texts.is_empty() || file.run.is_some() || file.shown.is_some();
        assert!(found, "{id}");
        assert!(!file.means.contains('\n') || file.means.trim().lines().count() == 1, "{id}: one sentence or two");
        assert_eq!(file.run.is_some(), SHOWN_BY.iter().any(|(known, _)| *known == id), "{id}");
    }
}

/// Words of a product are not made up: a page or a thread has them.
#[test]
fn every_diagnosis_of_a_product_says_where_its_words_were_seen() {
    let catalogue = embedded();
    let ours = ["http/", "network/", "run/", "standard/"];
    let of_products = catalogue.diagnoses.iter().filter(|(id, _)| !ours.iter().any(|folder| id.starts_with(folder)));
    for (id, file) in of_products.filter(|(_, file)| !file.texts.is_empty()) {
        assert!(file.source.iter().any(|source| source.contains("https://")), "{id}");
    }
}

#[test]
fn every_diagnosis_of_a_run_is_shown_by_a_fault() {
    let catalogue = embedded();
    let mut faults = suite::fixtures().swap_remove("faults").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (id, fault) in SHOWN_BY {
        let suites = ["coupa-call-out", "all"].map(str::to_owned).to_vec();
        let wanted = Wanted { suites, only: vec![fault.to_owned()], ..Wanted::default() };
        let fault_file = serde_json::from_value(faults.remove(fault).unwrap()).unwrap();
        let report = runtime.block_on(trial(&catalogue, &[fault_file], &wanted)).unwrap();
        let first = report.diagnosis.first().unwrap_or_else(|| panic!("{id} by {fault}"));
        assert_eq!(first.says, catalogue.diagnoses[id].means.trim(), "{id} by {fault}");
        assert!(first.checks.iter().any(|check| check == fault), "{id} by {fault}");
        assert!(!first.next.is_empty(), "{id}");
    }
}

#[test]
fn the_diagnosis_stands_on_top_and_comes_back_from_the_saved_run() {
    let folder = tempfile::tempdir().unwrap();
    let fault = "coupa/call-out/basic-url-safe-refused";
    let reference = Reference::with_ids(&[fault]);
    target_file(folder.path(), &[("t", &reference.target)]);
    let mut check = grantlint(folder.path());
    check.args([
        "check",
        "--allow-literal-secrets",
        "--suite",
        "coupa-call-out",
        "--only",
        fault,
        "-o",
        "json=run.json",
    ]);
    let console = run(&mut check).stdout;
    let says = "diagnosis: The credentials are right, but the endpoint decodes only the standard base64 alphabet";
    assert!(console.find(says).unwrap() < console.find("error[").unwrap(), "{console}");
    let again = run(grantlint(folder.path()).args(["diagnose", "run.json"]));
    assert_eq!(again.code, 0);
    assert!(again.stdout.starts_with("Only the standard base64 alphabet is decoded"), "{}", again.stdout);
    assert!(again.stdout.contains("Where to look"), "{}", again.stdout);
}

#[test]
fn a_sound_run_has_no_diagnosis() {
    let folder = tempfile::tempdir().unwrap();
    let reference = Reference::conforming();
    target_file(folder.path(), &[("t", &reference.target)]);
    let mut check = grantlint(folder.path());
    check.args(["check", "--allow-literal-secrets", "--suite", "coupa-call-out", "-o", "json"]);
    let report: Value = serde_json::from_str(&run(&mut check).stdout).unwrap();
    assert_eq!(report["diagnosis"], serde_json::json!([]));
}

#[test]
fn what_a_refused_request_was_told_is_diagnosed() {
    let folder = tempfile::tempdir().unwrap();
    let answer = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n\r\n{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret provided. Trace ID: 1\"}";
    std::fs::write(folder.path().join("answer.txt"), answer).unwrap();
    let ran = run(grantlint(folder.path()).args(["replay", "answer.txt"]));
    assert!(ran.stdout.contains("diagnosis: Microsoft Entra ID knows the application"), "{}", ran.stdout);
    assert!(ran.stdout.contains("next: Create a new client secret"), "{}", ran.stdout);
}

#[test]
fn the_command_takes_text_standard_input_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let diagnose = |arguments: &[&str]| run(grantlint(folder.path()).arg("diagnose").args(arguments));
    let shown = "HTTP exception occured: Service::Oauth::AuthenticationManager::AuthenticationError";
    let ran = diagnose(&[shown]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for part in [
        "coupa/authentication-error",
        "What it means",
        "the most likely first",
        "What to ask for",
        "grantlint check --only",
    ] {
        assert!(ran.stdout.contains(part), "{part} in {}", ran.stdout);
    }
    // Words that the shell took apart are one message all the same.
    assert_eq!(diagnose(&["Access", "token", "is", "missing", "or", "invalid"]).code, 0);
    assert_eq!(diagnose(&["nothing", "of", "the", "kind"]).code, 4);
    assert_eq!(diagnose(&[""]).code, 2);
    assert_eq!(diagnose(&[]).code, 2);
    let mut command = grantlint(folder.path());
    command.args(["diagnose", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"<html><h1>413 Request Entity Too Large</h1></html>").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("413: the body is too large") && text.contains("It may also be"), "{text}");
}

#[test]
fn diagnoses_of_users_are_read_and_their_mistakes_told_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let diagnoses = folder.path().join("specs/diagnoses/house");
    std::fs::create_dir_all(&diagnoses).unwrap();
    let write = |text: &str| std::fs::write(diagnoses.join("own.yaml"), text).unwrap();
    let of = || run(grantlint(folder.path()).args(["diagnose", "--specs", "specs", "E-4711 from the bus"]));
    write(
        "title: the bus is full\ntexts: [E-4711]\nexample: E-4711\nmeans: The bus is full.\nlook: [the bus]\nchecks: [rfc6749/basic-refused]\n",
    );
    let ran = of();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("house/own"), "{}", ran.stdout);
    write("title: x\ntexts: [E-4711]\nexample: E-4711\nmeans: x\nlook: [x]\nchecks: [rfc6749/basic-refusd]\n");
    let ran = of();
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("own.yaml:6") && ran.stderr.contains("did you mean `rfc6749/basic-refused`"),
        "{}",
        ran.stderr
    );
    write("title: x\nmeans: x\nlook: [x]\nrun: { passed: [rfc6749/basic-refused], rank: 3 }\n");
    assert!(of().stderr.contains("a run without any violation"), "{}", of().stderr);
}
