//! The introspection endpoint, for confidential clients.

use serde_json::{Map, Value, json};

use super::authenticate::authenticate;
use super::endpoints::Turn;
use super::message::{Reply, Request};
use super::parameters::Parameters;
use super::{Policy, Rule, errors};

/// Answers at the introspection endpoint. Source: RFC 7662 §2.
pub(super) fn answer(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    if request.method != "POST" {
        return Err(errors::method_not_allowed("POST"));
    }
    let sent = Parameters::read(request, setup)?;
    if setup.keeps(Rule::IntrospectionAuthenticated) {
        let may = authenticate(request, &sent, turn).and_then(|caller| match caller.confidential {
            true => Ok(()),
            false => Err(errors::invalid_client(setup, true, "a public client may not introspect")),
        });
        // Here a failed authentication is always 401, with or without an Authorization header (RFC 7662 §2.3).
        may.map_err(|refusal| match refusal.name.as_str() {
            "error.invalid_client" if refusal.status != 401 => {
                errors::invalid_client(setup, true, "the caller did not authenticate")
            }
            _ => refusal,
        })?;
    }
    let Some(token) = sent.one("token") else {
        return Err(errors::error(setup, "invalid_request", "there is no token"));
    };
    let facts = turn.state.token(token);
    if facts.is_none() && !setup.keeps(Rule::IntrospectionUnknownIsInactive) {
        return Err(errors::error(setup, "invalid_request", "the token is unknown"));
    }
    let expired = facts.is_some_and(|facts| turn.now_ms >= facts.expires_ms) && setup.keeps(Rule::ExpiryEnforced);
    let mut members = Map::new();
    match facts {
        Some(facts) if !facts.revoked && !expired => {
            let mut active = json!({
                "active": true, "scope": facts.scope, "client_id": facts.client_id, "token_type": "Bearer",
                "exp": facts.expires_ms / 1000, "iat": facts.issued_ms / 1000, "sub": facts.client_id,
                "aud": setup.origin, "iss": setup.issuer,
            });
            if setup.makes(Policy::IntrospectionExtra) {
                active["com.example.tenant"] = json!({ "id": 7 });
                active["authorities"] = json!(["ROLE_CLIENT"]);
            }
            members.extend(active.as_object().cloned().unwrap_or_default());
        }
        _ => {
            members.insert("active".to_owned(), false.into());
            if !setup.keeps(Rule::IntrospectionInactiveBare) {
                let reason = if facts.is_some() { "revoked or expired" } else { "unknown" };
                members.insert("reason".to_owned(), Value::from(reason));
                let id = facts.map(|facts| Value::from(facts.client_id.as_str()));
                members.extend(id.map(|id| ("client_id".to_owned(), id)));
            }
        }
    }
    Ok(Reply::json("introspection", 200, members))
}
