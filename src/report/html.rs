//! The HTML report, for whoever gets the result: one page that needs no script, no network and, if it must be, no style.
//!
//! Pure. What a server sent stands in it as text: the templates escape everything, no address of a link is made from it, and
//! the page's own policy (Content Security Policy Level 3) allows nothing but its style and its pictures.

mod anchor;
mod appendix;
mod finding;
pub mod logo;
mod message;
mod overview;
mod prose;
mod required;
mod run;
mod table;
mod tone;

use std::collections::{HashMap, HashSet};

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use self::anchor::Anchors;
use self::logo::Logo;
use self::overview::Overview;
use self::prose::Prose;
use self::run::Run;
use self::tone::Tone;
use super::model::RunReport;
use super::text::{block, one_line};
use crate::suite;

/// What the page says beside its results.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HtmlOptions {
    /// Its heading; `OAuth conformance report` if it is not said.
    pub title: Option<String>,
    /// For whom it was made.
    pub customer: Option<String>,
    /// Picture at its head.
    pub logo: Option<Logo>,
}

/// The report in one file, which asks for nothing else.
#[must_use]
pub fn render(reports: &[&RunReport], options: &HtmlOptions) -> String {
    let logo = options.logo.as_ref().map(Logo::data_uri);
    let policy = format!("style-src 'sha256-{}'; img-src data:", STANDARD.encode(Sha256::digest(STYLE)));
    page(reports, options, Packing { style: Some(STYLE), logo, policy })
}

/// The report as the files of a folder, name and content: for servers whose policy forbids styles within a page, as that of
/// Jenkins does.
#[must_use]
pub fn render_folder(reports: &[&RunReport], options: &HtmlOptions) -> Vec<(String, Vec<u8>)> {
    let logo = options.logo.as_ref();
    let picture = logo.and_then(|logo| Some((logo.file_name()?.to_owned(), logo.bytes().to_vec())));
    let address = match &picture {
        Some((name, _)) => Some(name.clone()),
        None => logo.map(Logo::data_uri),
    };
    // `file:` for a folder that is opened from a disk, where `'self'` means nothing in some browsers.
    let policy = "style-src 'self' file:; img-src 'self' file: data:".to_owned();
    let page = page(reports, options, Packing { style: None, logo: address, policy });
    let mut files =
        vec![("index.html".to_owned(), page.into_bytes()), (STYLE_FILE.to_owned(), STYLE.as_bytes().to_vec())];
    files.extend(picture);
    files
}

/// What differs between one file and a folder.
struct Packing {
    /// The style that stands in the page; otherwise a file beside it.
    style: Option<&'static str>,
    logo: Option<String>,
    policy: String,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    title: String,
    customer: Option<String>,
    packing: Packing,
    program: String,
    dates: Vec<String>,
    overview: Option<Overview>,
    runs: Vec<Run>,
    legend: [(Tone, &'static str, &'static str); 8],
}

fn page(reports: &[&RunReport], options: &HtmlOptions, packing: Packing) -> String {
    let told = |text: &Option<String>| text.as_deref().map(line).filter(|text| !text.trim().is_empty());
    let ledger = Ledger::of(reports);
    let mut anchors = Anchors::default();
    let runs: Vec<Run> = reports.iter().map(|report| run::run(report, &ledger, &mut anchors)).collect();
    let mut dates: Vec<String> = runs.iter().map(|run| run.started.clone()).collect();
    dates.dedup();
    let program = reports.first().map_or_else(
        || "grantlint".to_owned(),
        |report| line(&format!("{} {}", report.tool.name, report.tool.version)),
    );
    let page = Page {
        title: told(&options.title).unwrap_or_else(|| "OAuth conformance report".to_owned()),
        customer: told(&options.customer),
        packing,
        program,
        dates,
        overview: Overview::of(reports, &runs),
        runs,
        legend: tone::LEGEND,
    };
    page.render().expect("writing to a text cannot fail")
}

/// Requirements in our words, by the id of their row; of those that the reports name.
struct Ledger(HashMap<String, Row>);

/// One requirement.
struct Row {
    /// As a finding names its sources, for example `RFC 6749 §5.1`.
    section: String,
    statement: String,
}

impl Ledger {
    fn of(reports: &[&RunReport]) -> Self {
        let findings = reports.iter().flat_map(|report| &report.findings);
        let named: HashSet<&str> = findings.flat_map(|finding| &finding.covers).map(String::as_str).collect();
        let files = suite::requirements();
        let rows = files.values().filter_map(Value::as_array).flatten().filter_map(Row::of);
        Self(rows.filter(|(id, _)| named.contains(id.as_str())).collect())
    }

    /// Rows by their ids; of one that is not known, nothing.
    fn rows(&self, covers: &[String]) -> impl Iterator<Item = &Row> {
        covers.iter().filter_map(|id| self.0.get(id))
    }

    fn statements(&self, covers: &[String]) -> Vec<Prose> {
        self.rows(covers).map(|row| prose(&row.statement)).collect()
    }
}

impl Row {
    /// The id of a row, and what it says.
    fn of(row: &Value) -> Option<(String, Self)> {
        let text = |name: &str| Some(row.get(name)?.as_str()?.trim().to_owned());
        let section = format!("{} §{}", text("source")?, text("section")?);
        Some((text("id")?, Self { section, statement: text("statement")? }))
    }
}

/// Text in one line.
fn line(text: &str) -> String {
    one_line(text, 1_000)
}

/// Text that may have several lines.
fn text(text: &str) -> String {
    block(text.trim_end(), 16, 2_000)
}

/// Text that may have several lines, and code in it.
fn prose(said: &str) -> Prose {
    Prose::of(&text(said))
}

/// What names a flaw.
fn title(said: &str) -> String {
    prose::title(&line(said))
}

/// `a`, `a and b`, `a, b and c`; of more than `most` the first, and how many more there are.
fn joined(names: &[&str], most: usize) -> String {
    let mut shown: Vec<String> = names.iter().take(most).map(|name| line(name)).collect();
    if names.len() > most {
        shown.push(format!("{} more", names.len() - most));
    }
    match shown.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

/// The name of the style sheet in a folder.
const STYLE_FILE: &str = "style.css";

const STYLE: &str = include_str!("html/style.css");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_cannot_end_its_element_and_asks_for_nothing() {
        assert!(!STYLE.contains('<') && !STYLE.contains('\r'));
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }

    #[test]
    fn names_are_joined_as_in_a_sentence() {
        assert_eq!(joined(&["a"], 3), "a");
        assert_eq!(joined(&["a", "b", "c"], 3), "a, b and c");
        assert_eq!(joined(&["a", "b", "c"], 1), "a and 2 more");
        assert_eq!(joined(&[], 1), "");
    }
}
