//! `grantlint init` and `grantlint compare` against the reference server.

mod common;

use std::fs;
use std::path::Path;

use common::{Ran, Reference, grantlint, run, target_file};
use grantlint::oauth::Secret;
use grantlint::server::Tls;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};

fn init(folder: &Path, arguments: &[&str]) -> Ran {
    run(grantlint(folder).arg("init").args(arguments))
}

#[test]
fn a_file_that_init_wrote_is_read_and_the_run_is_green() {
    let reference = Reference::conforming();
    let folder = tempfile::TempDir::new().unwrap();
    let secret = reference.target["client"]["client_secret"].as_str().unwrap();
    let scope = reference.target["scope"].as_str().unwrap();
    let ran = init(
        folder.path(),
        &[
            "--issuer",
            &reference.origin,
            "--client-id",
            "gl",
            "--scope",
            scope,
            "--suite",
            "oauth2",
            "--name",
            "my test",
        ],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("metadata found at"), "{}", ran.stderr);
    assert!(ran.stdout.contains("export GRANTLINT_CLIENT_SECRET"), "{}", ran.stdout);
    let text = fs::read_to_string(folder.path().join("grantlint.yaml")).unwrap();
    assert!(
        text.contains("${env:GRANTLINT_CLIENT_SECRET}") && text.contains("introspection_endpoint: http://127.0.0.1"),
        "{text}"
    );
    let mut check = grantlint(folder.path());
    check.args(["check", "my test", "--safe"]).env("GRANTLINT_CLIENT_SECRET", secret);
    let ran = run(&mut check);
    assert_eq!(ran.code, 0, "{text}\n{}{}", ran.stdout, ran.stderr);
}

#[test]
fn init_writes_over_nothing_and_asks_nobody_who_is_not_there() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("grantlint.yaml");
    let endpoint = ["--token-endpoint", "https://as.example/token", "--client-id", "gl"];
    let no_endpoint = init(folder.path(), &[]);
    assert_eq!(no_endpoint.code, 2);
    assert!(no_endpoint.stderr.contains("--issuer URL or --token-endpoint URL"), "{}", no_endpoint.stderr);
    assert_eq!(init(folder.path(), &endpoint[..2]).code, 2);
    assert_eq!(init(folder.path(), &["--token-endpoint", "as.example", "--client-id", "gl"]).code, 2);
    assert!(!path.exists(), "nothing is written when something is wrong");
    fs::write(&path, "mine").unwrap();
    let taken = init(folder.path(), &endpoint);
    assert_eq!(taken.code, 2);
    assert!(taken.stderr.contains("--force"), "{}", taken.stderr);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(init(folder.path(), &[&endpoint[..], &["--force"]].concat()).code, 0);
    let ran = run(grantlint(folder.path()).args(["check", "--dry-run"]).env("GRANTLINT_CLIENT_SECRET", "x"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn init_puts_the_whole_file_in_the_place_of_another() {
    let folder = tempfile::TempDir::new().unwrap();
    let [path, old] = ["grantlint.yaml", "old"].map(|name| folder.path().join(name));
    fs::write(&path, "mine").unwrap();
    fs::hard_link(&path, &old).unwrap();
    let endpoint = ["--token-endpoint", "https://as.example/token", "--client-id", "gl", "--force"];
    assert_eq!(init(folder.path(), &endpoint).code, 0);
    assert!(fs::read_to_string(&path).unwrap().contains("https://as.example/token"));
    assert_eq!(fs::read_to_string(&old).unwrap(), "mine", "what was there was never written into");
}

fn compare(folder: &Path, arguments: &[&str]) -> Ran {
    run(grantlint(folder).arg("compare").args(arguments).args(["--allow-literal-secrets", "--suite", "coupa-call-out"]))
}

#[test]
fn two_targets_of_which_one_has_a_wrong_secret_differ_in_authentication_only() {
    let reference = Reference::conforming();
    let folder = tempfile::TempDir::new().unwrap();
    let mut wrong: Value = reference.target.clone();
    wrong["client"]["client_secret"] = json!("n0tTheSecret");
    let again = reference.target.clone();
    target_file(folder.path(), &[("test", &reference.target), ("again", &again), ("production", &wrong)]);
    let ran = compare(folder.path(), &["test", "production", "--safe"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("Only authentication differs: production refuses"), "{}", ran.stdout);
    assert!(ran.stdout.contains("Have the client secret of production regenerated"), "{}", ran.stdout);
    let ran = compare(folder.path(), &["test", "again", "--safe"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(compare(folder.path(), &["test", "test"]).code, 2);
}

#[test]
fn saved_runs_are_compared_without_a_network() {
    let folder = tempfile::TempDir::new().unwrap();
    for (name, faults) in [("sound", &[][..]), ("cached", &["rfc6749/token-response-cacheable"])] {
        let reference = Reference::with_ids(faults);
        target_file(folder.path(), &[("as", &reference.target)]);
        let path = format!("json={name}.json");
        let ran = common::check(folder.path(), &["--allow-literal-secrets", "--only", "rfc6749/token-*", "-o", &path]);
        assert!(ran.code < 4, "{}", ran.stderr);
    }
    let ran = compare(folder.path(), &["sound.json", "cached.json"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("rfc6749/token-response-cacheable"), "{}", ran.stdout);
    assert!(ran.stdout.contains("header cache-control"), "{}", ran.stdout);
    assert_eq!(compare(folder.path(), &["sound.json"]).code, 2);
}

/// A certificate for the loopback address with another name besides, and its authority.
fn certificate(more: &str) -> (Tls, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned(), more.to_owned()]).unwrap();
    params.not_before = time::OffsetDateTime::now_utc() - time::Duration::days(1);
    params.not_after =
        time::OffsetDateTime::now_utc() + time::Duration::days(if more == "a.example" { 200 } else { 9 });
    let key = KeyPair::generate().unwrap();
    let signed = params.signed_by(&key, &authority).unwrap();
    (Tls { certificates_pem: signed.pem(), key_pem: Secret::new(key.serialize_pem()) }, authority.pem())
}

#[test]
fn certificates_of_two_servers_are_told_apart() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut targets = Vec::new();
    let mut running = Vec::new();
    for name in ["a.example", "b.example"] {
        let (tls, authority) = certificate(name);
        let reference = Reference::secure(tls, &[]);
        fs::write(folder.path().join(format!("{name}.pem")), authority).unwrap();
        let mut target = reference.target.clone();
        target["ca_file"] = json!(format!("{name}.pem"));
        targets.push((name, target));
        running.push(reference);
    }
    let mut again = targets[0].1.clone();
    again["scope"] = targets[0].1["scope"].clone();
    target_file(folder.path(), &[("a", &targets[0].1), ("b", &targets[1].1), ("again", &again)]);
    let outputs = ["--safe", "-o", "json", "-o", "text=comparison.txt"];
    let ran = compare(folder.path(), &[&["a", "b"][..], &outputs].concat());
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    let comparison: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(comparison["schema"], "grantlint/comparison-v1");
    let rows = comparison["tls"].as_array().unwrap();
    let row = |what: &str| {
        rows.iter()
            .find(|row| row["what"].as_str().unwrap().ends_with(what))
            .unwrap_or_else(|| panic!("{what}: {rows:?}"))
    };
    assert_eq!(row("certificate names")["left"], r#"["127.0.0.1","a.example"]"#);
    assert_eq!(row("certificate names")["right"], r#"["127.0.0.1","b.example"]"#);
    assert!(
        row("certificate not after")["right"].as_str().unwrap()
            < row("certificate not after")["left"].as_str().unwrap()
    );
    assert!(comparison["verdicts"].to_string().contains("practice/certificate-expiring"), "{}", comparison["verdicts"]);
    let text = fs::read_to_string(folder.path().join("comparison.txt")).unwrap();
    assert!(text.contains("TLS") && text.contains("certificate names"), "{text}");
    let schema: Value = serde_json::from_str(include_str!("../specs/schema/comparison-v1.schema.json")).unwrap();
    assert!(jsonschema::is_valid(&schema, &comparison));
    let alike = compare(folder.path(), &["a", "again", "--safe", "-o", "json"]);
    assert_eq!(alike.code, 0, "{}", alike.stdout);
}

#[test]
fn a_comparison_ends_with_what_it_could_say() {
    let folder = tempfile::TempDir::new().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = json!({"token_endpoint": format!("http://{}/token", listener.local_addr().unwrap()),
        "client": {"client_id": "gl", "client_secret": "s3cret-s3cret"}});
    drop(listener);
    let reference = Reference::conforming();
    target_file(folder.path(), &[("dead", &dead), ("gone", &dead), ("sound", &reference.target)]);
    let dead = compare(folder.path(), &["dead", "gone", "--safe"]);
    assert_eq!(dead.code, 3, "{}{}", dead.stdout, dead.stderr);
    assert!(dead.stdout.contains("not both could be tested") && !dead.stdout.contains('✓'), "{}", dead.stdout);
    assert_eq!(compare(folder.path(), &["dead", "sound", "--safe"]).code, 1);
    for (arguments, code, says) in [
        (&["-o", "jsno"][..], 2, "did you mean `json`?"),
        (&["-o", "json", "-o", "text"], 2, "share standard output"),
        (&["-o", "json="], 2, "no path behind"),
        (&["-o", "json=nowhere/c.json"], 2, "mkdir -p nowhere"),
        (&["-o", "json=."], 5, "is a directory"),
    ] {
        let ran = compare(folder.path(), &[&["dead", "gone", "--safe"], arguments].concat());
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{arguments:?}: {}", ran.stderr);
    }
}
