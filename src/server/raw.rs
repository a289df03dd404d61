//! A responder that writes its bytes itself, for what no HTTP library would send: broken transports and odd headers.
//!
//! Everything it sends is bounded in bytes and time, except that a hanging answer waits for the client to leave.

use std::io;
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::fault::Break;
use super::listen::hold_back;
use super::message::{Reply, Request};
use super::{AuthorizationServer, Policy};

/// A connection that can also be torn down without a farewell.
pub(super) trait Connection: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Lets closing reset the connection.
    fn reset_on_close(&self) -> io::Result<()>;
}

impl Connection for TcpStream {
    fn reset_on_close(&self) -> io::Result<()> {
        self.set_zero_linger()
    }
}

impl Connection for TlsStream<TcpStream> {
    fn reset_on_close(&self) -> io::Result<()> {
        self.get_ref().0.set_zero_linger()
    }
}

/// Answers requests until one side closes or an answer was broken.
pub(super) async fn converse(mut stream: impl Connection, server: &AuthorizationServer) -> io::Result<()> {
    let mut unread = Vec::new();
    loop {
        let (request, keep_alive) = match read(&mut stream, &mut unread).await? {
            Received::Request(request, keep_alive) => (request, keep_alive),
            Received::End => return Ok(()),
            Received::Unreadable(status) => {
                let reply =
                    Reply::text(format!("http.{status}"), status, "unreadable request\n").with("connection", "close");
                stream.write_all(&whole(&reply, false, false)).await?;
                return stream.shutdown().await;
            }
        };
        let answer = server.answer(&request);
        hold_back(server, answer.delay_ms).await;
        let reply = &answer.reply;
        match answer.wire {
            None => {
                stream.write_all(&whole(reply, request.method == "HEAD", server.setup.makes(Policy::Chunked))).await?;
                if !keep_alive || server.setup.makes(Policy::KeepaliveClosed) {
                    return stream.shutdown().await;
                }
            }
            Some(broken) => {
                let spoilt = spoil(&mut stream, reply, broken);
                tokio::time::timeout(LONGEST_ANSWER, spoilt).await.unwrap_or(Ok(()))?;
                if waits(broken) {
                    wait_for_leave(&mut stream).await;
                }
                return if broken == Break::Reset { Ok(()) } else { stream.shutdown().await };
            }
        }
    }
}

fn waits(broken: Break) -> bool {
    matches!(broken, Break::HangBeforeHead | Break::HangInBody | Break::EmptyReply)
}

/// Sends what is left of `reply` when it is broken this way.
async fn spoil(stream: &mut impl Connection, reply: &Reply, broken: Break) -> io::Result<()> {
    let body = reply.body.render(false);
    let half = &body[..body.len() / 2];
    match broken {
        Break::CloseBeforeHead | Break::HangBeforeHead => Ok(()),
        Break::EmptyReply => stream.shutdown().await,
        Break::Reset => stream.reset_on_close(),
        Break::NotHttp => stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n\x00\x01\x02 this is no HTTP\r\n\r\n").await,
        Break::CloseInHead => {
            let head = head(reply, &length(body.len()));
            stream.write_all(&head[..head.len() / 2]).await
        }
        Break::CloseInBody | Break::HangInBody => {
            stream.write_all(&head(reply, &length(body.len() + 64))).await?;
            stream.write_all(half).await
        }
        Break::BigHeaders => {
            let filling: String = (0..30).map(|n| format!("x-filling-{n}: {}\r\n", "x".repeat(10 * 1024))).collect();
            stream.write_all(&head(reply, &format!("{filling}{}", length(body.len())))).await?;
            stream.write_all(&body).await
        }
        Break::ManyHeaders => {
            let filling: String = (0..5000).map(|n| format!("x-filling-{n}: x\r\n")).collect();
            stream.write_all(&head(reply, &format!("{filling}{}", length(body.len())))).await?;
            stream.write_all(&body).await
        }
        Break::DeepJson => {
            stream.write_all(&head(reply, &length(2 * NESTING))).await?;
            stream.write_all(&b"[".repeat(NESTING)).await?;
            stream.write_all(&b"]".repeat(NESTING)).await
        }
        Break::BigBody => {
            let (start, end) = (br#"{"access_token":""#, br#""}"#);
            stream.write_all(&head(reply, &length(BIG_BODY))).await?;
            stream.write_all(start).await?;
            fill(stream, BIG_BODY - start.len() - end.len(), false).await?;
            stream.write_all(end).await
        }
        Break::EndlessBody => {
            stream.write_all(&head(reply, "transfer-encoding: chunked\r\n")).await?;
            fill(stream, ENDLESS_BODY, true).await
        }
        Break::Trickle => {
            stream.write_all(&head(reply, &length(ENDLESS_BODY))).await?;
            for byte in body.iter().chain(std::iter::repeat(&b' ')) {
                stream.write_all(std::slice::from_ref(byte)).await?;
                stream.flush().await?;
                tokio::time::sleep(TRICKLE).await;
            }
            Ok(())
        }
    }?;
    stream.flush().await
}

/// Sends `total` bytes of filling in pieces, each a chunk of the chunked coding if wanted.
async fn fill(stream: &mut impl Connection, total: usize, chunked: bool) -> io::Result<()> {
    let piece = vec![b'x'; 64 * 1024];
    let mut left = total;
    while left > 0 {
        let now = left.min(piece.len());
        if chunked {
            stream.write_all(format!("{now:x}\r\n").as_bytes()).await?;
        }
        stream.write_all(&piece[..now]).await?;
        if chunked {
            stream.write_all(b"\r\n").await?;
        }
        left -= now;
        // A client that reads as fast as this writes must not keep other tasks from running.
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn wait_for_leave(stream: &mut impl Connection) {
    let mut scratch = [0; 4096];
    while stream.read(&mut scratch).await.is_ok_and(|read| read > 0) {}
}

fn length(length: usize) -> String {
    format!("content-length: {length}\r\n")
}

/// Status line and header section; `framing` are the lines that say how long the body is.
fn head(reply: &Reply, framing: &str) -> Vec<u8> {
    let reason =
        StatusCode::from_u16(reply.status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let fields: String = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {} {reason}\r\n{fields}{framing}\r\n", reply.status).into_bytes()
}

/// A whole answer. Framing that a fault set itself is left alone, right or wrong.
fn whole(reply: &Reply, bodiless: bool, chunked: bool) -> Vec<u8> {
    let body = reply.body.render(false);
    let own = |name: &str| reply.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    let bodiless = bodiless || [204, 304].contains(&reply.status);
    if own("content-length") || own("transfer-encoding") {
        [head(reply, ""), body].concat()
    } else if chunked && !bodiless {
        let chunk = if body.is_empty() {
            Vec::new()
        } else {
            [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat()
        };
        [head(reply, "transfer-encoding: chunked\r\n"), chunk, b"0\r\n\r\n".to_vec()].concat()
    } else if bodiless {
        head(reply, &if reply.status == 204 { String::new() } else { length(body.len()) })
    } else {
        [head(reply, &length(body.len())), body].concat()
    }
}

enum Received {
    Request(Request, bool),
    End,
    /// The status that says what is wrong.
    Unreadable(u16),
}

/// Reads one request; what follows it stays in `unread`.
async fn read(stream: &mut impl Connection, unread: &mut Vec<u8>) -> io::Result<Received> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 128];
        let mut parsed = httparse::Request::new(&mut fields);
        match parsed.parse(unread) {
            Ok(httparse::Status::Complete(end)) => {
                let (mut request, keep_alive) = taken_over(&parsed);
                if request.header("transfer-encoding").next().is_some() {
                    return Ok(Received::Unreadable(411));
                }
                let length =
                    request.header("content-length").next().map(|value| String::from_utf8_lossy(value).into_owned());
                let Ok(length) = length.as_deref().unwrap_or("0").parse::<usize>() else {
                    return Ok(Received::Unreadable(400));
                };
                if length > LONGEST_BODY {
                    return Ok(Received::Unreadable(413));
                }
                while unread.len() < end + length {
                    if more(stream, unread).await? == 0 {
                        return Ok(Received::End);
                    }
                }
                request.body = unread[end..end + length].to_vec();
                unread.drain(..end + length);
                return Ok(Received::Request(request, keep_alive));
            }
            Ok(httparse::Status::Partial) if unread.len() > LONGEST_HEAD => {
                return Ok(Received::Unreadable(431));
            }
            Ok(httparse::Status::Partial) => {
                if more(stream, unread).await? == 0 {
                    return Ok(Received::End);
                }
            }
            Err(httparse::Error::TooManyHeaders) => return Ok(Received::Unreadable(431)),
            Err(_) => return Ok(Received::Unreadable(400)),
        }
    }
}

async fn more(stream: &mut impl Connection, unread: &mut Vec<u8>) -> io::Result<usize> {
    let mut piece = [0; 8192];
    let read = stream.read(&mut piece).await?;
    unread.extend_from_slice(&piece[..read]);
    Ok(read)
}

fn taken_over(parsed: &httparse::Request<'_, '_>) -> (Request, bool) {
    let target = parsed.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(String, Vec<u8>)> =
        parsed.headers.iter().map(|field| (field.name.to_owned(), field.value.to_vec())).collect();
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        ..Request::default()
    };
    let close = request.header("connection").any(|value| value.eq_ignore_ascii_case(b"close"));
    (request, parsed.version == Some(1) && !close)
}

/// The longest header section that is read, in bytes.
pub(super) const LONGEST_HEAD: usize = 256 * 1024;
/// The longest request body that is read, in bytes.
pub(super) const LONGEST_BODY: usize = 1024 * 1024;
const BIG_BODY: usize = 64 * 1024 * 1024;
const ENDLESS_BODY: usize = 256 * 1024 * 1024;
const NESTING: usize = 100_000;
const TRICKLE: Duration = Duration::from_millis(20);
const LONGEST_ANSWER: Duration = Duration::from_secs(600);
