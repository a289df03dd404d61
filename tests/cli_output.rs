//! What is written where: reports to standard output, everything else to standard error; colours by flag, environment, stream.

mod common;

use std::process::Stdio;

use common::{Reference, check, grantlint, run, target_file};
use serde_json::Value;

const ESCAPE: char = '\u{1b}';

fn folder(faults: &[&str]) -> (tempfile::TempDir, Reference) {
    let folder = tempfile::tempdir().unwrap();
    let reference = Reference::with_ids(faults);
    target_file(folder.path(), &[("t", &reference.target)]);
    (folder, reference)
}

#[test]
fn colours_go_by_flag_then_environment_then_stream() {
    let (folder, _reference) = folder(&["rfc6749/token-response-cacheable"]);
    for (environment, arguments, coloured) in [
        (&[][..], &[][..], false),
        (&[("FORCE_COLOR", "1")], &[], true),
        (&[("FORCE_COLOR", "0")], &[], false),
        (&[("CLICOLOR_FORCE", "1")], &[], true),
        (&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], &[], false),
        (&[("NO_COLOR", ""), ("FORCE_COLOR", "1")], &[], true),
        (&[("TERM", "dumb")], &[], false),
        (&[("NO_COLOR", "1")], &["--color", "always"], true),
        (&[("FORCE_COLOR", "1")], &["--color", "never"], false),
    ] {
        let mut command = grantlint(folder.path());
        command.args(["check", "--allow-literal-secrets"]).args(arguments).envs(environment.iter().copied());
        let ran = run(&mut command);
        assert_eq!(ran.stdout.contains(ESCAPE), coloured, "{environment:?} {arguments:?}");
    }
}

#[test]
fn no_escape_gets_into_a_file_or_into_what_programs_read() {
    let (folder, _reference) = folder(&["rfc6749/token-response-cacheable"]);
    for format in ["json", "junit"] {
        let ran = check(folder.path(), &["--allow-literal-secrets", "--color", "always", "-o", format]);
        assert!(!ran.stdout.contains(ESCAPE), "{format}");
    }
    check(folder.path(), &["--allow-literal-secrets", "--color", "always", "-o", "console=c.txt"]);
    let text = std::fs::read_to_string(folder.path().join("c.txt")).unwrap();
    assert!(text.contains("token-response-cacheable") && !text.contains(ESCAPE));
}

#[test]
fn standard_output_has_the_report_and_nothing_else() {
    let (folder, _reference) = folder(&[]);
    let ran = check(folder.path(), &["--allow-literal-secrets", "-vv", "-o", "json"]);
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON and nothing else");
    assert_eq!(report["schema"], "grantlint/run-v1");
    assert!(ran.stderr.lines().count() > 10 && ran.stderr.lines().all(|line| line.starts_with("sending ")));
    for arguments in [&["-o", "json"][..], &["-v"], &["-q"], &[]] {
        let ran = check(folder.path(), &[&["--allow-literal-secrets"], arguments].concat());
        assert_eq!(ran.stderr, "", "progress is for terminals: {arguments:?}");
    }
}

#[test]
fn a_dry_run_sends_nothing() {
    let raw = common::Raw::new(|_, _| None);
    let folder = tempfile::tempdir().unwrap();
    let entry = serde_json::json!({"token_endpoint": raw.url("/token"), "client": {"client_id": "gl", "client_secret": "s3cret-s3cret"}});
    target_file(folder.path(), &[("t", &entry)]);
    let ran = check(folder.path(), &["--allow-literal-secrets", "--dry-run"]);
    assert_eq!((ran.code, raw.asked().len()), (0, 0), "{}", ran.stderr);
    assert!(ran.stdout.contains("curl ") && ran.stdout.contains("$CLIENT_SECRET"), "{}", ran.stdout);
}

#[test]
fn the_width_is_the_terminals() {
    let (folder, _reference) = folder(&["rfc6749/token-response-cacheable"]);
    let widest = |columns: &str| {
        let mut command = grantlint(folder.path());
        let ran = run(command.args(["check", "--allow-literal-secrets"]).env("COLUMNS", columns));
        // Headlines stay whole, and what is to be copied is not broken.
        let copied = ["curl ", "http", "-H ", "--data", "= only this", "error[", "printf", " \\"];
        let prose = ran.stdout.lines().filter(|line| !copied.iter().any(|part| line.contains(part)));
        prose.map(|line| line.chars().count()).max().unwrap()
    };
    // Of what stopped before anything was asked the last lines are as wide as the others.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/token", listener.local_addr().unwrap());
    drop(listener);
    let dead = serde_json::json!({"token_endpoint": endpoint, "client": {"client_id": "gl", "client_secret": "s3cret-s3cret"}});
    let place = tempfile::tempdir().unwrap();
    target_file(place.path(), &[("t", &dead)]);
    let ran = run(grantlint(place.path()).args(["check", "--allow-literal-secrets"]).env("COLUMNS", "60"));
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 60), "{}", ran.stdout);
    assert!(widest("60") <= 60, "{}", widest("60"));
    assert!(widest("140") > 60);
    for nonsense in ["0", "-1", "many", "99999999999999999999"] {
        assert!(widest(nonsense) <= 100, "{nonsense}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let (folder, _reference) = folder(&[]);
    for arguments in [
        &["check", "--allow-literal-secrets", "-v"][..],
        &["check", "--allow-literal-secrets", "-o", "json"],
        &["check", "--allow-literal-secrets", "--dry-run"],
        &["list"],
        &["check", "--help"],
    ] {
        let mut child =
            grantlint(folder.path()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn an_html_report_is_a_file_or_a_folder() {
    let (folder, _reference) = folder(&["rfc6749/token-response-cacheable"]);
    std::fs::write(folder.path().join("logo.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let branding = ["--title", "Go-live <1>", "--customer", "Example AG", "--logo", "logo.png"];
    let outputs = ["--allow-literal-secrets", "-o", "html=r.html", "-o", "html-dir=site", "-o", "junit=j.xml"];
    let ran = check(folder.path(), &[&outputs[..], &branding].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""), "{}", ran.stdout);
    let page = std::fs::read_to_string(folder.path().join("r.html")).unwrap();
    assert!(page.contains("<h1>Go-live &#60;1&#62;</h1>") && page.contains("Example AG"));
    assert!(page.contains("rfc6749/token-response-cacheable") && page.contains("data:image/png;base64,"));
    for name in ["index.html", "style.css", "logo.png"] {
        assert!(folder.path().join("site").join(name).is_file(), "{name}");
    }
}

#[test]
fn what_is_wrong_with_an_html_report_is_told_before_anything_is_sent() {
    let raw = common::Raw::new(|_, _| None);
    let folder = tempfile::tempdir().unwrap();
    let entry = serde_json::json!({"token_endpoint": raw.url("/token"), "client": {"client_id": "gl", "client_secret": "s3cret-s3cret"}});
    target_file(folder.path(), &[("t", &entry)]);
    std::fs::write(folder.path().join("logo.gif"), "GIF89a").unwrap();
    for (arguments, told) in [
        (&["-o", "html=r.html", "--logo", "logo.gif"][..], "neither PNG nor JPEG nor SVG"),
        (&["-o", "html=r.html", "--logo", "none.png"], "it cannot be read"),
        (&["-o", "html-dir"], "html-dir=PATH"),
        (&["-o", "html-dir=logo.gif"], "is a file"),
        (&["-o", "html-dir=none/site"], "there is no directory `none`"),
        (&["--customer", "Example AG"], "--customer is for the HTML report"),
    ] {
        let ran = check(folder.path(), &[&["--allow-literal-secrets"], arguments].concat());
        assert_eq!((ran.code, raw.asked().len()), (2, 0), "{arguments:?}");
        assert!(ran.stderr.contains(told), "{arguments:?}: {}", ran.stderr);
    }
}
