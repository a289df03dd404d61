//! JSON Web Tokens that an exchange signs: client assertions, JWT grants, and spoilt ones.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A JWT. Without any key it is the ordinary one of whoever signs it, made anew for each request.
///
/// Source: RFC 7523 §3.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Jwt {
    /// Whose key and ordinary claims; below `authenticate`, those of `as`.
    pub of: Option<Signer>,
    /// Laid over the ordinary claims `iss`, `sub`, `aud`, `exp`, `iat` and `jti`; `absent` leaves one out.
    pub claims: Map<String, Value>,
    /// Claims that are written once more behind the others, with these values: a map cannot hold a name twice.
    pub again: Map<String, Value>,
    /// Laid over the ordinary header `alg`, `typ` and, if the target names one, `kid`; `absent` leaves one out.
    pub header: Map<String, Value>,
    /// How it is signed.
    pub sign: Sign,
    /// How it is written.
    pub form: Form,
}

/// Who signs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signer {
    /// `client` of the target.
    #[default]
    Client,
    /// `second_client` of the target.
    SecondClient,
    /// `assertion_grant` of the target.
    AssertionGrant,
}

impl Signer {
    /// The member of the target.
    #[must_use]
    pub fn member(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::SecondClient => "second_client",
            Self::AssertionGrant => "assertion_grant",
        }
    }
}

/// How a JWT is signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// As the target says.
    #[default]
    Right,
    /// `alg: none`, and no signature (RFC 7515 appendix A.5).
    None,
    /// One bit of the signature is another.
    Altered,
    /// HS256, with the public key's PEM text as the secret (RFC 8725 §2.1).
    PublicKeyAsSecret,
    /// ES256 with a made-up key, which the header holds in `jwk` (RFC 8725 §3.10).
    EmbeddedKey,
}

/// How a JWT is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Three parts in base64url (RFC 7515 §3.1).
    #[default]
    Compact,
    /// The third part and its dot are left out.
    TwoParts,
    /// The claims are written as they are and not in base64url; the signature is over what is written.
    ClaimsPlain,
}
