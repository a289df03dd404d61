//! Sends one request and tells how it ended; every bound has an outcome of its own.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout, timeout_at};

use super::request::Ready;
use super::{Error, Settings, raw, tls};
use crate::exchange::{Bound, Outcome, Received};
use crate::target::{Bounds, Target};

/// How a request ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) received: Option<Received>,
    pub(super) bound: Option<Bound>,
    /// The library's words for what went wrong.
    pub(super) error: Option<String>,
}

impl Ended {
    pub(super) fn failed(outcome: Outcome, error: impl Into<String>) -> Self {
        Self { outcome, received: None, bound: None, error: Some(error.into()) }
    }

    pub(super) fn bounded(name: &'static str, limit: u64) -> Self {
        let outcome = if matches!(name, "body" | "head") { Outcome::TooLarge } else { Outcome::TimedOut };
        Self { outcome, received: None, bound: Some(Bound { name, limit }), error: None }
    }

    pub(super) fn with(mut self, received: Received) -> Self {
        self.received = Some(received);
        self
    }
}

/// Sends requests to one target.
#[derive(Debug)]
pub(super) struct Wire {
    client: reqwest::Client,
    tls: std::sync::Arc<rustls::ClientConfig>,
    bounds: Bounds,
    proxied: bool,
    resolve: Vec<((String, u16), std::net::SocketAddr)>,
}

impl Wire {
    /// # Errors
    /// The certificates or the proxy of the target cannot be used.
    pub(super) fn new(target: &Target, settings: &Settings, secure: bool) -> Result<Self, Error> {
        let config = if secure {
            tls::client(tls::verifier(target.ca_file.as_deref(), settings.clock.clone())?)?
        } else {
            tls::none()?
        };
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(config.clone())
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .http1_only()
            .http1_max_headers(4096)
            .connect_timeout(target.bounds.connect);
        if let Some(proxy) = &target.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy).map_err(|error| Error::Proxy(chain(&error)))?);
        }
        let client = builder.build().map_err(|error| Error::Tls(chain(&error)))?;
        let proxied = target.proxy.is_some();
        let tls = std::sync::Arc::new(config);
        Ok(Self { client, tls, bounds: target.bounds.clone(), proxied, resolve: settings.resolve.clone() })
    }

    pub(super) async fn send(&self, ready: &Ready) -> Ended {
        let whole = u64::try_from(self.bounds.whole.as_millis()).unwrap_or(u64::MAX);
        let sending = async {
            let elsewhere = self.elsewhere(&ready.sent.url);
            if (ready.raw || elsewhere.is_some()) && !self.proxied {
                raw::send(ready, &self.bounds, &self.tls, elsewhere).await
            } else {
                self.by_library(ready).await
            }
        };
        timeout(self.bounds.whole, sending).await.unwrap_or_else(|_| Ended::bounded("whole", whole))
    }

    /// Where a host and port lead when the user said so.
    fn elsewhere(&self, url: &str) -> Option<std::net::SocketAddr> {
        let url = url::Url::parse(url).ok().filter(|_| !self.resolve.is_empty())?;
        let wanted = (url.host_str()?.to_owned(), url.port_or_known_default()?);
        self.resolve.iter().find(|(from, _)| *from == wanted).map(|(_, to)| *to)
    }

    async fn by_library(&self, ready: &Ready) -> Ended {
        let sent = &ready.sent;
        let Ok(method) = reqwest::Method::from_bytes(sent.method.as_bytes()) else {
            return Ended::failed(Outcome::Malformed, format!("`{}` is not an HTTP method", sent.method));
        };
        let mut request = self.client.request(method, &sent.url).body(sent.body.clone());
        for (name, value) in &sent.headers {
            // These two are written by the library, with the same values.
            if !matches!(name.as_str(), "host" | "content-length") {
                request = request.header(name, value.as_bytes());
            }
        }
        let started = Instant::now();
        let deadline = started + self.bounds.whole;
        let patience = self.bounds.first_byte + self.bounds.connect;
        let mut response = match timeout(patience, request.send()).await {
            Err(_) => return Ended::bounded("first_byte", millis(self.bounds.first_byte)),
            Ok(Err(error)) => return self.failure(&error),
            Ok(Ok(response)) => response,
        };
        let headers: Vec<(String, Vec<u8>)> =
            response.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        let head_length = 17 + headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
        let mut received = Received {
            status: response.status().as_u16(),
            http_version: if response.version() == reqwest::Version::HTTP_10 { "1.0" } else { "1.1" }.into(),
            headers,
            head_length,
            body: Vec::new(),
            first_byte_ms: millis(started.elapsed()),
        };
        if head_length > self.bounds.head {
            return Ended::bounded("head", self.bounds.head as u64).with(received);
        }
        loop {
            match timeout_at(deadline, response.chunk()).await {
                Err(_) => return Ended::bounded("whole", millis(self.bounds.whole)).with(received),
                Ok(Err(error)) => return self.failure(&error).with(received),
                Ok(Ok(None)) => break,
                Ok(Ok(Some(chunk))) => {
                    if !take(&mut received.body, &chunk, self.bounds.body) {
                        return Ended::bounded("body", self.bounds.body as u64).with(received);
                    }
                }
            }
        }
        Ended { outcome: Outcome::Answered, received: Some(received), bound: None, error: None }
    }

    fn failure(&self, error: &reqwest::Error) -> Ended {
        let words = chain(error);
        let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
        let mut io_kind = None;
        let mut secure = false;
        let mut http: Option<&hyper::Error> = None;
        while let Some(source) = cause {
            io_kind = source.downcast_ref::<io::Error>().map(io::Error::kind).or(io_kind);
            secure |= source.downcast_ref::<rustls::Error>().is_some();
            // rustls hands its error over inside an I/O error, whose source is not the error itself.
            secure |= source
                .downcast_ref::<io::Error>()
                .and_then(|error| error.get_ref())
                .is_some_and(|inner| inner.downcast_ref::<rustls::Error>().is_some());
            http = source.downcast_ref::<hyper::Error>().or(http);
            cause = source.source();
        }
        if secure {
            return Ended::failed(Outcome::TlsFailed, words);
        }
        if error.is_connect() {
            if error.is_timeout() {
                return Ended::bounded("connect", millis(self.bounds.connect));
            }
            let lower = words.to_lowercase();
            let outcome = if error.is_dns() || lower.contains("dns error") {
                Outcome::Unresolved
            } else if lower.contains("handshake") || lower.contains("tls") {
                Outcome::TlsFailed
            } else {
                Outcome::Refused
            };
            return Ended::failed(outcome, words);
        }
        if let Some(http) = http {
            if http.is_parse_too_large() {
                return Ended { error: Some(words), ..Ended::bounded("head", self.bounds.head as u64) };
            }
            if http.is_parse() || http.is_parse_status() {
                return Ended::failed(Outcome::Malformed, words);
            }
        }
        let _ = io_kind;
        Ended::failed(Outcome::ClosedEarly, words)
    }
}

/// Adds a piece to a body; `false` when the bound is met, the piece being cut there.
pub(super) fn take(body: &mut Vec<u8>, piece: &Bytes, limit: usize) -> bool {
    let room = limit.saturating_sub(body.len());
    body.extend_from_slice(&piece[..piece.len().min(room)]);
    piece.len() <= room
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// An error with its causes; the URL is left out, since its query may hold what must not be shown.
fn chain(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(source) = cause {
        let said = source.to_string();
        if words.last() != Some(&said) {
            words.push(said);
        }
        cause = source.source();
    }
    if words.is_empty() {
        // The library's own message ends with the URL in brackets.
        let said = error.to_string();
        words.push(said.split(" for url").next().unwrap_or_default().to_owned());
    }
    words.join(": ")
}
