//! Registration: clients that register themselves, and delete themselves again.

use serde_json::{Map, Value, json};
use url::Url;

use super::authorize::hex;
use super::endpoints::Turn;
use super::flow::Flow;
use super::message::{Reply, Request};
use super::setup::{REGISTER, Setup};
use super::{Policy, Rule, errors};

/// Whether a path is the registration endpoint, or that of one registered client (RFC 7592 §2).
pub(super) fn serves(setup: &Setup, path: &str) -> bool {
    let own = path.strip_prefix(REGISTER).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    own && !setup.makes(Policy::RegistrationAbsent)
}

/// Answers there. What is registered is a name and a redirect URI: nobody logs in to such a client.
///
/// Source: RFC 7591 §3, RFC 7592 §2.3.
pub(super) fn answer(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let client_id = request.path.strip_prefix(REGISTER).and_then(|rest| rest.strip_prefix('/'));
    match (client_id, request.method.as_str()) {
        (Some(client_id), "DELETE") => delete(client_id, request, turn),
        (Some(_), _) => Err(errors::method_not_allowed("DELETE")),
        (None, "POST") => register(request, turn),
        (None, _) => Err(errors::method_not_allowed("POST")),
    }
}

fn register(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    if setup.makes(Policy::RegistrationClosed) {
        return Err(unknown_bearer(setup));
    }
    let sent: Option<Map<String, Value>> = serde_json::from_slice(&request.body).ok();
    let Some(sent) = sent.filter(|_| request.media_type().as_deref() == Some("application/json")) else {
        return Err(errors::error(setup, "invalid_client_metadata", "the body is no JSON object"));
    };
    let listed = sent.get("redirect_uris").and_then(Value::as_array);
    if !listed.is_some_and(|uris| !uris.is_empty() && uris.iter().all(|uri| fits(uri, setup))) {
        return Err(errors::error(setup, "invalid_redirect_uri", "a redirect URI is missing or not allowed"));
    }
    let chosen = sent.get("client_id").and_then(Value::as_str).filter(|_| !setup.keeps(Rule::RegistrationIdOwn));
    let client_id = chosen.map_or_else(|| hex(&turn.state.draw()[..16]), str::to_owned);
    let token = hex(&turn.state.draw());
    let mut members = json!({ "client_id": client_id, "client_id_issued_at": turn.now_ms / 1000 });
    for name in ["client_name", "redirect_uris", "grant_types", "response_types", "token_endpoint_auth_method"] {
        if let Some(value) = sent.get(name) {
            members[name] = value.clone();
        }
    }
    if sent.get("token_endpoint_auth_method").and_then(Value::as_str) != Some("none") {
        members["client_secret"] = hex(&turn.state.draw()).into();
        members["client_secret_expires_at"] = 0.into();
    }
    if !setup.makes(Policy::RegistrationUnmanaged) {
        members["registration_client_uri"] = format!("{}{REGISTER}/{client_id}", setup.origin).into();
        members["registration_access_token"] = token.as_str().into();
        Flow::put(&mut turn.state.flow.registered, client_id, token);
    }
    Ok(Reply::json("registration.created", 201, members.as_object().cloned().unwrap_or_default()))
}

/// An absolute URI without a fragment; of schemes for apps those that have an owner. Source: RFC 6749 §3.1.2, RFC 8252 §8.4.
fn fits(uri: &Value, setup: &Setup) -> bool {
    let Some(url) = uri.as_str().and_then(|uri| Url::parse(uri).ok()) else { return false };
    let owned = matches!(url.scheme(), "http" | "https") || url.scheme().contains('.');
    url.fragment().is_none() && (owned || !setup.keeps(Rule::RegistrationSchemeOwned))
}

/// Source: RFC 7592 §2.3.
fn delete(client_id: &str, request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let known = turn.state.flow.registered.get(client_id).map(|token| format!("Bearer {token}"));
    let shown = request.header("authorization").next().map(|value| String::from_utf8_lossy(value).into_owned());
    if known.is_none() || known != shown {
        return Err(unknown_bearer(turn.setup));
    }
    turn.state.flow.registered.remove(client_id);
    Ok(Reply::new("registration.deleted", 204).with("cache-control", "no-store"))
}

/// Source: RFC 7591 §3, RFC 7592 §2, RFC 6750 §3.
fn unknown_bearer(setup: &Setup) -> Reply {
    let challenge = errors::challenge(setup, "Bearer error=\"invalid_token\"");
    Reply::new("registration.refused", 401).with("www-authenticate", challenge)
}
