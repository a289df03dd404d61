//! What of a recorded exchange nobody may read, beside what a server issued: it is masked before anything else.

use super::facts::Facts;

/// Credentials, tokens and cookies of the request, and cookies of the answer: whoever recorded them used them for something.
pub(super) fn of(facts: &Facts<'_>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for (name, value) in facts.heard.asked.iter().flat_map(|asked| &asked.headers) {
        if name.eq_ignore_ascii_case("authorization") {
            let rest = value.split_once(' ').map_or(value.as_str(), |(_, rest)| rest);
            all.push(rest.trim().to_owned());
        } else if name.eq_ignore_ascii_case("cookie") {
            all.extend(value.split(';').filter_map(|pair| Some(pair.split_once('=')?.1.trim().to_owned())));
        } else if is_secret(name) {
            all.push(value.clone());
        }
    }
    let head = facts.heard.answered.head.as_ref();
    for (name, value) in head.into_iter().flat_map(|head| &head.headers) {
        if name.eq_ignore_ascii_case("set-cookie") {
            let value = String::from_utf8_lossy(value);
            let first = value.split(';').next().unwrap_or_default();
            all.extend(first.split_once('=').map(|(_, value)| value.trim().to_owned()));
        }
    }
    if let Some(url) = &facts.url {
        all.extend([url.username(), url.password().unwrap_or_default()].map(str::to_owned));
    }
    let pairs = facts.query.iter().chain(facts.params.iter().flatten());
    let secret = |(name, value): &&(String, String)| is_secret(name) && !is_probe(name, value);
    all.extend(pairs.filter(secret).map(|(_, value)| value.clone()));
    all.extend(facts.basic.iter().map(|basic| basic.secret.clone()));
    all.retain(|value| !value.is_empty());
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether somebody tries what comes back of markup, rather than to keep a session apart: where it comes back is the finding.
fn is_probe(name: &str, value: &str) -> bool {
    matches!(name, "state" | "nonce") && value.contains(['<', '>'])
}

/// Whether a field or a parameter of this name holds what opens a door.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let plain = ["token_type", "token_type_hint", "subject_token_type", "requested_token_type", "actor_token_type"];
    let types = ["client_assertion_type", "code_challenge_method", "code_challenge", "response_type", "authority"];
    let parts =
        ["token", "secret", "password", "passwd", "assertion", "api-key", "apikey", "api_key", "subscription-key"];
    let more = ["signature", "session", "credential", "authorization", "code", "saml", "dpop", "cookie"];
    !plain.contains(&name.as_str())
        && !types.contains(&name.as_str())
        && (parts.iter().chain(&more).any(|part| name.contains(part))
            || matches!(name.as_str(), "key" | "sig" | "state" | "nonce"))
}
