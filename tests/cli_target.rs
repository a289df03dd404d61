//! The target file and its flags: every mistake at once, in place, with the way out, and no secret on the screen.

mod common;

use std::path::Path;

use common::{Ran, Raw, Reference, check, grantlint, response, run};
use serde_json::Value;

/// Checks with this target file; nothing may be sent.
fn refused(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("grantlint.yaml"), text).unwrap();
    let ran = check(folder.path(), &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    ran.stderr
}

/// One target with these lines.
fn target(lines: &str) -> String {
    let lines: Vec<String> = lines.lines().map(|line| format!("    {}", line.trim())).collect();
    format!("targets:\n  t:\n{}\n", lines.join("\n"))
}

const GOOD: &str = "token_endpoint: https://as.example/token";

#[test]
fn each_mistake_has_its_place_and_a_way_out() {
    for (lines, place, says, help) in [
        ("tokn_endpoint: https://as.example/token", "3:5", "unknown key `tokn_endpoint`", "`token_endpoint`"),
        ("scope: a", "2:3", "`token_endpoint` is missing", "add `token_endpoint"),
        ("token_endpoint: as.example/token", "3:21", "has no scheme", "`https://as.example/token`"),
        ("token_endpoint: as.example:8443/token", "3:21", "has no scheme", "`https://as.example:8443/token`"),
        ("token_endpoint: ftp://as.example", "3:21", "neither http nor https", "`https://as.example`"),
        ("metadata_url: https://as.example/m#x", "4:19", "fragment", "`https://as.example/m`"),
        ("token_endpoint: https://me:pw@as.example/", "3:21", "credentials do not belong into a URL", "`client:`"),
        ("scope: a,b, c", "4:12", "a scope with commas", "`a b c`"),
        ("authorization_scope: \"a,\"", "4:26", "a scope with commas", "`a`"),
        ("issuer: https://as.example/?x", "4:13", "query", ""),
        ("resource_indicators: [invoices]", "4:27", "not an absolute URI", "RFC 8707 §2"),
        ("resource_indicators: [\"urn:invoices\", \"https://a.example/#b\"]", "4:43", "has no fragment", "RFC 8707 §2"),
        ("timeout: soon", "4:14", "`soon` is not a time", "30s"),
        ("timeout: 0s", "4:14", "leaves no time", "30s"),
        ("bounds: { connect: 1 week }", "4:24", "is not a time", "30s"),
        ("bounds: { body: 5 }", "4:21", "`5` is less than 1024", ""),
        ("bounds: { heat: 5000 }", "4:15", "unknown key `heat`", "`head`"),
        ("proxy: localhost:3128", "4:12", "the proxy is not a URL", "`http://localhost:3128`"),
        ("ca_file: none.pem", "4:14", "cannot read", ""),
        (
            "resource: { url: https://x.example, body_file: none.json }",
            "4:52",
            "cannot read",
            "relative to the target file",
        ),
        ("request_content_types: [form, xml]", "4:35", "`form`", ""),
        ("client: { client_id: 5 }", "4:26", "`5` should be a text", ""),
        ("client: { client_secret: \"${env:NOT_SET_HERE}\" }", "4:5", "`client_id` is missing", ""),
        (
            "client: { client_id: a, client_secret: \"${env:NOT_SET_HERE}\" }",
            "4:44",
            "no `NOT_SET_HERE`",
            "export NOT_SET_HERE=",
        ),
        ("client: { client_id: a, client_secret: \"${file:none}\" }", "4:44", "cannot read", "relative"),
        ("client: { client_id: a, client_secret: \"${command:exit 3}\" }", "4:44", "`exit 3` failed", ""),
        ("client: { client_id: a, client_secret: \"${vault:x}\" }", "4:44", "unknown source `vault:x`", "${env:NAME}"),
        ("client: { client_id: a, client_secret: \"${env:X\" }", "4:44", "without its `}`", ""),
        ("client: { client_id: a, client_secret: \"\" }", "4:44", "a secret stands in the file", "${env:NAME}"),
        (
            "client: { client_id: a, private_key: \"${command:echo k3y}\" }",
            "4:42",
            "neither a PEM text nor a JWK",
            "BEGIN PRIVATE KEY",
        ),
        ("client: { client_id: a, assertion_algorithm: rs256 }", "4:50", "unknown algorithm `rs256`", "RS256"),
        ("client: { client_id: a, assertion_algorithm: ES256 }", "4:50", "ES256 without a key", ""),
        ("client: { client_id: a, private_key: k3y }", "4:42", "a secret stands in the file", "${file:PATH}"),
        (
            "client: { client_id: a }\ntoken_endpoint_auth_methods: [private_key_jwt]",
            "4:13",
            "private_key_jwt needs the client's key",
            "add `private_key`",
        ),
        ("assertion_grant: { issuer: a, subject: b }", "4:22", "there is no key", "add `private_key`"),
        ("scope: [", "", "not legal YAML", ""),
        ("scope: a\nscope: b", "5:5", "`scope` stands twice", "keep one"),
    ] {
        let needs_endpoint = !lines.starts_with("tok") && place != "2:3";
        let text = if needs_endpoint { target(&format!("{GOOD}\n{lines}")) } else { target(lines) };
        let told = refused(&text);
        assert!(told.contains(&format!("grantlint.yaml:{place}")), "{lines}: not at {place}:\n{told}");
        assert!(told.contains(says), "{lines}: not `{says}`:\n{told}");
        assert!(told.contains('^') && told.contains(help), "{lines}: not `{help}`:\n{told}");
    }
}

#[test]
fn all_mistakes_of_all_targets_are_told_at_once_in_their_order() {
    let told = refused(
        "targets:\n  a:\n    token_endpoint: as.example\n    scope: x, y\n    tiemout: 3s\n  b:\n    token_endpoint: https://a@as.example/\n    \
         client: { client_id: x, client_secret: \"${env:NOT_SET_HERE}\" }\n    resource: { url: nowhere, body_file: none }\n",
    );
    let places: Vec<usize> = ["3:21", "4:12", "5:5", "7:21", "8:44", "9:22", "9:42"]
        .iter()
        .map(|place| told.find(&format!("grantlint.yaml:{place}\n")).unwrap_or_else(|| panic!("not {place}:\n{told}")))
        .collect();
    assert!(places.is_sorted(), "{told}");
}

#[test]
fn a_comma_within_a_scope_word_is_pointed_out_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = target(&format!("{GOOD}\nscope: core.accounting.read,core.invoice.write"));
    std::fs::write(folder.path().join("grantlint.yaml"), file).unwrap();
    let told = check(folder.path(), &["--dry-run"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stderr.contains("hint: target `t`: `scope` has a comma"), "{}", told.stderr);
    assert!(told.stderr.contains("`core.accounting.read core.invoice.write`"), "{}", told.stderr);
}

#[test]
fn the_endpoints_of_a_coupa_instance_are_known() {
    let folder = tempfile::tempdir().unwrap();
    for (path, hinted) in [("/oauth2/token", false), ("/oauth2/authorizations/new", true), ("/oauth/token", true)] {
        let file = target(GOOD).replace("https://as.example/token", &format!("https://acme.coupahost.com{path}"));
        std::fs::write(folder.path().join("grantlint.yaml"), file).unwrap();
        let told = check(folder.path(), &["--dry-run"]);
        assert_eq!(told.code, 0, "{}", told.stderr);
        let hint = "`token_endpoint` of a Coupa instance is `https://acme.coupahost.com/oauth2/token`";
        assert_eq!(told.stderr.contains(hint), hinted, "{path}: {}", told.stderr);
    }
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_shown() {
    for lines in [
        "client: { client_id: a, client_secret: \"hunter2-hunter2\" }",
        "client: { client_id: a, client_secret: hunter2-hunter2, scop: x }",
        "client: { client_id: a, client_secert: hunter2-hunter2 }",
        "client: { client_id: a, client_secret: { value: hunter2-hunter2 } }\nclient_secret: hunter2-hunter2",
        "client:\n  client_id: a\n  client_secret: >-\n    hunter2-hunter2",
        "client: { client_id: a, client_secret: 8236582365 }",
        "client: { client_id: a, client_secret: hunter2-hunter2",
        "client: { client_id: a, client_secret: hunter2-hunter2 : x }",
        "client: { client_id: a, client_secret: hunter2-hunter2, client_secret: hunter2-hunter2 }",
        "login: { username: a, password: hunter2-hunter2 }",
        "headers: { Authorization: hunter2-hunter2, : }",
        "token_endpoint: https://gl:hunter2-hunter2@as.example/token",
        "token_endpoint: https://hunter2-hunter2@as.example/token",
        "token_endpoint: https://gl:hunter2/hunter2@as.example/token",
        "token_endpoint: https://gl:hunter2@hunter2@as.example/token",
        "token_endpoint: gl:hunter2-hunter2@as.example/token",
    ] {
        let endpoint = if lines.starts_with("token_endpoint") { "" } else { GOOD };
        let indented: Vec<String> = lines.lines().map(|line| format!("    {line}")).collect();
        let told = refused(&format!("targets:\n  t:\n    {endpoint}\n{}\n", indented.join("\n")));
        assert!(!told.contains("hunter2"), "{lines}:\n{told}");
        assert!(!told.contains("8236582365"), "{lines}:\n{told}");
        assert!(told.contains('^'), "{told}");
    }
}

#[test]
fn what_the_file_does_not_find_is_named_with_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let told = check(folder.path(), &[]);
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("grantlint.yaml") && told.stderr.contains("--token-endpoint"), "{}", told.stderr);
    std::fs::write(
        folder.path().join("grantlint.yaml"),
        "targets:\n  sandbox: { token_endpoint: https://as.example/ }\n",
    )
    .unwrap();
    let told = check(folder.path(), &["sandbx"]);
    assert_eq!((told.code, told.stderr.contains("did you mean `sandbox`?")), (2, true), "{}", told.stderr);
}

/// A server that grants what carries the right secret in its Basic header, and nothing else.
fn granting(secret: &'static str) -> Raw {
    use base64::Engine as _;
    let pairs = [base64::engine::general_purpose::STANDARD.encode(format!("gl:{secret}"))];
    Raw::new(move |_, asked| {
        let right = asked.header("authorization").is_some_and(|header| pairs.iter().any(|pair| header.ends_with(pair)));
        let (status, body) = if right {
            (200, r#"{"access_token":"T0ken-abcdef","token_type":"Bearer","expires_in":60}"#)
        } else {
            (401, r#"{"error":"invalid_client"}"#)
        };
        let headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Pragma", "no-cache")];
        Some(response(status, &headers, body.as_bytes()))
    })
}

fn was_granted(ran: &Ran) -> bool {
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr));
    report["preflight"]["passed"] == true
}

const ONE: [&str; 4] = ["-o", "json", "--only", "rfc6749/token-response-cacheable"];

#[test]
fn a_secret_comes_from_the_environment_a_file_or_a_command() {
    let raw = granting("Zq7-Zq7-Zq7");
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(inner.join("secret"), "Zq7-Zq7-Zq7\n").unwrap();
    for source in
        ["${env:TEST_SECRET}", "${file:secret}", "${command:printf '%s' Zq7-${TEST_REST}}", "Zq7-${env:TEST_REST}"]
    {
        let text = target(&format!(
            "token_endpoint: {}\nclient: {{ client_id: gl, client_secret: \"{source}\" }}",
            raw.url("/token")
        ));
        std::fs::write(inner.join("grantlint.yaml"), text).unwrap();
        let mut command = grantlint(folder.path());
        command.args(["check", "--config", "inner/grantlint.yaml"]).args(ONE);
        let ran = run(command.env("TEST_SECRET", "Zq7-Zq7-Zq7").env("TEST_REST", "Zq7-Zq7"));
        assert!(was_granted(&ran), "{source}");
    }
    let text = target(&format!(
        "token_endpoint: {}\nclient: {{ client_id: gl, client_secret: \"${{env:TEST_SECRET}}\" }}",
        raw.url("/token")
    ));
    std::fs::write(inner.join("grantlint.yaml"), text).unwrap();
    let ran = run(grantlint(&inner).arg("check").env("TEST_SECRET", ""));
    assert_eq!((ran.code, ran.stderr.contains("`client.client_secret` is empty")), (2, true), "{}", ran.stderr);
}

#[test]
fn without_a_file_the_secret_is_never_an_argument() {
    let raw = granting("Zq7-Zq7-Zq7");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "Zq7-Zq7-Zq7\r\n").unwrap();
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    let url = raw.url("/token");
    let flags = ["check", "--token-endpoint", &url, "--client-id", "gl"];
    let ran = run(grantlint(folder.path()).args(flags).args(ONE).env("GRANTLINT_CLIENT_SECRET", "Zq7-Zq7-Zq7"));
    assert!(was_granted(&ran));
    let ran = run(grantlint(folder.path()).args(flags).args(ONE).args(["--client-secret-file", "secret"]));
    assert!(was_granted(&ran));
    let before = raw.asked().len();
    for (arguments, environment, says) in [
        (&[][..], None, "set GRANTLINT_CLIENT_SECRET"),
        (&[], Some(""), "set, but empty"),
        (&["--client-secret-file", "missing"], None, "cannot read `missing`"),
        (&["--client-secret-file", "empty"], None, "it is empty"),
        (&["--client-secret", "Zq7"], None, "--client-secret"),
        (&["--scope", "a, b"], Some("x"), "separated by spaces"),
        (&["--resource", "as.example/x"], Some("x"), "https://as.example/x"),
        (&["--config", "x.yaml"], Some("x"), "cannot be used with"),
        (&["name"], Some("x"), "cannot be used with"),
    ] {
        let mut command = grantlint(folder.path());
        command.args(flags).args(arguments);
        if let Some(value) = environment {
            command.env("GRANTLINT_CLIENT_SECRET", value);
        }
        let ran = run(&mut command);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{arguments:?}: not `{says}`:\n{}", ran.stderr);
    }
    let ran =
        run(grantlint(folder.path()).args(["check", "--token-endpoint", "as.example/token", "--client-id", "gl"]));
    assert!(ran.code == 2 && ran.stderr.contains("https://as.example/token"), "before any secret: {}", ran.stderr);
    assert_eq!(raw.asked().len(), before, "nothing was sent");
}

#[test]
fn flags_make_the_requests_that_they_say() {
    let raw = Raw::new(|_, _| {
        let body = br#"{"access_token":"T0ken-abcdef","token_type":"Bearer","expires_in":60,"scope":"a b"}"#;
        let headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Pragma", "no-cache")];
        Some(response(200, &headers, body))
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("invoice.xml"), "<invoice/>").unwrap();
    let url = raw.url("/token");
    let resource = raw.url("/invoices");
    let mut command = grantlint(folder.path());
    command.args([
        "check",
        "--token-endpoint",
        &url,
        "--client-id",
        "gl",
        "--auth",
        "post",
        "--content-type",
        "form,json",
    ]);
    command.args(["--scope", "a b", "--resource", &resource, "--resource-body", "invoice.xml"]);
    command.args(["--resource-content-type", "application/xml", "-o", "json", "--suite", "all"]);
    let ran = run(command.env("GRANTLINT_CLIENT_SECRET", "Zq7-Zq7-Zq7"));
    assert!(matches!(ran.code, 1 | 3), "{}", ran.stderr);
    let asked = raw.asked();
    let bodies: Vec<String> = asked.iter().map(|asked| String::from_utf8_lossy(&asked.body).into_owned()).collect();
    assert!(bodies.iter().any(|body| body.contains("client_secret=Zq7-Zq7-Zq7") && body.contains("scope=a+b")), "post");
    assert!(
        asked.iter().any(|asked| asked.header("content-type") == Some("application/json") && asked.path() == "/token")
    );
    let posted = asked.iter().find(|asked| asked.path() == "/invoices" && asked.body == b"<invoice/>").expect("posted");
    assert_eq!(posted.header("content-type"), Some("application/xml"));
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["target"]["name"], "127.0.0.1");
}

#[test]
fn paths_are_relative_to_the_file_and_metadata_follows_from_the_issuer() {
    let reference = Reference::conforming();
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(inner.join("invoice.json"), r#"{"number":"INV-77"}"#).unwrap();
    for (issuer, own, expected) in [
        ("https://as.example", "", "https://as.example/.well-known/oauth-authorization-server"),
        ("https://as.example/", "", "https://as.example/.well-known/oauth-authorization-server"),
        ("https://as.example/tenant/1", "", "https://as.example/.well-known/oauth-authorization-server/tenant/1"),
        ("https://as.example/t", "metadata_url: https://x.example/own", "https://x.example/own"),
    ] {
        let text = target(&format!(
            "issuer: {issuer}\n{own}\ntoken_endpoint: {0}/token\nclient: {{ client_id: gl, client_secret: \"${{env:TEST_SECRET}}\" }}\n\
             resource: {{ url: {0}/invoices, method: POST, content_type: application/json, body_file: invoice.json }}",
            reference.origin
        ));
        std::fs::write(inner.join("grantlint.yaml"), text).unwrap();
        let mut command = grantlint(folder.path());
        command.args(["check", "--config", "inner/grantlint.yaml"]).args(ONE);
        let ran = run(command.env("TEST_SECRET", "wr0ng-wr0ng"));
        let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
        assert_eq!(report["target"]["metadata_url"], expected);
        assert_eq!(report["target"]["resource"]["body"], r#"{"number":"INV-77"}"#);
    }
}

#[test]
fn a_target_with_a_login_can_be_read() {
    let raw = granting("Zq7-Zq7-Zq7");
    let folder = tempfile::tempdir().unwrap();
    let text = target(&format!(
        "token_endpoint: {}\nclient: {{ client_id: gl, client_secret: \"${{env:S}}\" }}\nlogin: {{ username: alice, password: \"${{env:P}}\" }}",
        raw.url("/token")
    ));
    std::fs::write(folder.path().join("grantlint.yaml"), text).unwrap();
    let ran = run(grantlint(folder.path()).arg("check").args(ONE).env("S", "Zq7-Zq7-Zq7").env("P", "Pass-Pass-9"));
    assert!(was_granted(&ran));
    assert!(!ran.stdout.contains("Pass-Pass-9"));
}

#[test]
fn flags_are_laid_over_a_file() {
    let hanging = Raw::new(|_, _| None);
    let folder = tempfile::tempdir().unwrap();
    let started = std::time::Instant::now();
    let text = target(&format!(
        "token_endpoint: {}\ntimeout: 10m\nbounds: {{ first_byte: 10m }}\nclient: {{ client_id: gl, client_secret: \"${{command:echo Zq7-Zq7-Zq7}}\" }}",
        hanging.url("/token")
    ));
    std::fs::write(folder.path().join("grantlint.yaml"), text).unwrap();
    let ran = check(folder.path(), &["--timeout", "200ms"]);
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("did not answer in time") && ran.stdout.contains("200 ms"), "{}", ran.stdout);
    assert!(started.elapsed() < std::time::Duration::from_secs(30));
    let asked = hanging.asked().len();
    let ran = check(folder.path(), &["t", "t", "--timeout", "200ms", "-o", "json"]);
    assert!(hanging.asked().len() <= 2 * asked, "a target named twice is asked once");
    assert!(serde_json::from_str::<Value>(&ran.stdout).unwrap()["runs"].is_null());
    assert!(Path::new(&folder.path().join("grantlint.yaml")).exists());
}

#[test]
fn a_host_leads_elsewhere_in_any_letter_case() {
    let raw = granting("Zq7-Zq7-Zq7");
    let folder = tempfile::tempdir().unwrap();
    let port = raw.url("/").trim_end_matches('/').rsplit(':').next().unwrap().to_owned();
    let resolve = format!("AS.Test:80:127.0.0.1:{port}");
    let mut command = grantlint(folder.path());
    command.args(["check", "--token-endpoint", "http://as.test/token", "--client-id", "gl", "--resolve", &resolve]);
    assert!(was_granted(&run(command.args(ONE).env("GRANTLINT_CLIENT_SECRET", "Zq7-Zq7-Zq7"))));
}

#[test]
fn a_certificate_that_is_none_is_told_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(folder.path().join("own.pem"), block).unwrap();
    let mut command = grantlint(folder.path());
    command.args([
        "check",
        "--token-endpoint",
        "https://127.0.0.1:1/token",
        "--client-id",
        "gl",
        "--cacert",
        "own.pem",
    ]);
    let ran = run(command.env("GRANTLINT_CLIENT_SECRET", "Zq7-Zq7-Zq7"));
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot use `ca_file` own.pem: certificate 1 in it is none"), "{}", ran.stderr);
}
