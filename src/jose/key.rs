//! Private keys as people have them: PEM or JWK.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RsaKeyPair, UnparsedPublicKey,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::{Algorithm, der, jwk};

/// A private key. It signs; it cannot be printed or taken out again.
pub struct SigningKey(pub(super) Pair);

pub(super) enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why a text is no key that can sign. The text itself is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither PEM nor JSON.
    #[error("neither a PEM text nor a JWK")]
    Unknown,
    /// A public key or a certificate.
    #[error("a public key, which cannot sign")]
    Public,
    /// A key under a passphrase.
    #[error("a key under a passphrase")]
    Encrypted,
    /// A JWK lacks a member.
    #[error("a JWK without `{0}`")]
    Lacks(&'static str),
    /// A type or curve that is not used here.
    #[error("a key of the kind `{0}`")]
    Kind(String),
    /// The library refuses it; its own word, which holds nothing of the key.
    #[error("a key that cannot be used ({0})")]
    Refused(String),
}

impl KeyError {
    /// What the user can do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unknown => "a PEM file begins with `-----BEGIN PRIVATE KEY-----`; a JWK is a JSON object with `kty`",
            Self::Public | Self::Lacks(_) => "name the file that holds the private key",
            Self::Encrypted => "take the passphrase away: `openssl pkcs8 -in key.pem -nodes -out plain.pem`, kept safe",
            Self::Kind(_) | Self::Refused(_) => "RSA of 2048 to 4096 bits, P-256, P-384 and Ed25519 can be used",
        }
    }
}

impl SigningKey {
    /// Reads a key: PEM of PKCS #8, PKCS #1 or SEC 1, or a JWK. `\n` written out counts as a line break, as variables of CI
    /// systems have it.
    ///
    /// # Errors
    /// What it is instead; never the text.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.starts_with('{') {
            return jwk::read(text);
        }
        if !text.contains("-----BEGIN") {
            return Err(KeyError::Unknown);
        }
        if text.contains("ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        let text = if text.contains('\n') { text.to_owned() } else { text.replace("\\n", "\n") };
        match PrivateKeyDer::from_pem_slice(text.as_bytes()) {
            Ok(PrivateKeyDer::Pkcs1(key)) => {
                RsaKeyPair::from_der(key.secret_pkcs1_der()).map(Pair::Rsa).map(Self).map_err(refused)
            }
            Ok(PrivateKeyDer::Sec1(key)) => {
                let sec1 = key.secret_sec1_der();
                [der::EC_P256, der::EC_P384]
                    .into_iter()
                    .find_map(|curve| of_pkcs8(&der::pkcs8(curve, sec1)).ok())
                    .ok_or_else(|| KeyError::Kind("EC".into()))
            }
            Ok(PrivateKeyDer::Pkcs8(key)) => of_pkcs8(key.secret_pkcs8_der()),
            _ if text.contains("PUBLIC KEY") || text.contains("CERTIFICATE") => Err(KeyError::Public),
            _ => Err(KeyError::Unknown),
        }
    }

    /// What it signs with unless something else is asked for.
    ///
    /// Source: RFC 7518 §3.1, where each of them is required or recommended for its kind of key; RFC 8037 §3.1.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Pair::Rsa(_) => Algorithm::Rs256,
            Pair::P256(_) => Algorithm::Es256,
            Pair::P384(_) => Algorithm::Es384,
            Pair::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// Whether it can sign with an algorithm.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        match &self.0 {
            Pair::Rsa(_) => algorithm.rsa().is_some(),
            _ => algorithm == self.algorithm(),
        }
    }

    /// The signature of a message; `None` if the algorithm does not fit or there are no random bytes.
    #[must_use]
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        if !self.fits(algorithm) {
            return None;
        }
        match &self.0 {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(algorithm.rsa()?, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Pair::P256(pair) | Pair::P384(pair) => Some(pair.sign(&random, message).ok()?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// Whether it has signed a message so; `false` too if the algorithm does not fit.
    #[must_use]
    pub fn has_signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let Some(verification) = algorithm.verification().filter(|_| self.fits(algorithm)) else { return false };
        let public = match &self.0 {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::P256(pair) | Pair::P384(pair) => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
        };
        UnparsedPublicKey::new(verification, public).verify(message, signature).is_ok()
    }

    /// The public half as PEM, with a line break at its end.
    #[must_use]
    pub fn public_pem(&self) -> String {
        let der = match &self.0 {
            Pair::Rsa(pair) => der::public(der::RSA, pair.public_key().as_ref()),
            Pair::P256(pair) => der::public(der::EC_P256, pair.public_key().as_ref()),
            Pair::P384(pair) => der::public(der::EC_P384, pair.public_key().as_ref()),
            Pair::Ed25519(pair) => der::public(der::ED25519, pair.public_key().as_ref()),
        };
        let text = STANDARD.encode(der);
        let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    /// The public half as a JWK.
    ///
    /// Source: RFC 7517 §4, RFC 7518 §6, RFC 8037 §2.
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = |curve: &str, point: &[u8]| {
            // An uncompressed point: 0x04, x, y.
            let (x, y) = point[1..].split_at((point.len() - 1) / 2);
            json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)})
        };
        match &self.0 {
            Pair::Rsa(pair) => {
                let key = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "n": text(&key.n), "e": text(&key.e)})
            }
            Pair::P256(pair) => point("P-256", pair.public_key().as_ref()),
            Pair::P384(pair) => point("P-384", pair.public_key().as_ref()),
            Pair::Ed25519(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())}),
        }
    }
}

fn of_pkcs8(der: &[u8]) -> Result<SigningKey, KeyError> {
    let random = SystemRandom::new();
    let p256 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random).map(Pair::P256);
    let p384 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der, &random).map(Pair::P384);
    // OpenSSL leaves the public key out, which the stricter form of this function would refuse.
    let ed25519 = || Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Pair::Ed25519);
    let rsa = |_| RsaKeyPair::from_pkcs8(der).map(Pair::Rsa);
    p256().or_else(|_| p384()).or_else(|_| ed25519()).or_else(rsa).map(SigningKey).map_err(refused)
}

pub(super) fn refused(error: ring::error::KeyRejected) -> KeyError {
    KeyError::Refused(error.to_string())
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.algorithm().name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSA: &str = include_str!("../../tests/keys/rsa-pkcs8.pem");
    const P256: &str = include_str!("../../tests/keys/p256-pkcs8.pem");
    const ED25519: &str = include_str!("../../tests/keys/ed25519.pem");

    #[test]
    fn every_form_of_a_key_is_read_and_its_signatures_hold() {
        let table = [
            (RSA, Algorithm::Rs256),
            (include_str!("../../tests/keys/rsa-pkcs1.pem"), Algorithm::Rs256),
            (include_str!("../../tests/keys/rsa.jwk"), Algorithm::Rs256),
            (include_str!("../../tests/keys/p256.jwk"), Algorithm::Es256),
            (RSA, Algorithm::Ps256),
            (RSA, Algorithm::Rs512),
            (P256, Algorithm::Es256),
            (include_str!("../../tests/keys/p256-sec1.pem"), Algorithm::Es256),
            (include_str!("../../tests/keys/p384-sec1.pem"), Algorithm::Es384),
            (ED25519, Algorithm::EdDsa),
        ];
        for (text, algorithm) in table {
            let key = SigningKey::read(text).unwrap();
            let mut signature = key.sign(algorithm, b"message").unwrap();
            assert!(key.has_signed(algorithm, b"message", &signature), "{algorithm:?}");
            assert!(!key.has_signed(algorithm, b"another message", &signature), "{algorithm:?}");
            assert!(!key.has_signed(Algorithm::Hs256, b"message", &signature), "{algorithm:?}");
            let middle = signature.len() / 2;
            signature[middle] ^= 1;
            assert!(!key.has_signed(algorithm, b"message", &signature), "{algorithm:?}");
            assert!(key.sign(Algorithm::Hs256, b"message").is_none());
        }
    }

    #[test]
    fn line_breaks_may_be_written_out() {
        assert!(SigningKey::read(&P256.replace('\n', "\\n")).is_ok());
    }

    #[test]
    fn what_is_no_private_key_is_said_without_repeating_it() {
        let table = [
            ("s3cret", KeyError::Unknown),
            ("-----BEGIN NONSENSE-----\nAAAA\n-----END NONSENSE-----", KeyError::Unknown),
            (include_str!("../../tests/keys/public.pem"), KeyError::Public),
            (include_str!("../../tests/keys/encrypted.pem"), KeyError::Encrypted),
            (r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#, KeyError::Public),
            (r#"{"kty":"EC","crv":"P-256","y":"AA","d":"AA"}"#, KeyError::Lacks("x")),
            (r#"{"kty":"EC","crv":"P-521","x":"AA","y":"AA","d":"AA"}"#, KeyError::Kind("P-521".into())),
            (r#"{"kty":"oct","k":"AA","d":"AA"}"#, KeyError::Kind("oct".into())),
        ];
        for (text, error) in table {
            assert_eq!(SigningKey::read(text).unwrap_err(), error);
        }
    }

    /// The key of RFC 8037 appendix A.1, and its signature of appendix A.4.
    #[test]
    fn the_example_of_rfc_8037_comes_out() {
        let key = SigningKey::read(
            r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        )
        .unwrap();
        let signature =
            key.sign(Algorithm::EdDsa, b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc").unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
        assert_eq!(key.public_jwk()["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    }

    #[test]
    fn a_public_half_reads_as_a_public_key() {
        let key = SigningKey::read(P256).unwrap();
        let expected = include_str!("../../tests/keys/public.pem");
        assert!(expected.ends_with(&key.public_pem()));
        assert_eq!(SigningKey::read(&key.public_jwk().to_string()).unwrap_err(), KeyError::Public);
    }

    #[test]
    fn a_key_shows_its_kind_alone() {
        assert_eq!(format!("{:?}", SigningKey::read(ED25519).unwrap()), "SigningKey(EdDSA)");
    }
}
