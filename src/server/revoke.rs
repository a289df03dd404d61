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
    let caller = authenticate(request, &sent, turn)?;
    let Some(token) = sent.one("token") else {
        return Err(errors::error(setup, "invalid_request", "there is no token"));
    };
    let foreign = turn
        .state
        .token(token)
        .is_some_and(|facts| facts.client_id != caller.client.id);
    if foreign && setup.keeps(Rule::RevokeBoundToClient) {
        // RFC 7009 §2.1 has the request refused without naming a code; silence is the other reading in the field.
        return if setup.makes(Policy::RevokeQuiet) {
            Ok(Reply::new("revoked", 200))
        } else {
            Err(errors::error(
                setup,
                "invalid_grant",
                "the token is another client's",
            ))
        };
    }
    if setup.keeps(Rule::RevokeWorks) {
        turn.state.revoke(token);
    }
    Ok(Reply::new("revoked", 200))
}
