//! Access tokens: JWTs signed with HS256, or random strings, of a wanted length if need be.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Map, Value, json};

use super::setup::{Client, Setup};
use super::state::{State, Token};
use super::{Policy, Rule};

/// Issues and remembers an access token of this client for `scope` at `audience`.
pub(super) fn issue(
    setup: &Setup,
    state: &mut State,
    now_ms: u64,
    client: &Client,
    scope: &str,
    audience: Vec<String>,
) -> String {
    let expires_ms = now_ms.saturating_add(setup.expires_in.saturating_mul(1000));
    let (client_id, scope) = (client.id.clone(), scope.to_owned());
    let facts = Token { client_id, scope, audience, issued_ms: now_ms, expires_ms, revoked: false };
    if !setup.keeps(Rule::TokenUnique)
        && let Some(living) = state.living(&facts, now_ms)
    {
        return living.clone();
    }
    let id = BASE64URL.encode(state.draw());
    let token = if !setup.keeps(Rule::TokenEntropy) {
        padded(format!("token-{:06}", state.drawn()), setup.token_length)
    } else if setup.makes(Policy::TokenOpaque) {
        padded(id, setup.token_length)
    } else {
        jwt(setup, state, &facts, &id).unwrap_or_else(|| padded(id, setup.token_length))
    };
    state.remember(token.clone(), facts);
    token
}

/// A signed JWT of the wanted length; `None` if the length is too short for one.
///
/// Source: RFC 7519 §3, RFC 7515 §7.1.
fn jwt(setup: &Setup, state: &State, facts: &Token, id: &str) -> Option<String> {
    let mut claims = json!({
        "iss": setup.issuer, "sub": facts.client_id, "client_id": facts.client_id, "scope": facts.scope,
        "iat": facts.issued_ms / 1000, "exp": facts.expires_ms / 1000, "jti": id,
    });
    if setup.keeps(Rule::AudienceNamed) {
        claims["aud"] = named(&facts.audience);
    }
    let Value::Object(claims) = claims else {
        return None;
    };
    let Some(length) = setup.token_length else {
        return Some(signed(state, 0, &claims));
    };
    // Base64url yields no length of the form 4n + 1, so a second part, the header, has to give way by a character or two.
    for stretch in 0..4 {
        let mut claims = claims.clone();
        claims.insert("pad".to_owned(), Value::from(""));
        let base = signed(state, stretch, &claims).len();
        let Some(missing) = length.checked_sub(base) else {
            continue;
        };
        for pad in (missing * 3 / 4).saturating_sub(2)..=missing * 3 / 4 + 2 {
            claims.insert("pad".to_owned(), Value::from("x".repeat(pad)));
            let token = signed(state, stretch, &claims);
            if token.len() == length {
                return Some(token);
            }
        }
    }
    None
}

fn signed(state: &State, stretch: usize, claims: &Map<String, Value>) -> String {
    let header = json!({ "alg": "HS256", "typ": "JWT", "kid": format!("grantlint{}", "-".repeat(stretch)) });
    let message = format!(
        "{}.{}",
        BASE64URL.encode(header.to_string()),
        BASE64URL.encode(Value::from(claims.clone()).to_string())
    );
    let signature = BASE64URL.encode(state.sign(&message));
    format!("{message}.{signature}")
}

/// An audience as it is written: a text if there is one, else a list. Source: RFC 7519 §4.1.3.
pub(super) fn named(audience: &[String]) -> Value {
    match audience {
        [one] => json!(one),
        many => json!(many),
    }
}

/// What a JWT says of itself, for a resource that believes it unread; `None` if it is none.
pub(super) fn unverified(token: &str) -> Option<Token> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims: Map<String, Value> = serde_json::from_slice(&BASE64URL.decode(claims).ok()?).ok()?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let time_ms = |name: &str| claims.get(name).and_then(Value::as_u64).map(|seconds| seconds.saturating_mul(1000));
    let audience = match claims.get("aud") {
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => vec![text("aud")],
    };
    Some(Token {
        client_id: text("client_id"),
        scope: text("scope"),
        audience,
        issued_ms: time_ms("iat").unwrap_or_default(),
        expires_ms: time_ms("exp").unwrap_or(u64::MAX),
        revoked: false,
    })
}

/// Cut or filled up to the wanted length.
fn padded(mut token: String, length: Option<usize>) -> String {
    if let Some(length) = length {
        token.truncate(length);
        let filling = length - token.len();
        token.push_str(&"x".repeat(filling));
    }
    token
}

#[cfg(test)]
mod tests {
    use super::super::{Dialect, Settings};
    use super::*;

    fn token(length: Option<usize>, dialect: Dialect) -> String {
        let setup = Setup::new(
            &Settings { token_length: length, dialect, ..Settings::default() },
            "http://127.0.0.1:1".to_owned(),
        );
        issue(&setup, &mut State::new([1; 32]), 1_800_000_000_000, &setup.clients[0], "a b", vec!["x".into()])
    }

    #[test]
    fn a_jwt_has_three_parts_and_its_claims() {
        let token = token(None, Dialect::default());
        let parts: Vec<&str> = token.split('.').collect();
        let claims: Value = serde_json::from_slice(&BASE64URL.decode(parts[1]).unwrap()).unwrap();
        assert_eq!((parts.len(), &claims["exp"], &claims["scope"]), (3, &json!(1_800_003_600), &json!("a b")));
        assert_eq!(
            BASE64URL.decode(parts[2]).unwrap(),
            State::new([1; 32]).sign(&format!("{}.{}", parts[0], parts[1]))
        );
    }

    #[test]
    fn every_wanted_length_is_met_exactly() {
        for length in (4..40).chain(470..530).chain([1258, 1259, 2000, 8192, 65_536]) {
            let token = token(Some(length), Dialect::default());
            assert_eq!(token.len(), length);
            assert_eq!(token.split('.').count(), if length < 460 { 1 } else { 3 }, "{length}");
        }
        assert_eq!(token(Some(100), Dialect::of(&[], &[Policy::TokenOpaque])).len(), 100);
    }
}
