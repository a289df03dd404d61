//! What goes over the wire: whole answers in their lawful forms, and broken ones.

use std::time::Duration;

use serde_json::json;

use super::super::{Break, Policy};
use super::*;

pub(super) const ASKED: &str = "POST /token HTTP/1.1\r\nhost: as\r\nauthorization: Basic Z2w6czNjcmV0On5+P34rLyU=\r\n\
                     content-type: application/x-www-form-urlencoded\r\ncontent-length: 29\r\n\r\ngrant_type=client_credentials";

async fn broken(kind: Break, enough: impl Fn(&[u8]) -> bool) -> std::io::Result<Vec<u8>> {
    let dialect = fault(json!({ "wire": { "to": "token.issued", "break": kind.name() } }));
    let running = running(dialect).await;
    tokio::time::timeout(Duration::from_secs(60), exchange(running.origin(), ASKED, enough))
        .await
        .expect("ends in time")
}

fn body(answer: &[u8]) -> &[u8] {
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    &answer[at + 4..]
}

fn promised(answer: &[u8]) -> usize {
    let head = String::from_utf8_lossy(&answer[..answer.len() - body(answer).len()]).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    length.parse().unwrap()
}

#[tokio::test]
async fn a_closed_connection_leaves_what_the_fault_says() {
    for kind in [Break::CloseBeforeHead, Break::EmptyReply] {
        // The second one waits for the client to leave, yet has ended its own side.
        assert_eq!(broken(kind, |_| false).await.unwrap(), b"", "{kind}");
    }
    let in_head = broken(Break::CloseInHead, |_| false).await.unwrap();
    assert!(in_head.starts_with(b"HTTP/1.1 200 OK\r\n") && !in_head.windows(4).any(|window| window == b"\r\n\r\n"));
    let in_body = broken(Break::CloseInBody, |_| false).await.unwrap();
    assert!(!body(&in_body).is_empty() && body(&in_body).len() < promised(&in_body));
    let not_http = broken(Break::NotHttp, |_| false).await.unwrap();
    assert!(not_http.starts_with(b"SSH-2.0"));
    let reset = broken(Break::Reset, |_| false).await.unwrap_err();
    assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn big_answers_are_as_big_as_they_say() {
    let big = broken(Break::BigBody, |_| false).await;
    // The connection stays open for no other request, so the answer ends with it.
    let big = big.unwrap();
    assert_eq!((promised(&big), body(&big).len()), (64 << 20, 64 << 20));
    assert!(body(&big).ends_with(b"\"}"));
    let headers = broken(Break::BigHeaders, |_| false).await.unwrap();
    assert!(headers.len() - body(&headers).len() > 300 * 1024 && body(&headers).len() == promised(&headers));
    let many = broken(Break::ManyHeaders, |_| false).await.unwrap();
    assert_eq!(many.windows(12).filter(|window| window == b"\r\nx-filling-").count(), 5000);
    let deep = broken(Break::DeepJson, |_| false).await.unwrap();
    assert!(body(&deep).len() == 200_000 && body(&deep).starts_with(b"[[[["));
}

#[tokio::test]
async fn answers_without_end_stop_when_the_client_leaves() {
    let endless = broken(Break::EndlessBody, |read| read.len() > 8 << 20).await.unwrap();
    assert!(endless.windows(30).any(|window| window == b"transfer-encoding: chunked\r\n\r\n"));
    let in_body = broken(Break::HangInBody, |read| read.ends_with(b"jwt") || read.windows(4).any(|w| w == b"\r\n\r\n"))
        .await
        .unwrap();
    assert!(body(&in_body).len() < promised(&in_body));
    let trickle = broken(Break::Trickle, |read| read.windows(6).any(|window| window == b"{\"acce")).await.unwrap();
    assert_eq!(body(&trickle), b"{\"acce");
}

#[tokio::test]
async fn a_hanging_answer_sends_nothing_until_the_server_is_dropped() {
    let running = running(fault(json!({ "wire": { "to": "*", "break": "hang_before_head" } }))).await;
    let origin = running.origin().to_owned();
    let asked = exchange(&origin, ASKED, |_| false);
    tokio::pin!(asked);
    // A second connection is served in the meantime, so the first has had its chance.
    for _ in 0..50 {
        tokio::select! {
            biased;
            _ = &mut asked => panic!("the server answered"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(running);
    assert_eq!(asked.await.unwrap_or_default(), b"");
}

#[tokio::test]
async fn only_the_named_reply_is_broken_and_others_keep_the_connection() {
    let running = running(fault(json!({ "wire": { "to": "error.*", "break": "close_before_head" } }))).await;
    let twice = format!("{ASKED}{}", ASKED.replace("client_credentials", "magic_credentials!"));
    let answer = exchange(running.origin(), &twice, |_| false).await.unwrap();
    assert_eq!(body(&answer).len(), promised(&answer));
    let text = String::from_utf8(answer).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.matches("HTTP/1.1").count() == 1);
}

#[tokio::test]
async fn a_delay_moves_a_clock_that_can_be_moved() {
    let clock = ManualClock::new(NOW_MS);
    let dialect = fault(json!({ "delay_ms": { "token.issued": 6000 } }));
    let settings = Settings { clock: Arc::new(clock.clone()), dialect, ..Settings::default() };
    let running = start(settings).await.unwrap();
    let asked = ASKED.replace("host: as", "connection: close");
    let answer = exchange(running.origin(), &asked, |_| false).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    assert_eq!(crate::clock::Clock::now_ms(&clock), NOW_MS + 6000);
}

#[tokio::test]
async fn lawful_forms_of_an_answer_differ_as_they_should() {
    let asked = ASKED.replace("host: as", "connection: close");
    for (policy, sign) in [
        (Policy::Chunked, "\r\ntransfer-encoding: chunked\r\n"),
        (Policy::HeadersTitle, "\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"),
        (Policy::HeadersLower, "\r\ncontent-type: application/json\r\ncache-control: no-store\r\n"),
    ] {
        let running = running(Dialect::of(&[], &[policy])).await;
        let answer = String::from_utf8(exchange(running.origin(), &asked, |_| false).await.unwrap()).unwrap();
        assert!(answer.contains(sign), "{policy}: {answer}");
    }
    // Here the server closes although the client would go on.
    let running = running(Dialect::of(&[], &[Policy::KeepaliveClosed])).await;
    let answer = exchange(running.origin(), ASKED, |_| false).await.unwrap();
    assert!(String::from_utf8(answer).unwrap().contains("\r\nconnection: close\r\n"));
}

#[tokio::test]
async fn header_values_that_no_library_writes_are_written() {
    let running =
        running(fault(json!({ "reply": { "to": "*", "set_header": { "x": "\u{1b}[31m", "content-length": "5" } } })))
            .await;
    let asked = ASKED.replace("host: as", "connection: close");
    let answer = String::from_utf8(exchange(running.origin(), &asked, |_| false).await.unwrap()).unwrap();
    assert!(answer.contains("\r\nx: \u{1b}[31m\r\n") && answer.contains("\r\ncontent-length: 5\r\n"));
    assert_eq!(answer.matches("content-length").count(), 1);
}

#[tokio::test]
async fn requests_that_cannot_be_read_end_with_an_answer() {
    for dialect in [Dialect::default(), fault(json!({ "wire": { "to": "metadata", "break": "reset" } }))] {
        let running = running(dialect).await;
        for (asked, status) in [("nonsense\r\n\r\n", "400"), ("GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n", "400")] {
            let answer = exchange(running.origin(), asked, |_| false).await.unwrap();
            assert!(answer.starts_with(format!("HTTP/1.1 {status}").as_bytes()), "{asked}");
        }
        let long = format!(
            "POST /invoices HTTP/1.1\r\nconnection: close\r\nauthorization: Bearer {}\r\n\r\n",
            "x".repeat(16_000)
        );
        assert!(exchange(running.origin(), &long, |_| false).await.unwrap().starts_with(b"HTTP/1.1 401"));
        assert!(
            exchange(running.origin(), &long.replace("xxx", "xxxxxxxxx"), |_| { false })
                .await
                .unwrap()
                .starts_with(b"HTTP/1.1 431")
        );
    }
}
