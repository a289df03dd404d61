//! What failed, in the form that users of compilers know: what, where, the lines that matter, what is expected, how to fix.

use super::paint::{Paint, Tone};
use super::{Page, line, list, with};
use crate::report::conclude::plural;
use crate::report::evidence::shown;
use crate::report::fold::{Group, Kind, because, differences, sees};
use crate::report::link::Link;
use crate::report::text::{block, one_line};
use crate::report::wrap::{columns, shell_joined, shell_wrapped, wrapped};

/// Checks of one cause that are named in one line.
const NAMED: usize = 3;

impl Page<'_> {
    /// A whole block.
    pub(super) fn group(&self, group: &Group<'_>, lines: &mut Vec<String>) {
        let first = group.findings[0];
        lines.push(self.title(group));
        if group.kind == Kind::NotTestable {
            if group.one_check() {
                self.evidence(group, lines);
            }
            self.row("because", because(first), lines);
            self.row("blocked by", first.blocked_by.as_deref().unwrap_or_default(), lines);
            if !group.one_check() {
                let checks: Vec<String> = group.findings.iter().map(|finding| super::name(finding)).collect();
                self.row("checks", &list(&checks), lines);
                return;
            }
        } else {
            self.evidence(group, lines);
            self.mismatches(group, lines);
            if first.mismatches.is_empty() || self.verbose() {
                self.row("found", &first.message, lines);
            }
        }
        self.row("seen with", &seen_with(group), lines);
        let mut requirement = first.sources.clone();
        requirement.push(first.level.clone());
        let from = lines.len();
        self.row("requirement", &list(&requirement), lines);
        if self.options.links {
            lines[from..].iter_mut().for_each(|line| *line = linked(line, &first.sources));
        }
        for (caller, sees) in sees(self.report, group) {
            let sees = if sees == "nothing" { "nothing is shown there" } else { sees };
            self.row(&format!("in {}", one_line(&caller, 60)), sees, lines);
        }
        if self.verbose() {
            self.row("why", &first.why, lines);
        }
        if group.kind != Kind::NotTestable {
            self.row("fix", &first.fix, lines);
        }
        self.again(group, lines);
    }

    /// One line for each check of the group.
    pub(super) fn brief(&self, group: &Group<'_>, lines: &mut Vec<String>) {
        if group.one_check() {
            let seen = match seen_with(group).as_str() {
                "" => String::new(),
                seen => format!(" ({seen})"),
            };
            lines.push(format!("{}{seen}", self.title(group)));
        } else {
            let mut names: Vec<&str> = group.findings.iter().map(|finding| finding.check.as_str()).collect();
            names.dedup();
            let more = names.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let named: Vec<String> = names.iter().take(NAMED).map(|name| line(name)).collect();
            let because = line(because(group.findings[0]));
            lines.push(format!("{}: {because} ({}{more})", self.title(group), named.join(", ")));
        }
    }

    fn title(&self, group: &Group<'_>) -> String {
        let first = group.findings[0];
        let (word, tone) = match group.kind {
            Kind::Error => ("error", Tone::Bad),
            Kind::NotTestable => ("not testable", Tone::Bad),
            Kind::Warning => ("warning", Tone::Warning),
            Kind::Note => ("note", Tone::Note),
        };
        if !group.one_check() {
            let text = format!(": {}, one cause", plural(group.findings.len(), "finding"));
            return format!("{}{}", self.paint.tone(tone, word), self.paint.tone(Tone::Strong, &text));
        }
        let baseline = first.baseline.as_deref().map(|state| format!(" ({})", line(state))).unwrap_or_default();
        let title = format!(": {}{baseline}", line(&first.title));
        format!(
            "{}{}",
            self.paint.tone(tone, &format!("{word}[{}]", line(&first.check))),
            self.paint.tone(Tone::Strong, &title)
        )
    }

    fn evidence(&self, group: &Group<'_>, lines: &mut Vec<String>) {
        let tone = if group.kind == Kind::Warning { Tone::Warning } else { Tone::Bad };
        for shown in shown(self.report, group.findings[0], self.width - 6) {
            let arrow = self.paint.tone(Tone::Faint, "-->");
            let place =
                if shown.request.is_empty() { shown.title } else { format!("{}   ({})", shown.request, shown.title) };
            lines.push(format!("  {arrow} {place}"));
            let bar = self.paint.tone(Tone::Faint, "|");
            for row in shown.rows {
                lines.push(format!("   {bar}  {}", row.text).trim_end().to_owned());
                if let Some(carets) = row.carets() {
                    lines.push(format!("   {bar}  {}", self.paint.tone(tone, &carets)));
                }
            }
        }
    }

    fn mismatches(&self, group: &Group<'_>, lines: &mut Vec<String>) {
        let told = differences(group.findings[0]);
        for (mismatch, times) in &told {
            if told.len() > 1 {
                self.row("at", &mismatch.at, lines);
            }
            self.row("expected", &mismatch.expected, lines);
            let seen = if *times > 1 {
                format!("{} (in {times} exchanges)", mismatch.actual)
            } else {
                mismatch.actual.clone()
            };
            self.row("got", &seen, lines);
        }
    }

    fn again(&self, group: &Group<'_>, lines: &mut Vec<String>) {
        let first = group.findings[0];
        if let Some(command) = group.findings.iter().find_map(|finding| finding.reproduce.as_deref()) {
            let command = line(&shell_joined(command));
            self.label("again", &shell_wrapped(&command, self.width.saturating_sub(12)), lines);
        }
        if let Some(rerun) = &self.options.rerun {
            let command = format!("{} --only {}", line(rerun), line(&first.check));
            self.label("only this", &[command], lines);
        }
    }

    /// `= label: text`, nothing if there is no text.
    fn row(&self, label: &str, text: &str, lines: &mut Vec<String>) {
        if text.trim().is_empty() {
            return;
        }
        let width = self.width.saturating_sub(label_columns(label)).max(20);
        let safe = block(text, 12, 1_000);
        let texts: Vec<String> = safe.split('\n').flat_map(|line| wrapped(line, width)).collect();
        self.label(label, &texts, lines);
    }

    fn label(&self, label: &str, texts: &[String], lines: &mut Vec<String>) {
        let sign = self.paint.tone(Tone::Faint, "=");
        let name = self.paint.tone(Tone::Strong, &format!("{label}:"));
        let mut before = format!("   {sign} {name} ");
        for text in texts {
            lines.push(format!("{before}{text}").trim_end().to_owned());
            before = " ".repeat(label_columns(label));
        }
    }
}

/// Variants and callers of a group, in words; empty if there is only the standard's own request.
fn seen_with(group: &Group<'_>) -> String {
    let seen: Vec<_> = group.findings.iter().map(|finding| with(finding)).collect();
    if seen.iter().all(Option::is_none) {
        return String::new();
    }
    let own = || "the standard's own request".to_owned();
    let seen: Vec<String> = seen.into_iter().map(|with| with.unwrap_or_else(own)).collect();
    seen.join(", ")
}

/// A line of a list with links where the sources stand that it names; one that is broken over two lines stays text.
fn linked(text: &str, sources: &[String]) -> String {
    let one = |part: &str| {
        let named = sources.iter().map(|source| Link::to(source)).find(|link| {
            part.strip_suffix(link.text.as_str()).is_some_and(|before| before.is_empty() || before.ends_with(' '))
        });
        match named.and_then(|link| Some((link.url?, link.text))) {
            Some((url, name)) => format!("{}{}", &part[..part.len() - name.len()], Paint::link(&url, &name)),
            None => part.to_owned(),
        }
    };
    let parts = text.trim_end_matches(',').split(", ").map(one).collect::<Vec<_>>().join(", ");
    if text.ends_with(',') { format!("{parts},") } else { parts }
}

fn label_columns(label: &str) -> usize {
    "   = : ".len() + columns(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_a_link_and_nothing_else_is() {
        let sources = ["RFC 6749 §5", "RFC 6749 §5.1", "Coupa call-out §A1"].map(str::to_owned);
        let line = linked("   = requirement: RFC 6749 §5.1, RFC 6749 §5, Coupa call-out §A1, MUST", &sources);
        let link = |section: &str| {
            format!(
                "\u{1b}]8;;https://www.rfc-editor.org/rfc/rfc6749#section-{section}\u{1b}\\RFC 6749 §{section}\u{1b}]8;;\u{1b}\\"
            )
        };
        assert_eq!(line, format!("   = requirement: {}, {}, Coupa call-out §A1, MUST", link("5.1"), link("5")));
        assert_eq!(linked("RFC 6749", &sources), "RFC 6749");
    }
}
