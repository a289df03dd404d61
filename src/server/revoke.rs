//! The revocation endpoint.

use super::authenticate::{Caller, authenticate};
use super::endpoints::Turn;
use super::flow::Refresh;
use super::message::{Body, Reply, Request};
use super::parameters::Parameters;
use super::setup::Setup;
use super::{Policy, Rule, errors};

/// Answers at the revocation endpoint; a token that is unknown, expired or revoked is no error.
///
/// Source: RFC 7009 §2.
pub(super) fn answer(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    if request.in_clear && !setup.keeps(Rule::RevokeHttpToo) {
        return Err(Reply::text("http.404", 404, "not found\n"));
    }
    match request.method.as_str() {
        "POST" => {}
        "OPTIONS" if setup.makes(Policy::RevokeCors) => return Ok(preflight(request, setup)),
        "GET" if setup.makes(Policy::RevokeJsonp) => return Ok(jsonp(request)),
        _ => return Err(errors::method_not_allowed("POST")),
    }
    if !setup.keeps(Rule::RevokeBasic) && request.header("authorization").next().is_some() {
        return Err(errors::invalid_client(setup, true, "credentials belong into the body"));
    }
    let sent = Parameters::read(request, setup)?;
    let caller = match authenticate(request, &sent, turn) {
        Ok(caller) => Some(caller),
        Err(_) if !setup.keeps(Rule::RevokeAuthenticated) => None,
        Err(refusal) => return Err(refusal),
    };
    let Some(token) = sent.one("token") else {
        return if setup.keeps(Rule::RevokeTokenRequired) {
            Err(errors::error(setup, "invalid_request", "there is no token"))
        } else {
            Ok(Reply::new("revoked", 200))
        };
    };
    if let Some(refresh) = turn.state.flow.refresh.get(token).cloned() {
        return refresh_token(&refresh, caller.as_ref(), turn);
    }
    let searched = searched(setup, sent.one("token_type_hint"))?;
    let facts = turn.state.token(token).filter(|_| searched);
    if facts.is_none() && !setup.keeps(Rule::RevokeUnknownIsSuccess) {
        return Err(errors::error(setup, "invalid_request", "the token is unknown"));
    }
    if facts.is_some() && setup.makes(Policy::RevokeRefreshOnly) {
        let code = if setup.keeps(Rule::RevokeTypeTold) { "unsupported_token_type" } else { "invalid_request" };
        return Err(errors::error(setup, code, "access tokens cannot be revoked"));
    }
    if facts.zip(caller.as_ref()).is_some_and(|(facts, caller)| is_foreign(setup, &facts.client_id, caller)) {
        return foreign(setup);
    }
    if searched && setup.keeps(Rule::RevokeWorks) {
        turn.state.revoke(token);
    }
    Ok(Reply::new("revoked", 200))
}

/// Revokes a refresh token, whatever the hint; the tokens that came of the same code go with it.
///
/// Source: RFC 7009 §2.1.
fn refresh_token(known: &Refresh, caller: Option<&Caller<'_>>, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    if caller.is_some_and(|caller| is_foreign(setup, &known.client_id, caller)) {
        return foreign(setup);
    }
    if setup.keeps(Rule::RevokeRefreshToo) && setup.makes(Policy::GrantRevokedWhole) {
        turn.state.revoke_family(known.family, setup);
    } else if setup.keeps(Rule::RevokeRefreshToo) {
        let tokens = turn.state.flow.revoke_family(known.family);
        if setup.keeps(Rule::RevokeCascades) {
            tokens.iter().for_each(|token| turn.state.revoke(token));
        }
    }
    Ok(Reply::new("revoked.refresh_token", 200))
}

/// The answer about another client's token.
fn foreign(setup: &Setup) -> Result<Reply, Reply> {
    // RFC 7009 §2.1 has the request refused without naming a code; silence is the other reading in the field.
    if setup.makes(Policy::RevokeQuiet) {
        Ok(Reply::new("revoked", 200))
    } else {
        Err(errors::error(setup, "invalid_grant", "the token is another client's"))
    }
}

/// Whether access tokens are searched under this hint: always, as it is no more than a hint.
///
/// Source: RFC 7009 §2.1, and §2.2 on unknown values.
fn searched(setup: &Setup, hint: Option<&str>) -> Result<bool, Reply> {
    match hint {
        None | Some("access_token") => Ok(true),
        Some("refresh_token") => Ok(setup.keeps(Rule::RevokeHintExtended)),
        Some(_) if !setup.keeps(Rule::RevokeHintUnknownAccepted) => {
            Err(errors::error(setup, "unsupported_token_type", "the token_type_hint is not known"))
        }
        Some(_) => Ok(setup.keeps(Rule::RevokeHintUnknownSearched)),
    }
}

/// Whether the token is another client's, and this server looks at that.
fn is_foreign(setup: &Setup, client_id: &str, caller: &Caller<'_>) -> bool {
    let rule = if caller.confidential { Rule::RevokeBoundToClient } else { Rule::RevokeBoundForPublic };
    client_id != caller.client.id && setup.keeps(rule)
}

/// Lets a page of any origin go on. Source: RFC 7009 §2.3.
fn preflight(request: &Request, setup: &Setup) -> Reply {
    let reply = Reply::new("revoke.preflight", 204)
        .with("access-control-allow-methods", "POST")
        .with("access-control-allow-headers", "authorization, content-type");
    if setup.keeps(Rule::RevokeCorsBare) {
        return reply.with("access-control-allow-origin", "*");
    }
    let origin = request.header("origin").next().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
    reply.with("access-control-allow-origin", origin).with("access-control-allow-credentials", "true")
}

/// Calls a function of the page that asks, as was done before browsers knew better. Source: RFC 7009 §2.3.
fn jsonp(request: &Request) -> Reply {
    let sent = Parameters::of_query(request);
    let script = format!("{}({{\"error\":\"invalid_client\"}});", sent.one("callback").unwrap_or("callback"));
    let reply = Reply::new("revoke.script", 200).with("content-type", "application/javascript");
    Reply { body: Body::Bytes(script.into_bytes()), ..reply }
}
