//! What somebody else recorded gives the verdicts of the live run, and no more than was recorded.

mod common;

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::tap::{Tap, Wire, har};
use common::{Asked, Reference, grantlint, run, target_file};
use grantlint::replay::{self, File, Hints};
use grantlint::suite::{self, Wanted};
use proptest::prelude::*;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Two of the mistakes that go-lives stumble on, one for resources and one for revocation.
const FAULTS: [&str; 4] = [
    "coupa/call-out/basic-url-safe-refused",
    "rfc6749/token-response-cacheable",
    "rfc6750/invented-token-accepted",
    "rfc7009/revoked-token-active",
];

const SUITES: [&str; 5] = ["coupa-call-out", "oauth2", "revocation", "introspection", "bearer-resource"];

fn replayed(folder: &Path, arguments: &[&str]) -> (i32, Value, String) {
    let ran = run(grantlint(folder).arg("replay").args(arguments).args(["-o", "json"]));
    let report = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}\n{}", ran.stdout, ran.stderr));
    (ran.code, report, ran.stderr)
}

/// Check, member and caller of a finding.
type Name = (String, Option<String>, Option<String>);

fn verdicts(report: &Value) -> Vec<(Name, String)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let all = report["findings"].as_array().unwrap().iter();
    all.map(|finding| {
        let name = (text(&finding["check"]).unwrap(), text(&finding["variant"]), text(&finding["caller"]));
        (name, text(&finding["verdict"]).unwrap())
    })
    .collect()
}

/// Every verdict that the recording gives is the live one; answers the number of each.
fn agree(live: &Value, recorded: &Value) -> (usize, usize) {
    let live: std::collections::HashMap<Name, String> = verdicts(live).into_iter().collect();
    let (mut given, mut violations) = (0, 0);
    for (name, verdict) in verdicts(recorded) {
        if verdict != "not_applicable" {
            assert_eq!(live.get(&name), Some(&verdict), "{name:?}");
            given += 1;
            violations += usize::from(verdict == "violation");
        }
    }
    (given, violations)
}

#[test]
fn a_har_of_a_faulty_server_gives_the_verdicts_of_the_live_run() {
    let folder = tempfile::tempdir().unwrap();
    let reference = Reference::with_ids(&FAULTS);
    let tap = Tap::before(&reference.origin, || OffsetDateTime::now_utc().unix_timestamp_nanos());
    let origin = format!("http://{}", tap.raw.address);
    let entry: Value = serde_json::from_str(&reference.target.to_string().replace(&reference.origin, &origin)).unwrap();
    target_file(folder.path(), &[("t", &entry)]);
    let suites: Vec<&str> = SUITES.iter().flat_map(|suite| ["--suite", suite]).collect();
    let mut check = grantlint(folder.path());
    check.args(["check", "--allow-literal-secrets", "-o", "json"]).args(&suites);
    let live: Value = serde_json::from_str(&run(&mut check).stdout).unwrap();

    let wires = tap.wires();
    std::fs::write(folder.path().join("proxy.har"), har(&wires, "http").to_string()).unwrap();
    let (code, recorded, told) = replayed(folder.path(), &[&["proxy.har"], suites.as_slice()].concat());
    assert_eq!(code, 1, "{told}");
    let (given, violations) = agree(&live, &recorded);
    let (all, live_violations) = agree(&live, &live);
    // What is left is what only the owner knows, and what only who has a key can tell; tests/offline.rs has the whole list.
    assert!(given > 250 && given * 10 > all * 9, "{given} of {all}");
    // A token of another issuer is one only to who has it.
    let lost =
        verdicts(&live).into_iter().filter(|found| found.1 == "violation" && !verdicts(&recorded).contains(found));
    let lost: Vec<String> = lost.map(|(name, _)| name.0).collect();
    assert!(lost.iter().all(|check| check.starts_with("rfc9068/foreign-")), "{lost:?}");
    assert_eq!(violations + lost.len(), live_violations);
    for fault in FAULTS {
        let found = |(name, verdict): &(Name, String)| name.0 == fault && verdict == "violation";
        assert!(verdicts(&recorded).iter().any(found), "{fault}");
    }
    // Who has the target file knows more than the recording tells.
    let owned = ["--config", "grantlint.yaml", "--target", "t", "--allow-literal-secrets"];
    let (code, of_owner, told) = replayed(folder.path(), &[&["proxy.har"], &owned[..], suites.as_slice()].concat());
    assert_eq!(code, 1, "{told}");
    assert!(agree(&live, &of_owner).0 > given, "{told}");
    assert_eq!(of_owner["target"]["ungranted_scope"], live["target"]["ungranted_scope"]);

    let reasons = recorded["findings"].as_array().unwrap().iter();
    let lacks =
        reasons.filter_map(|finding| finding["reason"].as_str()).filter(|reason| reason.starts_with("the recording"));
    assert!(lacks.count() > 5);

    // One ordinary exchange alone, as `curl -i` shows it, and both of it as tools save them.
    let ordinary = wires.iter().find(|wire| {
        let body = String::from_utf8_lossy(&wire.asked.body);
        wire.status == 200 && body.starts_with("grant_type=client_credentials&scope=")
    });
    let ordinary = ordinary.unwrap();
    std::fs::write(folder.path().join("answer.txt"), ordinary.curl_i()).unwrap();
    let pair = [ordinary.asked.head.as_bytes(), &ordinary.asked.body, b"\r\n", &ordinary.curl_i()].concat();
    std::fs::write(folder.path().join("pair.txt"), pair).unwrap();
    for (file, least) in [("answer.txt", 15), ("pair.txt", 20)] {
        let (code, recorded, told) = replayed(folder.path(), &[file, "--suite", "oauth2"]);
        assert_eq!(code, 1, "{told}");
        let (given, violations) = agree(&live, &recorded);
        assert!(given >= least && violations == 1, "{file}: {given} {violations}");
    }
}

#[test]
fn a_saved_run_comes_back_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let reference = Reference::with_ids(&FAULTS);
    target_file(folder.path(), &[("t", &reference.target)]);
    let check = |more: &[&str]| run(grantlint(folder.path()).args(["check", "--allow-literal-secrets"]).args(more));
    let live = check(&["-o", "json=run.json", "--suite", "coupa-call-out", "--suite", "revocation"]);
    let again = run(grantlint(folder.path()).args(["replay", "run.json", "-o", "json=again.json"]));
    assert_eq!(live.code, again.code);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("run.json"), read("again.json"));
    // Another suite than the run's: what it did not ask is held against nobody.
    let (code, _, _) = replayed(folder.path(), &["run.json", "--suite", "metadata"]);
    assert!(code == 0 || code == 4, "{code}");
}

#[test]
fn standard_input_is_read_and_a_pasted_answer_is_judged_by_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let piped = |arguments: &[&str], text: &str| {
        let mut command = grantlint(folder.path());
        command.arg("replay").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let whole = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n\r\n{\"access_token\":\"0123456789abcdef\",\"token_type\":\"Bearer\",\"expires_in\":60}";
    let (code, out, err) = piped(&["-"], whole);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("conforms to RFC 6749: ✓ yes") && err.contains("token.client_credentials"), "{out}{err}");
    let body = r#"{"access_token": "0123456789abcdef", "expires_in": "3600"}"#;
    let (code, out, _) = piped(&["-"], body);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("error[rfc6749/token-type-missing]") && out.contains("expires-in-not-a-number"), "{out}");
    assert!(!out.contains("cacheable") && !out.contains("0123456789abcdef"), "{out}");
    // What stands around it tells nothing of it.
    let (code, out, _) = piped(&["-", "--as", "token.secret-wrong"], &whole.replace("200 OK", "401 Unauthorized"));
    assert_ne!(code, 1, "{out}");
}

#[test]
fn a_refusal_proves_something_only_beside_its_control() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let head = "Content-Type: application/json\r\nCache-Control: no-store\r\n";
    let granted = format!(
        "HTTP/1.1 200 OK\r\n{head}\r\n{{\"access_token\":\"0123456789abcdef\",\"token_type\":\"Bearer\",\"expires_in\":60}}"
    );
    write("granted.txt", &granted);
    write("refused.txt", &format!("HTTP/1.1 400 Bad Request\r\n{head}\r\n{{\"error\":\"invalid_grant\"}}"));
    let of = |arguments: &[&str], check: &str| {
        let (_, report, _) = replayed(folder.path(), arguments);
        let found = verdicts(&report).into_iter().find(|(name, _)| name.0 == check);
        found.unwrap_or_else(|| panic!("{check}")).1
    };
    let name = "token.grant-unknown";
    let check = "rfc6749/unknown-grant-wrong-error";
    assert_eq!(of(&["refused.txt", "--as", name], check), "not_applicable");
    let both = ["granted.txt", "refused.txt", "--as", "token.client_credentials", "--as", name];
    assert_eq!(of(&both, check), "violation");
    // A token is its own control: who hands it out knows the client.
    assert_eq!(of(&["granted.txt", "--as", name], "rfc6749/unknown-grant-accepted"), "violation");
}

#[test]
fn nothing_secret_of_a_recording_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let planted = [
        "s3cr3t-of-the-client",
        "tok3n-that-was-issued-77",
        "c00kie-of-a-session-99",
        "k3y-of-a-gateway-4711",
        "w0rd-of-a-user-12",
    ];
    let [secret, token, cookie, key, word] = planted;
    let basic = STANDARD.encode(format!("gl:{secret}"));
    let wire = |head: &str, body: &str, answer: &str| Wire {
        asked: Asked { head: head.to_owned(), body: body.as_bytes().to_vec() },
        status: 200,
        headers: vec![
            ("Content-Type".into(), "application/json".into()),
            ("Set-Cookie".into(), format!("sid={cookie}; Path=/")),
        ],
        body: answer.as_bytes().to_vec(),
        began: 0,
        ended: 0,
    };
    let granted = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":60}}"#);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let wires = [
        wire(
            &format!(
                "POST /token HTTP/1.1\r\nHost: as.example\r\nAuthorization: Basic {basic}\r\nCookie: sid={cookie}\r\nX-Api-Key: {key}\r\n{form}\r\n"
            ),
            "grant_type=client_credentials&scope=a",
            &granted,
        ),
        wire(
            &format!("POST /token HTTP/1.1\r\nHost: as.example\r\n{form}\r\n"),
            &format!("grant_type=password&client_id=gl&client_secret={secret}&username=u&password={word}"),
            &granted,
        ),
        wire(
            &format!("GET /api HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer {token}\r\n\r\n"),
            "",
            &format!("{{\"you_sent\":\"{token}\"}}"),
        ),
    ];
    std::fs::write(folder.path().join("x.har"), har(&wires, "https").to_string()).unwrap();
    let raw = [wires[0].asked.head.as_bytes(), &wires[0].asked.body, b"\r\n", &wires[0].curl_i()].concat();
    std::fs::write(folder.path().join("x.txt"), raw).unwrap();
    std::fs::write(folder.path().join("y.txt"), wires[0].curl_i()).unwrap();
    for arguments in [
        &["x.har", "-v"][..],
        &["x.har", "-o", "json", "-v"],
        &["x.har", "-o", "junit"],
        &["x.txt", "-v"],
        &["x.txt", "-o", "json"],
        &["y.txt", "-v"],
    ] {
        let ran = run(grantlint(folder.path()).arg("replay").args(arguments).args(["--suite", "all"]));
        for planted in planted.iter().chain([&basic.as_str()]) {
            assert!(
                !ran.stdout.contains(planted) && !ran.stderr.contains(planted),
                "{planted} in {arguments:?}:\n{}\n{}",
                ran.stdout,
                ran.stderr
            );
        }
    }
    // Nor where the file is broken in its middle.
    for (name, text) in [
        ("cut.har", har(&wires, "https").to_string()[..900].to_owned()),
        ("cut.txt", format!("HTTP/1.1 200 OK\n{secret}\n")),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
        let ran = run(grantlint(folder.path()).args(["replay", name]));
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(planted.iter().all(|planted| !ran.stderr.contains(planted)), "{}", ran.stderr);
    }
}

#[test]
fn mistakes_are_told_in_place() {
    let folder = tempfile::tempdir().unwrap();
    for (text, at, says) in [
        ("", "x:1:1", "the recording is empty"),
        ("hello\nworld", "x:1:1", "no recording"),
        ("{\"log\":\n  {\"entries\": 7}}", "x:2:15", "no list"),
        ("{\"log\": {\"entries\": [\n  {\"request\": {\"method\": \"GET\", \"url\": 7}}]}}", "x:2:40", "no text"),
        ("{\"a\":\n  tru}", "x:2:6", "not JSON"),
        ("[1]", "x:1:1", "a list"),
        ("HTTP/1.1 200 OK\nA: b\nno field\n", "x:3:1", "neither a header field"),
        ("POST / HTTP/1.1\nHost: a\n\n", "x:1:1", "without an answer"),
        ("{\"schema\": \"grantlint/other\"}", "x:1:12", "no recording"),
    ] {
        std::fs::write(folder.path().join("x"), text).unwrap();
        let ran = run(grantlint(folder.path()).args(["replay", "x"]));
        assert_eq!(ran.code, 2, "{text}: {}", ran.stderr);
        assert!(ran.stderr.contains(at) && ran.stderr.contains(says), "{text}: {}", ran.stderr);
    }
    std::fs::write(folder.path().join("x"), "HTTP/1.1 200 OK\n\n{}").unwrap();
    for (arguments, says) in [
        (&["x", "--as", "token.client_credential"][..], "token.client_credentials"),
        (&["x", "--as", "token.parameter-missing"], "has variants"),
        (&["x", "--as", "jwks", "--as", "jwks"], "names 2 exchanges"),
        (&["nowhere"], "help: give a HAR"),
    ] {
        let ran = run(grantlint(folder.path()).arg("replay").args(arguments));
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn curl_v_and_utf_16_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let said = "* TLSv1.3 (OUT), TLS handshake, Client hello (1):\n> POST /token HTTP/1.1\n> Host: as.example\n> Authorization: Basic Z2w6czNjcmV0LXMzY3JldA==\n> Content-Type: application/x-www-form-urlencoded\n> Content-Length: 29\n> \n< HTTP/1.1 200 OK\n< Content-Type: application/json\n< \n{\"access_token\":\"0123456789abcdef\",\"token_type\":\"Bearer\",\"expires_in\":60}* Connection #0 to host as.example left intact\n";
    std::fs::write(folder.path().join("v.txt"), said).unwrap();
    let (code, report, _) = replayed(folder.path(), &["v.txt"]);
    assert_eq!(code, 1);
    assert_eq!(report["target"]["token_endpoint"], "https://as.example/token");
    assert_eq!(report["target"]["client"]["client_id"], "gl");
    assert!(!report.to_string().contains("czNjcmV0"));
    let wide: Vec<u8> = [0xFF, 0xFE].into_iter().chain(said.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    std::fs::write(folder.path().join("w.txt"), wide).unwrap();
    let (_, other, _) = replayed(folder.path(), &["w.txt"]);
    assert_eq!(report["summary"], other["summary"]);
}

/// Reads and judges in process; it must come to an end whatever the bytes are.
fn survives(bytes: &[u8]) {
    let files = [File { name: "x".to_owned(), bytes: bytes.to_vec() }];
    if let Ok(read) = replay::read(&files) {
        let catalogue = suite::embedded();
        let wanted = Wanted { suites: vec!["coupa-call-out".to_owned()], ..Wanted::default() };
        let members = suite::select(&catalogue, &wanted);
        let target = replay::suppose(&read.heard, &Hints::default());
        let replayed = replay::recording(&catalogue, &target, &members, &read.heard);
        for member in &members {
            let _ = grantlint::judge::judge(&catalogue, &replayed.recording, member);
        }
    }
}

#[test]
fn odd_recordings_are_survived() {
    let deep = format!("{{\"log\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let request = json!({"method": "POST", "url": "http://[", "headers": [{"name": "authorization", "value": "Basic \u{0}"}], "postData": {"text": 7, "params": [7]}});
    let odd = json!({"log": {"entries": [
        {"request": request, "response": {"status": 200, "content": {"text": "é", "encoding": "base64"}}, "time": -1e300},
        {"request": {"method": "", "url": ""}, "response": {"status": 999, "headers": [{"name": "Content-Length", "value": "99999999999999999999"}]}},
        {"request": {"method": "GET", "url": "https://u:p@as.example/x"}, "response": {"status": 65_535, "content": {"size": 9}}},
    ]}});
    for text in [
        deep,
        odd.to_string(),
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nffffffffffffffff\n".into(),
        "HTTP/1.1 200 OK\nContent-Length: 18446744073709551615\n\nx".into(),
        "< HTTP/1.1 200 OK\n< \n".into(),
        "> POST / HTTP/1.1\n".into(),
    ] {
        survives(text.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_break_the_reader(pieces in proptest::collection::vec(proptest::sample::select(vec![
        "HTTP/1.1 200 OK", "HTTP/2 401", "POST /token HTTP/1.1", "GET http://as.example/ HTTP/1.1", "\r\n", "\n", "\n\n", ": ", "Host: a", "> ", "< ", "* ",
        "Content-Length: 3", "Transfer-Encoding: chunked", "{\"log\":{\"entries\":[]}}", "{\"access_token\":1}", "{", "}", "é", "\u{0}", "a=b&c", "5\r\n",
        "Authorization: Basic Og==", "Content-Type: application/x-www-form-urlencoded", "grant_type=client_credentials",
    ]), 0..24)) {
        survives(pieces.concat().as_bytes());
    }
}

#[test]
fn a_har_of_our_own_comes_back_as_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let reference = Reference::with_ids(&FAULTS);
    target_file(folder.path(), &[("t", &reference.target)]);
    let suites: Vec<&str> = SUITES.iter().flat_map(|suite| ["--suite", suite]).collect();
    let mut check = grantlint(folder.path());
    check.args(["check", "--allow-literal-secrets", "-o", "json", "-o", "har=own.har"]).args(&suites);
    let live: Value = serde_json::from_str(&run(&mut check).stdout).unwrap();
    let (_, recorded, told) = replayed(folder.path(), &[&["own.har"], suites.as_slice()].concat());
    let (given, violations) = agree(&live, &recorded);
    assert!(given > 150 && violations > 5, "{given} {violations} {told}");
}
