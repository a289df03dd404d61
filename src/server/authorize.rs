//! The authorization endpoint: requests, login, consent, and the answer to the client.

mod pages;

use url::{Url, form_urlencoded};

use super::endpoints::Turn;
use super::flow::{Code, Flow, Request as Waiting};
use super::grants::grant_scope;
use super::message::{Reply, Request};
use super::parameters::Parameters;
use super::setup::{AUTHORIZATION_CODE, CONSENT, Client, LOGIN, Setup, USER_PASSWORD, USERNAME};
use super::{Policy, Rule, errors};

/// Milliseconds that a code lives: the ten minutes that RFC 6749 §4.1.2 recommends at most.
const CODE_LIFE_MS: u64 = 600_000;
const COOKIE: &str = "session";

/// Answers at the authorization endpoint and the pages behind it. Source: RFC 6749 §3.1 and §4.1.1.
pub(super) fn answer(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    match (request.path.as_str(), request.method.as_str()) {
        (LOGIN, "POST") => log_in(request, turn),
        (CONSENT, "POST") => decide(request, turn),
        (LOGIN, "GET") => {
            let id = Parameters::of_query(request).one("request").unwrap_or_default().to_owned();
            go_on(&id, request, turn)
        }
        (LOGIN | CONSENT, _) => Err(errors::method_not_allowed("POST")),
        (_, "GET") => begin(Parameters::of_query(request), request, turn),
        (_, "POST") => begin(Parameters::of_form(request), request, turn),
        _ => Err(errors::method_not_allowed("GET, POST")),
    }
}

fn begin(sent: Parameters, request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    let empty = sent.has_empty();
    let sent = if setup.keeps(Rule::AuthorizeEmptyIsAbsent) { sent.without_empty() } else { sent };
    let (client, redirect_uri) = registered(&sent, setup)?;
    // From here on the client can be told; the error goes to a redirect URI that is registered.
    let mut waiting = Waiting {
        client_id: client.id.clone(),
        redirect_uri,
        redirect_uri_sent: sent.one("redirect_uri").map(str::to_owned),
        state: sent
            .one("state")
            .map(|state| if setup.keeps(Rule::StateUnaltered) { state.to_owned() } else { state.trim().to_owned() }),
        form_post: sent.one("response_mode") == Some("form_post") && setup.keeps(Rule::FormPostPosted),
        ask_again: sent.one("prompt") == Some("consent") && !setup.makes(Policy::PromptIgnored),
        ..Waiting::default()
    };
    let odd = !setup.keeps(Rule::AuthorizeUnknownIgnored)
        && sent.one("grantlint_unknown").is_some_and(|value| !value.is_empty())
        || !setup.keeps(Rule::AuthorizeEmptyIsAbsent) && empty;
    let checked = if odd {
        Err(("invalid_request", "a parameter is not known"))
    } else {
        valid(&sent, client, setup, &mut waiting)
    };
    if sent.one("scope").is_some_and(|scope| scope.contains('"')) && !setup.keeps(Rule::AuthorizeScopeSurvived) {
        return Err(Reply::new("http.500", 500));
    }
    waiting.refused = checked.err();
    if waiting.refused.is_some() && !setup.makes(Policy::AuthorizeErrorsAfterLogin) {
        return Err(refused(setup, &waiting, 302));
    }
    let id = hex(&turn.state.draw());
    Flow::put(&mut turn.state.flow.waiting, id.clone(), waiting);
    go_on(&id, request, turn)
}

/// The error that was found, on its way to the client. Source: RFC 6749 §4.1.2.1.
fn refused(setup: &Setup, waiting: &Waiting, status: u16) -> Reply {
    let (code, description) = waiting.refused.unwrap_or(("server_error", "nobody knows why"));
    if !setup.keeps(Rule::AuthorizeErrorsTold) {
        return pages::error(setup, description);
    }
    let mut pairs = vec![("error".to_owned(), code.to_owned())];
    if setup.makes(Policy::ErrorDescribed) {
        pairs.push(("error_description".to_owned(), description.to_owned()));
    }
    to_client(setup, waiting, pairs, status)
}

/// The client and a redirect URI that is its own; without them nobody is sent anywhere.
///
/// Source: RFC 6749 §3.1.2.3 and §4.1.2.1, RFC 9700 §4.1.3, RFC 8252 §7.3.
fn registered<'s>(sent: &Parameters, setup: &'s Setup) -> Result<(&'s Client, String), Reply> {
    let all: Vec<&str> = sent.all("redirect_uri").collect();
    let client = match sent.one("client_id").and_then(|id| setup.client(id)) {
        Some(client) => client,
        None if !setup.keeps(Rule::AuthorizeClientKnown) => setup.main(),
        None => return Err(pages::error(setup, "the client is unknown")),
    };
    if sent.all("client_id").count() > 1 || all.len() > 1 && setup.keeps(Rule::AuthorizeParametersOnce) {
        return Err(pages::error(setup, "a parameter is repeated"));
    }
    let Some(asked) = all.first() else {
        return match client.redirect_uris.as_slice() {
            [only] if !setup.makes(Policy::RedirectUriRequired) => Ok((client, only.clone())),
            _ => Err(pages::error(setup, "there is no redirect_uri")),
        };
    };
    let fits = |own: &String| {
        own == asked
            || loopback(own, asked)
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

/// What is wrong with a request whose client can be told.
fn valid(
    sent: &Parameters,
    client: &Client,
    setup: &Setup,
    waiting: &mut Waiting,
) -> Result<(), (&'static str, &'static str)> {
    if sent.repeats() && setup.keeps(Rule::AuthorizeParametersOnce) {
        let code = if setup.keeps(Rule::AuthorizeRepeatedNamed) { "invalid_request" } else { "server_error" };
        return Err((code, "a parameter is repeated"));
    }
    match sent.one("response_type") {
        Some("code") => {}
        None if setup.keeps(Rule::ResponseTypeRequired) => {
            let unsupported = setup.makes(Policy::MissingResponseTypeUnsupported);
            let code = if unsupported { "unsupported_response_type" } else { "invalid_request" };
            return Err((code, "there is no response_type"));
        }
        None => {}
        Some("token") if !setup.keeps(Rule::ImplicitOff) => {}
        Some(_) if setup.keeps(Rule::ResponseTypeKnown) => {
            return Err(("unsupported_response_type", "the response type is not supported"));
        }
        Some(_) => {}
    }
    if !client.grant_types.contains(&AUTHORIZATION_CODE) {
        return Err(("unauthorized_client", "the client may not use this grant"));
    }
    if !matches!(sent.one("response_mode"), None | Some("query" | "form_post")) {
        return Err(("invalid_request", "the response mode is not supported"));
    }
    let granted = grant_scope(sent.one("scope"), client, setup)
        .ok_or(("invalid_scope", "the scope is unknown or not allowed"))?;
    waiting.scope = granted;
    match (sent.one("code_challenge"), sent.one("code_challenge_method")) {
        (None, _) if client.secret.is_none() && setup.keeps(Rule::PkceRequiredForPublic) => {
            return Err(("invalid_request", "a code_challenge is required"));
        }
        (None, _) if setup.makes(Policy::PkceRequired) => {
            return Err(("invalid_request", "a code_challenge is required"));
        }
        (None, _) => {}
        (Some(challenge), method) => {
            // RFC 7636 §4.3: without a method it is plain.
            let method = method.unwrap_or("plain");
            let method = if setup.keeps(Rule::PkceMethodKnown) || method == "plain" { method } else { "S256" };
            let known = method == "S256" && setup.keeps(Rule::PkceS256Taken)
                || method == "plain" && !setup.keeps(Rule::PkcePlainRefused);
            if !known {
                return Err(("invalid_request", "the transformation is not supported"));
            }
            if !(43..=128).contains(&challenge.len()) && setup.keeps(Rule::PkceChallengeShape) {
                return Err(("invalid_request", "the code_challenge is malformed"));
            }
            waiting.challenge = Some((challenge.to_owned(), method.to_owned()));
        }
    }
    Ok(())
}

/// The page that comes next, or the answer.
fn go_on(id: &str, request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    let Some(waiting) = turn.state.flow.waiting.get(id).cloned() else {
        return Err(pages::error(setup, "the request is unknown or was answered"));
    };
    let user = cookie(request).and_then(|cookie| turn.state.flow.sessions.get(&cookie).cloned());
    let Some(user) = user.or_else(|| (!setup.keeps(Rule::LoginRequired)).then(|| USERNAME.to_owned())) else {
        return Ok(pages::login(setup, id, false));
    };
    if waiting.refused.is_some() {
        turn.state.flow.waiting.remove(id);
        return Ok(refused(setup, &waiting, 303));
    }
    let grant = (user.clone(), waiting.client_id.clone(), waiting.scope.clone());
    if setup.keeps(Rule::ConsentAsked) && (waiting.ask_again || !turn.state.flow.granted.contains(&grant)) {
        return Ok(pages::consent(setup, id, &waiting.client_id, &waiting.scope));
    }
    turn.state.flow.waiting.remove(id);
    Ok(granted(waiting, user, turn))
}

fn log_in(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    let sent = Parameters::of_form(request);
    let id = sent.one("request").unwrap_or_default().to_owned();
    let right = sent.one("username") == Some(USERNAME) && sent.one("password") == Some(USER_PASSWORD);
    if !right {
        return Ok(pages::login(setup, &id, true));
    }
    let session = hex(&turn.state.draw());
    Flow::put(&mut turn.state.flow.sessions, session.clone(), USERNAME.to_owned());
    // RFC 9700 §4.12: 307 would send the password on.
    let status = if setup.keeps(Rule::RedirectNot307) { 303 } else { 307 };
    let secure = if setup.origin.starts_with("https:") { "; Secure" } else { "" };
    Ok(Reply::new("page.logged_in", status)
        .with("location", format!("{LOGIN}?request={id}"))
        .with("set-cookie", format!("{COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax{secure}"))
        .with("cache-control", "no-store"))
}

fn decide(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    let sent = Parameters::of_form(request);
    let user = cookie(request).and_then(|cookie| turn.state.flow.sessions.get(&cookie).cloned());
    let user = user.or_else(|| (!setup.keeps(Rule::LoginRequired)).then(|| USERNAME.to_owned()));
    let waiting = turn.state.flow.waiting.remove(sent.one("request").unwrap_or_default());
    let Some((waiting, user)) = waiting.zip(user) else {
        return Err(pages::error(setup, "the request is unknown or was answered"));
    };
    if sent.one("decision") != Some("allow") && setup.keeps(Rule::ConsentRespected) {
        if !setup.keeps(Rule::DenialTold) {
            return Ok(pages::error(setup, "you denied access"));
        }
        return Ok(to_client(setup, &waiting, vec![("error".into(), "access_denied".into())], 303));
    }
    turn.state.flow.granted.insert((user.clone(), waiting.client_id.clone(), waiting.scope.clone()));
    Ok(granted(waiting, user, turn))
}

/// The code, on its way to the client. Source: RFC 6749 §4.1.2.
fn granted(waiting: Waiting, user: String, turn: &mut Turn<'_>) -> Reply {
    let setup = turn.setup;
    let code = hex(&turn.state.draw());
    let flow = &mut turn.state.flow;
    flow.next_family += 1;
    let family = flow.next_family;
    let reply = to_client(setup, &waiting, vec![("code".to_owned(), code.clone())], 303);
    let expires_ms = turn.now_ms.saturating_add(CODE_LIFE_MS);
    Flow::put(&mut flow.codes, code, Code { request: waiting, user, expires_ms, used_ms: None, family });
    reply
}

/// Sends the browser to the client. Source: RFC 6749 §4.1.2 and §4.1.2.1, RFC 9207 §2.
fn to_client(setup: &Setup, waiting: &Waiting, mut pairs: Vec<(String, String)>, status: u16) -> Reply {
    let error = pairs.iter().find(|(name, _)| name == "error").map(|(_, code)| format!("redirect.error.{code}"));
    let returns = setup.keeps(Rule::StateReturned) && (error.is_none() || setup.keeps(Rule::StateReturnedWithErrors));
    if let Some(state) = waiting.state.as_ref().filter(|_| returns) {
        pairs.push(("state".to_owned(), state.clone()));
    }
    if setup.keeps(Rule::IssReturned) {
        let slash = if setup.keeps(Rule::IssIdentical) { "" } else { "/" };
        pairs.push(("iss".to_owned(), format!("{}{slash}", setup.issuer)));
    }
    if waiting.form_post {
        return pages::form_post(setup, &waiting.redirect_uri, &pairs);
    }
    let added = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    // What the redirect URI has in its query stays (RFC 6749 §3.1.2).
    let base = waiting.redirect_uri.split('#').next().unwrap_or_default();
    let base = if setup.keeps(Rule::RedirectQueryKept) { base } else { base.split('?').next().unwrap_or_default() };
    let sign = match base.contains('?') {
        _ if error.is_some() && !setup.keeps(Rule::AuthorizeErrorsInQuery) => '#',
        true => '&',
        false => '?',
    };
    Reply::new(error.unwrap_or_else(|| "redirect.code".to_owned()), status)
        .with("location", format!("{base}{sign}{added}"))
        .with("cache-control", "no-store")
}

fn cookie(request: &Request) -> Option<String> {
    let header = request.header("cookie").next()?;
    let text = String::from_utf8_lossy(header).into_owned();
    text.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('=').map(str::to_owned))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
