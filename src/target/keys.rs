//! The private keys of an entry, and what is said about them elsewhere in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::mistakes::Mistake;
use crate::jose::{Algorithm, SigningKey};
use crate::oauth::Secret;
use crate::yaml;

/// Members that may hold a key, with the name of their algorithm.
const HOLDERS: [(&str, &str); 5] = [
    ("client", "assertion_algorithm"),
    ("second_client", "assertion_algorithm"),
    ("public_client", "assertion_algorithm"),
    ("resource_server", "assertion_algorithm"),
    ("assertion_grant", "algorithm"),
];

/// Keys by the member that holds them.
pub(super) type Keys = BTreeMap<String, Arc<SigningKey>>;

/// Reads every key; what is wrong with one, or with what goes with it, becomes a mistake in its place.
pub(super) fn read(value: &Value, secrets: &[(String, Secret)], mistakes: &mut Vec<Mistake>) -> Keys {
    let mut keys = Keys::new();
    let secret = |name: &str| secrets.iter().find(|(own, _)| own == name).map(|(_, secret)| secret);
    for (holder, member) in HOLDERS {
        let key = match secret(&format!("{holder}.private_key")).map(|text| SigningKey::read(text.expose())) {
            None => None,
            Some(Ok(key)) => Some(key),
            // What is empty was told when the secrets were taken.
            Some(Err(_)) if mistakes.iter().any(|mistake| mistake.at == format!("/{holder}/private_key")) => continue,
            Some(Err(error)) => {
                let help = Some(error.help().to_owned());
                mistakes.push(Mistake::new(format!("/{holder}/private_key"), error.to_string(), help));
                continue;
            }
        };
        let named = value.get(holder).and_then(|own| own.get(member)).and_then(Value::as_str);
        if let Some(named) = named
            && let Some((message, help)) = unfit(named, key.as_ref(), secret(&format!("{holder}.client_secret")))
        {
            mistakes.push(Mistake::new(format!("/{holder}/{member}"), message, help));
        }
        keys.extend(key.map(|key| (holder.to_owned(), Arc::new(key))));
    }
    if value.get("assertion_grant").is_some_and(Value::is_object) && secret("assertion_grant.private_key").is_none() {
        let help = Some("add `private_key`, from `${file:PATH}` or `${env:NAME}`".to_owned());
        mistakes.push(Mistake::new("/assertion_grant", "JWT grants are signed, and there is no key", help));
    }
    let first = value["token_endpoint_auth_methods"][0].as_str();
    let client = value.get("client").is_some_and(Value::is_object);
    if client && first == Some("private_key_jwt") && secret("client.private_key").is_none() {
        let help = Some("add `private_key`, from `${file:PATH}` or `${env:NAME}`".to_owned());
        mistakes.push(Mistake::new("/client", "private_key_jwt needs the client's key", help));
    }
    keys
}

fn unfit(named: &str, key: Option<&SigningKey>, secret: Option<&Secret>) -> Option<(String, Option<String>)> {
    let Some(algorithm) = Algorithm::of_name(named) else {
        let names: Vec<&str> = Algorithm::names().collect();
        return Some((format!("unknown algorithm `{named}`"), yaml::did_you_mean(named, &names)));
    };
    if algorithm.is_mac() {
        let help = Some("an HMAC goes with `client_secret` (client_secret_jwt)".to_owned());
        return secret.is_none().then(|| (format!("{named} without a secret"), help));
    }
    let own = key.map(|key| key.algorithm().name());
    let message = match (key, own) {
        (Some(key), Some(own)) if !key.fits(algorithm) => format!("{named} does not go with this key, {own} does"),
        (None, _) => format!("{named} without a key"),
        _ => return None,
    };
    Some((message, own.map(|own| format!("leave it away, or write `{own}`"))))
}
