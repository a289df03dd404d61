//! Keys: those of clients and issuers, which the target entry hands out, and what public halves verify and look like.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair, UnparsedPublicKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::oauth::Secret;

/// The kind of the main client's key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Ed25519, made from the seed: its signatures are the same in every run.
    #[default]
    Ed25519,
    /// P-256.
    P256,
    /// RSA of 2048 bits; a key that everybody knows, since making one takes seconds.
    Rsa,
}

/// A key pair whose private half the target entry hands out.
pub(super) struct Key {
    pub(super) public: Public,
    /// PEM of PKCS #8. Source: RFC 5958 §5.
    pub(super) private_pem: Secret,
}

/// The public half of a key.
pub(super) struct Public {
    kind: KeyKind,
    /// 32 bytes, an uncompressed point, or `RSAPublicKey`.
    bytes: Vec<u8>,
}

impl Key {
    /// A key that follows from `seed` and `whose`, or random where its kind knows no seed; `None` without random bytes.
    pub(super) fn new(kind: KeyKind, seed: &[u8; 32], whose: &str) -> Option<Self> {
        match kind {
            KeyKind::Ed25519 => {
                let seed = Sha256::digest([&seed[..], whose.as_bytes()].concat());
                let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
                // Source: RFC 8410 §7.
                let der = [&ED25519_PKCS8[..], &seed].concat();
                Some(Self::of(kind, &pair, &der))
            }
            KeyKind::P256 => {
                let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
                let random = SystemRandom::new();
                let der = EcdsaKeyPair::generate_pkcs8(algorithm, &random).ok()?;
                let pair = EcdsaKeyPair::from_pkcs8(algorithm, der.as_ref(), &random).ok()?;
                Some(Self::of(kind, &pair, der.as_ref()))
            }
            KeyKind::Rsa => Some(Self::of(kind, &CLIENTS_RSA.pair, &CLIENTS_RSA.pkcs8)),
        }
    }

    fn of(kind: KeyKind, pair: &impl KeyPair, pkcs8: &[u8]) -> Self {
        Self { public: Public::of(kind, pair), private_pem: Secret::new(pem("PRIVATE KEY", pkcs8)) }
    }
}

/// An RSA key that everybody knows, since making one takes seconds; read once for all servers of a process.
pub(super) struct KnownRsa {
    pub(super) pair: RsaKeyPair,
    /// Source: RFC 5958 §2.
    pkcs8: Vec<u8>,
}

impl KnownRsa {
    fn read(pem: &str) -> Self {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).expect("the file is PEM");
        let pkcs8 = key.secret_pkcs8_der().to_vec();
        Self { pair: RsaKeyPair::from_pkcs8(&pkcs8).expect("the file holds an RSA key"), pkcs8 }
    }
}

/// What clients and issuers sign assertions with.
static CLIENTS_RSA: LazyLock<KnownRsa> = LazyLock::new(|| KnownRsa::read(include_str!("keys/clients.pem")));
/// What the server signs tokens with.
pub(super) static TOKENS_RSA: LazyLock<KnownRsa> = LazyLock::new(|| KnownRsa::read(include_str!("keys/tokens.pem")));

impl Public {
    pub(super) fn of(kind: KeyKind, pair: &impl KeyPair) -> Self {
        Self { kind, bytes: pair.public_key().as_ref().to_vec() }
    }

    /// A point on P-256.
    pub(super) fn p256(point: Vec<u8>) -> Self {
        Self { kind: KeyKind::P256, bytes: point }
    }

    /// Whether the signature is this key's. An algorithm of another kind of key is none.
    ///
    /// Source: RFC 7518 §3.3 to §3.5, RFC 8037 §3.1.
    pub(super) fn verifies(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        let verification: &dyn signature::VerificationAlgorithm = match (self.kind, algorithm) {
            (KeyKind::Ed25519, "EdDSA") => &signature::ED25519,
            (KeyKind::P256, "ES256") => &signature::ECDSA_P256_SHA256_FIXED,
            (KeyKind::Rsa, "RS256") => &signature::RSA_PKCS1_2048_8192_SHA256,
            (KeyKind::Rsa, "PS256") => &signature::RSA_PSS_2048_8192_SHA256,
            _ => return false,
        };
        UnparsedPublicKey::new(verification, &self.bytes).verify(message, signature).is_ok()
    }

    /// `SubjectPublicKeyInfo` as PEM. Source: RFC 7468 §13.
    pub(super) fn pem(&self) -> String {
        let der = match self.kind {
            KeyKind::Ed25519 => [&ED25519_SPKI[..], &self.bytes].concat(),
            KeyKind::P256 => [&P256_SPKI[..], &self.bytes].concat(),
            // The lengths of a key of 2048 bits with the exponent 65537.
            KeyKind::Rsa => [&RSA_2048_SPKI[..], &self.bytes].concat(),
        };
        pem("PUBLIC KEY", &der)
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

const ED25519_PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 3,
    0x42, 0,
];
const RSA_2048_SPKI: [u8; 24] =
    [0x30, 0x82, 1, 0x22, 0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0, 3, 0x82, 1, 0x0f, 0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_halves_are_written_as_openssl_writes_them() {
        // Taken from the outputs of `openssl pkey -pubout`, apart from the key itself.
        for (kind, start) in [
            (KeyKind::Ed25519, "MCowBQYDK2VwAyEA"),
            (KeyKind::P256, "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"),
            (KeyKind::Rsa, "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"),
        ] {
            let key = Key::new(kind, &[1; 32], "gl").unwrap();
            assert!(key.public.pem().starts_with(&format!("-----BEGIN PUBLIC KEY-----\n{start}")), "{kind:?}");
        }
    }

    #[test]
    fn the_key_of_tokens_is_written_as_openssl_writes_it() {
        let public = Public::of(KeyKind::Rsa, &TOKENS_RSA.pair);
        assert_eq!(public.pem(), include_str!("keys/tokens-public.pem"));
    }

    #[test]
    fn a_seeded_key_is_the_same_again_and_another_for_another_owner() {
        let pem = |whose| Key::new(KeyKind::Ed25519, &[1; 32], whose).unwrap().private_pem.expose().to_owned();
        assert_eq!(pem("gl"), pem("gl"));
        assert_ne!(pem("gl"), pem("gl2"));
    }
}
