//! HAR 1.2, as browsers, proxies and `grantlint -o har` write it.
//!
//! Source: the HTTP Archive format, W3C Web Performance Group (historical draft).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::heard::{Answered, Asked, Head, Heard, Part};

/// Reads the entries in the order of the file.
///
/// # Errors
/// A JSON Pointer and the reason.
pub(super) fn read(name: &str, value: &Value) -> Result<(Vec<Heard>, Vec<String>), (String, String)> {
    let Some(entries) = value.pointer("/log/entries").and_then(Value::as_array) else {
        return Err(("/log/entries".to_owned(), "`log.entries` is no list: this is no HAR".to_owned()));
    };
    let mut heard = Vec::new();
    let mut silent = 0;
    for (nth, entry) in entries.iter().enumerate() {
        let at = |place: &str| format!("/log/entries/{nth}{place}");
        let asked = asked(entry).map_err(|(place, why)| (at(&place), why))?;
        let status = entry.pointer("/response/status").ok_or_else(|| {
            (at("/response"), "`response.status` is missing: an entry of a HAR has a request and a response".to_owned())
        })?;
        let Some(status) = status.as_u64().and_then(|status| u16::try_from(status).ok()) else {
            return Err((at("/response/status"), "`response.status` is no number of three digits".to_owned()));
        };
        // What browsers write where nothing came back, or where they did not look.
        if status < 100 {
            silent += 1;
            continue;
        }
        let own = entry.get("_grantlint");
        let of_own = |member: &str| own.and_then(|own| own.get(member));
        let named = own.and_then(Value::as_str).or_else(|| of_own("exchange")?.as_str());
        let part = of_own("part").and_then(Value::as_str).unwrap_or_default();
        // A control belongs to another exchange.
        if part == "control" {
            continue;
        }
        let word = |member: &str| of_own(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        let part = (!part.is_empty()).then(|| Part {
            is_page: part.starts_with("page"),
            cause: word("cause"),
            ended: word("ended"),
            logged_in: of_own("logged_in").and_then(Value::as_bool).unwrap_or(false),
        });
        heard.push(Heard {
            from: format!("{name}, entry {}", nth + 1),
            asked: Some(asked),
            answered: answered(&entry["response"], status),
            began_us: entry["startedDateTime"].as_str().and_then(moment),
            took_us: entry["time"].as_f64().filter(|time| (0.0..1e9).contains(time)).map(rounded),
            name: named.map(str::to_owned),
            part,
            is_masked: named.is_some(),
        });
    }
    let mut notices = Vec::new();
    if silent > 0 {
        notices.push(format!("{name}: {silent} entries without an answer are passed over"));
    }
    Ok((heard, notices))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the caller has bounded it")]
fn rounded(time: f64) -> u64 {
    (time * 1000.0).round() as u64
}

fn asked(entry: &Value) -> Result<Asked, (String, String)> {
    let text = |name: &str| {
        let found = entry.pointer(&format!("/request/{name}")).and_then(Value::as_str);
        found.ok_or_else(|| (format!("/request/{name}"), format!("`request.{name}` is no text")))
    };
    let (method, url) = (text("method")?.to_ascii_uppercase(), text("url")?.to_owned());
    let headers = pairs(entry.pointer("/request/headers"))
        .filter(|(name, _)| !name.starts_with(':'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let posted = entry.pointer("/request/postData");
    let body = match posted {
        None => match entry.pointer("/request/bodySize").and_then(Value::as_i64) {
            Some(size) if size > 0 => None,
            _ => Some(Vec::new()),
        },
        Some(posted) => match posted.get("text").and_then(Value::as_str) {
            Some(text) if posted.get("encoding").and_then(Value::as_str) == Some("base64") => {
                STANDARD.decode(text).ok()
            }
            Some(text) if !text.is_empty() || posted.get("params").is_none() => Some(text.as_bytes().to_vec()),
            _ => Some(params(posted)),
        },
    };
    Ok(Asked { method, url, scheme_guessed: false, headers, body })
}

/// Parameters of a form, where a tool writes them instead of the body: their values are as they were sent or decoded, as it likes.
fn params(posted: &Value) -> Vec<u8> {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs(posted.get("params"))).finish();
    form.into_bytes()
}

fn pairs(list: Option<&Value>) -> impl Iterator<Item = (&str, &str)> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| Some((item.get("name")?.as_str()?, item.get("value")?.as_str()?)))
}

fn answered(response: &Value, status: u16) -> Answered {
    let version = response["httpVersion"].as_str().unwrap_or_default().to_ascii_lowercase();
    let version = version.trim_start_matches("http/").trim_start_matches('h');
    let http_version = match version {
        "2" | "2.0" => "2",
        "3" | "3.0" => "3",
        "1.0" => "1.0",
        _ => "1.1",
    };
    // A browser puts fields of one name into one, a line for each.
    let headers = pairs(response.get("headers"))
        .filter(|(name, _)| !name.starts_with(':'))
        .flat_map(|(name, value)| value.split('\n').map(move |line| (name.to_owned(), line.trim().as_bytes().to_vec())))
        .collect();
    let length = response["headersSize"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
    let content = &response["content"];
    let text = content["text"].as_str();
    let body = match text {
        Some(text) if content["encoding"].as_str() == Some("base64") => {
            // Some tools wrap the lines.
            let plain: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            STANDARD.decode(plain).ok()
        }
        Some(text) => Some(text.as_bytes().to_vec()),
        // Without a text there is a body only where its size says so, and then it is left out.
        None => (content["size"].as_i64().unwrap_or(0) <= 0).then(Vec::new),
    };
    Answered { head: Some(Head { status, http_version: http_version.to_owned(), headers, length }), body }
}

/// Microseconds since the Unix epoch.
fn moment(text: &str) -> Option<u64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(at.unix_timestamp_nanos() / 1_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_entry_becomes_an_exchange() {
        let har = json!({"log": {"entries": [
            {"startedDateTime": "2027-01-15T08:00:00.250Z", "time": 12.4,
             "request": {"method": "post", "url": "https://as.example/token", "headers": [{"name": "Accept", "value": "*/*"}],
                         "postData": {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a", "value": "b c"}]}},
             "response": {"status": 200, "httpVersion": "h2", "headers": [{"name": "Set-Cookie", "value": "a=1\nb=2"}],
                          "content": {"text": "e30=", "encoding": "base64"}}},
            {"request": {"method": "GET", "url": "x"}, "response": {"status": 0}},
        ]}});
        let (heard, notices) = read("x.har", &har).unwrap();
        assert_eq!((heard.len(), notices.len()), (1, 1));
        let head = heard[0].answered.head.as_ref().unwrap();
        assert_eq!((head.http_version.as_str(), head.headers.len()), ("2", 2));
        assert_eq!(heard[0].answered.body.as_deref(), Some(&b"{}"[..]));
        assert_eq!(heard[0].asked.as_ref().unwrap().body.as_deref(), Some(&b"a=b+c"[..]));
        assert_eq!((heard[0].at_ms(), heard[0].elapsed_ms()), (Some(1_800_000_000_250), Some(12)));
    }

    #[test]
    fn mistakes_have_their_place() {
        let at = |har: Value| read("x", &har).unwrap_err().0;
        assert_eq!(at(json!({"log": {}})), "/log/entries");
        assert_eq!(at(json!({"log": {"entries": [{"request": {"method": 7}}]}})), "/log/entries/0/request/method");
        let request = json!({"method": "GET", "url": "x"});
        assert_eq!(at(json!({"log": {"entries": [{"request": request}]}})), "/log/entries/0/response");
    }
}
