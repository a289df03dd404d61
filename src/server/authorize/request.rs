//! What may be wrong with an authorization request: first what nobody may be told, then what the client is told.

use url::Url;

use super::super::flow::{Refused, Request as Waiting};
use super::super::grants::grant_scope;
use super::super::message::Reply;
use super::super::parameters::Parameters;
use super::super::setup::{AUTHORIZATION_CODE, Client, Setup};
use super::super::{Policy, Rule, indicators};
use super::pages;

/// The client and a redirect URI that is its own; without them nobody is sent anywhere.
///
/// Source: RFC 6749 §3.1.2.3 and §4.1.2.1, RFC 9700 §4.1.3, RFC 8252 §7.3.
pub(super) fn registered<'s>(sent: &Parameters, setup: &'s Setup) -> Result<(&'s Client, String), Reply> {
    let all: Vec<&str> = sent.all("redirect_uri").collect();
    let client = match sent.one("client_id").and_then(|id| setup.client(id)) {
        Some(client) => client,
        None if !setup.keeps(Rule::AuthorizeClientKnown) => setup.main(),
        None => {
            let id = sent.one("client_id").unwrap_or_default();
            return Err(pages::error(setup, &format!("the client {id} is unknown")));
        }
    };
    if sent.all("client_id").count() > 1 || all.len() > 1 && setup.keeps(Rule::AuthorizeParametersOnce) {
        return Err(pages::error(setup, "a parameter is repeated"));
    }
    let Some(asked) = all.first() else {
        if !setup.keeps(Rule::RedirectUriMissingSurvived) {
            return Err(Reply::crash());
        }
        return match client.redirect_uris.as_slice() {
            [only] if !setup.makes(Policy::RedirectUriRequired) => Ok((client, only.clone())),
            _ => Err(pages::error(setup, "there is no redirect_uri")),
        };
    };
    let fits = |own: &String| {
        own == asked
            || setup.keeps(Rule::RedirectUriLoopbackPort) && loopback(own, asked)
            || !setup.keeps(Rule::RedirectUriExact) && asked.starts_with(own.as_str())
            || !setup.keeps(Rule::RedirectUriQueryCompared) && asked.split('?').next() == Some(own.as_str())
            || !setup.keeps(Rule::RedirectUriNotNormalised) && normal(own) == normal(asked)
    };
    if client.redirect_uris.iter().any(fits) || !setup.keeps(Rule::RedirectUriRegistered) {
        return Ok((client, (*asked).to_owned()));
    }
    Err(pages::error(setup, "the redirect_uri is not registered"))
}

fn normal(uri: &str) -> Option<String> {
    Url::parse(uri).ok().map(String::from)
}

/// Any port is as good as the registered one where the host is a loopback address.
fn loopback(own: &str, asked: &str) -> bool {
    let without_port = |uri: &str| {
        let mut url = Url::parse(uri).ok().filter(|url| url.scheme() == "http")?;
        let literal = matches!(url.host(), Some(url::Host::Ipv4(ip)) if ip.is_loopback())
            || matches!(url.host(), Some(url::Host::Ipv6(ip)) if ip.is_loopback());
        (literal && url.set_port(None).is_ok() && !uri.contains("..")).then(|| url.to_string())
    };
    without_port(own).is_some_and(|own| without_port(asked) == Some(own))
}

/// Looks at a request whose client can be told what is wrong with it, and notes what was asked for in `waiting`.
///
/// Source: RFC 6749 §4.1.1 and §4.1.2.1.
pub(super) fn valid(sent: &Parameters, client: &Client, setup: &Setup, waiting: &mut Waiting) -> Result<(), Refused> {
    if sent.repeats() && setup.keeps(Rule::AuthorizeParametersOnce) {
        let code = if setup.keeps(Rule::AuthorizeRepeatedNamed) { "invalid_request" } else { "server_error" };
        return Err((code, "a parameter is repeated"));
    }
    let state = sent.one("state").unwrap_or_default();
    if !setup.keeps(Rule::StateAnyCharacter) && state.contains(['<', '>', '\'']) {
        return Err(("invalid_request", "the state has characters that are not allowed"));
    }
    if setup.makes(Policy::StateLimited) && state.chars().count() > LONGEST_STATE {
        return Err(("invalid_request", "the state is too long"));
    }
    response_type(sent, setup, waiting)?;
    if !client.grant_types.contains(&AUTHORIZATION_CODE) {
        return Err(("unauthorized_client", "the client may not use this grant"));
    }
    let mode = sent.one("response_mode");
    if !matches!(mode, None | Some("query" | "form_post")) && !waiting.web_message {
        return Err(("invalid_request", "the response mode is not supported"));
    }
    if sent.one("scope").is_none() && !setup.keeps(Rule::AuthorizeScopeOptional) {
        return Err(("invalid_request", "there is no scope"));
    }
    waiting.scope = grant_scope(sent.one("scope"), client, setup)
        .ok_or(("invalid_scope", "the scope is unknown or not allowed"))?;
    waiting.resources = indicators::asked(sent, setup)?;
    waiting.challenge = challenge(sent, client, setup, waiting.implicit)?;
    Ok(())
}

/// Source: RFC 6749 §3.1.1, §4.1.2.1 and §4.2.
fn response_type(sent: &Parameters, setup: &Setup, waiting: &mut Waiting) -> Result<(), Refused> {
    let whole = setup.keeps(Rule::ResponseTypeWhole);
    match sent.one("response_type").map(|name| if whole { name } else { name.split(' ').next().unwrap_or_default() }) {
        Some("code") => {}
        None if setup.keeps(Rule::ResponseTypeRequired) => {
            let unsupported = setup.makes(Policy::MissingResponseTypeUnsupported);
            let code = if unsupported { "unsupported_response_type" } else { "invalid_request" };
            return Err((code, "there is no response_type"));
        }
        None => {}
        Some("token") if !setup.keeps(Rule::ImplicitOff) => waiting.implicit = true,
        Some("token") if setup.makes(Policy::ImplicitUnauthorized) => {
            return Err(("unauthorized_client", "the client may not use this grant"));
        }
        Some("token") if setup.makes(Policy::ImplicitRefusedInFragment) => {
            waiting.implicit = true;
            return Err(("unsupported_response_type", "the response type is not supported"));
        }
        Some("token") if !setup.keeps(Rule::ImplicitRefusalNamed) => {
            return Err(("server_error", "the response type is not supported"));
        }
        Some(_) if setup.keeps(Rule::ResponseTypeKnown) => {
            return Err(("unsupported_response_type", "the response type is not supported"));
        }
        Some(_) => {}
    }
    Ok(())
}

/// Challenge and method that a code is tied to; `None` if it is tied to none. Source: RFC 7636 §4.3 and §4.4.1.
fn challenge(
    sent: &Parameters,
    client: &Client,
    setup: &Setup,
    implicit: bool,
) -> Result<Option<(String, String)>, Refused> {
    let Some(challenge) = sent.one("code_challenge") else {
        let public = client.secret.is_none() && setup.keeps(Rule::PkceRequiredForPublic);
        let required = (public || setup.makes(Policy::PkceRequired)) && setup.keeps(Rule::PkceMissingRefused);
        // A token is not redeemed, so nothing is to be proved (RFC 7636 §1).
        if implicit || !required {
            return Ok(None);
        }
        let code = if setup.keeps(Rule::PkceMissingNamed) { "invalid_request" } else { "server_error" };
        return Err((code, "a code_challenge is required"));
    };
    // Without a method it is plain.
    let method = sent.one("code_challenge_method").unwrap_or("plain");
    let method = if setup.keeps(Rule::PkceMethodKnown) || method == "plain" { method } else { "S256" };
    let known = method == "S256" && setup.keeps(Rule::PkceS256Taken)
        || method == "plain" && !setup.keeps(Rule::PkcePlainRefused);
    if !known {
        return Err(("invalid_request", "the code_challenge_method is not supported"));
    }
    if !(43..=128).contains(&challenge.len()) && setup.keeps(Rule::PkceChallengeShape) {
        return Err(("invalid_request", "the code_challenge is malformed"));
    }
    Ok(Some((challenge.to_owned(), method.to_owned())))
}

/// Characters of a state that a server with a limit takes.
const LONGEST_STATE: usize = 200;
