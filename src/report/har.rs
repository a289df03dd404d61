//! The exchanges as a HAR 1.2, for the network panel of a browser and for `replay`.
//!
//! Pure. Every request that was sent is an entry: each try of a repeated exchange, each page of a walk, and each control. Members that
//! begin with an underscore are ours, as the format asks.
//!
//! Source: HTTP Archive 1.2 specification.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use url::Url;

use super::evidence;
use super::facts;
use super::model::RunReport;
use super::text::json_safe;

/// One page for each run, indented, with a line break at the end.
#[must_use]
pub fn render(reports: &[&RunReport]) -> String {
    let mut pages = Vec::new();
    let mut entries = Vec::new();
    let mut without_url = 0;
    for (nth, report) in reports.iter().enumerate() {
        let page = format!("run_{}", nth + 1);
        let started = facts::started(report).and_then(|at| at.replace_millisecond(at.millisecond()).ok());
        let started = started.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut own = Vec::new();
        for (key, whole) in &report.exchanges {
            for (part, document) in parts(whole) {
                match entry(&page, started, key, &part, document).map(|(at, entry)| (at, entry.of(whole, &part))) {
                    Some(entry) => own.push(entry),
                    None => without_url += usize::from(document.get("request").is_some()),
                }
            }
        }
        own.sort_by_key(|(at, _)| *at);
        entries.extend(own.into_iter().map(|(_, entry)| entry));
        pages.push(Page {
            started_date_time: date(started),
            id: page,
            title: facts::run_name(report),
            page_timings: IndexMap::new(),
        });
    }
    let comment = (without_url > 0).then(|| format!("{without_url} requests without a URL are left out"));
    let version = reports
        .first()
        .map_or_else(|| env!("CARGO_PKG_VERSION").to_owned(), |report| facts::line(&report.tool.version));
    let log = Log { version: "1.2", creator: Creator { name: "grantlint", version }, pages, entries, comment };
    let mut text = serde_json::to_string_pretty(&Har { log }).expect("it has only strings as keys");
    text.push('\n');
    json_safe(&text)
}

fn date(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned())
}

/// The single requests of an exchange document, each with what it is: empty for the only one.
fn parts(document: &Value) -> Vec<(String, &Value)> {
    let mut parts = Vec::new();
    for (list, word) in [("steps", "page"), ("all", "try")] {
        for (nth, one) in document[list].as_array().into_iter().flatten().enumerate() {
            parts.push((format!("{word} {}", nth + 1), one));
        }
    }
    // What is told of the whole is that of its last part.
    if parts.is_empty() {
        parts.push((String::new(), document));
    }
    if document["control"].get("request").is_some() {
        parts.push(("control".to_owned(), &document["control"]));
    }
    parts
}

/// An entry and when it was sent, in milliseconds since the Unix epoch; `None` if nothing was sent or its URL is none.
fn entry(page: &str, started: OffsetDateTime, key: &str, part: &str, document: &Value) -> Option<(i128, Entry)> {
    let request = document.get("request")?;
    let url = Url::parse(request["url"].as_str()?).ok()?;
    let timing = &document["timing"];
    let milliseconds = |name: &str| timing[name].as_u64().unwrap_or(0).min(MOST_MS);
    let elapsed = milliseconds("elapsed_ms");
    let wait = timing["first_byte_ms"].as_u64().map_or(elapsed, |first| first.min(elapsed));
    let at = timing["at"].as_u64().unwrap_or(0);
    // A moment, or milliseconds since the start.
    let at = if at > MOST_MS * 365 { None } else { Some(at) }.map_or_else(
        || OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000).ok(),
        |after| started.checked_add(Duration::milliseconds(i64::try_from(after).ok()?)),
    );
    let at = at.filter(|at| at.format(&Rfc3339).is_ok()).unwrap_or(started);
    let word = |name: &str| document[name].as_str().map(facts::line);
    let entry = Entry {
        pageref: page.to_owned(),
        started_date_time: date(at),
        time: elapsed,
        request: sent(request, &url),
        response: received(document),
        cache: IndexMap::new(),
        timings: Timings { send: 0, wait, receive: elapsed - wait },
        comment: word("title").or_else(|| Some(facts::line(key))),
        resource_type: "fetch",
        grantlint: Own {
            exchange: facts::line(key),
            part: Some(part.to_owned()).filter(|part| !part.is_empty()),
            outcome: word("outcome"),
            answer: word("answer"),
            cause: word("cause"),
            ended: None,
            logged_in: None,
        },
    };
    Some((at.unix_timestamp_nanos() / 1_000_000, entry))
}

fn sent(request: &Value, url: &Url) -> Request {
    let body = request["body"].as_str().unwrap_or_default();
    let headers = in_order(request);
    let media_type = headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-type"));
    let media_type = media_type.map_or_else(String::new, |header| header.value.clone());
    let params = request["params"].as_object().into_iter().flatten().flat_map(|(name, value)| {
        let values = value.as_array().map_or_else(|| vec![value], |values| values.iter().collect());
        values.into_iter().filter_map(|value| Some(Pair { name: name.clone(), value: value.as_str()?.to_owned() }))
    });
    // Programs read either; `text` alone is what was sent.
    let params: Vec<Pair> = if media_type.contains("x-www-form-urlencoded") { params.collect() } else { Vec::new() };
    Request {
        method: Some(request["method"].as_str().unwrap_or_default())
            .filter(|method| !method.is_empty())
            .unwrap_or("GET")
            .to_owned(),
        // As it was sent, unless no reader would take it.
        url: request["url"]
            .as_str()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()) && clean(text) == **text)
            .map_or_else(|| clean(url.as_str()), str::to_owned),
        http_version: "HTTP/1.1".to_owned(),
        cookies: Vec::new(),
        query_string: url
            .query_pairs()
            .map(|(name, value)| Pair { name: name.into_owned(), value: value.into_owned() })
            .collect(),
        headers,
        post_data: (!body.is_empty()).then(|| PostData { mime_type: media_type, params, text: body.to_owned() }),
        headers_size: -1,
        body_size: i64::try_from(body.len()).unwrap_or(-1),
    }
}

/// A URL with everything behind its host, or its scheme if it has none, as RFC 3986 wants it; browsers and the WHATWG's parser take more.
fn clean(url: &str) -> String {
    let scheme = url.find(':').map_or(0, |at| at + 1);
    let path = match url[scheme..].strip_prefix("//") {
        Some(rest) => rest.find(['/', '?', '#']).map_or(url.len(), |at| scheme + 2 + at),
        None => scheme,
    };
    let (head, rest) = url.split_at(path);
    let bytes = rest.as_bytes();
    let mut fragment = false;
    let mut clean = head.to_owned();
    for (at, byte) in bytes.iter().enumerate() {
        let escape = |at: usize| bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
        let kept = match byte {
            b'#' => !std::mem::replace(&mut fragment, true),
            b'%' => escape(at),
            byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(byte),
        };
        if kept { clean.push(char::from(*byte)) } else { clean.push_str(&format!("%{byte:02X}")) }
    }
    clean
}

/// Header fields in the order and with the names that went out.
fn in_order(request: &Value) -> Vec<Pair> {
    let headers = &request["headers"];
    let Some(names) = request["header_order"].as_array() else {
        let pairs = evidence::headers(headers).into_iter();
        return pairs.map(|(name, value)| Pair { name: name.to_owned(), value: value.to_owned() }).collect();
    };
    let mut seen: IndexMap<String, usize> = IndexMap::new();
    let mut pairs = Vec::new();
    for name in names.iter().filter_map(Value::as_str) {
        let lower = name.to_ascii_lowercase();
        let nth = seen.entry(lower.clone()).and_modify(|nth| *nth += 1).or_insert(0);
        if let Some(value) = headers.get(&lower).and_then(|values| values.get(*nth)?.as_str()) {
            pairs.push(Pair { name: name.to_owned(), value: value.to_owned() });
        }
    }
    pairs
}

fn received(document: &Value) -> Response {
    let response = &document["response"];
    let text = |place: &str| response.pointer(place).and_then(Value::as_str).map(str::to_owned);
    let number = |place: &str| response.pointer(place).and_then(Value::as_u64).and_then(|n| i64::try_from(n).ok());
    let headers: Vec<Pair> = evidence::headers(&response["headers"])
        .into_iter()
        .map(|(name, value)| Pair { name: name.to_owned(), value: value.to_owned() })
        .collect();
    let first = |wanted: &str| {
        headers.iter().find(|pair| pair.name.eq_ignore_ascii_case(wanted)).map(|pair| pair.value.clone())
    };
    let ended = document["outcome"].as_str().filter(|outcome| *outcome != "answered" && number("/status").is_none());
    Response {
        // Nought is what browsers write for a request without an answer.
        status: number("/status").unwrap_or(0),
        status_text: ended.map(facts::line).unwrap_or_default(),
        http_version: format!("HTTP/{}", text("/http_version").unwrap_or_else(|| "1.1".to_owned())),
        cookies: Vec::new(),
        redirect_url: first("location").unwrap_or_default(),
        content: Content {
            size: number("/body/length").unwrap_or(0),
            mime_type: first("content-type").unwrap_or_else(|| "x-unknown".to_owned()),
            text: text("/body/text"),
            comment: number("/body/text_cut_at").map(|at| format!("cut at {at} bytes")),
        },
        headers,
        headers_size: number("/head_length").unwrap_or(-1),
        body_size: number("/body/length").unwrap_or(-1),
        error: ended.map(facts::line),
    }
}

/// A day: no exchange takes longer.
const MOST_MS: u64 = 86_400_000;

#[derive(Debug, Serialize)]
struct Har {
    log: Log,
}

#[derive(Debug, Serialize)]
struct Log {
    version: &'static str,
    creator: Creator,
    pages: Vec<Page>,
    entries: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Debug, Serialize)]
struct Creator {
    name: &'static str,
    version: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    started_date_time: String,
    id: String,
    title: String,
    page_timings: IndexMap<String, i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    pageref: String,
    started_date_time: String,
    time: u64,
    request: Request,
    response: Response,
    cache: IndexMap<String, String>,
    timings: Timings,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    /// Chromium files an entry by it.
    #[serde(rename = "_resourceType")]
    resource_type: &'static str,
    #[serde(rename = "_grantlint")]
    grantlint: Own,
}

/// Which exchange it was, so that it comes back as that.
#[derive(Debug, Serialize)]
struct Own {
    exchange: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    /// Why a page of a walk was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// How the walk ended, and whether credentials were sent: said with its last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logged_in: Option<bool>,
}

impl Entry {
    /// With what the last page of a walk says of the walk.
    fn of(mut self, whole: &Value, part: &str) -> Self {
        let last = whole["steps"].as_array().map_or(0, Vec::len);
        if part == format!("page {last}") {
            self.grantlint.ended = whole["ended"].as_str().map(facts::line);
            self.grantlint.logged_in = whole["logged_in"].as_bool();
        }
        self
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    http_version: String,
    cookies: Vec<Pair>,
    headers: Vec<Pair>,
    query_string: Vec<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_data: Option<PostData>,
    headers_size: i64,
    body_size: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    mime_type: String,
    params: Vec<Pair>,
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    status: i64,
    status_text: String,
    http_version: String,
    cookies: Vec<Pair>,
    headers: Vec<Pair>,
    content: Content,
    #[serde(rename = "redirectURL")]
    redirect_url: String,
    headers_size: i64,
    body_size: i64,
    #[serde(rename = "_error", skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    size: i64,
    mime_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Debug, Serialize)]
struct Pair {
    name: String,
    value: String,
}

#[derive(Debug, Serialize)]
struct Timings {
    send: u64,
    wait: u64,
    receive: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_uri_must_not_hold_is_escaped_with_and_without_a_host() {
        for (url, uri) in [
            ("https://as.example/a[b]?c={d}#e#f", "https://as.example/a%5Bb%5D?c=%7Bd%7D#e%23f"),
            ("https://[::1]:8443/%zz", "https://[::1]:8443/%25zz"),
            ("word::error::y[ ://x", "word::error::y%5B%20://x"),
        ] {
            assert_eq!(clean(url), uri);
        }
    }
}
