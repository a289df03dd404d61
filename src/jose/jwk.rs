//! Private keys as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use serde_json::Value;

use super::key::{KeyError, Pair, SigningKey, refused};

/// Reads a private JWK.
///
/// Source: RFC 7517 §4, RFC 7518 §6.2 and §6.3, RFC 8037 §2.
pub(super) fn read(text: &str) -> Result<SigningKey, KeyError> {
    let jwk: Value = serde_json::from_str(text).map_err(|_| KeyError::Unknown)?;
    let word = |name: &'static str| jwk.get(name).and_then(Value::as_str).ok_or(KeyError::Lacks(name));
    let part = |name: &'static str| -> Result<Vec<u8>, KeyError> {
        URL_SAFE_NO_PAD.decode(word(name)?).map_err(|_| KeyError::Lacks(name))
    };
    if jwk.get("d").is_none() && jwk.get("kty").is_some() {
        return Err(KeyError::Public);
    }
    let kind = word("kty")?;
    let pair = match kind {
        "RSA" => RsaKeyPair::from_components(&KeyPairComponents {
            public_key: PublicKeyComponents { n: part("n")?, e: part("e")? },
            d: part("d")?,
            p: part("p")?,
            q: part("q")?,
            dP: part("dp")?,
            dQ: part("dq")?,
            qInv: part("qi")?,
        })
        .map(Pair::Rsa),
        "EC" => {
            let curve = word("crv")?;
            let point = [vec![4], part("x")?, part("y")?].concat();
            let read = |algorithm| {
                EcdsaKeyPair::from_private_key_and_public_key(algorithm, &part("d")?, &point, &SystemRandom::new())
                    .map_err(refused)
            };
            return match curve {
                "P-256" => read(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Pair::P256).map(SigningKey),
                "P-384" => read(&ECDSA_P384_SHA384_FIXED_SIGNING).map(Pair::P384).map(SigningKey),
                other => Err(KeyError::Kind(other.to_owned())),
            };
        }
        "OKP" if word("crv")? == "Ed25519" => {
            Ed25519KeyPair::from_seed_and_public_key(&part("d")?, &part("x")?).map(Pair::Ed25519)
        }
        other => return Err(KeyError::Kind(other.to_owned())),
    };
    pair.map(SigningKey).map_err(refused)
}
