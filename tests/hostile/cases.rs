//! The table of defects.

use std::io::Write as _;

use crate::loopback::{Play, hang};
use crate::plays::{
    CHUNK, chunks, flood, json_answer, json_head, long_head, page, refusal, repeat, reset, say_and_hang, trickle,
};

/// One defect and what a run against it comes to.
pub struct Case {
    pub name: &'static str,
    pub scheme: &'static str,
    /// The server does not read before it plays its part.
    pub unread: bool,
    pub play: Play,
    pub outcome: &'static str,
    /// `/answer`, or `/bound/name`, or a kind of `/response/json_problem`: what tells this case from its neighbours.
    pub detail: (&'static str, &'static str),
    pub code: u8,
    /// How the sentence on why the run stopped goes on after the endpoint; empty when it did not stop.
    pub stopped: &'static str,
}

const fn case(
    name: &'static str,
    play: Play,
    outcome: &'static str,
    detail: (&'static str, &'static str),
    code: u8,
    stopped: &'static str,
) -> Case {
    Case { name, scheme: "http", unread: false, play, outcome, detail, code, stopped }
}

const ANSWER: &str = "/answer";
const BOUND: &str = "/bound/name";
const PROBLEM: &str = "/response/json_problem/kind";
const NOTHING: (&str, &str) = ("", "");

const NOT_IN_TIME: &str = " did not answer in time: ";
const CLOSED: &str = " closed the connection before its answer was whole: ";
const NOT_HTTP: &str = " does not answer in HTTP: ";
const LARGE: &str = " is larger than the bound: ";

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("an empty reply", |_| Ok(()), "closed_early", NOTHING, 1, CLOSED),
    Case { unread: true, ..case("a reset", reset, "closed_early", NOTHING, 1, CLOSED) },
    case("no reply", hang, "timed_out", (BOUND, "first_byte"), 1, NOT_IN_TIME),
    case("half a head", |s| say_and_hang(s, b"HTTP/1.1 200 OK\r\nContent-Ty"), "timed_out", (BOUND, "first_byte"), 1, NOT_IN_TIME),
    case("a head that breaks off", |s| s.write_all(b"HTTP/1.1 200 OK\r\nContent-Ty"), "closed_early", NOTHING, 1, CLOSED),
    case("a body that never ends its length", |s| say_and_hang(s, &json_head(500, "{")), "timed_out", (BOUND, "whole"), 1, NOT_IN_TIME),
    case("a body shorter than its length", |s| s.write_all(&json_head(500, "{")), "closed_early", NOTHING, 1, CLOSED),
    case("a slow trickle", trickle, "timed_out", (BOUND, "whole"), 1, NOT_IN_TIME),
    case("64 MiB", |s| flood(s, b"Content-Length: 67108864\r\n\r\n", b"{}", 67_108_864), "too_large", (BOUND, "body"), 3, LARGE),
    case("64 MiB without a length", |s| flood(s, b"\r\n", b"{}", 67_108_864), "too_large", (BOUND, "body"), 3, LARGE),
    case("endless chunks", |s| flood(s, b"Transfer-Encoding: chunked\r\n\r\n", CHUNK, u64::MAX), "too_large", (BOUND, "body"), 3, LARGE),
    case("an endless chunk", |s| flood(s, b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFF\r\n", b"abcd", u64::MAX), "too_large", (BOUND, "body"), 3, LARGE),
    case("a chunk without a size", |s| chunks(s, b"zz\r\nabc\r\n"), "malformed", NOTHING, 1, NOT_HTTP),
    case("a chunk with too large a size", |s| chunks(s, b"FFFFFFFFFFFFFFFFFFFF\r\nabc\r\n"), "malformed", NOTHING, 1, NOT_HTTP),
    case("a chunk that is longer than its size", |s| chunks(s, b"3\r\nabcdef\r\n0\r\n\r\n"), "malformed", NOTHING, 1, NOT_HTTP),
    case("chunks ended by LF alone", |s| chunks(s, b"3\nabc\n0\n\n"), "malformed", NOTHING, 1, NOT_HTTP),
    case("chunks that break off", |s| chunks(s, b"3\r\nabc\r\n"), "closed_early", NOTHING, 1, CLOSED),
    case("chunks without their end", |s| chunks(s, b"3\r\nabc\r\n0\r\n"), "closed_early", NOTHING, 1, CLOSED),
    case("a chunk extension without end", |s| flood(s, b"Transfer-Encoding: chunked\r\n\r\n3;", b"aaaaaaaa", u64::MAX), "malformed", NOTHING, 1, NOT_HTTP),
    case("trailers without end", |s| flood(s, b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n", u64::MAX), "malformed", NOTHING, 1, NOT_HTTP),
    case("two lengths", |s| s.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), "malformed", NOTHING, 1, NOT_HTTP),
    case("a length with a sign", |s| s.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}"), "malformed", NOTHING, 1, NOT_HTTP),
    case("chunks in HTTP/1.0", |s| s.write_all(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "malformed", NOTHING, 1, NOT_HTTP),
    case("300 KiB of headers", |s| long_head(s, 30, 10_240), "too_large", (BOUND, "head"), 3, LARGE),
    case("5,000 header lines", |s| long_head(s, 5_000, 1), "too_large", (BOUND, "head"), 3, LARGE),
    case("a header without end", |s| flood(s, b"X: ", b"aaaaaaaa", u64::MAX), "too_large", (BOUND, "head"), 3, LARGE),
    case("headers without end", |s| flood(s, b"", b"X: y\r\n", u64::MAX), "too_large", (BOUND, "head"), 3, LARGE),
    case("a folded header", |s| s.write_all(b"HTTP/1.1 200 OK\r\nX: y\r\n z\r\nContent-Length: 2\r\n\r\n{}"), "malformed", NOTHING, 1, NOT_HTTP),
    case("NUL in a header", |s| s.write_all(b"HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 2\r\n\r\n{}"), "malformed", NOTHING, 1, NOT_HTTP),
    case("a flood of 100 Continue", |s| repeat(s, b"HTTP/1.1 100 Continue\r\n\r\n"), "timed_out", (BOUND, "first_byte"), 1, NOT_IN_TIME),
    case("another protocol", |s| say_and_hang(s, b"SSH-2.0-OpenSSH_9.7\r\n"), "malformed", NOTHING, 1, NOT_HTTP),
    case("random bytes", |s| s.write_all(&[0x16, 0x03, 0x01, 0x00, 0xFF, 0x00]), "malformed", NOTHING, 1, NOT_HTTP),
    case("HTTP/2", |s| s.write_all(b"\0\0\x12\x04\0\0\0\0\0"), "malformed", NOTHING, 1, NOT_HTTP),
    case("HTTP/0.9", |s| s.write_all(b"<html>hello</html>\n"), "malformed", NOTHING, 1, NOT_HTTP),
    case("a status of four digits", |s| s.write_all(b"HTTP/1.1 2000 OK\r\n\r\n"), "malformed", NOTHING, 1, NOT_HTTP),
    case("invalid UTF-8", |s| s.write_all(&json_answer(b"{\"access_token\":\"\xFF\"}")), "answered", (PROBLEM, "encoding"), 3, ""),
    case("nesting of 100,000", |s| s.write_all(&json_answer(&b"[".repeat(100_000))), "answered", (PROBLEM, "depth"), 1, ""),
    case("a number out of range", |s| s.write_all(&json_answer(b"{\"expires_in\":1e999}")), "answered", (PROBLEM, "range"), 3, ""),
    case("300,000 values", |s| s.write_all(&json_answer(format!("[{}0]", "0,".repeat(300_000)).as_bytes())), "answered", (PROBLEM, "size"), 1, ""),
    case("no body", |s| s.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "answered", (ANSWER, "success"), 1, ""),
    case("a body that is said to be compressed", |s| s.write_all(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1F\x8B\x08\0"), "answered", (PROBLEM, "encoding"), 3, ""),
    case("a login page", |s| s.write_all(&page("<form><input type=\"password\"></form>")), "answered", (ANSWER, "login"), 1, " answers with an HTML page (200), not with OAuth"),
    case("a page that steers a terminal", |s| s.write_all(&page("\x1B]0;owned\x07\x1B[2J<![CDATA[]]>")), "answered", (ANSWER, "page"), 1, " answers with an HTML page (200), not with OAuth"),
    case("too many requests, always", |s| s.write_all(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n"), "throttled", (ANSWER, "http"), 3, " is throttling this client"),
    case("not there", |s| s.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "answered", (ANSWER, "http"), 3, " is not there: 404"),
    case("a wrong secret", |s| s.write_all(&refusal()), "answered", (ANSWER, "error"), 3, " refuses these client credentials (401 invalid_client)"),
    Case { scheme: "https", unread: true, ..case("plain HTTP where TLS is expected", |s| s.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "tls_failed", NOTHING, 1, "TLS with ") },
    Case { scheme: "https", unread: true, ..case("a connection closed in place of TLS", |_| Ok(()), "tls_failed", NOTHING, 1, "TLS with ") },
    Case { scheme: "https", unread: true, ..case("a reset in place of TLS", reset, "tls_failed", NOTHING, 1, "TLS with ") },
    Case { scheme: "https", unread: true, ..case("silence in place of TLS", hang, "timed_out", (BOUND, "connect"), 1, NOT_IN_TIME) },
];
