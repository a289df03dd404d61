//! The introspection endpoint, for confidential clients and resource servers.

use serde_json::{Map, Value, json};

use super::authenticate::authenticate;
use super::endpoints::Turn;
use super::message::{Reply, Request};
use super::parameters::Parameters;
use super::setup::{RESOURCE_SERVER_ID, Setup};
use super::state::Token;
use super::{Policy, Rule, errors, token};

/// Answers at the introspection endpoint. Source: RFC 7662 §2.
pub(super) fn answer(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    match request.method.as_str() {
        "POST" if !setup.keeps(Rule::IntrospectionByPost) => return Err(errors::method_not_allowed("GET")),
        "POST" => {}
        "GET" if !setup.keeps(Rule::IntrospectionGetRefused) => return Err(Reply::crash()),
        _ => return Err(errors::method_not_allowed("POST")),
    }
    let sent = Parameters::read(request, setup)?;
    // `None` is a server that does not ask, and so cannot tell whose token is whose.
    let caller = if setup.keeps(Rule::IntrospectionAuthenticated) { Some(caller(request, &sent, turn)?) } else { None };
    if sent.has_unknown() && !setup.keeps(Rule::IntrospectionParametersIgnored) {
        return Err(errors::error(setup, "invalid_request", "a parameter is not known"));
    }
    let Some(token) = sent.one("token") else {
        return Err(if setup.keeps(Rule::IntrospectionTokenRequired) {
            errors::error(setup, "invalid_request", "there is no token")
        } else {
            Reply::crash()
        });
    };
    let searched = searched(setup, sent.one("token_type_hint"))?;
    let unverified = || token::unverified(token).filter(|_| !setup.keeps(Rule::IntrospectionSignatureChecked));
    let facts = turn.state.token(token).cloned().or_else(unverified).filter(|_| searched);
    if facts.is_none() && !setup.keeps(Rule::IntrospectionUnknownIsInactive) {
        return Err(errors::error(setup, "invalid_request", "the token is unknown"));
    }
    // Ordinary clients see their own tokens, resource servers those of all (RFC 7662 §4).
    let foreign = facts.as_ref().zip(caller.as_deref()).is_some_and(|(facts, caller)| {
        caller != RESOURCE_SERVER_ID && facts.client_id != caller && setup.keeps(Rule::IntrospectionForeignHidden)
    });
    if foreign && !setup.keeps(Rule::IntrospectionForbiddenIsInactive) {
        return Err(Reply { status: 403, ..errors::error(setup, "access_denied", "the token is another client's") });
    }
    Ok(match &facts {
        Some(facts) if !foreign && lives(turn, facts) => Reply::json("introspection.active", 200, active(setup, facts)),
        _ => Reply::json("introspection.inactive", 200, inactive(setup, facts.as_ref().filter(|_| !foreign))),
    })
}

/// The id of the client that asks, and may.
fn caller(request: &Request, sent: &Parameters, turn: &mut Turn<'_>) -> Result<String, Reply> {
    let setup = turn.setup;
    if setup.makes(Policy::IntrospectionBearer)
        && let Some(own) = bearer(request)
    {
        let facts = turn.state.token(&own).filter(|facts| lives(turn, facts));
        return facts.map(|facts| facts.client_id.clone()).ok_or_else(|| bad_bearer(setup));
    }
    let caller = authenticate(request, sent, turn).and_then(|caller| match caller.confidential {
        true => Ok(caller),
        false => Err(errors::invalid_client(setup, true, "a public client may not introspect")),
    });
    // Here a failed authentication is always 401, with or without an Authorization header (RFC 7662 §2.3).
    let caller = caller.map_err(|refusal| match refusal.name.as_str() {
        "error.invalid_client" => bad_credentials(setup),
        _ => refusal,
    })?;
    if setup.makes(Policy::IntrospectionResourceServersOnly) && caller.client.id != RESOURCE_SERVER_ID {
        return Err(Reply { status: 403, ..errors::error(setup, "access_denied", "only for resource servers") });
    }
    Ok(caller.client.id.clone())
}

fn bearer(request: &Request) -> Option<String> {
    let value = String::from_utf8_lossy(request.header("authorization").next()?).into_owned();
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.to_owned())
}

/// Source: RFC 7662 §2.3, RFC 6750 §3.1.
fn bad_bearer(setup: &Setup) -> Reply {
    if !setup.keeps(Rule::IntrospectionBearer401) {
        return errors::error(setup, "invalid_request", "the bearer token is not known");
    }
    Reply::new("challenge.invalid_token", 401)
        .with("www-authenticate", errors::challenge(setup, "Bearer error=\"invalid_token\""))
}

/// Source: RFC 7662 §2.3, RFC 6749 §5.2.
fn bad_credentials(setup: &Setup) -> Reply {
    let mut reply = errors::invalid_client(setup, true, "the caller did not authenticate");
    if !setup.keeps(Rule::IntrospectionCallerError) {
        reply = reply.with_member("error", "invalid_token");
    }
    if !setup.keeps(Rule::IntrospectionCaller401) {
        reply.status = 403;
    }
    reply
}

/// Whether access tokens are searched under this hint: always, as it is no more than a hint. Source: RFC 7662 §2.1.
fn searched(setup: &Setup, hint: Option<&str>) -> Result<bool, Reply> {
    match hint {
        None | Some("access_token") => Ok(true),
        Some("refresh_token") => Ok(setup.keeps(Rule::IntrospectionHintExtended)),
        Some(_) if setup.keeps(Rule::IntrospectionHintUnknownAccepted) => Ok(true),
        Some(_) => Err(errors::error(setup, "invalid_request", "the token_type_hint is not known")),
    }
}

fn lives(turn: &Turn<'_>, facts: &Token) -> bool {
    let expired = turn.now_ms >= facts.expires_ms && turn.setup.keeps(Rule::ExpiryEnforced);
    !facts.revoked && !expired
}

/// Source: RFC 7662 §2.2.
fn active(setup: &Setup, facts: &Token) -> Map<String, Value> {
    let mut members = json!({
        "active": true, "scope": facts.scope, "client_id": facts.client_id, "token_type": "Bearer",
        "exp": facts.expires_ms / 1000, "iat": facts.issued_ms / 1000, "sub": facts.client_id,
        "aud": setup.origin, "iss": setup.issuer,
    });
    if setup.makes(Policy::IntrospectionExtra) {
        members["com.example.tenant"] = json!({ "id": 7 });
        members["authorities"] = json!(["ROLE_CLIENT"]);
    }
    members.as_object().cloned().unwrap_or_default()
}

/// Nothing but that it is inactive (RFC 7662 §2.2), unless a fault tells more.
fn inactive(setup: &Setup, facts: Option<&Token>) -> Map<String, Value> {
    let mut members = Map::from_iter([("active".to_owned(), Value::from(false))]);
    if !setup.keeps(Rule::IntrospectionInactiveBare) {
        let reason = if facts.is_some() { "revoked or expired" } else { "unknown" };
        members.insert("reason".to_owned(), Value::from(reason));
        let id = facts.map(|facts| Value::from(facts.client_id.as_str()));
        members.extend(id.map(|id| ("client_id".to_owned(), id)));
    }
    members
}
