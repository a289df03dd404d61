//! What an exchange needs of a target, and whether the target claims it.

use serde_json::Value;

use crate::suite::Exchange;
use crate::suite::files::{Absentable, Who};
use crate::suite::reference::{self, Source};
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
            Who::SecondClient => "second_client",
            Who::PublicClient => "public_client",
            Who::Stranger => "token_endpoint",
        };
        if !target.claims(client) {
            return Some(client.to_owned());
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
    for text in [&file.url, &file.raw].into_iter().flatten() {
        look(&Value::String(text.clone()));
    }
    if let Some(Absentable::Is(authenticate)) = &file.authenticate {
        for text in [&authenticate.client_id, &authenticate.client_secret].into_iter().flatten() {
            look(&Value::String(text.clone()));
        }
    }
    missing
}
