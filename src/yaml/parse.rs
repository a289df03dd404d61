//! YAML text to a JSON value with the position of every key and value.
//!
//! The build script reads this file too, so it uses nothing but the YAML parser and `serde_json`. Only what our files need is
//! taken: one document, no anchors, no tags, no repeated keys; nesting is bounded.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value};

/// Deepest nesting of a file; ours stay below 12.
const DEPTH: usize = 64;

/// Where a member stands in the text, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// The key; empty for items of a list and for the whole document.
    pub key: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

/// A file's content with its positions.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// The content as JSON; member order is kept.
    pub value: Value,
    /// JSON Pointer (RFC 6901) → position.
    pub positions: HashMap<String, Position>,
}

/// One mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// Where, in bytes.
    pub at: Range<usize>,
    /// The way out, if there is one that can be named.
    pub help: Option<String>,
}

/// Reads one document.
///
/// # Errors
/// Every mistake that does not keep the rest from being read; a syntax error ends the reading.
pub fn parse(text: &str) -> Result<Document, Vec<Problem>> {
    let mut reader = Reader {
        bytes: text.char_indices().map(|(at, _)| at).chain([text.len()]).collect(),
        events: Parser::new_from_str(text),
        positions: HashMap::new(),
        problems: Vec::new(),
    };
    let value = match reader.document() {
        Ok(value) => value,
        Err(problem) => {
            reader.problems.push(problem);
            return Err(reader.problems);
        }
    };
    if reader.problems.is_empty() { Ok(Document { value, positions: reader.positions }) } else { Err(reader.problems) }
}

/// One reference token of a JSON Pointer, escaped.
pub fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

struct Reader<'t> {
    /// Byte offset of each character: the parser counts characters.
    bytes: Vec<usize>,
    events: Parser<'t, saphyr_parser::StrInput<'t>>,
    positions: HashMap<String, Position>,
    problems: Vec<Problem>,
}

impl<'t> Reader<'t> {
    fn range(&self, span: Span) -> Range<usize> {
        let last = self.bytes.len() - 1;
        let at = |index: usize| self.bytes[index.min(last)];
        at(span.start.index())..at(span.end.index())
    }

    fn next(&mut self) -> Result<(Event<'t>, Range<usize>), Problem> {
        match self.events.next_event() {
            Some(Ok((event, span))) => {
                let range = self.range(span);
                Ok((event, range))
            }
            Some(Err(error)) => {
                let last = self.bytes.len() - 1;
                let at = self.bytes[error.marker().index().min(last)];
                Err(Problem {
                    message: format!("not legal YAML: {}", error.info()),
                    at: at..at,
                    help: Some(
                        "quote texts that hold `: `, `#`, or begin with a special character, or write them below `>-`"
                            .into(),
                    ),
                })
            }
            None => Err(Problem { message: "the file ends too early".into(), at: 0..0, help: None }),
        }
    }

    fn document(&mut self) -> Result<Value, Problem> {
        loop {
            let (event, at) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd | Event::DocumentEnd => return Ok(Value::Null),
                event => {
                    let value = self.value(event, at, String::new(), Range::default(), 0)?;
                    self.end()?;
                    return Ok(value);
                }
            }
        }
    }

    fn end(&mut self) -> Result<(), Problem> {
        loop {
            let (event, at) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentStart(_) => {
                    return Err(Problem {
                        message: "a second document in one file".into(),
                        at,
                        help: Some("give each its own file: the path is its id".into()),
                    });
                }
                _ => {}
            }
        }
    }

    fn value(
        &mut self,
        event: Event<'t>,
        at: Range<usize>,
        place: String,
        key: Range<usize>,
        depth: usize,
    ) -> Result<Value, Problem> {
        if depth > DEPTH {
            return Err(Problem { message: format!("nested deeper than {DEPTH} levels"), at, help: None });
        }
        let mut whole = at.clone();
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                if anchor != 0 || tag.is_some() {
                    self.problems.push(Problem {
                        message: "anchors and tags are not used here".into(),
                        at: at.clone(),
                        help: Some("write the value out".into()),
                    });
                }
                if style == ScalarStyle::Plain { plain(&text) } else { Value::String(text.into_owned()) }
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    let (event, at) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        whole.end = at.end.max(whole.end);
                        break;
                    }
                    let place = format!("{place}/{}", items.len());
                    items.push(self.value(event, at, place, Range::default(), depth + 1)?);
                }
                Value::Array(items)
            }
            Event::MappingStart(..) => {
                let mut members = Map::new();
                loop {
                    let (event, key_at) = self.next()?;
                    if matches!(event, Event::MappingEnd) {
                        whole.end = key_at.end.max(whole.end);
                        break;
                    }
                    let Event::Scalar(name, ..) = event else {
                        return Err(Problem { message: "a key must be a word".into(), at: key_at, help: None });
                    };
                    let name = name.into_owned();
                    let (event, at) = self.next()?;
                    let place = format!("{place}/{}", escape(&name));
                    let value = self.value(event, at, place, key_at.clone(), depth + 1)?;
                    if members.insert(name.clone(), value).is_some() {
                        self.problems.push(Problem {
                            message: format!("the key `{name}` stands twice"),
                            at: key_at,
                            help: Some("keep one of them".into()),
                        });
                    }
                }
                Value::Object(members)
            }
            Event::Alias(_) => {
                return Err(Problem {
                    message: "aliases are not used here".into(),
                    at,
                    help: Some("write the value out, or use `like:`".into()),
                });
            }
            _ => return Err(Problem { message: "the file ends too early".into(), at, help: None }),
        };
        self.positions.insert(place, Position { key, value: whole });
        Ok(value)
    }
}

/// The core schema of YAML 1.2 for a scalar without quotes: no `yes`, `no`, `on`, `off`.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" => return Value::Null,
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.trim_start_matches(['-', '+']);
    if digits.starts_with(|first: char| first.is_ascii_digit()) {
        if let Ok(number) = text.parse::<i64>() {
            return Value::Number(number.into());
        }
        if digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'))
            && let Some(number) = text.parse::<f64>().ok().and_then(Number::from_f64)
        {
            return Value::Number(number);
        }
    }
    Value::String(text.to_owned())
}
