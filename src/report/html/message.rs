//! What went over the wire, as text with the places marked that a finding is about.

use serde_json::Value;

use super::line;
use crate::report::evidence::{Row, headers, request_line, status_line};
use crate::report::text::block;
use crate::report::wrap::columns;

/// One request and its answer.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// Which one it is, where an exchange has several; empty for the only one.
    pub label: String,
    /// The request; empty if none is known.
    pub sent: Vec<Piece>,
    /// The answer.
    pub received: Vec<Piece>,
    /// Lines about the answer that do not stand in it as they are shown: what is missing, and parts of long lines.
    pub excerpt: Vec<Piece>,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Safe to show, not escaped for HTML.
    pub text: String,
    /// Whether this is what is wrong.
    pub marked: bool,
}

/// The messages of an exchange: its own, or those of its tries or steps.
pub(super) fn messages(document: &Value) -> Vec<Message> {
    let list = |name: &str| document[name].as_array().filter(|list| !list.is_empty());
    let (word, several) = match (list("steps"), list("all")) {
        (Some(steps), _) => ("Step", steps),
        (None, Some(tries)) => ("Request", tries),
        (None, None) => return vec![message(document, &[])],
    };
    let mut messages: Vec<Message> = several.iter().take(MOST_MESSAGES).map(|one| message(one, &[])).collect();
    for (nth, message) in messages.iter_mut().enumerate() {
        message.label = format!("{word} {} of {}", nth + 1, several.len());
    }
    messages
}

/// One request and its answer, with the rows marked that matter.
pub(super) fn message(document: &Value, rows: &[Row]) -> Message {
    let mut received = Vec::new();
    let mut found = vec![false; rows.len()];
    let unmarked = rows.iter().all(|row| row.marks.is_empty() && !is_remark(row));
    for line in received_lines(document) {
        let indent = line.len() - line.trim_start().len();
        match rows.iter().position(|row| row.text == line[indent..]) {
            Some(at) => {
                found[at] = true;
                received.push(plain(&line[..indent]));
                // Where the answer as a whole is wrong, its first line stands for it.
                let whole = unmarked && received.len() == 1;
                received.extend(
                    pieces(&rows[at]).into_iter().map(|piece| Piece { marked: piece.marked || whole, ..piece }),
                );
            }
            None => received.push(plain(&line)),
        }
        received.push(plain("\n"));
    }
    let mut excerpt = Vec::new();
    for (row, _) in rows.iter().zip(found).filter(|(row, found)| !found && (!row.marks.is_empty() || is_remark(row))) {
        excerpt.extend(pieces(row));
        excerpt.push(plain("\n"));
    }
    let mut sent = Vec::new();
    for line in sent_lines(document) {
        sent.push(plain(&format!("{line}\n")));
    }
    Message { label: String::new(), sent, received: merged(received), excerpt: merged(excerpt) }
}

/// A remark of ours in place of a line that is missing.
fn is_remark(row: &Row) -> bool {
    row.text.starts_with('(') && row.text.ends_with(')')
}

fn sent_lines(document: &Value) -> Vec<String> {
    let request = &document["request"];
    if !request.is_object() {
        return Vec::new();
    }
    let mut lines = vec![request_line(document)];
    let fields = headers(&request["headers"]);
    let order = request["header_order"].as_array().map(Vec::as_slice).unwrap_or_default();
    // The names as they were sent, where the document keeps them.
    let name = |lower: &str| {
        let known = order.iter().filter_map(Value::as_str).find(|known| known.eq_ignore_ascii_case(lower));
        known.unwrap_or(lower).to_owned()
    };
    lines.extend(fields.iter().take(MOST_FIELDS).map(|(lower, value)| field(&name(lower), value)));
    body(request["body"].as_str(), &mut lines);
    lines
}

fn received_lines(document: &Value) -> Vec<String> {
    let response = &document["response"];
    let mut lines = vec![status_line(document)];
    lines.extend(headers(&response["headers"]).into_iter().take(MOST_FIELDS).map(|(name, value)| field(name, value)));
    let text = response["body"]["text"].as_str();
    body(text, &mut lines);
    let length = response["body"]["length"].as_u64().unwrap_or(0);
    if text.is_none_or(str::is_empty) && length > 0 {
        lines.push(String::new());
        lines.push(format!("({length} bytes)"));
    }
    lines
}

fn field(name: &str, value: &str) -> String {
    line(&format!("{name}: {value}")).trim_end().to_owned()
}

fn body(text: Option<&str>, lines: &mut Vec<String>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        lines.push(String::new());
        lines.extend(block(text, MOST_LINES, MOST_CHARS).lines().map(str::to_owned));
    }
}

/// A row as parts: its marks count columns.
fn pieces(row: &Row) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut column = 0;
    let mut before = false;
    for c in row.text.chars() {
        let width = columns(c.encode_utf8(&mut [0; 4]));
        // What takes no column goes with what it stands on.
        let marked = if width == 0 { before } else { row.marks.iter().any(|mark| mark.contains(&column)) };
        match pieces.last_mut() {
            Some(piece) if piece.marked == marked => piece.text.push(c),
            _ => pieces.push(Piece { text: c.to_string(), marked }),
        }
        column += width;
        before = marked;
    }
    pieces
}

fn plain(text: &str) -> Piece {
    Piece { text: text.to_owned(), marked: false }
}

/// Neighbours of one kind together.
fn merged(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut merged: Vec<Piece> = Vec::new();
    for piece in pieces.into_iter().filter(|piece| !piece.text.is_empty()) {
        match merged.last_mut() {
            Some(last) if last.marked == piece.marked => last.text.push_str(&piece.text),
            _ => merged.push(piece),
        }
    }
    merged
}

/// Tries or steps of one exchange.
const MOST_MESSAGES: usize = 12;

/// Header fields of one message.
const MOST_FIELDS: usize = 64;

/// Lines of one body.
const MOST_LINES: usize = 60;

/// Characters of one line of a body.
const MOST_CHARS: usize = 1_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_marked_where_it_stands() {
        let document = json!({
            "request": { "method": "POST", "url": "https://as.example/token", "headers": { "accept": ["*/*"] }, "body": "a=b" },
            "response": { "status": 200, "http_version": "1.1", "headers": { "cache-control": ["max-age=60"] },
                "body": { "text": "{\n  \"é日\": 1\n}", "length": 15 } },
        });
        let rows = [
            Row { text: "cache-control: max-age=60".into(), marks: std::iter::once(15..25).collect() },
            Row { text: "\"é日\": 1".into(), marks: std::iter::once(0..8).collect() },
            Row { text: "(no pragma header)".into(), marks: Vec::new() },
        ];
        let message = message(&document, &rows);
        let all = |pieces: &[Piece]| pieces.iter().map(|piece| piece.text.as_str()).collect::<String>();
        let marked: Vec<&str> =
            message.received.iter().filter(|piece| piece.marked).map(|piece| piece.text.as_str()).collect();
        assert_eq!(all(&message.sent), "POST https://as.example/token\naccept: */*\n\na=b\n");
        assert_eq!(all(&message.received), "HTTP/1.1 200\ncache-control: max-age=60\n\n{\n  \"é日\": 1\n}\n");
        assert_eq!(marked, ["max-age=60", "\"é日\": 1"]);
        assert_eq!(all(&message.excerpt), "(no pragma header)\n");
    }
}
