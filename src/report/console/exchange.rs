//! Every exchange of the run as it went over the wire, masked and bounded; for `--verbose`.

use serde_json::Value;

use super::paint::Tone;
use super::{Page, line};
use crate::report::evidence::{headers, request_line, status_line};
use crate::report::text::block;

impl Page<'_> {
    /// All exchanges, in the order in which they were planned.
    pub(super) fn exchanges(&self, lines: &mut Vec<String>) {
        for (key, document) in &self.report.exchanges {
            lines.push(String::new());
            lines.push(self.paint.tone(Tone::Strong, &format!("exchange {}", line(key))));
            let tries = document["all"].as_array().or_else(|| document["steps"].as_array());
            match tries {
                Some(tries) if !tries.is_empty() => {
                    for one in tries.iter().take(MOST_TRIES) {
                        self.exchange(one, lines);
                    }
                    if tries.len() > MOST_TRIES {
                        lines.push(format!("  … ({} more)", tries.len() - MOST_TRIES));
                    }
                }
                _ => self.exchange(document, lines),
            }
        }
    }

    fn exchange(&self, document: &Value, lines: &mut Vec<String>) {
        let request = &document["request"];
        if request.is_object() {
            lines.push(format!("  > {}", request_line(document)));
            self.message(">", &request["headers"], request["body"].as_str(), lines);
        }
        lines.push(format!("  < {}", status_line(document)));
        let response = &document["response"];
        self.message("<", &response["headers"], response["body"]["text"].as_str(), lines);
    }

    fn message(&self, sign: &str, fields: &Value, body: Option<&str>, lines: &mut Vec<String>) {
        for (name, value) in headers(fields) {
            lines.push(format!("  {sign} {}", line(&format!("{name}: {value}"))));
        }
        if let Some(body) = body.filter(|body| !body.is_empty()) {
            lines.push(format!("  {sign}"));
            lines.extend(block(body, BODY_LINES, BODY_CHARS).lines().map(|line| format!("  {sign} {line}")));
        }
    }
}

/// Tries of a repeated exchange, or steps of a walk.
const MOST_TRIES: usize = 10;

/// Lines of one body.
const BODY_LINES: usize = 40;

/// Characters of one line of a body.
const BODY_CHARS: usize = 500;
