//! The token exchange grant: an access token of this server for another one, with or without an actor.

use serde_json::{Map, Value, json};

use super::endpoints::Turn;
use super::grants::{self, grant_scope};
use super::message::Reply;
use super::parameters::Parameters;
use super::setup::{Client, RESOURCE, Setup};
use super::state::Token;
use super::token::{self, Granted};
use super::{Policy, Rule, errors};

/// Answers a request whose client has authenticated. Source: RFC 8693 §2.
pub(super) fn answer(sent: &Parameters, client: &Client, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    let refused = |code: &str, description: &str| Err(refusal(setup, code, description));
    let Some(subject) = sent.one("subject_token").or_else(|| default(setup, Rule::ExchangeSubjectRequired)) else {
        return refused("invalid_request", "there is no subject_token");
    };
    if sent.one("subject_token_type").is_none() && setup.keeps(Rule::ExchangeSubjectTypeRequired) {
        return refused("invalid_request", "there is no subject_token_type");
    }
    let known = |name: &str| sent.one(name).is_none_or(|kind| [ACCESS_TOKEN, JWT].contains(&kind));
    if !known("subject_token_type") && setup.keeps(Rule::ExchangeSubjectTypeChecked) {
        return refused("invalid_request", "the subject_token is not of this type");
    }
    let valid = valid(subject, turn).or_else(|| lax(setup, client, Rule::ExchangeSubjectKnown, subject));
    let Some(facts) = valid else {
        return refused(setup.exchange_error(), "the subject_token is not valid");
    };
    let act = actor(sent, client, turn)?;
    let audience = audience(sent, setup)?;
    let requested = match sent.one("requested_token_type") {
        None | Some(ACCESS_TOKEN | JWT) => ACCESS_TOKEN,
        Some(ID_TOKEN) if setup.makes(Policy::ExchangeIdToken) => ID_TOKEN,
        Some(_) => return refused("invalid_request", "tokens of this type are not to be had"),
    };
    let scope = sent.one("scope");
    let granted = match scope {
        None => Some(facts.scope.clone()),
        Some(_) => grant_scope(scope, client, setup),
    };
    let Some(granted) = granted else {
        return refused("invalid_scope", "the scope is unknown or not allowed");
    };
    if !setup.keeps(Rule::ExchangeSubjectSurvives) {
        turn.state.revoke(subject);
    }
    let audience = vec![audience.map_or_else(|| setup.origin.clone(), Into::into)];
    let mut claims = Map::new();
    claims.extend(act.map(|act| ("act".to_owned(), act)));
    let access_token = token::issue(Granted { client, scope: &granted, audience, claims }, turn);
    let mut members = grants::members(setup, access_token, scope.or(Some(&facts.scope)), &granted);
    members.insert("issued_token_type".to_owned(), requested.into());
    // No access token, so it is of no type that a resource takes. Source: RFC 8693 §2.2.1.
    if requested == ID_TOKEN && setup.keeps(Rule::ExchangeTypeNa) {
        members.insert("token_type".to_owned(), "N_A".into());
    }
    Ok(Reply::json("token.exchanged", 200, members))
}

/// An error by a name of its own, since faults of other grants are not to strike it.
fn refusal(setup: &Setup, code: &str, description: &str) -> Reply {
    Reply { name: "error.exchange".to_owned(), ..errors::error(setup, code, description) }
}

/// What a server takes for the token that is not there.
fn default(setup: &Setup, rule: Rule) -> Option<&'static str> {
    (!setup.keeps(rule)).then_some("")
}

/// A token that lives and was issued here. Source: RFC 8693 §2.1.
fn valid(text: &str, turn: &Turn<'_>) -> Option<Token> {
    let setup = turn.setup;
    let signed = || token::signed_here(setup, turn.state, text);
    let facts = turn.state.token(text).cloned().or_else(signed)?;
    let expired = turn.now_ms >= facts.expires_ms && setup.keeps(Rule::ExchangeExpiryChecked);
    let revoked = facts.revoked && setup.keeps(Rule::ExchangeRevocationChecked);
    (!expired && !revoked).then_some(facts)
}

/// What a server makes of a token that it does not know, if it leaves `rule` out.
fn lax(setup: &Setup, client: &Client, rule: Rule, text: &str) -> Option<Token> {
    let jwt = text.split('.').count() == 3;
    let absent = text.is_empty() && !setup.keeps(Rule::ExchangeSubjectRequired);
    let taken = absent || !jwt && !setup.keeps(rule) || rule == Rule::ExchangeActorKnown && !setup.keeps(rule);
    taken.then(|| Token {
        client_id: client.id.clone(),
        scope: setup.default_scope.clone(),
        audience: vec![setup.origin.clone()],
        issued_ms: 0,
        expires_ms: u64::MAX,
        revoked: false,
    })
}

/// Who acts, as the value of `act`; `None` without an actor. Source: RFC 8693 §2.1 and §4.1.
fn actor(sent: &Parameters, client: &Client, turn: &Turn<'_>) -> Result<Option<Value>, Reply> {
    let setup = turn.setup;
    let refused = |description: &str| Err(refusal(setup, "invalid_request", description));
    if setup.makes(Policy::ExchangeWithoutActor) {
        return Ok(None);
    }
    let Some(text) = sent.one("actor_token") else {
        let alone = sent.one("actor_token_type").is_some() && setup.keeps(Rule::ExchangeActorTypeAlone);
        return if alone { refused("there is an actor_token_type without its actor_token") } else { Ok(None) };
    };
    match sent.one("actor_token_type") {
        None if setup.keeps(Rule::ExchangeActorTypeRequired) => return refused("there is no actor_token_type"),
        Some(kind) if ![ACCESS_TOKEN, JWT].contains(&kind) => return refused("the actor_token is not of this type"),
        _ => {}
    }
    let Some(facts) = valid(text, turn).or_else(|| lax(setup, client, Rule::ExchangeActorKnown, text)) else {
        return refused("the actor_token is not valid");
    };
    let mut act = json!({ "sub": facts.client_id });
    if !setup.keeps(Rule::ExchangeActIdentityOnly) {
        act["exp"] = (facts.expires_ms / 1000).into();
    }
    Ok(Some(if setup.keeps(Rule::ExchangeActObject) { act } else { facts.client_id.into() }))
}

/// Whom the token is meant for, if that is said. Source: RFC 8693 §2.1 and §2.2.2.
fn audience(sent: &Parameters, setup: &Setup) -> Result<Option<String>, Reply> {
    for name in ["resource", "audience"] {
        let Some(wanted) = sent.one(name) else { continue };
        let absolute = url::Url::parse(wanted).is_ok_and(|url| url.fragment().is_none());
        let malformed = name == "resource" && !absolute;
        let own = [setup.origin.clone(), format!("{}{RESOURCE}", setup.origin)];
        let rule = if malformed { Rule::ExchangeResourceForm } else { Rule::ExchangeTargetKnown };
        if !own.iter().any(|own| own == wanted) && setup.keeps(rule) {
            return Err(errors::error(setup, "invalid_target", "there is no such resource"));
        }
        return Ok(Some(wanted.to_owned()));
    }
    Ok(None)
}

/// Source: RFC 8693 §3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
