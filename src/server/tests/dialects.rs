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
    assert_eq!(effects, EFFECTS.trim().lines().collect::<Vec<_>>(), "{}", effects.join("\n"));
}

#[test]
fn every_choice_but_the_defaults_changes_an_answer() {
    let conforming = lines(Dialect::default());
    let without_effect: Vec<&Policy> =
        Policy::ALL.iter().filter(|policy| lines(Dialect::of(&[], &[**policy])) == conforming).collect();
    // The first three name the default; of the others the listener has the doing.
    let expected = [
        Policy::ScopeOmittedWhenSame,
        Policy::ErrorPost400,
        Policy::TokenJwt,
        Policy::HeadersLower,
        Policy::HeadersTitle,
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
            Policy::ScopeNarrow => vec!["unknown scope", "ungranted scope", "upper-case scope"],
            Policy::DuplicatesSameAccepted => vec!["repeated, equal"],
            Policy::TwoMethodsHeaderWins => vec!["secret beside basic"],
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
        "revoked" | "content" => must(*status == 200, "200"),
        "metadata" => must(body["issuer"] == "http://as" && body["token_endpoint"] == "http://as/token", "RFC 8414 §2"),
        "http.405" => must(*status == 405 && header(answer, "allow").is_some(), "RFC 9110 §15.5.6: Allow"),
        "http.429" => must(*status == 429 && has("retry-after", "1"), "RFC 6585 §4: Retry-After"),
        "http.308" => must(has("location", "http://as/"), "RFC 9110 §15.4.9: Location"),
        "revoke.preflight" => must(!has("access-control-allow-credentials", "true"), "RFC 7009 §2.3: no credentials"),
        "revoke.script" => must(has("content-type", "application/javascript"), "RFC 7009 §2.3: a script"),
        "http.404" | "http.406" | "http.415" => Ok(()),
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

/// `http.not_served` is seen by a listener with TLS only; `wire` has its test. The others without an effect only show beside a choice.
const EFFECTS: &str = "
client.known: unknown client
client.secret_checked: wrong secret; wrong secret in the body
client.authentication_required: query credentials; no secret; no credentials
client.not_enumerable: unknown client; wrong secret; wrong secret in the body
client.grant_checked: public client
auth.one_method: secret beside basic
auth.client_id_beside_basic: client_id beside basic
auth.scheme_known: another scheme; introspection, bearer; introspection, bad bearer
auth.scheme_case_insensitive: basic, lower case; another scheme
basic.challenge: basic, malformed; another scheme; introspection, open; introspection, public client; introspection, bearer; introspection, bad bearer; unknown client; wrong secret
basic.well_formed: basic, malformed
basic.url_safe: basic, url-safe
basic.form_decoded: basic, form-encoded
basic.raw_tried: ordinary and 38 more
basic.first_colon: ordinary and 38 more
credentials.not_in_query: query credentials
token.post_only: get
grant_type.required: no grant_type; upper-case name
grant_type.known: unknown grant_type; upper-case grant_type
grant_type.case_sensitive: upper-case grant_type
parameters.once: repeated, equal; repeated, different
parameters.all_seen: repeated, equal; repeated, different
parameters.unknown_ignored: unknown parameter; introspection, unknown parameter
parameters.empty_is_absent: empty scope
parameters.case_sensitive: upper-case name
media_type.checked: text body
json.accepted: json
json.well_formed: broken json
form.raw_space: raw space
scope.known: unknown scope; upper-case scope
scope.granted_only: ungranted scope
scope.reported: ordinary and 10 more
scope.order_free: other order
scope.case_sensitive: upper-case scope
token.entropy: ordinary and 14 more
token.unique: ordinary once more and 15 more
cc.no_refresh_token: ordinary and 14 more
secret.not_echoed: ordinary and 25 more
expiry.enforced: introspection, expired
resource.expiry_checked: resource, expired token
resource.token_accepted: resource; resource, get; resource, lower case; resource, narrow token
resource.token_required: resource, other scheme; resource, no token; resource, token in query; resource, token in body
resource.token_known: resource, invented token; resource, forged token; resource, long token
resource.signature_checked: resource, forged token
resource.scope_checked: resource, narrow token
resource.header_only: resource, token in query; resource, token in body
resource.scheme_checked: resource, other scheme
resource.scheme_case_insensitive: resource, lower case
resource.long_header: resource, long token
request.cache_control_ignored: cache-control
revoke.authenticated: revocation, open
revoke.unknown_is_success: revocation, unknown; revocation, in clear
revoke.works: resource, revoked token; introspection after the hint; introspection after the odd hint
revoke.bound_to_client: revocation, foreign; introspection after it; introspection after that; introspection, unknown parameter; introspection, hint; introspection, odd hint; introspection, resource server
revoke.bound_for_public: revocation, public client; introspection after that; introspection, unknown parameter; introspection, hint; introspection, odd hint; introspection, resource server
revoke.token_required: revocation, no token
revoke.hint_extended: introspection after the hint
revoke.hint_unknown_accepted: revocation, odd hint; introspection after the odd hint
revoke.hint_unknown_searched: introspection after the odd hint
revoke.type_told:
revoke.http_too: revocation, in clear
revoke.cors_bare:
introspection.authenticated: introspection, open; introspection, public client; introspection, foreign; introspection, bearer; introspection, bad bearer
introspection.caller_401: introspection, open; introspection, public client; introspection, bearer; introspection, bad bearer
introspection.caller_error: introspection, open; introspection, public client; introspection, bearer; introspection, bad bearer
introspection.bearer_401:
introspection.by_post: introspection and 17 more
introspection.get_refused: introspection, get
introspection.token_required: introspection, no token
introspection.parameters_ignored: introspection, unknown parameter
introspection.hint_extended: introspection, hint
introspection.hint_unknown_accepted: introspection, odd hint
introspection.signature_checked: introspection, forged token
introspection.forbidden_is_inactive: introspection, foreign
introspection.foreign_hidden: introspection, foreign
introspection.unknown_is_inactive: introspection, unknown; introspection, forged token
introspection.inactive_bare: introspection, expired; introspection, unknown; introspection after the hint; introspection after the odd hint; introspection, forged token; introspection, foreign
metadata.truthful: metadata
metadata.issuer: metadata
http.not_served:
";
