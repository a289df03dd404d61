//! The protected resource `/invoices`: GET with `invoices.read`, POST with `invoices.write`.

use serde_json::{Value, json};

use super::endpoints::Turn;
use super::message::{Reply, Request};
use super::parameters::Parameters;
use super::setup::{RESOURCE_READ, RESOURCE_WRITE, Setup};
use super::{Policy, Rule, errors, indicators, token};

/// Answers at the resource. Source: RFC 6750 §2.1 and §3, RFC 6749 §7.
pub(super) fn answer(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    let scope = match request.method.as_str() {
        "GET" | "HEAD" => RESOURCE_READ,
        "POST" => RESOURCE_WRITE,
        _ => return Err(errors::method_not_allowed("GET, HEAD, POST")),
    };
    if scope == RESOURCE_READ && setup.makes(Policy::ResourceReadingPublic) {
        return Ok(content(request));
    }
    let longest = request.header("authorization").map(<[u8]>::len).max().unwrap_or_default();
    if !setup.keeps(Rule::ResourceLongHeader) && longest > SHORT_HEADER {
        return Err(Reply::text("http.431", 431, "request header fields too large\n"));
    }
    if !setup.keeps(Rule::ResourceLongSurvived) && longest > LONG_HEADER {
        return Err(Reply::crash());
    }
    let Some(sent) = sent_token(request, setup)? else {
        return if setup.keeps(Rule::ResourceTokenRequired) {
            Err(challenge(setup, "", 401, ""))
        } else {
            Ok(content(request))
        };
    };
    let token = taken_for(&sent.token, turn).unwrap_or(sent.token);
    let content = || match sent.in_header {
        false if setup.keeps(Rule::ResourceQueryPrivate) => content(request).with("cache-control", "private"),
        _ => content(request),
    };
    if !setup.keeps(Rule::ResourceUnsignedHandled) && token::is_unsigned(&token) {
        return Err(Reply::crash());
    }
    let known = turn.state.token(&token).cloned();
    let facts = match known.or_else(|| token::believed(setup, turn.state, &token)) {
        _ if !setup.keeps(Rule::ResourceTokenAccepted) => return Err(invalid_token(setup)),
        Some(facts) => facts,
        None if setup.keeps(Rule::ResourceTokenKnown) => return Err(invalid_token(setup)),
        None => return Ok(content()),
    };
    let expired = turn.now_ms >= facts.expires_ms && setup.keeps(Rule::ResourceExpiryChecked);
    let foreign = !indicators::is_for_resource(&facts.audience, setup) && setup.keeps(Rule::ResourceAudienceChecked);
    if expired || facts.revoked || foreign {
        return Err(invalid_token(setup));
    }
    if facts.scope.split(' ').any(|word| word == scope) || !setup.keeps(Rule::ResourceScopeChecked) {
        return Ok(content());
    }
    if setup.makes(Policy::Resource404Hidden) {
        return Err(Reply::text("http.404", 404, "not found\n"));
    }
    let parameters = format!("error=\"insufficient_scope\", scope=\"{scope}\"");
    Err(challenge(setup, ".insufficient_scope", 403, &parameters))
}

fn invalid_token(setup: &Setup) -> Reply {
    challenge(setup, ".invalid_token", 401, "error=\"invalid_token\"")
}

/// A token as it was sent.
struct Sent {
    token: String,
    in_header: bool,
}

/// The token of a request, from the header alone unless a fault looks elsewhere.
fn sent_token(request: &Request, setup: &Setup) -> Result<Option<Sent>, Reply> {
    let invalid_request = || challenge(setup, ".invalid_request", 400, "error=\"invalid_request\"");
    let headers: Vec<&[u8]> = request.header("authorization").collect();
    if headers.len() > 1 {
        return Err(invalid_request());
    }
    let value = headers.first().map(|value| String::from_utf8_lossy(value));
    if !setup.keeps(Rule::ResourceEmptyRefused) && value.as_deref() == Some("Bearer") {
        return Err(Reply::crash());
    }
    let in_header = value.as_deref().and_then(|value| value.split_once(' ')).and_then(|(scheme, token)| {
        // Scheme names have no case (RFC 9110 §11.1).
        let bearer = scheme == "Bearer"
            || setup.keeps(Rule::ResourceSchemeCaseInsensitive) && scheme.eq_ignore_ascii_case("Bearer")
            || !setup.keeps(Rule::ResourceSchemeChecked);
        bearer.then(|| Sent { token: token.trim_matches(' ').to_owned(), in_header: true })
    });
    if setup.keeps(Rule::ResourceHeaderOnly) {
        return Ok(in_header);
    }
    let elsewhere = [Parameters::of_query(request), Parameters::of_form(request)];
    let elsewhere = elsewhere.iter().find_map(|sent| sent.one("access_token")).map(str::to_owned);
    match (in_header, elsewhere) {
        (Some(_), Some(_)) if setup.keeps(Rule::ResourceOneMethod) => Err(invalid_request()),
        (Some(sent), _) => Ok(Some(sent)),
        (None, elsewhere) => Ok(elsewhere.map(|token| Sent { token, in_header: false })),
    }
}

/// The issued token that a careless comparison takes another one for.
fn taken_for(token: &str, turn: &Turn<'_>) -> Option<String> {
    let setup = turn.setup;
    let cut = |text: &str| text.get(..COMPARED).map(str::to_owned);
    turn.state
        .tokens()
        .find(|own| {
            let begins = !setup.keeps(Rule::ResourceTokenWhole) && token.starts_with(own.as_str());
            begins
                || !setup.keeps(Rule::ResourceTokenCompared) && cut(token).is_some_and(|begin| cut(own) == Some(begin))
        })
        .cloned()
}

fn content(request: &Request) -> Reply {
    let members = match request.method.as_str() {
        "POST" => json!({ "accepted": true }),
        _ => json!({ "invoices": [{ "number": "INV-1", "total": "119.00", "currency": "EUR" }] }),
    };
    let members = match members {
        Value::Object(members) => members,
        _ => serde_json::Map::new(),
    };
    Reply::json("content", 200, members)
}

/// Source: RFC 6750 §3; without a token no error is named (§3.1).
fn challenge(setup: &Setup, suffix: &str, status: u16, parameters: &str) -> Reply {
    let value = errors::challenge(setup, format!("Bearer {parameters}").trim_end());
    Reply::new(format!("challenge{suffix}"), status).with("www-authenticate", value)
}

/// What servers with the header limit of an old default read.
const SHORT_HEADER: usize = 4096;
/// Beyond what a database column of 8 KiB takes.
const LONG_HEADER: usize = 10_000;
/// How many characters a careless comparison looks at.
const COMPARED: usize = 16;
