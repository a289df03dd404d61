//! What did not fail, in short, and the counts: silence is never ambiguous.

use super::paint::Tone;
use super::{Page, joined, line, list, name};
use crate::report::conclude::plural;
use crate::report::model::VerdictKind;
use crate::report::wrap::columns;

impl Page<'_> {
    /// Waived, not exercised, not applicable, left out: never silent, but short.
    pub(super) fn without_verdict(&self, lines: &mut Vec<String>) {
        let of = |verdict| self.report.findings.iter().filter(move |finding| finding.verdict == verdict);
        let mut rows = Vec::new();
        for finding in of(VerdictKind::Waived) {
            let word = |name: &str| finding.waiver.as_ref().and_then(|waiver| waiver.get(name)?.as_str()).map(line);
            let until = word("until").map_or_else(String::new, |until| format!(" (until {until})"));
            let reason = word("reason").unwrap_or_else(|| "no reason given".to_owned());
            rows.push(("~ waived", format!("{}: {}; {reason}{until}", name(finding), line(&finding.title))));
        }
        for finding in of(VerdictKind::NotApplicable) {
            let reason = finding.reason.as_deref().unwrap_or(&finding.message);
            if let Some(why) = reason.strip_prefix("not exercised:") {
                rows.push(("- not exercised", format!("{}: {}", name(finding), line(why.trim()))));
            } else if self.verbose() {
                rows.push(("- not applicable", format!("{}: {}", name(finding), line(reason))));
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
            self.hanging(&self.paint.tone(Tone::Faint, &label), columns(&label), &text, lines);
        }
    }

    /// One line for each check that passed.
    pub(super) fn passes(&self, lines: &mut Vec<String>) {
        let mut passes = self.report.findings.iter().filter(|finding| finding.verdict == VerdictKind::Pass).peekable();
        if passes.peek().is_some() {
            lines.push(String::new());
        }
        for finding in passes {
            let label = self.paint.tone(Tone::Good, "✓ passed");
            lines.push(format!("{label} {}", name(finding)));
        }
    }

    /// Counts for each outcome, what was not sent, and whether the endpoint still answers as before.
    pub(super) fn counts(&self, lines: &mut Vec<String>) {
        let report = self.report;
        let summary = &report.summary;
        let mut parts = vec![format!("{}: {} passed", plural(summary.checks, "check"), summary.pass)];
        let counted = [
            (summary.violation, if summary.violation == 1 { "error" } else { "errors" }),
            (summary.not_testable, "not testable"),
            (summary.warning, if summary.warning == 1 { "warning" } else { "warnings" }),
            (summary.note, if summary.note == 1 { "note" } else { "notes" }),
            (summary.waived, "waived"),
            (summary.not_applicable, "not applicable"),
            (summary.left_out, "left out"),
        ];
        parts.extend(counted.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
        let known = report.findings.iter().filter(|finding| finding.baseline.as_deref() == Some("known")).count();
        if known > 0 {
            parts.push(format!("{known} known in the baseline"));
        }
        lines.extend(joined(&parts, self.width));

        let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
        for left_out in &report.left_out {
            match reasons.iter_mut().find(|(reason, _)| *reason == left_out.reason) {
                Some((_, exchanges)) => exchanges.push(left_out.exchange.clone()),
                None => reasons.push((&left_out.reason, vec![left_out.exchange.clone()])),
            }
        }
        for (reason, exchanges) in reasons {
            let mut text = format!("{} ({})", plural(exchanges.len(), "exchange"), line(reason));
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
            let text = std::iter::once(held).chain(lost).collect::<Vec<_>>().join(", ");
            self.hanging("controls: ", 10, &text, lines);
        }
    }
}
