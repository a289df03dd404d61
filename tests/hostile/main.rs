//! The server is hostile: each defect ends in bounded time, with its own outcome word, an honest exit code and bounded memory, and both
//! senders say the same.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cases;
#[path = "../loopback/mod.rs"]
mod loopback;
mod plays;

use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use cases::{CASES, Case};
use grantlint::report::model::RunReport;
use grantlint::run::Brought;
use loopback::{Listener, Play, performed, target};
use plays::json_answer;
use serde_json::{Value, json};

/// A hang guard, generous because two cores may be busy.
const LONG: Duration = Duration::from_secs(10);

/// Most of a body's text in a document.
const TEXT: usize = 64 * 1024;

/// What the library sends, and what our own writer sends.
const SENDERS: [&str; 2] = ["token.client_credentials", "coupa.token-form"];

const CHECKS: [&str; 5] = [
    "coupa/call-out/token-request-refused",
    "rfc6749/token-response-not-json",
    "rfc6749/certificate-untrusted",
    "rfc9112/answer-broken",
    "practice/answer-too-*",
];

#[test]
fn every_defect_ends_with_its_own_outcome_in_both_senders() {
    let mut wrong = Vec::new();
    for case in CASES {
        let listener = Listener::start(case.play, case.unread);
        let url = format!("{}://{}/token", case.scheme, listener.address());
        let begun = Instant::now();
        let (brought, report) = performed(&target(&url, json!({})), &CHECKS);
        let took = begun.elapsed();
        let mut say = |what: String| wrong.push(format!("{}: {what}", case.name));
        if took > LONG {
            say(format!("took {took:?}"));
        }
        for sender in SENDERS {
            let document = brought.recording.document(sender).cloned().unwrap_or_default();
            let error = document["error"].as_str().unwrap_or_default();
            if document["outcome"] != case.outcome {
                say(format!(
                    "{sender} ends {} instead of {}: {error} {}",
                    document["outcome"], case.outcome, document["bound"]
                ));
            }
            if !case.detail.0.is_empty()
                && document.pointer(case.detail.0).and_then(Value::as_str) != Some(case.detail.1)
            {
                say(format!("{sender}: {} is {:?}", case.detail.0, document.pointer(case.detail.0)));
            }
        }
        is_honest(case, &brought, &report, &mut say);
        is_small(&brought, &mut say);
    }
    assert!(wrong.is_empty(), "{} of {} cases\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}

fn is_honest(case: &Case, brought: &Brought, report: &RunReport, say: &mut dyn FnMut(String)) {
    if report.exit.code != case.code {
        let findings =
            report.findings.iter().map(|one| format!("\n    {:?} {} {}", one.verdict, one.check, one.message));
        say(format!("exit code {} instead of {}{}", report.exit.code, case.code, findings.collect::<String>()));
    }
    let stopped = brought.stopped.as_ref().map_or("", |(says, _)| says);
    if !stopped.contains(case.stopped) || stopped.is_empty() != case.stopped.is_empty() {
        say(format!("stopped with {stopped:?} instead of {:?}", case.stopped));
    }
    if stopped.is_empty() == report.diagnosis.iter().any(|one| one.says == stopped) {
        say("the diagnosis is not the reason for stopping".into());
    }
}

fn is_small(brought: &Brought, say: &mut dyn FnMut(String)) {
    for (key, document) in brought.recording.clone().into_documents() {
        let text = document.pointer("/response/body/text").and_then(Value::as_str).unwrap_or_default();
        if text.len() > TEXT {
            say(format!("{key} keeps {} bytes of text", text.len()));
        }
        let whole = document.to_string().len();
        if whole > 8 * TEXT {
            say(format!("{key} keeps {whole} bytes"));
        }
    }
    if brought.recording.exchanges.len() > 40 || brought.sent > 40 {
        say(format!("{} documents, {} requests", brought.recording.exchanges.len(), brought.sent));
    }
}

#[test]
fn a_port_where_nothing_listens_is_refused() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/token", free.local_addr().unwrap());
    drop(free);
    for sender in SENDERS {
        let (brought, report) = performed(&target(&url, json!({})), &CHECKS);
        assert_eq!(brought.recording.document(sender).unwrap()["outcome"], "refused", "{sender}");
        assert_eq!(report.exit.code, 3);
        assert!(brought.stopped.unwrap().0.starts_with(&format!("nothing listens at {url}: ")));
    }
}

#[test]
fn a_name_that_does_not_exist_is_unresolved() {
    // RFC 6761 §6.4: `invalid` never resolves, with or without a network.
    let begun = Instant::now();
    let target = target("http://nonexistent.invalid/token", json!({"bounds": {"connect": "5s"}, "timeout": "6s"}));
    let (brought, report) = performed(&target, &CHECKS);
    for sender in SENDERS {
        let document = brought.recording.document(sender).unwrap();
        assert_eq!(document["outcome"], "unresolved", "{sender}: {document}");
    }
    assert_eq!(report.exit.code, 3);
    assert!(brought.stopped.unwrap().0.starts_with("the host of http://nonexistent.invalid/token has no address: "));
    assert!(begun.elapsed() < 3 * LONG);
}

#[test]
fn credentials_never_follow_a_redirect() {
    static ELSEWHERE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let other = Listener::start(|stream| stream.write_all(&json_answer(b"{}")), false);
    ELSEWHERE.set(other.address().to_string()).unwrap();
    for status in [301, 302, 303, 307, 308] {
        static STATUS: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
        STATUS.store(status, Ordering::SeqCst);
        let play: Play = |stream| {
            let place = ELSEWHERE.get().map_or("", String::as_str);
            let status = STATUS.load(Ordering::SeqCst);
            write!(stream, "HTTP/1.1 {status} Moved\r\nLocation: http://{place}/token\r\nContent-Length: 0\r\n\r\n")
        };
        let listener = Listener::start(play, false);
        let (brought, report) = performed(&target(&format!("http://{}/token", listener.address()), json!({})), &CHECKS);
        for sender in SENDERS {
            assert_eq!(brought.recording.document(sender).unwrap()["answer"], "redirect", "{status} {sender}");
        }
        assert_eq!(report.exit.code, 3);
        assert!(brought.stopped.unwrap().0.contains(" redirects to http://"));
    }
    assert_eq!(other.connections(), 0);
}

#[test]
fn nothing_is_sent_again_after_a_closed_connection() {
    for play in [(|_| Ok(())) as Play, |stream| stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")] {
        let listener = Listener::start(play, false);
        let (brought, _) = performed(&target(&format!("http://{}/token", listener.address()), json!({})), &CHECKS);
        assert_eq!(listener.connections(), brought.sent, "each request has one connection");
        let requests = listener.requests();
        assert_eq!(requests.len(), brought.sent);
        for (nth, request) in requests.iter().enumerate() {
            assert!(!requests[..nth].contains(request), "sent twice: {}", String::from_utf8_lossy(request));
        }
    }
}
