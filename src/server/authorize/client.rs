//! What the client is told, and how the browser is sent to it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::json;
use url::form_urlencoded;

use super::super::endpoints::Turn;
use super::super::flow::{Code, Flow, Request as Waiting};
use super::super::message::Reply;
use super::super::parameters::Parameters;
use super::super::setup::Setup;
use super::super::{Policy, Rule, codes, indicators};
use super::{CODE_LIFE_MS, hex, pages};

/// The code, on its way to the client. Source: RFC 6749 §4.1.2.
pub(super) fn granted(waiting: Waiting, user: String, turn: &mut Turn<'_>) -> Reply {
    let setup = turn.setup;
    if waiting.implicit {
        return implicit(&waiting, &user, turn);
    }
    let code = new_code(&waiting, turn);
    let flow = &mut turn.state.flow;
    flow.next_family += 1;
    let family = flow.next_family;
    let reply = to_client(setup, &waiting, vec![("code".to_owned(), code.clone())], 303);
    let expires_ms = turn.now_ms.saturating_add(CODE_LIFE_MS);
    Flow::put(&mut flow.codes, code, Code { request: waiting, user, expires_ms, used_ms: None, family });
    reply
}

/// A code that tells nothing, not even of the challenge that it is tied to. Source: RFC 6749 §10.10, RFC 7636 §4.4.
fn new_code(waiting: &Waiting, turn: &mut Turn<'_>) -> String {
    let setup = turn.setup;
    let code = unguessable([Rule::CodeEntropy, Rule::CodeEntropyAmple], "code", turn);
    if !setup.keeps(Rule::CodeCharacters) {
        return format!("{code}\u{e9}");
    }
    match waiting.challenge.as_ref().filter(|_| !setup.keeps(Rule::CodeOpaque)) {
        Some((challenge, _)) => BASE64URL.encode(json!({ "id": code, "code_challenge": challenge }).to_string()),
        None => code,
    }
}

/// 256 bits; without the first rule a number, without the second 96 bits. Source: RFC 6749 §10.10.
pub(in crate::server) fn unguessable([any, ample]: [Rule; 2], name: &str, turn: &mut Turn<'_>) -> String {
    let bytes = turn.state.draw();
    if !turn.setup.keeps(any) {
        return format!("{name}-{:06}", turn.state.drawn());
    }
    if turn.setup.keeps(ample) { hex(&bytes) } else { hex(&bytes[..12]) }
}

/// The token of the implicit grant, on its way to the client. Source: RFC 6749 §4.2.2.
fn implicit(waiting: &Waiting, user: &str, turn: &mut Turn<'_>) -> Reply {
    let setup = turn.setup;
    let Some(client) = setup.client(&waiting.client_id) else { return pages::error(setup, "the client is unknown") };
    let audience = match indicators::audience_of_grant(&Parameters::default(), &waiting.resources, setup) {
        Ok(audience) => audience,
        Err(refusal) => return refusal,
    };
    let scope = (waiting.scope_sent.as_deref(), waiting.scope.as_str());
    let issued = codes::answered(scope, audience, client, user, turn);
    let mut pairs = Vec::new();
    for (name, rule) in [
        ("access_token", Rule::ImplicitTokenNamed),
        ("token_type", Rule::ImplicitTypeNamed),
        ("expires_in", Rule::ImplicitLifeNamed),
        ("scope", Rule::ImplicitScopeNamed),
    ] {
        let value = issued.member(name).filter(|_| setup.keeps(rule));
        let value = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        pairs.extend(value.map(|value| (name.to_owned(), value)));
    }
    if !setup.keeps(Rule::ImplicitNoRefreshToken) {
        pairs.push(("refresh_token".to_owned(), hex(&turn.state.draw())));
    }
    to_client(setup, waiting, pairs, 303)
}

/// Sends the browser to the client. Source: RFC 6749 §4.1.2 and §4.1.2.1, RFC 9207 §2.
pub(super) fn to_client(setup: &Setup, waiting: &Waiting, mut pairs: Vec<(String, String)>, status: u16) -> Reply {
    let error = pairs.iter().find(|(name, _)| name == "error").map(|(_, code)| format!("redirect.error.{code}"));
    let failed = error.is_some();
    let name = error.unwrap_or_else(|| if waiting.implicit { "redirect.token" } else { "redirect.code" }.to_owned());
    let returns = setup.keeps(Rule::StateReturned) && (!failed || setup.keeps(Rule::StateReturnedWithErrors));
    if let Some(state) = waiting.state.as_ref().filter(|_| returns) {
        pairs.push(("state".to_owned(), state.clone()));
    }
    if setup.keeps(Rule::IssReturned) {
        let slash = if setup.keeps(Rule::IssIdentical) { "" } else { "/" };
        pairs.push(("iss".to_owned(), format!("{}{slash}", setup.issuer)));
    }
    if !setup.keeps(Rule::AnswerParametersOnce) {
        pairs.extend(["1", "2"].map(|value| ("session_state".to_owned(), value.to_owned())));
    }
    if waiting.web_message {
        return pages::web_message(setup, &waiting.redirect_uri, &pairs);
    }
    if waiting.form_post {
        return pages::form_post(setup, &waiting.redirect_uri, &pairs);
    }
    let added = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    let added = if setup.makes(Policy::RedirectSmallEscapes) { with_small_escapes(&added) } else { added };
    // What the redirect URI has in its query stays (RFC 6749 §3.1.2).
    let base = waiting.redirect_uri.split('#').next().unwrap_or_default();
    let base = if setup.keeps(Rule::RedirectQueryKept) { base } else { base.split('?').next().unwrap_or_default() };
    let in_fragment = match (waiting.implicit, failed) {
        (true, true) => setup.keeps(Rule::ImplicitErrorInFragment),
        (true, false) => setup.keeps(Rule::ImplicitInFragment),
        (false, true) => !setup.keeps(Rule::AuthorizeErrorsInQuery),
        (false, false) => !setup.keeps(Rule::CodeInQuery),
    };
    let sign = match () {
        () if in_fragment => '#',
        () if base.contains('?') => '&',
        () => '?',
    };
    let guard = if !in_fragment && setup.makes(Policy::RedirectFragmentGuard) { "#_" } else { "" };
    let place = format!("{base}{sign}{added}{guard}");
    if setup.makes(Policy::RedirectByPage) {
        return pages::refresh(setup, &name, &place);
    }
    if setup.makes(Policy::RedirectByScript) {
        return pages::script(setup, &name, &place);
    }
    Reply::new(name, status).with("location", place).with("cache-control", "no-store")
}

/// The same pairs in the other spelling that is lawful. Source: RFC 3986 §2.1, §6.2.2.1.
fn with_small_escapes(pairs: &str) -> String {
    let escaped = pairs.replace('+', "%20");
    let mut pieces = escaped.split('%');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        let (escape, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
        format!("{text}%{}{rest}", escape.to_ascii_lowercase())
    })
}
