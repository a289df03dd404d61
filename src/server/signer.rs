//! The keys that tokens are signed with, the JWK set that publishes them, and what a resource makes of a signature.
//!
//! Written without the code that forges tokens for checks, so that one misreading of JOSE cannot hide itself on both sides.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256};
use serde_json::{Map, Value, json};

use super::keys::{KeyKind, Public, TOKENS_RSA};
use super::setup::Setup;
use super::{Policy, Rule};

/// The keys of a server: one of its own for EdDSA, and one that all reference servers share for RS256, which RFC 9068 §2.1 wants
/// everybody to have.
pub(super) struct Signer {
    ed25519: Ed25519KeyPair,
    /// For tokens that only this server can check, as servers with a layout of their own have them.
    mac: hmac::Key,
}

impl Signer {
    /// Keys that follow from `seed`.
    pub(super) fn new(seed: &[u8; 32]) -> Self {
        let mac = hmac::Key::new(hmac::HMAC_SHA256, seed);
        let own = hmac::sign(&mac, b"the key for EdDSA");
        let ed25519 = Ed25519KeyPair::from_seed_unchecked(own.as_ref()).expect("a seed of 32 bytes is a key");
        Self { ed25519, mac }
    }

    /// A JWT of this header and these claims; `alg` and `kid` are added in front.
    ///
    /// Source: RFC 7515 §5.1 and §7.1.
    pub(super) fn signed(&self, setup: &Setup, header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
        let (alg, kid) = match () {
            () if setup.makes(Policy::TokenOwnLayout) => ("HS256", None),
            () if setup.makes(Policy::TokenRs256) => ("RS256", Some(RSA_ID)),
            () => ("EdDSA", Some(ED25519_ID)),
        };
        let mut whole = Map::new();
        whole.insert("alg".to_owned(), alg.into());
        whole.extend(kid.map(|kid| ("kid".to_owned(), kid.into())));
        super::dialect::lay_over(&mut whole, header.clone(), false);
        let encoded = |members: Map<String, Value>| BASE64URL.encode(Value::from(members).to_string());
        let message = format!("{}.{}", encoded(whole), encoded(claims.clone()));
        format!("{message}.{}", BASE64URL.encode(self.signature(alg, message.as_bytes())))
    }

    fn signature(&self, alg: &str, message: &[u8]) -> Vec<u8> {
        match alg {
            "HS256" => hmac::sign(&self.mac, message).as_ref().to_vec(),
            "RS256" => {
                let rsa = &TOKENS_RSA.pair;
                let mut signature = vec![0; rsa.public().modulus_len()];
                // PKCS #1 v1.5 draws nothing, so that the same token has the same signature.
                let signed = rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
                if signed.is_err() { Vec::new() } else { signature }
            }
            _ => self.ed25519.sign(message).as_ref().to_vec(),
        }
    }

    /// The public keys. Source: RFC 7517 §5, RFC 7518 §6.3.1, RFC 8037 §2.
    pub(super) fn jwk_set(&self) -> Map<String, Value> {
        let rsa = PublicKeyComponents::<Vec<u8>>::from(TOKENS_RSA.pair.public());
        let mut set = Map::new();
        set.insert(
            "keys".to_owned(),
            json!([
                { "kty": "OKP", "crv": "Ed25519", "x": BASE64URL.encode(self.ed25519.public_key()), "kid": ED25519_ID,
                  "use": "sig", "alg": "EdDSA" },
                { "kty": "RSA", "n": BASE64URL.encode(rsa.n), "e": BASE64URL.encode(rsa.e), "kid": RSA_ID,
                  "use": "sig", "alg": "RS256" },
            ]),
        );
        set
    }

    /// Whether the resource takes the signature of a token for this server's.
    ///
    /// Source: RFC 9068 §4, RFC 7515 §5.2, RFC 8725 §3.1 and §3.2.
    pub(super) fn trusts(&self, setup: &Setup, token: &[&str; 3], header: &Map<String, Value>) -> bool {
        let text = |name: &str| header.get(name).and_then(Value::as_str).unwrap_or_default();
        let message = format!("{}.{}", token[0], token[1]);
        let Ok(signature) = BASE64URL.decode(token[2]) else { return false };
        let unread = signature.is_empty() && !setup.keeps(Rule::ResourceSignatureRequired);
        if unread || !setup.keeps(Rule::ResourceSignatureChecked) {
            return true;
        }
        match (text("alg"), text("kid")) {
            ("none", _) => !setup.keeps(Rule::ResourceUnsignedRefused),
            (alg, _) if alg.eq_ignore_ascii_case("none") => !setup.keeps(Rule::ResourceUnsignedAnyCase),
            // One call verifies whatever the token says that it is, with the one key that is configured.
            ("HS256", kid) if !setup.keeps(Rule::ResourceMacRefused) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.public(kid).pem().as_bytes());
                hmac::verify(&key, message.as_bytes(), &signature).is_ok()
            }
            ("RS256", _) if !setup.keeps(Rule::ResourceHeaderKeyIgnored) && header.contains_key("jwk") => {
                let part = |name: &str| {
                    BASE64URL.decode(header["jwk"].get(name).and_then(Value::as_str).unwrap_or_default()).ok()
                };
                part("n").zip(part("e")).is_some_and(|(n, e)| {
                    let key = PublicKeyComponents { n, e };
                    key.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature).is_ok()
                })
            }
            _ => match self.verifies(setup, token, header) {
                Some(holds) => holds,
                None => !setup.keeps(Rule::ResourceUnknownKeyRefused),
            },
        }
    }

    /// Whether the signature is of one of these keys; `None` if the header names a key that is none of them.
    pub(super) fn verifies(&self, setup: &Setup, token: &[&str; 3], header: &Map<String, Value>) -> Option<bool> {
        let text = |name: &str| header.get(name).and_then(Value::as_str).unwrap_or_default();
        let message = format!("{}.{}", token[0], token[1]);
        let Ok(signature) = BASE64URL.decode(token[2]) else { return Some(false) };
        let holds =
            |kid: &str, algorithm: &str| Some(self.public(kid).verifies(algorithm, message.as_bytes(), &signature));
        match (text("alg"), text("kid")) {
            ("HS256", _) if setup.makes(Policy::TokenOwnLayout) => {
                Some(hmac::verify(&self.mac, message.as_bytes(), &signature).is_ok())
            }
            ("EdDSA", "" | ED25519_ID) => holds(ED25519_ID, "EdDSA"),
            ("RS256", "" | RSA_ID) => holds(RSA_ID, "RS256"),
            ("EdDSA" | "RS256", kid) if ![ED25519_ID, RSA_ID].contains(&kid) => None,
            _ => Some(false),
        }
    }

    /// The key of this name; that for EdDSA if none is called so.
    fn public(&self, kid: &str) -> Public {
        match kid {
            RSA_ID => Public::of(KeyKind::Rsa, &TOKENS_RSA.pair),
            _ => Public::of(KeyKind::Ed25519, &self.ed25519),
        }
    }
}

const ED25519_ID: &str = "grantlint-ed25519";
const RSA_ID: &str = "grantlint-rsa";
