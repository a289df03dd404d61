//! Raw HTTP messages: `curl -i`, requests and responses as tools save them, one after the other.
//!
//! Lines may end in CRLF or, since people paste, in LF. Source: RFC 9112 §2 to §7.

use super::heard::{Answered, Asked, Head, Heard};

/// Where the first message begins, in bytes: what stands before it, such as a prompt with the command, is passed over.
pub(super) fn first_line(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n').take(LINES_BEFORE) {
        if start(line).is_some() {
            return Some(at);
        }
        at += line.len();
    }
    None
}

/// A message as it stands in the file.
struct Message {
    line: usize,
    start: Start,
    headers: Vec<(String, Vec<u8>)>,
    head_length: usize,
    body: Vec<u8>,
}

enum Start {
    Request { method: String, target: String },
    Status { version: String, status: u16 },
}

/// Reads every message; a request waits for the answer behind it, also in the next file.
///
/// # Errors
/// Line and reason.
pub(super) fn read(
    name: &str,
    bytes: &[u8],
    from: usize,
    waiting: &mut Option<(String, Asked)>,
) -> Result<(Vec<Heard>, Vec<String>), (usize, String)> {
    let messages = messages(bytes, from)?;
    let follows = |nth: usize| messages.get(nth + 1).is_some_and(|next| matches!(next.start, Start::Status { .. }));
    let mut heard: Vec<Heard> = Vec::new();
    let mut notices = Vec::new();
    // The answers behind a redirect are those of another URL.
    let mut redirected = false;
    for (nth, message) in messages.iter().enumerate() {
        match &message.start {
            Start::Request { method, target } => {
                if waiting.is_some() {
                    return Err((message.line, "a second request before the first one was answered".to_owned()));
                }
                redirected = false;
                *waiting = Some((name.to_owned(), asked(message, method, target)));
            }
            Start::Status { version, status } => {
                let tunnel = *status == 200 && message.headers.is_empty() && message.body.is_empty();
                let repeated = matches!(status, 401 | 407) && message.body.is_empty();
                if *status < 200 || (follows(nth) && (tunnel || repeated)) {
                    continue;
                }
                if redirected && waiting.is_none() {
                    notices
                        .push(format!("{name}:{}: passed over, the answer of what a redirect leads to", message.line));
                    continue;
                }
                redirected = (300..400).contains(status) && follows(nth);
                let head = Head {
                    status: *status,
                    http_version: version.clone(),
                    headers: message.headers.clone(),
                    length: message.head_length,
                };
                let asked = waiting.take().map(|(_, asked)| asked);
                let body = unpacked(&head, message.body.clone());
                let from =
                    if nth == 0 && messages.len() < 3 { name.to_owned() } else { format!("{name}:{}", message.line) };
                heard.push(Heard { from, asked, answered: Answered { head: Some(head), body }, ..Heard::default() });
            }
        }
    }
    Ok((heard, notices))
}

fn messages(bytes: &[u8], from: usize) -> Result<Vec<Message>, (usize, String)> {
    let mut all = Vec::new();
    let mut at = from;
    while at < bytes.len() {
        let number = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        let first = line(bytes, at);
        let Some(start) = start(first) else {
            if first.trim_ascii().is_empty() {
                at += first.len();
                continue;
            }
            // A command between two answers, perhaps over several lines.
            if !all.is_empty() && is_command(first) {
                while at < bytes.len() && self::start(line(bytes, at)).is_none() {
                    at += line(bytes, at).len();
                }
                continue;
            }
            return Err((number, "neither a status line nor a request line".to_owned()));
        };
        let begin = at;
        at += first.len();
        let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
        let mut nth = number;
        while at < bytes.len() {
            let text = line(bytes, at);
            at += text.len();
            nth += 1;
            let plain = text.strip_suffix(b"\n").unwrap_or(text);
            let plain = plain.strip_suffix(b"\r").unwrap_or(plain);
            if plain.is_empty() {
                break;
            }
            match (plain.iter().position(|byte| *byte == b':'), headers.last_mut()) {
                // Folded, as nobody should. Source: RFC 9112 §5.2.
                (_, Some((_, value))) if matches!(plain[0], b' ' | b'\t') => {
                    value.push(b' ');
                    value.extend_from_slice(plain.trim_ascii());
                }
                (Some(colon), _) if colon > 0 => {
                    let name = String::from_utf8_lossy(&plain[..colon]).into_owned();
                    headers.push((name, plain[colon + 1..].trim_ascii().to_vec()));
                }
                _ => return Err((nth, "neither a header field nor the empty line behind them".to_owned())),
            }
            if headers.len() > MOST_FIELDS {
                return Err((nth, format!("more than {MOST_FIELDS} header fields")));
            }
        }
        let head_length = at - begin;
        let end = body_end(bytes, at, &headers);
        let body = bytes[at..end].to_vec();
        at = end;
        all.push(Message { line: number, start, headers, head_length, body });
    }
    Ok(all)
}

/// Where a body ends: where its length says so, if a message or nothing follows there, or else before the next message.
fn body_end(bytes: &[u8], at: usize, headers: &[(String, Vec<u8>)]) -> usize {
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|(_, value)| std::str::from_utf8(value).ok()?.trim().parse::<usize>().ok());
    if let Some(end) = length.and_then(|length| at.checked_add(length)).filter(|end| *end <= bytes.len()) {
        let rest = bytes[end..].trim_ascii_start();
        if rest.is_empty() || start(line(rest, 0)).is_some() || is_command(line(rest, 0)) {
            return end;
        }
    }
    let mut next = at;
    let mut command = None;
    while next < bytes.len() {
        let text = line(bytes, next);
        if start(text).is_some() {
            let end = command.unwrap_or(next);
            return at + bytes[at..end].trim_ascii_end().len();
        }
        // What a terminal shows between two answers belongs to neither.
        if next > at && is_command(text) {
            command.get_or_insert(next);
        }
        next += text.len();
    }
    command.map_or(bytes.len(), |end| at + bytes[at..end].trim_ascii_end().len())
}

/// A prompt with a `curl` behind it, or the command alone.
fn is_command(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    let behind = text.find("curl ").map(|at| text[..at].trim_end());
    behind.is_some_and(|prompt| prompt.is_empty() || prompt.ends_with(['$', '%', '#', '>']) && prompt.len() < 100)
}

fn line(bytes: &[u8], at: usize) -> &[u8] {
    let rest = &bytes[at..];
    rest.iter().position(|byte| *byte == b'\n').map_or(rest, |end| &rest[..=end])
}

/// A status line or a request line.
fn start(line: &[u8]) -> Option<Start> {
    let text = std::str::from_utf8(line.get(..line.len().min(LONGEST_START))?).ok()?.trim_end();
    if let Some(rest) = text.strip_prefix("HTTP/") {
        let (version, rest) = rest.split_once(' ')?;
        let status = rest.split(' ').next()?;
        // Source: RFC 9113 §1 for versions without a second number.
        let version = match version {
            "1.0" | "1.1" => version,
            "2" | "2.0" => "2",
            "3" | "3.0" => "3",
            _ => return None,
        };
        let status: u16 = status.parse().ok().filter(|_| status.len() == 3)?;
        return Some(Start::Status { version: version.to_owned(), status });
    }
    let mut words = text.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let is_method = (3..=10).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_request = is_method && version.starts_with("HTTP/") && words.next().is_none() && !target.is_empty();
    is_request.then(|| Start::Request { method: method.to_owned(), target: target.to_owned() })
}

fn asked(message: &Message, method: &str, target: &str) -> Asked {
    let headers: Vec<(String, String)> = message
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned()))
        .collect();
    let host = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, host)| host.clone());
    let absolute = target.contains("://");
    let url = if absolute { target.to_owned() } else { with_host(&host.unwrap_or_default(), target, None) };
    Asked { method: method.to_owned(), url, scheme_guessed: !absolute, headers, body: Some(message.body.clone()) }
}

/// A URL from its host and path: https, unless this machine is meant or somebody knows better.
pub(super) fn with_host(host: &str, path: &str, secure: Option<bool>) -> String {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let own = name == "localhost" || name.starts_with("127.") || name == "[::1]";
    let scheme = if secure.unwrap_or(!own && !host.ends_with(":80")) { "https" } else { "http" };
    format!("{scheme}://{host}{path}")
}

/// The body as the server meant it; `None` where it is compressed and says nothing to us.
pub(super) fn unpacked(head: &Head, body: Vec<u8>) -> Option<Vec<u8>> {
    let chunked = head.field("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    let body = if chunked { dechunked(&body).unwrap_or(body) } else { body };
    let packed = head.field("content-encoding").is_some_and(|value| !value.eq_ignore_ascii_case("identity"));
    (!packed || std::str::from_utf8(&body).is_ok()).then_some(body)
}

/// What chunks hold; `None` if it is no whole sequence of them: most tools put them together before they save.
///
/// Source: RFC 9112 §7.1.
fn dechunked(body: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut at) = (Vec::new(), 0);
    loop {
        let first = line(body, at);
        let size = std::str::from_utf8(first).ok()?.trim().split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        at += first.len();
        if size == 0 {
            return Some(out);
        }
        out.extend_from_slice(body.get(at..at.checked_add(size)?)?);
        at += size;
        at += line(body, at).len();
    }
}

/// A prompt, the command, and what a tool says before.
const LINES_BEFORE: usize = 40;
const LONGEST_START: usize = 16 * 1024;
const MOST_FIELDS: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> Vec<Heard> {
        read("x", text.as_bytes(), first_line(text.as_bytes()).unwrap(), &mut None).unwrap().0
    }

    #[test]
    fn what_curl_i_writes_is_one_answer_whatever_came_before_it() {
        let text = "$ curl -i https://as.example/token\nHTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/2 401 \r\ncontent-type: application/json\r\n\r\n{\"error\":\"invalid_client\"}\n";
        let all = heard(text);
        assert_eq!(all.len(), 1);
        let head = all[0].answered.head.as_ref().unwrap();
        assert_eq!((head.status, head.http_version.as_str()), (401, "2"));
        assert_eq!(all[0].answered.body.as_deref(), Some(&b"{\"error\":\"invalid_client\"}\n"[..]));
    }

    #[test]
    fn requests_and_answers_make_pairs() {
        let text = "POST /token HTTP/1.1\nHost: as.example\nContent-Length: 5\n\na=b&c\nHTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n\nGET / HTTP/1.1\nHost: localhost:8080\n\nHTTP/1.1 302 Found\nLocation: /x\n\nHTTP/1.1 200 OK\n\nelsewhere";
        let all = heard(text);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].asked.as_ref().unwrap().url, "https://as.example/token");
        assert_eq!(all[0].asked.as_ref().unwrap().body.as_deref(), Some(&b"a=b&c"[..]));
        assert_eq!(all[0].answered.body.as_deref(), Some(&b"{\"a\":1}"[..]));
        assert_eq!(all[1].asked.as_ref().unwrap().url, "http://localhost:8080/");
        assert_eq!(all[1].answered.head.as_ref().unwrap().status, 302);
    }

    #[test]
    fn a_terminal_with_several_answers_is_several_answers() {
        let answer =
            |head: &str, body: &str| format!("HTTP/2 200 \r\ncontent-type: application/json\r\n{head}\r\n{body}");
        let command = "\nuser@host:~$ curl -i https://as.example/token \\\n  -d grant_type=client_credentials\n";
        let text = [answer("", "{\"a\":1}"), answer("content-length: 7\r\n", "{\"b\":2}"), answer("", "{\"c\":3}")]
            .join(command);
        let bodies: Vec<Vec<u8>> = heard(&(text + command)).into_iter().filter_map(|one| one.answered.body).collect();
        assert_eq!(bodies, [b"{\"a\":1}", b"{\"b\":2}", b"{\"c\":3}"]);
    }

    #[test]
    fn mistakes_have_their_line() {
        let read = |text: &str| read("x", text.as_bytes(), 0, &mut None).unwrap_err();
        assert_eq!(read("HTTP/1.1 200 OK\nno field\n\n").0, 2);
        assert_eq!(read("GET / HTTP/1.1\n\nGET / HTTP/1.1\n\n").0, 3);
    }
}
