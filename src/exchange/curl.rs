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
    if text("url").is_empty() {
        // Somebody recorded the answer alone.
        return None;
    }
    let issued = Issued::of(request);
    // Brackets in a URL are no patterns, and dots in its path stay.
    let mut line = String::from("curl -sS -i -g --path-as-is");
    if text("method") != "GET" {
        line.push_str(&format!(" -X {}", quote(text("method"), plain)));
    }
    line.push_str(&fields(request, &issued));
    // An empty body has a length too, and `--data-raw` alone reads no file when the body begins with `@`.
    let has = |name: &str| request.get("headers").is_some_and(|all| all.get(name).is_some());
    if !text("body").is_empty() || has("content-length") {
        if !has("content-type") {
            // A media type that curl adds on its own is taken away.
            line.push_str(" -H 'Content-Type:'");
        }
        let secret = match text("encode") {
            "form" | "query" => form_encoded,
            "json" => json_escaped,
            _ => plain,
        };
        line.push_str(&format!(" --data-raw {}", issued.word(text("body"), secret)));
    }
    line.push(' ');
    line.push_str(&issued.word(text("url"), form_encoded));
    for (name, variable) in [("client_assertion", "CLIENT_ASSERTION"), ("assertion", "ASSERTION")] {
        if let Some(said) = said(document, name) {
            line = line.replace(&unsigned(variable), &format!("${{{variable}:?sign a JWT with {said}}}"));
        }
    }
    for (call, function) in [("$(json ", JSON), ("$(form ", FORM)] {
        if line.contains(call) {
            line.insert_str(0, function);
        }
    }
    Some(shortened(&line))
}

/// What a server issued in a request: mask, shell variable, and whether its whole value is put in.
struct Issued<'d>(Vec<(&'d str, &'d str, bool)>);

impl<'d> Issued<'d> {
    fn of(request: &'d Value) -> Self {
        let masked = request.get("masked").and_then(Value::as_array).into_iter().flatten();
        let one = |one: &'d Value| {
            let whole = one.get("whole").is_some_and(|whole| whole == true);
            Some((one.get("value")?.as_str()?, one.get("variable")?.as_str()?, whole))
        };
        Self(masked.filter_map(one).collect())
    }

    /// One shell word; secrets are written by `secret`.
    fn word(&self, text: &str, secret: fn(&str) -> String) -> String {
        self.0.iter().fold(quote(text, secret), |word, (mask, variable, whole)| {
            // A value that is really put in has to be encoded like a secret.
            let value = if *whole { secret(variable) } else { plain(variable) };
            word.replace(mask, &format!("'{value}'"))
        })
    }
}

/// The header fields as options, in the order in which they were sent.
fn fields(request: &Value, issued: &Issued<'_>) -> String {
    let url = request.get("url").and_then(Value::as_str).unwrap_or_default();
    let names = request.get("header_order").and_then(Value::as_array);
    let headers = request.get("headers").and_then(Value::as_object);
    let mut options = String::new();
    let mut seen: Vec<String> = Vec::new();
    for name in names.into_iter().flatten().filter_map(Value::as_str) {
        let lower = name.to_ascii_lowercase();
        let nth = seen.iter().filter(|known| **known == lower).count();
        let value = headers.and_then(|all| all.get(&lower)?.get(nth)?.as_str()).unwrap_or_default();
        // These two are written by curl, with the same values, unless the exchange sends another host than the URL's.
        let by_curl = lower == "content-length" || lower == "host" && url.contains(&format!("://{value}"));
        let basic = request.get("authorization").filter(|_| lower == "authorization");
        if let Some(basic) = basic.and_then(|facts| basic_of(value, facts)) {
            options.push_str(&basic);
        } else if !by_curl {
            // A field without a value is written with a semicolon: the colon alone would take the field away.
            let field = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
            options.push_str(&format!(" -H {}", issued.word(&field, plain)));
        }
        seen.push(lower);
    }
    options
}

/// Long runs of one letter, or of its base64, are made in the shell: nobody reads a line of 65,536 of them.
///
/// They only stand in single quotes, which are left for them.
fn shortened(line: &str) -> String {
    let bytes = line.as_bytes();
    let (mut out, mut kept, mut at) = (String::with_capacity(line.len()), 0, 0);
    while at < bytes.len() {
        let run = [1, 4].into_iter().find_map(|period| {
            // Looked at first: a run of signs is gone through from each of its places otherwise.
            let unit = bytes.get(at..at + period).filter(|unit| unit.iter().all(u8::is_ascii_alphanumeric))?;
            let times = bytes[at..].chunks_exact(period).take_while(|chunk| *chunk == unit).count();
            (times * period >= LONG_RUN).then_some((period, times))
        });
        let Some((period, times)) = run else {
            at += 1;
            continue;
        };
        let unit = &line[at..at + period];
        out.push_str(&line[kept..at]);
        out.push_str(&format!("'\"$(printf '%{times}s' '' | sed 's/ /{unit}/g')\"'"));
        at += period * times;
        kept = at;
    }
    out.push_str(&line[kept..]);
    out
}

/// Shorter runs are written out.
const LONG_RUN: usize = 512;

/// A Basic header whose secret is masked is made anew in the shell, with the scheme and in the alphabet that were sent.
fn basic_of(value: &str, authorization: &Value) -> Option<String> {
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
    // All masks of secrets begin so.
    if !out.contains("***") {
        return out;
    }
    for (mask, variable) in SHELL_NAMES {
        // A shell cannot sign: what is not there says what it has to be. Of a JWT nothing has to be encoded.
        let value = match variable {
            "CLIENT_ASSERTION" | "ASSERTION" => format!("\"{}\"", unsigned(variable)),
            _ => secret(variable),
        };
        out = out.replace(mask, &format!("'{value}'"));
    }
    out
}

/// A JWT that the reader has to sign: a shell cannot.
fn unsigned(variable: &str) -> String {
    format!("${{{variable}:?sign a JWT with the claims of the report}}")
}

/// What a JWT says, in characters that mean nothing to a shell; times count from when it was sent.
fn said(document: &Value, parameter: &str) -> Option<String> {
    let jwt = document.pointer(&format!("/request/jwt/{parameter}"))?;
    let sent = document.pointer("/timing/at").and_then(Value::as_i64).map(|at| at / 1000);
    let sent = sent.or_else(|| jwt.pointer("/claims/iat")?.as_i64())?;
    let members = ["header", "claims"].iter().filter_map(|part| jwt.get(part)?.as_object()).flatten();
    let said = members.map(|(name, value)| match (name.as_str(), value, value.as_i64()) {
        // Whole ten seconds: how long it waited for its turn does not matter.
        ("exp" | "iat" | "nbf", _, Some(at)) => {
            format!("{name}=now{:+}", at.saturating_sub(sent).saturating_add(5).div_euclid(10) * 10)
        }
        ("jti", ..) => "jti=new".to_owned(),
        (_, Value::String(text), _) => format!("{name}={text}"),
        _ => format!("{name}={value}"),
    });
    let plain = |c: &char| c.is_ascii_alphanumeric() || " =:/._,+-@".contains(*c);
    Some(said.collect::<Vec<_>>().join(" ").chars().filter(plain).collect())
}

/// The value of a shell variable.
fn plain(variable: &str) -> String {
    format!("\"${variable}\"")
}

/// The value of a shell variable, form-encoded.
fn form_encoded(variable: &str) -> String {
    format!("\"$(form \"${variable}\")\"")
}

/// The value of a shell variable, as it stands within a text of JSON.
fn json_escaped(variable: &str) -> String {
    format!("\"$(json \"${variable}\")\"")
}

/// A shell function that escapes what ends a text of JSON, or begins an escape; [`curl`] puts it before a line that needs it.
pub const JSON: &str = r#"json() { printf %s "$1" | sed 's/["\\]/\\&/g'; }; "#;

/// A shell function that form-encodes, byte for byte as this tool does; [`curl`] puts it before a line that needs it.
///
/// Source: WHATWG URL §5.2, `application/x-www-form-urlencoded` serializing.
pub const FORM: &str = concat!(
    "form() { printf %s \"$1\" | od -An -v -tu1 | awk '{ for (i = 1; i <= NF; i++) { c = $i + 0; ",
    "if (c == 32) printf \"+\"; else if (c > 47 && c < 58 || c > 64 && c < 91 || c > 96 && c < 123 || c == 42 || c == 45 || ",
    "c == 46 || c == 95) printf \"%c\", c; else printf \"%%%02X\", c } }'; }; "
);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_within_json_is_escaped() {
        let document = json!({"request": {
            "method": "POST", "url": "https://as.example/token", "encode": "json", "headers": {"content-type": ["application/json"]},
            "header_order": ["content-type"], "body": r#"{"client_secret":"***client_secret***"}"#,
        }});
        let line = curl(&document).unwrap();
        assert!(
            line.starts_with("json() {") && line.contains(r#"'{"client_secret":"'"$(json "$CLIENT_SECRET")"'"}'"#),
            "{line}"
        );
        assert!(!line.contains("form()"), "{line}");
    }

    #[test]
    fn a_quote_in_the_body_cannot_leave_its_word() {
        assert_eq!(quote("a'; rm -rf ~ #", plain), r"'a'\''; rm -rf ~ #'");
    }

    #[test]
    fn long_runs_are_made_in_the_shell() {
        let (letters, encoded) = ("a".repeat(2000), "YWFh".repeat(300));
        assert_eq!(shortened(&format!("-d 'x={letters}!'")), r#"-d 'x='"$(printf '%2000s' '' | sed 's/ /a/g')"'!'"#);
        assert_eq!(shortened(&format!("'{encoded}YQ=='")), r#"''"$(printf '%300s' '' | sed 's/ /YWFh/g')"'YQ=='"#);
        assert_eq!(shortened("'aaaa ééé'"), "'aaaa ééé'");
    }

    #[test]
    fn long_runs_of_signs_cost_no_more_than_their_length() {
        let signs = "-".repeat(300_000);
        assert_eq!(shortened(&signs), signs);
    }

    #[test]
    fn a_jwt_is_described_in_characters_that_no_shell_reads() {
        let document = json!({"timing": {"at": 1_800_000_003_000_u64}, "request": {
            "method": "POST", "url": "https://as.example/token", "encode": "form", "headers": {},
            "body": "assertion=***assertion***",
            "jwt": {"assertion": {"header": {"alg": "none"}, "claims": {"iss": "a\"}$(rm)`x`", "exp": 1_800_000_121, "jti": "q"}}},
        }});
        let line = curl(&document).unwrap();
        assert!(line.contains(r#""${ASSERTION:?sign a JWT with alg=none iss=armx exp=now+120 jti=new}""#), "{line}");
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
