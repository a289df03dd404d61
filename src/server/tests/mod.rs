//! What the reference server must hold: asked without a socket where bytes do not matter, over TCP where they do.

mod assertions;
mod choices;
mod conforming;
mod dialects;
mod probes;
mod tls;
mod tokens;
mod wire;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Answer, AuthorizationServer, Body, Dialect, Fault, Reply, Request, Running, Settings, start};
use crate::clock::ManualClock;

pub(super) const NOW_MS: u64 = 1_800_000_000_000;
pub(super) const PAIR: &str = "gl:s3cret:~~?~+/%";

/// A server without a listener, and its clock.
pub(super) fn server(dialect: Dialect) -> (AuthorizationServer, ManualClock) {
    let clock = ManualClock::new(NOW_MS);
    let settings = Settings { clock: Arc::new(clock.clone()), dialect, ..Settings::default() };
    (AuthorizationServer::new(&settings, "http://as".to_owned(), [0; 32]), clock)
}

/// The dialect of one fault, written as a fault file would be.
pub(super) fn fault(json: serde_json::Value) -> Dialect {
    let mut members = json.as_object().cloned().unwrap();
    members.entry("behaviour").or_insert_with(|| "under test".into());
    let fault: Fault = serde_json::from_value(members.into()).unwrap();
    let mut dialect = Dialect::default();
    dialect.add(fault).unwrap();
    dialect
}

pub(super) async fn running(dialect: Dialect) -> Running {
    let settings =
        Settings { clock: Arc::new(ManualClock::new(NOW_MS)), dialect, seed: Some([0; 32]), ..Settings::default() };
    start(settings).await.unwrap()
}

/// A request; each line of `headers` is a field.
pub(super) fn request(method: &str, target: &str, headers: &[&str], body: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let fields = headers.iter().map(|field| field.split_once(": ").unwrap());
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect(),
        body: body.as_bytes().to_vec(),
        in_clear: false,
    }
}

pub(super) fn basic(pair: &str) -> String {
    format!("authorization: Basic {}", STANDARD.encode(pair))
}

pub(super) fn url_safe(pair: &str) -> String {
    format!("authorization: Basic {}", URL_SAFE.encode(pair))
}

/// A form posted to `path` with the header `authorization`, which may be empty.
pub(super) fn form(path: &str, authorization: &str, body: &str) -> Request {
    let mut headers = vec!["content-type: application/x-www-form-urlencoded"];
    headers.extend((!authorization.is_empty()).then_some(authorization));
    request("POST", path, &headers, body)
}

/// The ordinary token request with more parameters behind it.
pub(super) fn token_request(more: &str) -> Request {
    form("/token", &basic(PAIR), &format!("grant_type=client_credentials{more}"))
}

/// Name, status and body, as one line to compare.
pub(super) fn line(answer: &Answer) -> String {
    let Reply { name, status, body, .. } = &answer.reply;
    format!("{name} {status} {}", String::from_utf8_lossy(&body.render(false)))
}

pub(super) fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.reply.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

pub(super) fn member(answer: &Answer, name: &str) -> Option<serde_json::Value> {
    match &answer.reply.body {
        Body::Members(members) => members.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone()),
        _ => None,
    }
}

/// A token for `scope`, asked for with whatever credentials this server takes; a made-up one if it gives none.
pub(super) fn token(server: &AuthorizationServer, scope: &str) -> String {
    let post = "client_id=gl&client_secret=s3cret:~~?~%2B/%25&grant_type=client_credentials";
    let answers = [
        server.answer(&token_request(&format!("&scope={scope}"))),
        server.answer(&form("/token", "", &format!("{post}&scope={scope}"))),
    ];
    let token = answers.iter().find_map(|answer| member(answer, "access_token"));
    token.as_ref().and_then(serde_json::Value::as_str).unwrap_or("a.b.c").to_owned()
}

/// Sends `bytes` and reads until the server closes, or until `enough` says so.
pub(super) async fn exchange(origin: &str, bytes: &str, enough: impl Fn(&[u8]) -> bool) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(origin.trim_start_matches("http://")).await?;
    stream.write_all(bytes.as_bytes()).await?;
    let mut read = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut piece).await? {
            0 => return Ok(read),
            n => read.extend_from_slice(&piece[..n]),
        }
        if enough(&read) {
            return Ok(read);
        }
    }
}
