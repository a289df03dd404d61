//! The document of a walk, whoever walked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use super::{End, Ended, Redirect, Via};
use crate::exchange::many;

/// The document of the walk: the request that was asked for, the last answer, where it ended, and every step.
#[must_use]
pub fn told(steps: Vec<Value>, end: &End, logged_in: bool, sensitive: &[String]) -> Value {
    let (first, last) = (steps.first().unwrap_or(&Value::Null), steps.last().unwrap_or(&Value::Null));
    let mut document = json!({
        "outcome": last["outcome"], "request": first["request"], "let": first["let"],
        "timing": first["timing"], "ended": end.ended.word(), "reason": end.reason, "logged_in": logged_in,
    });
    for name in ["response", "error", "bound"] {
        if let Some(value) = last.get(name) {
            document[name] = value.clone();
        }
    }
    if let Some(redirect) = &end.redirect {
        document["redirect"] = redirect_facts(redirect);
        // Masks take codes away before a check can look into them.
        let challenge = first.pointer("/request/query/code_challenge").and_then(Value::as_str);
        document["redirect"]["shows_challenge"] = challenge.is_some_and(|own| shows(redirect, own)).into();
    }
    if last["outcome"] == "answered" {
        document["answer"] = answer(end).into();
    }
    if !sensitive.is_empty() {
        document["sensitive"] = json!(sensitive);
    }
    document["steps"] = steps.into();
    document
}

/// Whether what the server added to a redirect tells the challenge, as it is or in base64url, as in the parts of a JWT.
fn shows(redirect: &Redirect, challenge: &str) -> bool {
    let pairs = [&redirect.query, &redirect.fragment, &redirect.form].into_iter().flatten();
    pairs.filter(|(name, _)| name != "state").any(|(_, value)| {
        let told = |part: &str| {
            let bytes = BASE64URL.decode(part.trim_end_matches('='));
            bytes.is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(challenge))
        };
        value.contains(challenge) || value.split('.').any(told)
    })
}

/// One word for how a walk ended (DESIGN 3.2).
fn answer(end: &End) -> &'static str {
    let has = |redirect: &Redirect, name: &str| {
        [&redirect.query, &redirect.fragment, &redirect.form].into_iter().flatten().any(|(known, _)| known == name)
    };
    match (&end.redirect, end.ended) {
        (Some(redirect), _) if has(redirect, "error") => "error",
        (Some(redirect), _) if has(redirect, "code") => "code",
        (Some(redirect), _) if has(redirect, "access_token") || has(redirect, "id_token") => "token",
        (Some(_), _) | (None, Ended::Redirected | Ended::Elsewhere) => "redirect",
        (None, Ended::ErrorPage) => "error_page",
        (None, Ended::Login) => "login",
        (None, Ended::Consent | Ended::Page | Ended::Loop) => "page",
    }
}

fn redirect_facts(redirect: &Redirect) -> Value {
    let all: Vec<(String, String)> =
        [&redirect.query, &redirect.fragment, &redirect.form].into_iter().flatten().cloned().collect();
    let via = match redirect.via {
        Via::Status(status) => status.into(),
        via => Value::from(via.word()),
    };
    let base = redirect.url.split(['?', '#']).next().unwrap_or_default();
    json!({
        "to": redirect.base, "base": base, "url": redirect.url, "via": via, "parameters": many(&all),
        "query": many(&redirect.query), "fragment": many(&redirect.fragment), "form": many(&redirect.form),
    })
}
