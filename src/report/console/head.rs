//! What a reader wants to know first: what was run, the two answers, what stopped it, what it looks like as a whole.

use super::paint::Tone;
use super::{Page, joined, line, list};
use crate::report::conclude::plural;
use crate::report::model::Answer;
use crate::report::wrap::{columns, wrapped};

impl Page<'_> {
    /// Where an endpoint comes from that the target file does not name. Another host than the issuer's is lawful and worth a look.
    fn found_in(&self, url: &str) -> String {
        let Some(from) = self.report.target.get("discovered").and_then(|found| found["from"].as_str()) else {
            return String::new();
        };
        let host = |url: &str| url.split('/').nth(2).map(str::to_owned);
        let elsewhere = if host(url) == host(from) { "" } else { ", on another host" };
        format!(", found in {}{elsewhere}", line(from))
    }

    /// Version, target, suites and how much was asked.
    pub(super) fn header(&self, lines: &mut Vec<String>) {
        let report = self.report;
        let word = |name: &str| report.target.get(name).and_then(|value| value.as_str()).map(line);
        let mut target = format!("target {}", word("name").unwrap_or_else(|| "without a name".to_owned()));
        if let Some(url) = word("token_endpoint") {
            target = format!("{target} ({url}{})", self.found_in(&url));
        }
        let suites: Vec<String> = report.suites.iter().map(|suite| line(suite)).collect();
        let parts = [
            format!("{} {}", line(&report.tool.name), line(&report.tool.version)),
            target,
            format!("{} {}", if suites.len() == 1 { "suite" } else { "suites" }, suites.join(", ")),
            format!("{}, {}", plural(report.summary.checks, "check"), plural(report.summary.exchanges, "exchange")),
        ];
        for line in joined(&parts, self.width).iter().flat_map(|line| wrapped(line, self.width)) {
            lines.push(self.paint.tone(Tone::Strong, &line));
        }
        lines.push(String::new());
    }

    /// The two questions, each with its answer.
    pub(super) fn answers(&self, lines: &mut Vec<String>) {
        let answers = &self.report.answers;
        let conforms =
            answers.conforms.iter().map(|(document, answer)| (format!("conforms to {}", line(document)), answer));
        let works = answers.works_for.iter().map(|(caller, answer)| (format!("works for {}", line(caller)), answer));
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
    pub(super) fn preflight(&self, lines: &mut Vec<String>) {
        let preflight = &self.report.preflight;
        if preflight.passed && !self.verbose() {
            return;
        }
        lines.push(String::new());
        lines.push(if preflight.passed {
            "preflight:".to_owned()
        } else {
            self.paint.tone(Tone::Bad, "stopped in the preflight: nothing more was sent")
        });
        for step in &preflight.steps {
            let (sign, tone) = if step.passed { ("✓", Tone::Good) } else { ("✗", Tone::Bad) };
            let text = format!("{}: {}", line(&step.step), line(&step.detail));
            self.hanging(&format!("  {} ", self.paint.tone(tone, sign)), 4, &text, lines);
        }
    }

    /// How many checks a stop left without a verdict; listed one by one when verbose.
    pub(super) fn stopped(&self, lines: &mut Vec<String>) {
        let untested = self.report.summary.not_testable;
        if !self.report.preflight.passed && untested > 0 && !self.verbose() {
            lines.push(String::new());
            let text = format!("{}, because the run stopped there (-v lists them)", plural(untested, "check"));
            self.hanging("not testable: ", 14, &text, lines);
        }
    }

    /// What the run as a whole says.
    pub(super) fn diagnosis(&self, lines: &mut Vec<String>) {
        for diagnosis in &self.report.diagnosis {
            lines.push(String::new());
            self.hanging(&self.paint.tone(Tone::Strong, "diagnosis: "), 11, &line(&diagnosis.says), lines);
            self.hanging("  next: ", 8, &line(&diagnosis.next), lines);
            if !diagnosis.checks.is_empty() {
                self.hanging("  seen in: ", 11, &list(&diagnosis.checks), lines);
            }
        }
    }
}

fn answer_words(answer: &Answer) -> (Tone, String) {
    match answer.answer.as_str() {
        "yes" if answer.warnings > 0 => (Tone::Good, format!("✓ yes ({})", plural(answer.warnings, "warning"))),
        "yes" => (Tone::Good, "✓ yes".to_owned()),
        "no" => (Tone::Bad, format!("✗ no ({})", answer.violations)),
        _ => (Tone::Bad, format!("? not known ({} not testable)", answer.not_testable)),
    }
}
