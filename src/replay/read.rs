//! Files become exchanges that were heard: which format each file is in, and what is wrong with it.

use serde_json::Value;

use super::heard::{Answered, Asked, Heard};
use super::{curl, har, http, place};

/// A file as it was read.
#[derive(Debug, Clone)]
pub struct File {
    /// The path as the user wrote it.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What the files hold.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// Files with saved runs of our own: `grantlint/run-v1`, `grantlint/runs-v1`.
    pub runs: Vec<File>,
    /// Exchanges that somebody else recorded, in order.
    pub heard: Vec<Heard>,
    /// What was passed over, in words.
    pub notices: Vec<String>,
}

/// A file that cannot be read as a recording. It shows no line of the file, which may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct Mistake {
    /// The path as the user wrote it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// A lower-case fragment.
    pub message: String,
    /// What the user can do about it.
    pub help: Option<String>,
}

/// Reads files in the order given: a request in one of them belongs to the answer in the next.
///
/// # Errors
/// The first thing that is wrong.
pub fn read(files: &[File]) -> Result<Read, Mistake> {
    let mut all = Read::default();
    let mut waiting: Option<(String, Asked)> = None;
    for file in files {
        let mut heard = one(file, &mut all, &mut waiting)?;
        all.heard.append(&mut heard);
        if all.heard.len() > MOST_EXCHANGES {
            return Err(mistake(file, (1, 1), format!("more than {MOST_EXCHANGES} exchanges"), None));
        }
    }
    if let Some((name, _)) = waiting {
        let help = "put the answer behind it, or into the next file".to_owned();
        let file = File { name, bytes: Vec::new() };
        return Err(mistake(&file, (1, 1), "a request without an answer".to_owned(), Some(help)));
    }
    Ok(all)
}

fn one(file: &File, all: &mut Read, waiting: &mut Option<(String, Asked)>) -> Result<Vec<Heard>, Mistake> {
    let bytes = narrow(&file.bytes);
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let start = bytes.trim_ascii_start();
    if start.is_empty() {
        return Err(mistake(file, (1, 1), "the recording is empty".to_owned(), Some(FORMATS.to_owned())));
    }
    if matches!(start[0], b'{' | b'[') {
        return json(file, bytes, all, waiting);
    }
    let text = String::from_utf8_lossy(bytes);
    if curl::is_verbose(&text) {
        return curl::read(&file.name, &text).map_err(|(line, message)| mistake(file, (line, 1), message, None));
    }
    if let Some(from) = http::first_line(bytes) {
        let (heard, passed_over) = http::read(&file.name, bytes, from, waiting)
            .map_err(|(line, message)| mistake(file, (line, 1), message, None))?;
        all.notices.extend(passed_over);
        return Ok(heard);
    }
    let message = "this is no recording that can be read".to_owned();
    Err(mistake(file, place::line_and_column(&text, bytes.len() - start.len()), message, Some(FORMATS.to_owned())))
}

fn json(
    file: &File,
    bytes: &[u8],
    all: &mut Read,
    waiting: &mut Option<(String, Asked)>,
) -> Result<Vec<Heard>, Mistake> {
    let at = |text: &str, pointer: &str| place::of(text, pointer);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let at = place::line_and_column(&before, before.len());
        mistake(file, at, "this JSON is not UTF-8".to_owned(), None)
    })?;
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let says = error.to_string();
        let says = says.split(" at line ").next().unwrap_or_default();
        let message = format!("this is not JSON: {says}");
        mistake(file, (error.line().max(1), error.column().max(1)), message, None)
    })?;
    match value.get("schema").and_then(Value::as_str) {
        Some("grantlint/run-v1" | "grantlint/runs-v1") => {
            all.runs.push(File { name: file.name.clone(), bytes: bytes.to_vec() });
            return Ok(Vec::new());
        }
        Some(other) if other.starts_with("grantlint/") => {
            let message = format!("this is `{}`, which is no recording", other.chars().take(40).collect::<String>());
            return Err(mistake(file, at(text, "/schema"), message, None));
        }
        _ => {}
    }
    if value.get("log").is_some() {
        let (heard, passed_over) = har::read(&file.name, &value)
            .map_err(|(pointer, message)| mistake(file, at(text, &pointer), message, None))?;
        all.notices.extend(passed_over);
        return Ok(heard);
    }
    if !value.is_object() {
        let message = "a list is neither a HAR nor the answer of an endpoint".to_owned();
        return Err(mistake(file, (1, 1), message, Some(FORMATS.to_owned())));
    }
    // What was pasted is a body, and what stands around it is not.
    let body = Answered { head: None, body: Some(text.trim().as_bytes().to_vec()) };
    let asked = waiting.take().map(|(_, asked)| asked);
    Ok(vec![Heard { from: file.name.clone(), asked, answered: body, ..Heard::default() }])
}

/// A shell of Windows writes what it redirects in UTF-16.
fn narrow(bytes: &[u8]) -> Vec<u8> {
    let Some(rest) = bytes.strip_prefix(b"\xFF\xFE") else { return bytes.to_vec() };
    let units: Vec<u16> = rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units).into_bytes()
}

fn mistake(file: &File, (line, column): (usize, usize), message: String, help: Option<String>) -> Mistake {
    Mistake { file: file.name.clone(), line, column, message, help }
}

const FORMATS: &str = "replay takes a HAR, the output of `curl -i` or `curl -v`, a raw HTTP request and response, the JSON of a token response, or a run's JSON";

/// Each is looked at by every exchange of the catalogue.
const MOST_EXCHANGES: usize = 5_000;
