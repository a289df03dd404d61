//! Text that came from a server, made safe to show: nothing in it steers a terminal, a CI log or an XML parser.
//!
//! Pure functions, used by every writer. What is taken out stays visible as an escape (`\n`, `\x1b`, `\u{202e}`), because a
//! reader has to see that a server sent it. The escapes are for eyes: a backslash that was there before is left alone.

/// One line of at most `max_chars` characters: line breaks become `\n`, and what was cut is counted at the end.
///
/// The count comes on top of `max_chars`; 0 cuts everything.
#[must_use]
pub fn one_line(text: &str, max_chars: usize) -> String {
    defused(&cut(text, max_chars, escaped))
}

/// Several lines: at most `max_lines` of at most `max_chars` characters each, no line break at the end.
///
/// A carriage return before a line feed is part of the line break; tabs stay. What was cut is counted, in the line and at the
/// end. No line can issue a workflow command of GitHub, Azure or TeamCity, or open a section of a GitLab log.
#[must_use]
pub fn block(text: &str, max_lines: usize, max_chars: usize) -> String {
    let mut shown = Vec::new();
    let mut rest = text.lines();
    for line in rest.by_ref().take(max_lines) {
        shown.push(defused(&cut(line, max_chars, |c| if c == '\t' { None } else { escaped(c) })));
    }
    match rest.count() {
        0 => {}
        1 => shown.push("… (1 more line)".to_owned()),
        more => shown.push(format!("… ({more} more lines)")),
    }
    shown.join("\n")
}

/// Only characters that XML 1.0 allows in a document; the others become visible escapes.
///
/// Source: XML 1.0 §2.2.
#[must_use]
pub fn xml_legal(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut legal, c| {
        match c {
            '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => legal.push(c),
            other => legal.push_str(&escape(other)),
        }
        legal
    })
}

/// The content of a CDATA section: each `]]>` is split over two sections, so that it cannot end the first.
#[must_use]
pub fn cdata(text: &str) -> String {
    text.replace("]]>", "]]]]><![CDATA[>")
}

/// A serialised JSON document with every character that could steer a terminal or a log written as `\uXXXX`.
///
/// Lossless: such characters occur in strings only, and there the escape means the same character.
#[must_use]
pub fn json_safe(document: &str) -> String {
    let mut safe = String::with_capacity(document.len());
    let mut units = [0; 2];
    for c in document.chars() {
        if c == '\n' || !is_hostile(c) {
            safe.push(c);
        } else {
            for unit in c.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    // Both characters must stay JSON: only the second one is written as an escape.
    break_markers(&safe, |_| "#\\u0023".to_owned(), |name| name.replace('_', "\\u005f"))
}

/// The first `max_chars` characters of what `escape` makes of `text`, never half an escape, and a count of what is missing.
fn cut(text: &str, max_chars: usize, escape: impl Fn(char) -> Option<String>) -> String {
    let mut shown = String::new();
    let mut used = 0;
    for (taken, c) in text.chars().enumerate() {
        let escape = escape(c);
        used += escape.as_ref().map_or(1, |escape| escape.chars().count());
        if used > max_chars {
            let more = text.chars().count() - taken;
            shown.push_str(&format!("… ({more} more character{})", if more == 1 { "" } else { "s" }));
            return shown;
        }
        match escape {
            Some(escape) => shown.push_str(&escape),
            None => shown.push(c),
        }
    }
    shown
}

/// The visible escape of a character that must not reach an output, `None` for the others.
fn escaped(c: char) -> Option<String> {
    is_hostile(c).then(|| escape(c))
}

fn escape(c: char) -> String {
    match c {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        c if u32::from(c) <= 0xff => format!("\\x{:02x}", u32::from(c)),
        c => format!("\\u{{{:x}}}", u32::from(c)),
    }
}

/// Controls (C0, DEL, C1), marks that reorder text, characters without width, separators that act as line breaks, and
/// characters that no text may hold.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || (u32::from(c) & 0xfffe) == 0xfffe
        || ('\u{fdd0}'..='\u{fdef}').contains(&c)
}

/// A line in which no CI server finds a command.
///
/// GitHub and Azure read `::command::` at the start of a line, spaces aside, and `##[command]`, `##vso[` anywhere in it; TeamCity
/// reads `##teamcity[`; GitLab `section_start:` and `section_end:`.
fn defused(line: &str) -> String {
    let line = break_markers(line, |_| "#\\x23".to_owned(), |name| name.replace('_', "\\x5f"));
    let line = line.replace("::set-", "\\x3a:set-").replace("::add-", "\\x3a:add-");
    // Wrapping may put any word at the start of a line, so no word may begin with a command.
    let mut safe = String::with_capacity(line.len());
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        let opens = c == ':' && before.is_whitespace() && line[at..].starts_with("::");
        if opens && line[at + 2..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            safe.push_str("\\x3a");
        } else {
            safe.push(c);
        }
        before = c;
    }
    safe
}

/// Rewrites the `##` of `##[`, `##vso[`, `##teamcity[` and the name of GitLab's section markers, wherever they stand.
fn break_markers(text: &str, hashes: impl Fn(&str) -> String, section: impl Fn(&str) -> String) -> String {
    let mut broken = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("##") {
        let (before, from) = rest.split_at(at);
        broken.push_str(before);
        let name = from[2..].trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        // A third hash is looked at again, for it may open a marker with the second.
        if name.starts_with('[') {
            broken.push_str(&hashes(&from[..2]));
            rest = &from[2..];
        } else {
            broken.push('#');
            rest = &from[1..];
        }
    }
    broken.push_str(rest);
    for name in ["section_start:", "section_end:"] {
        if broken.contains(name) {
            broken = broken.replace(name, &section(name));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_escape_is_shown_and_not_obeyed() {
        assert_eq!(one_line("\u{1b}[31mred\u{1b}]0;title\u{7}", 80), "\\x1b[31mred\\x1b]0;title\\x07");
        assert_eq!(one_line("\u{9b}31m\u{7f}", 80), "\\x9b31m\\x7f");
    }

    #[test]
    fn reordering_and_invisible_characters_are_shown() {
        assert_eq!(one_line("a\u{202e}b\u{200b}c\u{feff}d\u{2028}e", 80), "a\\u{202e}b\\u{200b}c\\u{feff}d\\u{2028}e");
        assert_eq!(one_line("héllo ✓ 🦀", 80), "héllo ✓ 🦀");
    }

    #[test]
    fn a_line_break_is_written_out_and_what_is_cut_is_counted() {
        assert_eq!(one_line("a\r\nb\tc", 80), "a\\r\\nb\\tc");
        assert_eq!(one_line("abcdef", 4), "abcd… (2 more characters)");
        assert_eq!(one_line("abcde", 4), "abcd… (1 more character)");
        assert_eq!(one_line("abc\u{1b}", 4), "abc… (1 more character)", "no half escape");
        assert_eq!(one_line("abcd", 4), "abcd");
    }

    #[test]
    fn a_body_cannot_issue_a_command_of_a_ci_server() {
        assert_eq!(block("ok\n::error::x\n \t::add-mask::y", 9, 80), "ok\n\\x3a:error::x\n \t\\x3a:add-mask::y");
        assert_eq!(block("a ##[group]b\n###vso[task]", 9, 80), "a #\\x23[group]b\n##\\x23vso[task]");
        assert_eq!(
            block("##teamcity[x]\nx ::set-output name=a::b", 9, 80),
            "#\\x23teamcity[x]\nx \\x3a:set-output name=a::b"
        );
        assert_eq!(block("section_start:1:a\r\u{1b}[0K", 9, 80), "section\\x5fstart:1:a\\r\\x1b[0K");
        assert_eq!(one_line("::error::x", 80), "\\x3a:error::x");
        assert_eq!(one_line("a ::error::x [::1]", 80), "a \\x3a:error::x [::1]", "wherever a line may break");
        assert_eq!(block("## heading\nstd::set", 9, 80), "## heading\nstd::set", "ordinary text stays");
    }

    #[test]
    fn a_block_is_bounded_both_ways() {
        assert_eq!(block("a\r\nb\r\nc", 2, 80), "a\nb\n… (1 more line)");
        assert_eq!(block("abcdef\n", 2, 3), "abc… (3 more characters)");
        assert_eq!(block("", 2, 3), "");
    }

    #[test]
    fn only_characters_of_xml_1_0_remain() {
        assert_eq!(xml_legal("a\u{0}\u{8}\u{ffff}\t\n<&🦀"), "a\\x00\\x08\\u{ffff}\t\n<&🦀");
    }

    #[test]
    fn a_cdata_section_cannot_be_ended_from_within() {
        assert_eq!(cdata("a]]>b]]]>"), "a]]]]><![CDATA[>b]]]]]><![CDATA[>");
    }

    #[test]
    fn json_keeps_its_meaning_and_loses_its_sting() {
        let value = serde_json::json!({ "a##[b]": "\u{9b}\u{202e}\u{e0041}##vso[x] section_end:1" });
        let safe = json_safe(&value.to_string());
        assert!(
            !safe.contains(|c: char| is_hostile(c)) && !safe.contains("##[") && !safe.contains("section_end:"),
            "{safe}"
        );
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
