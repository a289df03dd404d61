//! Pages of a test's own in front of the reference server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Asked, Ran, Raw, Reference, check, forward, response, target_file};

pub type Answers = Option<Vec<u8>>;

/// A server in front of the reference server, which answers what `pages` does not.
pub struct Front {
    pub raw: Raw,
    pub target: Value,
    _behind: Arc<Reference>,
}

impl Front {
    pub fn new(pages: impl Fn(usize, &Asked) -> Option<Answers> + Send + Sync + 'static) -> Self {
        Self::before(Reference::conforming(), pages)
    }

    pub fn before(behind: Reference, pages: impl Fn(usize, &Asked) -> Option<Answers> + Send + Sync + 'static) -> Self {
        let behind = Arc::new(behind);
        let (origin, mut target) = (behind.origin.clone(), behind.target.clone());
        let raw = Raw::new(move |nth, asked| {
            pages(nth, asked).unwrap_or_else(|| {
                let (status, headers, body) = forward(&origin, asked);
                let headers: Vec<(&str, &str)> =
                    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                Some(response(status, &headers, &body))
            })
        });
        target["authorization_endpoint"] = raw.url("/authorize").into();
        Self { raw, target, _behind: behind }
    }

    /// What the front answers at the authorization endpoint; all else is the reference server's.
    pub fn at_authorize(answer: impl Fn(usize, &Asked) -> Answers + Send + Sync + 'static) -> Self {
        Self::new(move |nth, asked| asked.path().starts_with("/authorize").then(|| answer(nth, asked)))
    }

    pub fn count(&self, start: &str) -> usize {
        self.raw.asked().iter().filter(|asked| asked.head.starts_with(start)).count()
    }
}

pub fn html(body: &str) -> Answers {
    Some(response(200, &[("content-type", "text/html; charset=utf-8")], body.as_bytes()))
}

pub fn sent_to(location: &str) -> Answers {
    Some(response(302, &[("location", location)], b""))
}

/// Runs with a target, `--suite authorization-code` and more; what was said in one line, within a bound.
pub fn checked(target: &Value, more: &[&str]) -> (Ran, String, Value) {
    let folder = tempfile::tempdir().unwrap();
    target_file(folder.path(), &[("t", target)]);
    let began = Instant::now();
    let mut arguments =
        vec!["--allow-literal-secrets", "--suite", "authorization-code", "-o", "console", "-o", "json=report.json"];
    arguments.extend(more);
    let ran = check(folder.path(), &arguments);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap_or_default();
    let line = in_one_line(&ran.stdout);
    for password in ["w0nder", "wrong-pass"] {
        assert!(
            !report.contains(password) && !ran.stdout.contains(password) && !ran.stderr.contains(password),
            "{line}"
        );
    }
    let report = serde_json::from_str(&report).unwrap_or_default();
    (ran, line, report)
}

pub fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
