//! Sends one request and tells how it ended; every bound has an outcome of its own.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::iter;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::connecting::{Connecting, Watch};
use super::request::Ready;
use super::tls::{self, Trust};
use super::{Settings, raw};
use crate::exchange::{Bound, Outcome, Received};
use crate::target::{Bounds, Target};

/// How a request ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    /// As far as it arrived.
    pub(super) received: Option<Box<Received>>,
    pub(super) bound: Option<Bound>,
    /// The library's words for what went wrong.
    pub(super) error: Option<String>,
}

impl Ended {
    pub(super) fn answered(received: Received) -> Self {
        Self { outcome: Outcome::Answered, received: Some(Box::new(received)), bound: None, error: None }
    }

    pub(super) fn failed(outcome: Outcome, error: impl Into<String>) -> Self {
        Self { outcome, received: None, bound: None, error: Some(error.into()) }
    }

    pub(super) fn too_large(name: &'static str, limit: usize) -> Self {
        Self::bounded(Outcome::TooLarge, name, u64::try_from(limit).unwrap_or(u64::MAX))
    }

    pub(super) fn timed_out(name: &'static str, limit: Duration) -> Self {
        Self::bounded(Outcome::TimedOut, name, millis(limit))
    }

    fn bounded(outcome: Outcome, name: &'static str, limit: u64) -> Self {
        Self { outcome, received: None, bound: Some(Bound { name, limit }), error: None }
    }

    pub(super) fn with(mut self, received: Received) -> Self {
        self.received = Some(Box::new(received));
        self
    }
}

/// The bounds of one request, the whole one counted from its beginning.
#[derive(Debug)]
pub(super) struct Limits<'b> {
    pub(super) bounds: &'b Bounds,
    deadline: Instant,
}

impl<'b> Limits<'b> {
    fn start(bounds: &'b Bounds) -> Self {
        Self { bounds, deadline: Instant::now() + bounds.whole }
    }

    /// A step within its own bound or within what is left of the whole: the nearer one names the outcome.
    pub(super) async fn step<T>(
        &self,
        name: &'static str,
        limit: Duration,
        step: impl Future<Output = T>,
    ) -> Result<T, Ended> {
        let own = Instant::now() + limit;
        if own > self.deadline {
            return self.whole(step).await;
        }
        timeout_at(own, step).await.map_err(|_| Ended::timed_out(name, limit))
    }

    /// A step within what is left of the whole.
    pub(super) async fn whole<T>(&self, step: impl Future<Output = T>) -> Result<T, Ended> {
        timeout_at(self.deadline, step).await.map_err(|_| Ended::timed_out("whole", self.bounds.whole))
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
    pub(super) fn new(target: &Target, settings: &Settings, secure: bool) -> Result<Self, super::Error> {
        let config = if secure {
            tls::client(Trust::of(target.ca_file.as_deref(), settings.clock.clone())?)?
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
            .http1_max_headers(MOST_FIELDS)
            .connector_layer(Watch)
            // Servers close idle connections after some seconds; one that is closed while a request is under way looks broken.
            .pool_idle_timeout(IDLE)
            .connect_timeout(target.bounds.connect);
        if let Some(proxy) = &target.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy).map_err(|error| super::Error::Proxy(chain(&error)))?);
        }
        let client = builder.build().map_err(|error| super::Error::Tls(chain(&error)))?;
        let proxied = target.proxy.is_some();
        let tls = std::sync::Arc::new(config);
        Ok(Self { client, tls, bounds: target.bounds.clone(), proxied, resolve: settings.resolve.clone() })
    }

    /// The configuration of TLS.
    pub(super) fn tls(&self) -> &std::sync::Arc<rustls::ClientConfig> {
        &self.tls
    }

    pub(super) async fn send(&self, ready: &Ready) -> Ended {
        let limits = Limits::start(&self.bounds);
        let elsewhere = self.elsewhere(&ready.sent.url);
        if (ready.raw || elsewhere.is_some()) && !self.proxied {
            return raw::send(&ready.sent, &limits, &self.tls, elsewhere).await;
        }
        match self.by_library(ready, &limits).await {
            Ok(received) => Ended::answered(received),
            Err(ended) => ended,
        }
    }

    /// Where a host and port lead when the user said so.
    fn elsewhere(&self, url: &str) -> Option<std::net::SocketAddr> {
        let url = url::Url::parse(url).ok().filter(|_| !self.resolve.is_empty())?;
        let wanted = (url.host_str()?.to_owned(), url.port_or_known_default()?);
        self.resolve.iter().find(|(from, _)| *from == wanted).map(|(_, to)| *to)
    }

    async fn by_library(&self, ready: &Ready, limits: &Limits<'_>) -> Result<Received, Ended> {
        let sent = &ready.sent;
        let method = reqwest::Method::from_bytes(sent.method.as_bytes())
            .map_err(|_| Ended::failed(Outcome::Malformed, format!("`{}` is not an HTTP method", sent.method)))?;
        let mut request = self.client.request(method, &sent.url).body(sent.body.clone());
        for (name, value) in &sent.headers {
            // All of them, `Host` and `Content-Length` too: the library keeps what is there, and its order.
            request = request.header(name, value.as_bytes());
        }
        let (mut response, asked) = self.head(request, limits).await?;
        let headers: Vec<(String, Vec<u8>)> =
            response.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        let mut received = Received {
            status: response.status().as_u16(),
            http_version: if response.version() == reqwest::Version::HTTP_10 { "1.0" } else { "1.1" }.into(),
            head_length: head_length(&response),
            headers,
            body: Vec::new(),
            first_byte_ms: millis(asked.elapsed()),
        };
        if received.head_length > self.bounds.head {
            return Err(Ended::too_large("head", self.bounds.head).with(received));
        }
        loop {
            match limits.whole(response.chunk()).await {
                Err(ended) => return Err(ended.with(received)),
                Ok(Err(error)) => return Err(self.failure(&error).with(received)),
                Ok(Ok(None)) => return Ok(received),
                Ok(Ok(Some(chunk))) => {
                    if !take(&mut received.body, &chunk, self.bounds.body) {
                        return Err(Ended::too_large("body", self.bounds.body).with(received));
                    }
                }
            }
        }
    }

    /// The response as far as its head, and when the request could go out: on a connection of the pool at once, else when the
    /// connection stood. The connection itself is bounded by the library.
    async fn head(
        &self,
        request: reqwest::RequestBuilder,
        limits: &Limits<'_>,
    ) -> Result<(reqwest::Response, Instant), Ended> {
        let started = Instant::now();
        let connecting = Connecting::default();
        let mut sending = pin!(connecting.watching(request.send()));
        let mut due = started + self.bounds.first_byte;
        loop {
            tokio::select! {
                biased;
                result = &mut sending => {
                    let response = result.map_err(|error| self.failure(&error))?;
                    return Ok((response, connecting.ended().unwrap_or(started)));
                }
                () = sleep_until(due.min(limits.deadline)) => {}
            }
            let from = match connecting.ended() {
                Some(ended) => ended,
                None if connecting.began() => started + self.bounds.connect,
                None => started,
            };
            due = from + self.bounds.first_byte;
            // The nearer bound names the outcome, however late this task is woken.
            if Instant::now() >= due.min(limits.deadline) {
                return Err(if due <= limits.deadline {
                    Ended::timed_out("first_byte", self.bounds.first_byte)
                } else {
                    Ended::timed_out("whole", self.bounds.whole)
                });
            }
        }
    }

    fn failure(&self, error: &reqwest::Error) -> Ended {
        let words = chain(error);
        let kind = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last().map(io::Error::kind);
        let tls = causes(error).any(|cause| cause.is::<rustls::Error>());
        if error.is_connect() {
            if error.is_timeout() {
                return Ended::timed_out("connect", self.bounds.connect);
            }
            let outcome = if error.is_dns() {
                Outcome::Unresolved
            } else if tls {
                Outcome::TlsFailed
            } else {
                let secure = error.url().is_some_and(|url| url.scheme() == "https");
                kind.map_or(Outcome::Refused, |kind| not_connected(kind, secure))
            };
            return Ended::failed(outcome, words);
        }
        if tls {
            return Ended::failed(Outcome::TlsFailed, words);
        }
        let http = causes(error).filter_map(|cause| cause.downcast_ref::<hyper::Error>()).last();
        if http.is_some_and(hyper::Error::is_parse_too_large) {
            return Ended { error: Some(words), ..Ended::too_large("head", self.bounds.head) };
        }
        let unreadable = http.is_some_and(|http| http.is_parse() || http.is_parse_status())
            || matches!(kind, Some(ErrorKind::InvalidInput | ErrorKind::InvalidData));
        Ended::failed(if unreadable { Outcome::Malformed } else { Outcome::ClosedEarly }, words)
    }
}

/// A connection that stood and then broke off was in its TLS handshake: nothing else precedes the request.
pub(super) fn not_connected(kind: ErrorKind, secure: bool) -> Outcome {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match kind {
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof if secure => Outcome::TlsFailed,
        _ => Outcome::Refused,
    }
}

/// Bytes of status line and fields as they were, but for white space around values, which the library does not tell.
fn head_length(response: &reqwest::Response) -> usize {
    let own = response.extensions().get::<hyper::ext::ReasonPhrase>().map(|reason| reason.as_bytes().len());
    let reason = own.unwrap_or_else(|| response.status().canonical_reason().map_or(0, str::len));
    let fields = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>();
    "HTTP/1.1 200 ".len() + reason + fields + 4
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

/// The causes of an error, outermost first. What an I/O error carries is no source of it, and TLS hands its errors over so.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    iter::successors(error.source(), |cause| match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner as &(dyn Error + 'static)),
        None => (*cause).source(),
    })
}

/// An error with its causes; the URL is left out, since its query may hold what must not be shown.
fn chain(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = causes(error).map(ToString::to_string).collect();
    words.dedup();
    if words.is_empty() {
        // The library's own message ends with the URL in brackets.
        let said = error.to_string();
        words.push(said.split(" for url").next().unwrap_or_default().to_owned());
    }
    words.join(": ")
}

/// Most header fields of a response.
pub(super) const MOST_FIELDS: usize = 1_000;

/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(2);
