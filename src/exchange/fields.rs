//! Header fields as checks see them: media type, cache directives, challenges, location.

use serde_json::{Map, Value, json};
use url::Url;

use super::document::many;

/// `Content-Type` as `{ essence, parameters }`, names in lower case; the first field counts.
///
/// Source: RFC 9110 §8.3.1.
pub(super) fn media_type(value: &str) -> Value {
    let mut parts = split_quoted(value, ';').into_iter();
    let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let parameters: Map<String, Value> = parts
        .filter_map(|part| {
            let (name, value) = part.split_once('=')?;
            let name = name.trim().to_ascii_lowercase();
            Some((name, Value::String(unquote(value.trim()))))
        })
        .collect();
    json!({"essence": essence, "parameters": parameters})
}

/// The directives of all `Cache-Control` fields, in lower case and in order.
///
/// Source: RFC 9111 §5.2.
pub(super) fn cache_control<'v>(values: impl Iterator<Item = &'v str>) -> Vec<String> {
    values
        .flat_map(|value| split_quoted(value, ','))
        .map(|directive| directive.trim().to_ascii_lowercase())
        .filter(|directive| !directive.is_empty())
        .collect()
}

/// The challenges of all `WWW-Authenticate` fields: several may stand in one field, and parameters are separated by commas too.
///
/// Source: RFC 9110 §11.6.1.
pub(super) fn challenges<'v>(values: impl Iterator<Item = &'v str>) -> Vec<Value> {
    let mut all: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for value in values {
        for part in split_quoted(value, ',') {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            // `scheme`, `scheme token68`, `scheme name=value`, or a further `name=value` of the challenge before.
            let (first, rest) = match part.find([' ', '\t']) {
                Some(at) => (&part[..at], part[at..].trim()),
                None => (part, ""),
            };
            let continues = first.contains('=') || rest.starts_with('=');
            let parameter = if continues {
                part
            } else {
                all.push((first.to_ascii_lowercase(), Vec::new()));
                rest
            };
            if let (Some((_, parameters)), Some((name, value))) = (all.last_mut(), parameter.split_once('=')) {
                parameters.push((name.trim().to_ascii_lowercase(), unquote(value.trim())));
            }
        }
    }
    all.into_iter().map(|(scheme, parameters)| json!({"scheme": scheme, "parameters": many(&parameters)})).collect()
}

/// `Location` as `{ url, base, query, fragment }`; relative references are kept as they are and have no parts.
pub(super) fn location(value: &str) -> Value {
    let Ok(mut url) = Url::parse(value) else {
        return json!({"url": value, "base": value, "query": {}, "fragment": {}});
    };
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let fragment: Vec<(String, String)> =
        url::form_urlencoded::parse(url.fragment().unwrap_or_default().as_bytes()).into_owned().collect();
    url.set_query(None);
    url.set_fragment(None);
    json!({"url": value, "base": url.as_str(), "query": many(&query), "fragment": many(&fragment)})
}

/// Splits at `separator` outside quoted strings.
fn split_quoted(value: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == separator && !quoted => {
                parts.push(&value[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&value[start..]);
    parts
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_challenges_in_one_field_are_told_apart() {
        let fields = [r#"Bearer realm="a, b", error="invalid_token", Basic realm="c\"d", Negotiate"#];
        let all = challenges(fields.into_iter());
        assert_eq!(
            json!(all),
            json!([
                {"scheme": "bearer", "parameters": {"realm": "a, b", "error": "invalid_token"}},
                {"scheme": "basic", "parameters": {"realm": "c\"d"}},
                {"scheme": "negotiate", "parameters": {}}
            ])
        );
    }

    #[test]
    fn media_types_lose_case_and_quotes() {
        let expected = json!({"essence": "application/json", "parameters": {"charset": "UTF-8"}});
        assert_eq!(media_type("Application/JSON ; Charset=\"UTF-8\""), expected);
    }

    #[test]
    fn directives_are_collected_over_several_fields() {
        let fields = ["No-Store, max-age=0", "private=\"a, b\""];
        assert_eq!(cache_control(fields.into_iter()), ["no-store", "max-age=0", "private=\"a, b\""]);
    }
}
