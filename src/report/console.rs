//! The report for a person at a terminal or in a CI log: the two answers first, then what failed, then counts.
//!
//! Pure, and without global state: colour is an option, never read from the environment. What a server sent can neither move
//! the cursor nor issue a command to the CI server.

mod exchange;
mod finding;
mod fold;
mod paint;

use super::model::{Answer, Finding, RunReport, VerdictKind};
use super::text::{columns, one_line, wrapped};
use fold::groups;
use paint::{Paint, Tone};

/// How the console report is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleOptions {
    /// Whether ANSI colours are written; words and symbols say the same without them.
    pub colour: bool,
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
    let page = Page {
        report,
        paint: Paint(options.colour),
        width: options.width.max(40),
        options,
    };
    let mut lines = Vec::new();
    if options.verbosity == Verbosity::Quiet {
        page.answers(&mut lines);
        for group in groups(report) {
            page.brief(&group, &mut lines);
        }
        lines.push(page.exit());
    } else {
        page.header(&mut lines);
        page.answers(&mut lines);
        page.preflight(&mut lines);
        page.diagnosis(&mut lines);
        for group in groups(report) {
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

    fn header(&self, lines: &mut Vec<String>) {
        let report = self.report;
        let word = |name: &str| {
            report
                .target
                .get(name)
                .and_then(|value| value.as_str())
                .map(line)
        };
        let mut target = format!(
            "target {}",
            word("name").unwrap_or_else(|| "without a name".to_owned())
        );
        if let Some(url) = word("token_endpoint") {
            target = format!("{target} ({url})");
        }
        let suites: Vec<String> = report.suites.iter().map(|suite| line(suite)).collect();
        let parts = [
            format!("{} {}", line(&report.tool.name), line(&report.tool.version)),
            target,
            format!(
                "{} {}",
                if suites.len() == 1 { "suite" } else { "suites" },
                suites.join(", ")
            ),
            format!(
                "{}, {}",
                count(report.summary.checks, "check"),
                count(report.summary.exchanges, "exchange")
            ),
        ];
        for line in joined(&parts, self.width) {
            lines.push(self.paint.tone(Tone::Strong, &line));
        }
        lines.push(String::new());
    }

    /// The two questions, each with its answer.
    fn answers(&self, lines: &mut Vec<String>) {
        let answers = &self.report.answers;
        let conforms = answers
            .conforms
            .iter()
            .map(|(document, answer)| (format!("conforms to {}", line(document)), answer));
        let works = answers
            .works_for
            .iter()
            .map(|(caller, answer)| (format!("works for {}", line(caller)), answer));
        let mut current = String::new();
        let mut used = 0;
        for (question, answer) in conforms.chain(works) {
            let (tone, words) = answer_words(answer);
            let takes = columns(&question) + 2 + columns(&words);
            if used > 0 && used + 3 + takes > self.width {
                lines.push(std::mem::take(&mut current));
                used = 0;
            }
            if used > 0 {
                current.push_str(" · ");
                used += 3;
            }
            current.push_str(&format!("{question}: {}", self.paint.tone(tone, &words)));
            used += takes;
        }
        if current.is_empty() {
            current = self.paint.tone(Tone::Bad, "? no question was answered");
        }
        lines.push(current);
    }

    /// Where the run stopped, if it did; with all steps when verbose.
    fn preflight(&self, lines: &mut Vec<String>) {
        let preflight = &self.report.preflight;
        if preflight.passed && !self.verbose() {
            return;
        }
        lines.push(String::new());
        lines.push(if preflight.passed {
            "preflight:".to_owned()
        } else {
            self.paint
                .tone(Tone::Bad, "stopped in the preflight: nothing more was sent")
        });
        for step in &preflight.steps {
            let (sign, tone) = if step.passed {
                ("✓", Tone::Good)
            } else {
                ("✗", Tone::Bad)
            };
            let text = format!("{}: {}", line(&step.step), line(&step.detail));
            self.hanging(
                &format!("  {} ", self.paint.tone(tone, sign)),
                4,
                &text,
                lines,
            );
        }
    }

    fn diagnosis(&self, lines: &mut Vec<String>) {
        for diagnosis in &self.report.diagnosis {
            lines.push(String::new());
            self.hanging(
                &self.paint.tone(Tone::Strong, "diagnosis: "),
                11,
                &line(&diagnosis.says),
                lines,
            );
            self.hanging("  next: ", 8, &line(&diagnosis.next), lines);
            if !diagnosis.checks.is_empty() {
                self.hanging("  seen in: ", 11, &list(&diagnosis.checks), lines);
            }
        }
    }

    /// Waived, not exercised, not applicable, left out: never silent, but short.
    fn without_verdict(&self, lines: &mut Vec<String>) {
        let of = |verdict| {
            self.report
                .findings
                .iter()
                .filter(move |finding| finding.verdict == verdict)
        };
        let mut rows = Vec::new();
        for finding in of(VerdictKind::Waived) {
            let word = |name: &str| {
                finding
                    .waiver
                    .as_ref()
                    .and_then(|waiver| waiver.get(name)?.as_str())
                    .map(line)
            };
            let until = word("until").map_or_else(String::new, |until| format!(" (until {until})"));
            let reason = word("reason").unwrap_or_else(|| "no reason given".to_owned());
            rows.push((
                "~ waived",
                format!(
                    "{}: {}; {reason}{until}",
                    name(finding),
                    line(&finding.title)
                ),
            ));
        }
        for finding in of(VerdictKind::NotApplicable) {
            let reason = finding.reason.as_deref().unwrap_or(&finding.message);
            if let Some(why) = reason.strip_prefix("not exercised:") {
                rows.push((
                    "- not exercised",
                    format!("{}: {}", name(finding), line(why.trim())),
                ));
            } else if self.verbose() {
                rows.push((
                    "- not applicable",
                    format!("{}: {}", name(finding), line(reason)),
                ));
            }
        }
        for finding in of(VerdictKind::LeftOut).filter(|_| self.verbose()) {
            let reason = finding.reason.as_deref().unwrap_or(&finding.message);
            rows.push(("- left out", format!("{}: {}", name(finding), line(reason))));
        }
        if !rows.is_empty() {
            lines.push(String::new());
        }
        for (label, text) in rows {
            let label = format!("{label} ");
            self.hanging(
                &self.paint.tone(Tone::Faint, &label),
                columns(&label),
                &text,
                lines,
            );
        }
    }

    fn passes(&self, lines: &mut Vec<String>) {
        let mut passes = self
            .report
            .findings
            .iter()
            .filter(|finding| finding.verdict == VerdictKind::Pass)
            .peekable();
        if passes.peek().is_some() {
            lines.push(String::new());
        }
        for finding in passes {
            let label = self.paint.tone(Tone::Good, "✓ passed");
            lines.push(format!("{label} {}", name(finding)));
        }
    }

    fn counts(&self, lines: &mut Vec<String>) {
        let report = self.report;
        let summary = &report.summary;
        let mut parts = vec![format!(
            "{}: {} passed",
            count(summary.checks, "check"),
            summary.pass
        )];
        let counted = [
            (
                summary.violation,
                if summary.violation == 1 {
                    "error"
                } else {
                    "errors"
                },
            ),
            (summary.not_testable, "not testable"),
            (
                summary.warning,
                if summary.warning == 1 {
                    "warning"
                } else {
                    "warnings"
                },
            ),
            (
                summary.note,
                if summary.note == 1 { "note" } else { "notes" },
            ),
            (summary.waived, "waived"),
            (summary.not_applicable, "not applicable"),
            (summary.left_out, "left out"),
        ];
        parts.extend(
            counted
                .iter()
                .filter(|(n, _)| *n > 0)
                .map(|(n, what)| format!("{n} {what}")),
        );
        let known = report
            .findings
            .iter()
            .filter(|finding| finding.baseline.as_deref() == Some("known"))
            .count();
        if known > 0 {
            parts.push(format!("{known} known in the baseline"));
        }
        lines.extend(joined(&parts, self.width));

        let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
        for left_out in &report.left_out {
            match reasons
                .iter_mut()
                .find(|(reason, _)| *reason == left_out.reason)
            {
                Some((_, exchanges)) => exchanges.push(left_out.exchange.clone()),
                None => reasons.push((&left_out.reason, vec![left_out.exchange.clone()])),
            }
        }
        for (reason, exchanges) in reasons {
            let mut text = format!("{} ({})", count(exchanges.len(), "exchange"), line(reason));
            if self.verbose() {
                text = format!("{text}: {}", list(&exchanges));
            }
            self.hanging("not sent: ", 10, &text, lines);
        }

        let lost: Vec<String> = report
            .controls
            .iter()
            .filter(|(_, state)| *state != "held")
            .map(|(exchange, state)| format!("{} is lost ({})", line(exchange), line(state)))
            .collect();
        if !report.controls.is_empty() {
            let held = format!("{} held", report.controls.len() - lost.len());
            let text = std::iter::once(held)
                .chain(lost)
                .collect::<Vec<_>>()
                .join(", ");
            self.hanging("controls: ", 10, &text, lines);
        }
    }

    fn exit(&self) -> String {
        let exit = &self.report.exit;
        let (sign, tone) = if exit.code == 0 {
            ("✓", Tone::Good)
        } else {
            ("✗", Tone::Bad)
        };
        self.paint.tone(
            tone,
            &format!("{sign} exit code {}: {}", exit.code, line(&exit.meaning)),
        )
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

fn answer_words(answer: &Answer) -> (Tone, String) {
    match answer.answer.as_str() {
        "yes" if answer.warnings > 0 => (
            Tone::Good,
            format!("✓ yes ({})", count(answer.warnings, "warning")),
        ),
        "yes" => (Tone::Good, "✓ yes".to_owned()),
        "no" => (Tone::Bad, format!("✗ no ({})", answer.violations)),
        _ => (
            Tone::Bad,
            format!("? not known ({} not testable)", answer.not_testable),
        ),
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
    let caller = finding
        .caller
        .as_ref()
        .map(|caller| format!("@{}", line(caller)));
    let words: Vec<String> = finding
        .variant
        .as_deref()
        .map(line)
        .into_iter()
        .chain(caller)
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn list(names: &[String]) -> String {
    names
        .iter()
        .map(|name| line(name))
        .collect::<Vec<_>>()
        .join(", ")
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
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
