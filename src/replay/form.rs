//! Texts with made-up parts: what an exchange would send, where nobody knows the letters.

/// Stands for what an exchange makes up, of an ordinary length.
pub(super) const ANY: char = '\u{10FFFD}';

/// Stands for a JWT that an exchange signs, of whatever length.
pub(super) const JWT: char = '\u{10FFFB}';

/// Made-up values of this length on, in characters, are about their length.
pub(super) const LONG: usize = 200;

/// Stands for one character of what an exchange makes up, where the length is what it is about.
pub(super) const ONE: char = '\u{10FFFC}';

/// What stands for something that nobody knows.
pub(super) const SIGNS: [char; 3] = [ANY, ONE, JWT];

/// What stands in a text where the form has something made up; `None` if it is not of that form.
pub(super) fn like<'t>(form: &str, text: &'t str) -> Option<Vec<&'t str>> {
    // Both begin with this byte in UTF-8, and nothing that is plain has it.
    if !form.as_bytes().contains(&0xF4) {
        return (form == text).then(Vec::new);
    }
    let mut made_up = Vec::new();
    let (mut form, mut rest) = (form, text);
    loop {
        let at = form.find(SIGNS).unwrap_or(form.len());
        rest = rest.strip_prefix(&form[..at])?;
        form = &form[at..];
        let Some(sign) = form.chars().next() else { return rest.is_empty().then_some(made_up) };
        let run = form.chars().take_while(|c| *c == sign).count();
        form = form.trim_start_matches(sign);
        let end = if sign == ONE {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).nth(run)?
        } else {
            // As little as will do, but something.
            let next = &form[..form.find(SIGNS).unwrap_or(form.len())];
            let first = rest.chars().next()?.len_utf8();
            if next.is_empty() || next.len() == form.len() {
                rest.len().checked_sub(next.len()).filter(|end| *end >= first && rest.is_char_boundary(*end))?
            } else {
                first + rest[first..].find(next)?
            }
        };
        if sign == ANY && rest[..end].chars().count() >= LONG {
            return None;
        }
        made_up.push(&rest[..end]);
        rest = &rest[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_up_may_be_anything_but_nothing() {
        let form = |text: &str| text.replace('*', &ANY.to_string()).replace('?', &ONE.to_string());
        assert_eq!(like(&form("a*b*"), "axxbyy"), Some(vec!["xx", "yy"]));
        assert_eq!(like(&form("Bearer ??"), "Bearer éx"), Some(vec!["éx"]));
        assert_eq!(like("a", "a"), Some(Vec::new()));
        assert_eq!(like(&JWT.to_string(), &"x".repeat(LONG)).map(|all| all.len()), Some(1));
        assert_eq!(like(&ANY.to_string(), &"x".repeat(LONG)), None);
        for (wanted, there) in [("a*", "a"), ("a*b", "ab"), ("a", "ab"), ("??", "x"), ("??", "xyz"), ("*b", "é")] {
            assert_eq!(like(&form(wanted), there), None, "{wanted} {there}");
        }
    }
}
