//! Client authentication: HTTP Basic or credentials in the body, never both.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::oauth::Secret;

use super::endpoints::Turn;
use super::message::{Reply, Request};
use super::parameters::{Parameters, decoded};
use super::setup::{Client, Setup, TOKEN};
use super::{Policy, Rule, assertion, errors};

/// A client that is who it says, or a public one that only says so.
pub(super) struct Caller<'a> {
    pub(super) client: &'a Client,
    /// Whether a secret stood behind it.
    pub(super) confidential: bool,
}

/// Finds out who sent a request.
///
/// Source: RFC 6749 §2.3.1 and §3.2.1, RFC 7617 §2.
pub(super) fn authenticate<'a>(request: &Request, sent: &Parameters, turn: &mut Turn<'a>) -> Result<Caller<'a>, Reply> {
    let setup = turn.setup;
    let headers: Vec<&[u8]> = request.header("authorization").collect();
    match headers[..] {
        [] => by_body(request, sent, turn),
        [value] => {
            let value = String::from_utf8_lossy(value);
            let (scheme, credentials) = value.split_once(' ').unwrap_or((&value, ""));
            if scheme == "Basic" {
                by_header(credentials, sent, turn)
            } else if !setup.keeps(Rule::AuthSchemeCaseInsensitive) {
                by_body(request, sent, turn)
            } else if scheme.eq_ignore_ascii_case("Basic") {
                by_header(credentials, sent, turn)
            } else if setup.keeps(Rule::AuthSchemeKnown) {
                Err(errors::invalid_client(setup, true, "the authentication scheme is not known"))
            } else {
                Ok(Caller { client: setup.main(), confidential: true })
            }
        }
        _ => Err(errors::error(setup, "invalid_request", "there are several Authorization headers")),
    }
}

fn by_header<'a>(credentials: &str, sent: &Parameters, turn: &mut Turn<'a>) -> Result<Caller<'a>, Reply> {
    let setup = turn.setup;
    if setup.makes(Policy::BasicRefused) {
        return Err(errors::invalid_client(setup, true, "the client is registered for another method"));
    }
    let pairs = pairs(credentials, turn)?;
    turn.received_secret = pairs.last().map(|(_, secret)| secret.clone());
    // A client_id that repeats the one in the header is an identification, not a second method (RFC 6749 §3.2.1).
    let other_id = sent.one("client_id").is_some_and(|id| !pairs.iter().any(|(own, _)| own == id));
    let secret = sent.one("client_secret").is_some() && !setup.makes(Policy::TwoMethodsSecretIgnored);
    let second = secret || sent.one("client_assertion").is_some() || other_id;
    if second && setup.keeps(Rule::AuthOneMethod) && !setup.makes(Policy::TwoMethodsHeaderWins) {
        return Err(several(setup, true));
    }
    if sent.one("client_id").is_some() && !setup.keeps(Rule::AuthClientIdBesideBasic) {
        return Err(errors::error(setup, "invalid_request", "client_id is sent twice"));
    }
    verify(&pairs, true, turn)
}

fn by_body<'a>(request: &Request, sent: &Parameters, turn: &mut Turn<'a>) -> Result<Caller<'a>, Reply> {
    let setup = turn.setup;
    let query =
        if setup.keeps(Rule::CredentialsNotInQuery) { Parameters::default() } else { Parameters::of_query(request) };
    let one = |name| sent.one(name).or_else(|| query.one(name));
    let at_token_endpoint = request.path == TOKEN;
    let needless = at_token_endpoint && !setup.keeps(Rule::ClientAuthenticationRequired);
    if let Some(assertion) = sent.one("client_assertion") {
        if one("client_secret").is_some() && setup.keeps(Rule::AuthOneMethod) {
            return Err(several(setup, false));
        }
        let client = assertion::client(assertion, sent, turn)?;
        return Ok(Caller { client, confidential: true });
    }
    match (one("client_id"), one("client_secret")) {
        (Some(id), Some(secret)) => {
            turn.received_secret = Some(secret.to_owned());
            if setup.makes(Policy::BodyCredentialsRefused) {
                return Err(errors::invalid_client(setup, false, "credentials in the body are not taken"));
            }
            verify(&[(id.to_owned(), secret.to_owned())], false, turn)
        }
        (Some(id), None) => match setup.client(id) {
            Some(client) if client.secret.is_none() && setup.keeps(Rule::ClientPublicTaken) => {
                Ok(Caller { client, confidential: false })
            }
            Some(client) if needless => Ok(Caller { client, confidential: true }),
            _ => Err(errors::invalid_client(setup, false, "the client did not authenticate")),
        },
        (None, None) if needless => Ok(Caller { client: setup.main(), confidential: true }),
        (None, _) if at_token_endpoint && setup.makes(Policy::MissingAuthInvalidRequest) => {
            Err(errors::error(setup, "invalid_request", "there is no client_id"))
        }
        (None, _) => Err(errors::invalid_client(setup, false, "the client did not authenticate")),
    }
}

/// Source: RFC 6749 §5.2 has the one error, RFC 7521 §4.2.1 the other.
fn several(setup: &Setup, by_header: bool) -> Reply {
    let said = "more than one authentication method is used";
    match setup.makes(Policy::TwoMethodsInvalidClient) {
        true => errors::invalid_client(setup, by_header, said),
        false => errors::error(setup, "invalid_request", said),
    }
}

/// The pairs that a Basic value may mean: form-decoded as RFC 6749 has it, and as it is, as RFC 7617 has it.
fn pairs(credentials: &str, turn: &Turn<'_>) -> Result<Vec<(String, String)>, Reply> {
    let setup = turn.setup;
    let credentials = credentials.trim_matches(' ');
    if !setup.keeps(Rule::BasicUrlSafe) && credentials.contains(['-', '_']) {
        return Err(errors::invalid_client(setup, true, "the credentials are not in base64"));
    }
    let raw = split(credentials, setup.keeps(Rule::BasicFirstColon));
    let Some((id, secret)) = raw else {
        return Err(if setup.keeps(Rule::BasicWellFormed) {
            errors::invalid_client(setup, true, "the credentials are malformed")
        } else {
            Reply::crash()
        });
    };
    let undone = decoded(id.as_bytes()).zip(decoded(secret.as_bytes()));
    Ok(if setup.makes(Policy::BasicRawOnly) || !setup.keeps(Rule::BasicFormDecoded) {
        vec![(id, secret)]
    } else if !setup.keeps(Rule::BasicRawTried) {
        undone.into_iter().collect()
    } else {
        undone.into_iter().chain([(id, secret)]).collect()
    })
}

/// Id and secret of a Basic value, in either base64 alphabet, padded or not; `None` if it is malformed.
fn split(credentials: &str, first_colon: bool) -> Option<(String, String)> {
    let standard = credentials.replace('-', "+").replace('_', "/");
    let bytes = LENIENT.decode(standard).ok()?;
    let pair = String::from_utf8(bytes).ok().filter(|pair| !pair.chars().any(char::is_control))?;
    let (id, secret) = if first_colon { pair.split_once(':') } else { pair.rsplit_once(':') }?;
    Some((id.to_owned(), secret.to_owned()))
}

/// The client that one of `pairs` proves.
fn verify<'a>(pairs: &[(String, String)], by_header: bool, turn: &mut Turn<'a>) -> Result<Caller<'a>, Reply> {
    let setup = turn.setup;
    let mut known = None;
    for (id, secret) in pairs {
        let Some(client) = setup.client(id) else {
            continue;
        };
        known = Some(client);
        let own = client.secret.as_ref().map_or("", Secret::expose);
        let rule = if client.secret.is_some() { Rule::ClientSecretChecked } else { Rule::ClientPublicSecretRefused };
        let fits = own == secret || !setup.keeps(rule);
        if fits && !turn.state.is_locked(&client.id, setup.lock_after) {
            return Ok(Caller { client, confidential: client.secret.is_some() });
        }
    }
    match known {
        Some(client) => turn.state.refuse(turn.now_ms, &client.id),
        None if !setup.keeps(Rule::ClientKnown) => {
            return Ok(Caller { client: setup.main(), confidential: true });
        }
        None => turn.state.refused_at_ms = Some(turn.now_ms),
    }
    let reply = errors::invalid_client(setup, by_header, "the client is unknown or its secret is wrong");
    if setup.keeps(Rule::ClientNotEnumerable) {
        return Err(reply);
    }
    let told = if known.is_some() { "the secret is wrong" } else { "there is no such client" };
    Err(reply.with_member("error_description", told))
}

/// Decodes with and without padding, and does not mind stray bits at the end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_with_and_without_padding_are_one_pair() {
        let pair = Some(("gl".to_owned(), "~~~?".to_owned()));
        for value in ["Z2w6fn5+Pw==", "Z2w6fn5-Pw==", "Z2w6fn5+Pw", "Z2w6fn5-Pw"] {
            assert_eq!(split(value, true), pair, "{value}");
        }
    }

    #[test]
    fn what_is_no_pair_is_malformed() {
        // Not base64, no colon, not UTF-8, a control character, nothing.
        for value in ["%%%", "Z3JhbnRsaW50", "/zrA", "Z2w6AA==", ""] {
            assert_eq!(split(value, true), None, "{value}");
        }
    }

    #[test]
    fn the_first_colon_separates() {
        assert_eq!(split("YTpiOmM=", true), Some(("a".to_owned(), "b:c".to_owned())));
        assert_eq!(split("YTpiOmM=", false), Some(("a:b".to_owned(), "c".to_owned())));
    }
}
