//! The token endpoint, its grants by name, and client credentials.

use serde_json::{Map, Value};

use super::authenticate::{Caller, authenticate};
use super::authorize::hex;
use super::endpoints::Turn;
use super::message::{Reply, Request};
use super::parameters::Parameters;
use super::setup::{
    AUTHORIZATION_CODE, CLIENT_CREDENTIALS, Client, JWT_BEARER, OTHER_SCOPE, PASSWORD, REFRESH_TOKEN, Setup,
    TOKEN_EXCHANGE, UNGRANTED, USER_GRANTS,
};
use super::token::{self, Granted};
use super::{Policy, Rule, assertion, codes, errors, indicators, token_exchange, user_grants};

/// Answers at the token endpoint. Source: RFC 6749 §3.2 and §4.4, RFC 7523 §2.1.
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
    if setup.makes(Policy::GrantTypeFirst) {
        grant_type(&sent, setup)?;
    }
    let caller = if without_client(request, &sent, setup) {
        Caller { client: setup.main(), confidential: true }
    } else {
        authenticate(request, &sent, turn)?
    };
    if sent.one("grant_type") == Some(PASSWORD) && !setup.keeps(Rule::PasswordGrantUnknown) {
        return by_password(&sent, caller.client, turn);
    }
    let grant_type = grant_type(&sent, setup)?;
    let registered = caller.client.grant_types.contains(&grant_type) || setup.extra_grants.contains(&grant_type);
    if !registered && setup.keeps(Rule::ClientGrantChecked) {
        return Err(errors::error(setup, "unauthorized_client", "the client may not use this grant"));
    }
    // What was issued here is looked at; anything else is refused as invented.
    match grant_type {
        AUTHORIZATION_CODE if codes::knows_code(&sent, turn) => {
            return codes::authorization_code(&sent, &caller, turn);
        }
        REFRESH_TOKEN if codes::knows_refresh_token(&sent, turn) => return codes::refresh_token(&sent, &caller, turn),
        AUTHORIZATION_CODE | REFRESH_TOKEN | PASSWORD => user_grants::check(grant_type, &sent, turn)?,
        _ => {}
    }
    match grant_type {
        TOKEN_EXCHANGE => token_exchange::answer(&sent, caller.client, turn),
        JWT_BEARER => {
            assertion::grant(&sent, turn)?;
            own_grant(&sent, caller.client, Rule::JwtGrantNoRefreshToken, turn)
        }
        _ => own_grant(&sent, caller.client, Rule::CcNoRefreshToken, turn),
    }
}

/// Beside a JWT grant clients need not authenticate; credentials that are there count. Source: RFC 7521 §4.1.
fn without_client(request: &Request, sent: &Parameters, setup: &Setup) -> bool {
    let silent = request.header("authorization").next().is_none()
        && ["client_id", "client_secret", "client_assertion"].iter().all(|name| sent.one(name).is_none());
    sent.one("grant_type") == Some(JWT_BEARER) && (silent || !setup.keeps(Rule::JwtGrantClientChecked))
}

/// Source: RFC 6749 §4.4.3 and §5.1.
fn own_grant(sent: &Parameters, client: &Client, without_refresh: Rule, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    let requested = sent.one("scope");
    let granted = grant_scope(requested, client, setup)
        .ok_or_else(|| errors::error(setup, "invalid_scope", "the scope is unknown or not allowed"))?;
    let named = indicators::audience(sent, setup)?;
    // Its own audience, since another resource is meant (RFC 9068 §3 and §5).
    let other = words(&granted).any(|word| word == OTHER_SCOPE) && setup.keeps(Rule::TokenAudienceByScope);
    let audience = if other { vec![format!("{}/orders", setup.origin)] } else { named };
    let access_token = token::issue(Granted { client, scope: &granted, audience, claims: Map::new() }, turn);
    let mut reply = Reply::json("token.issued", 200, members(setup, access_token, requested, &granted));
    if !setup.keeps(without_refresh) {
        reply = reply.with_member("refresh_token", hex(&turn.state.draw()));
    }
    Ok(reply)
}

/// What every answer with a token has. Source: RFC 6749 §5.1.
pub(super) fn members(
    setup: &Setup,
    access_token: String,
    requested: Option<&str>,
    granted: &str,
) -> Map<String, Value> {
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
    members
}

/// The grant that no server should have any more. Source: RFC 6749 §4.3.
fn by_password(sent: &Parameters, client: &Client, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let of =
        |name| sent.one(name).ok_or_else(|| errors::error(turn.setup, "invalid_request", "a parameter is missing"));
    if (of("username")?, of("password")?) != OWNER {
        return Err(errors::error(turn.setup, "invalid_grant", "the user is unknown or the password is wrong"));
    }
    own_grant(sent, client, Rule::CcNoRefreshToken, turn)
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
        Some(TOKEN_EXCHANGE) => Ok(TOKEN_EXCHANGE),
        Some(JWT_BEARER) => Ok(JWT_BEARER),
        Some(AUTHORIZATION_CODE) => Ok(AUTHORIZATION_CODE),
        Some(REFRESH_TOKEN) => Ok(REFRESH_TOKEN),
        Some(other) if !setup.keeps(Rule::GrantTypeCaseSensitive) && other.eq_ignore_ascii_case(CLIENT_CREDENTIALS) => {
            Ok(CLIENT_CREDENTIALS)
        }
        Some(other) if !setup.keeps(Rule::GrantTypeWhole) && other.starts_with(CLIENT_CREDENTIALS) => {
            Ok(CLIENT_CREDENTIALS)
        }
        Some(other) if setup.extra_grants.contains(&other) => {
            Ok(USER_GRANTS.into_iter().find(|own| *own == other).unwrap_or(CLIENT_CREDENTIALS))
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
    let whole = requested.unwrap_or_default();
    // A cut in the middle of a word leaves the words before it.
    let cut = whole.get(..COLUMN).map_or(whole, |cut| cut.rsplit_once(' ').map_or("", |(words, _)| words));
    let whole = if setup.keeps(Rule::ScopeWhole) { whole } else { cut };
    let read = if setup.keeps(Rule::ScopeAllWords) { usize::MAX } else { 1 };
    for word in words(whole).take(read) {
        let own = client.scopes.iter().find(|own| equal(own, word, setup)).map(String::as_str);
        let own = own.or_else(|| (word == OTHER_SCOPE).then_some(OTHER_SCOPE));
        let skipped = if word == UNGRANTED { Rule::ScopeGrantedOnly } else { Rule::ScopeKnown };
        match own.or_else(|| (!setup.keeps(skipped)).then_some(word)) {
            Some(word) if granted.contains(&word) => {}
            Some(word) => granted.push(word),
            None if setup.makes(Policy::ScopeNarrow) => {}
            None => return None,
        }
    }
    // Which of the two resources the token would be for cannot be said (RFC 9068 §3).
    if granted.len() > 1 && granted.contains(&OTHER_SCOPE) && setup.keeps(Rule::ScopeOneResource) {
        return None;
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

/// What a database column for texts holds by default.
const COLUMN: usize = 255;
/// The one resource owner of a server that has the password grant.
const OWNER: (&str, &str) = ("alice", "wonderland");
