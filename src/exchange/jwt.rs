//! JSON Web Tokens, looked into without verifying: facts for checks.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::json as strict;

/// Deepest nesting of header and claims: what `serde_json` can read.
const DEPTH: usize = 120;

/// The three parts of a token in compact form; `None` when it has another number of parts.
///
/// Source: RFC 7515 §3.1.
#[must_use]
pub fn parts(token: &str) -> Option<[&str; 3]> {
    let mut parts = token.split('.');
    let three = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(three)
}

/// Header and claims of a token that decodes as a JWT, `None` otherwise; the signature is not looked at.
///
/// `left` is how many values may still be read: each takes many times the bytes of its text. What has more is not looked into.
pub(super) fn decode(token: &str, left: &mut usize) -> Option<Value> {
    let [header, claims, _] = parts(token).filter(|_| decodes(token))?;
    let mut object = |part: &str| strict::read_within(&URL_SAFE_NO_PAD.decode(part).ok()?, DEPTH, left).0;
    let (header, claims) = (object(header)?, object(claims)?);
    Some(json!({"header": header, "claims": claims}))
}

/// Whether a token is a JWT: two JSON objects in base64url, of which the first names an algorithm.
fn decodes(token: &str) -> bool {
    let object = |part: &str| -> Option<HashMap<String, IgnoredAny>> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    };
    let Some([header, claims, _]) = parts(token) else { return false };
    object(header).is_some_and(|header| header.contains_key("alg")) && object(claims).is_some()
}

/// What is wrong with a token that begins like a JWT: `parts` (their number) or `decoding`; `None` for a whole one, for the five
/// parts of an encrypted one, and for everything that does not begin with a JOSE header and has no dot.
///
/// Recorded because a masked token does not tell. Source: RFC 7515 §3.1, RFC 7516 §3.1.
pub(super) fn problem(token: &str) -> Option<&'static str> {
    // The members that a JOSE header begins with, in base64url: alg, typ, kid, enc, cty, x5t.
    const BEGINNINGS: [&str; 6] = ["eyJhbGci", "eyJ0eXAi", "eyJraWQi", "eyJlbmMi", "eyJjdHki", "eyJ4NXQi"];
    if !token.contains('.') || !BEGINNINGS.iter().any(|beginning| token.starts_with(beginning)) {
        return None;
    }
    match token.split('.').count() {
        3 => (!decodes(token)).then_some("decoding"),
        5 => (!token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))).then_some("decoding"),
        _ => Some("parts"),
    }
}
