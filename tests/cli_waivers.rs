//! A waived violation does not fail a run until its day has passed, and stays in every count.

mod common;

use std::fs;

use common::{Ran, Reference, check, grantlint, run, target_file};
use serde_json::Value;

const CHECK: &str = "rfc6749/token-response-cacheable";

/// A run against a server with one violation, under this waiver file.
fn checked(reference: &Reference, waivers: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    target_file(folder.path(), &[("t", &reference.target)]);
    fs::write(folder.path().join("waivers.yaml"), waivers).unwrap();
    check(folder.path(), &["--allow-literal-secrets", "--only", CHECK, "-o", "json", "--waivers", "waivers.yaml"])
}

fn waiver(until: &str) -> String {
    format!("- check: {CHECK}\n  target: t\n  until: {until}\n  reason: gateway upgrade planned\n")
}

fn report(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}

#[test]
fn a_waiver_that_holds_turns_the_gate_and_is_counted() {
    let reference = Reference::with_ids(&[CHECK]);
    let bare = checked(&reference, "[]\n");
    assert_eq!(bare.code, 1, "{}", bare.stdout);
    let violated = report(&bare)["summary"]["violation"].as_u64().unwrap();
    let waived = checked(&reference, &waiver("2999-12-31"));
    let report = report(&waived);
    assert_eq!(report["summary"]["waived"].as_u64().unwrap(), violated);
    assert_eq!(waived.code, 0, "{}", waived.stdout);
    let finding = report["findings"].as_array().unwrap().iter().find(|finding| finding["verdict"] == "waived").unwrap();
    assert_eq!(finding["waiver"]["reason"], "gateway upgrade planned");
}

#[test]
fn a_waiver_that_ended_covers_nothing_and_says_so() {
    let ran = checked(&Reference::with_ids(&[CHECK]), &waiver("2020-01-01"));
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(report(&ran)["diagnosis"].to_string().contains("ended on 2020-01-01"), "{}", ran.stdout);
}

#[test]
fn a_stale_waiver_is_told() {
    let ran = checked(&Reference::conforming(), &waiver("2999-12-31"));
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(report(&ran)["diagnosis"].to_string().contains("stale"), "{}", ran.stdout);
}

#[test]
fn a_broken_waiver_file_ends_the_run_before_anything_is_sent() {
    let ran = checked(&Reference::conforming(), "- check: x\n  untill: 2027-01-31\n");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("did you mean `until`?") && ran.stderr.contains("waivers.yaml:2:3"), "{}", ran.stderr);
}

/// The day so many days from now, as a user would write it.
fn day(from_now: i64) -> String {
    let day = time::OffsetDateTime::now_utc().date() + time::Duration::days(from_now);
    day.to_string()
}

fn waiver_command(folder: &std::path::Path, arguments: &[&str]) -> Ran {
    run(grantlint(folder).arg("waiver").args(arguments))
}

fn add(folder: &std::path::Path, until: &str, more: &[&str]) -> Ran {
    let usual = ["add", CHECK, "--target", "t", "--reason", "gateway: upgrade planned", "--until", until];
    waiver_command(folder, &[&usual[..], more].concat())
}

#[test]
fn a_waiver_that_was_added_turns_the_gate_and_can_be_left_out_of_sight() {
    let reference = Reference::with_ids(&[CHECK]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    target_file(folder, &[("t", &reference.target)]);
    let added = add(folder, &day(30), &["--approved-by", "security@example.test"]);
    assert_eq!((added.code, added.stderr.as_str()), (0, ""), "{}", added.stdout);
    assert!(
        added.stdout.starts_with("waivers.yaml:2: added:") && added.stdout.contains("(30 days)"),
        "{}",
        added.stdout
    );
    assert!(added.stdout.contains("grantlint check t --waivers waivers.yaml"), "{}", added.stdout);
    let usual = ["--allow-literal-secrets", "--only", CHECK, "-o", "json=run.json", "--waivers", "waivers.yaml"];
    let waived = check(folder, &usual);
    assert_eq!(waived.code, 0, "{}{}", waived.stdout, waived.stderr);
    let saved = || -> Value { serde_json::from_slice(&fs::read(folder.join("run.json")).unwrap()).unwrap() };
    assert!(saved()["exit"].get("no_waivers").is_none());
    let waived_answers = saved()["answers"].clone();
    // The saved run is judged as if there were none, and so is a live one; both say so.
    let again =
        run(grantlint(folder).args(["report", "run.json", "--no-waivers", "-o", "json=again.json", "-o", "console"]));
    assert_eq!(again.code, 1, "{}", again.stdout);
    assert!(again.stdout.contains("--no-waivers"), "{}", again.stdout);
    let live = check(folder, &[&usual[..], &["--no-waivers"]].concat());
    assert_eq!(live.code, 1, "{}{}", live.stdout, live.stderr);
    assert!(live.stdout.contains("no waiver was looked at"), "{}", live.stdout);
    let again: Value = serde_json::from_slice(&fs::read(folder.join("again.json")).unwrap()).unwrap();
    for member in ["answers", "summary", "exit"] {
        assert_eq!(again[member], saved()[member], "{member}");
    }
    assert_ne!(again["answers"], waived_answers);
    // And laid over the run that knew none, the file makes the first run again.
    let laid = run(grantlint(folder).args(["report", "run.json", "--waivers", "waivers.yaml", "-o", "json"]));
    assert_eq!((laid.code, &report(&laid)["answers"]), (0, &waived_answers), "{}", laid.stdout);
}

#[test]
fn a_waiver_is_added_to_what_stands_there_and_nothing_else_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waivers.yaml");
    let ours = format!(
        "# ours\n- check: rfc6749/pragma-missing # an old client\n  target: \"*\"\n  until: {}\n  reason: r\n  approved_by: us\n# the end\n",
        day(3)
    );
    fs::write(&path, &ours).unwrap();
    let added = add(folder.path(), &day(0), &[]);
    assert_eq!(added.code, 0, "{}", added.stderr);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(&ours) && text.ends_with("  reason: \"gateway: upgrade planned\"\n"), "{text}");
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["waivers.yaml"]);
    let listed = waiver_command(folder.path(), &["list"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    for said in
        ["ends in 3 days", "ends today", "rfc6749/pragma-missing", "gateway: upgrade planned", "2 hold, 0 have ended"]
    {
        assert!(listed.stdout.contains(said), "{said}: {}", listed.stdout);
    }
}

#[test]
fn what_would_be_no_waiver_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waivers.yaml");
    let (past, far, near) = (day(-1), day(367), day(7));
    for (arguments, says) in [
        (
            vec!["add", "rfc6749/token-response-cachable", "--until", &near],
            "did you mean `rfc6749/token-response-cacheable`?",
        ),
        (vec!["add", CHECK, "--until", &past], "is over"),
        (vec!["add", CHECK, "--until", &far], "--max-days 367"),
        (vec!["add", CHECK, "--until", "31.1.2027"], "is no day"),
        (vec!["add", CHECK, "--until", "2027-02-30"], "is no day"),
        (vec!["add", CHECK, "--until", &near, "--variant", "no-such"], "no variant `no-such`"),
        (vec!["add", CHECK, "--until", &near, "--approved-by", " "], "--approved-by is empty"),
    ] {
        let ran = waiver_command(folder.path(), &[&arguments[..], &["--target", "t", "--reason", "r"]].concat());
        assert_eq!(ran.code, 2, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(says), "{arguments:?}: {}", ran.stderr);
        assert!(!path.exists());
    }
    let everywhere = ["add", CHECK, "--target", "*", "--reason", "r", "--until", &near];
    assert!(waiver_command(folder.path(), &everywhere).stderr.contains("--approved-by WHO"));
    assert_eq!(add(folder.path(), &far, &["--max-days", "400"]).code, 0);
    let once = fs::read_to_string(&path).unwrap();
    let twice = add(folder.path(), &near, &[]);
    assert_eq!(twice.code, 2);
    assert!(
        twice.stderr.contains("waivers.yaml:2: this is waived already") && twice.stderr.contains("line 2"),
        "{}",
        twice.stderr
    );
    fs::write(&path, "- chek: x\n").unwrap();
    let broken = add(folder.path(), &near, &[]);
    assert_eq!((broken.code, fs::read_to_string(&path).unwrap().as_str()), (2, "- chek: x\n"));
    assert!(broken.stderr.contains("did you mean `check`?"), "{}", broken.stderr);
    assert_ne!(once, "");
    assert_eq!(add(folder.path(), &near, &["--waivers", "nowhere/w.yaml"]).code, 5);
    let none = waiver_command(folder.path(), &["list", "--waivers", "none.yaml"]);
    assert!(
        none.code == 2 && none.stderr.contains("none.yaml") && none.stderr.contains("waiver add"),
        "{}",
        none.stderr
    );
}

#[test]
fn the_list_says_what_has_ended_and_what_names_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{}{}", waiver(&day(-1)), waiver("2020-01-01").replace(CHECK, "gone/check"));
    fs::write(folder.path().join("w.yaml"), text).unwrap();
    let ran = waiver_command(folder.path(), &["list", "--waivers", "w.yaml"]);
    for said in ["ended yesterday", "days ago", "there is no such check", "0 hold, 2 have ended"] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
    fs::write(folder.path().join("w.yaml"), "[]\n").unwrap();
    assert_eq!(
        waiver_command(folder.path(), &["list", "--waivers", "w.yaml"]).stdout,
        "w.yaml: 0 hold, 0 have ended\n"
    );
}
