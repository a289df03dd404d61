//! The real browser. `tests/interop/browser.sh` installs what these tests need and runs them; `cargo test` says that it left them out.

#![cfg(target_os = "linux")]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::front::{Front, checked, html, in_one_line, sent_to};
use common::{Asked, Reference, grantlint, target_file};
use grantlint::oauth::Secret;
use grantlint::server::Tls;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use serde_json::{Value, json};

/// A check that looks at one ordinary walk and nothing else.
const ONE: &str = "rfc9207/iss-differs";

fn by_browser(target: &Value, more: &[&str]) -> (i32, String, Value) {
    let mut arguments = vec!["--browser", "--only", ONE];
    arguments.extend(more);
    let (ran, line, report) = checked(target, &arguments);
    (ran.code, format!("{line} {}", ran.stderr), report)
}

fn needs_script() -> Reference {
    Reference::with(&[json!({"policy": ["login.needs_script"]})])
}

#[test]
#[ignore = "needs chromium and chromedriver: tests/interop/browser.sh"]
fn a_login_that_needs_javascript_is_walked_with_all_evidence() {
    let server = needs_script();
    let (code, line, report) = by_browser(&server.target, &[]);
    assert_eq!(code, 0, "{line}");
    let walk = report["exchanges"].as_object().unwrap().values().find(|one| one.get("steps").is_some()).unwrap();
    let steps: Vec<(&str, &str, u64)> = walk["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            let path = step["request"]["url"].as_str().unwrap().strip_prefix(&server.origin).unwrap();
            (
                step["cause"].as_str().unwrap(),
                path.split('?').next().unwrap(),
                step["response"]["status"].as_u64().unwrap(),
            )
        })
        .collect();
    let all = [
        ("asked", "/authorize", 200),
        ("credentials", "/login", 303),
        ("redirect", "/login", 200),
        ("consent", "/consent", 303),
    ];
    assert_eq!(steps, all);
    assert_eq!((walk["ended"].as_str(), walk["logged_in"].as_bool()), (Some("redirected"), Some(true)));
    assert_eq!(walk["redirect"]["via"], 303);
    let first = &walk["steps"][0]["response"];
    assert!(first["body"]["text"].as_str().unwrap().contains("createElement"), "{first}");
    assert_eq!(first["headers"]["x-frame-options"], json!(["DENY"]));
}

#[test]
#[ignore = "needs chromium and chromedriver: tests/interop/browser.sh"]
fn a_wrong_password_is_told_with_the_words_of_the_page() {
    let server = needs_script();
    let mut target = server.target.clone();
    target["login"]["password"] = "wrong-pass".into();
    let (code, line, report) = by_browser(&target, &[]);
    assert_eq!(code, 3, "{line}");
    assert!(
        line.contains("the credentials were not taken: Log in Log in The name or the password is wrong."),
        "{line}"
    );
    assert!(!report.to_string().contains("wrong-pass"));
}

#[test]
#[ignore = "needs chromium and chromedriver: tests/interop/browser.sh"]
fn logins_that_never_end_end() {
    let refresh = |nth: usize| format!("<meta http-equiv=refresh content='0; url=/authorize/{nth}'><p>Please wait");
    let script = |nth: usize| format!("<p>Please wait</p><script>location.replace('/authorize/{nth}')</script>");
    let proceed = "<p>Step</p><button onclick=''>Continue</button>";
    for (front, words) in [
        (Front::at_authorize(move |nth, _| html(&refresh(nth))), "the same pages come again and again, "),
        (Front::at_authorize(move |nth, _| html(&script(nth))), "the same pages come again and again, "),
        (Front::at_authorize(move |_, _| html(proceed)), "the same pages come again and again, 3 so far"),
        (Front::at_authorize(|_, _| None), "the login did not come to an end within 8 s"),
    ] {
        let (code, line, _) = by_browser(&front.target, &["--timeout", "2s"]);
        assert_eq!(code, 3, "{line}");
        assert!(line.contains(words), "{line}");
    }
}

#[test]
#[ignore = "needs chromium and chromedriver: tests/interop/browser.sh"]
fn nothing_is_loaded_from_elsewhere() {
    let page = "<p>Loading</p><script src='https://cdn.example/app.js'></script>";
    let (code, line, _) = by_browser(&Front::at_authorize(move |_, _| html(page)).target, &[]);
    assert_eq!(code, 3, "{line}");
    assert!(
        line.contains("Loading; files of cdn.example were not loaded, name these hosts under `login.hosts`"),
        "{line}"
    );
    // An address of this machine that is not the server's is elsewhere too.
    let other = Front::new(|_, _| Some(html("never")));
    let away = other.raw.url("/login");
    let (code, line, _) = by_browser(&Front::at_authorize(move |_, _| sent_to(&away)).target, &[]);
    assert_eq!(code, 3, "{line}");
    assert!(line.contains("which is no host of this authorization server"), "{line}");
    assert!(other.raw.asked().is_empty(), "{:?}", other.raw.asked());
}

#[test]
#[ignore = "needs chromium and chromedriver: tests/interop/browser.sh"]
fn the_way_back_to_an_app_is_seen() {
    for by_script in [false, true] {
        let back = |asked: &Asked| {
            let query = asked.path().split_once('?').map_or("", |(_, query)| query);
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            let state = pairs.find(|(name, _)| name == "state").unwrap().1.into_owned();
            format!("com.example.app:/cb?code=c0de-c0de-c0de&state={state}&iss=x")
        };
        let front = Front::at_authorize(move |_, asked| {
            let back = back(asked);
            if by_script { html(&format!("<script>location.href = \"{back}\"</script>")) } else { sent_to(&back) }
        });
        let mut target = front.target.clone();
        target["redirect_uri"] = "com.example.app:/cb".into();
        let (code, line, report) = by_browser(&target, &[]);
        // The issuer is a wrong one, and that is seen.
        assert_eq!(code, 1, "{line}");
        assert!(
            line.contains("error[rfc9207/iss-differs]") && report.to_string().contains("com.example.app:/cb"),
            "{line}"
        );
    }
}

#[test]
#[ignore = "needs chromium and chromedriver: tests/interop/browser.sh"]
fn a_name_leads_where_the_user_says() {
    let front = Front::before(needs_script(), |_, _| None);
    let mut target = front.target.clone();
    target["authorization_endpoint"] = "http://as.test/authorize".into();
    let (code, line, _) = by_browser(&target, &["--resolve", &format!("as.test:80:{}", front.raw.address)]);
    assert_eq!(code, 0, "{line}");
    assert!(
        front.count("POST /login") == 1
            && front.raw.asked().iter().any(|asked| asked.header("host") == Some("as.test"))
    );
}

#[test]
#[ignore = "needs chromium and chromedriver: tests/interop/browser.sh"]
fn a_server_with_a_certificate_of_a_private_authority_is_walked() {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    let key = KeyPair::generate().unwrap();
    let tls = Tls {
        certificates_pem: params.signed_by(&key, &authority).unwrap().pem(),
        key_pem: Secret::new(key.serialize_pem()),
    };
    let server = Reference::secure(tls, &[json!({"policy": ["login.needs_script"]})]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.pem()).unwrap();
    let (code, line, _) = by_browser(&server.target, &["--cacert", file.path().to_str().unwrap()]);
    assert_eq!(code, 0, "{line}");
}

#[test]
#[ignore = "needs chromium and chromedriver: tests/interop/browser.sh"]
fn an_interrupted_run_leaves_no_browser_behind() {
    let front = Front::at_authorize(|_, _| None);
    let folder = tempfile::tempdir().unwrap();
    target_file(folder.path(), &[("t", &front.target)]);
    let paths = std::env::var("PATH").unwrap();
    let real = std::env::split_paths(&paths).map(|path| path.join("chromedriver")).find(|path| path.is_file()).unwrap();
    // Stands before the real one, and tells its number.
    let wrapper = folder.path().join("chromedriver");
    let text = format!("#!/bin/sh\necho $$ >\"{}/pid\"\nexec {} \"$@\"\n", folder.path().display(), real.display());
    std::fs::write(&wrapper, text).unwrap();
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let child = grantlint(folder.path())
        .env("PATH", format!("{}:{paths}", folder.path().display()))
        .args(["check", "--allow-literal-secrets", "--suite", "authorization-code", "--only", ONE, "--browser"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let due = Instant::now() + Duration::from_secs(30);
    while front.raw.asked().iter().all(|asked| !asked.path().starts_with("/authorize")) {
        assert!(Instant::now() < due, "the browser does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", in_one_line(&String::from_utf8_lossy(&output.stderr)));
    let group: i64 = std::fs::read_to_string(folder.path().join("pid")).unwrap().trim().parse().unwrap();
    assert_eq!(members(group), [] as [PathBuf; 0]);
}

/// Processes of a group.
fn members(group: i64) -> Vec<PathBuf> {
    let all = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let own = |path: &PathBuf| {
        // "pid (name) state parent group …"
        let stat = std::fs::read_to_string(path.join("stat")).ok()?;
        let rest = stat.rsplit_once(") ")?.1.to_owned();
        let (state, of) = (rest.split(' ').next()?.to_owned(), rest.split(' ').nth(2)?.parse::<i64>().ok()?);
        Some(of == group && state != "Z")
    };
    all.filter(|path| own(path) == Some(true)).collect()
}
