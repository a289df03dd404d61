//! Forged tokens: an issued JWT, spoilt in one way each. Nobody can make them hold, so a resource that takes one is open.
//!
//! The server under test decides; nothing here verifies. The same token is always spoilt in the same way.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use ring::{digest, hmac};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Map, Value, json};

use super::jwt::parts;

/// The same token under a header whose `alg` is `none` in some spelling, without a signature.
///
/// The other members of the header stay, so that a resource which looks at `typ` first still gets to the algorithm.
/// Source: RFC 7515 appendix A.5; RFC 7518 §3.6.
#[must_use]
pub fn unsigned(token: &str, spelling: &str) -> Option<String> {
    let [_, claims, _] = parts(token)?;
    let header = header(token, &[("alg", Some(spelling.into())), ("kid", None)])?;
    Some(format!("{header}.{claims}."))
}

/// A claim more, under the old signature.
#[must_use]
pub fn altered(token: &str) -> Option<String> {
    let [header, claims, signature] = parts(token)?;
    let mut claims = object(claims)?;
    claims.insert("grantlint".to_owned(), "altered".into());
    Some(format!("{header}.{}.{signature}", encoded(&claims)))
}

/// Another character in the middle of the signature: of the last one some bits do not count.
#[must_use]
pub fn flipped(token: &str) -> Option<String> {
    let [header, claims, signature] = parts(token)?;
    let mut bytes = signature.as_bytes().to_vec();
    let middle = bytes.len() / 2;
    let byte = bytes.get_mut(middle)?;
    *byte = if *byte == b'A' { b'B' } else { b'A' };
    Some(format!("{header}.{claims}.{}", String::from_utf8(bytes).ok()?))
}

/// Header and claims as they are, with an empty signature.
#[must_use]
pub fn stripped(token: &str) -> Option<String> {
    let [header, claims, _] = parts(token)?;
    Some(format!("{header}.{claims}."))
}

/// Header and claims as they are, with a made-up signature of the right length.
#[must_use]
pub fn resigned(token: &str) -> Option<String> {
    let [header, claims, signature] = parts(token)?;
    let length = URL_SAFE_NO_PAD.decode(signature).ok().filter(|bytes| !bytes.is_empty())?.len();
    let mut made = Vec::new();
    while made.len() < length {
        let block = format!("grantlint made this signature up: {} {token}", made.len());
        made.extend_from_slice(digest::digest(&digest::SHA256, block.as_bytes()).as_ref());
    }
    made.truncate(length);
    Some(format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(made)))
}

/// A `kid` that nobody has published; the signature stays and cannot hold.
#[must_use]
pub fn of_unknown_key(token: &str) -> Option<String> {
    let [_, claims, signature] = parts(token)?;
    let header = header(token, &[("kid", Some("grantlint-unknown".into()))])?;
    Some(format!("{header}.{claims}.{signature}"))
}

/// Signed with RS256 by a key that the header brings along.
///
/// Source: RFC 7515 §4.1.3 and §10.12.
#[must_use]
pub fn of_own_key(token: &str) -> Option<String> {
    let [_, claims, _] = parts(token)?;
    let public = PublicKeyComponents::<Vec<u8>>::from(FORGER.public());
    let jwk = json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode(public.n), "e": URL_SAFE_NO_PAD.encode(public.e)});
    let header = header(token, &[("alg", Some("RS256".into())), ("kid", None), ("jwk", Some(jwk))])?;
    let message = format!("{header}.{claims}");
    let mut signature = vec![0; FORGER.public().modulus_len()];
    FORGER.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).ok()?;
    Some(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// HS256 with the PEM text of the issuer's public key as the secret. `text` is the token, a space, and the JWK set.
///
/// Source: RFC 8725 §2.1.
#[must_use]
pub fn by_public_key(text: &str) -> Option<String> {
    let (token, set) = text.split_once(' ')?;
    let [old, claims, _] = parts(token)?;
    let set: Value = serde_json::from_str(set).ok()?;
    let kid = object(old)?.get("kid").cloned();
    let keys = || set["keys"].as_array().into_iter().flatten();
    let own = keys().find(|key| kid.is_some() && key.get("kid") == kid.as_ref());
    let pem = own.or_else(|| keys().find(|key| key["use"] != "enc")).and_then(public_pem)?;
    let header = header(token, &[("alg", Some("HS256".into()))])?;
    let message = format!("{header}.{claims}");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, pem.as_bytes()), message.as_bytes());
    Some(format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag)))
}

/// The token's header with other members, encoded; `None` for a value takes the member away.
fn header(token: &str, changes: &[(&str, Option<Value>)]) -> Option<String> {
    let mut header = object(parts(token)?[0])?;
    for (name, value) in changes {
        match value {
            Some(value) => drop(header.insert((*name).to_owned(), value.clone())),
            None => drop(header.shift_remove(*name)),
        }
    }
    Some(encoded(&header))
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn encoded(members: &Map<String, Value>) -> String {
    URL_SAFE_NO_PAD.encode(Value::from(members.clone()).to_string())
}

/// A public JWK as people have it in a file: PEM, lines of 64 characters, a line break at the end.
///
/// Source: RFC 7468 §13; RFC 7518 §6; RFC 8037 §2; the identifiers from RFC 3279 §2.3.1, RFC 5480 §2.1.1 and RFC 8410 §3.
fn public_pem(jwk: &Value) -> Option<String> {
    const RSA: &[u8] = &[0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
    const P256: &[u8] =
        &[0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    const P384: &[u8] = &[0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x22];
    const P521: &[u8] = &[0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x23];
    const ED25519: &[u8] = &[0x30, 5, 6, 3, 0x2b, 0x65, 0x70];
    let part = |name: &str| URL_SAFE_NO_PAD.decode(jwk.get(name)?.as_str()?).ok();
    let word = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
    let point = || Some([vec![4], part("x")?, part("y")?].concat());
    let (algorithm, key) = match (word("kty"), word("crv")) {
        ("RSA", _) => (RSA, der(SEQUENCE, &[integer(part("n")?), integer(part("e")?)].concat())),
        ("EC", "P-256") => (P256, point()?),
        ("EC", "P-384") => (P384, point()?),
        ("EC", "P-521") => (P521, point()?),
        ("OKP", "Ed25519") => (ED25519, part("x")?),
        _ => return None,
    };
    let bits = der(BIT_STRING, &[vec![0], key].concat());
    let text = STANDARD.encode(der(SEQUENCE, &[algorithm, &bits].concat()));
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    Some(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n")))
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const INTEGER: u8 = 0x02;

/// An unsigned number: a leading zero where the first bit would make it negative. Source: X.690 §8.3.
fn integer(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.first().is_none_or(|first| *first >= 0x80) {
        bytes.insert(0, 0);
    }
    der(INTEGER, &bytes)
}

/// One value with its tag and length. Source: X.690 §8.1 and §10.1.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length: Vec<u8> = content.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match length.as_slice() {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

/// Read once; the file is part of the program.
static FORGER: LazyLock<RsaKeyPair> = LazyLock::new(|| {
    let der = PrivatePkcs8KeyDer::from_pem_slice(include_bytes!("forger.pem")).expect("the file is PEM");
    RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("the file holds an RSA key")
});

#[cfg(test)]
mod tests {
    use super::*;

    /// The token of RFC 7515 appendix A.2, with a `kid` added to its header.
    fn token() -> String {
        let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "1"});
        let claims = json!({"iss": "joe", "exp": 1_300_819_380});
        let of = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{}", of(&header), of(&claims), URL_SAFE_NO_PAD.encode([7; 256]))
    }

    fn decoded(token: &str, nth: usize) -> Value {
        Value::from(object(parts(token).unwrap()[nth]).unwrap())
    }

    #[test]
    fn each_forgery_changes_what_it_says_and_nothing_else() {
        let token = token();
        let [header, claims, signature] = parts(&token).unwrap();
        let none = unsigned(&token, "nOnE").unwrap();
        assert_eq!(decoded(&none, 0), json!({"alg": "nOnE", "typ": "at+jwt"}));
        assert_eq!(parts(&none).unwrap()[1..], [claims, ""]);
        let longer = altered(&token).unwrap();
        assert_eq!(decoded(&longer, 1), json!({"iss": "joe", "exp": 1_300_819_380, "grantlint": "altered"}));
        assert_eq!((parts(&longer).unwrap()[0], parts(&longer).unwrap()[2]), (header, signature));
        assert_eq!(stripped(&token).unwrap(), format!("{header}.{claims}."));
        let unknown = of_unknown_key(&token).unwrap();
        assert_eq!(decoded(&unknown, 0)["kid"], "grantlint-unknown");
        assert_eq!(parts(&unknown).unwrap()[1..], [claims, signature]);
        for made in [flipped(&token).unwrap(), resigned(&token).unwrap()] {
            let [own_header, own_claims, own] = parts(&made).unwrap();
            assert_eq!((own_header, own_claims, own.len()), (header, claims, signature.len()));
            assert_ne!(URL_SAFE_NO_PAD.decode(own).unwrap(), URL_SAFE_NO_PAD.decode(signature).unwrap());
        }
        for none in [
            unsigned("opaque", "none"),
            altered("three.parts.opaque"),
            flipped("a.b."),
            resigned("a.b."),
            by_public_key("a.b.c"),
        ] {
            assert_eq!(none, None);
        }
    }

    #[test]
    fn a_token_of_the_forgers_key_holds_by_the_key_in_its_header() {
        let made = of_own_key(&token()).unwrap();
        let [header, claims, signature] = parts(&made).unwrap();
        let part = |name: &str| URL_SAFE_NO_PAD.decode(decoded(&made, 0)["jwk"][name].as_str().unwrap()).unwrap();
        let key = PublicKeyComponents { n: part("n"), e: part("e") };
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let algorithm = &ring::signature::RSA_PKCS1_2048_8192_SHA256;
        key.verify(algorithm, format!("{header}.{claims}").as_bytes(), &signature).unwrap();
    }

    /// What `openssl pkey -pubout` writes of the same keys.
    #[test]
    fn public_keys_are_written_as_openssl_writes_them() {
        let public = PublicKeyComponents::<Vec<u8>>::from(FORGER.public());
        let jwk = json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode(public.n), "e": URL_SAFE_NO_PAD.encode(public.e)});
        assert_eq!(public_pem(&jwk).as_deref(), Some(OPENSSL_RSA));
        let ed25519 = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        assert_eq!(public_pem(&ed25519).as_deref(), Some(OPENSSL_ED25519));
        let p256 = json!({
            "kty": "EC", "crv": "P-256",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        });
        assert_eq!(public_pem(&p256).as_deref(), Some(OPENSSL_P256));
    }

    const OPENSSL_RSA: &str = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArD77tQKkMsFU+lTZL+nJ\n17C+GXDXdT00eSrLc97FWUkswtaovQWg+OfbhCfMhyAj8vtypvhB/HHO/njdIr3x\na3T3JWTwlMqbORGTTh5nQLN4LlANeGXcpbSOImomT2FQnlVC8or7oP5tUlDTOHx1\nGwIObbNOBv0mtlKEl0adIS1D66MwAnjleXZv3LupqAWjrTfJu2AY7uTyuJy1YmOC\n2lcfqHrHnRx0ehfgdQXfrEWiSNM7Stsd8f4Ag/woJ09RvT1YsRG768loCJiChA5b\nLWcainTZeDyLdj16lJBxxmpGpsRnvkfkL0nUIJ6iduXhtnOH12jJmX30HaJnyE91\nzQIDAQAB\n-----END PUBLIC KEY-----\n";
    const OPENSSL_ED25519: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    const OPENSSL_P256: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMKBCTNIcKUSDii11ySs3526iDZ8A\niTo7Tu6KPAqv7D7gS2XpJFbZiItSs3m9+9Ue6GnvHw/GW2ZZaVtszggXIw==\n-----END PUBLIC KEY-----\n";
}
