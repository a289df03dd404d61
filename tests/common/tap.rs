//! Between client and server: keeps what passes, and writes it down as other people's tools do.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Asked, Raw, forward, response};

/// An exchange as it went over the wire; moments in nanoseconds since the Unix epoch.
#[derive(Clone)]
pub struct Wire {
    pub asked: Asked,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub began: i128,
    pub ended: i128,
}

impl Wire {
    /// What `curl -i` writes.
    pub fn curl_i(&self) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} Because\r\n", self.status);
        self.headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
        [text.as_bytes(), b"\r\n", &self.body].concat()
    }

    fn entry(&self, scheme: &str) -> Value {
        let host = self.asked.header("host").unwrap_or_default();
        let sent = self.asked.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut request = json!({
            "method": self.asked.head.split(' ').next().unwrap(), "url": format!("{scheme}://{host}{}", self.asked.path()),
            "httpVersion": "HTTP/1.1",
            "headers": fields(sent.map(|(name, value)| (name.to_owned(), value.trim().to_owned()))),
        });
        if !self.asked.body.is_empty() {
            request["postData"] = json!({"text": String::from_utf8_lossy(&self.asked.body)});
        }
        let head: usize = 17 + self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
        let content = match std::str::from_utf8(&self.body) {
            Ok(text) => json!({"size": self.body.len(), "text": text}),
            Err(_) => json!({"size": self.body.len(), "text": STANDARD.encode(&self.body), "encoding": "base64"}),
        };
        let began = OffsetDateTime::from_unix_timestamp_nanos(self.began).unwrap();
        #[allow(clippy::cast_precision_loss, reason = "milliseconds")]
        let took = (self.ended - self.began) as f64 / 1e6;
        json!({
            "startedDateTime": began.format(&Rfc3339).unwrap(), "time": took, "request": request,
            "response": {
                "status": self.status, "httpVersion": "HTTP/1.1", "headers": fields(self.headers.iter().cloned()),
                "content": content, "headersSize": head,
            },
        })
    }
}

/// Stands between client and server, and keeps what passes.
pub struct Tap {
    pub raw: Raw,
    kept: Arc<Mutex<Vec<Wire>>>,
}

impl Tap {
    /// Before the server at `origin`; `now` tells nanoseconds since the Unix epoch.
    pub fn before(origin: &str, now: impl Fn() -> i128 + Send + Sync + 'static) -> Self {
        let kept: Arc<Mutex<Vec<Wire>>> = Arc::default();
        let (origin, keeps) = (origin.to_owned(), Arc::clone(&kept));
        let raw = Raw::new(move |_, asked| {
            let began = now();
            let (status, headers, body) = forward(&origin, asked);
            let fields: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let bytes = response(status, &fields, &body);
            let wire = Wire { asked: asked.clone(), status, headers, body, began, ended: now() };
            keeps.lock().unwrap().push(wire);
            Some(bytes)
        });
        Self { raw, kept }
    }

    /// In the order in which they were asked.
    pub fn wires(&self) -> Vec<Wire> {
        let mut wires = self.kept.lock().unwrap().clone();
        wires.sort_by_key(|wire| wire.began);
        wires
    }
}

fn fields(pairs: impl Iterator<Item = (String, String)>) -> Value {
    pairs.map(|(name, value)| json!({"name": name, "value": value})).collect()
}

/// What a proxy saves.
pub fn har(wires: &[Wire], scheme: &str) -> Value {
    let entries: Vec<Value> = wires.iter().map(|wire| wire.entry(scheme)).collect();
    json!({"log": {"version": "1.2", "creator": {"name": "a proxy", "version": "1"}, "entries": entries}})
}
