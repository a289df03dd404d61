//! Lawful choices that the set of requests in `probes` does not show: a variation that changes nothing would prove nothing.

use super::super::{Policy, Rule};
use super::*;
use crate::clock::Clock as _;

const REGISTERED: &str = "client_id=gl&redirect_uri=https://client.example/cb&state=a%20b%2Fc";

/// Name, status and Location of the answer to a GET.
fn got(dialect: Dialect, target: &str) -> (String, u16, String) {
    let answer = server(dialect).0.answer(&request("GET", target, &[], ""));
    let location = header(&answer, "location").unwrap_or_default().to_owned();
    (answer.reply.name, answer.reply.status, location)
}

#[test]
fn the_authorization_endpoint_answers_as_it_chooses() {
    let of = |policy| Dialect::of(&[], &[policy]);
    let stranger = "/authorize?client_id=nobody";
    assert_eq!(got(Dialect::default(), stranger).0, "page.error");
    assert_eq!(got(of(Policy::AuthorizeLoginFirst), stranger).0, "page.login");
    let elsewhere = ("page.error".to_owned(), 303, "http://as/error".to_owned());
    assert_eq!(got(of(Policy::ErrorPageElsewhere), stranger), elsewhere);
    assert_eq!(got(of(Policy::ErrorPageElsewhere), "/error").1, 400);
    assert_eq!(got(Dialect::default(), "/error").0, "http.404");
    let moved = ("page.moved".to_owned(), 307, "http://as/v2/authorize?client_id=nobody".to_owned());
    assert_eq!(got(of(Policy::AuthorizeMoved), stranger), moved);
    assert_eq!(got(of(Policy::AuthorizeMoved), "/v2/authorize?client_id=nobody").0, "page.error");
    assert_eq!(got(Dialect::default(), "/v2/authorize").0, "http.404");

    let implicit = format!("/authorize?response_type=token&{REGISTERED}");
    let unsupported = "error=unsupported_response_type&state=a+b%2Fc";
    assert!(got(Dialect::default(), &implicit).2.contains(&format!("?{unsupported}")));
    assert!(got(of(Policy::ImplicitRefusedInFragment), &implicit).2.contains(&format!("#{unsupported}")));
    assert!(got(of(Policy::ImplicitUnauthorized), &implicit).2.contains("?error=unauthorized_client"));
    assert!(got(of(Policy::RedirectSmallEscapes), &implicit).2.contains("&state=a%20b%2fc"));
    assert_eq!(got(of(Policy::RedirectByScript), &implicit).1, 200);
}

#[test]
fn a_state_may_be_as_long_as_the_server_takes_it() {
    let limited = Dialect::of(&[], &[Policy::StateLimited]);
    for (length, dialect, answered) in [
        (200, limited.clone(), "page.login"),
        (201, limited, "redirect.error.invalid_request"),
        (201, Dialect::default(), "page.login"),
    ] {
        let target = format!("/authorize?response_type=code&client_id=gl&state={}", "s".repeat(length));
        assert_eq!(got(dialect, &target).0, answered, "{length}");
    }
}

#[test]
fn the_token_endpoint_and_the_resource_answer_as_they_choose() {
    let named = |policy: Option<Policy>, request: &Request| {
        let policies: Vec<Policy> = policy.into_iter().collect();
        server(Dialect::of(&[], &policies)).0.answer(request).reply.name
    };
    let stranger = form("/token", "", "grant_type=magic");
    assert_eq!(named(None, &stranger), "error.invalid_client");
    assert_eq!(named(Some(Policy::GrantTypeFirst), &stranger), "error.unsupported_grant_type");
    for end in ["&", "\r\n"] {
        assert_eq!(named(Some(Policy::FormTrailingRefused), &token_request(end)), "error.invalid_request");
    }
    assert_eq!(named(None, &token_request("&")), "token.issued");
    let reading = request("GET", "/invoices", &[], "");
    assert_eq!(named(None, &reading), "challenge");
    assert_eq!(named(Some(Policy::ResourceReadingPublic), &reading), "content");
    let writing = request("POST", "/invoices", &[], "");
    assert_eq!(named(Some(Policy::ResourceReadingPublic), &writing), "challenge");
}

/// A code for the main client, without login and consent.
fn code(server: &AuthorizationServer) -> String {
    code_for(server, "")
}

/// The same with more parameters in the request.
fn code_for(server: &AuthorizationServer, more: &str) -> String {
    let challenge = "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let target = format!("/authorize?response_type=code&scope=offline_access&{REGISTERED}&{challenge}{more}");
    let answer = server.answer(&request("GET", &target, &[], ""));
    let location = header(&answer, "location").unwrap();
    location.split_once("code=").unwrap().1.split('&').next().unwrap().to_owned()
}

fn redeemed(server: &AuthorizationServer, code: &str, verifier: &str) -> Answer {
    let body = format!(
        "grant_type=authorization_code&redirect_uri=https://client.example/cb&code={code}&code_verifier={verifier}"
    );
    server.answer(&form("/token", &basic(PAIR), &body))
}

fn refreshed(server: &AuthorizationServer, token: &str) -> Answer {
    server.answer(&form("/token", &basic(PAIR), &format!("grant_type=refresh_token&refresh_token={token}")))
}

fn refresh_token(answer: &Answer) -> String {
    member(answer, "refresh_token").unwrap().as_str().unwrap().to_owned()
}

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const WRONG: &str = "xBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A server where nobody has to log in, with one choice at most, and its clock.
fn open(policy: Option<Policy>) -> (AuthorizationServer, ManualClock) {
    let policies: Vec<Policy> = policy.into_iter().collect();
    server(Dialect::of(&[Rule::LoginRequired, Rule::ConsentAsked], &policies))
}

#[test]
fn a_code_that_fails_is_used_up_or_not() {
    for (policy, failed, then) in [
        (None, "error.invalid_grant", "token.issued"),
        (Some(Policy::CodeBurntByFailure), "error.invalid_grant", "error.invalid_grant"),
        (Some(Policy::PkceFailureInvalidRequest), "error.invalid_request", "token.issued"),
    ] {
        let (server, _) = open(policy);
        let code = code(&server);
        let names = [WRONG, VERIFIER].map(|verifier| redeemed(&server, &code, verifier).reply.name);
        assert_eq!(names, [failed, then], "{policy:?}");
    }
}

#[test]
fn a_replay_ends_its_own_tokens_or_the_whole_grant() {
    for (policy, then) in [(None, "token.issued"), (Some(Policy::GrantRevokedWhole), "error.invalid_grant")] {
        let (server, _) = open(policy);
        let (replayed, other) = (code(&server), code(&server));
        let tokens = [&replayed, &other].map(|code| refresh_token(&redeemed(&server, code, VERIFIER)));
        assert_eq!(redeemed(&server, &replayed, VERIFIER).reply.name, "error.invalid_grant");
        let names = tokens.map(|token| refreshed(&server, &token).reply.name);
        assert_eq!(names, ["error.invalid_grant", then], "{policy:?}");
    }
}

#[test]
fn a_rotated_refresh_token_is_good_for_a_minute_or_not() {
    for (policy, soon) in [(None, "error.invalid_grant"), (Some(Policy::RefreshReuseInterval), "token.issued")] {
        let (server, clock) = open(policy);
        let token = refresh_token(&redeemed(&server, &code(&server), VERIFIER));
        assert_eq!(refreshed(&server, &token).reply.name, "token.issued");
        clock.jump_to(NOW_MS + 59_000);
        assert_eq!(refreshed(&server, &token).reply.name, soon, "{policy:?}");
        clock.jump_to(NOW_MS + 60_000);
        assert_eq!(refreshed(&server, &token).reply.name, "error.invalid_grant", "{policy:?}");
    }
}

/// Whom the token of an answer is for; the answer's name if there is none.
fn audience(answer: &Answer) -> String {
    let token = member(answer, "access_token").and_then(|token| token.as_str().map(str::to_owned));
    let facts = token.and_then(|token| super::super::token::unverified(&token));
    facts.map_or_else(|| answer.reply.name.clone(), |facts| facts.audience.join(" "))
}

#[test]
fn a_grant_is_for_the_resources_of_its_request() {
    let (invoices, archive) = ("&resource=http://as/invoices", "&resource=http://as/archive");
    let both = format!("{invoices}{archive}");
    let of = |skip: Option<Rule>, policy: Option<Policy>, asked: &str, named: &str| {
        let skipped: Vec<Rule> = [Rule::LoginRequired, Rule::ConsentAsked].into_iter().chain(skip).collect();
        let policies: Vec<Policy> = policy.into_iter().collect();
        let (server, _) = server(Dialect::of(&skipped, &policies));
        let first = redeemed(&server, &code_for(&server, asked), &format!("{VERIFIER}{named}"));
        let again = member(&first, "refresh_token")
            .map(|token| audience(&refreshed(&server, &format!("{}{archive}", token.as_str().unwrap_or_default()))));
        (audience(&first), again.unwrap_or_default())
    };
    let said = |first: &str, again: &str| (first.to_owned(), again.to_owned());
    let refused = "error.invalid_target";
    assert_eq!(of(None, None, "", ""), said("http://as", "http://as/archive"));
    assert_eq!(of(None, None, invoices, ""), said("http://as/invoices", refused));
    assert_eq!(of(None, None, invoices, archive), said(refused, ""));
    assert_eq!(of(None, None, &both, ""), said("http://as/invoices http://as/archive", "http://as/archive"));
    assert_eq!(of(None, None, &both, invoices), said("http://as/invoices", "http://as/archive"));
    let (token_request, dropped) = (Some(Policy::IndicatorTokenRequest), Some(Policy::IndicatorBeyondDropped));
    assert_eq!(of(None, token_request, invoices, ""), said("http://as", "http://as/archive"));
    assert_eq!(of(None, dropped, invoices, archive), said("http://as/invoices", "http://as/invoices"));
    let (within, narrows) = (Some(Rule::IndicatorWithinGrant), Some(Rule::IndicatorNarrows));
    assert_eq!(of(within, None, invoices, archive), said("http://as/archive", "http://as/archive"));
    let all = "http://as/invoices http://as/archive";
    assert_eq!(of(narrows, None, &both, invoices), said(all, all));
}

#[test]
fn an_authorization_request_for_an_unknown_resource_goes_back_with_an_error() {
    let target = format!("/authorize?response_type=code&{REGISTERED}&resource=http://as/nowhere");
    assert!(got(Dialect::default(), &target).2.contains("?error=invalid_target&"));
    for dialect in [
        Dialect::of(&[Rule::IndicatorKnownAtAuthorization], &[]),
        Dialect::of(&[], &[Policy::IndicatorTokenRequest]),
        Dialect::of(&[], &[Policy::IndicatorsIgnored]),
    ] {
        assert_eq!(got(dialect, &target).0, "page.login");
    }
}

#[test]
fn a_client_that_registered_itself_deletes_itself_once() {
    let (server, _) = server(Dialect::default());
    let body = r#"{"client_name":"x","redirect_uris":["com.example.app:/cb"],"token_endpoint_auth_method":"none"}"#;
    let created = server.answer(&request("POST", "/register", &["content-type: application/json"], body));
    assert_eq!((created.reply.status, member(&created, "client_secret")), (201, None));
    let text = |name| member(&created, name).and_then(|value| value.as_str().map(str::to_owned)).unwrap();
    let place = text("registration_client_uri").replace("http://as", "");
    let bearer = format!("authorization: Bearer {}", text("registration_access_token"));
    let with = |method, header: &str| server.answer(&request(method, &place, &[header], "")).reply.status;
    assert_eq!((with("GET", &bearer), with("DELETE", "authorization: Bearer x")), (405, 401));
    assert_eq!((with("DELETE", &bearer), with("DELETE", &bearer)), (204, 401));
}

#[test]
fn a_refresh_token_counts_from_its_own_rotation() {
    let (server, clock) = open(Some(Policy::RefreshReuseInterval));
    let lost = refresh_token(&redeemed(&server, &code(&server), VERIFIER));
    refreshed(&server, &lost);
    clock.jump_to(NOW_MS + 50_000);
    let renewed = refresh_token(&refreshed(&server, &lost));
    assert_eq!(refreshed(&server, &renewed).reply.name, "token.issued");
    clock.jump_to(NOW_MS + 100_000);
    assert_eq!(refreshed(&server, &renewed).reply.name, "token.issued");
}

#[test]
fn a_login_without_its_request_repeats_nothing() {
    let odd = "request=%22%3E%3Cscript%3E%0d%0ax:%20y&username=alice";
    for password in ["wrong", "w0nder%20land%2B%25%26%3C%C3%A9"] {
        let answer = server(Dialect::default()).0.answer(&form("/login", "", &format!("{odd}&password={password}")));
        assert_eq!(answer.reply.name, "page.error");
        assert!(!line(&answer).contains("<script>") && header(&answer, "location").is_none());
    }
}

#[test]
fn nobody_is_sent_to_a_client_without_a_redirect_uri() {
    assert_eq!(got(Dialect::default(), "/authorize?client_id=rs&response_type=code").0, "page.error");
}
