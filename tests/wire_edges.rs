//! What is odd about a request: values that would break out of their line are not sent, and the rest goes out as it stands.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod loopback;

use std::io::Write as _;

use grantlint::exchange::{Recorded, Recording, Why};
use loopback::{Listener, Play, only, performed_with, target};
use serde_json::{Value, json};

const GRANT: Play = |stream| {
    let body = r#"{"access_token":"t-0123456789","token_type":"Bearer","expires_in":3600,"next":"a\r\nX-Injected: 1"}"#;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
};

const PLAIN: &str = "endpoint: token_endpoint\nauthenticate: absent\nworks: { /answer: { const: token } }\n";

/// The recording of exchanges by name, of which the last is asked for, and the requests that arrived.
fn asked(listener: &Listener, more: Value, exchanges: &[(&str, &str)]) -> (Recording, Vec<String>) {
    let texts: Vec<(&str, String)> =
        exchanges.iter().map(|(name, text)| (*name, format!("title: {name}\n{text}"))).collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let catalogue = only(exchanges.last().unwrap().0, &texts);
    let mut entry = json!({"scope": null});
    for (name, value) in more.as_object().unwrap() {
        entry[name] = value.clone();
    }
    let target = target(&format!("http://{}/token", listener.address()), entry);
    let (brought, _) = performed_with(&catalogue, &target, "one", &["one/*"]);
    let requests = listener.requests().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
    (brought.recording, requests)
}

fn not_sent(recording: &Recording, key: &str) -> (Why, String) {
    match &recording.exchanges[key] {
        Recorded::NotSent(not_sent) => (not_sent.why, not_sent.reason.clone()),
        Recorded::Sent(document) => panic!("{key} was sent: {document}"),
    }
}

fn first_line(request: &str) -> &str {
    request.split("\r\n").next().unwrap_or_default()
}

#[test]
fn a_value_of_an_answer_cannot_break_out_of_a_header_line() {
    for transport in ["raw", "absent"] {
        let listener = Listener::start(GRANT, false);
        let odd =
            format!("{PLAIN}transport: {transport}\nheaders: {{ x-next: \"${{wire.first/response/json/next}}\" }}\n");
        let (recording, requests) = asked(&listener, json!({}), &[("wire.first", PLAIN), ("wire.next", &odd)]);
        let (why, reason) = not_sent(&recording, "wire.next");
        assert_eq!(why, Why::Prerequisite);
        assert_eq!(reason, "the value of the header field `x-next` holds a control character");
        assert!(requests.iter().all(|request| !request.contains("X-Injected")), "{requests:?}");
    }
}

#[test]
fn a_value_of_an_answer_cannot_break_out_of_the_request_line() {
    let broken = Why::Prerequisite;
    for (place, is, says) in [
        (
            "http://${target.token_endpoint | host}:9/${wire.first/response/json/next}",
            broken,
            "holds a control character",
        ),
        ("http://user:password@${target.token_endpoint | host}:9/", broken, "credentials do not belong into a URL"),
        ("ftp://${target.token_endpoint | host}:9/", broken, "is neither http nor https"),
        ("http://elsewhere.example/", Why::NotClaimed, "as a host of its own"),
    ] {
        let listener = Listener::start(GRANT, false);
        let odd = format!(
            "method: GET\nurl: \"{place}\"\nauthenticate: absent\nafter: [wire.first]\nworks: {{ /answer: {{ const: token }} }}\n"
        );
        let (recording, requests) = asked(&listener, json!({}), &[("wire.first", PLAIN), ("wire.next", &odd)]);
        let (why, reason) = not_sent(&recording, "wire.next");
        assert_eq!(why, is, "{reason}");
        assert!(reason.contains(says), "{reason}");
        assert_eq!(requests.len(), 1, "{requests:?}");
    }
}

#[test]
fn credentials_go_to_configured_endpoints_only() {
    for authenticate in
        ["{ by: basic }", "{ by: post }", "absent\nparams: { client_secret: \"${target.client.client_secret}\" }"]
    {
        let listener = Listener::start(GRANT, false);
        let odd = format!(
            "url: \"http://${{target.token_endpoint | host}}:9/\"\nworks: {{ /answer: {{ const: token }} }}\nauthenticate: {authenticate}\n"
        );
        let (recording, requests) = asked(&listener, json!({}), &[("wire.next", &odd)]);
        assert_eq!(not_sent(&recording, "wire.next").1, "credentials go to configured endpoints only");
        assert!(requests.is_empty(), "{requests:?}");
    }
}

#[test]
fn a_secret_goes_into_a_query_only_where_the_exchange_says_so() {
    let listener = Listener::start(GRANT, false);
    let methods = json!({"token_endpoint_auth_methods": ["client_secret_post"]});
    let get = "endpoint: token_endpoint\nauthenticate: { as: client }\nmethod: GET\nparams: { a: b }\nworks: { /answer: { const: token } }\n";
    let (recording, requests) = asked(&listener, methods, &[("wire.get", get)]);
    assert_eq!(not_sent(&recording, "wire.get").0, Why::NotClaimed);
    assert!(requests.is_empty(), "{requests:?}");
}

#[test]
fn a_method_is_a_token() {
    let listener = Listener::start(GRANT, false);
    let odd = format!("{PLAIN}method: \"GET / HTTP/1.1\\r\\nX-Injected:\"\n");
    let (recording, requests) = asked(&listener, json!({}), &[("wire.method", &odd)]);
    assert!(not_sent(&recording, "wire.method").1.ends_with("is not an HTTP method"));
    assert!(requests.is_empty(), "{requests:?}");
}

#[test]
fn the_query_of_an_endpoint_is_kept_and_its_fragment_is_not_sent() {
    for transport in ["raw", "absent"] {
        for (endpoint, line) in [
            ("/token?tenant=a%20b", "POST /token?tenant=a%20b&x=y HTTP/1.1"),
            ("/token?", "POST /token?x=y HTTP/1.1"),
            ("/token#part?no", "POST /token?x=y HTTP/1.1"),
            ("", "POST /?x=y HTTP/1.1"),
            ("/a/../b//c", "POST /a/../b//c?x=y HTTP/1.1"),
            ("/t ö", "POST /t%20%C3%B6?x=y HTTP/1.1"),
        ] {
            let listener = Listener::start(GRANT, false);
            let url = json!({"token_endpoint": format!("http://{}{endpoint}", listener.address())});
            let odd = format!("{PLAIN}transport: {transport}\nquery: {{ x: y }}\n");
            let (_, requests) = asked(&listener, url, &[("wire.query", &odd)]);
            assert_eq!(requests.iter().map(|request| first_line(request)).collect::<Vec<_>>(), [line], "{transport}");
        }
    }
}

#[test]
fn field_values_beyond_ascii_go_out_as_utf8() {
    for transport in ["raw", "absent"] {
        let listener = Listener::start(GRANT, false);
        let odd = format!("{PLAIN}transport: {transport}\nheaders: {{ x-name: \"é\\t€\" }}\n");
        let (recording, requests) = asked(&listener, json!({}), &[("wire.utf8", &odd)]);
        assert!(requests[0].contains("\r\nx-name: é\t€\r\n"), "{requests:?}");
        assert_eq!(recording.document("wire.utf8").unwrap()["request"]["headers"]["x-name"], json!(["é\t€"]));
    }
}

#[test]
fn an_ipv6_address_keeps_its_brackets() {
    let Ok(listener) = Listener::on("::1", GRANT, false) else {
        eprintln!("NOT TESTED: this machine has no IPv6 loopback address");
        return;
    };
    for transport in ["raw", "absent"] {
        let odd = format!("{PLAIN}transport: {transport}\n");
        let (recording, requests) = asked(&listener, json!({}), &[("wire.v6", &odd)]);
        assert_eq!(recording.document("wire.v6").unwrap()["answer"], "token");
        let host = format!("\r\nhost: [::1]:{}\r\n", listener.address().port());
        assert!(requests.last().unwrap().to_lowercase().contains(&host), "{requests:?}");
    }
}

#[test]
fn the_resource_gets_the_body_and_media_type_of_the_target_file() {
    let listener = Listener::start(GRANT, false);
    let url = format!("http://{}/invoices", listener.address());
    let resource =
        json!({"resource": {"url": url, "method": "post", "content_type": "application/xml", "body": "<a/>\n"}});
    let odd = "endpoint: resource\nworks: { /response/status: { const: 200 } }\n";
    let (recording, requests) = asked(&listener, resource, &[("wire.resource", odd)]);
    assert_eq!(recording.document("wire.resource").unwrap()["request"]["method"], "POST");
    let request = requests[0].to_lowercase();
    assert!(request.starts_with("post /invoices http/1.1\r\n"), "{request}");
    assert!(request.contains("\r\ncontent-type: application/xml\r\ncontent-length: 5\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n<a/>\n"), "{request}");
}

#[test]
fn a_body_is_read_up_to_its_bound_exactly() {
    for (length, outcome) in [(2_048, "answered"), (2_049, "too_large")] {
        for transport in ["raw", "absent"] {
            let play: Play = match length {
                2_048 => |stream| write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2048\r\n\r\n{:2048}", ""),
                _ => |stream| write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2049\r\n\r\n{:2049}", ""),
            };
            let listener = Listener::start(play, false);
            let odd = format!("{PLAIN}transport: {transport}\n");
            let (recording, _) = asked(&listener, json!({"bounds": {"body": 2048}}), &[("wire.body", &odd)]);
            let document = recording.document("wire.body").unwrap();
            assert_eq!(document["outcome"], outcome, "{transport}");
            assert_eq!(document["response"]["body"]["length"], 2_048, "{transport}");
        }
    }
}

#[test]
fn a_head_is_bounded_before_its_body_is_read() {
    let play: Play = |stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nX: {:a<2000}\r\nContent-Length: 9\r\n\r\n", "")?;
        loopback::hang(stream)
    };
    for transport in ["raw", "absent"] {
        let listener = Listener::start(play, false);
        let odd = format!("{PLAIN}transport: {transport}\n");
        let bounds = json!({"bounds": {"head": 1024, "first_byte": "5s"}, "timeout": "9s"});
        let (recording, _) = asked(&listener, bounds, &[("wire.head", &odd)]);
        let document = recording.document("wire.head").unwrap();
        assert_eq!(document["bound"], json!({"name": "head", "limit": 1024}), "{transport}");
    }
}

#[test]
fn an_announcement_and_the_answer_may_arrive_together() {
    let play: Play = |stream| {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")?;
        loopback::hang(stream)
    };
    for transport in ["raw", "absent"] {
        let listener = Listener::start(play, false);
        let odd = format!("{PLAIN}transport: {transport}\n");
        let (recording, _) = asked(&listener, json!({}), &[("wire.hints", &odd)]);
        assert_eq!(recording.document("wire.hints").unwrap()["response"]["status"], 204, "{transport}");
    }
}

#[test]
fn through_a_proxy_both_senders_are_the_library_and_the_document_says_so() {
    for transport in ["raw", "absent"] {
        let listener = Listener::start(GRANT, false);
        let more = json!({
            "proxy": format!("http://{}", listener.address()), "token_endpoint": "http://as.invalid:80/token",
        });
        let odd = format!("{PLAIN}transport: {transport}\nheaders: {{ X-Case: a }}\n");
        let (recording, requests) = asked(&listener, more, &[("wire.proxy", &odd)]);
        let document = recording.document("wire.proxy").unwrap();
        assert_eq!(document["answer"], "token", "{document}");
        assert_eq!(first_line(&requests[0]), "POST http://as.invalid/token HTTP/1.1");
        let names: Vec<&str> =
            requests[0].split("\r\n").skip(1).map_while(|field| Some(field.split_once(':')?.0)).collect();
        assert_eq!(document["request"]["header_order"], json!(names));
        assert!(names.contains(&"x-case") && requests[0].contains("\r\nhost: as.invalid\r\n"), "{requests:?}");
    }
}

#[test]
fn a_proxy_that_refuses_to_connect_further_is_no_answer_of_the_endpoint() {
    let play: Play = |stream| stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    let listener = Listener::start(play, false);
    let more = json!({"proxy": format!("http://{}", listener.address()), "token_endpoint": "https://as.invalid/token"});
    let (recording, requests) = asked(&listener, more, &[("wire.proxy", PLAIN)]);
    assert_eq!(recording.document("wire.proxy").unwrap()["outcome"], "refused");
    assert_eq!(
        requests.iter().map(|request| first_line(request)).collect::<Vec<_>>(),
        ["CONNECT as.invalid:443 HTTP/1.1"]
    );
}

#[test]
fn what_changes_nothing_about_what_it_is_like_is_sent_once() {
    let listener = Listener::start(GRANT, false);
    let exchanges = [
        ("wire.first", PLAIN),
        ("wire.second", "like: wire.first\nheaders: { x-second: \"2\" }\n"),
        ("wire.again", "like: wire.second\n"),
    ];
    let (recording, requests) = asked(&listener, json!({}), &exchanges);
    assert_eq!(recording.exchanges.keys().collect::<Vec<_>>().len(), 2, "{:?}", recording.exchanges.keys());
    assert_eq!(requests.iter().filter(|request| request.to_lowercase().contains("x-second: 2")).count(), 1);
}
