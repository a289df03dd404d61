//! JSON Web Tokens, looked into without verifying: facts for checks.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

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
pub(super) fn decode(token: &str) -> Option<Value> {
    let [header, claims, _] = parts(token)?;
    let object = |part: &str| -> Option<Value> {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok().filter(Value::is_object)
    };
    let header = object(header)?;
    header.get("alg")?;
    Some(json!({"header": header, "claims": object(claims)?}))
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
        3 => decode(token).is_none().then_some("decoding"),
        5 => (!token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))).then_some("decoding"),
        _ => Some("parts"),
    }
}
