//! JSON Web Tokens, looked into without verifying: facts for checks, and the spoilt forms that probes send.

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

/// The same claims under a header that says `alg: none`, without a signature; `None` when it is no JWT.
#[must_use]
pub fn unsigned(token: &str) -> Option<String> {
    let [_, claims, _] = parts(token)?;
    Some(format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(br#"{"alg":"none"}"#)))
}
