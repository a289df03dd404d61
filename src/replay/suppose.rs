//! The target that a recording was made of, as far as the recording tells.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::facts::Facts;
use super::fit::is_invented;
use super::heard::Heard;
use super::signed::issuer_and_subject;
use crate::target::{self, Target};

/// What the user knows better than the recording.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// The token endpoint.
    pub token_endpoint: Option<String>,
    /// What the client asked for, or may ask for.
    pub scope: Option<String>,
}

/// Puts a target together: the token endpoint is where most token requests went, the client the one that was granted a token, its
/// scope the one that it asked for most often. What was not recorded the target does not claim.
#[must_use]
pub fn suppose(heard: &[Heard], hints: &Hints) -> Target {
    let all: Vec<Facts<'_>> = heard.iter().map(Facts::of).collect();
    let asks = |facts: &Facts<'_>| facts.param("grant_type").is_some() && facts.method() == "POST";
    let token_url = hints
        .token_endpoint
        .clone()
        .or_else(|| most(all.iter().filter(|facts| asks(facts)).filter_map(Facts::base)))
        .or_else(|| most(all.iter().filter(|facts| facts.answer() == "token").filter_map(Facts::base)))
        .or_else(|| {
            // Without a body of the request it is a guess: somebody authenticated, and by POST.
            let basic = |facts: &&Facts<'_>| facts.basic.is_some() && facts.method() == "POST";
            most(all.iter().filter(basic).filter_map(Facts::base))
        });
    let mut entry = json!({});
    let at_token: Vec<&Facts<'_>> = match &token_url {
        None => Vec::new(),
        Some(url) => {
            entry["token_endpoint"] = url.as_str().into();
            let base = url.split(['?', '#']).next().unwrap_or_default();
            all.iter().filter(|facts| facts.base().as_deref() == Some(base)).collect()
        }
    };
    clients(&at_token, &mut entry);
    let own = entry.pointer("/client/client_id").and_then(Value::as_str).map(str::to_owned);
    let ordinary = |facts: &&&Facts<'_>| {
        facts.heard.name.as_deref() == Some("token.client_credentials")
            || facts.param("grant_type") == Some("client_credentials")
                && own.is_some()
                && facts.client_id() == own.as_deref()
    };
    let granted = |facts: &&&Facts<'_>| facts.answer() == "token";
    let scopes = |facts: &&Facts<'_>| facts.param("scope").filter(|scope| !scope.is_empty()).map(str::to_owned);
    let scope = hints
        .scope
        .clone()
        .or_else(|| most(at_token.iter().filter(ordinary).filter(granted).filter_map(scopes)))
        .or_else(|| most(at_token.iter().filter(ordinary).filter_map(scopes)));
    if let Some(scope) = scope {
        entry["scope"] = scope.into();
    }
    others(&all, token_url.as_deref(), &mut entry);
    other_client(&all, &mut entry);
    authorization(&all, token_url.as_deref(), &mut entry);
    grants(&all, &at_token, &mut entry);
    let name = token_url.and_then(|url| url::Url::parse(&url).ok()?.host_str().map(str::to_owned));
    target::of_recording(name.as_deref().unwrap_or("recording"), entry)
}

/// Who asked: the first that was granted a token, or else the first at all; who else was granted one is the second client.
fn clients(at_token: &[&Facts<'_>], entry: &mut Value) {
    let mut known: Vec<(&str, Option<&str>, bool)> = Vec::new();
    let mut refused: Vec<(&str, Option<&str>)> = Vec::new();
    // Who ever proved to be somebody is no public client, although a server may serve it without.
    let proves = |id: &str| {
        let own = at_token.iter().filter(|facts| facts.client_id() == Some(id));
        own.clone().any(|facts| facts.client_secret().is_some() && facts.answer() == "token")
            || own.clone().any(|facts| facts.param("client_assertion").is_some())
    };
    for facts in at_token {
        let Some(id) = facts.client_id().filter(|id| !is_invented(id)) else { continue };
        let (secret, granted) = (facts.client_secret(), facts.answer() == "token");
        let public = secret.is_none() && !proves(id);
        if granted && !known.iter().any(|(known, ..)| *known == id) && (public || secret.is_some() || proves(id)) {
            known.push((id, secret, public));
        } else if granted && let Some((.., own, _)) = known.iter_mut().find(|(known, ..)| *known == id) {
            *own = own.or(secret);
        } else if !granted {
            refused.push((id, secret));
        }
    }
    // The client of the most requests comes first, whoever was granted a token by way of a probe.
    let count = |id: &str| at_token.iter().filter(|facts| facts.client_id() == Some(id)).count();
    known.sort_by_key(|(id, ..)| std::cmp::Reverse(count(id)));
    let mut confidential = known.iter().filter(|(.., public)| !public);
    let mut public = known.iter().filter(|(.., public)| *public).map(|(id, secret, _)| (*id, *secret));
    let first = confidential.next().map(|(id, secret, _)| (*id, *secret));
    if first.is_some()
        && let Some((id, _)) = public.clone().next()
    {
        entry["public_client"] = json!({"client_id": id});
    }
    let first = first.or_else(|| public.next()).or_else(|| refused.first().copied());
    let client = |(id, secret): (&str, Option<&str>)| match secret {
        Some(secret) => json!({"client_id": id, "client_secret": secret}),
        None => json!({"client_id": id}),
    };
    if let Some(first) = first {
        entry["client"] = client(first);
    }
    if let Some((id, secret, _)) = confidential.next() {
        entry["second_client"] = client((id, *secret));
    }
    let mut methods: Vec<&str> = Vec::new();
    // A way that was refused may be one that the endpoint never promised.
    let own = |facts: &&&Facts<'_>| first.is_some_and(|(id, _)| facts.client_id() == Some(id));
    let granted = at_token.iter().filter(own).any(|facts| facts.answer() == "token");
    for facts in at_token.iter().filter(own).filter(|facts| !granted || facts.answer() == "token") {
        let method = match (&facts.basic, facts.param("client_secret"), facts.param("client_assertion")) {
            (Some(_), ..) => "client_secret_basic",
            (None, Some(_), _) => "client_secret_post",
            (None, None, Some(_)) => "private_key_jwt",
            (None, None, None) => continue,
        };
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    if !methods.is_empty() {
        entry["token_endpoint_auth_methods"] = json!(methods);
    }
    if at_token.iter().any(|facts| facts.is_json && facts.answer() == "token") {
        entry["request_content_types"] = json!(["form", "json"]);
    }
}

/// A second client that was never granted a token of its own: it was shown what tokens are, more than once, with the same secret.
fn other_client(all: &[Facts<'_>], entry: &mut Value) {
    let own = entry.pointer("/client/client_id").and_then(Value::as_str).map(str::to_owned);
    if own.is_none() || entry.get("second_client").is_some() {
        return;
    }
    let shown = all.iter().filter(|facts| facts.answer() == "introspection");
    let pairs = shown.filter_map(|facts| Some((facts.client_id()?, facts.client_secret()?)));
    let mut counts: indexmap::IndexMap<(&str, &str), usize> = indexmap::IndexMap::new();
    pairs
        .filter(|(id, _)| Some(*id) != own.as_deref() && !is_invented(id))
        .for_each(|pair| *counts.entry(pair).or_default() += 1);
    if let Some(((id, secret), _)) = counts.into_iter().find(|(_, count)| *count > 1) {
        entry["second_client"] = json!({"client_id": id, "client_secret": secret});
    }
}

/// The endpoints beside the token endpoint.
fn others(all: &[Facts<'_>], token_url: Option<&str>, entry: &mut Value) {
    let member = |facts: &Facts<'_>, name: &str| facts.document.pointer(&format!("/response/json/{name}")).cloned();
    let takes_token = |facts: &&Facts<'_>| facts.method() == "POST" && facts.param("token").is_some();
    let introspection =
        most(all.iter().filter(takes_token).filter(|facts| facts.answer() == "introspection").filter_map(Facts::base));
    let named = |facts: &&Facts<'_>| facts.base().is_some_and(|url| url.to_ascii_lowercase().contains("revo"));
    let other = |facts: &&Facts<'_>| facts.base() != introspection && facts.base().as_deref() != token_url;
    let revocation = most(all.iter().filter(takes_token).filter(named).filter(other).filter_map(Facts::base))
        .or_else(|| most(all.iter().filter(takes_token).filter(other).filter_map(Facts::base)));
    for (name, url) in [("introspection_endpoint", &introspection), ("revocation_endpoint", &revocation)] {
        if let Some(url) = url {
            entry[name] = url.as_str().into();
        }
    }
    // Source: RFC 7591 §3.1.
    let registers =
        |facts: &&Facts<'_>| facts.method() == "POST" && facts.is_json && facts.pair("redirect_uris").is_some();
    if let Some(url) = most(all.iter().filter(registers).filter_map(Facts::base)) {
        entry["registration_endpoint"] = url.into();
    }
    let got = |facts: &&Facts<'_>| facts.method() == "GET";
    let well_known = |facts: &&Facts<'_>| facts.base().is_some_and(|url| url.contains("/.well-known/"));
    let metadata = all.iter().filter(got).find(|facts| well_known(facts) && member(facts, "issuer").is_some());
    if let Some(facts) = metadata {
        entry["metadata_url"] = facts.base().into();
        entry["issuer"] = issuer_of(facts, member(facts, "issuer")).into();
    }
    let keys = all.iter().filter(got).find(|facts| member(facts, "keys").is_some_and(|keys| keys.is_array()));
    if let Some(url) = keys.and_then(Facts::base) {
        entry["jwks_uri"] = url.into();
    }
    let known = [token_url.map(str::to_owned), introspection, revocation];
    let calls =
        |facts: &&Facts<'_>| facts.bearer().is_some() && facts.base().is_some_and(|url| !known.contains(&Some(url)));
    if let Some(url) = most(all.iter().filter(calls).filter_map(Facts::base)) {
        let method = all.iter().filter(calls).find(|facts| facts.base().as_ref() == Some(&url)).map(Facts::method);
        entry["resource"] = json!({"url": url, "method": method});
    }
}

/// Whose metadata was asked for; `None` where the document has it with a slash at the end, which the URL does not show.
///
/// Source: RFC 8414 §3.1; OpenID Connect Discovery 1.0 §4.
fn issuer_of(facts: &Facts<'_>, says: Option<Value>) -> Option<String> {
    let url = facts.url.as_ref()?;
    let (before, behind) = url.path().split_once("/.well-known/")?;
    // The name of the document is one segment, and what follows it is the issuer's path.
    let rest = behind.split_once('/').map(|(_, rest)| format!("/{rest}")).unwrap_or_default();
    let asked = format!("{}{before}{rest}", url.origin().ascii_serialization());
    let unknown = says.as_ref().and_then(Value::as_str).and_then(|says| says.strip_suffix('/')) == Some(&asked);
    (!unknown).then_some(asked)
}

/// The authorization endpoint, and what clients registered for it: the redirect URIs and scopes that they asked with most often.
fn authorization(all: &[Facts<'_>], token_url: Option<&str>, entry: &mut Value) {
    let pairs = |facts: &Facts<'_>| -> Vec<(String, String)> {
        facts.query.iter().chain(facts.params.iter().flatten()).cloned().collect()
    };
    let says = |facts: &Facts<'_>, wanted: &str| {
        pairs(facts)
            .into_iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
    };
    let asks = |facts: &&Facts<'_>| {
        facts.base().as_deref() != token_url
            && says(facts, "response_type").is_some()
            && says(facts, "client_id").is_some()
    };
    let asked: Vec<&Facts<'_>> = all.iter().filter(asks).collect();
    let Some(endpoint) = most(asked.iter().filter_map(|facts| facts.base())) else { return };
    entry["authorization_endpoint"] = endpoint.as_str().into();
    if entry.pointer("/client/client_id").is_none()
        && let Some(id) = most(asked.iter().filter_map(|facts| says(facts, "client_id")))
    {
        entry["client"] = json!({"client_id": id});
    }
    for client in ["client", "second_client", "public_client"] {
        let Some(id) = entry[client]["client_id"].as_str().map(str::to_owned) else { continue };
        let own = || asked.iter().filter(|facts| says(facts, "client_id").as_deref() == Some(id.as_str()));
        // One that a code was given for stands before one that was only asked for.
        let redeemed = |facts: &&Facts<'_>| facts.answer() == "token" && facts.client_id() == Some(id.as_str());
        let redeemed = all.iter().filter(redeemed).filter_map(|facts| facts.param("redirect_uri").map(str::to_owned));
        if let Some(uri) = most(redeemed).or_else(|| most(own().filter_map(|facts| says(facts, "redirect_uri")))) {
            entry[client]["redirect_uri"] = uri.as_str().into();
            if client == "client" {
                entry["redirect_uri"] = uri.into();
            }
        }
        if client == "client"
            && let Some(scope) = most(own().filter_map(|facts| says(facts, "scope")))
        {
            entry["authorization_scope"] = scope.into();
        }
    }
}

/// What tokens were granted for: grants, resources by name, and who speaks for clients in JWT grants.
fn grants(all: &[Facts<'_>], at_token: &[&Facts<'_>], entry: &mut Value) {
    let granted = || at_token.iter().filter(|facts| facts.answer() == "token");
    let mut types: Vec<&str> = granted().filter_map(|facts| facts.pair("grant_type")).collect();
    types.sort_unstable();
    types.dedup();
    if !types.is_empty() {
        entry["grant_types"] = json!(types);
    }
    // Absolute and without a fragment, as RFC 8707 §2 wants them: a server that grants others is a faulty one.
    let named = granted().flat_map(|facts| facts.params.iter().flatten()).filter(|(name, _)| name == "resource");
    let named = named.filter(|(_, value)| url::Url::parse(value).is_ok_and(|url| url.fragment().is_none()));
    let mut counts: indexmap::IndexMap<&str, usize> = indexmap::IndexMap::new();
    named.for_each(|(_, value)| *counts.entry(value).or_default() += 1);
    // The one whose tokens were taken is the resource that was called.
    let taken: Vec<&str> = all.iter().filter(|facts| facts.answer() == "success").filter_map(Facts::bearer).collect();
    let token = |facts: &Facts<'_>| facts.document.pointer("/response/json/access_token")?.as_str().map(str::to_owned);
    let own = |resource: &str| {
        let mut of = granted().filter(|facts| facts.param("resource") == Some(resource));
        of.any(|facts| token(facts).is_some_and(|token| taken.contains(&token.as_str())))
    };
    counts.sort_by_cached_key(|resource, count| (!own(resource), std::cmp::Reverse(*count)));
    let resources: Vec<&str> = counts.into_keys().collect();
    if !resources.is_empty() {
        entry["resource_indicators"] = json!(resources);
    }
    let spoken = granted().filter_map(|facts| issuer_and_subject(facts.param("assertion")?));
    if let Some(one) = most(spoken.map(|(issuer, subject)| format!("{issuer}\n{subject}")))
        && let Some((issuer, subject)) = one.split_once('\n')
    {
        entry["assertion_grant"] = json!({"issuer": issuer, "subject": subject});
    }
}

/// The most frequent one, the first of several.
fn most(all: impl Iterator<Item = String>) -> Option<String> {
    let mut counts: HashMap<String, (usize, usize)> = HashMap::new();
    for (nth, one) in all.enumerate() {
        counts.entry(one).or_insert((0, nth)).0 += 1;
    }
    counts.into_iter().max_by_key(|(_, (count, nth))| (*count, std::cmp::Reverse(*nth))).map(|(one, _)| one)
}
