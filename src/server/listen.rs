//! The listener on loopback: the only input and output of the server. Every connection has a task of its own.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::message::{Reply, Request};
use super::raw::{self, Connection};
use super::{AuthorizationServer, Error, Policy, Rule, Settings, tls};

/// A server that listens until it is dropped.
#[derive(Debug)]
pub struct Running {
    origin: String,
    target: serde_json::Value,
    listener: JoinHandle<()>,
}

impl Running {
    /// Scheme, host and port, as in `http://127.0.0.1:4711`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The entry for a target file: endpoints, claims and credentials, with the `target` of the faults laid over it.
    #[must_use]
    pub fn target(&self) -> serde_json::Value {
        self.target.clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The connections go with the listener: its task owns theirs.
        self.listener.abort();
    }
}

/// Starts a server on 127.0.0.1; it listens when this returns.
///
/// # Errors
///
/// [`Error::Bind`] if the port is taken, [`Error::Tls`] if certificate or key are unusable, [`Error::Random`] without a seed.
pub async fn start(settings: Settings) -> Result<Running, Error> {
    let only_newest = settings.dialect.tls().is_some_and(|tls| tls.only_newest);
    let acceptor = settings.tls.as_ref().map(|own| tls::acceptor(own, only_newest)).transpose()?;
    if acceptor.is_none() && settings.dialect.tls().is_some() {
        return Err(Error::Tls("the fault listens with TLS, so `Settings::tls` must bring them".to_owned()));
    }
    let mut seed = [0; 32];
    match settings.seed {
        Some(own) => seed = own,
        None => getrandom::fill(&mut seed).map_err(Error::Random)?,
    }
    let bind = |source| Error::Bind { port: settings.port, source };
    let listener = TcpListener::bind(("127.0.0.1", settings.port)).await.map_err(bind)?;
    let port = listener.local_addr().map_err(bind)?.port();
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    let origin = format!("{scheme}://127.0.0.1:{port}");
    let server = Arc::new(AuthorizationServer::new(&settings, origin.clone(), seed));
    let target = server.target();
    Ok(Running { origin, target, listener: tokio::spawn(listen(listener, acceptor, server)) })
}

async fn listen(listener: TcpListener, acceptor: Option<TlsAcceptor>, server: Arc<AuthorizationServer>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= MOST_CONNECTIONS {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let (acceptor, server) = (acceptor.clone(), Arc::clone(&server));
                connections.spawn(async move { welcome(stream, acceptor, server).await });
            }
            // Out of file descriptors or the like: others may close in the meantime.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn welcome(stream: TcpStream, acceptor: Option<TlsAcceptor>, server: Arc<AuthorizationServer>) {
    // Small answers must not wait for acknowledgements; without the option they are only slower.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = acceptor else {
        return serve(stream, server, false).await;
    };
    let serves_plain = !server.setup.keeps(Rule::HttpNotServed) || server.setup.makes(Policy::HttpRedirected);
    match tls::first_bytes(&stream).await {
        tls::First::PlainHttp if serves_plain => serve(stream, server, true).await,
        tls::First::Handshake { old: true } if server.setup.dialect.tls().is_some_and(|tls| tls.old_versions) => {
            let _ = tls::answer_old_hello(stream).await;
        }
        tls::First::Handshake { .. } => {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, server, false).await;
            }
        }
        _ => {}
    }
}

/// Serves one connection to its end. How it ends is the client's business: leaving early is no error here.
///
/// `in_clear` says that the listener is one for TLS and the client does not speak it.
async fn serve(stream: impl Connection, server: Arc<AuthorizationServer>, in_clear: bool) {
    if server.setup.dialect.needs_raw_writer() {
        let _ = raw::converse(stream, &server).await;
        return;
    }
    let title_case = server.setup.makes(Policy::HeadersTitle);
    let service = service_fn(move |request| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(answer(request, &server, in_clear).await) }
    });
    let _ = http1::Builder::new()
        .auto_date_header(false)
        .title_case_headers(title_case)
        .max_buf_size(raw::LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: hyper::Request<Incoming>,
    server: &AuthorizationServer,
    in_clear: bool,
) -> hyper::Response<Payload> {
    let (head, body) = request.into_parts();
    let sized = !server.setup.makes(Policy::Chunked);
    let body = match Limited::new(body, raw::LONGEST_BODY).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(_) => {
            return response(Reply::text("http.413", 413, "content too large\n").with("connection", "close"), sized);
        }
    };
    let request = Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body,
        in_clear,
    };
    let answer = server.answer(&request);
    hold_back(server, answer.delay_ms).await;
    response(answer.reply, sized)
}

/// Lets `delay_ms` pass: by moving the clock if it can be moved, else by sleeping.
pub(super) async fn hold_back(server: &AuthorizationServer, delay_ms: u64) {
    let clock = &server.clock;
    if delay_ms > 0 && !clock.jump_to(clock.now_ms().saturating_add(delay_ms)) {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
}

fn response(reply: Reply, sized: bool) -> hyper::Response<Payload> {
    let body = Bytes::from(reply.body.render(false));
    let mut response = hyper::Response::new(Payload { sized, bytes: (!body.is_empty() || !sized).then_some(body) });
    *response.status_mut() =
        http::StatusCode::from_u16(reply.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &reply.headers {
        // A dialect whose headers do not fit these types is served by the raw writer, so nothing is lost here.
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), http::HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// A body in one piece, with or without a length told beforehand; without one it is sent chunked.
struct Payload {
    bytes: Option<Bytes>,
    sized: bool,
}

impl hyper::body::Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.sized {
            true => SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            false => SizeHint::default(),
        }
    }
}

const MOST_CONNECTIONS: usize = 512;
