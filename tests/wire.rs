//! What goes out, byte for byte: Coupa's requests as committed fixtures, everything else as the exchange document shows it, and as the
//! `curl` line of a finding sends it.
//!
//! `GRANTLINT_BLESS=1 cargo test --test wire` writes the fixtures again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod loopback;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use grantlint::exchange::{Recorded, curl};
use grantlint::suite::Catalogue;
use grantlint::target::Target;
use loopback::{Listener, Play, alone, only, performed_with, target};
use serde_json::{Value, json};

/// Two alphabets, `+`, `%` and a quote: every way of writing this secret is another one.
const SECRET: &str = "s~~?p+%'\"&=/ é";
const ID: &str = "g>?1";

const GRANT: Play = |stream| {
    let body = r#"{"access_token":"t-0123456789","token_type":"Bearer","expires_in":3600}"#;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store";
    write!(stream, "{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
};

/// Sends one exchange and answers what arrived, with its document.
fn sent(catalogue: &Catalogue, target: &Target, listener: &Listener, exchange: &str) -> (Vec<u8>, Value) {
    let (brought, _) = performed_with(catalogue, target, "one", &["one/*"]);
    let document = match brought.recording.exchanges.get(exchange) {
        Some(Recorded::Sent(document)) => document.clone(),
        other => panic!("{exchange}: {other:?}"),
    };
    let requests = listener.requests();
    assert_eq!((requests.len(), listener.connections()), (1, 1), "{exchange}: one request, one connection");
    (requests[0].clone(), document)
}

fn to(listener: &Listener, more: Value) -> Target {
    let mut entry = json!({
        "client": {"client_id": ID, "client_secret": SECRET}, "request_content_types": ["form", "json"],
        "token_endpoint_auth_methods": ["client_secret_basic", "client_secret_post"], "scope": null,
    });
    for (name, value) in more.as_object().unwrap() {
        entry[name] = value.clone();
    }
    target(&format!("http://{}/token", listener.address()), entry)
}

#[test]
fn the_requests_of_coupa_are_those_of_the_fixtures() {
    let words = json!({"scope": "invoices.read  suppliers.write+x"});
    for (fixture, exchange, more) in [
        ("coupa-form", "coupa.token-form", json!({})),
        ("coupa-form-scope", "coupa.token-form", json!({"scope": "invoices.read"})),
        ("coupa-form-scopes", "coupa.token-form", words.clone()),
        ("coupa-json", "coupa.token-json", json!({})),
        ("coupa-json-scope", "coupa.token-json", json!({"scope": "invoices.read"})),
        ("coupa-json-scopes", "coupa.token-json", words),
        ("coupa-alike", "coupa.token-form", json!({"client": {"client_id": "gl", "client_secret": "abcdef123456"}})),
    ] {
        let listener = Listener::start(GRANT, false);
        let (bytes, _) = sent(&alone(only(exchange, &[]), exchange), &to(&listener, more), &listener, exchange);
        let text = String::from_utf8(bytes).unwrap();
        let text = text
            .replace(&listener.address().to_string(), "127.0.0.1:{port}")
            .replace(concat!("grantlint/", env!("CARGO_PKG_VERSION")), "grantlint/{version}");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/wire/{fixture}.http"));
        if env::var_os("GRANTLINT_BLESS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap_or_default(), text, "{fixture}");
    }
}

#[test]
fn coupa_sends_the_raw_pair_in_the_url_safe_alphabet() {
    let pair = format!("{ID}:{SECRET}");
    assert_ne!(STANDARD.encode(&pair), URL_SAFE.encode(&pair), "this pair tells the alphabets apart");
    let fixture = include_str!("../fixtures/wire/coupa-form-scopes.http");
    assert!(fixture.contains(&format!("\r\nAuthorization: Basic {}\r\n", URL_SAFE.encode(&pair))), "{fixture}");
    assert!(fixture.contains("\r\nContent-Type: application/x-www-form-urlencoded\r\n"), "{fixture}");
    assert!(
        fixture.ends_with("\r\n\r\ngrant_type=client_credentials&scope=invoices.read  suppliers.write+x"),
        "{fixture}"
    );
}

/// Method, target, header fields in order, body.
type Parts = (String, String, Vec<(String, String)>, String);

fn parts(bytes: &[u8]) -> Parts {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let (line, fields) = head.split_once("\r\n").unwrap_or((head, ""));
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!((words.len(), words[2]), (3, "HTTP/1.1"), "{line}");
    let fields = fields.split("\r\n").map(|field| field.split_once(':').unwrap());
    let fields =
        fields.map(|(name, value)| (name.to_owned(), value.strip_prefix(' ').unwrap_or(value).to_owned())).collect();
    (words[0].to_owned(), words[1].to_owned(), fields, body.to_owned())
}

/// The same as the document tells it, secrets masked.
fn shown(document: &Value, address: &str) -> Parts {
    let request = &document["request"];
    let text = |name: &str| request[name].as_str().unwrap().to_owned();
    let mut seen: Vec<String> = Vec::new();
    let mut fields = Vec::new();
    for name in request["header_order"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()) {
        let lower = name.to_ascii_lowercase();
        let nth = seen.iter().filter(|known| **known == lower).count();
        fields.push((name.to_owned(), request["headers"][&lower][nth].as_str().unwrap().to_owned()));
        seen.push(lower);
    }
    let total: usize = request["headers"].as_object().unwrap().values().map(|all| all.as_array().unwrap().len()).sum();
    assert_eq!(total, fields.len(), "every value of a field has its place in the order");
    (text("method"), text("url").strip_prefix(&format!("http://{address}")).unwrap().to_owned(), fields, text("body"))
}

/// Exchanges of every way to write a request, those of this repository and some that only this test needs.
const WAYS: &[(&str, Option<&str>)] = &[
    ("token.client_credentials", None),
    ("token.basic-form-encoded", None),
    ("token.basic-raw", None),
    ("token.basic-url-safe", None),
    ("token.json", None),
    ("token.by-get", None),
    ("token.json-malformed", None),
    ("token.media-type-foreign", None),
    ("coupa.token-form", None),
    ("coupa.token-json", None),
    ("wire.post", Some("authenticate: { by: post }\nparams: { a: \"x y\", b: [\"1\", \"2\"] }")),
    ("wire.empty", Some("authenticate: absent")),
    ("wire.at", Some("authenticate: { by: basic-raw }\nraw: '@/etc/hostname'\nheaders: { Content-Type: text/plain }")),
    (
        "wire.fields",
        Some("authenticate: absent\nheaders: { X-Twice: [\"1\", \"2\"], X-Empty: \"\", X-Quote: \"'$(id)`\" }"),
    ),
    ("wire.put", Some("authenticate: absent\nmethod: PUT\nraw: \"line\\r\\nline\"")),
    (
        "wire.typed",
        Some("authenticate: absent\nencode: json\nparams: { n: 3600, t: true, o: { a: [1] }, twice: [1, \"1\"] }"),
    ),
    ("wire.unescaped", Some("authenticate: absent\nencode: form-unescaped\nparams: { scope: \"a b&c\", \"e é\": x }")),
    ("wire.query", Some("authenticate: absent\nquery: { \"a b\": [\"c&d\", \"é\"] }")),
    ("wire.host", Some("authenticate: absent\nheaders: { Host: elsewhere.example }")),
];

/// Looks at what a way of sending came to: its name, the listener, the bytes that arrived, the exchange document.
type Look<'l> = dyn FnMut(&str, &Listener, &[u8], &Value) + 'l;

fn each_way(check: &mut Look<'_>) {
    for (name, rest) in WAYS {
        let head = format!("title: {name}\nendpoint: token_endpoint\nworks: {{ /answer: {{ const: token }} }}\n");
        let text = rest.map(|rest| format!("{head}{rest}\n"));
        let definitions: Vec<(&str, &str)> = text.iter().map(|text| (*name, text.as_str())).collect();
        let listener = Listener::start(GRANT, false);
        let target = to(&listener, json!({"headers": {"X-Gateway": "key 1"}}));
        // What is like another exchange waits for that; without a base each is asked alone.
        let catalogue = alone(only(name, &definitions), name);
        let (bytes, document) = sent(&catalogue, &target, &listener, name);
        check(name, &listener, &bytes, &document);
    }
}

#[test]
fn the_document_shows_what_went_out_and_nothing_else_did() {
    each_way(&mut |name, listener, bytes, document| {
        let (method, target, mut fields, body) = parts(bytes);
        let (shown_method, shown_target, mut shown_fields, shown_body) =
            shown(document, &listener.address().to_string());
        assert_eq!((method, target), (shown_method, shown_target), "{name}");
        for (_, value) in
            fields.iter_mut().chain(&mut shown_fields).filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        {
            // The secret is masked; how it was written is another test's matter.
            value.truncate("Basic ".len());
        }
        assert_eq!(fields, shown_fields, "{name}");
        let secret: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        assert_eq!(body.replace(&secret, "***client_secret***"), shown_body, "{name}");
        let length = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        assert_eq!(length.map_or(0, |(_, value)| value.parse().unwrap()), body.len(), "{name}");
    });
}

#[test]
fn the_curl_line_sends_the_same_again() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("NOT TESTED: there is no curl on this machine, so no curl line was run");
        return;
    }
    each_way(&mut |name, listener, bytes, document| {
        let line = curl(document).unwrap();
        assert!(!line.contains(SECRET), "{line}");
        let mut shell = Command::new("sh");
        let ran = shell.args(["-c", &line]).env("CLIENT_SECRET", SECRET).stdin(Stdio::null()).output().unwrap();
        assert!(ran.status.success(), "{name}: {line}\n{}", String::from_utf8_lossy(&ran.stderr));
        let requests = listener.requests();
        assert_eq!(requests.len(), 2, "{name}: {line}");
        let (method, target, mut fields, body) = parts(bytes);
        let (again_method, again_target, mut again_fields, again_body) = parts(&requests[1]);
        assert_eq!((method, target, body), (again_method, again_target, again_body), "{name}: {line}");
        for all in [&mut fields, &mut again_fields] {
            all.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
            all.sort();
        }
        assert_eq!(fields, again_fields, "{name}: {line}");
    });
}
