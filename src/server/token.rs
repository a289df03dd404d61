//! Access tokens: JWTs, or random strings, of a wanted length if need be; and which JWTs the resource believes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Map, Value, json};

use super::dialect::lay_over;
use super::endpoints::Turn;
use super::setup::{Client, Setup};
use super::state::{State, Token};
use super::{Policy, Rule, indicators};

/// What a token is good for.
pub(super) struct Granted<'a> {
    pub(super) client: &'a Client,
    pub(super) scope: &'a str,
    /// Whom it is for (RFC 8707 §2).
    pub(super) audience: Vec<String>,
    /// In place of ordinary claims of these names, or beside them, if tokens have claims.
    pub(super) claims: Map<String, Value>,
}

/// Issues and remembers an access token.
pub(super) fn issue(granted: Granted<'_>, turn: &mut Turn<'_>) -> String {
    let Turn { setup, state, now_ms: issued_ms, .. } = turn;
    let (setup, issued_ms) = (*setup, *issued_ms);
    let Granted { client, scope, audience, claims } = granted;
    let expires_ms = issued_ms.saturating_add(setup.expires_in.saturating_mul(1000));
    let (client_id, scope) = (client.id.clone(), scope.to_owned());
    let facts = Token { client_id, scope, audience, issued_ms, expires_ms, revoked: false };
    if !setup.keeps(Rule::TokenUnique)
        && let Some(living) = state.living(&facts, issued_ms)
    {
        return living.clone();
    }
    let id = BASE64URL.encode(state.draw());
    let token = if !setup.keeps(Rule::TokenEntropy) {
        padded(format!("token-{:06}", state.drawn()), setup.token_length)
    } else if setup.makes(Policy::TokenOpaque) {
        padded(id, setup.token_length)
    } else {
        jwt(setup, state, &facts, &id, claims).unwrap_or_else(|| padded(id, setup.token_length))
    };
    state.remember(token.clone(), facts);
    token
}

/// A signed JWT of the wanted length; `None` if the length is too short for one.
///
/// Source: RFC 9068 §2.1 and §2.2; the default resource of §3 is this server's own.
fn jwt(setup: &Setup, state: &State, facts: &Token, id: &str, more: Map<String, Value>) -> Option<String> {
    let slash = if setup.keeps(Rule::TokenIssuerAnnounced) { "" } else { "/" };
    let subject = if setup.keeps(Rule::TokenSubjectStable) { &facts.client_id } else { id };
    let mut claims = map(json!({
        "iss": format!("{}{slash}", setup.issuer), "sub": subject, "client_id": facts.client_id, "scope": facts.scope,
        "iat": facts.issued_ms / 1000, "exp": facts.expires_ms / 1000, "jti": id,
    }));
    if setup.keeps(Rule::AudienceNamed) {
        claims.insert("aud".to_owned(), named(&facts.audience));
    }
    claims.extend(more);
    lay_over(&mut claims, setup.dialect.overrides.token_claims.clone(), false);
    let mut header = map(json!({ "typ": typ(setup) }));
    lay_over(&mut header, setup.dialect.overrides.token_header.clone(), false);
    let Some(length) = setup.token_length else {
        return Some(state.signer.signed(setup, &header, &claims));
    };
    // Base64url yields no length of the form 4n + 1, so a second part, the header, has to give way by a character or two.
    for stretch in 0..4 {
        header.insert("pad".to_owned(), Value::from("-".repeat(stretch)));
        claims.insert("pad".to_owned(), Value::from(""));
        let base = state.signer.signed(setup, &header, &claims).len();
        let Some(missing) = length.checked_sub(base) else {
            continue;
        };
        for pad in (missing * 3 / 4).saturating_sub(2)..=missing * 3 / 4 + 2 {
            claims.insert("pad".to_owned(), Value::from("x".repeat(pad)));
            let token = state.signer.signed(setup, &header, &claims);
            if token.len() == length {
                return Some(token);
            }
        }
    }
    None
}

/// Tokens that are signed by this server's key and that its resource has to refuse all the same: one of another issuer, as
/// servers with many tenants and one key have them, one for another resource, and one that is no access token. By their names in the target entry.
pub(super) fn foreign(setup: &Setup, state: &State, now_ms: u64) -> Vec<(&'static str, String)> {
    let scope = setup.main().scopes.join(" ");
    let (now, month) = (now_ms / 1000, 30 * 24 * 3600);
    let signed = |typ: &str, issuer: &str, audience: &str, id: &str| {
        let claims = map(json!({
            "iss": issuer, "sub": setup.main().id, "aud": audience, "client_id": setup.main().id, "scope": scope,
            "iat": now, "exp": now + month, "jti": id,
        }));
        state.signer.signed(setup, &map(json!({ "typ": typ })), &claims)
    };
    let own = typ(setup);
    vec![
        ("foreign_issuer_token", signed(own, &format!("{}/another", setup.issuer), &setup.origin, "foreign issuer")),
        (
            "foreign_audience_token",
            signed(own, &setup.issuer, &format!("{}/another", setup.origin), "foreign audience"),
        ),
        ("foreign_type_token", signed("logout+jwt", &setup.issuer, &setup.origin, "foreign type")),
    ]
}

/// The media type in the header of this server's tokens. Source: RFC 9068 §2.1.
fn typ(setup: &Setup) -> &'static str {
    if setup.makes(Policy::TokenOwnLayout) { "JWT" } else { "at+jwt" }
}

/// What a JWT says of itself, if the resource believes it; whether it has expired is not looked at.
///
/// Source: RFC 9068 §4.
pub(super) fn believed(setup: &Setup, state: &State, token: &str) -> Option<Token> {
    let (parts, header, claims) = read(token)?;
    let trusted = !setup.makes(Policy::TokenOpaque) && state.signer.trusts(setup, &parts, &header);
    let issuer =
        claims.get("iss").is_some_and(|iss| *iss == *setup.issuer) || !setup.keeps(Rule::ResourceIssuerChecked);
    let audience = indicators::is_for_resource(&said(&claims).audience, setup);
    let audience = audience || !setup.keeps(Rule::ResourceAudienceChecked);
    let typed = header.get("typ").and_then(Value::as_str).is_some_and(|own| own.eq_ignore_ascii_case(typ(setup)));
    let typed = typed || !setup.keeps(Rule::ResourceTypeChecked);
    (trusted && issuer && audience && typed).then(|| said(&claims))
}

/// What a JWT says of itself, if the token endpoint has issued it. Source: RFC 8693 §2.1.
pub(super) fn signed_here(setup: &Setup, state: &State, token: &str) -> Option<Token> {
    let (parts, header, claims) = read(token)?;
    let signed = !setup.makes(Policy::TokenOpaque) && state.signer.verifies(setup, &parts, &header) == Some(true);
    let issuer = claims.get("iss").is_some_and(|iss| *iss == *setup.issuer);
    let signed = signed || !setup.keeps(Rule::ExchangeSignatureChecked);
    (signed && (issuer || !setup.keeps(Rule::ExchangeIssuerChecked))).then(|| said(&claims))
}

/// An audience as it is written: a text if there is one, else a list. Source: RFC 7519 §4.1.3.
pub(super) fn named(audience: &[String]) -> Value {
    match audience {
        [one] => json!(one),
        many => json!(many),
    }
}

/// What a JWT says of itself, for an endpoint that believes it unread; `None` if it is none.
pub(super) fn unverified(token: &str) -> Option<Token> {
    read(token).map(|(_, _, claims)| said(&claims))
}

/// The parts, the header and the claims of a JWT.
#[expect(clippy::type_complexity, reason = "named once, and taken apart at once")]
fn read(token: &str) -> Option<([&str; 3], Map<String, Value>, Map<String, Value>)> {
    let mut parts = token.split('.');
    let parts = [parts.next()?, parts.next()?, parts.next().filter(|_| parts.next().is_none())?];
    let part =
        |at: usize| -> Option<Map<String, Value>> { serde_json::from_slice(&BASE64URL.decode(parts[at]).ok()?).ok() };
    Some((parts, part(0)?, part(1)?))
}

/// What the claims of a JWT say.
fn said(claims: &Map<String, Value>) -> Token {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let time_ms = |name: &str| claims.get(name).and_then(Value::as_u64).map(|seconds| seconds.saturating_mul(1000));
    let audience = match claims.get("aud") {
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => vec![text("aud")],
    };
    Token {
        client_id: text("client_id"),
        scope: text("scope"),
        audience,
        issued_ms: time_ms("iat").unwrap_or_default(),
        expires_ms: time_ms("exp").unwrap_or_default(),
        revoked: false,
    }
}

/// Whether a JWT says that it is not signed, in any spelling.
pub(super) fn is_unsigned(token: &str) -> bool {
    let header = token.split('.').next().and_then(|header| BASE64URL.decode(header).ok());
    let header: Option<Value> = header.and_then(|header| serde_json::from_slice(&header).ok());
    header.is_some_and(|header| header["alg"].as_str().is_some_and(|alg| alg.eq_ignore_ascii_case("none")))
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
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
            &[0; 32],
        );
        let mut state = State::new([1; 32]);
        let mut turn = Turn { setup: &setup, state: &mut state, now_ms: 1_800_000_000_000, received_secret: None };
        let audience = vec!["x".to_owned()];
        issue(Granted { client: setup.main(), scope: "a b", audience, claims: Map::new() }, &mut turn)
    }

    #[test]
    fn a_jwt_has_three_parts_and_its_claims() {
        let token = token(None, Dialect::default());
        let parts: Vec<&str> = token.split('.').collect();
        let claims: Value = serde_json::from_slice(&BASE64URL.decode(parts[1]).unwrap()).unwrap();
        assert_eq!((parts.len(), &claims["exp"], &claims["scope"]), (3, &json!(1_800_003_600), &json!("a b")));
        assert_eq!(parts[0], BASE64URL.encode(r#"{"alg":"EdDSA","kid":"grantlint-ed25519","typ":"at+jwt"}"#));
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
