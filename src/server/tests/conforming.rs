//! What the server answers without any fault.

use super::*;

#[tokio::test]
async fn the_token_answer_is_this_byte_by_byte() {
    let running = running(Dialect::default()).await;
    let authorization = basic(PAIR);
    let asked = format!(
        "POST /token HTTP/1.1\r\nhost: as\r\n{authorization}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 29\r\n\r\ngrant_type=client_credentials"
    );
    let answer = String::from_utf8(exchange(running.origin(), &asked, |_| false).await.unwrap()).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let token = body.split('"').nth(3).unwrap();
    assert_eq!(token.split('.').count(), 3);
    let expected =
        format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600,"scope":"invoices.read"}}"#);
    assert_eq!(body, expected);
    assert_eq!(
        head,
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncache-control: no-store\r\npragma: no-cache\r\n\
             date: Fri, 15 Jan 2027 08:00:00 GMT\r\nconnection: close\r\ncontent-length: {}",
            body.len()
        )
    );
}

#[test]
fn the_conforming_server_answers_each_probe_so() {
    let lines: Vec<String> = super::probes::answers(Dialect::default())
        .iter()
        .map(|(probe, _, line)| format!("{}: {line}", probe.name))
        .collect();
    insta::assert_snapshot!("conforming_answers", lines.join("\n"));
}
