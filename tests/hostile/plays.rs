//! What hostile servers do.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::loopback::{hang, left};

/// One chunk of 64 bytes.
pub const CHUNK: &[u8] = b"40\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n";

pub fn say_and_hang(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    hang(stream)
}

/// Closing while bytes of the client's are unread resets the connection.
pub fn reset(stream: &mut TcpStream) -> io::Result<()> {
    stream.peek(&mut [0]).map(drop)
}

pub fn json_head(length: usize, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

pub fn json_answer(body: &[u8]) -> Vec<u8> {
    [json_head(body.len(), "").as_slice(), body].concat()
}

pub fn refusal() -> Vec<u8> {
    let body = r#"{"error":"invalid_client"}"#;
    let head = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nWWW-Authenticate: Basic realm=\"x\"\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

pub fn page(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

pub fn chunks(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    stream.write_all(bytes)
}

/// After a status line: `fields`, then `unit` over and over, until the client leaves.
pub fn flood(stream: &mut TcpStream, fields: &[u8], unit: &[u8], most: u64) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")?;
    stream.write_all(fields)?;
    let piece = unit.repeat(8_192);
    let mut left = most;
    while left > 0 {
        stream.write_all(&piece)?;
        left = left.saturating_sub(piece.len() as u64);
    }
    Ok(())
}

pub fn repeat(stream: &mut TcpStream, unit: &[u8]) -> io::Result<()> {
    let piece = unit.repeat(50);
    loop {
        stream.write_all(&piece)?;
    }
}

pub fn long_head(stream: &mut TcpStream, fields: usize, length: usize) -> io::Result<()> {
    let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
    for nth in 0..fields {
        head.extend_from_slice(format!("X-{nth}: {}\r\n", "a".repeat(length)).as_bytes());
    }
    head.extend_from_slice(b"Content-Length: 2\r\n\r\n{}");
    stream.write_all(&head)
}

/// One byte of the body after another, as long as the client waits.
pub fn trickle(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(&json_head(10_000, ""))?;
    stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    for _ in 0..10_000 {
        stream.write_all(b" ")?;
        if left(stream) {
            return Ok(());
        }
    }
    Ok(())
}
