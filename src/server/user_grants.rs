//! Requests for the grants that start from a user whose code, refresh token or password this server has never seen.

use super::endpoints::Turn;
use super::message::Reply;
use super::parameters::Parameters;
use super::setup::{AUTHORIZATION_CODE, PASSWORD, REFRESH_TOKEN};
use super::{Rule, errors};

/// Refuses the request as it deserves; `Ok` when a fault looks away.
///
/// Source: RFC 6749 §4.1.3, §4.3.2, §6 and §5.2.
pub(super) fn check(grant_type: &str, sent: &Parameters, turn: &Turn<'_>) -> Result<(), Reply> {
    match grant_type {
        AUTHORIZATION_CODE => {
            required(sent, "code", Rule::CodeRequired, turn)?;
            known(sent, "code", Rule::CodeKnown, turn)
        }
        REFRESH_TOKEN => {
            required(sent, "refresh_token", Rule::RefreshTokenRequired, turn)?;
            let is_access_token = sent.one("refresh_token").is_some_and(|token| turn.state.token(token).is_some());
            if is_access_token && !turn.setup.keeps(Rule::RefreshTokenKind) {
                return Ok(());
            }
            known(sent, "refresh_token", Rule::RefreshTokenKnown, turn)
        }
        PASSWORD => {
            required(sent, "username", Rule::UsernameRequired, turn)?;
            required(sent, "password", Rule::PasswordRequired, turn)?;
            let whole = sent.one("username").is_some() && sent.one("password").is_some();
            if whole { known(sent, "username", Rule::PasswordChecked, turn) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

fn required(sent: &Parameters, name: &str, rule: Rule, turn: &Turn<'_>) -> Result<(), Reply> {
    if sent.one(name).is_some() || !turn.setup.keeps(rule) {
        return Ok(());
    }
    let code = if turn.setup.keeps(Rule::GrantParameterNamed) { "invalid_request" } else { "invalid_grant" };
    Err(errors::error(turn.setup, code, &format!("there is no {name}")))
}

/// What was issued here does not come this far, and nobody has a password.
fn known(sent: &Parameters, name: &str, rule: Rule, turn: &Turn<'_>) -> Result<(), Reply> {
    if sent.one(name).is_none() || !turn.setup.keeps(rule) {
        return Ok(());
    }
    Err(errors::error(turn.setup, "invalid_grant", &format!("the {name} is not known")))
}
