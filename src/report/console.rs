//! The report for a person at a terminal or in a CI log: the two answers first, then what failed, then counts.
//!
//! Pure, and without global state: colour is an option, never read from the environment. What a server sent can neither move
//! the cursor nor issue a command to the CI server.

mod exchange;
mod finding;
mod head;
mod paint;
mod tail;

use super::fold::groups;
use super::model::{Finding, RunReport};
use super::text::one_line;
use super::wrap::{columns, wrapped};
use paint::{Paint, Tone};

/// How the console report is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleOptions {
    /// Whether ANSI colours are written; words and symbols say the same without them.
    pub colour: bool,
    /// Whether sections of documents are links (OSC 8), for a terminal that somebody looks at.
    pub links: bool,
    /// Columns of the terminal; below 40 counts as 40. Shell commands and URLs may be longer.
    pub width: usize,
    /// How much is told.
    pub verbosity: Verbosity,
    /// The command that was given, without `--only`, for example `grantlint check sandbox`; without it no finding says how to
    /// ask that one check again.
    pub rerun: Option<String>,
}

/// How much the console report tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// The answers, one line for each finding that failed, and the exit code.
    Quiet,
    /// What failed, with its evidence; what was not exercised; counts.
    #[default]
    Normal,
    /// Passes, what does not apply, reasons, and every exchange too.
    Verbose,
}

/// The report as text that ends with a line break.
#[must_use]
pub fn render(report: &RunReport, options: &ConsoleOptions) -> String {
    let page = Page { report, paint: Paint(options.colour), width: options.width.max(40), options };
    let mut lines = Vec::new();
    if options.verbosity == Verbosity::Quiet {
        page.answers(&mut lines);
        page.diagnosis(&mut lines);
        page.stopped(&mut lines);
        for group in groups(report, false) {
            page.brief(&group, &mut lines);
        }
        lines.push(page.exit());
    } else {
        page.header(&mut lines);
        page.answers(&mut lines);
        page.preflight(&mut lines);
        page.diagnosis(&mut lines);
        page.stopped(&mut lines);
        for group in groups(report, options.verbosity == Verbosity::Verbose) {
            lines.push(String::new());
            page.group(&group, &mut lines);
        }
        page.without_verdict(&mut lines);
        if options.verbosity == Verbosity::Verbose {
            page.passes(&mut lines);
            page.exchanges(&mut lines);
        }
        lines.push(String::new());
        page.counts(&mut lines);
        lines.push(page.exit());
    }
    lines.push(String::new());
    lines.join("\n")
}

/// What every part of the report needs; its methods add lines.
struct Page<'a> {
    report: &'a RunReport,
    options: &'a ConsoleOptions,
    paint: Paint,
    width: usize,
}

impl Page<'_> {
    fn verbose(&self) -> bool {
        self.options.verbosity == Verbosity::Verbose
    }

    fn exit(&self) -> String {
        let exit = &self.report.exit;
        let (sign, tone) = if exit.code == 0 { ("✓", Tone::Good) } else { ("✗", Tone::Bad) };
        let text = format!("{sign} exit code {}: {}", exit.code, line(&exit.meaning));
        let lines = wrapped(&text, self.width.saturating_sub(2).max(20));
        lines.iter().map(|line| self.paint.tone(tone, line)).collect::<Vec<_>>().join("\n  ")
    }

    /// Text after a label of `indent` columns, its further lines below its start.
    fn hanging(&self, label: &str, indent: usize, text: &str, lines: &mut Vec<String>) {
        let mut label = label.to_owned();
        for line in wrapped(text, self.width.saturating_sub(indent).max(20)) {
            lines.push(format!("{label}{line}").trim_end().to_owned());
            label = " ".repeat(indent);
        }
    }
}

/// Check, variant and caller of a finding.
fn name(finding: &Finding) -> String {
    let mut name = line(&finding.check);
    if let Some(with) = with(finding) {
        name = format!("{name} {with}");
    }
    name
}

/// Variant and caller of a finding; `None` for the only member and the standard's own request.
fn with(finding: &Finding) -> Option<String> {
    let caller = finding.caller.as_ref().map(|caller| format!("@{}", line(caller)));
    let words: Vec<String> = finding.variant.as_deref().map(line).into_iter().chain(caller).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| line(name)).collect::<Vec<_>>().join(", ")
}

fn line(text: &str) -> String {
    one_line(text, MOST_CHARS)
}

/// Parts joined by a middle dot, in as many lines as they need.
fn joined(parts: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if columns(line) + 3 + columns(part) <= width => {
                line.push_str(" · ");
                line.push_str(part);
            }
            _ => lines.push(part.clone()),
        }
    }
    lines
}

/// Characters of one text before it is cut.
const MOST_CHARS: usize = 1_000;
