//! What `curl -v` says: the head of the request behind `>`, the head of the answer behind `<`, its body in between.
//!
//! The body of the request is not among it. Source: curl's manual page, option `--verbose`.

use super::heard::{Answered, Asked, Head, Heard};
use super::http;

/// Whether a text is of that kind: a request line or a status line stands behind its sign.
pub(super) fn is_verbose(text: &str) -> bool {
    let mut lines = text.lines().take(LINES_BEFORE);
    lines.any(|line| {
        line.strip_prefix("< ").is_some_and(|rest| rest.starts_with("HTTP/"))
            || line.strip_prefix("> ").is_some_and(|rest| rest.contains(" HTTP/"))
    })
}

#[derive(Default)]
struct Talk {
    /// Line of the request line.
    line: usize,
    request: Vec<String>,
    answer: Vec<String>,
    body: String,
    secure: bool,
}

/// Reads every exchange of the text.
///
/// # Errors
/// Line and reason.
pub(super) fn read(name: &str, text: &str) -> Result<Vec<Heard>, (usize, String)> {
    let mut heard = Vec::new();
    let mut talk = Talk::default();
    let (mut secure, mut answering) = (false, false);
    for (nth, line) in text.split_inclusive('\n').enumerate() {
        let plain = line.trim_end_matches(['\n', '\r']);
        if let Some(rest) = behind(plain, '>') {
            if answering || talk.request.is_empty() {
                finish(name, std::mem::take(&mut talk), &mut heard)?;
                talk.line = nth + 1;
                talk.secure = secure;
                answering = false;
            }
            if !rest.is_empty() {
                talk.request.push(rest.to_owned());
            }
        } else if let Some(rest) = behind(plain, '<') {
            if rest.starts_with("HTTP/") {
                // An interim answer, or one more try of the same request.
                talk.answer.clear();
                talk.body.clear();
                if talk.line == 0 {
                    talk.line = nth + 1;
                }
            }
            answering = true;
            if !rest.is_empty() {
                talk.answer.push(rest.to_owned());
            }
        } else if plain.starts_with("* ") || plain == "*" {
            secure |= ["* SSL connection", "* TLSv1", "* ALPN"].iter().any(|said| plain.starts_with(said));
            if plain.starts_with("* Closing connection") || plain.starts_with("* Connected to") && answering {
                secure = false;
            }
        } else if answering && !is_noise(plain) {
            talk.body.push_str(line);
        }
    }
    finish(name, talk, &mut heard)?;
    if heard.is_empty() {
        return Err((1, "no answer: no line begins with `< HTTP/`".to_owned()));
    }
    Ok(heard)
}

/// What stands behind a sign; the empty line behind a head has the sign alone.
fn behind(line: &str, sign: char) -> Option<&str> {
    let rest = line.strip_prefix(sign)?;
    rest.strip_prefix(' ').or(rest.is_empty().then_some(""))
}

/// The meter, and how much was sent.
fn is_noise(line: &str) -> bool {
    let data = (line.starts_with("{ [") || line.starts_with("} [")) && line.ends_with(" bytes data]");
    data || line.contains("--:--:--")
        || line.trim_start().starts_with("% Total")
        || line.trim_start().starts_with("Dload")
}

fn finish(name: &str, talk: Talk, heard: &mut Vec<Heard>) -> Result<(), (usize, String)> {
    if talk.answer.is_empty() {
        return Ok(());
    }
    let text = format!("{}\r\n\r\n", talk.answer.join("\r\n"));
    let (read, _) = http::read(name, text.as_bytes(), 0, &mut None).map_err(|(at, why)| (talk.line + at, why))?;
    let Some(head) = read.into_iter().next().and_then(|heard| heard.answered.head) else { return Ok(()) };
    let body = body(&head, &talk.body);
    let body = http::unpacked(&head, body);
    let mut lines = talk.request.iter();
    let asked = lines.next().and_then(|first| {
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().into(), value.trim().into()))
            .collect();
        let field = |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let host = field("host").map(|(_, host)| host.clone()).unwrap_or_default();
        let url =
            if target.contains("://") { target.to_owned() } else { http::with_host(&host, target, Some(talk.secure)) };
        let silent = field("content-length").is_none_or(|(_, length)| length == "0") && field("content-type").is_none();
        Some(Asked { method, url, scheme_guessed: false, headers, body: silent.then(Vec::new) })
    });
    let from = format!("{name}:{}", talk.line);
    heard.push(Heard { from, asked, answered: Answered { head: Some(head), body }, ..Heard::default() });
    Ok(())
}

/// The body without what curl says behind it, on the same line where the body does not end one.
fn body(head: &Head, text: &str) -> Vec<u8> {
    // With `-i` the head stands a second time among the data.
    let text = if text.starts_with("HTTP/") {
        let end = text.find("\r\n\r\n").map(|at| at + 4).or_else(|| text.find("\n\n").map(|at| at + 2));
        &text[end.unwrap_or(0)..]
    } else {
        text
    };
    let length = head.field("content-length").and_then(|length| length.parse::<usize>().ok());
    if let Some(whole) = length.and_then(|length| text.get(..length)) {
        return whole.as_bytes().to_vec();
    }
    let said = ["* Connection #", "* Closing connection", "* shutting down connection"];
    let end = said.iter().filter_map(|said| text.find(said)).min().unwrap_or(text.len());
    text.as_bytes()[..end].to_vec()
}

const LINES_BEFORE: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "*   Trying 192.0.2.1:443...\n* TLSv1.3 (OUT), TLS handshake, Client hello (1):\n* Server auth using Basic with user 'gl'\n> POST /token HTTP/2\n> Host: as.example\n> authorization: Basic Z2w6czNjcmV0\n> content-length: 29\n> content-type: application/x-www-form-urlencoded\n> \n} [29 bytes data]\n* We are completely uploaded and fine\n< HTTP/2 200 \n< content-type: application/json\n< \n{ [60 bytes data]\n{\"access_token\":\"abc\",\"token_type\":\"Bearer\"}* Connection #0 to host as.example left intact\n";

    #[test]
    fn heads_and_body_come_apart() {
        assert!(is_verbose(SAID));
        let all = read("v", SAID).unwrap();
        assert_eq!(all.len(), 1);
        let asked = all[0].asked.as_ref().unwrap();
        assert_eq!((asked.url.as_str(), asked.body.is_none()), ("https://as.example/token", true));
        assert_eq!(all[0].answered.head.as_ref().unwrap().status, 200);
        let body = all[0].answered.body.as_deref().unwrap();
        assert_eq!(body, b"{\"access_token\":\"abc\",\"token_type\":\"Bearer\"}");
    }
}
