//! No secret and no token is in any output, in any encoding, whatever the server does with it.

mod common;

use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use common::{Asked, Ran, Raw, Reference, check, forward, grantlint, response, run, target_file};
use serde_json::{Value, json};

const SECRET: &str = "p+Q/r%s&t\"u<v é~~?wxyz";
const SECOND: &str = "0ther-s3cret";
const PASSWORD: &str = "Pass/wörd+9 & more";

/// As much as a run says, and three reports of it.
const THREE_REPORTS: [&str; 9] =
    ["check", "--allow-literal-secrets", "-vv", "-o", "json=r.json", "-o", "junit=j.xml", "-o", "html=r.html"];

/// Every way to write a value, worked out here and not by the code under test.
fn encodings(value: &str) -> Vec<String> {
    let percent = |keep: &dyn Fn(u8) -> bool, space: &str, lower: bool| -> String {
        value
            .bytes()
            .map(|byte| match byte {
                b' ' if !space.is_empty() => space.to_owned(),
                byte if keep(byte) => char::from(byte).to_string(),
                byte if lower => format!("%{byte:02x}"),
                byte => format!("%{byte:02X}"),
            })
            .collect()
    };
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let form = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte);
    let json: String = value.chars().flat_map(|c| if c == '"' { vec!['\\', '"'] } else { vec![c] }).collect();
    let unit = |c: char, upper: bool| {
        let code = u32::from(c);
        if upper { format!("\\u{code:04X}") } else { format!("\\u{code:04x}") }
    };
    let units = |which: &dyn Fn(char) -> bool, upper: bool| -> String {
        value
            .chars()
            .map(|c| match c {
                c if which(c) => unit(c, upper),
                '"' => "\\\"".to_owned(),
                c => c.to_string(),
            })
            .collect()
    };
    let html = value.replace('&', "&amp;").replace('<', "&lt;");
    let mut all = vec![value.to_owned(), json.clone(), json.replace('/', "\\/"), html.clone()];
    for lower in [false, true] {
        all.extend([percent(&unreserved, "", lower), percent(&form, "+", lower), percent(&|_| false, "", lower)]);
        all.push(units(&|c| !c.is_ascii(), lower));
        all.push(units(&|c| !c.is_ascii() || "<>&'+\"".contains(c), lower));
        all.push(units(&|_| true, lower));
    }
    all.push(html.replace('"', "&quot;"));
    all.push(html.replace('"', "&#34;").replace('é', "&#233;").replace('ö', "&#246;"));
    all.push(html.replace('"', "&#x22;").replace('é', "&#xE9;").replace('ö', "&#xF6;"));
    all.push(value.bytes().map(char::from).collect());
    for id in ["gl", "gl2", "alice"] {
        let form = percent(&form, "+", false);
        for pair in [format!("{id}:{value}"), format!("{id}:{form}"), value.to_owned()] {
            all.extend([STANDARD.encode(&pair), URL_SAFE.encode(&pair)]);
        }
    }
    all.sort();
    all.dedup();
    all
}

/// What may not be found, with the outputs to look through.
struct Search {
    needles: Vec<String>,
    looked_at: usize,
}

impl Search {
    fn of(values: &[&str]) -> Self {
        Self { needles: values.iter().flat_map(|value| encodings(value)).collect(), looked_at: 0 }
    }

    fn add_tokens(&mut self, tokens: &[String]) {
        self.needles.extend(tokens.iter().cloned());
    }

    fn through(&mut self, what: &str, text: &str) {
        for needle in &self.needles {
            if let Some(at) = text.find(needle.as_str()) {
                let (from, to) = (at.saturating_sub(120), (at + needle.len() + 40).min(text.len()));
                let around = String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned();
                panic!("{what}: `{needle}` in …{around}…");
            }
        }
        self.looked_at += text.len();
    }

    fn through_run(&mut self, ran: &Ran, folder: &Path) {
        self.through("stdout", &ran.stdout);
        self.through("stderr", &ran.stderr);
        self.through_folder("file", folder);
    }

    fn through_folder(&mut self, what: &str, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension != "yaml") {
                let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
                let name = format!("{what}, {}", path.display());
                self.through(&name, &text);
                if path.extension().is_some_and(|extension| extension == "html") {
                    self.through(&name, &shown(&text));
                }
            }
        }
    }
}

/// What a browser shows of a page of ours, whose texts are escaped.
fn shown(page: &str) -> String {
    [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
        .iter()
        .fold(page.to_owned(), |page, (escape, c)| page.replace(escape, c))
}

/// The reference server behind a repeater that spoils what it answers; every token is written down.
struct Spoilt {
    _reference: Reference,
    raw: Raw,
    tokens: Arc<Mutex<Vec<String>>>,
    target: Value,
}

type Spoil = fn(&mut u16, &mut Vec<(String, String)>, &mut Vec<u8>);

impl Spoilt {
    fn new(secret: &str, spoil: Spoil) -> Self {
        let reference = Reference::with(&[json!({"settings": {"client_secret": secret}})]);
        let tokens: Arc<Mutex<Vec<String>>> = Arc::default();
        let (origin, kept) = (reference.origin.clone(), Arc::clone(&tokens));
        let raw = Raw::new(move |_, asked| Some(repeat(&origin, asked, &kept, spoil)));
        let target = reference.target.to_string().replace(&reference.origin, &raw.url(""));
        let mut target: Value = serde_json::from_str(&target).unwrap();
        target["login"] = json!({"username": "alice", "password": PASSWORD});
        // That is not the password of the server's user: whoever walks would not come in.
        target["authorization_endpoint"] = Value::Null;
        Self { _reference: reference, raw, tokens, target }
    }
}

fn repeat(origin: &str, asked: &Asked, tokens: &Mutex<Vec<String>>, spoil: Spoil) -> Vec<u8> {
    let (mut status, mut headers, mut body) = forward(origin, asked);
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(token) = json["access_token"].as_str() {
        tokens.lock().unwrap().push(token.to_owned());
    }
    spoil(&mut status, &mut headers, &mut body);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    response(status, &headers, &body)
}

fn everything() -> Vec<String> {
    [SECRET, SECOND, PASSWORD].into_iter().flat_map(encodings).collect()
}

fn is_issued(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).contains("access_token")
}

/// A file of each format.
const EVERY_FORMAT: [&str; 18] = [
    "-o",
    "console=c.txt",
    "-o",
    "junit=j.xml",
    "-o",
    "json=r.json",
    "-o",
    "sarif=s.sarif",
    "-o",
    "github=g.txt",
    "-o",
    "gitlab=g.json",
    "-o",
    "markdown=m.md",
    "-o",
    "har=h.har",
    "-o",
    "html=h.html",
];

/// Runs every way to report, and looks through all that is written.
fn nothing_leaks(what: &str, secret: &str, spoil: Spoil) -> Vec<i32> {
    let spoilt = Spoilt::new(secret, spoil);
    let mut search = Search::of(&[secret, SECOND, PASSWORD]);
    let folder = tempfile::tempdir().unwrap();
    target_file(folder.path(), &[("t", &spoilt.target)]);
    let mut codes = Vec::new();
    let mut outputs = Vec::new();
    for arguments in [
        &EVERY_FORMAT[..],
        &["-v", "--color", "always"],
        &[
            "-vv",
            "--suite",
            "all",
            "-o",
            "json=all.json",
            "-o",
            "junit=all.xml",
            "-o",
            "html=all.html",
            "-o",
            "har=all.har",
            "--junit-warnings",
            "failure",
        ],
        &["-q"],
        &["--dry-run"],
    ] {
        let ran = check(folder.path(), &[&["--allow-literal-secrets"], arguments].concat());
        codes.push(ran.code);
        outputs.push((format!("{what} {arguments:?}"), ran.stdout, ran.stderr));
    }
    search.add_tokens(&spoilt.tokens.lock().unwrap());
    for (what, stdout, stderr) in &outputs {
        assert!(!stdout.is_empty());
        search.through(&format!("{what} stdout"), stdout);
        search.through(&format!("{what} stderr"), stderr);
    }
    search.through_folder(what, folder.path());
    assert!(search.looked_at > 20_000, "{what}: only {} bytes were looked at", search.looked_at);
    assert!(!spoilt.raw.asked().is_empty());
    codes
}

#[test]
fn an_honest_server() {
    nothing_leaks("honest", SECRET, |_, _, _| {});
}

#[test]
fn members_that_repeat_secrets_in_every_encoding() {
    nothing_leaks("members", SECRET, |_, _, body| {
        if let Ok(Value::Object(mut members)) = serde_json::from_slice(body) {
            members.insert("error_description".into(), everything().join(" ").into());
            members.insert("list".into(), everything().into());
            members.insert(everything()[0].clone(), 1.into());
            // And once as they are, where the text is already written as JSON.
            let mut text = Value::Object(members).to_string();
            text.truncate(text.len() - 1);
            let raw = [SECRET, SECOND, PASSWORD].map(|value| value.replace('"', "\\u0022").replace('é', "\\u00E9"));
            *body = format!("{text},\"raw\":\"{}\"}}", raw.join(" ")).into_bytes();
        }
    });
}

#[test]
fn pages_that_repeat_secrets() {
    nothing_leaks("page", SECRET, |_, headers, body| {
        if !is_issued(body) {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            headers.push(("Content-Type".into(), "text/html".into()));
            *body = format!("<h1>Error</h1>\n<pre>{}</pre>", everything().join("\n")).into_bytes();
        }
    });
}

#[test]
fn broken_documents_that_repeat_secrets_and_tokens() {
    nothing_leaks("broken", SECRET, |_, _, body| {
        let whole = String::from_utf8_lossy(body).into_owned();
        *body = format!("{} , \"x\": \"{}", whole.trim_end_matches('}'), everything().join(", ")).into_bytes();
    });
}

#[test]
fn header_fields_that_repeat_secrets() {
    nothing_leaks("headers", SECRET, |status, headers, body| {
        headers.extend(everything().into_iter().map(|form| ("X-Echo".to_owned(), form)));
        headers.push(("WWW-Authenticate".into(), format!("Bearer realm=\"{}\"", SECOND)));
        if let Ok(token) = serde_json::from_slice::<Value>(body).map(|json| json["access_token"].clone())
            && let Some(token) = token.as_str()
        {
            headers.push(("Set-Cookie".into(), format!("access_token={token}; Path=/")));
            headers.push(("X-Access-Token".into(), token.to_owned()));
        } else if *status == 400 {
            *status = 302;
            headers.push(("Location".into(), format!("https://as.example/?client_secret={}", everything()[4])));
        }
    });
}

#[test]
fn tokens_under_names_that_no_standard_knows() {
    nothing_leaks("renamed", SECRET, |_, _, body| {
        let text = String::from_utf8_lossy(body).replace("\"access_token\"", "\"accessToken\"");
        *body = text.into_bytes();
    });
}

#[test]
fn tokens_in_a_form_encoded_answer() {
    nothing_leaks("form", SECRET, |_, headers, body| {
        if let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(body) {
            let pairs = members.iter().map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or("1")));
            *body = pairs.collect::<Vec<_>>().join("&").into_bytes();
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            headers.push(("Content-Type".into(), "application/x-www-form-urlencoded".into()));
        }
    });
}

#[test]
fn short_secrets() {
    for secret in ["q7Z", "x9+/", "k:8%"] {
        let spoil: Spoil = |_, _, _| {};
        let spoilt = Spoilt::new(secret, spoil);
        let folder = tempfile::tempdir().unwrap();
        target_file(folder.path(), &[("t", &spoilt.target)]);
        let ran =
            check(folder.path(), &["--allow-literal-secrets", "--suite", "coupa-call-out", "-o", "json=r.json", "-v"]);
        assert_eq!(ran.code, 0, "a short secret trips nothing: {}", ran.stdout);
        let mut search = Search::of(&[secret]);
        // Three characters are in many words by chance; as a word of its own the secret is nowhere.
        search.needles = [format!("={secret}"), format!("\"{secret}\""), format!(" {secret} ")].to_vec();
        search.needles.extend([STANDARD.encode(format!("gl:{secret}")), URL_SAFE.encode(format!("gl:{secret}"))]);
        search.through(secret, &ran.stdout);
        search.through_folder(secret, folder.path());
    }
}

#[test]
fn unusual_tokens() {
    let long = format!("L0ng-{}", "aB3-".repeat(2_048));
    for token in [
        json!("a1"),
        json!("Qk7"),
        json!(83_719_264),
        json!("83719264"),
        json!("ü+ö/\"quoted\" & <tag>"),
        json!("Q%2Bk/9=="),
        json!(long),
    ] {
        let shown = token.clone();
        let raw = Raw::new(move |_, _| {
            let body = json!({"access_token": shown, "token_type": "Bearer", "expires_in": 60, "scope": "a b"});
            let headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Pragma", "no-cache")];
            Some(response(200, &headers, body.to_string().as_bytes()))
        });
        let folder = tempfile::tempdir().unwrap();
        let entry = json!({"token_endpoint": raw.url("/token"), "scope": "a b", "resource": {"url": raw.url("/r")},
                           "client": {"client_id": "gl", "client_secret": SECRET}});
        target_file(folder.path(), &[("t", &entry)]);
        let ran = check(
            folder.path(),
            &["--allow-literal-secrets", "-vv", "-o", "json=r.json", "-o", "junit=j.xml", "-o", "html=r.html"],
        );
        assert!(raw.asked().len() > 5, "{}", ran.stdout);
        let text = token.as_str().map_or_else(|| token.to_string(), str::to_owned);
        let mut search = Search::of(&[SECRET]);
        match text.len() {
            0..6 => search.needles.extend([
                format!("\"{text}\""),
                format!("Bearer {text}\""),
                format!("Bearer {text} "),
                format!("\\\"{text}\\\""),
            ]),
            _ => search.needles.extend([text.clone(), text.replace('"', "\\\""), text.replace('"', "\\\\\\\"")]),
        }
        search.through_run(&ran, folder.path());
        let report: Value = serde_json::from_slice(&std::fs::read(folder.path().join("r.json")).unwrap()).unwrap();
        let masked = &report["exchanges"]["token.client_credentials"]["response"]["json"]["access_token"];
        assert_eq!(masked.is_number(), token.is_number(), "the mask is of the same type");
        assert_eq!(masked.as_str().map(|text| text.chars().count()), token.as_str().map(|text| text.chars().count()));
    }
}

#[test]
fn a_run_that_is_stopped_because_the_secret_is_wrong() {
    for (headers, status) in [(false, 401), (true, 302)] {
        let raw = Raw::new(move |_, _| {
            let all = everything();
            let body = json!({"error": SECRET, "error_description": all.join(" ")}).to_string();
            let body = if headers { format!("error={}", all.join("&")) } else { body };
            let location = format!("https://as.example/cb?client_secret={}#{}", all[4], SECOND);
            let fields: &[(&str, &str)] =
                if headers { &[("Location", &location)] } else { &[("Content-Type", "application/json")] };
            Some(response(status, fields, body.as_bytes()))
        });
        let folder = tempfile::tempdir().unwrap();
        let entry = json!({"token_endpoint": raw.url("/token"), "client": {"client_id": "gl", "client_secret": SECRET},
                           "second_client": {"client_id": "gl2", "client_secret": SECOND},
                           "login": {"username": "alice", "password": PASSWORD}});
        target_file(folder.path(), &[("t", &entry)]);
        let mut search = Search::of(&[SECRET, SECOND, PASSWORD]);
        for flag in ["-v", "-vv", "-q"] {
            let ran =
                check(folder.path(), &["--allow-literal-secrets", "-o", "json=r.json", "-o", "junit=j.xml", flag]);
            // 1 where the answers that came are wrong in themselves; never 0.
            assert!(matches!(ran.code, 1 | 3), "{}", ran.stdout);
            search.through_run(&ran, folder.path());
        }
    }
}

#[test]
fn credentials_for_a_proxy_and_in_header_fields() {
    let reference = Reference::conforming();
    let mut entry = reference.target.clone();
    entry["headers"] = json!({"X-Api-Key": "${env:TEST_KEY}", "Cookie": "session=C00kie-77", "X-Tenant": "acme"});
    let folder = tempfile::tempdir().unwrap();
    // What comes from the environment is not to be mixed with the server's own literal `${`.
    target_file(folder.path(), &[("t", &entry)]);
    let mut command = grantlint(folder.path());
    command.args(THREE_REPORTS);
    let ran = run(command.env("TEST_KEY", "K3y-0123456789"));
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let mut search = Search::of(&["K3y-0123456789", "session=C00kie-77"]);
    search.through_run(&ran, folder.path());
    let report = std::fs::read_to_string(folder.path().join("r.json")).unwrap();
    assert!(report.contains("acme"), "what is no credential is shown");

    entry["headers"] = json!({});
    entry["proxy"] =
        format!("http://me:Pr0xy-pass@{}", entry["token_endpoint"].as_str().unwrap()[7..].replace("/token", "")).into();
    target_file(folder.path(), &[("t", &entry)]);
    let ran = check(folder.path(), &["--allow-literal-secrets", "-vv", "-o", "json=r.json"]);
    let mut search = Search::of(&["Pr0xy-pass", "me:Pr0xy-pass"]);
    search.through_run(&ran, folder.path());
}

#[cfg(unix)]
#[test]
fn a_run_that_is_interrupted() {
    use std::process::{Command, Stdio};
    use std::sync::mpsc;

    let (told, hanging) = mpsc::channel();
    let told = Mutex::new(told);
    let raw = Raw::new(move |nth, _| {
        if nth < 6 {
            let body = json!({"access_token": format!("T0ken-{nth}-abcdef"), "token_type": "Bearer", "expires_in": 60,
                              "echo": everything()});
            let headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Pragma", "no-cache")];
            return Some(response(200, &headers, body.to_string().as_bytes()));
        }
        let _ = told.lock().unwrap().send(());
        None
    });
    let folder = tempfile::tempdir().unwrap();
    let entry = json!({"token_endpoint": raw.url("/token"), "client": {"client_id": "gl", "client_secret": SECRET},
                       "second_client": {"client_id": "gl2", "client_secret": SECOND},
                       "login": {"username": "alice", "password": PASSWORD}});
    target_file(folder.path(), &[("t", &entry)]);
    let mut command = grantlint(folder.path());
    command.args(THREE_REPORTS);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    hanging.recv().unwrap();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let mut search = Search::of(&[SECRET, SECOND, PASSWORD]);
    search.add_tokens(&(0..6).map(|nth| format!("T0ken-{nth}-abcdef")).collect::<Vec<_>>());
    search.through("stdout", &String::from_utf8(output.stdout).unwrap());
    search.through("stderr", &String::from_utf8(output.stderr).unwrap());
    search.through_folder("file", folder.path());
    let report: Value = serde_json::from_slice(&std::fs::read(folder.path().join("r.json")).unwrap()).unwrap();
    assert_eq!(report["exit"]["code"], 130);
}
