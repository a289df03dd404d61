//! Our own HTTP/1.1 writer and reader, for what the library cannot send: names of header fields in any letter case, request
//! targets that a URL parser would change. One connection for each request.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use url::Url;

use super::request::Ready;
use super::wire::{Ended, millis, take};
use crate::exchange::{Outcome, Received, Sent};
use crate::target::Bounds;

/// The bytes of a request.
pub(super) fn bytes(sent: &Sent) -> Vec<u8> {
    let mut out = format!("{} {} HTTP/1.1\r\n", sent.method, target(&sent.url)).into_bytes();
    for (name, value) in &sent.headers {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&sent.body);
    out
}

/// What stands behind the host in a URL, as it is, without the fragment.
fn target(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let behind = url.find("://").map_or(url, |at| &url[at + 3..]);
    match behind.find(['/', '?']) {
        Some(at) if behind[at..].starts_with('/') => behind[at..].replace(' ', "%20"),
        Some(at) => format!("/{}", behind[at..].replace(' ', "%20")),
        None => "/".into(),
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub(super) async fn send(
    ready: &Ready,
    bounds: &Bounds,
    tls: &Arc<rustls::ClientConfig>,
    elsewhere: Option<SocketAddr>,
) -> Ended {
    let connecting = connect(&ready.sent.url, tls, elsewhere);
    let mut stream = match timeout(bounds.connect, connecting).await {
        Err(_) => return Ended::bounded("connect", millis(bounds.connect)),
        Ok(Err(ended)) => return ended,
        Ok(Ok(stream)) => stream,
    };
    if let Err(error) = stream.write_all(&bytes(&ready.sent)).await {
        return Ended::failed(Outcome::ClosedEarly, error.to_string());
    }
    let started = Instant::now();
    let mut buffer = Vec::new();
    let head = match timeout(bounds.first_byte, read_head(&mut stream, &mut buffer, bounds.head)).await {
        Err(_) => return Ended::bounded("first_byte", millis(bounds.first_byte)),
        Ok(Err(ended)) => return ended,
        Ok(Ok(head)) => head,
    };
    let Head { mut received, body_start } = head;
    received.first_byte_ms = millis(started.elapsed());
    let rest = buffer.split_off(body_start);
    let framing = framing(&received, &ready.sent.method);
    let deadline = bounds.whole;
    match timeout(deadline, read_body(&mut stream, rest, framing, &mut received.body, bounds.body)).await {
        Err(_) => Ended::bounded("whole", millis(bounds.whole)).with(received),
        Ok(Err(ended)) => ended.with(received),
        Ok(Ok(())) => Ended { outcome: Outcome::Answered, received: Some(received), bound: None, error: None },
    }
}

async fn connect(
    url: &str,
    tls: &Arc<rustls::ClientConfig>,
    elsewhere: Option<SocketAddr>,
) -> Result<Box<dyn Stream>, Ended> {
    let parsed = Url::parse(url).map_err(|error| Ended::failed(Outcome::Malformed, error.to_string()))?;
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = parsed.port_or_known_default().unwrap_or(80);
    let addresses: Vec<SocketAddr> = match elsewhere {
        Some(address) => vec![address],
        None => tokio::net::lookup_host((host.as_str(), port))
            .await
            .map_err(|error| Ended::failed(Outcome::Unresolved, error.to_string()))?
            .collect(),
    };
    let mut last = Ended::failed(Outcome::Unresolved, "the name has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Err(error) => last = Ended::failed(Outcome::Refused, error.to_string()),
            Ok(stream) if parsed.scheme() != "https" => return Ok(Box::new(stream)),
            Ok(stream) => {
                let name =
                    ServerName::try_from(host).map_err(|error| Ended::failed(Outcome::TlsFailed, error.to_string()))?;
                return match TlsConnector::from(tls.clone()).connect(name, stream).await {
                    Ok(stream) => Ok(Box::new(stream)),
                    Err(error) => Err(Ended::failed(Outcome::TlsFailed, error.to_string())),
                };
            }
        }
    }
    Err(last)
}

struct Head {
    received: Received,
    body_start: usize,
}

async fn read_head(stream: &mut Box<dyn Stream>, buffer: &mut Vec<u8>, limit: usize) -> Result<Head, Ended> {
    let mut piece = [0_u8; 8192];
    loop {
        let read = stream.read(&mut piece).await.map_err(closed)?;
        if read == 0 {
            let outcome = if buffer.is_empty() || buffer.starts_with(b"HTTP/") {
                Outcome::ClosedEarly
            } else {
                Outcome::Malformed
            };
            return Err(Ended::failed(outcome, "the connection ended within the head of the response"));
        }
        buffer.extend_from_slice(&piece[..read]);
        let mut fields = vec![httparse::EMPTY_HEADER; 4096];
        let mut response = httparse::Response::new(&mut fields);
        match response.parse(buffer) {
            Ok(httparse::Status::Complete(body_start)) => {
                if (100..200).contains(&response.code.unwrap_or(0)) && response.code != Some(101) {
                    buffer.drain(..body_start);
                    continue;
                }
                if body_start > limit {
                    return Err(Ended::bounded("head", limit as u64));
                }
                let headers =
                    response.headers.iter().map(|field| (field.name.to_owned(), field.value.to_vec())).collect();
                let received = Received {
                    status: response.code.unwrap_or(0),
                    http_version: if response.version == Some(0) { "1.0" } else { "1.1" }.into(),
                    headers,
                    head_length: body_start,
                    ..Received::default()
                };
                return Ok(Head { received, body_start });
            }
            Ok(httparse::Status::Partial) if buffer.len() > limit => return Err(Ended::bounded("head", limit as u64)),
            Ok(httparse::Status::Partial) => {}
            Err(httparse::Error::TooManyHeaders) => return Err(Ended::bounded("head", limit as u64)),
            Err(error) => return Err(Ended::failed(Outcome::Malformed, format!("not HTTP: {error}"))),
        }
    }
}

fn closed(error: io::Error) -> Ended {
    Ended::failed(Outcome::ClosedEarly, error.to_string())
}

/// Where a body ends.
///
/// Source: RFC 9112 §6.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    None,
    Length(u64),
    Chunked,
    Close,
}

fn framing(received: &Received, method: &str) -> Framing {
    let of = |wanted: &'static str| {
        received
            .headers
            .iter()
            .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.as_slice())
    };
    if method == "HEAD" || matches!(received.status, 204 | 304) {
        return Framing::None;
    }
    let mut codings = of("transfer-encoding");
    if codings.any(|value| String::from_utf8_lossy(value).to_ascii_lowercase().contains("chunked")) {
        return Framing::Chunked;
    }
    let length = of("content-length").find_map(|value| std::str::from_utf8(value).ok()?.trim().parse().ok());
    length.map_or(Framing::Close, Framing::Length)
}

async fn read_body(
    stream: &mut Box<dyn Stream>,
    rest: Vec<u8>,
    framing: Framing,
    body: &mut Vec<u8>,
    limit: usize,
) -> Result<(), Ended> {
    let too_large = || Ended::bounded("body", limit as u64);
    let mut pieces = Pieces { stream, rest: Bytes::from(rest) };
    match framing {
        Framing::None => Ok(()),
        Framing::Close => {
            while let Some(piece) = pieces.next().await? {
                if !take(body, &piece, limit) {
                    return Err(too_large());
                }
            }
            Ok(())
        }
        Framing::Length(length) => {
            let mut left = length;
            while left > 0 {
                let Some(mut piece) = pieces.next().await? else {
                    return Err(Ended::failed(
                        Outcome::ClosedEarly,
                        format!("{left} of {length} bytes of the body are missing"),
                    ));
                };
                piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                left -= piece.len() as u64;
                if !take(body, &piece, limit) {
                    return Err(too_large());
                }
            }
            Ok(())
        }
        Framing::Chunked => {
            loop {
                let line = pieces.line().await?;
                let size = line.split(';').next().unwrap_or_default().trim();
                let Ok(mut left) = usize::from_str_radix(size, 16) else {
                    return Err(Ended::failed(Outcome::Malformed, "a chunk has no size"));
                };
                if left == 0 {
                    // Trailer fields end with an empty line.
                    while !pieces.line().await?.is_empty() {}
                    return Ok(());
                }
                while left > 0 {
                    let Some(mut piece) = pieces.next().await? else {
                        return Err(Ended::failed(Outcome::ClosedEarly, "the connection ended within a chunk"));
                    };
                    if piece.len() > left {
                        pieces.rest = piece.split_off(left);
                    }
                    left -= piece.len();
                    if !take(body, &piece, limit) {
                        return Err(too_large());
                    }
                }
                pieces.line().await?;
            }
        }
    }
}

struct Pieces<'s> {
    stream: &'s mut Box<dyn Stream>,
    rest: Bytes,
}

impl Pieces<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>, Ended> {
        if !self.rest.is_empty() {
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        let mut piece = vec![0_u8; 16 * 1024];
        let read = self.stream.read(&mut piece).await.map_err(closed)?;
        piece.truncate(read);
        Ok((read > 0).then(|| Bytes::from(piece)))
    }

    /// One line of the chunked framing, without its end; at most 4 KiB.
    async fn line(&mut self) -> Result<String, Ended> {
        let mut line = Vec::new();
        loop {
            let Some(mut piece) = self.next().await? else {
                return Err(Ended::failed(Outcome::ClosedEarly, "the connection ended within the framing of chunks"));
            };
            if let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
                self.rest = piece.split_off(end + 1);
                line.extend_from_slice(&piece);
                return Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
            }
            line.extend_from_slice(&piece);
            if line.len() > 4096 {
                return Err(Ended::failed(Outcome::Malformed, "a line of the framing of chunks does not end"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_target_is_taken_as_it_stands() {
        assert_eq!(target("https://as.example/a/../b?x=%7e#f"), "/a/../b?x=%7e");
        assert_eq!(target("https://as.example?x=1"), "/?x=1");
        assert_eq!(target("https://as.example"), "/");
    }
}
