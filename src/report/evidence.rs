//! The few lines of an exchange that a finding is about, for writers that show text.
//!
//! Pure. Exchange documents are read defensively: a saved run may hold anything, and an odd document shows less, never fails.

pub(super) mod member;

use std::ops::Range;

use serde_json::Value;

use super::model::{Finding, RunReport};
use super::text::{block, one_line};
use super::wrap::columns;

/// One exchange as evidence: what was asked, and the lines of the answer that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Method and URL, for example `POST https://as.example/token`; empty if the document does not say.
    pub request: String,
    /// The exchange's title, or its key if it has none.
    pub title: String,
    /// The lines, in the order of the answer.
    pub rows: Vec<Row>,
}

/// One line of evidence, safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The line.
    pub text: String,
    /// What is wrong in it, in columns from its start; sorted.
    pub marks: Vec<Range<usize>>,
}

/// The evidence of a finding: the exchanges of its mismatches, or else those it names; at most three, lines of about `width`.
pub(crate) fn shown(report: &RunReport, finding: &Finding, width: usize) -> Vec<Shown> {
    let mut places: Vec<(&str, Vec<&str>)> = Vec::new();
    for mismatch in &finding.mismatches {
        match places.iter_mut().find(|(key, _)| *key == mismatch.exchange) {
            Some((_, at)) => at.push(&mismatch.at),
            None => places.push((&mismatch.exchange, vec![&mismatch.at])),
        }
    }
    if places.is_empty() {
        places = finding.exchanges.iter().map(|key| (key.as_str(), vec!["/answer"])).collect();
    }
    places.truncate(MOST_EXCHANGES);
    places.into_iter().map(|(key, at)| exchange(report, key, &at, width)).collect()
}

fn exchange(report: &RunReport, key: &str, places: &[&str], width: usize) -> Shown {
    let document = report.exchanges.get(key).unwrap_or(&Value::Null);
    let mut rows: Vec<Row> = Vec::new();
    let mut request = request_line(document);
    for at in places {
        let (part, rest) = part(document, segments(at));
        if request.is_empty() {
            request = request_line(part);
        }
        for row in rows_at(part, &rest, width) {
            match rows.iter().position(|shown| shown.text == row.text) {
                Some(at) => rows[at].mark(row.marks),
                None if rows.len() < MOST_ROWS => rows.push(row),
                None => {}
            }
        }
    }
    let title = document.get("title").and_then(Value::as_str).unwrap_or(key);
    Shown { request, title: one_line(title, 120), rows }
}

/// The single exchange that a JSON Pointer into a document means: one try, one step, the control, or the document itself.
pub(crate) fn part_at<'a>(document: &'a Value, at: &str) -> &'a Value {
    part(document, segments(at)).0
}

/// Method and URL of an exchange document; empty if it does not say.
pub(crate) fn request_line(document: &Value) -> String {
    let word = |name| document.pointer(&format!("/request/{name}")).and_then(Value::as_str);
    let line = [word("method"), word("url")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    one_line(&line, 300)
}

/// The status line of an exchange document, or in brackets how it ended without one.
pub(crate) fn status_line(document: &Value) -> String {
    let response = &document["response"];
    match &response["status"] {
        Value::Number(status) => {
            let version = response["http_version"].as_str().unwrap_or("?");
            format!("HTTP/{} {status}", one_line(version, 10))
        }
        _ if document.is_null() => "(not sent)".to_owned(),
        _ => match document["outcome"].as_str() {
            Some("answered") if response.is_object() => "(status not recorded)".to_owned(),
            Some("answered") | None => "(no answer)".to_owned(),
            Some(outcome) => format!("(no answer: {})", one_line(outcome, 40)),
        },
    }
}

/// How long the exchange took, in milliseconds; all tries of a repeated one together.
pub(crate) fn elapsed_ms(document: &Value) -> u64 {
    match document.pointer("/timing/elapsed_ms").and_then(Value::as_u64) {
        Some(elapsed) => elapsed,
        None => document["all"].as_array().map_or(0, |all| {
            all.iter()
                .filter_map(|one| one.pointer("/timing/elapsed_ms").and_then(Value::as_u64))
                .fold(0, u64::saturating_add)
        }),
    }
}

/// The names and values of `headers`, one pair for each value.
pub(crate) fn headers(headers: &Value) -> Vec<(&str, &str)> {
    let mut pairs = Vec::new();
    for (name, values) in headers.as_object().into_iter().flatten() {
        match values {
            Value::Array(values) => {
                pairs.extend(values.iter().filter_map(Value::as_str).map(|value| (name.as_str(), value)));
            }
            Value::String(value) => pairs.push((name, value)),
            _ => {}
        }
    }
    pairs
}

impl Row {
    /// A line of carets to stand under the text; `None` if nothing is marked.
    pub(crate) fn carets(&self) -> Option<String> {
        let mut carets = String::new();
        for mark in &self.marks {
            let at = carets.len();
            carets.push_str(&" ".repeat(mark.start.saturating_sub(at)));
            carets.push_str(&"^".repeat(mark.end.saturating_sub(mark.start.max(at))));
        }
        (!carets.is_empty()).then_some(carets)
    }

    fn plain(text: String) -> Self {
        Self { text, marks: Vec::new() }
    }

    fn mark(&mut self, marks: Vec<Range<usize>>) {
        for mark in marks {
            if !self.marks.contains(&mark) {
                self.marks.push(mark);
            }
        }
        self.marks.sort_by_key(|mark| mark.start);
    }
}

/// Reference tokens of a JSON Pointer. Source: RFC 6901 §4.
pub(super) fn segments(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
}

/// Goes down to the single exchange that a pointer means: one try of a repeated one, one step of a walk, the control.
fn part(mut document: &Value, mut path: Vec<String>) -> (&Value, Vec<String>) {
    loop {
        let (down, used) = match path.first().map(String::as_str) {
            Some(list @ ("all" | "steps")) if path.len() > 1 => {
                // `*` means that any of them may be meant; the first one stands for all.
                let index = path[1].parse().unwrap_or(0);
                (document[list].get(index), 2)
            }
            Some("control") => (document.get("control"), 1),
            _ => (None, 0),
        };
        let Some(down) = down else {
            return (document, path);
        };
        document = down;
        path.drain(..used);
    }
}

fn rows_at(document: &Value, path: &[String], width: usize) -> Vec<Row> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let status = Row::plain(status_line(document));
    let response = &document["response"];
    match path.as_slice() {
        ["answer" | "outcome" | "ended", ..] | ["response"] => {
            let mut rows = vec![status];
            rows.extend(header_rows(response, "content-type", None, width).into_iter().map(|row| Row::plain(row.text)));
            rows.extend(body_rows(response, width));
            rows
        }
        ["response", "status", ..] => {
            let start = columns(&status.text).saturating_sub(3);
            let marks = if response["status"].is_number() { one(start..columns(&status.text)) } else { Vec::new() };
            vec![Row { marks, ..status }]
        }
        ["response", "json", member @ ..] => {
            let mut rows = vec![status];
            match response
                .pointer("/body/text")
                .and_then(Value::as_str)
                .and_then(|text| marked_member(text, member, width))
            {
                Some(row) => rows.push(row),
                None => rows.extend(body_rows(response, width)),
            }
            rows
        }
        ["response", "body" | "json_problem", ..] => {
            std::iter::once(status).chain(body_rows(response, width)).collect()
        }
        ["response", place, rest @ ..] => {
            let (name, index) = match (*place, rest) {
                ("headers", [name, rest @ ..]) => (*name, rest.first().and_then(|index| index.parse().ok())),
                ("cache_control", _) => ("cache-control", None),
                ("media_type", _) => ("content-type", None),
                ("challenges", _) => ("www-authenticate", None),
                ("location", _) => ("location", None),
                ("retry_after", _) => ("retry-after", None),
                _ => return vec![status],
            };
            let mut rows = header_rows(response, name, index, width);
            if rows.is_empty() && response.is_object() {
                rows.push(Row::plain(format!("(no {} header)", one_line(name, 60))));
            }
            rows.insert(0, status);
            rows
        }
        ["redirect", ..] => {
            let mut rows = header_rows(response, "location", None, width);
            if response.is_object() {
                rows.insert(0, status);
            }
            rows
        }
        _ => Vec::new(),
    }
}

/// The lines of one header, the value marked; with `index` only that value is marked.
fn header_rows(response: &Value, name: &str, index: Option<usize>, width: usize) -> Vec<Row> {
    headers(&response["headers"])
        .into_iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name))
        .enumerate()
        .map(|(at, (name, value))| {
            let mut row = window(&format!("{name}: {value}"), name.len() + 2, value.len(), width);
            if index.is_some_and(|index| index != at) || value.is_empty() {
                row.marks.clear();
            }
            row
        })
        .collect()
}

/// The first lines of the body.
fn body_rows(response: &Value, width: usize) -> Vec<Row> {
    let body = &response["body"];
    match body["text"].as_str() {
        Some("") => vec![Row::plain("(empty body)".to_owned())],
        Some(text) => block(text, BODY_LINES, width).lines().map(|line| Row::plain(line.replace('\t', " "))).collect(),
        None => body["length"].as_u64().map(|length| Row::plain(format!("({length} bytes)"))).into_iter().collect(),
    }
}

/// The line of a JSON text that holds a member, with the member marked; `None` if it is not there.
fn marked_member(text: &str, path: &[&str], width: usize) -> Option<Row> {
    if path.is_empty() {
        return None;
    }
    let span = member::find(text, path)?;
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[span.start..].find('\n').map_or(text.len(), |at| span.start + at);
    let line = text[start..end].trim_end_matches('\r');
    let indent = line.len() - line.trim_start().len();
    let from = (span.start - start).saturating_sub(indent);
    let length = span.end.min(start + line.len()).saturating_sub(span.start);
    Some(window(&line[indent..], from, length, width))
}

/// A line with a part marked (`from` and `length` in bytes), cut around that part if it is too long.
fn window(line: &str, from: usize, length: usize, width: usize) -> Row {
    let (before, rest) = line.split_at(from.min(line.len()));
    let (part, after) = rest.split_at(length.min(rest.len()));
    let whole = line.chars().count() <= width;
    let before = if whole { one_line(before, usize::MAX) } else { tail(before, width / 3) };
    let part = if whole { one_line(part, usize::MAX) } else { head(part, width / 2) };
    let used = before.chars().count() + part.chars().count();
    let after = if whole { one_line(after, usize::MAX) } else { head(after, width.saturating_sub(used).max(1)) };
    let text = format!("{before}{part}{after}");
    // Two harmless halves can make one command; then safety goes before the mark.
    let safe = one_line(&text, usize::MAX);
    if safe != text {
        return Row::plain(safe);
    }
    let start = columns(&before);
    Row { text, marks: one(start..start + columns(&part).max(1)) }
}

fn one(mark: Range<usize>) -> Vec<Range<usize>> {
    std::iter::once(mark).collect()
}

/// The first `most` characters, with a sign that there were more.
fn head(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", one_line(&text[..end], usize::MAX)),
        None => one_line(text, usize::MAX),
    }
}

/// The last `most` characters, with a sign that there were more.
fn tail(text: &str, most: usize) -> String {
    let skip = text.chars().count().saturating_sub(most);
    match text.char_indices().nth(skip) {
        Some((start, _)) if skip > 0 => format!("…{}", one_line(&text[start..], usize::MAX)),
        None if skip > 0 => "…".to_owned(),
        _ => one_line(text, usize::MAX),
    }
}

/// More exchanges than these are in the JSON report.
const MOST_EXCHANGES: usize = 3;

/// Lines of one exchange.
const MOST_ROWS: usize = 8;

/// Lines of a body that is shown as a whole.
const BODY_LINES: usize = 4;
