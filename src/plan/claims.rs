//! What an exchange needs of a target, and whether the target claims it.

use serde_json::Value;

use crate::suite::files::{Absentable, Authenticate, By, Jwt, Kind, Who};
use crate::suite::reference::{self, Source};
use crate::suite::{Catalogue, Exchange};
use crate::target::Target;

/// What the target does not claim of what an exchange needs; `None` when it claims everything.
pub(super) fn unclaimed(exchange: &Exchange, target: &Target) -> Option<String> {
    let file = &exchange.file;
    if let Some(word) = file.needs.iter().find(|word| !target.claims(word)) {
        return Some(word.clone());
    }
    if let Some(endpoint) = file.endpoint.filter(|_| file.url.is_none())
        && !target.claims(endpoint.name())
    {
        return Some(endpoint.name().to_owned());
    }
    if let Some(Absentable::Is(authenticate)) = &file.authenticate {
        let client = match authenticate.who {
            Who::Client | Who::ResourceServer => "client",
            Who::AssertionGrant => "assertion_grant",
            Who::SecondClient => "second_client",
            Who::PublicClient => "public_client",
            Who::Stranger => "token_endpoint",
        };
        if !target.claims(client) {
            return Some(client.to_owned());
        }
        if let Some(word) = authenticate.by.and_then(|by| unclaimed_method(by, authenticate, target)) {
            return Some(word.to_owned());
        }
    }
    let mut missing = None;
    let mut look = |value: &Value| {
        reference::each(value, &mut |reference| {
            if let Source::Target(path) = &reference.source
                && !reference.optional
                && missing.is_none()
                && target.value(path).is_none()
            {
                missing = Some(path.join("."));
            }
        });
    };
    for map in [&file.headers, &file.query, &file.params, &file.lets] {
        map.values().for_each(&mut look);
    }
    let own = match &file.authenticate {
        Some(Absentable::Is(authenticate)) => authenticate.jwt.as_ref(),
        _ => None,
    };
    for jwt in file.jwts.values().chain(own) {
        [&jwt.claims, &jwt.again, &jwt.header].into_iter().flat_map(|map| map.values()).for_each(&mut look);
    }
    for text in [&file.url, &file.raw].into_iter().flatten() {
        look(&Value::String(text.clone()));
    }
    if let Some(Absentable::Is(authenticate)) = &file.authenticate {
        for text in [&authenticate.client_id, &authenticate.client_secret].into_iter().flatten() {
            look(&Value::String(text.clone()));
        }
    }
    let signer = |jwt: &Jwt| jwt.of.unwrap_or_default().member();
    missing.or_else(|| file.jwts.values().map(signer).find(|member| !signs(target, member)).map(str::to_owned))
}

/// Whether a member of the target can sign at all.
fn signs(target: &Target, member: &str) -> bool {
    target.key(member).is_some() || target.text(&format!("{member}.client_secret")).is_some()
}

/// The method that an exchange insists on, if the target has not what it takes.
///
/// That the endpoint refuses a secret where the client has none, or a pair where pairs are never taken, would show nothing.
fn unclaimed_method(by: By, authenticate: &Authenticate, target: &Target) -> Option<&'static str> {
    let own = authenticate.who == Who::Client;
    let pairs = target.claims("client_secret_basic") || target.claims("client_secret_post");
    match by {
        By::Assertion if !target.claims("client_assertion") => Some("private_key_jwt or client_secret_jwt"),
        By::PrivateKeyJwt if !target.claims("private_key_jwt") => Some("private_key_jwt"),
        By::ClientSecretJwt if !target.claims("client_secret_jwt") => Some("client_secret_jwt"),
        _ if !by.sends_secret() => None,
        _ if own && authenticate.client_secret.is_none() && !target.claims("client_secret") => Some("client_secret"),
        _ => (!pairs && target.claims("client_assertion")).then_some("client_secret_basic"),
    }
}

/// Whether values of an exchange come from a walk: a code is good once, and asking again would take another login's worth of requests.
pub(super) fn rests_on_a_walk(catalogue: &Catalogue, name: &str) -> bool {
    let exchange = catalogue.exchanges.get(name);
    exchange.is_some_and(|exchange| {
        exchange.file.kind == Some(Kind::Authorize)
            || exchange.takes_from.iter().any(|source| source != name && rests_on_a_walk(catalogue, source))
    })
}
