//! Schemas and values in words a reader can act on; never a raw schema error.

use serde_json::Value;

pub use super::place_words::place;

/// Longest value that is quoted in a message, in characters.
const QUOTED: usize = 100;

/// What a schema accepts. Its `title` is the wording, if it has one.
#[must_use]
pub fn expected(schema: &Value) -> String {
    let Some(members) = schema.as_object() else {
        return match schema.as_str() {
            Some("absent") => "nothing there".into(),
            _ => "something there".into(),
        };
    };
    if let Some(title) = members.get("title").and_then(Value::as_str) {
        return title.to_owned();
    }
    let mut parts: Vec<String> = Vec::new();
    if let Some(value) = members.get("const") {
        parts.push(actual(value));
    }
    if let Some(values) = members.get("enum").and_then(Value::as_array) {
        let all: Vec<String> = values.iter().map(actual).collect();
        parts.push(all.join(" or "));
    }
    if let Some(format) = members.get("format").and_then(Value::as_str) {
        parts.push(format_words(format).to_owned());
    }
    let number = |name: &str| members.get(name).map(ToString::to_string);
    for (name, words) in [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("exclusiveMinimum", "more than"),
        ("exclusiveMaximum", "less than"),
    ] {
        parts.extend(number(name).map(|number| format!("{words} {number}")));
    }
    parts.extend(length(number("minLength"), number("maxLength")));
    if let Some(pattern) = members.get("pattern").and_then(Value::as_str) {
        parts.push(format!("of the form {pattern}"));
    }
    for (name, words) in
        [("within-scope-of", "within the scope"), ("same-scope-as", "the scope"), ("contains-text", "with the text")]
    {
        parts.extend(members.get(name).map(|value| format!("{words} {}", actual(value))));
    }
    if let Some(item) = members.get("contains") {
        parts.push(format!("with {} among them", expected(item)));
    }
    if let Some(items) = members.get("items") {
        parts.push(format!("each {}", expected(items)));
    }
    if let Some(names) = members.get("required").and_then(Value::as_array) {
        let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
        parts.push(format!("with {}", names.join(", ")));
    }
    if let Some(not) = members.get("not") {
        parts.push(format!("anything but {}", expected(not)));
    }
    let leading = members.get("type").map(type_words);
    match (leading, parts.is_empty()) {
        (Some(words), true) => words,
        (Some(words), false)
            if !members.contains_key("const") && !members.contains_key("enum") && !members.contains_key("format") =>
        {
            format!("{words} {}", parts.join(", "))
        }
        (_, false) => parts.join(", "),
        (None, true) => "something there".into(),
    }
}

/// How long a text may be, if that is said.
fn length(least: Option<String>, most: Option<String>) -> Option<String> {
    Some(match (least, most) {
        (Some(least), Some(most)) => format!("of {least} to {most} characters"),
        (Some(least), None) if least == "1" => "not empty".into(),
        (Some(least), None) => format!("of at least {least} characters"),
        (None, Some(most)) => format!("of at most {most} characters"),
        (None, None) => return None,
    })
}

/// What a schema accepts at a place: for `/answer` what a reader sees, not the vocabulary of the document.
#[must_use]
pub fn expected_at(place: &str, schema: &Value) -> String {
    if place.ends_with("/answer") && schema.get("title").is_none() {
        let accepted: Vec<&str> = match (schema.get("const"), schema.get("enum")) {
            (Some(word), _) => word.as_str().into_iter().collect(),
            (None, Some(list)) => list.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
            (None, None) => Vec::new(),
        };
        if !accepted.is_empty() {
            return accepted.into_iter().map(answer).collect::<Vec<_>>().join(", or ");
        }
        if let Some(word) = schema.pointer("/not/const").and_then(Value::as_str) {
            return format!("anything but {}", answer(word));
        }
    }
    expected(schema)
}

/// What is there, at a place of a document: for `/answer` with the facts that tell more than its kind.
pub(super) fn actual_at(document: &Value, place: &str, schema: &Value, value: &Value) -> String {
    let Some((word, before)) = value.as_str().zip(place.strip_suffix("/answer")) else {
        return actual_for(schema, value);
    };
    // The status and the code tell more than the kind of answer.
    let at = |rest: &str| document.pointer(&format!("{before}/response/{rest}"));
    let status = at("status").or_else(|| document.pointer(&format!("{before}/status"))).map(Value::to_string);
    let code = at("json/error").and_then(Value::as_str).map(|code| format!("`{}`", code.escape_debug()));
    let facts: Vec<String> = status.into_iter().chain(code).collect();
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(" ")) };
    format!("{}{facts}", answer(word))
}

fn type_words(kind: &Value) -> String {
    match kind {
        Value::String(name) => match name.as_str() {
            "string" => "a text".into(),
            "integer" => "a whole number".into(),
            "number" => "a number".into(),
            "array" => "a list".into(),
            "object" => "an object".into(),
            "boolean" => "true or false".into(),
            other => other.to_owned(),
        },
        Value::Array(names) => names.iter().map(type_words).collect::<Vec<_>>().join(" or "),
        _ => "something".into(),
    }
}

fn format_words(format: &str) -> &str {
    match format {
        "vschar" => "printable ASCII characters",
        "nqchar" => "printable ASCII without space, quote and backslash",
        "nqschar" => "printable ASCII without quote and backslash",
        "scope" => "words separated by single spaces (RFC 6749 §3.3)",
        "scope-token" => "one word of a scope (RFC 6749 §3.3)",
        "b64token" => "letters, digits and -._~+/ with = at the end only (RFC 6750 §2.1)",
        "pkce-verifier" => "43 to 128 characters of A-Z a-z 0-9 -._~ (RFC 7636 §4.1)",
        "jwt" => "a JWT of three base64url parts",
        "uri" => "an absolute URI",
        other => other,
    }
}

/// A value as it is, with what the eye would miss.
#[must_use]
pub fn actual(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let mut notes: Vec<&str> = Vec::new();
            if text.is_empty() {
                return "an empty text".into();
            }
            if text.starts_with(' ') {
                notes.push("with a space at the beginning");
            }
            if text.ends_with(' ') {
                notes.push("with a space at the end");
            }
            if text.contains(['\n', '\r']) {
                notes.push("with a line break");
            }
            if !text.is_ascii() {
                notes.push("beyond ASCII");
            }
            let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
            let count = text.chars().count();
            if count > QUOTED {
                let start: String = text.chars().take(QUOTED).collect();
                return format!("`{}…`{notes} ({count} characters)", start.escape_debug());
            }
            format!("`{}`{notes}", text.escape_debug())
        }
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null => "null".into(),
        Value::Array(items) if items.is_empty() => "an empty list".into(),
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            if text.chars().count() > QUOTED {
                format!("{}…", text.chars().take(QUOTED).collect::<String>())
            } else {
                text
            }
        }
    }
}

/// A value where a schema asked for another type: `"3600"` and `3600` must not look alike.
#[must_use]
pub fn actual_for(schema: &Value, value: &Value) -> String {
    let wanted = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    let shown = actual(value);
    match value {
        Value::String(text) if !matches!(wanted, "string" | "") && !text.is_empty() => format!("the text {shown}"),
        Value::Number(_) if wanted == "string" => format!("the number {shown}"),
        Value::Array(items) if !matches!(wanted, "array" | "") && !items.is_empty() => format!("the list {shown}"),
        Value::Object(_) if !matches!(wanted, "object" | "") => format!("the object {shown}"),
        _ => shown,
    }
}

/// `/answer` in words: the vocabulary of DESIGN 3.2 said to a stranger.
#[must_use]
pub fn answer(word: &str) -> &'static str {
    match word {
        "token" => "a token was issued",
        "error" => "an OAuth error",
        "code" => "an authorization code",
        "introspection" => "an introspection answer",
        "challenge" => "a refusal by HTTP (401 or a challenge)",
        "redirect" => "a redirect",
        "page" => "an HTML page",
        "error_page" => "an HTML error page",
        "login" => "a login page",
        "http" => "a refusal by the HTTP layer",
        "crash" => "a server failure (5xx)",
        "success" => "a success without a token",
        "other" => "neither a token nor an OAuth error",
        _ => "an answer of another kind",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_eye_would_miss_is_said() {
        assert_eq!(actual(&json!("Bearer ")), "`Bearer ` (with a space at the end)");
        assert_eq!(actual_for(&json!({"type": "integer"}), &json!("3600")), "the text `3600`");
        assert_eq!(actual(&json!("a\u{1b}[31m")), "`a\\u{1b}[31m`");
    }

    #[test]
    fn schemas_read_as_sentences() {
        assert_eq!(expected(&json!({"const": 401})), "401");
        assert_eq!(expected(&json!({"enum": ["a", "b"]})), "`a` or `b`");
        assert_eq!(expected(&json!({"type": "integer", "minimum": 0})), "a whole number at least 0");
        assert_eq!(
            expected(&json!({"title": "bearer, in any letter case", "pattern": "^x$"})),
            "bearer, in any letter case"
        );
        assert_eq!(
            expected(&json!({"type": "array", "contains": {"const": "no-store"}})),
            "a list with `no-store` among them"
        );
    }
}
