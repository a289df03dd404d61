//! Our own HTTP/1.1 writer and reader, for what the library cannot send: names of header fields in any letter case, request
//! targets that a URL parser would change. One connection for each request.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use url::Url;

use super::wire::{Ended, Limits, MOST_FIELDS, millis, not_connected, take};
use crate::exchange::{Outcome, Received, Sent};

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
        Some(at) if behind[at..].starts_with('/') => behind[at..].to_owned(),
        Some(at) => format!("/{}", &behind[at..]),
        None => "/".into(),
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub(super) async fn send(
    sent: &Sent,
    limits: &Limits<'_>,
    tls: &Arc<rustls::ClientConfig>,
    elsewhere: Option<SocketAddr>,
) -> Ended {
    match exchanged(sent, limits, tls, elsewhere).await {
        Ok(received) => Ended::answered(received),
        Err(ended) => ended,
    }
}

async fn exchanged(
    sent: &Sent,
    limits: &Limits<'_>,
    tls: &Arc<rustls::ClientConfig>,
    elsewhere: Option<SocketAddr>,
) -> Result<Received, Ended> {
    let bounds = limits.bounds;
    let mut stream = limits.step("connect", bounds.connect, connect(&sent.url, tls, elsewhere)).await??;
    let asked = Instant::now();
    let mut buffer = Vec::new();
    let asking = async {
        // A server may answer and close before it has read everything: its answer counts, not the failed write.
        let written = stream.write_all(&bytes(sent)).await;
        let head = read_head(&mut stream, &mut buffer, bounds.head).await;
        match written {
            Err(error) if head.is_err() => Err(closed(error)),
            _ => head,
        }
    };
    let mut received = limits.step("first_byte", bounds.first_byte, asking).await??;
    received.first_byte_ms = millis(asked.elapsed());
    if received.head_length > bounds.head {
        return Err(Ended::too_large("head", bounds.head).with(received));
    }
    let mut body = Vec::new();
    let reading = async {
        let framing = framing(&received, &sent.method)?;
        let mut pieces = Pieces { stream: &mut stream, rest: Bytes::from(buffer) };
        read_body(&mut pieces, framing, &mut body, bounds.body).await
    };
    let ended = limits.whole(reading).await.and_then(|read| read);
    received.body = body;
    match ended {
        Ok(()) => Ok(received),
        Err(ended) => Err(ended.with(received)),
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
    let secure = parsed.scheme() == "https";
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
            Err(error) => last = Ended::failed(not_connected(error.kind(), secure), error.to_string()),
            Ok(stream) if !secure => return Ok(Box::new(stream)),
            Ok(stream) => {
                let failed = |error: &dyn std::error::Error| Ended::failed(Outcome::TlsFailed, error.to_string());
                let name = ServerName::try_from(host).map_err(|error| failed(&error))?;
                let stream = TlsConnector::from(tls.clone()).connect(name, stream).await;
                return stream.map(|stream| Box::new(stream) as Box<dyn Stream>).map_err(|error| failed(&error));
            }
        }
    }
    Err(last)
}

/// Reads the head of the final response; what follows it stays in `buffer`.
async fn read_head(stream: &mut Box<dyn Stream>, buffer: &mut Vec<u8>, limit: usize) -> Result<Received, Ended> {
    let mut piece = [0_u8; 8192];
    loop {
        while let Some(received) = parse_head(buffer, limit)? {
            // 1xx are announcements, but for 101, after which there is no HTTP any more.
            if !(100..200).contains(&received.status) || received.status == 101 {
                return Ok(received);
            }
        }
        let read = stream.read(&mut piece).await.map_err(closed)?;
        if read == 0 {
            return Err(Ended::failed(Outcome::ClosedEarly, "the connection ended before the head of a response"));
        }
        buffer.extend_from_slice(&piece[..read]);
    }
}

/// Takes one whole head off the buffer; `None` if there is none yet.
fn parse_head(buffer: &mut Vec<u8>, limit: usize) -> Result<Option<Received>, Ended> {
    if buffer.is_empty() {
        return Ok(None);
    }
    let mut fields = vec![httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => {
            let headers = response.headers.iter().map(|field| (field.name.to_owned(), field.value.to_vec())).collect();
            let received = Received {
                status: response.code.unwrap_or(0),
                http_version: if response.version == Some(0) { "1.0" } else { "1.1" }.into(),
                headers,
                head_length: length,
                ..Received::default()
            };
            buffer.drain(..length);
            Ok(Some(received))
        }
        Ok(httparse::Status::Partial) if buffer.len() > limit => Err(Ended::too_large("head", limit)),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => Err(Ended::too_large("head", limit)),
        Err(error) => Err(Ended::failed(Outcome::Malformed, format!("not HTTP: {error}"))),
    }
}

fn closed(error: io::Error) -> Ended {
    Ended::failed(Outcome::ClosedEarly, error.to_string())
}

fn malformed(reason: &str) -> Ended {
    Ended::failed(Outcome::Malformed, reason)
}

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    None,
    Length(u64),
    Chunked,
    Close,
}

/// How the body of a response is framed; a response that contradicts itself is none.
///
/// Source: RFC 9112 §6.3.
fn framing(received: &Received, method: &str) -> Result<Framing, Ended> {
    let of = |wanted: &str| -> Vec<String> {
        let fields = received.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let texts = fields.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
        texts.flat_map(|text| text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>()).collect()
    };
    if method == "HEAD" || matches!(received.status, 101 | 204 | 304) {
        return Ok(Framing::None);
    }
    let codings = of("transfer-encoding");
    if let Some(last) = codings.last() {
        return match last.eq_ignore_ascii_case("chunked") {
            _ if received.http_version == "1.0" => Err(malformed("Transfer-Encoding in HTTP/1.0")),
            true => Ok(Framing::Chunked),
            false => Ok(Framing::Close),
        };
    }
    let lengths = of("content-length");
    let Some(first) = lengths.first() else { return Ok(Framing::Close) };
    let digits = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    match first.parse() {
        Ok(length) if digits && lengths.iter().all(|other| other == first) => Ok(Framing::Length(length)),
        _ => Err(malformed("Content-Length is not one number")),
    }
}

async fn read_body(pieces: &mut Pieces<'_>, framing: Framing, body: &mut Vec<u8>, limit: usize) -> Result<(), Ended> {
    match framing {
        Framing::None => Ok(()),
        Framing::Close => {
            while let Some(piece) = pieces.next().await? {
                if !take(body, &piece, limit) {
                    return Err(Ended::too_large("body", limit));
                }
            }
            Ok(())
        }
        Framing::Length(length) => pieces.exactly(length, body, limit).await,
        Framing::Chunked => loop {
            let line = pieces.line().await?;
            let size = line.split(';').next().unwrap_or_default().trim_end_matches([' ', '\t']);
            let hex = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
            let length = u64::from_str_radix(size, 16).ok().filter(|_| hex);
            let length = length.ok_or_else(|| malformed("a chunk has no size"))?;
            if length == 0 {
                return pieces.trailers().await;
            }
            pieces.exactly(length, body, limit).await?;
            if !pieces.line().await?.is_empty() {
                return Err(malformed("a chunk is longer than its size"));
            }
        },
    }
}

/// What comes after a head, piece by piece.
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

    /// Moves `length` bytes into the body.
    async fn exactly(&mut self, length: u64, body: &mut Vec<u8>, limit: usize) -> Result<(), Ended> {
        let mut left = length;
        while left > 0 {
            let Some(mut piece) = self.next().await? else {
                let missing = format!("{left} of {length} bytes are missing");
                return Err(Ended::failed(Outcome::ClosedEarly, missing));
            };
            let here = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            self.rest = piece.split_off(here);
            left -= piece.len() as u64;
            if !take(body, &piece, limit) {
                return Err(Ended::too_large("body", limit));
            }
        }
        Ok(())
    }

    /// Trailer fields end with an empty line.
    async fn trailers(&mut self) -> Result<(), Ended> {
        for _ in 0..MOST_TRAILERS {
            if self.line().await?.is_empty() {
                return Ok(());
            }
        }
        Err(malformed("the trailer fields do not end"))
    }

    /// One line of the chunked framing, without its end; at most 4 KiB.
    async fn line(&mut self) -> Result<String, Ended> {
        let mut line = Vec::new();
        while line.len() <= LONGEST_LINE {
            let Some(mut piece) = self.next().await? else {
                return Err(Ended::failed(Outcome::ClosedEarly, "the connection ended within the framing of chunks"));
            };
            let Some(end) = piece.iter().position(|byte| *byte == b'\n') else {
                line.extend_from_slice(&piece);
                continue;
            };
            self.rest = piece.split_off(end + 1);
            line.extend_from_slice(&piece);
            let whole = line.strip_suffix(b"\r\n").filter(|line| line.len() <= LONGEST_LINE);
            let whole = whole.ok_or_else(|| malformed("a line of the framing of chunks ends wrongly"))?;
            return Ok(String::from_utf8_lossy(whole).into_owned());
        }
        Err(malformed("a line of the framing of chunks does not end"))
    }
}

/// Longest line of the chunked framing, in bytes.
const LONGEST_LINE: usize = 4096;

/// Most trailer fields.
const MOST_TRAILERS: usize = 100;

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
