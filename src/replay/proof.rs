//! Who signed a recorded JWT, as far as the keys of the target tell. Who has none cannot tell a wrong signature from a right one.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::hmac;
use serde_json::Value;

use super::facts::Facts;
use super::signed::Parts;
use crate::jose::{Algorithm, MADE_UP, SigningKey};
use crate::suite::files::Sign;
use crate::target::Target;

/// What tells how a JWT was signed.
pub(super) struct Proof<'t> {
    target: &'t Target,
    /// Keys of the target that a served request was signed with: member of the target and `kid`. A key that nothing served was signed with
    /// may have been another one by then, and tells nothing about what it has not signed.
    proven: HashSet<(&'static str, String)>,
    /// The public half of the key that nobody registers.
    made_up: Option<Value>,
    /// What was found out before; verifying takes its time.
    known: RefCell<HashMap<(&'static str, String), Option<Sign>>>,
}

impl<'t> Proof<'t> {
    pub(super) fn of(facts: &[Facts<'_>], target: &'t Target) -> Self {
        let served = facts.iter().filter(|facts| facts.answer() == "token");
        let sent = served.flat_map(|facts| {
            let by_client = ["client", "second_client"].map(|member| (member, facts.param("client_assertion")));
            by_client.into_iter().chain([("assertion_grant", facts.param("assertion"))])
        });
        let holding = sent.filter_map(|(member, jwt)| {
            let parts = Parts::read(jwt?, false)?;
            is_right(target, member, &parts).then(|| (member, parts.key_id()))
        });
        let proven = holding.collect();
        let made_up = SigningKey::read(MADE_UP).ok().map(|key| key.public_jwk());
        Self { target, proven, made_up, known: RefCell::default() }
    }

    /// How a JWT was signed; `None` where nobody can tell.
    pub(super) fn sign(&self, member: &'static str, parts: &Parts) -> Option<Sign> {
        let signature = parts.signature.as_deref()?;
        let name = (member, format!("{}.{signature}", parts.message));
        *self.known.borrow_mut().entry(name).or_insert_with(|| self.found_out(member, parts))
    }

    fn found_out(&self, member: &'static str, parts: &Parts) -> Option<Sign> {
        if parts.signature.as_deref()?.is_empty() {
            return Some(Sign::None);
        }
        let embedded = || (parts.header.get("jwk")? == self.made_up.as_ref()?).then_some(Sign::EmbeddedKey);
        let by_public_key = || {
            let pem = self.target.key(member)?.public_pem();
            (algorithm(parts)? == Algorithm::Hs256 && has_mac(parts, &pem)).then_some(Sign::PublicKeyAsSecret)
        };
        let right = || is_right(self.target, member, parts).then_some(Sign::Right);
        let altered = || self.proven.contains(&(member, parts.key_id())).then_some(Sign::Altered);
        embedded().or_else(right).or_else(by_public_key).or_else(altered)
    }
}

/// Whether the key or the secret of a member of the target has signed it.
fn is_right(target: &Target, member: &str, parts: &Parts) -> bool {
    let by_key = || {
        let (key, signature) = (target.key(member)?, signature(parts)?);
        Some(key.has_signed(algorithm(parts)?, parts.message.as_bytes(), &signature))
    };
    let by_secret = || Some(has_mac(parts, &target.text(&format!("{member}.client_secret"))?));
    by_key() == Some(true) || by_secret() == Some(true)
}

fn has_mac(parts: &Parts, secret: &str) -> bool {
    let Some(algorithm) = algorithm(parts).and_then(Algorithm::hmac) else { return false };
    let key = hmac::Key::new(algorithm, secret.as_bytes());
    signature(parts).is_some_and(|signature| hmac::verify(&key, parts.message.as_bytes(), &signature).is_ok())
}

fn algorithm(parts: &Parts) -> Option<Algorithm> {
    Algorithm::of_name(parts.header.get("alg").and_then(Value::as_str)?)
}

fn signature(parts: &Parts) -> Option<Vec<u8>> {
    BASE64URL.decode(parts.signature.as_deref()?).ok()
}
