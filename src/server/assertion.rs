//! JWTs that clients sign: client assertions and grants. One way of looking at them, two answers.
//!
//! Source: RFC 7521 §4 and §5.2, RFC 7523 §3.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::hmac;
use serde_json::{Map, Value};

use crate::oauth::Secret;

use super::endpoints::Turn;
use super::keys::Public;
use super::message::Reply;
use super::parameters::{Parameters, members};
use super::setup::{Client, Setup, TOKEN};
use super::{Policy, Rule, errors};

/// What an assertion is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Client,
    Grant,
}

/// Whose assertion it has to be.
struct Owner<'a> {
    issuer: &'a str,
    subject: &'a str,
    key: Option<&'a Public>,
    secret: Option<&'a Secret>,
}

/// A JWT, taken apart and not believed.
struct Parts {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    message: String,
    /// `None` without a third part.
    signature: Option<Vec<u8>>,
}

/// The client that an assertion proves.
///
/// Source: RFC 7521 §4.2, RFC 7523 §2.2.
pub(super) fn client<'a>(text: &str, sent: &Parameters, turn: &mut Turn<'a>) -> Result<&'a Client, Reply> {
    let setup = turn.setup;
    let refuse = |why: &str| refusal(setup, Purpose::Client, why);
    match sent.one("client_assertion_type") {
        Some(CLIENT_ASSERTION) => {}
        _ if !setup.keeps(Rule::AssertionType) => {}
        Some(_) => return Err(refuse("the type of assertion is not known")),
        None => return Err(errors::error(setup, "invalid_request", "there is no client_assertion_type")),
    }
    if sent.one("client_id").is_none() && !setup.keeps(Rule::AssertionClientIdFree) {
        return Err(errors::error(setup, "invalid_request", "there is no client_id"));
    }
    let parts = apart(text, setup).ok_or_else(|| refuse("the assertion is no JWT"))?;
    let named = |claim: &str| setup.client(parts.claims.get(claim)?.as_str()?);
    let client = named("iss").or_else(|| named("sub")).ok_or_else(|| refuse("the client is unknown"))?;
    let key = client.key.as_ref().map(|key| &key.public);
    let owner = Owner { issuer: &client.id, subject: &client.id, key, secret: client.secret.as_ref() };
    believe(&parts, &owner, Purpose::Client, turn).map_err(refuse)?;
    let other = sent.one("client_id").is_some_and(|id| id != client.id);
    if other && setup.keeps(Rule::AssertionClientIdMatch) {
        return Err(refuse("client_id names another client"));
    }
    Ok(client)
}

/// Looks whether a grant is to be believed.
///
/// Source: RFC 7521 §4.1, RFC 7523 §2.1.
pub(super) fn grant(sent: &Parameters, turn: &mut Turn<'_>) -> Result<(), Reply> {
    let setup = turn.setup;
    let text = sent.one("assertion").ok_or_else(|| errors::error(setup, "invalid_request", "there is no assertion"))?;
    let parts = apart(text, setup).ok_or_else(|| refusal(setup, Purpose::Grant, "the assertion is no JWT"))?;
    let issuer = &setup.issuer_of_grants;
    let key = issuer.key.as_ref().map(|key| &key.public);
    let owner = Owner { issuer: &issuer.id, subject: SUBJECT, key, secret: None };
    believe(&parts, &owner, Purpose::Grant, turn).map_err(|why| refusal(setup, Purpose::Grant, why))
}

/// Source: RFC 7521 §4.1.1 and §4.2.1.
fn refusal(setup: &Setup, purpose: Purpose, why: &str) -> Reply {
    match purpose {
        Purpose::Client if setup.keeps(Rule::AssertionInvalidClient) => errors::invalid_client(setup, false, why),
        Purpose::Client => errors::error(setup, "invalid_grant", why),
        Purpose::Grant if setup.keeps(Rule::AssertionInvalidGrant) => errors::error(setup, "invalid_grant", why),
        Purpose::Grant => errors::error(setup, "invalid_request", why),
    }
}

/// Source: RFC 7515 §3.1 and §5.2, RFC 7519 §7.2.
fn apart(text: &str, setup: &Setup) -> Option<Parts> {
    let (text, more) = text.split_once(' ').unwrap_or((text, ""));
    if !more.is_empty() && setup.keeps(Rule::AssertionSingle) {
        return None;
    }
    let strict = setup.keeps(Rule::AssertionWellFormed);
    let mut pieces = text.splitn(3, '.');
    let (header, claims, signature) = (pieces.next()?, pieces.next()?, pieces.next());
    let object = |part: &str| {
        let decoded = BASE64URL.decode(part).ok();
        let json = decoded.or_else(|| (!strict).then(|| part.as_bytes().to_vec()))?;
        let mut all = members(&json)?;
        if !setup.keeps(Rule::AssertionLastCounts) {
            all.reverse();
        }
        Some(all.into_iter().collect::<Map<_, _>>())
    };
    let signature = signature.and_then(|signature| BASE64URL.decode(signature).ok());
    if strict && signature.is_none() {
        return None;
    }
    Some(Parts { header: object(header)?, claims: object(claims)?, message: format!("{header}.{claims}"), signature })
}

/// Whether the assertion is the owner's and is meant for this server now; if not, why.
fn believe(parts: &Parts, owner: &Owner<'_>, purpose: Purpose, turn: &mut Turn<'_>) -> Result<(), &'static str> {
    let setup = turn.setup;
    let text = |claim: &str| parts.claims.get(claim).and_then(Value::as_str);
    let typ = parts.header.get("typ").and_then(Value::as_str);
    if typ != Some("JWT") && purpose == Purpose::Client && !setup.keeps(Rule::AssertionTypFree) {
        return Err("typ is not JWT");
    }
    if parts.header.contains_key("crit") && setup.keeps(Rule::AssertionCrit) {
        return Err("crit names what is not understood");
    }
    signed(parts, owner, setup)?;
    let named = |claim: &str, expected: &str, rule: Rule| !setup.keeps(rule) || text(claim) == Some(expected);
    let alike = text("iss").is_some_and(|iss| iss.eq_ignore_ascii_case(owner.issuer));
    if !named("iss", owner.issuer, Rule::AssertionIss) && (setup.keeps(Rule::AssertionIssExact) || !alike) {
        return Err("iss is not the one that is expected");
    }
    if !named("sub", owner.subject, Rule::AssertionSub) {
        return Err("sub is not the one that is expected");
    }
    audience(parts.claims.get("aud"), purpose, setup)?;
    times(&parts.claims, turn)?;
    if let Some(id) = text("jti")
        && setup.makes(Policy::AssertionSingleUse)
        && !turn.state.sees_first(format!("{} {id}", owner.issuer))
    {
        return Err("the assertion was used before");
    }
    Ok(())
}

/// Source: RFC 7515 §5.2; RFC 8725 §3.1 and §3.2 on what an attacker makes of `alg`.
fn signed(parts: &Parts, owner: &Owner<'_>, setup: &Setup) -> Result<(), &'static str> {
    let algorithm = parts.header.get("alg").and_then(Value::as_str).unwrap_or_default();
    let message = parts.message.as_bytes();
    let signature = match &parts.signature {
        Some(signature) => signature.as_slice(),
        // Only a server that does not mind malformed JWTs gets here.
        None => return Ok(()),
    };
    let mac =
        |secret: &str| hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), message, signature).is_ok();
    let embedded = || parts.header.get("jwk").and_then(point).map(Public::p256);
    let holds = match algorithm {
        "none" => signature.is_empty() && !setup.keeps(Rule::AssertionAlgNone),
        "HS256" => {
            let by_public =
                || !setup.keeps(Rule::AssertionAlgorithmOfKey) && owner.key.is_some_and(|key| mac(&key.pem()));
            owner.secret.is_some_and(|secret| mac(secret.expose())) || by_public()
        }
        "RS256" if !setup.keeps(Rule::AssertionRs256) => false,
        _ => {
            owner.key.is_some_and(|key| key.verifies(algorithm, message, signature))
                || !setup.keeps(Rule::AssertionKeyRegistered)
                    && embedded().is_some_and(|key| key.verifies(algorithm, message, signature))
        }
    };
    // Each of these forgeries has a rule of its own.
    let forged = algorithm == "none" || parts.header.contains_key("jwk") || algorithm == "HS256" && owner.key.is_some();
    if holds || !setup.keeps(Rule::AssertionSignature) && !forged { Ok(()) } else { Err("the signature is wrong") }
}

/// The point of a JWK. Source: RFC 7518 §6.2.1.
fn point(jwk: &Value) -> Option<Vec<u8>> {
    let part = |name: &str| BASE64URL.decode(jwk.get(name)?.as_str()?).ok();
    Some([vec![4], part("x")?, part("y")?].concat())
}

/// Source: RFC 7523 §3 item 3; the token endpoint or the issuer stand for the server.
fn audience(aud: Option<&Value>, purpose: Purpose, setup: &Setup) -> Result<(), &'static str> {
    let token_endpoint = format!("{}{TOKEN}", setup.origin);
    let issuer_only = setup.makes(Policy::AssertionAudienceIssuer) && purpose == Purpose::Client;
    let endpoint_only = setup.makes(Policy::AssertionAudienceEndpoint);
    let third = purpose == Purpose::Grant && !setup.keeps(Rule::JwtGrantOwnAudience);
    let own = |name: &str| {
        if third {
            return name == THIRD_NAME;
        }
        name == setup.issuer && !endpoint_only
            || name == token_endpoint && !issuer_only
            || !setup.keeps(Rule::AssertionAudExact)
                && (token_endpoint.starts_with(name) && !name.is_empty() || name.eq_ignore_ascii_case(&token_endpoint))
    };
    let fits = match aud {
        None => !setup.keeps(Rule::AssertionAudRequired),
        Some(Value::String(name)) => own(name),
        // The sole value may stand in a list of one. Source: draft-ietf-oauth-rfc7523bis §4.
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).any(own) && (!issuer_only || names.len() == 1)
        }
        Some(_) => false,
    };
    if fits || aud.is_some() && !setup.keeps(Rule::AssertionAud) {
        Ok(())
    } else {
        Err("aud does not name this server")
    }
}

/// Source: RFC 7523 §3 items 4 to 6; RFC 7519 §2 for NumericDate.
fn times(claims: &Map<String, Value>, turn: &Turn<'_>) -> Result<(), &'static str> {
    let setup = turn.setup;
    let now = turn.now_ms as f64 / 1000.0;
    let lenient = !setup.keeps(Rule::AssertionTimeIsNumber);
    let seconds = |value: &Value| value.as_f64().or_else(|| value.as_str().filter(|_| lenient)?.parse().ok());
    match claims.get("exp") {
        None if setup.keeps(Rule::AssertionExpRequired) => return Err("there is no exp"),
        None => {}
        Some(exp) => {
            let exp = seconds(exp).ok_or("exp is no number")?;
            if exp + SKEW <= now && setup.keeps(Rule::AssertionExp) {
                return Err("the assertion has expired");
            }
            if exp > now + LONGEST_LIFE && setup.makes(Policy::AssertionLifeLimited) {
                return Err("exp is too far ahead");
            }
        }
    }
    if let Some(nbf) = claims.get("nbf") {
        let nbf = seconds(nbf).ok_or("nbf is no number")?;
        if nbf - SKEW > now && setup.keeps(Rule::AssertionNbf) {
            return Err("the assertion is not good yet");
        }
    }
    Ok(())
}

/// Source: RFC 7523 §2.2.
const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// What a server calls itself that knows neither of its names.
const THIRD_NAME: &str = "urn:grantlint:reference";
/// For whom grants are issued.
pub(super) const SUBJECT: &str = "alice";
/// Seconds by which clocks may differ.
const SKEW: f64 = 60.0;
/// Seconds that an assertion may live at a server with a limit.
const LONGEST_LIFE: f64 = 600.0;
