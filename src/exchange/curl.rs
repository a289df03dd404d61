//! An exchange document as a `curl` line that runs in a POSIX shell.

use serde_json::Value;

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
    let word = |text: &str| {
        issued.iter().fold(quote(text), |word, (mask, variable)| word.replace(mask, &format!("'\"${variable}\"'")))
    };
    let mut line = String::from("curl -sS -i --path-as-is");
    if text("method") != "GET" {
        line.push_str(&format!(" -X {}", quote(text("method"))));
    }
    let names = request.get("header_order").and_then(Value::as_array);
    let headers = request.get("headers").and_then(Value::as_object);
    let authorization = request.get("authorization");
    let mut seen: Vec<(String, usize)> = Vec::new();
    for name in names.into_iter().flatten().filter_map(Value::as_str) {
        let lower = name.to_ascii_lowercase();
        if matches!(lower.as_str(), "host" | "content-length") {
            continue;
        }
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
        if lower == "authorization"
            && let Some(basic) = authorization.and_then(basic)
        {
            line.push_str(&basic);
            continue;
        }
        line.push_str(&format!(" -H {}", word(&format!("{name}: {value}"))));
    }
    if !text("body").is_empty() {
        line.push_str(&format!(" --data-binary {}", word(text("body"))));
    }
    line.push(' ');
    line.push_str(&word(text("url")));
    Some(line)
}

/// A Basic header whose secret is masked is made anew in the shell, in the alphabet that was sent.
fn basic(authorization: &Value) -> Option<String> {
    let word = |name: &str| authorization.get(name).and_then(Value::as_str);
    let (client_id, variable) = (word("client_id")?, word("secret")?);
    let url_safe = if word("alphabet") == Some("url-safe") { " | tr '+/' '-_'" } else { "" };
    // RFC 6749 §2.3.1 form-encodes the secret first, and where that makes a difference the variable has to hold it so.
    let name = if word("encoding") == Some("form") { format!("{variable}_FORM_ENCODED") } else { variable.to_owned() };
    Some(format!(
        " -H \"Authorization: Basic $(printf '%s:%s' {} \"${name}\" | base64 | tr -d '\\n'{url_safe})\"",
        quote(client_id)
    ))
}

/// One shell word; masked values become shell variables outside the quotes.
fn quote(text: &str) -> String {
    let mut out = format!("'{}'", text.replace('\'', r"'\''"));
    for (mask, variable) in SHELL_NAMES {
        out = out.replace(mask, &format!("'\"${variable}\"'"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_quote_in_the_body_cannot_leave_its_word() {
        assert_eq!(quote("a'; rm -rf ~ #"), r"'a'\''; rm -rf ~ #'");
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
        assert!(line.ends_with("--data-binary 'grant_type=client_credentials' 'https://as.example/token'"), "{line}");
    }
}
