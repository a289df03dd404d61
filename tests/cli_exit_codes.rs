//! One row for each exit code (DESIGN section 4); it depends on verdicts and on nothing else.

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use common::{Ran, Raw, Reference, check, grantlint, response, run, target_file};
use serde_json::{Value, json};

const MUST: &str = "rfc6749/token-response-cacheable";
const SHOULD: &str = "practice/clients-enumerable";
const MAY: &str = "rfc6750/foreign-scheme-accepted";

/// Nothing listens there: the port was free a moment ago.
fn dead() -> Value {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    json!({"token_endpoint": format!("http://{address}/token"), "client": {"client_id": "gl", "client_secret": "s3cret-s3cret"}})
}

/// A target to which a check of the resource does not apply.
fn without_resource(reference: &Reference) -> Value {
    let mut target = reference.target.clone();
    target.as_object_mut().unwrap().remove("resource");
    target
}

fn checked(folder: &Path, target: &Value, arguments: &[&str]) -> Ran {
    target_file(folder, &[("t", target)]);
    check(folder, &[&["--allow-literal-secrets"], arguments].concat())
}

#[test]
fn each_code_has_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let sound = Reference::conforming();
    let faulty = Reference::with_ids(&[MUST]);
    std::fs::create_dir(folder.join("directory")).unwrap();
    std::fs::write(folder.join("broken.yaml"), "targets: [").unwrap();
    std::fs::create_dir_all(folder.join("specs/checks")).unwrap();
    std::fs::write(folder.join("specs/checks/x.yaml"), "titel: x\n").unwrap();
    for (code, target, arguments, says) in [
        (0, sound.target.clone(), &[][..], "every selected check came to a verdict"),
        (1, faulty.target.clone(), &[], "at or above the gate"),
        (2, sound.target.clone(), &["--fail-on", "musst"], "musst"),
        (2, sound.target.clone(), &["--config", "broken.yaml"], "broken.yaml:1"),
        (2, sound.target.clone(), &["--specs", "specs"], "titel"),
        (2, sound.target.clone(), &["--specs", "nowhere"], "nowhere"),
        (2, sound.target.clone(), &["--suite", "coupa-call-aut"], "coupa-call-out"),
        (2, sound.target.clone(), &["--only", "rfc6749/nothing"], "fits no check"),
        (2, sound.target.clone(), &["--timeout", "0"], "is not a time"),
        (2, sound.target.clone(), &["--timeout", "soon"], "is not a time"),
        (2, sound.target.clone(), &["--resolve", "here"], "HOST:PORT:ADDRESS"),
        (2, sound.target.clone(), &["--cacert", "nowhere.pem"], "nowhere.pem"),
        (2, sound.target.clone(), &["-o", "junit", "-o", "json"], "share standard output"),
        (2, sound.target.clone(), &["-o", "junitt=x"], "junit"),
        (2, sound.target.clone(), &["-o", "json=nowhere/run.json"], "mkdir -p"),
        (3, dead(), &[], "not everything could be tested"),
        (4, without_resource(&sound), &["--only", MAY], "exit code 4"),
        (5, sound.target.clone(), &["-o", "json=directory"], "is a directory"),
        #[cfg(target_os = "linux")]
        (5, sound.target.clone(), &["-o", "junit=/dev/full"], "/dev/full"),
        #[cfg(target_os = "linux")]
        (5, faulty.target.clone(), &["-o", "junit=/dev/full", "-o", "json=kept.json"], "/dev/full"),
    ] {
        let ran = checked(folder, &target, arguments);
        assert_eq!(ran.code, code, "{arguments:?}\n{}{}", ran.stdout, ran.stderr);
        let said = if matches!(code, 2 | 5) { &ran.stderr } else { &ran.stdout };
        assert!(said.contains(says), "{arguments:?}: `{says}` is not in\n{said}");
        if code == 2 {
            assert_eq!(ran.stdout, "", "{arguments:?}");
        }
    }
    if cfg!(target_os = "linux") {
        let kept: Value = serde_json::from_slice(&std::fs::read(folder.join("kept.json")).unwrap()).unwrap();
        assert_eq!(kept["exit"]["code"], 1, "the other reports are written all the same");
    }
}

#[test]
fn standard_output_that_is_full_is_a_report_that_could_not_be_written() {
    let Ok(full) = std::fs::File::create("/dev/full") else { return };
    let folder = tempfile::tempdir().unwrap();
    let sound = Reference::conforming();
    target_file(folder.path(), &[("t", &sound.target)]);
    let ran = run(grantlint(folder.path()).args(["check", "--allow-literal-secrets"]).stdout(full));
    assert_eq!((ran.code, ran.stderr.contains("standard output")), (5, true), "{}", ran.stderr);
}

#[test]
fn standard_error_that_is_full_changes_no_code() {
    let full = || std::fs::File::create("/dev/full");
    if full().is_err() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let sound = Reference::conforming();
    target_file(folder.path(), &[("t", &sound.target)]);
    for (code, arguments) in [(0, &["--allow-literal-secrets", "-vv"][..]), (2, &[]), (2, &["--nonsense"])] {
        let status = grantlint(folder.path())
            .arg("check")
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(full().unwrap())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn the_gate_decides_from_which_level_on() {
    let folder = tempfile::tempdir().unwrap();
    for (fault, codes) in [(MUST, [1, 1, 1, 0]), (SHOULD, [0, 1, 1, 0]), (MAY, [0, 0, 1, 0])] {
        let reference = Reference::with_ids(&[fault]);
        for (gate, code) in ["must", "should", "may", "never"].into_iter().zip(codes) {
            let ran = checked(folder.path(), &reference.target, &["--only", fault, "--fail-on", gate]);
            assert_eq!(ran.code, code, "{fault} --fail-on {gate}\n{}", ran.stdout);
        }
    }
}

#[test]
fn nothing_but_verdicts_changes_the_code() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = Reference::with_ids(&[MUST]);
    for arguments in [
        &["-q"][..],
        &["-v"],
        &["-vv"],
        &["-o", "json"],
        &["-o", "junit"],
        &["-o", "junit=j.xml", "-o", "json=r.json", "-o", "console=c.txt"],
        &["--color", "always"],
        &["--color", "never"],
        &["--concurrency", "1"],
        &["--junit-warnings", "pass", "-o", "junit"],
    ] {
        let ran = checked(folder.path(), &faulty.target, arguments);
        assert_eq!(ran.code, 1, "{arguments:?}\n{}{}", ran.stdout, ran.stderr);
    }
    let report: Value = serde_json::from_slice(&std::fs::read(folder.path().join("r.json")).unwrap()).unwrap();
    assert_eq!(report["exit"]["code"], 1);
}

#[test]
fn of_several_targets_the_worst_code_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (sound, faulty) = (Reference::conforming(), Reference::with_ids(&[MUST]));
    let (one, three, four) = (faulty.target.clone(), dead(), without_resource(&sound));
    let zero = sound.target.clone();
    for (targets, code) in [
        ([&zero, &one, &three], 1),
        ([&three, &zero, &one], 1),
        ([&zero, &three, &zero], 3),
        ([&zero, &zero, &zero], 0),
    ] {
        target_file(folder.path(), &[("a", targets[0]), ("b", targets[1]), ("c", targets[2])]);
        let ran = check(folder.path(), &["--allow-literal-secrets", "-o", "json"]);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(report["runs"].as_array().map(Vec::len), Some(3));
    }
    let mut three = three;
    three["resource"] = zero["resource"].clone();
    for (targets, code) in [([&four, &zero], 4), ([&four, &three], 3), ([&four, &four], 4)] {
        target_file(folder.path(), &[("a", targets[0]), ("b", targets[1])]);
        let ran = check(folder.path(), &["--allow-literal-secrets", "--only", MAY]);
        assert_eq!(ran.code, code, "{}", ran.stdout);
    }
}

#[test]
fn one_wrong_target_of_several_keeps_all_from_being_asked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("no.pem"), "no certificate").unwrap();
    let raw = Raw::new(|_, _| Some(response(400, &[], b"")));
    let good =
        json!({"token_endpoint": raw.url("/token"), "client": {"client_id": "gl", "client_secret": "s3cret-s3cret"}});
    for (member, value) in [
        ("ca_file", json!("no.pem")),
        ("ca_file", json!("missing.pem")),
        ("suites", json!(["no-such-suite"])),
        ("timeout", json!("soon")),
        ("token_endpoint", json!("as.example")),
        ("client", json!({"client_id": "gl", "client_secret": "${env:GRANTLINT_TEST_NOT_SET}"})),
    ] {
        let mut wrong = good.clone();
        wrong[member] = value;
        target_file(folder.path(), &[("good", &good), ("wrong", &wrong)]);
        let ran = check(folder.path(), &["--allow-literal-secrets"]);
        assert_eq!(ran.code, 2, "{member}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(raw.asked().len(), 0, "{member}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_reports_what_had_finished() {
    for signal in ["-INT", "-TERM"] {
        let reference = Reference::conforming();
        let (told, hanging) = mpsc::channel();
        let (told, origin) = (Mutex::new(told), reference.origin.clone());
        let raw = Raw::new(move |nth, asked| {
            if nth >= 8 {
                let _ = told.lock().unwrap().send(());
                return None;
            }
            let (status, headers, body) = common::forward(&origin, asked);
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            Some(response(status, &headers, &body))
        });
        let target = reference.target.to_string().replace(&reference.origin, &raw.url(""));
        let folder = tempfile::tempdir().unwrap();
        target_file(folder.path(), &[("t", &serde_json::from_str(&target).unwrap())]);
        let mut command = grantlint(folder.path());
        command.args(["check", "--allow-literal-secrets", "-o", "json=r.json", "-o", "junit=j.xml"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        hanging.recv().unwrap();
        let asked_to_end = Instant::now();
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert!(asked_to_end.elapsed() < Duration::from_secs(10), "{signal}: {:?}", asked_to_end.elapsed());
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(130), "{stdout}");
        assert!(stdout.contains("130"), "{stdout}");
        let report: Value = serde_json::from_slice(&std::fs::read(folder.path().join("r.json")).unwrap()).unwrap();
        assert_eq!(report["exit"]["code"], 130);
        let exchanges = report["exchanges"].as_object().unwrap();
        let answered = exchanges.values().filter(|exchange| exchange["outcome"] == "answered").count();
        let interrupted = exchanges.values().filter(|exchange| exchange["not_sent"]["why"] == "interrupted").count();
        assert!(answered > 0 && interrupted > 0, "{answered} answered, {interrupted} interrupted");
        let passed =
            report["findings"].as_array().unwrap().iter().filter(|finding| finding["verdict"] == "pass").count();
        assert!(passed > 0, "what had finished is judged");
        let junit = std::fs::read_to_string(folder.path().join("j.xml")).unwrap();
        assert!(junit.trim_end().ends_with("</testsuites>"), "{junit}");
    }
}
