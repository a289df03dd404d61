//! A HAR of a whole run, walks, repetitions and waits among it, gives the verdicts of that run and never another one.

mod common;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Asked, Raw, forward, response};
use grantlint::clock::{Clock, ManualClock};
use grantlint::judge::{Court, Judgement, Verdict};
use grantlint::mutation;
use grantlint::plan::{self, Options};
use grantlint::replay::{self, File, Hints};
use grantlint::report::har;
use grantlint::report::model::VerdictKind;
use grantlint::run::{self, Quiet, Task};
use grantlint::server::{self, Dialect};
use grantlint::suite::{self, Catalogue, Member, Wanted};
use grantlint::target::{self, Target};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// 2027-01-15T08:00:00Z.
const NOON: u64 = 1_800_000_000_000;

/// An exchange as it went over the wire; moments in nanoseconds since the Unix epoch.
struct Wire {
    asked: Asked,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    began: i128,
    ended: i128,
}

/// Stands between client and server, and keeps what passes.
struct Tap {
    raw: Raw,
    kept: Arc<Mutex<Vec<Wire>>>,
}

impl Tap {
    fn before(origin: &str, clock: &ManualClock) -> Self {
        let kept: Arc<Mutex<Vec<Wire>>> = Arc::default();
        let (origin, keeps, clock, start) = (origin.to_owned(), Arc::clone(&kept), clock.clone(), Instant::now());
        // The clock of a trial stands still unless somebody waits; what really takes time comes on top.
        let now = move || i128::from(clock.now_ms()) * 1_000_000 + i128::try_from(start.elapsed().as_nanos()).unwrap();
        let raw = Raw::new(move |_, asked| {
            let began = now();
            let (status, headers, body) = forward(&origin, asked);
            let fields: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let bytes = response(status, &fields, &body);
            let wire = Wire { asked: asked.clone(), status, headers, body, began, ended: now() };
            keeps.lock().unwrap().push(wire);
            Some(bytes)
        });
        Self { raw, kept }
    }
}

fn fields(pairs: impl Iterator<Item = (String, String)>) -> Value {
    pairs.map(|(name, value)| json!({"name": name, "value": value})).collect()
}

/// What a proxy saves.
fn proxied(wires: &[Wire], origin: &str) -> Value {
    let entry = |wire: &Wire| {
        let sent = wire.asked.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut request = json!({
            "method": wire.asked.head.split(' ').next().unwrap(), "url": format!("{origin}{}", wire.asked.path()),
            "httpVersion": "HTTP/1.1",
            "headers": fields(sent.map(|(name, value)| (name.to_owned(), value.trim().to_owned()))),
        });
        if !wire.asked.body.is_empty() {
            request["postData"] = json!({"text": String::from_utf8_lossy(&wire.asked.body)});
        }
        let content = match std::str::from_utf8(&wire.body) {
            Ok(text) => json!({"size": wire.body.len(), "text": text}),
            Err(_) => json!({"size": wire.body.len(), "text": STANDARD.encode(&wire.body), "encoding": "base64"}),
        };
        let began = OffsetDateTime::from_unix_timestamp_nanos(wire.began).unwrap();
        #[allow(clippy::cast_precision_loss, reason = "milliseconds")]
        let took = (wire.ended - wire.began) as f64 / 1e6;
        json!({
            "startedDateTime": began.format(&Rfc3339).unwrap(), "time": took, "request": request,
            "response": {
                "status": wire.status, "httpVersion": "HTTP/1.1", "headers": fields(wire.headers.iter().cloned()),
                "content": content, "headersSize": 100,
            },
        })
    };
    let entries: Vec<Value> = wires.iter().map(entry).collect();
    json!({"log": {"version": "1.2", "creator": {"name": "a proxy", "version": "1"}, "entries": entries}})
}

/// A finding of both.
struct Pair {
    check: String,
    live: Verdict,
    recorded: Judgement,
    /// Instances that the live run sent.
    sent: Arc<HashSet<String>>,
}

impl Pair {
    /// Whether the live run sent the exchange that a sentence names first.
    fn live_sent(&self, message: &str) -> bool {
        message.split('`').nth(1).is_some_and(|key| self.sent.contains(key))
    }
}

/// Who says what the target is.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Recording,
    Owner,
}

/// The findings of a run against a server with these faults, and of a HAR of it.
fn both(catalogue: &Catalogue, faults: &[&str]) -> Vec<Pair> {
    let mut both = judged(catalogue, faults, &[By::Recording]);
    both.remove(0)
}

/// The same for each way to know the target.
fn judged(catalogue: &Catalogue, faults: &[&str], ways: &[By]) -> Vec<Vec<Pair>> {
    let wanted = Wanted { suites: vec!["all".into()], ..Wanted::default() };
    let members = suite::select(catalogue, &wanted);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (live, sent, har, owners) = runtime.block_on(live(catalogue, faults, &members));
    let sent = Arc::new(sent);
    let read = replay::read(&[File { name: "proxy.har".into(), bytes: har.to_string().into_bytes() }]).unwrap();
    let of = |by: &By| {
        let target = match by {
            By::Owner => owners.clone(),
            // Which specifications a server follows only its owner can say, by naming suites of them.
            By::Recording => {
                replay::suppose(&read.heard, &Hints::default()).claiming(&["oauth-2.1", "rfc9068"].map(str::to_owned))
            }
        };
        let replayed = replay::recording(catalogue, &target, &members, &read.heard);
        let court = Court::new(catalogue, &replayed.recording);
        let pair = |(member, live): (&Member, &Verdict)| Pair {
            check: format!(
                "{}{}",
                member.check,
                member.variant.iter().map(|name| format!("[{name}]")).collect::<String>()
            ),
            live: *live,
            recorded: court.judge(member),
            sent: Arc::clone(&sent),
        };
        members.iter().zip(&live).map(pair).collect()
    };
    ways.iter().map(of).collect()
}

/// Verdicts, what was sent, the HAR, and the target as its owner describes it.
type Lived = (Vec<Verdict>, HashSet<String>, Value, Target);

async fn live(catalogue: &Catalogue, faults: &[&str], members: &[Member]) -> Lived {
    let mut all = suite::fixtures().swap_remove("faults").unwrap();
    let mut dialect = Dialect::default();
    for id in faults {
        dialect.add(serde_json::from_value(all.remove(*id).unwrap_or_else(|| panic!("{id}"))).unwrap()).unwrap();
    }
    let clock = ManualClock::new(NOON);
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let settings =
        server::Settings { clock: shared.clone(), seed: Some([7; 32]), dialect, ..server::Settings::default() };
    let running = server::start(settings).await.unwrap();
    let tap = Tap::before(running.origin(), &clock);
    // Whoever asks for the server is led to the tap, so that the server's own URLs are right.
    let own: SocketAddr = running.origin().trim_start_matches("http://").parse().unwrap();
    let resolve = vec![((own.ip().to_string(), own.port()), tap.raw.address)];
    let target = target::from_entry("reference", running.target()).unwrap();
    let patience = Duration::from_secs(4 * 3600);
    let plan = plan::plan(catalogue, &target, members, &Options { safe: false, patience });
    let settings = run::Settings {
        concurrency: 8,
        interval: None,
        patience,
        seed: 0,
        resolve,
        clock: shared,
        progress: Arc::new(Quiet),
        driver: run::Driver::Scripted,
    };
    let brought = run::run(Task { catalogue, plan: &plan, target: &target }, &settings, pending()).await.unwrap();
    let court = Court::new(catalogue, &brought.recording);
    let live = members.iter().map(|member| court.judge(member).verdict).collect();
    let mut wires = std::mem::take(&mut *tap.kept.lock().unwrap());
    wires.sort_by_key(|wire| wire.began);
    let keys = brought.recording.exchanges.keys();
    let sent = keys.filter(|key| brought.recording.document(key).is_some()).cloned().collect();
    (live, sent, proxied(&wires, running.origin()), target)
}

fn says(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Pass | Verdict::Violation)
}

/// Everything that a recording may lack, each with words of the sentence that says so; docs/replay.md counts them.
const REASONS: [(&str, &str); 11] = [
    ("known to the owner only", "only the owner knows `"),
    ("known to the owner only", "the target does not claim "),
    ("known to the owner only", "the target file says nothing of "),
    ("known to the owner only", "nothing in the recording shows that "),
    ("signed wrongly", "only who has the key can tell a wrong signature"),
    ("made up, and not to be told by its name", "the recording does not tell let"),
    ("a registration, whose endpoint is not deduced", "the recording lacks `register."),
    ("below HTTP", "does not show a TLS handshake"),
    ("a verifier that was never told", "whose verifier it is nobody can tell"),
    ("asked once more at the end", "was not sent again after refused ones"),
    ("sent again, or later", "; it is sent "),
];

/// Which of the reasons it is, or that the live run did not send the exchange either.
fn reason(pair: &Pair) -> Option<&'static str> {
    let message = pair.recorded.message();
    let known = REASONS.iter().find(|(_, words)| message.contains(words)).map(|(name, _)| *name);
    let unsent = || message.starts_with("the recording lacks `") && !pair.live_sent(&message);
    known.or_else(|| unsent().then_some("never sent, as what it rests on was refused"))
}

/// No verdict of the recording is another one than the live run's. Answers how many of the live ones it gives back.
fn agree(pairs: &[Pair]) -> (usize, usize) {
    for pair in pairs {
        let (found, Pair { check, live, .. }) = (&pair.recorded, pair);
        // Where a run gave up, what it did see may be right all the same.
        let more = *live == Verdict::NotTestable && found.verdict == Verdict::Pass;
        assert!(!says(found.verdict) || found.verdict == *live || more, "{check}: live {live:?}, recorded {found:?}");
        let red = found.verdict == Verdict::NotTestable && *live != Verdict::NotTestable;
        assert!(!red, "{check}: live {live:?}, recorded {found:?}");
    }
    let live = pairs.iter().filter(|pair| says(pair.live));
    (live.clone().filter(|pair| says(pair.recorded.verdict)).count(), live.count())
}

#[test]
fn a_har_of_the_reference_server_gives_nearly_every_verdict_and_says_why_not_the_others() {
    let [pairs, of_owner] = judged(&suite::embedded(), &[], &[By::Recording, By::Owner]).try_into().ok().unwrap();
    let (given, all) = agree(&pairs);
    let (with_file, _) = agree(&of_owner);
    println!("{given} of {all}, and {with_file} with the target file");
    assert!(with_file > given && with_file * 100 >= all * FLOOR_WITH_FILE, "{with_file} of {all}");
    let mut lost: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| says(pair.live) && !says(pair.recorded.verdict)) {
        let why = reason(pair).unwrap_or_else(|| panic!("{}: {:?}", pair.check, pair.recorded));
        lost.entry(why).or_default().push(&pair.check);
    }
    for (why, checks) in &lost {
        println!("{} {why}: {}", checks.len(), checks.join(" "));
    }
    assert!(given * 100 >= all * FLOOR, "{given} of {all}");
}

/// Hundredths of the live verdicts that come back.
const FLOOR: usize = 94;

/// The same of a faulty server, where more depends on what came first.
const FLOOR_OF_FAULTY: usize = 90;

/// The same where the owner's target file says what the recording does not.
const FLOOR_WITH_FILE: usize = 96;

/// Servers that each break one rule of another family, and the verdict of a HAR of them.
fn finds(faults: &[&str]) {
    let catalogue = suite::embedded();
    for fault in faults {
        let pairs = both(&catalogue, &[*fault]);
        let (given, all) = agree(&pairs);
        assert!(given * 100 >= all * FLOOR_OF_FAULTY, "{fault}: {given} of {all}");
        let name = fault.split('.').next().unwrap();
        let found = |pair: &Pair| pair.check.starts_with(name) && pair.recorded.verdict == Verdict::Violation;
        assert!(pairs.iter().any(found), "{fault}");
    }
}

#[test]
fn faults_of_tokens_are_found_in_a_har() {
    finds(&[
        "rfc6749/token-response-cacheable",
        "rfc6750/invented-token-accepted",
        "rfc7662/subject-a-number",
        "rfc7523/expired-assertion-accepted",
    ]);
}

#[test]
fn faults_of_codes_and_pages_are_found_in_a_har() {
    finds(&[
        "rfc6749/authorization-code-reusable",
        "rfc7636/verifier-not-checked",
        "rfc9700/refresh-token-reusable",
        "rfc9700/page-without-frame-options",
    ]);
}

fn verdict_of(kind: VerdictKind) -> Verdict {
    match kind {
        VerdictKind::Pass => Verdict::Pass,
        VerdictKind::Violation | VerdictKind::Waived => Verdict::Violation,
        VerdictKind::NotApplicable => Verdict::NotApplicable,
        VerdictKind::NotTestable => Verdict::NotTestable,
        VerdictKind::LeftOut => Verdict::LeftOut,
    }
}

#[test]
fn a_har_of_our_own_holds_walks_and_repetitions() {
    let catalogue = suite::embedded();
    let wanted = Wanted { suites: vec!["all".into()], ..Wanted::default() };
    let members = suite::select(&catalogue, &wanted);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut faults = suite::fixtures().swap_remove("faults").unwrap();
    let fault = serde_json::from_value(faults.remove("rfc6749/authorization-code-reusable").unwrap()).unwrap();
    let report = runtime.block_on(mutation::trial(&catalogue, &[fault], &wanted)).unwrap();
    let name = |check: &str, variant: Option<&str>, caller: Option<&str>| format!("{check} {variant:?} {caller:?}");
    let live: HashMap<String, Verdict> = report
        .findings
        .iter()
        .map(|found| (name(&found.check, found.variant.as_deref(), found.caller.as_deref()), verdict_of(found.verdict)))
        .collect();
    let har = har::render(&[&report]);
    let read = replay::read(&[File { name: "own.har".into(), bytes: har.into_bytes() }]).unwrap();
    let target = replay::suppose(&read.heard, &Hints::default()).claiming(&["oauth-2.1", "rfc9068"].map(str::to_owned));
    let replayed = replay::recording(&catalogue, &target, &members, &read.heard);
    let court = Court::new(&catalogue, &replayed.recording);
    let (mut given, mut all) = (0, 0);
    for member in &members {
        let live = live[&name(&member.check, member.variant.as_deref(), member.caller.as_deref())];
        let found = court.judge(member);
        all += usize::from(says(live));
        given += usize::from(says(live) && says(found.verdict));
        let (check, said) = (&member.check, says(found.verdict));
        assert!(!said || found.verdict == live, "{check}: live {live:?}, recorded {found:?}");
        let walked = ["rfc6749/authorization-code-reusable", "rfc6749/state-altered"].contains(&check.as_str());
        assert!(!walked || found.verdict == live, "{check}: {found:?}");
    }
    // The rest is what masks do not tell: the inside of tokens, and how credentials were written.
    assert!(given * 100 >= all * 85, "{given} of {all}");
}

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
