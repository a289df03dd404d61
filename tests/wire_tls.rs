//! TLS on the wire: certificates of every kind, what both senders make of them, and raw answers to a hello of an old version.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod loopback;

use std::io::Write as _;
use std::sync::Arc;

use grantlint::clock::ManualClock;
use grantlint::oauth::Secret;
use grantlint::report::model::VerdictKind;
use grantlint::server::{self, Tls};
use loopback::{Listener, NOON, Play, hang, performed, performed_in, runtime, target};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType, date_time_ymd};
use serde_json::{Value, json};

struct Certified {
    /// Signed by the authority that the target file names.
    known: bool,
    name: &'static str,
    /// Days from the run's time to its end.
    days: i64,
}

const GOOD: Certified = Certified { known: true, name: "127.0.0.1", days: 365 };

/// A server's certificate, and the authority to trust.
fn certificate(wanted: &Certified) -> (Tls, String) {
    let authority = || {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2099, 1, 1));
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (trusted, unknown) = (authority(), authority());
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = vec![match wanted.name.parse() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(wanted.name.try_into().unwrap()),
    }];
    let now = time::OffsetDateTime::from_unix_timestamp(i64::try_from(NOON / 1000).unwrap()).unwrap();
    params.not_before = now - time::Duration::days(60);
    params.not_after = now + time::Duration::days(wanted.days);
    let key = KeyPair::generate().unwrap();
    let signed = params.signed_by(&key, if wanted.known { &trusted } else { &unknown }).unwrap();
    (Tls { certificates_pem: signed.pem(), key_pem: Secret::new(key.serialize_pem()) }, trusted.pem())
}

/// The documents of both senders and of the handshake, and the checks that are violated.
fn against(wanted: &Certified) -> ([Value; 3], Vec<String>) {
    let (tls, authority) = certificate(wanted);
    let clock = Arc::new(ManualClock::new(NOON));
    let settings = server::Settings { tls: Some(tls), clock, seed: Some([7; 32]), ..server::Settings::default() };
    let runtime = runtime();
    let running = runtime.block_on(server::start(settings)).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().write_all(authority.as_bytes()).unwrap();
    let mut target = grantlint::target::from_entry("tls", running.target()).unwrap();
    target.ca_file = Some(file.path().to_owned());
    let checks = ["coupa/call-out/token-request-refused", "rfc6749/certificate-*", "practice/certificate-expiring"];
    let (brought, report) = performed_in(&runtime, &target, "coupa-call-out", &checks);
    let document = |key: &str| brought.recording.document(key).cloned().unwrap_or_default();
    let violated = report.findings.iter().filter(|finding| finding.verdict == VerdictKind::Violation);
    let mut violated: Vec<String> = violated.map(|finding| finding.check.clone()).collect();
    violated.dedup();
    (["token.client_credentials", "coupa.token-form", "tls.handshake"].map(document), violated)
}

#[test]
fn a_trusted_certificate_is_told_in_facts() {
    let ([library, raw, handshake], violated) = against(&GOOD);
    assert_eq!((&library["answer"], &raw["answer"]), (&json!("token"), &json!("token")), "{library} {raw}");
    let handshake = &handshake["handshake"];
    assert_eq!((&handshake["answered"], &handshake["version"]), (&json!("server_hello"), &json!("1.3")));
    let expected = json!({
        "trusted": true, "matches_host": true, "names": ["127.0.0.1"], "days_left": 365,
        "not_before": "2026-11-16T08:00:00Z", "not_after": "2028-01-15T08:00:00Z",
    });
    assert_eq!(handshake["certificate"], expected);
    assert_eq!(violated, Vec::<String>::new());
}

#[test]
fn each_bad_certificate_fails_both_senders_and_its_own_check() {
    for (wanted, trusted, matches, check) in [
        (Certified { known: false, ..GOOD }, false, true, "rfc6749/certificate-untrusted"),
        (Certified { name: "another.example", ..GOOD }, false, false, "rfc6749/certificate-name-mismatch"),
        (Certified { name: "127.0.0.2", ..GOOD }, false, false, "rfc6749/certificate-name-mismatch"),
        (Certified { days: -2, ..GOOD }, false, true, "rfc6749/certificate-untrusted"),
    ] {
        let ([library, raw, handshake], violated) = against(&wanted);
        assert_eq!((&library["outcome"], &raw["outcome"]), (&json!("tls_failed"), &json!("tls_failed")), "{check}");
        let certificate = &handshake["handshake"]["certificate"];
        assert_eq!(handshake["outcome"], "answered", "{check}");
        assert_eq!(certificate["trusted"], trusted, "{check}: {certificate}");
        assert_eq!(certificate["matches_host"], matches, "{check}: {certificate}");
        assert!(certificate["problem"].is_string(), "{check}: {certificate}");
        assert!(violated.iter().any(|one| one == check), "{check}: {violated:?}");
    }
}

#[test]
fn an_expiring_certificate_works_and_is_told() {
    let ([library, raw, handshake], violated) = against(&Certified { days: 9, ..GOOD });
    assert_eq!((&library["answer"], &raw["answer"]), (&json!("token"), &json!("token")));
    assert_eq!(handshake["handshake"]["certificate"]["days_left"], 9);
    assert_eq!(violated, ["practice/certificate-expiring"]);
}

/// A ServerHello of TLS 1.1, as far as its version and random.
const SERVER_HELLO: Play = |stream| {
    let mut record = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    record.extend([7; 32]);
    record.extend([0, 0xC0, 0x13, 0]);
    stream.write_all(&record)?;
    hang(stream)
};

const ALERT: Play = |stream| {
    stream.write_all(&[21, 3, 1, 0, 2, 2, 70])?;
    hang(stream)
};

#[test]
fn each_answer_to_an_old_hello_has_its_word() {
    let close: Play = |stream| stream.peek(&mut [0]).map(drop);
    let plain: Play = |stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").and_then(|()| hang(stream));
    for (name, play, outcome, answered, verdict) in [
        ("hello", SERVER_HELLO, "answered", Some("server_hello"), VerdictKind::Violation),
        ("alert", ALERT, "answered", Some("alert"), VerdictKind::Pass),
        ("close", close, "answered", Some("closed"), VerdictKind::Pass),
        ("plain HTTP", plain, "answered", Some("other"), VerdictKind::NotTestable),
        ("silence", (|stream| hang(stream)) as Play, "timed_out", None, VerdictKind::NotTestable),
    ] {
        let listener = Listener::start(play, true);
        let (brought, report) =
            performed(&target(&format!("https://{}/", listener.address()), json!({})), &["rfc8996/**"]);
        for version in ["1.0", "1.1"] {
            let document = brought.recording.document(&format!("tls.old[{version}]")).unwrap();
            assert_eq!(document["outcome"], outcome, "{name} {version}: {document}");
            assert_eq!(document["handshake"]["answered"].as_str(), answered, "{name} {version}");
        }
        assert_eq!(listener.connections(), 2, "{name}");
        let verdicts = report.findings.iter().map(|finding| finding.verdict);
        let verdicts: Vec<VerdictKind> = verdicts.filter(|verdict| *verdict != VerdictKind::NotApplicable).collect();
        assert!(!verdicts.is_empty() && verdicts.iter().all(|one| *one == verdict), "{name}: {verdicts:?}");
    }
}

#[test]
fn a_handshake_that_does_not_come_about_tells_how_it_ended() {
    let plain: Play = |stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").and_then(|()| hang(stream));
    let close: Play = |stream| stream.peek(&mut [0]).map(drop);
    for (name, play, outcome, answered) in [
        ("hello of an old version", SERVER_HELLO, "tls_failed", Some("server_hello")),
        ("alert", ALERT, "tls_failed", Some("alert")),
        ("close", close, "tls_failed", Some("closed")),
        ("plain HTTP", plain, "tls_failed", Some("other")),
        ("silence", (|stream| hang(stream)) as Play, "timed_out", None),
    ] {
        let listener = Listener::start(play, true);
        let checks = ["rfc6749/certificate-untrusted"];
        let (brought, report) = performed(&target(&format!("https://{}/", listener.address()), json!({})), &checks);
        let document = brought.recording.document("tls.handshake").unwrap();
        assert_eq!(document["outcome"], outcome, "{name}: {document}");
        assert_eq!(document["handshake"]["answered"].as_str(), answered, "{name}: {document}");
        assert_ne!(report.exit.code, 0, "{name}");
    }
}

#[test]
fn a_handshake_with_nobody_is_refused() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("https://{}/", free.local_addr().unwrap());
    drop(free);
    let (brought, report) = performed(&target(&url, json!({})), &["rfc6749/certificate-untrusted", "rfc8996/**"]);
    for key in ["tls.handshake", "tls.old[1.0]", "tls.old[1.1]"] {
        assert_eq!(brought.recording.document(key).unwrap()["outcome"], "refused", "{key}");
    }
    assert_eq!(report.exit.code, 3);
}

/// A resource with a server of its own, beside the one for everything else.
#[test]
fn endpoints_on_other_hosts_are_looked_at_each_on_its_own() {
    let elsewhere = "tls.handshake-elsewhere[resource]";
    for (other, violated) in [
        (GOOD, &[][..]),
        (Certified { known: false, ..GOOD }, &["rfc6750/certificate-not-valid"][..]),
        (Certified { days: -2, ..GOOD }, &["rfc6750/certificate-not-valid"][..]),
        (Certified { days: 9, ..GOOD }, &["practice/certificate-expiring"][..]),
    ] {
        let (tls, authority) = certificate(&GOOD);
        let (other_tls, other_authority) = certificate(&other);
        let runtime = runtime();
        let start = |tls| {
            let clock = Arc::new(ManualClock::new(NOON));
            let settings =
                server::Settings { tls: Some(tls), clock, seed: Some([7; 32]), ..server::Settings::default() };
            runtime.block_on(server::start(settings)).unwrap()
        };
        let (running, serving) = (start(tls), start(other_tls));
        let mut entry = running.target();
        entry["resource"]["url"] = serving.target()["resource"]["url"].clone();
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all([authority, other_authority].concat().as_bytes()).unwrap();
        let mut target = grantlint::target::from_entry("tls", entry).unwrap();
        target.ca_file = Some(file.path().to_owned());
        let (brought, report) = performed_in(&runtime, &target, "all", &["**/certificate-*", "rfc8996/**"]);
        let document = brought.recording.document(elsewhere).unwrap();
        assert_eq!(document["request"]["endpoint"], "resource");
        assert!(document["request"]["url"].as_str().unwrap().starts_with(serving.origin()), "{document}");
        let old = brought.recording.document("tls.old-elsewhere[resource]").unwrap();
        assert_ne!(old["handshake"]["answered"], "server_hello");
        // The others share their host and port with the token endpoint.
        for shared in ["revocation_endpoint", "introspection_endpoint", "metadata_url"] {
            assert!(brought.recording.document(&format!("tls.handshake-elsewhere[{shared}]")).is_none(), "{shared}");
        }
        let found = report.findings.iter().filter(|finding| finding.verdict == VerdictKind::Violation);
        assert_eq!(found.map(|finding| finding.check.as_str()).collect::<Vec<_>>(), violated);
    }
}
