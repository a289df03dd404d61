//! Formats of a live run, and `grantlint report`: saved runs written again, parts put together, baselines, gates.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::{Ran, Reference, check, grantlint, run, target_file};
use serde_json::Value;

const FAULT: &str = "rfc6749/token-response-cacheable";
const OTHER: &str = "rfc6749/token-response-status";
const ONLY: [&str; 4] = ["--only", "rfc6749/token-response-*", "--only", "rfc6749/pragma-*"];

/// A target file with a line for each member; the server answers as long as it is kept.
#[must_use]
fn target(folder: &Path, reference: Reference) -> Reference {
    let targets = serde_json::json!({ "targets": { "t": &reference.target } });
    fs::write(folder.join("grantlint.yaml"), serde_json::to_string_pretty(&targets).unwrap()).unwrap();
    reference
}

fn checked(folder: &Path, more: &[&str]) -> Ran {
    check(folder, &[&["--allow-literal-secrets"], &ONLY[..], more].concat())
}

fn again(folder: &Path, arguments: &[&str]) -> Ran {
    run(grantlint(folder).arg("report").args(arguments))
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What was concluded: check, variant, caller, verdict.
fn verdicts(report: &Value) -> BTreeSet<String> {
    let word =
        |finding: &Value| ["check", "variant", "caller", "verdict"].map(|name| finding[name].to_string()).join(" ");
    report["findings"].as_array().unwrap().iter().map(word).collect()
}

#[test]
fn a_finding_points_at_its_line_of_the_target_file() {
    let folder = tempfile::tempdir().unwrap();
    let _server = target(folder.path(), Reference::with_ids(&[FAULT]));
    let ran = checked(folder.path(), &["-o", "sarif=r.sarif", "-o", "gitlab=g.json", "-o", "github=g.txt"]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    let line =
        read(folder.path(), "grantlint.yaml").lines().position(|line| line.contains("\"token_endpoint\":")).unwrap()
            + 1;
    let sarif = json(&read(folder.path(), "r.sarif"));
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "grantlint.yaml");
    assert_eq!(place["region"]["startLine"], line);
    assert_eq!(json(&read(folder.path(), "g.json"))[0]["location"]["lines"]["begin"], line);
    assert!(read(folder.path(), "g.txt").starts_with(&format!("::error file=grantlint.yaml,line={line},")));
    let ran = checked(folder.path(), &["-o", "sarif", "--location", "ci/oauth.yaml:7"]);
    let place = json(&ran.stdout)["runs"][0]["results"][0]["locations"][0]["physicalLocation"].clone();
    assert_eq!(
        (&place["artifactLocation"]["uri"], &place["region"]["startLine"]),
        (&"ci/oauth.yaml".into(), &7.into())
    );
}

#[test]
fn a_path_is_relative_to_its_repository() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(".git")).unwrap();
    fs::create_dir_all(folder.path().join("ci/oauth")).unwrap();
    let _server = target(&folder.path().join("ci/oauth"), Reference::conforming());
    let ran = checked(&folder.path().join("ci/oauth"), &["-o", "json"]);
    assert_eq!(json(&ran.stdout)["source"]["file"], "ci/oauth/grantlint.yaml");
}

#[test]
fn a_saved_run_is_written_again_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let _server = target(folder.path(), Reference::with_ids(&[FAULT]));
    let formats = ["json", "junit", "sarif", "gitlab", "github", "markdown", "har"]
        .map(|format| format!("{format}=live.{format}"));
    let outputs: Vec<&str> = formats.iter().flat_map(|output| ["-o", output]).collect();
    assert_eq!(checked(folder.path(), &outputs).code, 1);
    let formats = formats.map(|output| output.replace("live", "again"));
    let outputs: Vec<&str> = formats.iter().flat_map(|output| ["-o", output]).collect();
    let ran = again(folder.path(), &[&["live.json"], &outputs[..]].concat());
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains(FAULT), "{}", ran.stdout);
    for format in ["json", "junit", "sarif", "gitlab", "github", "markdown", "har"] {
        assert_eq!(
            read(folder.path(), &format!("live.{format}")).replace("ATTACHMENT|live.", "ATTACHMENT|again."),
            read(folder.path(), &format!("again.{format}")),
            "{format}"
        );
    }
    assert_eq!(again(folder.path(), &["live.json", "--exit-zero", "-q"]).code, 0);
    assert_eq!(again(folder.path(), &["live.json", "--fail-on", "never", "-q"]).code, 0);
}

#[test]
fn the_gate_of_a_run_is_saved_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let _server = target(folder.path(), Reference::with_ids(&[FAULT]));
    assert_eq!(checked(folder.path(), &["-o", "json=r.json", "--fail-on", "never"]).code, 0);
    assert_eq!(again(folder.path(), &["r.json", "-q"]).code, 0);
    assert_eq!(again(folder.path(), &["r.json", "-q", "--fail-on", "must"]).code, 1);
    assert_eq!(checked(folder.path(), &["-q", "--exit-zero"]).code, 0);
}

#[test]
fn parts_together_are_the_whole_run() {
    let folder = tempfile::tempdir().unwrap();
    let _server = target(folder.path(), Reference::with_ids(&[FAULT]));
    let whole = checked(folder.path(), &["-o", "json=whole.json", "-q"]);
    let mut codes = Vec::new();
    for part in ["1/3", "2/3", "3/3"] {
        let output = format!("json=part-{}.json", &part[..1]);
        codes.push(checked(folder.path(), &["--shard", part, "-o", &output, "-q"]).code);
    }
    assert!(codes.contains(&1), "{codes:?}");
    let ran = again(folder.path(), &["part-2.json", "part-1.json", "part-3.json", "-o", "json=merged.json", "-q"]);
    assert_eq!(ran.code, whole.code);
    let (whole, merged) = (json(&read(folder.path(), "whole.json")), json(&read(folder.path(), "merged.json")));
    assert_eq!(verdicts(&whole), verdicts(&merged));
    assert_eq!(whole["answers"], merged["answers"]);
    assert_eq!(whole["exit"], merged["exit"]);
    assert!(merged.get("shard").is_none());
    let ran = again(folder.path(), &["part-2.json", "part-3.json", "-q", "--fail-on", "never"]);
    assert_eq!(ran.code, 3, "{}", ran.stdout);
    assert!(ran.stdout.contains("of 3 parts 1 is missing: 1"), "{}", ran.stdout);
}

#[test]
fn a_part_is_named_rightly_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in ["0/3", "4/3", "1", "1/0", "a/b", "1/1001"] {
        let ran = check(folder.path(), &["--shard", wrong]);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains("a part is I/N"), "{}", ran.stderr);
    }
}

#[test]
fn what_is_known_does_not_fail_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let _server = target(folder.path(), Reference::with_ids(&[FAULT]));
    assert_eq!(checked(folder.path(), &["-o", "json=base.json", "-q"]).code, 1);
    let ran = checked(folder.path(), &["--baseline", "base.json", "-o", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let report = json(&ran.stdout);
    let mut violations =
        report["findings"].as_array().unwrap().iter().filter(|finding| finding["verdict"] == "violation");
    assert!(violations.all(|finding| finding["baseline"] == "known"));
    let _server = target(folder.path(), Reference::with_ids(&[FAULT, OTHER]));
    let ran = checked(folder.path(), &["--baseline", "base.json", "-o", "json", "--fail-on", "may"]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("\"new\"") && ran.stdout.contains("\"known\""));
    let ran = checked(folder.path(), &["--baseline", "grantlint.yaml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("grantlint.yaml:1:"), "{}", ran.stderr);
}

#[test]
fn a_stale_waiver_fails_a_run_when_asked_and_names_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let _server = target(folder.path(), Reference::conforming());
    let waiver = format!("# ours\n- check: {FAULT}\n  target: t\n  until: 2999-12-31\n  reason: gateway upgrade\n");
    fs::write(folder.path().join("waivers.yaml"), waiver).unwrap();
    assert_eq!(checked(folder.path(), &["--waivers", "waivers.yaml", "-q"]).code, 0);
    let ran = checked(folder.path(), &["--waivers", "waivers.yaml", "--fail-on-stale"]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("waivers.yaml:2: the waiver of"), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 waiver is stale or has ended"), "{}", ran.stdout);
}

#[test]
fn waivers_can_be_laid_over_a_saved_run() {
    let folder = tempfile::tempdir().unwrap();
    let _server = target(folder.path(), Reference::with_ids(&[FAULT]));
    assert_eq!(checked(folder.path(), &["-o", "json=r.json", "-q"]).code, 1);
    let waiver = format!("- check: {FAULT}\n  target: t\n  until: 2999-12-31\n  reason: gateway upgrade\n");
    fs::write(folder.path().join("waivers.yaml"), waiver).unwrap();
    let ran = again(folder.path(), &["r.json", "--waivers", "waivers.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("waived"), "{}", ran.stdout);
}

#[test]
fn a_job_of_github_gets_annotations_in_its_log_and_a_summary() {
    let folder = tempfile::tempdir().unwrap();
    let _server = target(folder.path(), Reference::with_ids(&[FAULT]));
    let summary = folder.path().join("summary.md");
    fs::write(&summary, "before\n").unwrap();
    let mut command = grantlint(folder.path());
    command.args(["check", "--allow-literal-secrets", "--only", FAULT, "-o", "github", "-o", "console"]);
    let ran = run(command.env("GITHUB_STEP_SUMMARY", &summary));
    assert_eq!(ran.code, 1);
    let (console, annotations) = ran.stdout.split_once("\n::error file=grantlint.yaml,").unwrap();
    assert!(console.contains("exit code 1") && annotations.contains("::notice "), "{}", ran.stdout);
    let text = fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with("before\n## ❌ grantlint · t: "), "{text}");
    fs::write(&summary, "x".repeat(1 << 20)).unwrap();
    assert_eq!(run(command.env("GITHUB_STEP_SUMMARY", &summary)).code, 1);
    assert!(fs::metadata(&summary).unwrap().len() < (1 << 20) + 200);
}

#[test]
fn a_sarif_report_without_a_file_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(grantlint(folder.path())
        .args([
            "check",
            "--token-endpoint",
            "http://127.0.0.1:1/token",
            "--client-id",
            "gl",
            "--only",
            FAULT,
            "-o",
            "sarif",
        ])
        .env("GRANTLINT_CLIENT_SECRET", "x"));
    assert!(ran.stderr.contains("say --location PATH"), "{}", ran.stderr);
    assert_eq!(ran.code, 3);
    assert_eq!(json(&ran.stdout)["runs"][0]["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn what_is_no_saved_run_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let told = |text: &str, place: &str| {
        fs::write(folder.path().join("r.json"), text).unwrap();
        let ran = again(folder.path(), &["r.json"]);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(place) && ran.stderr.contains("help: "), "{}", ran.stderr);
        assert!(!ran.stderr.contains('\u{1b}') && ran.stdout.is_empty());
    };
    told("{\n  \"a\":\n}", "r.json:3:1: ");
    told("[]", "r.json:1:1: ");
    told("{\"schema\": \"grantlint/run-v1\",\n\"tool\": 7, \"\\u001b[2J\": 1}", "r.json:2:1: ");
    told(&"[".repeat(200_000), "r.json:1:");
    fs::File::create(folder.path().join("large.json")).unwrap().set_len(65 << 20).unwrap();
    let ran = again(folder.path(), &["large.json"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("larger than 64 MiB"), "{}", ran.stderr);
    assert_eq!(again(folder.path(), &["missing.json"]).code, 2);
    assert_eq!(again(folder.path(), &[]).code, 2);
}

#[test]
fn a_red_case_names_the_reports_beside_it_by_their_place_in_the_repository() {
    let reference = Reference::with_ids(&["rfc6749/token-response-cacheable"]);
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("ci/out");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    target_file(&folder.path().join("ci"), &[("t", &reference.target)]);
    let outputs = [
        "-o",
        "har=/dev/null",
        "-o",
        "json=out/run.json",
        "-o",
        "junit=out/j.xml",
        "-o",
        "html-dir=site",
        "-o",
        "html=out/r.html",
    ];
    let ran = check(
        &folder.path().join("ci"),
        &[&["--allow-literal-secrets", "--only", "rfc6749/token-response-cacheable"], &outputs[..]].concat(),
    );
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let junit = std::fs::read_to_string(inner.join("j.xml")).unwrap();
    let lines = "[[ATTACHMENT|ci/out/r.html]]\n[[ATTACHMENT|ci/site/index.html]]\n[[ATTACHMENT|ci/out/run.json]]]]>";
    assert!(junit.contains(lines), "{junit}");
    for named in ["ci/out/r.html", "ci/site/index.html", "ci/out/run.json"] {
        assert!(folder.path().join(named).is_file(), "{named}");
    }
    let alone = check(&folder.path().join("ci"), &["--allow-literal-secrets", "-o", "junit"]);
    assert!(!alone.stdout.contains("ATTACHMENT"), "{}", alone.stdout);
}
