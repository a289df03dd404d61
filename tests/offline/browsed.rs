//! The HAR of a browser that walked through a login.

use std::collections::HashMap;

use grantlint::judge::{Court, Verdict};
use grantlint::replay::{self, File, Hints};
use grantlint::suite::{self, Wanted};
use serde_json::{Value, json};

use super::says;

/// An entry of a browser's HAR, without cookies, as browsers leave them out.
fn entry(second: u32, request: Value, response: Value) -> Value {
    json!({"startedDateTime": format!("2027-01-15T08:00:{second:02}.000Z"), "time": 40.0, "request": request, "response": response})
}

fn page(html: &str) -> Value {
    let headers = json!([{"name": "content-type", "value": "text/html; charset=utf-8"}]);
    json!({"status": 200, "httpVersion": "h2", "headers": headers, "content": {"size": html.len(), "text": html}})
}

fn sent_to(location: &str) -> Value {
    json!({"status": 302, "httpVersion": "h2", "headers": [{"name": "location", "value": location}], "content": {"size": 0}})
}

fn form(url: &str, pairs: &str) -> Value {
    let headers = json!([{"name": "content-type", "value": "application/x-www-form-urlencoded"}]);
    json!({"method": "POST", "url": url, "headers": headers, "postData": {"mimeType": "application/x-www-form-urlencoded", "text": pairs}})
}

fn get(url: &str) -> Value {
    json!({"method": "GET", "url": url, "headers": []})
}

const STATE: &str = "af0ifjsldkj8f7g6h5";
const PASSWORD: &str = "w0rd-typed-by-a-person";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn asks() -> String {
    format!(
        "https://login.example/authorize?response_type=code&client_id=shop&redirect_uri=https%3A%2F%2Fshop.example%2Fcb&scope=openid&state={STATE}&nonce=n-0S6_WzA2Mj&code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
}

/// What checks say of a browser's walk with these entries between the first request and the last redirect.
fn browsed(between: Vec<Value>) -> (HashMap<String, Verdict>, String) {
    let granted = r#"{"access_token":"at-9f8e7d6c5b4a","token_type":"Bearer","expires_in":300}"#;
    let answered = json!({"status": 200, "httpVersion": "h2",
        "headers": [{"name": "content-type", "value": "application/json"}, {"name": "cache-control", "value": "no-store"}],
        "content": {"size": granted.len(), "text": granted}});
    let asked = "grant_type=authorization_code&client_id=shop&code=SplxlOBeZQQYbYS6WxSbIA-SplxlOBeZQQYbYS6WxSbIA&redirect_uri=https%3A%2F%2Fshop.example%2Fcb&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let mut entries = between;
    // Beside the walk, and none of its business.
    entries.insert(1, entry(1, get("https://login.example/style.css"), json!({"status": 200, "content": {"size": 0}})));
    entries.push(entry(
        30,
        get("https://shop.example/cb?code=SplxlOBeZQQYbYS6WxSbIA-SplxlOBeZQQYbYS6WxSbIA"),
        page("<p>welcome</p>"),
    ));
    entries.push(entry(31, form("https://login.example/token", asked), answered));
    let har = json!({"log": {"version": "1.2", "creator": {"name": "a browser", "version": "1"}, "entries": entries}});
    let read = replay::read(&[File { name: "b.har".into(), bytes: har.to_string().into_bytes() }]).unwrap();
    let catalogue = suite::embedded();
    let members = suite::select(&catalogue, &Wanted { suites: vec!["all".into()], ..Wanted::default() });
    let target = replay::suppose(&read.heard, &Hints::default());
    let replayed = replay::recording(&catalogue, &target, &members, &read.heard);
    let court = Court::new(&catalogue, &replayed.recording);
    let verdicts = members.iter().map(|member| (member.check.clone(), court.judge(member).verdict));
    let verdicts = verdicts.filter(|(_, verdict)| says(*verdict)).collect();
    (verdicts, format!("{:?}", replayed.recording))
}

#[test]
fn a_walk_in_a_browser_is_judged_and_its_password_is_not_told() {
    let login = r#"<form method="post" action="/login"><input type="hidden" name="flow" value="7"><input name="who"><input type="password" name="p1"><button>Sign in</button></form>"#;
    let consent = r#"<form method="post" action="/consent"><input type="hidden" name="flow" value="7"><button name="d" value="yes">Allow</button><button name="d" value="no">Deny</button></form>"#;
    let walk = |end: &str| {
        vec![
            entry(0, get(&asks()), page(login)),
            entry(9, form("https://login.example/login", &format!("flow=7&who=ann&p1={PASSWORD}")), page(consent)),
            entry(12, form("https://login.example/consent", "flow=7&d=yes"), sent_to(end)),
        ]
    };
    let (sound, told) = browsed(walk(&format!(
        "https://shop.example/cb?code=SplxlOBeZQQYbYS6WxSbIA-SplxlOBeZQQYbYS6WxSbIA&state={STATE}"
    )));
    assert_eq!(sound.get("rfc6749/state-altered"), Some(&Verdict::Pass), "{sound:?}");
    assert_eq!(sound.get("rfc6749/valid-code-refused"), Some(&Verdict::Pass), "{sound:?}");
    // It lets itself be framed: seen on its own pages.
    assert_eq!(sound.get("rfc9700/login-page-framable"), Some(&Verdict::Violation), "{sound:?}");
    // Who has no secret need not send one.
    assert_eq!(sound.get("rfc6749/code-without-credentials"), None, "{sound:?}");
    for secret in [PASSWORD, "SplxlOBeZQQYbYS6WxSbIA-SplxlOBeZQQYbYS6WxSbIA", "at-9f8e7d6c5b4a", STATE, "dBjftJeZ4CVP"]
    {
        assert!(!told.contains(secret), "{secret}");
    }
    let (altered, _) =
        browsed(walk("https://shop.example/cb?code=SplxlOBeZQQYbYS6WxSbIA-SplxlOBeZQQYbYS6WxSbIA&state=another"));
    assert_eq!(altered.get("rfc6749/state-altered"), Some(&Verdict::Violation), "{altered:?}");
    let (fragment, _) = browsed(walk(&format!(
        "https://shop.example/cb#code=SplxlOBeZQQYbYS6WxSbIA-SplxlOBeZQQYbYS6WxSbIA&state={STATE}"
    )));
    assert_eq!(fragment.get("rfc6749/code-not-in-query"), Some(&Verdict::Violation), "{fragment:?}");
}

#[test]
fn a_login_by_scripts_is_bridged_and_nobody_claims_to_know_what_was_asked_there() {
    let app = "<div id=root></div><script src=/app.js></script>";
    let login = json!({"method": "POST", "url": "https://login.example/api/login", "headers": [{"name": "content-type", "value": "application/json"}],
        "postData": {"mimeType": "application/json", "text": format!(r#"{{"who":"ann","password":"{PASSWORD}"}}"#)}});
    let end = format!("https://shop.example/cb?code=SplxlOBeZQQYbYS6WxSbIA-SplxlOBeZQQYbYS6WxSbIA&state={STATE}");
    let (found, told) = browsed(vec![
        entry(0, get(&asks()), page(app)),
        entry(5, login, json!({"status": 200, "headers": [], "content": {"size": 2, "text": "{}"}})),
        entry(6, get("https://login.example/resume?flow=7"), sent_to(&end)),
    ]);
    assert_eq!(found.get("rfc6749/state-altered"), Some(&Verdict::Pass), "{found:?}");
    assert_eq!(found.get("coupa/api/code-without-consent"), None, "{found:?}");
    assert_eq!(found.get("rfc6749/code-without-login"), None, "{found:?}");
    assert!(!told.contains(PASSWORD), "{told}");
}

#[test]
fn a_walk_that_the_recording_does_not_end_is_held_against_nobody() {
    let (found, _) = browsed(vec![entry(
        0,
        get(&asks()),
        page("<form method=post action=/login><input type=password name=p></form>"),
    )]);
    for check in ["rfc6749/state-altered", "rfc6749/valid-code-refused", "rfc6749/authorization-get-refused"] {
        assert_eq!(found.get(check), None, "{check}");
    }
}
