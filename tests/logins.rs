//! Logins that go wrong end in bounded time with a message that says why, and a person with a browser gets through.

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::front::{Front, checked, html, in_one_line, sent_to};
use common::{Asked, Reference, check, forward, grantlint, response, target_file};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

/// A check that looks at one ordinary walk and nothing else.
const ONE: &str = "rfc9207/iss-differs";

/// One walk that does not get through: not testable, with these words.
fn stuck(front: &Front, more: &[&str], words: &[&str]) {
    let mut arguments = vec!["--only", ONE];
    arguments.extend(more);
    let (ran, line, _) = checked(&front.target, &arguments);
    assert_eq!(ran.code, 3, "{line}{}", ran.stderr);
    assert!(line.contains("not testable"), "{line}");
    for word in words {
        assert!(line.contains(word), "not `{word}`: {line}");
    }
}

#[test]
fn a_denied_consent_names_the_error() {
    let denied = "https://client.example/cb?error=access_denied&error_description=The+user+said+no";
    let front = Front::at_authorize(move |_, _| sent_to(denied));
    stuck(&front, &[], &["with the error `access_denied`: The user said no"]);
}

#[test]
fn a_wrong_password_is_sent_once_in_a_whole_run() {
    let mut front = Front::new(|_, _| None);
    front.target["login"]["password"] = "wrong-pass".into();
    let (ran, line, report) = checked(&front.target, &[]);
    assert_eq!(ran.code, 3, "{line}");
    assert!(
        line.contains("the credentials were not taken: Log in Log in The name or the password is wrong."),
        "{line}"
    );
    assert_eq!(front.count("POST /login"), 1, "{line}");
    // None of them is a violation: nothing is known of what is behind the login.
    let violations = report["findings"].as_array().unwrap().iter().filter(|one| one["verdict"] == "violation").count();
    assert_eq!(violations, 0, "{line}");
}

#[test]
fn a_locked_account_is_told_with_the_words_of_the_page() {
    let locked =
        "<title>Sorry</title><p>Your account is locked for w0nder land+%&amp;&lt;é. Ask your administrator.</p>";
    for again in ["", "<form method=post><input name=user><input type=password name=pw><button>Log in</button></form>"]
    {
        let page = format!("{locked}{again}");
        let front = Front::new(move |_, asked| {
            asked
                .head
                .starts_with("POST /login")
                .then(|| Some(response(403, &[("content-type", "text/html; charset=utf-8")], page.as_bytes())))
        });
        stuck(&front, &[], &["Sorry Your account is locked for", "Ask your administrator."]);
        assert_eq!(front.count("POST /login"), 1);
    }
}

#[test]
fn pages_that_lead_to_each_other_end() {
    let front = Front::at_authorize(|_, _| sent_to("/authorize/again"));
    stuck(&front, &[], &["the same pages come again and again"]);
    assert!(front.raw.asked().len() < 40, "{}", front.raw.asked().len());
}

#[test]
fn a_login_that_never_ends_ends() {
    let refresh =
        |nth: usize| format!("<meta http-equiv=refresh content='0; url=/authorize/{nth}'><p>Please wait, {nth}");
    let proceed = |nth: usize| {
        format!("<p>Step {nth}</p><form method=post action='/authorize/{nth}'><button>Continue</button></form>")
    };
    let fronts = [
        Front::at_authorize(move |nth, _| html(&refresh(nth))),
        Front::at_authorize(move |nth, _| html(&proceed(nth))),
    ];
    for front in fronts {
        stuck(&front, &[], &["the same pages come again and again, 25 so far; the last one says:"]);
    }
}

#[test]
fn a_login_of_slow_pages_ends_and_is_not_begun_again() {
    let counted = Arc::new(AtomicUsize::new(0));
    let began = Arc::clone(&counted);
    let front = Front::at_authorize(move |nth, asked| {
        began.fetch_add(usize::from(asked.path().starts_with("/authorize?")), Ordering::Relaxed);
        // Each page is in time, and all together are not.
        std::thread::sleep(Duration::from_millis(300));
        html(&format!("<meta http-equiv=refresh content='0; url=/authorize/{nth}'><p>Please wait, {nth}"))
    });
    let (ran, line, _) =
        checked(&front.target, &["--timeout", "1s", "--only", "rfc9207/*", "--only", "rfc6749/redirect*"]);
    assert_eq!(ran.code, 3, "{line}");
    assert!(
        line.contains("the login did not come to an end within 4 s") && line.contains("says: Please wait"),
        "{line}"
    );
    // The walk that nobody logs in on has a session of its own, and may run beside the first.
    assert!(counted.load(Ordering::Relaxed) <= 2, "{counted:?}");
}

#[test]
fn a_page_that_hangs_meets_its_bound() {
    let front = Front::at_authorize(|_, _| None);
    stuck(&front, &["--timeout", "500ms"], &["timed out"]);
}

#[test]
fn a_page_without_a_form_is_shown() {
    let front = Front::at_authorize(|_, _| html("<title>Acme</title><h1>We are down for maintenance</h1>"));
    stuck(&front, &[], &["an HTML page; Acme We are down for maintenance"]);
    let front = Front::at_authorize(|_, _| Some(response(503, &[("content-type", "text/plain")], b"no upstream")));
    stuck(&front, &[], &["no upstream"]);
}

#[test]
fn a_page_that_needs_javascript_names_the_way_out() {
    let front = Front::before(Reference::with(&[json!({"policy": ["login.needs_script"]})]), |_, _| None);
    stuck(
        &front,
        &[],
        &["the page has no form, and a script that does not run here; --browser runs it; it says: Log in"],
    );
}

#[test]
fn without_chromedriver_a_browser_run_says_what_to_install() {
    let folder = tempfile::tempdir().unwrap();
    target_file(folder.path(), &[("t", &Reference::conforming().target)]);
    let ran = common::run(grantlint(folder.path()).env("PATH", folder.path()).args([
        "check",
        "--allow-literal-secrets",
        "--browser",
    ]));
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("no chromedriver on the PATH") && ran.stderr.contains("chromium-driver"),
        "{}",
        ran.stderr
    );
    let ran = check(folder.path(), &["--allow-literal-secrets", "--webdriver", "http://127.0.0.1:1"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot use a browser: ChromeDriver does not answer"), "{}", ran.stderr);
}

/// A run that waits for a person.
struct Interactive {
    child: Child,
    stderr: BufReader<ChildStderr>,
    folder: TempDir,
}

impl Interactive {
    fn start(target: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        target_file(folder.path(), &[("t", target)]);
        let mut child = grantlint(folder.path())
            .args(["check", "--interactive", "--allow-literal-secrets", "--suite", "authorization-code", "--only", ONE])
            .args(["-o", "console", "-o", "json=report.json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, folder }
    }

    /// The next line on standard error that fits.
    fn line(&mut self, fits: impl Fn(&str) -> bool) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.stderr.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if fits(line.trim()) {
                return Some(line.trim().to_owned());
            }
        }
    }

    /// The next address to open.
    fn address(&mut self) -> Option<Url> {
        self.line(|line| line.starts_with("http://") && line.contains("response_type="))
            .map(|url| Url::parse(&url).unwrap())
    }

    fn paste(&mut self, text: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{text}").unwrap();
    }

    fn ended(mut self) -> (i32, String, Value) {
        drop(self.child.stdin.take());
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code().unwrap();
        let report = std::fs::read_to_string(self.folder.path().join("report.json")).unwrap_or_default();
        (code, in_one_line(&stdout), serde_json::from_str(&report).unwrap_or_default())
    }
}

/// A browser with one cookie, at the pages of the reference server.
struct Browser {
    origin: String,
    cookie: String,
}

impl Browser {
    fn at(url: &Url) -> Self {
        Self { origin: url.origin().ascii_serialization(), cookie: String::new() }
    }

    /// Where it is sent, or else the page.
    fn ask(&mut self, method: &str, target: &str, body: &str) -> Result<String, String> {
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: as\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
             Cookie: {}\r\n\r\n",
            body.len(),
            self.cookie
        );
        let asked = Asked { head, body: body.as_bytes().to_vec() };
        let (_, headers, page) = forward(&self.origin, &asked);
        let header = |wanted: &str| {
            headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.clone())
        };
        if let Some(cookie) = header("set-cookie") {
            self.cookie = cookie.split(';').next().unwrap().to_owned();
        }
        header("location").ok_or_else(|| String::from_utf8(page).unwrap())
    }

    /// Logs in and presses a button: where the browser is sent at last.
    fn log_in(&mut self, url: &Url, decision: &str) -> String {
        let target = format!("{}?{}", url.path(), url.query().unwrap());
        let page = self.ask("GET", &target, "").expect_err("a login page");
        let request = page.split("name=\"request\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("request", request.as_str()), ("username", "alice"), ("password", "w0nder land+%&<é")])
            .finish();
        let next = self.ask("POST", "/login", &body).expect("a redirect after the login");
        let consent = self.ask("GET", &next, "").expect_err("a page for consent");
        assert!(consent.contains("asks for"), "{consent}");
        self.ask("POST", "/consent", &format!("request={request}&decision={decision}")).expect("the way back")
    }
}

#[test]
fn a_person_comes_back_to_a_listener() {
    let reference = Reference::conforming();
    let mut target = reference.target.clone();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    target["redirect_uri"] = format!("http://127.0.0.1:{port}/cb").into();
    target["client"] = json!({"client_id": "pub"});
    target.as_object_mut().unwrap().remove("login");
    let mut run = Interactive::start(&target);
    let url = run.address().expect("an address to open");
    assert!(run.line(|line| line.contains("waited for on this machine")).is_some());
    let back = Browser::at(&url).log_in(&url, "allow");
    let back = Url::parse(&back).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", back.port().unwrap())).unwrap();
    write!(stream, "GET {}?{} HTTP/1.1\r\nHost: {}\r\n\r\n", back.path(), back.query().unwrap(), back.authority())
        .unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("You can close this page"), "{page}");
    assert!(run.address().is_none(), "one walk is enough");
    let (code, line, report) = run.ended();
    assert_eq!(code, 0, "{line}");
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    assert!(!report.to_string().contains(&code) && !line.contains(&code), "the code is shown: {line}");
}

#[test]
fn a_person_pastes_where_the_browser_ended() {
    let reference = Reference::conforming();
    let mut run = Interactive::start(&reference.target);
    let url = run.address().expect("an address to open");
    assert!(run.line(|line| line.contains("paste the address")).is_some());
    let back = Browser::at(&url).log_in(&url, "allow");
    run.paste("https://somewhere.example/else");
    assert!(
        run.line(
            |line| line.contains("not the address that is waited for") && line.contains("https://client.example/cb")
        )
        .is_some()
    );
    run.paste(&back);
    let (code, line, _) = run.ended();
    assert_eq!(code, 0, "{line}");
}

#[test]
fn a_person_who_denies_is_told_so() {
    let reference = Reference::conforming();
    let mut run = Interactive::start(&reference.target);
    let url = run.address().expect("an address to open");
    let back = Browser::at(&url).log_in(&url, "deny");
    run.paste(&back);
    let (code, line, _) = run.ended();
    assert_eq!(code, 3, "{line}");
    assert!(line.contains("with the error `access_denied`"), "{line}");
}

#[test]
fn a_person_who_does_not_come_back_is_not_waited_for() {
    let reference = Reference::conforming();
    let mut run = Interactive::start(&reference.target);
    run.address().expect("an address to open");
    let (code, line, _) = run.ended();
    assert_eq!(code, 3, "{line}");
    assert!(line.contains("no address of the redirect URI was pasted"), "{line}");
}

#[cfg(unix)]
#[test]
fn a_run_that_waits_for_a_person_can_be_ended() {
    let reference = Reference::conforming();
    let mut run = Interactive::start(&reference.target);
    run.address().expect("an address to open");
    let stdin = run.child.stdin.take();
    assert!(Command::new("kill").arg(run.child.id().to_string()).status().unwrap().success());
    let (code, line, _) = run.ended();
    assert_eq!(code, 130, "{line}");
    drop(stdin);
}
