//! Every rule that is left out changes an answer; every lawful choice changes one and stays lawful.

use super::super::{Policy, Rule};
use super::probes::{Probe, answers};
use super::*;

fn lines(dialect: Dialect) -> Vec<String> {
    answers(dialect)
        .into_iter()
        .map(|(probe, answer, line)| {
            let headers: Vec<String> =
                answer.reply.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            format!("{}: {line} {headers:?}", probe.name)
        })
        .collect()
}

#[test]
fn every_rule_that_is_skipped_changes_these_answers_and_no_others() {
    let conforming = lines(Dialect::default());
    let effects: Vec<String> = Rule::ALL
        .iter()
        .map(|rule| {
            let lines = lines(Dialect::of(&[*rule], &[]));
            let changed: Vec<&str> = lines
                .iter()
                .zip(&conforming)
                .filter(|(line, conforming)| line != conforming)
                .filter_map(|(line, _)| line.split(": ").next())
                .collect();
            match changed.len() {
                0..=8 => format!("{rule}: {}", changed.join("; ")).trim_end().to_owned(),
                _ => format!("{rule}: {} and {} more", changed[0], changed.len() - 1),
            }
        })
        .collect();
    insta::assert_snapshot!("rules_and_the_answers_they_change", effects.join("\n"));
}

/// What the set above cannot show: rules that matter only where the server offers more.
#[test]
fn rules_of_further_grants_and_of_tokens_in_the_query_change_an_answer() {
    let asked = |body: &str| form("/token", &basic(PAIR), body);
    let code = "grant_type=authorization_code";
    let refresh = "grant_type=refresh_token";
    let password = "grant_type=password";
    for (rule, body, kept, skipped) in [
        (Rule::CodeRequired, code.to_owned(), "error.invalid_request", "token.issued"),
        (Rule::GrantParameterNamed, code.to_owned(), "error.invalid_request", "error.invalid_grant"),
        (Rule::CodeKnown, format!("{code}&code=x"), "error.invalid_grant", "token.issued"),
        (Rule::RefreshTokenRequired, refresh.to_owned(), "error.invalid_request", "token.issued"),
        (Rule::RefreshTokenKnown, format!("{refresh}&refresh_token=x"), "error.invalid_grant", "token.issued"),
        (Rule::RefreshTokenKind, format!("{refresh}&refresh_token=ISSUED"), "error.invalid_grant", "token.issued"),
        (Rule::UsernameRequired, format!("{password}&password=x"), "error.invalid_request", "token.issued"),
        (Rule::PasswordRequired, format!("{password}&username=x"), "error.invalid_request", "token.issued"),
        (Rule::PasswordChecked, format!("{password}&username=x&password=y"), "error.invalid_grant", "token.issued"),
    ] {
        for (skip, expected) in [(vec![], kept), (vec![rule], skipped)] {
            let mut dialect = Dialect::of(&skip, &[]);
            let grants = serde_json::json!({ "behaviour": "x", "settings": { "grants": ["authorization_code", "refresh_token", "password"] } });
            dialect.add(serde_json::from_value(grants).unwrap()).unwrap();
            let (server, _) = server(dialect);
            let body = body.replace("ISSUED", &token(&server, "invoices.read"));
            assert_eq!(server.answer(&asked(&body)).reply.name, expected, "{rule} {body}");
        }
    }
    let unknown = server(Dialect::default()).0.answer(&asked(&format!("{password}&username=x&password=y"))).reply.name;
    assert_eq!(unknown, "error.unsupported_grant_type");
}

#[test]
fn a_server_that_reads_the_query_says_so_to_caches_and_takes_one_token() {
    let both = |skip: &[Rule]| {
        let (server, _) = server(Dialect::of(skip, &[]));
        let issued = token(&server, "invoices.write");
        let target = format!("/invoices?access_token={issued}");
        let header = format!("authorization: Bearer {issued}");
        let query = server.answer(&request("POST", &target, &[], ""));
        let cached = super::header(&query, "cache-control").map(str::to_owned);
        (query.reply.name, cached, server.answer(&request("POST", &target, &[&header], "")).reply.name)
    };
    let name = str::to_owned;
    let private = Some(name("private"));
    assert_eq!(both(&[]), (name("challenge"), None, name("content")));
    assert_eq!(
        both(&[Rule::ResourceHeaderOnly]),
        (name("content"), private.clone(), name("challenge.invalid_request"))
    );
    assert_eq!(both(&[Rule::ResourceHeaderOnly, Rule::ResourceOneMethod]), (name("content"), private, name("content")));
    let bare = both(&[Rule::ResourceHeaderOnly, Rule::ResourceQueryPrivate]);
    assert_eq!(bare, (name("content"), None, name("challenge.invalid_request")));
}

#[test]
fn every_choice_but_the_defaults_changes_an_answer() {
    let conforming = lines(Dialect::default());
    let without_effect: Vec<&Policy> =
        Policy::ALL.iter().filter(|policy| lines(Dialect::of(&[], &[**policy])) == conforming).collect();
    // The first three name the default; for the next two, and for token exchange, see `tokens`; of the others the listener has the doing.
    let expected = [
        Policy::ScopeOmittedWhenSame,
        Policy::ErrorPost400,
        Policy::TokenJwt,
        Policy::TokenRs256,
        Policy::TokenOwnLayout,
        // For these two see `choices`.
        Policy::IndicatorTokenRequest,
        Policy::IndicatorBeyondDropped,
        Policy::HeadersLower,
        Policy::HeadersTitle,
        // These are seen by a user agent only: in the self-test and in `choices`, and the first in `tests/browser.rs`.
        Policy::LoginNeedsScript,
        Policy::PkceRequired,
        Policy::AuthorizeErrorsAfterLogin,
        Policy::MissingResponseTypeUnsupported,
        Policy::StateLimited,
        Policy::PromptIgnored,
        Policy::AuthorizeLoginFirst,
        Policy::AuthorizeMoved,
        Policy::ErrorPageElsewhere,
        Policy::ConsentNever,
        Policy::ImplicitUnauthorized,
        Policy::ImplicitRefusedInFragment,
        Policy::CodeBurntByFailure,
        Policy::PkceFailureInvalidRequest,
        Policy::RedirectByPage,
        Policy::RedirectByScript,
        Policy::RedirectSmallEscapes,
        Policy::RedirectFragmentGuard,
        Policy::RedirectUriRequired,
        Policy::RefreshRepeated,
        Policy::GrantRevokedWhole,
        Policy::RefreshKept,
        Policy::RefreshReuseInterval,
        Policy::GrantTypeFirst,
        Policy::FormTrailingRefused,
        Policy::ResourceReadingPublic,
        Policy::ExchangeIdToken,
        Policy::ExchangeWithoutActor,
        Policy::Chunked,
    ];
    assert_eq!(without_effect, expected.iter().collect::<Vec<_>>());
}

#[test]
fn every_choice_stays_lawful() {
    let refused: Vec<bool> =
        answers(Dialect::default()).iter().map(|(_, answer, _)| answer.reply.name != "token.issued").collect();
    for policy in Policy::ALL {
        let lax = match policy {
            Policy::ScopeNarrow => vec!["unknown scope", "ungranted scope", "upper-case scope", "long scope"],
            Policy::DuplicatesSameAccepted => vec!["repeated, equal"],
            Policy::TwoMethodsHeaderWins | Policy::TwoMethodsSecretIgnored => vec!["secret beside basic"],
            Policy::IndicatorsIgnored => vec!["unknown resource"],
            _ => vec![],
        };
        for ((probe, answer, line), refused) in answers(Dialect::of(&[], &[*policy])).iter().zip(&refused) {
            if let Err(problem) = lawful(probe, answer) {
                panic!("{policy}: {}: {line}: {problem}", probe.name);
            }
            let issued = answer.reply.name == "token.issued";
            assert!(!refused || !issued || lax.contains(&probe.name), "{policy}: {}: {line}", probe.name);
        }
    }
}

/// What the standards demand of an answer, whoever gives it.
fn lawful(probe: &Probe, answer: &Answer) -> Result<(), &'static str> {
    let must = |holds: bool, what| if holds { Ok(()) } else { Err(what) };
    let has = |name, text: &str| header(answer, name).is_some_and(|value| value.contains(text));
    let Reply { name, status, body, .. } = &answer.reply;
    let body: serde_json::Value = serde_json::from_slice(&body.render(false)).unwrap_or_default();
    match name.as_str() {
        "token.issued" => {
            must(*status == 200 && has("content-type", "application/json"), "RFC 6749 §5.1: 200 and JSON")?;
            must(has("cache-control", "no-store"), "RFC 6749 §5.1: no-store")?;
            must(body["access_token"].is_string(), "RFC 6749 §5.1: access_token")?;
            must(
                body["token_type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")),
                "RFC 6749 §5.1: token_type",
            )?;
            must(body["expires_in"].is_u64() || body.get("expires_in").is_none(), "RFC 6749 §5.1: expires_in")?;
            must(body.get("refresh_token").is_none(), "RFC 6749 §4.4.3: no refresh_token")?;
            let asked = String::from_utf8_lossy(&probe.request.body);
            let unknown = ["magic", "admin", "INVOICES"].iter().any(|word| asked.contains(word));
            must(!unknown || body["scope"].is_string(), "RFC 6749 §5.1: a scope that differs is named")
        }
        error if error.starts_with("error.") || error.contains(".error.") => {
            let (endpoint, code) = error.split_once("error.").unwrap_or_default();
            must(has("content-type", "application/json"), "RFC 6749 §5.2: JSON")?;
            must(body["error"] == code, "RFC 6749 §5.2: error")?;
            let by_header = probe.request.header("authorization").next().is_some();
            let unauthorized = *status == 401 && has("www-authenticate", "Basic");
            let fits = match (endpoint, code) {
                ("introspect.", "invalid_client") => unauthorized,
                ("introspect.", "access_denied") => *status == 403,
                (_, "invalid_client") => unauthorized || *status == 400 && !by_header,
                _ => *status == 400,
            };
            must(fits, "RFC 6749 §5.2: status and challenge")
        }
        challenge if challenge.starts_with("challenge") => {
            must(has("www-authenticate", "Bearer realm="), "RFC 6750 §3: challenge")?;
            let named = !challenge.contains('.') || has("www-authenticate", "error=");
            must(named && [401, 403].contains(status), "RFC 6750 §3.1: error and status")
        }
        "introspection.active" | "introspection.inactive" => {
            must(*status == 200 && body["active"].is_boolean(), "RFC 7662 §2.2: active")
        }
        "revoked" | "revoked.refresh_token" | "content" => must(*status == 200, "200"),
        "metadata" => must(body["issuer"] == "http://as" && body["token_endpoint"] == "http://as/token", "RFC 8414 §2"),
        "jwks" => must(body["keys"].is_array(), "RFC 7517 §5: keys"),
        "registration.created" => {
            must(*status == 201 && has("cache-control", "no-store"), "RFC 7591 §3.2.1: 201 and no-store")?;
            must(body["client_id"].is_string(), "RFC 7591 §3.2.1: client_id")
        }
        "registration.refused" => must(*status == 401 && has("www-authenticate", "Bearer"), "RFC 6750 §3: challenge"),
        "http.405" => must(*status == 405 && header(answer, "allow").is_some(), "RFC 9110 §15.5.6: Allow"),
        "http.429" => must(*status == 429 && has("retry-after", "1"), "RFC 6585 §4: Retry-After"),
        "http.308" => must(has("location", "http://as/"), "RFC 9110 §15.4.9: Location"),
        "revoke.preflight" => must(!has("access-control-allow-credentials", "true"), "RFC 7009 §2.3: no credentials"),
        "revoke.script" => must(has("content-type", "application/javascript"), "RFC 7009 §2.3: a script"),
        "cors.preflight" => must(has("access-control-allow-origin", "*"), "Fetch: who is let in"),
        "http.400" | "http.404" | "http.406" | "http.415" => Ok(()),
        _ => Err("no lawful answer has this name"),
    }
}

#[test]
fn a_locked_client_stays_refused() {
    let (server, _) = server(fault(serde_json::json!({ "settings": { "lock_after": 2 } })));
    let wrong = form("/token", &basic("gl:wrong"), "grant_type=client_credentials");
    for (request, status) in [(&wrong, 401), (&token_request(""), 200), (&wrong, 401), (&token_request(""), 401)] {
        assert_eq!(server.answer(request).reply.status, status);
    }
}

#[test]
fn a_rate_limiter_with_a_window_forgets() {
    let mut dialect = Dialect::of(&[], &[Policy::RateLimited]);
    dialect
        .add(
            serde_json::from_value(
                serde_json::json!({ "behaviour": "x", "settings": { "rate_window_ms": 1000, "retry_after": 2 } }),
            )
            .unwrap(),
        )
        .unwrap();
    let (server, clock) = server(dialect);
    let _ = server.answer(&form("/token", &basic("gl:wrong"), ""));
    let limited = server.answer(&token_request(""));
    assert_eq!((limited.reply.status, header(&limited, "retry-after")), (429, Some("2")));
    use crate::clock::Clock as _;
    clock.jump_to(NOW_MS + 1000);
    assert_eq!(server.answer(&token_request("")).reply.status, 200);
}

#[test]
fn the_received_secret_is_repeated_only_where_a_fault_says_so() {
    let wrong = form("/token", &basic("gl:wr0ng"), "grant_type=client_credentials");
    for (dialect, repeated) in [
        (Dialect::default(), false),
        (Dialect::of(&[Rule::SecretNotEchoed], &[]), true),
        (fault(serde_json::json!({ "reply": { "to": "error.*", "echo_secret": true } })), true),
    ] {
        assert_eq!(line(&server(dialect).0.answer(&wrong)).contains("wr0ng"), repeated);
    }
}

#[test]
fn faults_speak_of_replies_that_there_are() {
    for policies in Policy::ALL.chunks(1).chain([&[][..]]) {
        for (probe, answer, _) in answers(Dialect::of(&[], policies)) {
            let rewrite = serde_json::json!({ "behaviour": "x", "delay_ms": { answer.reply.name.as_str(): 1 } });
            let added = Dialect::default().add(serde_json::from_value(rewrite).unwrap());
            assert!(added.is_ok(), "{} at {:?} {policies:?}", answer.reply.name, probe.name);
        }
    }
    let misspelt = serde_json::json!({ "behaviour": "x", "reply": { "to": "token.isued", "status": 201 } });
    let error = Dialect::default().add(serde_json::from_value(misspelt).unwrap()).unwrap_err();
    assert!(error.to_string().ends_with("no reply is called `token.isued`, did you mean `token.issued`?"), "{error}");
}
