//! The JSON report, `grantlint/run-v1`: everything there is, for programs and for `report`, `compare` and `replay`.
//!
//! Pure. Reading a report back gives the same report; characters that could steer a terminal are written as escapes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::RunReport;
use super::text::json_safe;

/// The schema of a report about one target.
pub const RUN_SCHEMA: &str = "grantlint/run-v1";

/// The schema of a report about several targets.
pub const RUNS_SCHEMA: &str = "grantlint/runs-v1";

/// One run, indented, with a line break at the end.
#[must_use]
pub fn render(report: &RunReport) -> String {
    text(report)
}

/// One run as [`render`] writes it, several (or none) as `grantlint/runs-v1`.
#[must_use]
pub fn render_all(reports: &[&RunReport]) -> String {
    match reports {
        [report] => render(report),
        runs => text(&Written { schema: RUNS_SCHEMA, runs }),
    }
}

/// The runs of a saved report, of either schema, in their order.
///
/// # Errors
///
/// If the text is not JSON, is of another schema, or does not hold what the schema asks for.
pub fn parse(text: &str) -> Result<Vec<RunReport>, Error> {
    let document: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(Error::NotJson)?;
    match document["schema"].as_str() {
        Some(RUN_SCHEMA) => Ok(vec![run(document, None)?]),
        Some(RUNS_SCHEMA) => {
            let saved: Saved = serde_json::from_value(document).map_err(|error| Error::Shape { run: None, error })?;
            saved
                .runs
                .into_iter()
                .enumerate()
                .map(|(at, run)| match run["schema"].as_str() {
                    Some(RUN_SCHEMA) => self::run(run, Some(at)),
                    found => Err(Error::Schema(found.map(str::to_owned))),
                })
                .collect()
        }
        found => Err(Error::Schema(found.map(str::to_owned))),
    }
}

/// Why a saved report cannot be read.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not JSON, or nested deeper than 128 levels; the position is in the cause.
    #[error("the saved report is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// The member `schema` names another format, or is missing.
    #[error("the saved report has {}, not `grantlint/run-v1` or `grantlint/runs-v1`", schema_words(.0.as_deref()))]
    Schema(Option<String>),
    /// The schema is named, but not kept.
    #[error("the saved report{} is not as its schema says", run_words(*.run))]
    Shape {
        /// Position among several runs, from 0; `None` for the report as a whole.
        run: Option<usize>,
        /// What is wrong with it.
        #[source]
        error: serde_json::Error,
    },
}

impl Error {
    /// What the user can do about it, as one imperative sentence.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotJson(_) => "give a file that `grantlint check -o json=PATH` wrote, whole",
            Self::Schema(_) => {
                "give a file that `grantlint check -o json=PATH` wrote; for a HAR or `curl -i` use `grantlint replay`"
            }
            Self::Shape { .. } => {
                "read it with the version of grantlint that wrote it (member `tool`), or run the check again"
            }
        }
    }
}

/// Several runs, on the way out.
#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    runs: &'a [&'a RunReport],
}

/// Several runs, on the way in; each is looked at by itself, so that an error can say which one it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    #[expect(dead_code, reason = "already looked at; named so that it is no unknown member")]
    schema: String,
    runs: Vec<Value>,
}

fn run(document: Value, run: Option<usize>) -> Result<RunReport, Error> {
    serde_json::from_value(document).map_err(|error| Error::Shape { run, error })
}

pub(super) fn text(document: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("a run report has only strings as keys");
    text.push('\n');
    json_safe(&text)
}

fn schema_words(found: Option<&str>) -> String {
    match found {
        Some(found) => format!("the schema `{}`", super::text::one_line(found, 80)),
        None => "no `schema`".to_owned(),
    }
}

fn run_words(run: Option<usize>) -> String {
    run.map_or_else(String::new, |at| format!(" (run {})", at + 1))
}
