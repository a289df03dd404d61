//! The revocation endpoint.

use super::authenticate::authenticate;
use super::endpoints::Turn;
use super::message::{Reply, Request};
use super::parameters::Parameters;
use super::{Policy, Rule, errors};

/// Answers at the revocation endpoint; a token that is unknown, expired or revoked is no error.
///
/// Source: RFC 7009 §2.
pub(super) fn answer(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    if request.method != "POST" {
        return Err(errors::method_not_allowed("POST"));
    }
    let sent = Parameters::read(request, setup)?;
    let caller = match authenticate(request, &sent, turn) {
        Ok(caller) => Some(caller),
        Err(_) if !setup.keeps(Rule::RevokeAuthenticated) => None,
        Err(refusal) => return Err(refusal),
    };
    let Some(token) = sent.one("token") else {
        return Err(errors::error(setup, "invalid_request", "there is no token"));
    };
    let facts = turn.state.token(token);
    if facts.is_none() && !setup.keeps(Rule::RevokeUnknownIsSuccess) {
        return Err(errors::error(setup, "invalid_request", "the token is unknown"));
    }
    // A server that does not authenticate cannot compare.
    let foreign = setup.keeps(Rule::RevokeAuthenticated)
        && facts.zip(caller).is_some_and(|(facts, caller)| facts.client_id != caller.client.id);
    if foreign && setup.keeps(Rule::RevokeBoundToClient) {
        // RFC 7009 §2.1 has the request refused without naming a code; silence is the other reading in the field.
        return if setup.makes(Policy::RevokeQuiet) {
            Ok(Reply::new("revoked", 200))
        } else {
            Err(errors::error(setup, "invalid_grant", "the token is another client's"))
        };
    }
    if setup.keeps(Rule::RevokeWorks) {
        turn.state.revoke(token);
    }
    Ok(Reply::new("revoked", 200))
}
