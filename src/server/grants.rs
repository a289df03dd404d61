//! The token endpoint and its one grant, client credentials.

use serde_json::{Map, Value};

use super::authenticate::authenticate;
use super::authorize::hex;
use super::endpoints::Turn;
use super::message::{Reply, Request};
use super::parameters::Parameters;
use super::setup::{AUTHORIZATION_CODE, CLIENT_CREDENTIALS, Client, REFRESH_TOKEN, Setup, UNGRANTED};
use super::{Policy, Rule, codes, errors, token};

/// Answers at the token endpoint. Source: RFC 6749 §3.2 and §4.4.
pub(super) fn answer(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    if limited(turn) {
        let seconds = setup.dialect.overrides.retry_after.unwrap_or(1);
        return Err(Reply::text("http.429", 429, "too many requests\n").with("retry-after", seconds.to_string()));
    }
    if request.method != "POST" && (request.method != "GET" || setup.keeps(Rule::TokenPostOnly)) {
        return Err(foreign_method(request, setup));
    }
    if setup.makes(Policy::AcceptRequired) && !takes_json(request) {
        return Err(Reply::text("http.406", 406, "only application/json is to be had\n"));
    }
    if request.header("cache-control").next().is_some() && !setup.keeps(Rule::RequestCacheControlIgnored) {
        return Err(Reply::text("http.400", 400, "bad request\n"));
    }
    let sent = Parameters::read(request, setup)?;
    let caller = authenticate(request, &sent, turn)?;
    let grant_type = grant_type(&sent, setup)?;
    if !caller.client.grant_types.contains(&grant_type) && setup.keeps(Rule::ClientGrantChecked) {
        return Err(errors::error(setup, "unauthorized_client", "the client may not use this grant"));
    }
    match grant_type {
        AUTHORIZATION_CODE => codes::authorization_code(&sent, &caller, turn),
        REFRESH_TOKEN => codes::refresh_token(&sent, &caller, turn),
        _ => client_credentials(&sent, caller.client, turn),
    }
}

/// Source: RFC 6749 §4.4.3 and §5.1.
fn client_credentials(sent: &Parameters, client: &Client, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    let requested = sent.one("scope");
    let granted = grant_scope(requested, client, setup)
        .ok_or_else(|| errors::error(setup, "invalid_scope", "the scope is unknown or not allowed"))?;
    let mut reply = token_answer(requested, &granted, client, turn);
    if !setup.keeps(Rule::CcNoRefreshToken) {
        reply = reply.with_member("refresh_token", hex(&turn.state.draw()));
    }
    Ok(reply)
}

/// A token and what is said of it. Source: RFC 6749 §5.1.
pub(super) fn token_answer(requested: Option<&str>, granted: &str, client: &Client, turn: &mut Turn<'_>) -> Reply {
    let setup = turn.setup;
    let access_token = token::issue(setup, turn.state, turn.now_ms, client, granted);
    let mut members = Map::new();
    members.insert("access_token".to_owned(), Value::from(access_token));
    let token_type = match () {
        () if setup.makes(Policy::JsonCaseUpper) => "BEARER",
        () if setup.makes(Policy::JsonCase) => "bearer",
        () => "Bearer",
    };
    members.insert("token_type".to_owned(), Value::from(token_type));
    if !setup.makes(Policy::ExpiresInAbsent) {
        members.insert("expires_in".to_owned(), Value::from(setup.expires_in));
    }
    let differs = requested.is_none_or(|requested| !same_words(requested, granted, setup));
    if setup.makes(Policy::ScopeAlwaysReported) || differs && setup.keeps(Rule::ScopeReported) {
        members.insert("scope".to_owned(), Value::from(granted));
    }
    Reply::json("token.issued", 200, members)
}

fn limited(turn: &Turn<'_>) -> bool {
    let recent = |at_ms: u64| match turn.setup.dialect.overrides.rate_window_ms {
        Some(window) => turn.now_ms < at_ms.saturating_add(window),
        None => true,
    };
    turn.setup.makes(Policy::RateLimitedAlways)
        || turn.setup.makes(Policy::RateLimited) && turn.state.refused_at_ms.is_some_and(recent)
}

fn foreign_method(request: &Request, setup: &Setup) -> Reply {
    match request.method.as_str() {
        "GET" if setup.makes(Policy::Get404) => Reply::text("http.404", 404, "not found\n"),
        "GET" if setup.makes(Policy::Get400) => errors::error(setup, "invalid_request", "the method must be POST"),
        "GET" if setup.makes(Policy::Get401) => errors::invalid_client(setup, true, "the method must be POST"),
        _ => errors::method_not_allowed("POST"),
    }
}

/// Whether the client has room for JSON; it has if it says nothing. Source: RFC 9110 §12.5.1.
fn takes_json(request: &Request) -> bool {
    let ranges: Vec<String> =
        request.header("accept").map(|value| String::from_utf8_lossy(value).to_ascii_lowercase()).collect();
    let mut ranges = ranges.iter().flat_map(|value| value.split(',')).peekable();
    ranges.peek().is_none()
        || ranges.any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let fits = matches!(parts.next(), Some("*/*" | "application/*" | "application/json"));
            fits && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
}

fn grant_type(sent: &Parameters, setup: &Setup) -> Result<&'static str, Reply> {
    match sent.one("grant_type") {
        Some(CLIENT_CREDENTIALS) => Ok(CLIENT_CREDENTIALS),
        Some(AUTHORIZATION_CODE) => Ok(AUTHORIZATION_CODE),
        Some(REFRESH_TOKEN) => Ok(REFRESH_TOKEN),
        Some(other) if !setup.keeps(Rule::GrantTypeCaseSensitive) && other.eq_ignore_ascii_case(CLIENT_CREDENTIALS) => {
            Ok(CLIENT_CREDENTIALS)
        }
        Some(_) if !setup.keeps(Rule::GrantTypeKnown) => Ok(CLIENT_CREDENTIALS),
        Some(_) if setup.makes(Policy::UnknownGrantUnauthorizedClient) => {
            Err(errors::error(setup, "unauthorized_client", "the client may not use this grant"))
        }
        Some(_) => Err(errors::error(setup, "unsupported_grant_type", "the grant type is not supported")),
        None if !setup.keeps(Rule::GrantTypeRequired) => Ok(CLIENT_CREDENTIALS),
        None if setup.makes(Policy::MissingGrantUnsupported) => {
            Err(errors::error(setup, "unsupported_grant_type", "there is no grant_type"))
        }
        None => Err(errors::error(setup, "invalid_request", "there is no grant_type")),
    }
}

/// The scope that is granted, its words separated by single spaces; `None` if the request must be refused.
///
/// Source: RFC 6749 §3.3. Without a request, or if nothing of it is left, the client gets the default.
pub(super) fn grant_scope(requested: Option<&str>, client: &Client, setup: &Setup) -> Option<String> {
    let mut granted: Vec<&str> = Vec::new();
    for word in words(requested.unwrap_or_default()) {
        let own = client.scopes.iter().find(|own| equal(own, word, setup)).map(String::as_str);
        let skipped = if word == UNGRANTED { Rule::ScopeGrantedOnly } else { Rule::ScopeKnown };
        match own.or_else(|| (!setup.keeps(skipped)).then_some(word)) {
            Some(word) if granted.contains(&word) => {}
            Some(word) => granted.push(word),
            None if setup.makes(Policy::ScopeNarrow) => {}
            None => return None,
        }
    }
    let place = |word: &&str| client.scopes.iter().position(|own| own == word);
    if !setup.keeps(Rule::ScopeOrderFree) && !granted.is_sorted_by_key(place) {
        return None;
    }
    let refused = requested.is_none() && setup.makes(Policy::ScopeRequired)
        || requested == Some("") && !setup.keeps(Rule::ParametersEmptyIsAbsent);
    match granted.is_empty() {
        true if refused => None,
        true => Some(setup.default_scope.clone()),
        false => Some(granted.join(" ")),
    }
}

pub(super) fn words(scope: &str) -> impl Iterator<Item = &str> {
    scope.split(' ').filter(|word| !word.is_empty())
}

fn equal(left: &str, right: &str, setup: &Setup) -> bool {
    left == right || !setup.keeps(Rule::ScopeCaseSensitive) && left.eq_ignore_ascii_case(right)
}

fn same_words(left: &str, right: &str, setup: &Setup) -> bool {
    let within = |some: &str, all: &str| words(some).all(|word| words(all).any(|other| equal(word, other, setup)));
    within(left, right) && within(right, left)
}
