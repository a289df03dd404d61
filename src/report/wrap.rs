//! Lines of a given width, for writers that show text. Safe text only: a terminal escape would count as columns.

use unicode_width::UnicodeWidthChar;

/// Columns that `text` takes on a terminal, counting wide characters twice.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// `text` in lines of at most `width` columns, broken at spaces; a word that is longer keeps its line to itself.
///
/// A line break in `text` stays one. Never empty: no text is one empty line.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
            if !line.is_empty() && columns(&line) + 1 + columns(word) > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// A shell command in one line: a backslash before a line break only joins the lines.
#[must_use]
pub fn shell_joined(command: &str) -> String {
    command.replace("\\\r\n", " ").replace("\\\n", " ")
}

/// A shell command in lines of about `width` columns, each but the last ending in ` \`, so that it still runs when copied.
///
/// Broken at spaces outside of quotes only, and not between an option and its value.
#[must_use]
pub fn shell_wrapped(command: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut words = shell_words(command).into_iter().peekable();
    while let Some(mut word) = words.next() {
        if word.starts_with('-') && words.peek().is_some_and(|next| !next.starts_with('-')) {
            word = format!("{word} {}", words.next().unwrap_or_default());
        }
        if !line.is_empty() && columns(&line) + 1 + columns(&word) + 2 > width {
            line.push_str(" \\");
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    lines.push(line);
    lines
}

/// The words of a command as they are written, quotes included.
fn shell_words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (' ', None) => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            ('\\', None | Some('"')) => {
                word.push(c);
                word.extend(chars.next());
                continue;
            }
            ('\'' | '"', None) => quote = Some(c),
            (_, Some(open)) if c == open => quote = None,
            _ => {}
        }
        word.push(c);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_spaces_and_a_long_word_stays_whole() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a https://as.example/token b", 5), ["a", "https://as.example/token", "b"]);
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(columns("日本 ✓"), 6);
    }

    #[test]
    fn a_wrapped_command_still_runs() {
        assert_eq!(
            shell_wrapped("curl -sS -d 'a b c' \"$X y\" https://as.example", 16),
            ["curl -sS \\", "-d 'a b c' \\", "\"$X y\" \\", "https://as.example"]
        );
        assert_eq!(shell_wrapped("curl a", 80), ["curl a"]);
    }
}
