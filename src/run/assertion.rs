//! Client assertions and JWT grants: ordinary ones, and spoilt ones for probes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Map, Value, json};

use super::request::{Resolve, text};
use crate::jose::{Algorithm, MADE_UP, SigningKey};
use crate::suite::files::{By, Form, Jwt, Sign};
use crate::suite::reference::{self, Missing};
use crate::target::Target;

/// The registered type of client assertions. Source: RFC 7523 §2.2.
pub(super) const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long an assertion is good, in seconds: long enough for clocks that differ, short enough for servers with a limit.
const LIFE: i64 = 120;

/// Who signs, with what.
pub(super) struct Signing<'s> {
    /// The member of the target that speaks of the key.
    member: &'static str,
    issuer: String,
    subject: String,
    audience: String,
    key_id: Option<String>,
    with: With<'s>,
}

enum With<'s> {
    Key(&'s SigningKey, Algorithm),
    Secret(String, Algorithm),
}

impl<'s> Signing<'s> {
    /// Whoever a member of the target describes; `by` picks between key and secret of a client.
    ///
    /// # Errors
    /// The target has no such member, or nothing to sign with.
    pub(super) fn of(target: &'s Target, member: &'static str, by: Option<By>) -> Result<Self, Missing> {
        let own = |name: &str| target.text(&format!("{member}.{name}"));
        let needed = |name: &str| own(name).ok_or_else(|| Missing::Claim(format!("{member}.{name}")));
        let grant = member == "assertion_grant";
        let (issuer, subject) =
            if grant { (needed("issuer")?, needed("subject")?) } else { (needed("client_id")?, needed("client_id")?) };
        let audience = own(if grant { "audience" } else { "assertion_audience" });
        let audience = audience.or_else(|| target.text("token_endpoint"));
        let named = own(if grant { "algorithm" } else { "assertion_algorithm" });
        let named = named.and_then(|name| Algorithm::of_name(&name));
        let secret = own("client_secret").filter(|_| match by {
            Some(By::PrivateKeyJwt) => false,
            Some(By::ClientSecretJwt) => true,
            _ => !prefers_key(target, member),
        });
        let with = match (target.key(member), secret) {
            (_, Some(secret)) => With::Secret(secret, named.filter(|named| named.is_mac()).unwrap_or(Algorithm::Hs256)),
            (Some(key), None) => {
                With::Key(key, named.filter(|named| key.fits(*named)).unwrap_or_else(|| key.algorithm()))
            }
            (None, None) => return Err(Missing::Claim(format!("{member}.private_key"))),
        };
        let key_id = own("key_id").filter(|_| matches!(with, With::Key(..)));
        Ok(Self { member, issuer, subject, audience: audience.unwrap_or_default(), key_id, with })
    }

    /// Signs.
    ///
    /// # Errors
    /// A value that is not there, or a spoilt form that this key cannot make.
    pub(super) fn jwt(&self, spec: &Jwt, resolve: Resolve<'_>) -> Result<String, Missing> {
        let made_up = match spec.sign {
            Sign::EmbeddedKey => Some(SigningKey::read(MADE_UP).map_err(|error| self.cannot(&error.to_string()))?),
            _ => None,
        };
        let algorithm = match (&self.with, spec.sign) {
            (_, Sign::None) => "none",
            (_, Sign::PublicKeyAsSecret) => Algorithm::Hs256.name(),
            (_, Sign::EmbeddedKey) => Algorithm::Es256.name(),
            (With::Key(_, algorithm) | With::Secret(_, algorithm), _) => algorithm.name(),
        };
        let mut header = Map::from_iter([("alg".to_owned(), algorithm.into()), ("typ".to_owned(), "JWT".into())]);
        header.extend(self.key_id.clone().map(|key_id| ("kid".to_owned(), key_id.into())));
        if let Some(key) = &made_up {
            header.insert("jwk".into(), key.public_jwk());
            header.shift_remove("kid");
        }
        laid_over(&mut header, &spec.header, resolve)?;
        let claims = self.claims(spec, resolve)?;
        let (header, claims) = (Value::Object(header).to_string(), claims);
        let claims = if spec.form == Form::ClaimsPlain { claims } else { URL_SAFE_NO_PAD.encode(claims) };
        let message = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header));
        if spec.form == Form::TwoParts {
            return Ok(message);
        }
        let signature = self.signature(spec.sign, made_up.as_ref(), message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The claims as JSON text. Source: RFC 7523 §3.
    fn claims(&self, spec: &Jwt, resolve: Resolve<'_>) -> Result<String, Missing> {
        let mut drawn = |text: &str| reference::fill(&Value::String(text.to_owned()), resolve);
        let now = drawn("${now}")?.as_i64().unwrap_or_default();
        let ordinary = json!({
            "iss": self.issuer, "sub": self.subject, "aud": self.audience,
            "exp": now + LIFE, "iat": now, "jti": text(drawn("${random.unique}")?),
        });
        let mut claims = ordinary.as_object().cloned().unwrap_or_default();
        laid_over(&mut claims, &spec.claims, resolve)?;
        let mut again = Map::new();
        laid_over(&mut again, &spec.again, resolve)?;
        let members = claims.iter().chain(&again).map(|(name, value)| format!("{}:{value}", json!(name)));
        Ok(format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
    }

    fn signature(&self, sign: Sign, made_up: Option<&SigningKey>, message: &[u8]) -> Result<Vec<u8>, Missing> {
        let mac = |algorithm: hmac::Algorithm, secret: &str| {
            hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), message).as_ref().to_vec()
        };
        let right = match (&self.with, sign) {
            (_, Sign::None) => return Ok(Vec::new()),
            (With::Key(key, _), Sign::PublicKeyAsSecret) => Some(mac(hmac::HMAC_SHA256, &key.public_pem())),
            (With::Secret(..), Sign::PublicKeyAsSecret) => None,
            (_, Sign::EmbeddedKey) => made_up.and_then(|key| key.sign(Algorithm::Es256, message)),
            (With::Key(key, algorithm), _) => key.sign(*algorithm, message),
            (With::Secret(secret, algorithm), _) => algorithm.hmac().map(|algorithm| mac(algorithm, secret)),
        };
        let mut signature = right.ok_or_else(|| self.cannot("this key cannot sign so"))?;
        if sign == Sign::Altered {
            // In the middle: what stands at the end may be unused bits.
            let middle = signature.len() / 2;
            signature.get_mut(middle).into_iter().for_each(|byte| *byte ^= 1);
        }
        Ok(signature)
    }

    fn cannot(&self, why: &str) -> Missing {
        Missing::Prerequisite { blocked_by: None, reason: format!("no JWT of `{}`: {why}", self.member) }
    }
}

/// Whether the key and not the secret signs, where a client has both: by the method that the target names first.
fn prefers_key(target: &Target, member: &str) -> bool {
    let methods = target.public["token_endpoint_auth_methods"].as_array().into_iter().flatten();
    let first = methods.filter_map(Value::as_str).find(|method| {
        let has = |name: &str| target.text(&format!("{member}.{name}")).is_some();
        *method == "private_key_jwt" && target.key(member).is_some()
            || *method == "client_secret_jwt" && has("client_secret")
    });
    target.key(member).is_some() && first != Some("client_secret_jwt")
}

/// Lays members over others; `absent` leaves one out.
fn laid_over(under: &mut Map<String, Value>, over: &Map<String, Value>, resolve: Resolve<'_>) -> Result<(), Missing> {
    for (name, value) in over {
        if value.as_str() == Some("absent") {
            under.shift_remove(name);
        } else {
            under.insert(name.clone(), reference::fill(value, resolve)?);
        }
    }
    Ok(())
}
