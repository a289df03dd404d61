//! The authorization endpoint: requests, login, consent, and the answer to the client.

mod client;
mod pages;
mod request;

use super::endpoints::Turn;
use super::flow::{Flow, Request as Waiting};
use super::message::{Reply, Request};
use super::parameters::Parameters;
use super::setup::{AUTHORIZE, CONSENT, ERROR, LOGIN, MOVED, Setup, USER_PASSWORD, USERNAME};
use super::{Policy, Rule, errors};
pub(super) use client::unguessable;
use client::{granted, to_client};
use request::{registered, valid};

/// Milliseconds that a code lives: the ten minutes that RFC 6749 §4.1.2 recommends at most.
const CODE_LIFE_MS: u64 = 600_000;
const COOKIE: &str = "session";
/// Characters that a narrow column of a database holds.
const COLUMN: usize = 128;
/// The same of a server that means well.
const LONG_COLUMN: usize = 1_024;

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
        (ERROR, "GET") if turn.setup.makes(Policy::ErrorPageElsewhere) => {
            Ok(pages::error_page(turn.setup, "look it up"))
        }
        (ERROR, _) => Err(Reply::text("http.404", 404, "not found\n")),
        (AUTHORIZE, "GET") if turn.setup.makes(Policy::AuthorizeMoved) => {
            let place = format!("{}{MOVED}?{}", turn.setup.origin, request.query);
            Ok(Reply::new("page.moved", 307).with("location", place))
        }
        (MOVED, _) if !turn.setup.makes(Policy::AuthorizeMoved) => Err(Reply::text("http.404", 404, "not found\n")),
        (_, "GET") if turn.setup.keeps(Rule::AuthorizeByGet) => begin(Parameters::of_query(request), request, turn),
        (_, "POST") if !turn.setup.keeps(Rule::AuthorizePostSurvived) => Err(Reply::crash()),
        (_, "POST") => begin(Parameters::of_form(request), request, turn),
        _ => Err(errors::method_not_allowed("GET, POST")),
    }
}

fn begin(sent: Parameters, request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    if setup.makes(Policy::AuthorizeLoginFirst) && user(request, turn).is_none() {
        let waiting = Waiting { unread: Some(sent), ..Waiting::default() };
        return Ok(pages::login(setup, &wait(waiting, turn), false));
    }
    let empty = sent.has_empty();
    let sent = if setup.keeps(Rule::AuthorizeEmptyIsAbsent) { sent.without_empty() } else { sent };
    let (client, redirect_uri) = registered(&sent, setup)?;
    // From here on the client can be told; the error goes to a redirect URI that is registered.
    let mut waiting = Waiting {
        client_id: client.id.clone(),
        redirect_uri,
        redirect_uri_sent: sent.one("redirect_uri").map(str::to_owned),
        state: sent.one("state").map(|state| remembered(state, setup)),
        form_post: sent.one("response_mode") == Some("form_post") && setup.keeps(Rule::FormPostPosted),
        web_message: sent.one("response_mode") == Some("web_message") && setup.makes(Policy::WebMessageOffered),
        scope_sent: sent.one("scope").map(str::to_owned),
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
    let id = wait(waiting, turn);
    go_on(&id, request, turn)
}

/// The state as this server keeps it. Source: RFC 6749 §4.1.2.
fn remembered(state: &str, setup: &Setup) -> String {
    let state = if setup.keeps(Rule::StateUnaltered) { state } else { state.trim() };
    let column = [(Rule::StateWhole, COLUMN), (Rule::StateLongWhole, LONG_COLUMN)];
    let most = column.into_iter().find(|(rule, _)| !setup.keeps(*rule)).map_or(usize::MAX, |(_, most)| most);
    state.chars().take(most).collect()
}

/// Keeps a request while its user is at a page; returns the identifier in the page's form.
fn wait(waiting: Waiting, turn: &mut Turn<'_>) -> String {
    let id = hex(&turn.state.draw());
    Flow::put(&mut turn.state.flow.waiting, id.clone(), waiting);
    id
}

/// The error that was found, on its way to the client. Source: RFC 6749 §4.1.2.1.
fn refused(setup: &Setup, waiting: &Waiting, status: u16) -> Reply {
    let (code, description) = waiting.refused.unwrap_or(("server_error", "nobody knows why"));
    if !setup.keeps(Rule::AuthorizeErrorsTold) {
        return pages::error(setup, description);
    }
    let mut pairs = vec![("error".to_owned(), code.to_owned())];
    // RFC 7636 §4.4.1: of PKCE it is explained.
    let of_pkce = description.contains("code_challenge") && setup.keeps(Rule::PkceRefusalExplained);
    if setup.makes(Policy::ErrorDescribed) || of_pkce {
        pairs.push(("error_description".to_owned(), description.to_owned()));
    }
    to_client(setup, waiting, pairs, status)
}

/// The page that comes next, or the answer.
fn go_on(id: &str, request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    let Some(waiting) = turn.state.flow.waiting.get(id).cloned() else {
        return Err(pages::error(setup, "the request is unknown or was answered"));
    };
    let Some(user) = user(request, turn) else {
        return Ok(pages::login(setup, id, false));
    };
    if let Some(sent) = waiting.unread {
        turn.state.flow.waiting.remove(id);
        return begin(sent, request, turn);
    }
    if waiting.refused.is_some() {
        turn.state.flow.waiting.remove(id);
        return Ok(refused(setup, &waiting, 303));
    }
    let grant = (user.clone(), waiting.client_id.clone(), waiting.scope.clone());
    // Whoever knows the identifier of a public client can pretend to be it (RFC 6749 §10.2, RFC 8252 §8.6).
    let public = setup.client(&waiting.client_id).is_some_and(|client| client.secret.is_none());
    let again = waiting.ask_again || public && setup.keeps(Rule::ConsentRepeatedForPublic);
    let asked = setup.keeps(Rule::ConsentAsked) && !setup.makes(Policy::ConsentNever);
    if asked && (again || !turn.state.flow.granted.contains(&grant)) {
        return Ok(pages::consent(setup, id, &waiting.client_id, &waiting.scope));
    }
    turn.state.flow.waiting.remove(id);
    Ok(granted(waiting, user, turn))
}

fn log_in(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    let sent = Parameters::of_form(request);
    let id = sent.one("request").unwrap_or_default().to_owned();
    // It stands in the page and in the redirect that come back, so it has to be one of ours.
    if !turn.state.flow.waiting.contains_key(&id) {
        return Err(pages::error(setup, "the request is unknown or was answered"));
    }
    let right = sent.one("username") == Some(USERNAME) && sent.one("password") == Some(USER_PASSWORD);
    if !right {
        return Ok(pages::login(setup, &id, true));
    }
    let session = hex(&turn.state.draw());
    Flow::put(&mut turn.state.flow.sessions, session.clone(), USERNAME.to_owned());
    // RFC 9700 §4.12: 307 would send the password on.
    let status = if setup.keeps(Rule::RedirectNot307) { 303 } else { 307 };
    let secure = if setup.origin.starts_with("https:") { "; Secure" } else { "" };
    let on = match setup.origin.strip_prefix("https:") {
        Some(rest) if !setup.keeps(Rule::PagesStayOnTls) => format!("http:{rest}"),
        _ => String::new(),
    };
    Ok(Reply::new("page.logged_in", status)
        .with("location", format!("{on}{LOGIN}?request={id}"))
        .with("set-cookie", format!("{COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax{secure}"))
        .with("cache-control", "no-store"))
}

fn decide(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    let sent = Parameters::of_form(request);
    let user = user(request, turn);
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

/// Who is logged in.
fn user(request: &Request, turn: &Turn<'_>) -> Option<String> {
    let user = cookie(request).and_then(|cookie| turn.state.flow.sessions.get(&cookie).cloned());
    user.or_else(|| (!turn.setup.keeps(Rule::LoginRequired)).then(|| USERNAME.to_owned()))
}

fn cookie(request: &Request) -> Option<String> {
    let header = request.header("cookie").next()?;
    let text = String::from_utf8_lossy(header).into_owned();
    text.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('=').map(str::to_owned))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
