//! The grants that a user stands behind: authorization codes with PKCE, and refresh tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::authenticate::Caller;
use super::authorize::unguessable;
use super::endpoints::Turn;
use super::flow::{Code, Flow, Refresh};
use super::grants::{grant_scope, members, words};
use super::message::Reply;
use super::parameters::Parameters;
use super::setup::{Client, OFFLINE_ACCESS, Setup};
use super::token::{self, Granted};
use super::{Policy, Rule, errors, indicators};

/// How long a policy repeats the answer to a refresh.
const REPEATED_MS: u64 = 10_000;

/// Whether the code of a request was issued here.
pub(super) fn knows_code(sent: &Parameters, turn: &Turn<'_>) -> bool {
    sent.one("code").is_some_and(|code| turn.state.flow.codes.contains_key(code))
}

/// Whether the refresh token of a request was issued here.
pub(super) fn knows_refresh_token(sent: &Parameters, turn: &Turn<'_>) -> bool {
    sent.one("refresh_token").is_some_and(|token| meant(token, turn).is_some())
}

/// Redeems a code, which a failure may use up too.
pub(super) fn authorization_code(sent: &Parameters, caller: &Caller<'_>, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let answer = redeem(sent, caller, turn);
    let burnt = answer.is_err() && turn.setup.makes(Policy::CodeBurntByFailure);
    if let Some(code) = sent.one("code").filter(|_| burnt).and_then(|code| turn.state.flow.codes.get_mut(code)) {
        code.used_ms = code.used_ms.or(Some(turn.now_ms));
    }
    answer
}

/// Source: RFC 6749 §4.1.3 and §5.1.
fn redeem(sent: &Parameters, caller: &Caller<'_>, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    let refuse = |code: &str, description: &str| Err(errors::error(setup, code, description));
    let Some(value) = sent.one("code") else { return refuse("invalid_request", "there is no code") };
    let Some(code) = turn.state.flow.codes.get(value).cloned() else {
        return refuse("invalid_grant", "the code is unknown");
    };
    redeemable(&code, sent, caller, turn)?;
    let audience = indicators::audience_of_grant(sent, &code.request.resources, setup)?;
    if let Some(known) = turn.state.flow.codes.get_mut(value) {
        known.used_ms = Some(turn.now_ms);
    }
    let (client, scope) = (caller.client, &code.request.scope);
    let reply = answered((Some(scope), scope), audience, client, &code.user, turn);
    remember(&reply, code.family, turn);
    let yields = match words(scope).any(|word| word == OFFLINE_ACCESS) {
        true => setup.keeps(Rule::RefreshForOffline),
        false => setup.makes(Policy::RefreshAlways) || !setup.keeps(Rule::RefreshNeedsOffline),
    };
    if !yields {
        return Ok(reply);
    }
    let renewed = new_refresh_token(turn);
    let refresh = Refresh {
        client_id: client.id.clone(),
        user: code.user,
        scope: code.request.scope,
        resources: code.request.resources,
        used: false,
        rotated_ms: None,
        revoked: false,
        family: code.family,
        answer: None,
    };
    Flow::put(&mut turn.state.flow.refresh, renewed.clone(), refresh);
    Ok(reply.with_member("refresh_token", renewed))
}

/// Whether a code may be redeemed by this caller, with this request, now.
///
/// Source: RFC 6749 §4.1.3, RFC 7636 §4.6, RFC 9700 §2.1.1 and §4.8.2.
fn redeemable(code: &Code, sent: &Parameters, caller: &Caller<'_>, turn: &mut Turn<'_>) -> Result<(), Reply> {
    let setup = turn.setup;
    let refuse = |code: &str, description: &str| Err(errors::error(setup, code, description));
    let public = setup.client(&code.request.client_id).is_some_and(|client| client.secret.is_none());
    let bound = if public { Rule::CodeBoundForPublic } else { Rule::CodeBoundToClient };
    if code.request.client_id != caller.client.id && setup.keeps(bound) {
        return refuse("invalid_grant", "the code is another client's");
    }
    if let Some(used_ms) = code.used_ms {
        let at_once = used_ms == turn.now_ms && !setup.keeps(Rule::CodeAtomic);
        if !at_once && setup.keeps(Rule::CodeSingleUse) {
            // Whoever cannot prove that the code was meant for it cuts nobody off (OAuth 2.1 §7.5.2).
            let proved = verified(sent, code, turn).is_ok() || !setup.keeps(Rule::CodeReplayProved);
            if setup.keeps(Rule::CodeReplayRevokes) && proved {
                turn.state.revoke_family(code.family, turn.setup);
            }
            return refuse("invalid_grant", "the code was used before");
        }
    }
    let redirect_uri = sent.one("redirect_uri");
    let bound = match redirect_uri {
        Some(_) => Rule::CodeBoundToRedirectUri,
        None => Rule::CodeRedirectUriDemanded,
    };
    if redirect_uri != code.request.redirect_uri_sent.as_deref() && setup.keeps(bound) {
        return refuse("invalid_grant", "the redirect_uri is not that of the authorization request");
    }
    // Later than whether it was used: the replay of an old code counts too.
    if turn.now_ms >= code.expires_ms && setup.keeps(Rule::CodeExpires) {
        return refuse("invalid_grant", "the code has expired");
    }
    verified(sent, code, turn)?;
    if setup.keeps(Rule::CodeRedeemed) { Ok(()) } else { refuse("invalid_grant", "the code is not redeemed") }
}

/// Whether the verifier is the one that the challenge was made of.
fn verified(sent: &Parameters, code: &Code, turn: &Turn<'_>) -> Result<(), Reply> {
    let setup = turn.setup;
    let request = setup.makes(Policy::PkceFailureInvalidRequest);
    let refuse = |code: &str, description: &str| {
        Err(errors::error(setup, if request { "invalid_request" } else { code }, description))
    };
    match (&code.request.challenge, sent.one("code_verifier")) {
        (None, None) if owes_challenge(code, setup) => refuse("invalid_grant", "there was no code_challenge"),
        (None, None) => Ok(()),
        (None, Some(_)) if setup.keeps(Rule::PkceVerifierNeedsChallenge) => {
            let named = if setup.keeps(Rule::PkceNeedlessNamed) { "invalid_request" } else { "invalid_grant" };
            refuse(named, "there was no code_challenge")
        }
        (None, Some(_)) => Ok(()),
        (Some(_), None) if setup.keeps(Rule::PkceVerifierRequired) => {
            refuse("invalid_grant", "there is no code_verifier")
        }
        (Some(_), None) => Ok(()),
        (Some((challenge, method)), Some(verifier)) => {
            let character = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
            let alphabet = verifier.chars().all(character) || !setup.keeps(Rule::PkceVerifierAlphabet);
            let shaped = (43..=128).contains(&verifier.len()) && alphabet;
            if verifier.len() > 64 && !setup.keeps(Rule::PkceLongVerifier) {
                return refuse("invalid_grant", "the code_verifier is too long");
            }
            if !shaped && setup.keeps(Rule::PkceVerifierShape) {
                return refuse("invalid_grant", "the code_verifier is malformed");
            }
            let believed = sent.one("code_challenge_method").filter(|_| !setup.keeps(Rule::PkceMethodOfCode));
            let method = believed.unwrap_or(method);
            let made = if method == "S256" { BASE64URL.encode(Sha256::digest(verifier)) } else { verifier.to_owned() };
            let others = turn.state.flow.codes.values().filter_map(|other| other.request.challenge.as_ref());
            let known = !setup.keeps(Rule::PkceChallengeOfCode) && others.into_iter().any(|(other, _)| *other == made);
            let taken = made == *challenge || known || !setup.keeps(Rule::PkceVerifierChecked);
            if taken { Ok(()) } else { refuse("invalid_grant", "the code_verifier does not fit") }
        }
    }
}

/// Whether the authorization request should have had a challenge; it is refused there unless a fault looks away.
fn owes_challenge(code: &Code, setup: &Setup) -> bool {
    let public = setup.client(&code.request.client_id).is_some_and(|client| client.secret.is_none());
    public && setup.keeps(Rule::PkceRequiredForPublic) || setup.makes(Policy::PkceRequired)
}

/// Renews an access token. Source: RFC 6749 §6, RFC 9700 §4.14.2.
pub(super) fn refresh_token(sent: &Parameters, caller: &Caller<'_>, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    let refuse = |code: &str, description: &str| Err(errors::error(setup, code, description));
    let Some(value) = sent.one("refresh_token") else { return refuse("invalid_request", "there is no refresh_token") };
    let own = meant(value, turn);
    let Some((value, known)) = own.as_ref().and_then(|own| Some((own, turn.state.flow.refresh.get(own)?.clone())))
    else {
        return refuse("invalid_grant", "the refresh token is unknown");
    };
    if known.client_id != caller.client.id && setup.keeps(Rule::RefreshBoundToClient) {
        return refuse("invalid_grant", "the refresh token is another client's");
    }
    if known.revoked {
        return refuse("invalid_grant", "the refresh token was revoked");
    }
    if let Some(answer) = known.answer.as_ref().filter(|_| setup.makes(Policy::RefreshRepeated))
        && known.rotated_ms.is_some_and(|rotated_ms| turn.now_ms < rotated_ms.saturating_add(REPEATED_MS))
    {
        return Ok(answer.clone());
    }
    let at_once = known.rotated_ms == Some(turn.now_ms) && !setup.keeps(Rule::RefreshAtomic);
    let early = known.rotated_ms.is_some_and(|at_ms| turn.now_ms < at_ms.saturating_add(REUSE_INTERVAL_MS));
    let lost = early && setup.makes(Policy::RefreshReuseInterval);
    if known.used && !at_once && !lost && setup.keeps(Rule::RefreshReuseRefused) {
        if setup.keeps(Rule::RefreshFamilyRevoked) {
            turn.state.revoke_family(known.family, turn.setup);
        }
        return refuse("invalid_grant", "the refresh token was used before");
    }
    let requested = sent.one("scope");
    let Some(scope) = renewed_scope(requested, &known, caller.client, setup) else {
        return refuse("invalid_scope", "the scope is wider than what was granted");
    };
    // A server that forgot what was granted cannot tell that it grants something else.
    let meant = if setup.keeps(Rule::RefreshScopeKept) { &known.scope } else { &scope };
    let audience = indicators::audience_of_grant(sent, &known.resources, setup)?;
    let mut reply = answered((requested.or(Some(meant)), &scope), audience, caller.client, &known.user, turn);
    remember(&reply, known.family, turn);
    let public = caller.client.secret.is_none();
    let rotates = if public { setup.keeps(Rule::RefreshRotated) } else { !setup.makes(Policy::RefreshKept) };
    if rotates {
        if let Some(old) = turn.state.flow.refresh.get_mut(value) {
            old.used = true;
            old.rotated_ms = old.rotated_ms.or(Some(turn.now_ms));
        }
        let kept = if setup.keeps(Rule::RefreshGrantKept) { known.scope.clone() } else { scope };
        let renewed = new_refresh_token(turn);
        reply = reply.with_member("refresh_token", renewed.clone());
        if let Some(old) = turn.state.flow.refresh.get_mut(value) {
            old.answer = Some(reply.clone());
        }
        let refresh = Refresh { scope: kept, used: false, rotated_ms: None, answer: None, ..known };
        Flow::put(&mut turn.state.flow.refresh, renewed, refresh);
    }
    Ok(reply)
}

/// The scope of a renewed access token; `None` if it would be wider than what the user granted. Source: RFC 6749 §6.
fn renewed_scope(requested: Option<&str>, known: &Refresh, client: &Client, setup: &Setup) -> Option<String> {
    let within = |asked: &str| words(asked).all(|word| words(&known.scope).any(|own| own == word));
    match requested {
        None if !setup.keeps(Rule::RefreshScopeKept) => Some(setup.default_scope.clone()),
        None => Some(known.scope.clone()),
        Some(asked) if within(asked) => Some(asked.to_owned()),
        Some(_) if setup.keeps(Rule::RefreshScopeWithin) => None,
        Some(asked) => Some(grant_scope(requested, client, setup).unwrap_or_else(|| asked.to_owned())),
    }
}

/// Source: RFC 6749 §10.10.
fn new_refresh_token(turn: &mut Turn<'_>) -> String {
    unguessable([Rule::RefreshEntropy, Rule::RefreshEntropyAmple], "refresh", turn)
}

/// The refresh token that a request means: every character counts. Source: RFC 6749 §10.4, RFC 9700 §4.14.2.
fn meant(sent: &str, turn: &Turn<'_>) -> Option<String> {
    let known = &turn.state.flow.refresh;
    if known.contains_key(sent) {
        return Some(sent.to_owned());
    }
    let alike =
        |own: &&String| own.len() == sent.len() && own.chars().zip(sent.chars()).filter(|(a, b)| a != b).count() == 1;
    known.keys().find(|own| !turn.setup.keeps(Rule::RefreshCompared) && alike(own)).cloned()
}

/// Notes which family an issued access token belongs to.
fn remember(reply: &Reply, family: u64, turn: &mut Turn<'_>) {
    if let Some(token) = reply.member("access_token").and_then(Value::as_str) {
        Flow::put(&mut turn.state.flow.families, token.to_owned(), family);
    }
}

/// A token that speaks for a user, at `audience`; of the scope what was requested and what is granted.
///
/// Source: RFC 6749 §5.1, RFC 9068 §2.2.
pub(super) fn answered(
    (requested, granted): (Option<&str>, &str),
    audience: Vec<String>,
    client: &Client,
    user: &str,
    turn: &mut Turn<'_>,
) -> Reply {
    let setup = turn.setup;
    let claims = Map::from_iter([("sub".to_owned(), Value::from(user))]);
    let access_token = token::issue(Granted { client, scope: granted, audience, claims }, turn);
    Reply::json("token.issued", 200, members(setup, access_token, requested, granted))
}

/// How long a rotated refresh token is taken by a server that thinks of lost answers, in milliseconds.
const REUSE_INTERVAL_MS: u64 = 60_000;
