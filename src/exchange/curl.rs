//! An exchange document as a `curl` line that runs in a POSIX shell.

use serde_json::Value;
use url::form_urlencoded;

use super::mask::SHELL_NAMES;

/// The line. Secrets are shell variables (`"$CLIENT_SECRET"`), so it still runs; what a server issued is `"$TOKEN"` likewise,
/// since a masked token would only be refused.
#[must_use]
pub fn curl(document: &Value) -> Option<String> {
    let request = document.get("request")?;
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let issued: Vec<(&str, &str)> = request
        .get("masked")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|one| Some((one.get("value")?.as_str()?, one.get("variable")?.as_str()?)))
        .collect();
    let word = |text: &str, secret: fn(&str) -> String| {
        issued
            .iter()
            .fold(quote(text, secret), |word, (mask, variable)| word.replace(mask, &format!("'{}'", plain(variable))))
    };
    // Brackets in a URL are no patterns, and dots in its path stay.
    let mut line = String::from("curl -sS -i -g --path-as-is");
    if text("method") != "GET" {
        line.push_str(&format!(" -X {}", quote(text("method"), plain)));
    }
    let names = request.get("header_order").and_then(Value::as_array);
    let headers = request.get("headers").and_then(Value::as_object);
    let authorization = request.get("authorization");
    let mut seen: Vec<(String, usize)> = Vec::new();
    for name in names.into_iter().flatten().filter_map(Value::as_str) {
        let lower = name.to_ascii_lowercase();
        let nth = match seen.iter_mut().find(|(known, _)| *known == lower) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                seen.push((lower.clone(), 0));
                0
            }
        };
        let value = headers.and_then(|all| all.get(&lower)?.get(nth)?.as_str()).unwrap_or_default();
        // These two are written by curl, with the same values, unless the exchange sends another host than the URL's.
        if lower == "content-length" || (lower == "host" && text("url").contains(&format!("://{value}"))) {
            continue;
        }
        if lower == "authorization"
            && let Some(basic) = authorization.and_then(|facts| basic(value, facts))
        {
            line.push_str(&basic);
            continue;
        }
        // A field without a value is written with a semicolon: the colon alone would take the field away.
        let field = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        line.push_str(&format!(" -H {}", word(&field, plain)));
    }
    let encoded = matches!(request.get("encode").and_then(Value::as_str), Some("form" | "query"));
    let secret: fn(&str) -> String = if encoded { form_encoded } else { plain };
    // An empty body has a length too, and `--data-raw` alone reads no file when the body begins with `@`.
    let has = |name: &str| headers.is_some_and(|all| all.contains_key(name));
    if !text("body").is_empty() || has("content-length") {
        if !has("content-type") {
            // A media type that curl adds on its own is taken away.
            line.push_str(" -H 'Content-Type:'");
        }
        line.push_str(&format!(" --data-raw {}", word(text("body"), secret)));
    }
    line.push(' ');
    line.push_str(&word(text("url"), form_encoded));
    if line.contains("$(form ") {
        line.insert_str(0, FORM);
    }
    Some(line)
}

/// A Basic header whose secret is masked is made anew in the shell, with the scheme and in the alphabet that were sent.
fn basic(value: &str, authorization: &Value) -> Option<String> {
    let scheme = value.split_once(' ').map_or("Basic", |(scheme, _)| scheme);
    let word = |name: &str| authorization.get(name).and_then(Value::as_str);
    let (client_id, variable) = (word("client_id")?, word("secret")?);
    let url_safe = if word("alphabet") == Some("url-safe") { " | tr '+/' '-_'" } else { "" };
    // RFC 6749 §2.3.1 form-encodes both first, which the shell has to do where it makes a difference.
    let (id, secret) = match word("encoding") {
        Some("form") => (form_urlencoded::byte_serialize(client_id.as_bytes()).collect(), form_encoded(variable)),
        _ => (client_id.to_owned(), plain(variable)),
    };
    let pair = format!("printf '%s:%s' {} {secret}", quote(&id, plain));
    Some(format!(" -H \"Authorization: {scheme} $({pair} | base64 | tr -d '\\n'{url_safe})\""))
}

/// One shell word; masked values become shell variables outside the quotes, written by `secret`.
fn quote(text: &str, secret: fn(&str) -> String) -> String {
    let mut out = format!("'{}'", text.replace('\'', r"'\''"));
    for (mask, variable) in SHELL_NAMES {
        out = out.replace(mask, &format!("'{}'", secret(variable)));
    }
    out
}

/// The value of a shell variable.
fn plain(variable: &str) -> String {
    format!("\"${variable}\"")
}

/// The value of a shell variable, form-encoded.
fn form_encoded(variable: &str) -> String {
    format!("\"$(form \"${variable}\")\"")
}

/// A shell function that form-encodes, byte for byte as this tool does.
///
/// Source: WHATWG URL §5.2, `application/x-www-form-urlencoded` serializing.
const FORM: &str = concat!(
    "form() { printf %s \"$1\" | od -An -v -tu1 | awk '{ for (i = 1; i <= NF; i++) { c = $i + 0; ",
    "if (c == 32) printf \"+\"; else if (c > 47 && c < 58 || c > 64 && c < 91 || c > 96 && c < 123 || c == 42 || c == 45 || ",
    "c == 46 || c == 95) printf \"%c\", c; else printf \"%%%02X\", c } }'; }; "
);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_quote_in_the_body_cannot_leave_its_word() {
        assert_eq!(quote("a'; rm -rf ~ #", plain), r"'a'\''; rm -rf ~ #'");
    }

    #[test]
    fn the_basic_pair_is_made_in_the_shell() {
        let document = json!({"request": {
            "method": "POST", "url": "https://as.example/token", "body": "grant_type=client_credentials",
            "header_order": ["Host", "Authorization", "Content-Type"],
            "headers": {"host": ["as.example"], "authorization": ["Basic ***client_secret***"], "content-type": ["application/x-www-form-urlencoded"]},
            "authorization": {"scheme": "basic", "client_id": "gl", "alphabet": "url-safe", "secret": "CLIENT_SECRET"},
        }});
        let line = curl(&document).unwrap();
        assert!(
            line.contains(r#"printf '%s:%s' 'gl' "$CLIENT_SECRET" | base64 | tr -d '\n' | tr '+/' '-_'"#),
            "{line}"
        );
        assert!(line.ends_with("--data-raw 'grant_type=client_credentials' 'https://as.example/token'"), "{line}");
    }
}
