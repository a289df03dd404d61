//! The Markdown report: for job summaries, merge requests, wikis and mails.
//!
//! Pure. Texts of a server stand in code only; every other text is escaped, so that none becomes markup, a link or a mention.

use super::conclude::plural;
use super::evidence::shown;
use super::facts;
use super::link::Link;
use super::model::{Answer, Finding, RunReport, VerdictKind};
use super::text::block;

/// All runs, with the details of every finding; ends with a line break.
#[must_use]
pub fn render(reports: &[&RunReport]) -> String {
    render_within(reports, usize::MAX)
}

/// The same in at most about `bytes`: details that have no room are counted. Tables are never cut, but for hostile input.
#[must_use]
pub fn render_within(reports: &[&RunReport], bytes: usize) -> String {
    let mut text = String::new();
    for report in reports {
        if !text.is_empty() {
            text.push('\n');
        }
        head(report, &mut text);
        waivers(report, &mut text);
        table(report, bytes, &mut text);
        details(report, bytes, &mut text);
        tail(report, &mut text);
    }
    text
}

fn head(report: &RunReport, text: &mut String) {
    let exit = &report.exit;
    let sign = if exit.code == 0 { "✅" } else { "❌" };
    text.push_str(&format!("## {sign} grantlint · {}\n\n", escaped(&facts::run_name(report))));
    let url = facts::line(facts::target(report, "token_endpoint"));
    let url = if url.is_empty() { String::new() } else { format!("{}, ", code(&url)) };
    text.push_str(&format!("{url}{}, grantlint {}", escaped(&report.started), escaped(&report.tool.version)));
    if let Some(shard) = &report.shard {
        let parts: Vec<String> = shard.parts.iter().take(20).map(usize::to_string).collect();
        text.push_str(&format!(", part {} of {}", parts.join(", "), shard.of));
    }
    text.push_str(&format!("\n\n**Exit code {}:** {}\n\n", exit.code, escaped(&exit.meaning)));
    let answers = &report.answers;
    let rows = answers.conforms.iter().map(|(name, answer)| ("conforms to", name, answer));
    let rows: Vec<_> = rows.chain(answers.works_for.iter().map(|(name, answer)| ("works for", name, answer))).collect();
    if !rows.is_empty() {
        text.push_str("| question | answer |\n|---|---|\n");
        for (question, name, answer) in rows {
            text.push_str(&format!("| {question} {} | {} |\n", escaped(name), words(answer)));
        }
        text.push('\n');
    }
    for diagnosis in &report.diagnosis {
        text.push_str(&format!("> **{}**  \n> {}\n\n", escaped(&diagnosis.says), escaped(&diagnosis.next)));
    }
    let counts = facts::counts(&report.summary);
    let names: Vec<&str> = counts.iter().map(|(name, _)| *name).collect();
    let numbers: Vec<String> = counts.iter().map(|(_, n)| n.to_string()).collect();
    text.push_str(&format!(
        "| {} |\n|{}\n| {} |\n",
        names.join(" | "),
        "---:|".repeat(counts.len()),
        numbers.join(" | ")
    ));
}

fn words(answer: &Answer) -> String {
    match answer.answer.as_str() {
        "yes" if answer.warnings > 0 => format!("✅ yes ({})", plural(answer.warnings, "warning")),
        "yes" => "✅ yes".to_owned(),
        "no" => format!("❌ no ({})", answer.violations),
        _ => format!("❓ not known ({} not testable)", answer.not_testable),
    }
}

fn waivers(report: &RunReport, text: &mut String) {
    if !report.waivers.is_empty() {
        text.push_str("\n**Waivers to look at**\n\n");
    }
    for notice in &report.waivers {
        text.push_str(&format!("- {}: {}\n", facts::state(notice), escaped(&notice.says)));
    }
}

fn table(report: &RunReport, bytes: usize, text: &mut String) {
    let told = facts::told(report);
    if told.is_empty() {
        return;
    }
    text.push_str("\n| | check | what |\n|---|---|---|\n");
    for (nth, finding) in told.iter().enumerate() {
        if text.len() > bytes / 2 {
            text.push_str(&format!("| | | {} more; the JSON report has them |\n", told.len() - nth));
            break;
        }
        let known = if finding.baseline.as_deref() == Some("known") { ", known" } else { "" };
        text.push_str(&format!(
            "| {} {}{known} | {} | {} |\n",
            sign(finding),
            facts::word(finding),
            // A pipe would end the cell even in code.
            code(&facts::name(finding)).replace('|', "\\|"),
            escaped(&finding.title)
        ));
    }
}

fn details(report: &RunReport, bytes: usize, text: &mut String) {
    let told: Vec<&Finding> = facts::told(report);
    for (nth, finding) in told.iter().enumerate() {
        let one = detail(report, finding);
        // Room for the line that says so, and for the end of the report.
        if text.len() + one.len() + 2_000 > bytes {
            text.push_str(&format!(
                "\nNo room for the details of {}; the JSON report has them.\n",
                plural(told.len() - nth, "finding")
            ));
            return;
        }
        text.push_str(&one);
    }
}

fn detail(report: &RunReport, finding: &Finding) -> String {
    let mut text = format!("\n### {} {}: {}\n\n", sign(finding), facts::word(finding), escaped(&finding.title));
    text.push_str(&format!("{}\n\n", code(&facts::name(finding))));
    let mut item = |label: &str, words: &str| {
        if !words.trim().is_empty() {
            text.push_str(&format!("- **{label}:** {words}\n"));
        }
    };
    item("waived", &facts::waiver(finding).map(|words| escaped(&words)).unwrap_or_default());
    for says in facts::says(finding) {
        match says.split_once(": ").filter(|(label, _)| ["expected", "got", "blocked by"].contains(label)) {
            Some((label, words)) => item(label, &code(words)),
            None => item("found", &code(&says)),
        }
    }
    item("requirement", &format!("{}, {}", linked(&finding.sources), escaped(&finding.level)));
    let caller = finding.caller.as_deref().unwrap_or("the caller");
    let sees = finding.caller_sees.as_deref().unwrap_or_default();
    item(&format!("in {}", escaped(caller)), &if sees.is_empty() { String::new() } else { code(&facts::line(sees)) });
    item("why", &escaped(&finding.why));
    item("fix", &escaped(&finding.fix));
    for shown in shown(report, finding, 160) {
        let rows = shown.rows.into_iter().flat_map(|row| {
            let carets = row.carets();
            std::iter::once(row.text).chain(carets)
        });
        let lines: Vec<String> = std::iter::once(shown.request).filter(|line| !line.is_empty()).chain(rows).collect();
        if !lines.is_empty() {
            text.push_str(&format!("\n{}:\n\n{}", escaped(&shown.title), fenced("http", &lines.join("\n"))));
        }
    }
    if let Some(line) = finding.reproduce.as_deref().filter(|_| finding.verdict != VerdictKind::Waived) {
        text.push_str(&format!("\nAgain:\n\n{}", fenced("sh", &block(line, 20, 4_000))));
    }
    text
}

fn tail(report: &RunReport, text: &mut String) {
    let lost: Vec<String> = report
        .controls
        .iter()
        .filter(|(_, state)| *state != "held")
        .take(20)
        .map(|(key, _)| code(&facts::line(key)))
        .collect();
    if !lost.is_empty() {
        text.push_str(&format!("\nNo longer answered as before: {}\n", lost.join(", ")));
    }
    if !report.left_out.is_empty() {
        text.push_str(&format!("\nNot sent by choice: {}\n", plural(report.left_out.len(), "exchange")));
    }
}

fn sign(finding: &Finding) -> &'static str {
    match facts::word(finding) {
        "error" => "❌",
        "not testable" => "❓",
        "warning" => "⚠️",
        "note" => "ℹ️",
        _ => "➖",
    }
}

/// One line in which nothing is markup, HTML, a link or a mention.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in facts::line(text).chars() {
        match c {
            // Readers look for these in what they have rendered, so that a backslash alone would not help.
            '@' => safe.push_str("@<!-- -->"),
            // `www.` and `https://` are links without any markup.
            ':' | '.' | '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '!'
            | '$'
                if !matches!(c, ':' | '.') || links(&safe) =>
            {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

/// Sources in one line, each with a link to its section if that has a known place.
pub(super) fn linked(sources: &[String]) -> String {
    let one = |source: &String| match Link::to(source).url {
        Some(url) => format!("[{}]({url})", escaped(source)),
        None => escaped(source),
    };
    sources.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Whether what is written so far ends like the beginning of a link: a scheme, or `www`.
fn links(before: &str) -> bool {
    let word = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase();
    ["http", "https", "ftp", "mailto", "xmpp", "www"].iter().any(|scheme| word.ends_with(scheme))
}

/// A code span: its marks are longer than any run of them in the text.
fn code(text: &str) -> String {
    let text = if text.trim().is_empty() { "(empty)" } else { text };
    let marks = "`".repeat(longest_run(text) + 1);
    let room = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{marks}{room}{text}{room}{marks}")
}

/// A block of code; `text` has only line breaks that are meant.
fn fenced(language: &str, text: &str) -> String {
    let marks = "`".repeat(longest_run(text).max(2) + 1);
    format!("{marks}{language}\n{text}\n{marks}\n")
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        assert_eq!(escaped("a|b <b> *x* [y](z) `c`"), "a\\|b \\<b\\> \\*x\\* \\[y\\](z) \\`c\\`");
        assert_eq!(
            escaped("see https://evil.example or www.evil.example"),
            "see https\\://evil.example or www\\.evil.example"
        );
        assert_eq!(escaped("ask @team"), "ask @<!-- -->team");
        assert_eq!(escaped("token_type: mac"), "token\\_type: mac");
    }

    #[test]
    fn code_cannot_be_ended_from_within() {
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(fenced("http", "a\n```\nb"), "````http\na\n```\nb\n````\n");
    }
}
