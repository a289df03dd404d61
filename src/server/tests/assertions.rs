//! Requests with JWTs, signed here and not by the code under test.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use ring::{digest, hmac};
use serde_json::{Value, json};

use super::*;

/// One JWT that is right but for what a probe changes.
struct Jwt {
    whose: &'static str,
    header: Value,
    claims: Value,
    /// Claims behind the others, as they are written.
    more: &'static str,
}

impl Jwt {
    fn of(whose: &'static str, now: u64) -> Self {
        let subject = if whose == "gl" { whose } else { "alice" };
        let claims =
            json!({ "iss": whose, "sub": subject, "aud": "http://as/token", "exp": now + 120, "iat": now, "jti": "1" });
        Self { whose, header: json!({ "alg": "EdDSA", "typ": "JWT" }), claims, more: "" }
    }

    fn with(mut self, claim: &str, value: Value) -> Self {
        self.claims[claim] = value;
        self
    }

    fn without(mut self, claim: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(claim);
        self
    }

    fn header(mut self, header: Value) -> Self {
        self.header = header;
        self
    }

    fn message(&self) -> String {
        let claims = self.claims.to_string();
        let claims = format!("{}{}}}", &claims[..claims.len() - 1], self.more);
        format!("{}.{}", URL_SAFE_NO_PAD.encode(self.header.to_string()), URL_SAFE_NO_PAD.encode(claims))
    }

    fn key(&self) -> Ed25519KeyPair {
        // As the server makes it from its seed.
        let seed = digest::digest(&digest::SHA256, &[&[0; 32][..], self.whose.as_bytes()].concat());
        Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).unwrap()
    }

    fn signed(&self) -> String {
        let message = self.message();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(self.key().sign(message.as_bytes())))
    }

    /// HS256, with the PEM text of the public key as the secret.
    fn with_mac(&self) -> String {
        let key = self.key();
        let der = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], key.public_key().as_ref()];
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.concat()));
        let message = self.message();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, pem.as_bytes()), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
    }
}

/// A JWT under a key of its own, which its header holds.
fn with_own_key(jwt: Jwt) -> String {
    let random = SystemRandom::new();
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &random).unwrap();
    let point = pair.public_key().as_ref();
    let part = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": part(1), "y": part(33) });
    let message = jwt.header(json!({ "alg": "ES256", "jwk": jwk })).message();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(pair.sign(&random, message.as_bytes()).unwrap()))
}

/// The probes, for a clock that stands at `now` seconds.
pub(super) fn probes(now: u64) -> Vec<(&'static str, Request)> {
    let own = || Jwt::of("gl", now);
    let foreign = || Jwt::of("https://idp.example", now);
    let post = |body: String| form("/token", "", &body);
    let typed = |assertion: &str, more: &str| {
        post(format!(
            "grant_type=client_credentials&client_assertion={assertion}&client_assertion_type=urn:ietf:params:oauth:\
             client-assertion-type:jwt-bearer{more}"
        ))
    };
    let sent = |assertion: String| typed(&assertion, "&client_id=gl");
    let granted = |authorization: &str, assertion: String| {
        let grant_type = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer";
        form("/token", authorization, &format!("{grant_type}&assertion={assertion}"))
    };
    let altered = own().signed();
    let altered = format!("{}AAAA{}", &altered[..altered.len() - 40], &altered[altered.len() - 36..]);
    let secret = json!({ "alg": "HS256", "typ": "JWT" });
    let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    vec![
        ("assertion", sent(own().signed())),
        ("assertion once more", sent(own().signed())),
        ("assertion, no client_id", typed(&own().signed(), "")),
        ("assertion, other client_id", typed(&own().signed(), "&client_id=gl2")),
        ("assertion, no type", post(format!("grant_type=client_credentials&client_assertion={}", own().signed()))),
        (
            "assertion, other type",
            post(format!(
                "grant_type=client_credentials&client_assertion_type={saml}&client_assertion={}",
                own().signed()
            )),
        ),
        ("assertion, secret beside it", typed(&own().signed(), "&client_id=gl&client_secret=x")),
        ("assertion, two", sent(format!("{0}+{0}", own().signed()))),
        ("assertion, two parts", sent(own().message())),
        ("assertion, exp twice", sent(Jwt { more: r#","exp":1"#, ..own() }.signed())),
        ("assertion, crit", sent(own().header(json!({ "alg": "EdDSA", "typ": "JWT", "crit": ["x"] })).signed())),
        ("assertion, altered", sent(altered)),
        ("assertion, alg none", sent(format!("{}.", own().header(json!({ "alg": "none" })).message()))),
        ("assertion, public key as secret", sent(own().header(secret).with_mac())),
        ("assertion, own key", sent(with_own_key(own()))),
        ("assertion, other iss", sent(own().with("iss", json!("x")).signed())),
        ("assertion, upper iss", sent(own().with("iss", json!("GL")).signed())),
        ("assertion, no sub", sent(own().without("sub").signed())),
        ("assertion, other aud", sent(own().with("aud", json!("https://x")).signed())),
        ("assertion, longer aud", sent(own().with("aud", json!("http://as/to")).signed())),
        ("assertion, issuer aud", sent(own().with("aud", json!("http://as")).signed())),
        ("assertion, no aud", sent(own().without("aud").signed())),
        ("assertion, no exp", sent(own().without("exp").signed())),
        ("assertion, expired", sent(own().with("exp", json!(now - 3600)).signed())),
        ("assertion, exp as text", sent(own().with("exp", json!((now + 60).to_string())).signed())),
        ("assertion, far exp", sent(own().with("exp", json!(now + 7200)).signed())),
        ("assertion, early", sent(own().with("nbf", json!(now + 3600)).signed())),
        ("assertion, no typ", sent(own().header(json!({ "alg": "EdDSA" })).signed())),
        ("jwt grant", granted("", foreign().signed())),
        ("jwt grant, expired", granted("", foreign().with("exp", json!(now - 3600)).signed())),
        ("jwt grant, stranger", granted(&basic("stranger:x"), foreign().signed())),
    ]
}
