//! JSON Web Tokens that a recorded request holds: whether they say what an exchange would have signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Map, Value};

use super::facts::Facts;
use super::fit::{Taken, World};
use super::form::{SIGNS, like};
use crate::suite::Exchange;
use crate::suite::files::{By, Form, Jwt, Sign, Signer};
use crate::suite::reference::{self, Source};

/// A JWT taken apart.
pub(super) struct Parts {
    pub(super) header: Map<String, Value>,
    claims: Map<String, Value>,
    /// The claims as they were written.
    text: String,
    /// Header and claims as they were signed.
    pub(super) message: String,
    /// As it was written; `None` where it has no third part.
    pub(super) signature: Option<String>,
}

impl Parts {
    /// Reads a JWT; `plain` where its claims are not in base64url.
    pub(super) fn read(token: &str, plain: bool) -> Option<Self> {
        let (header, rest) = token.split_once('.')?;
        let (claims, signature) = match rest.rsplit_once('.') {
            Some((claims, signature)) => (claims, Some(signature.to_owned())),
            None => (rest, None),
        };
        let decoded = |part: &str| String::from_utf8(BASE64URL.decode(part).ok()?).ok();
        let text = if plain { claims.to_owned() } else { decoded(claims)? };
        let object = |text: &str| serde_json::from_str::<Value>(text).ok()?.as_object().cloned();
        let message = format!("{header}.{claims}");
        Some(Self { header: object(&decoded(header)?)?, claims: object(&text)?, text, message, signature })
    }

    fn says(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// `kid` of the header; empty where there is none.
    pub(super) fn key_id(&self) -> String {
        self.header.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// Audiences of a JWT. Source: RFC 7519 §4.1.3.
pub(super) fn audiences(token: &str) -> Vec<String> {
    let claims = Parts::read(token, false).map(|parts| parts.claims).unwrap_or_default();
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Issuer and subject of a JWT.
pub(super) fn issuer_and_subject(token: &str) -> Option<(String, String)> {
    let parts = Parts::read(token, false)?;
    Some((parts.says("iss")?.to_owned(), parts.says("sub")?.to_owned()))
}

impl World<'_> {
    /// Whether the JWTs in the parameters are those that the exchange would have signed.
    pub(super) fn same_jwts(&self, exchange: &Exchange, facts: &Facts<'_>, taken: Taken<'_>) -> bool {
        exchange.file.params.iter().all(|(name, value)| {
            let mut names = Vec::new();
            reference::each(value, &mut |reference| {
                if let Source::Jwt(name) = &reference.source {
                    names.push(name.clone());
                }
            });
            let sent = facts.params.iter().flatten().filter(|(known, _)| known == name);
            let sent: Vec<&str> = sent.flat_map(|(_, value)| value.split_whitespace()).collect();
            let fits = |(name, sent): (&String, &&str)| {
                let jwt = exchange.file.jwts.get(name);
                jwt.is_some_and(|jwt| self.is_signed(exchange, jwt, By::Assertion, sent, facts, taken))
            };
            names.is_empty() || names.len() == sent.len() && names.iter().zip(&sent).all(fits)
        })
    }

    /// Whether a JWT says what the exchange would have signed.
    pub(super) fn is_signed(
        &self,
        exchange: &Exchange,
        jwt: &Jwt,
        by: By,
        sent: &str,
        facts: &Facts<'_>,
        taken: Taken<'_>,
    ) -> bool {
        let Some(parts) = Parts::read(sent, jwt.form == Form::ClaimsPlain) else { return false };
        let alg = parts.header.get("alg").and_then(Value::as_str).unwrap_or_default();
        let signature = match (&parts.signature, jwt.form) {
            (None, Form::TwoParts) => true,
            (Some(signature), Form::Compact | Form::ClaimsPlain) => signature.is_empty() == (jwt.sign == Sign::None),
            _ => false,
        };
        let way = match (jwt.sign, by) {
            (Sign::None, _) => alg == "none",
            (Sign::Right, By::PrivateKeyJwt) => alg != "none" && !alg.starts_with("HS"),
            (Sign::Right, By::ClientSecretJwt) => alg.starts_with("HS"),
            (Sign::Right, _) => alg != "none",
            (Sign::Altered | Sign::PublicKeyAsSecret | Sign::EmbeddedKey, _) => true,
        };

        let now = facts.heard.began_us.map(|us| us / 1_000_000);
        let same = |wanted: &Map<String, Value>, there: &Map<String, Value>| {
            wanted.iter().all(|(name, value)| {
                let own = there.get(name);
                match self.claim(exchange, value, now, taken) {
                    Some(Value::Null) => own.is_none(),
                    Some(wanted) => own.is_some_and(|own| self.alike(&wanted, own)),
                    None => false,
                }
            })
        };
        let again = jwt.again.iter().all(|(name, value)| {
            let wanted = self.claim(exchange, value, now, taken);
            let last = parts.text.rsplit_once(&format!("\"{name}\":")).map(|(_, last)| last);
            let last = last.and_then(|last| last.split([',', '}']).next()?.trim().parse::<i64>().ok());
            times(&parts.text, name) == 2
                && wanted.zip(last).is_some_and(|(wanted, last)| self.alike(&wanted, &last.into()))
        });
        let once = parts.claims.keys().all(|name| jwt.again.contains_key(name) || times(&parts.text, name) == 1);
        // Who has no key takes it for what it says it is.
        let proven = || {
            let told = self.proof.sign(jwt.of.unwrap_or_default().member(), &parts);
            told.map_or(matches!(jwt.sign, Sign::Right | Sign::None), |told| told == jwt.sign)
        };
        signature
            && way
            && same(&jwt.claims, &parts.claims)
            && same(&jwt.header, &parts.header)
            && again
            && once
            && self.is_ordinary(jwt, &parts, now)
            && proven()
    }

    /// Whether everything that the exchange leaves as it is, is as it always is. Source: RFC 7523 §3.
    fn is_ordinary(&self, jwt: &Jwt, parts: &Parts, now: Option<u64>) -> bool {
        let own = |name: &str| jwt.claims.contains_key(name) || jwt.again.contains_key(name);
        let of = |place: &str| self.target.text(place);
        let (issuer, subject) = match jwt.of.unwrap_or_default() {
            Signer::Client => (of("client.client_id"), of("client.client_id")),
            Signer::SecondClient => (of("second_client.client_id"), of("second_client.client_id")),
            Signer::AssertionGrant => (of("assertion_grant.issuer"), of("assertion_grant.subject")),
        };
        let is = |name: &str, wanted: &Option<String>| {
            own(name) || wanted.is_some() && parts.says(name) == wanted.as_deref()
        };
        let audience = match parts.claims.get("aud") {
            Some(Value::String(one)) => self.audiences.contains(one),
            Some(Value::Array(all)) => {
                !all.is_empty() && all.iter().all(|one| one.as_str().is_some_and(|one| self.audiences.contains(one)))
            }
            _ => false,
        };
        let seconds = |name: &str| parts.claims.get(name).and_then(Value::as_f64);
        #[allow(clippy::cast_precision_loss, reason = "seconds")]
        let now = now.map(|now| now as f64);
        let good = seconds("exp").is_some_and(|exp| now.is_none_or(|now| exp > now - SLACK));
        let begun = seconds("nbf").is_none_or(|nbf| now.is_none_or(|now| nbf <= now + SLACK));
        let typ =
            parts.header.get("typ").is_none_or(|typ| typ.as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("JWT")));
        is("iss", &issuer)
            && is("sub", &subject)
            && (own("aud") || audience)
            && (own("exp") || good)
            && (own("nbf") || begun)
            && (jwt.header.contains_key("typ") || typ)
            && (jwt.header.contains_key("crit") || !parts.header.contains_key("crit"))
            && (jwt.sign == Sign::EmbeddedKey || !parts.header.contains_key("jwk"))
            && !["jku", "x5u"].iter().any(|name| parts.header.contains_key(*name))
    }

    /// The value of a claim; null where the exchange leaves it out, `None` where nobody knows it.
    fn claim(&self, exchange: &Exchange, value: &Value, now: Option<u64>, taken: Taken<'_>) -> Option<Value> {
        if value == "absent" {
            return Some(Value::Null);
        }
        let resolve = &mut |reference: &reference::Reference| match (&reference.source, now) {
            (Source::Now, Some(now)) => Ok(now.into()),
            _ => self.resolved(exchange, reference, taken),
        };
        reference::fill(value, resolve).ok().filter(|value| !value.is_null())
    }

    fn alike(&self, wanted: &Value, there: &Value) -> bool {
        match (wanted, there) {
            (Value::String(wanted), Value::String(there)) if wanted.contains(SIGNS) => {
                like(wanted, there).is_some() && !self.served.contains(there)
            }
            (Value::Number(wanted), Value::Number(there)) => {
                let both = wanted.as_f64().zip(there.as_f64());
                both.is_some_and(|(wanted, there)| (wanted - there).abs() <= SLACK)
            }
            _ => wanted == there,
        }
    }
}

/// How often a member is written.
fn times(text: &str, name: &str) -> usize {
    text.matches(&format!("\"{name}\":")).count()
}

/// Seconds between two clocks that are the same moment.
const SLACK: f64 = 60.0;
