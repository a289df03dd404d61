//! The client's id and secret, where a method of authentication wants them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;
use url::form_urlencoded;

use super::request::{Resolve, text};
use crate::exchange::Authorization;
use crate::suite::files::{Authenticate, By, Who};
use crate::suite::reference::{self, Missing};
use crate::target::Target;

/// How id and secret are joined for HTTP Basic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Joined {
    /// Each form-encoded first (RFC 6749 §2.3.1).
    #[default]
    FormEncoded,
    /// As they are (RFC 7617 §2).
    Raw,
}

/// Who asks.
pub(super) struct Credentials {
    pub(super) client_id: String,
    pub(super) client_secret: Option<String>,
    /// Shell variable for `curl`; `None` when the secret is not the target's.
    pub(super) variable: Option<&'static str>,
}

/// Puts credentials where the method wants them; answers the facts about a Basic header.
pub(super) fn authenticated(
    by: By,
    credentials: Credentials,
    joined: Joined,
    params: &mut Vec<(String, Value)>,
    headers: &mut Vec<(String, String)>,
) -> Option<Authorization> {
    let secret = credentials.client_secret.unwrap_or_default();
    let id = credentials.client_id;
    let (joined, standard) = match by {
        By::None | By::Post => {
            params.push(("client_id".into(), id.into()));
            if by == By::Post {
                params.push(("client_secret".into(), secret.into()));
            }
            return None;
        }
        By::Basic | By::BasicLowerCase => (joined, true),
        By::BasicFormEncoded => (Joined::FormEncoded, true),
        By::BasicRaw => (Joined::Raw, true),
        By::BasicUrlSafe => (Joined::Raw, false),
    };
    if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
        // The exchange's own field counts, and these facts would not be true of it.
        return None;
    }
    let raw = format!("{id}:{secret}");
    let form = format!("{}:{}", form_encode(&id), form_encode(&secret));
    let pair = if joined == Joined::Raw { &raw } else { &form };
    let (in_standard, in_url_safe) = (STANDARD.encode(pair), URL_SAFE.encode(pair));
    let alphabet = match (in_standard == in_url_safe, standard) {
        (true, _) => "either",
        (false, true) => "standard",
        (false, false) => "url-safe",
    };
    let encoding = match (raw == form, joined) {
        (true, _) => "either",
        (false, Joined::FormEncoded) => "form",
        (false, Joined::Raw) => "raw",
    };
    let scheme = if by == By::BasicLowerCase { "basic" } else { "Basic" };
    let value = format!("{scheme} {}", if standard { in_standard } else { in_url_safe });
    headers.insert(0, ("Authorization".into(), value));
    Some(Authorization {
        scheme: "basic".into(),
        client_id: Some(id),
        alphabet: Some(alphabet),
        encoding: Some(encoding),
        secret: credentials.variable,
    })
}

/// Whose id and secret, from the target, the exchange or thin air.
///
/// # Errors
/// The target has no such client.
pub(super) fn credentials(
    authenticate: &Authenticate,
    target: &Target,
    resolve: Resolve<'_>,
) -> Result<Credentials, Missing> {
    let (place, variable) = match authenticate.who {
        Who::Client => ("client", "CLIENT_SECRET"),
        Who::SecondClient => ("second_client", "SECOND_CLIENT_SECRET"),
        Who::PublicClient => ("public_client", ""),
        Who::ResourceServer if target.claims("resource_server") => ("resource_server", "RESOURCE_SERVER_SECRET"),
        Who::ResourceServer => ("client", "CLIENT_SECRET"),
        Who::Stranger => ("", ""),
    };
    let mut filled = |own: &Option<String>| -> Result<Option<String>, Missing> {
        own.as_ref().map(|given| Ok(text(reference::fill(&Value::String(given.clone()), resolve)?))).transpose()
    };
    let own_id = filled(&authenticate.client_id)?;
    let own_secret = filled(&authenticate.client_secret)?;
    let variable = (own_secret.is_none() && !variable.is_empty()).then_some(variable);
    let (client_id, client_secret) = if authenticate.who == Who::Stranger {
        let mut made_up = |kind: &str| -> Result<String, Missing> {
            Ok(text(reference::fill(&Value::String(format!("${{random.{kind}}}")), resolve)?))
        };
        (format!("grantlint-{}", made_up("hex32")?), Some(made_up("hex32")?))
    } else {
        let id =
            target.text(&format!("{place}.client_id")).ok_or_else(|| Missing::Claim(format!("{place}.client_id")))?;
        (id, target.text(&format!("{place}.client_secret")))
    };
    Ok(Credentials { client_id: own_id.unwrap_or(client_id), client_secret: own_secret.or(client_secret), variable })
}

fn form_encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The method that the target names first.
pub(super) fn first_method(target: &Target, credentials: &Credentials) -> By {
    match target.public["token_endpoint_auth_methods"][0].as_str() {
        _ if credentials.client_secret.is_none() => By::None,
        Some("client_secret_post") => By::Post,
        Some("none") => By::None,
        _ => By::Basic,
    }
}
