//! The console report.

use grantlint::report::console::{ConsoleOptions, Verbosity, render};
use grantlint::report::model::{Finding, RunReport, Severity};
use grantlint::report::wrap::columns;
use proptest::prelude::*;
use serde_json::json;

use crate::arbitrary::{hostile_character, run_with};
use crate::fixture::{run, stopped};

fn options(colour: bool, verbosity: Verbosity) -> ConsoleOptions {
    ConsoleOptions { colour, links: false, width: 100, verbosity, rerun: Some("grantlint check sandbox".into()) }
}

fn written(report: &RunReport, colour: bool, verbosity: Verbosity) -> String {
    render(report, &options(colour, verbosity))
}

#[test]
fn what_failed_is_shown_with_its_evidence() {
    insta::assert_snapshot!("console_normal", written(&run(), false, Verbosity::Normal));
}

#[test]
fn quiet_tells_the_answers_one_line_for_each_flaw_and_the_exit_code() {
    insta::assert_snapshot!("console_quiet", written(&run(), false, Verbosity::Quiet));
}

#[test]
fn verbose_tells_passes_reasons_and_exchanges_too() {
    insta::assert_snapshot!("console_verbose", written(&run(), false, Verbosity::Verbose));
}

#[test]
fn a_run_that_stopped_says_where_and_why() {
    insta::assert_snapshot!("console_stopped", written(&stopped(), false, Verbosity::Normal));
}

#[test]
fn colour_adds_escapes_and_nothing_else() {
    let coloured = written(&run(), true, Verbosity::Verbose);
    insta::assert_snapshot!("console_colour", written(&run(), true, Verbosity::Normal).replace('\u{1b}', "ESC"));
    let escapes = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("it is a fixed pattern");
    assert!(escapes.is_match(&coloured));
    assert_eq!(escapes.replace_all(&coloured, ""), written(&run(), false, Verbosity::Verbose));
}

#[test]
fn all_counts_are_told() {
    let report = run();
    let text = written(&report, false, Verbosity::Normal);
    let summary = &report.summary;
    for told in [
        format!("{} checks: {} passed", summary.checks, summary.pass),
        format!("{} errors", summary.violation),
        format!("{} not testable", summary.not_testable),
        format!("{} warning ", summary.warning),
        format!("{} note ", summary.note),
        format!("{} waived", summary.waived),
        format!("{} not applicable", summary.not_applicable),
        format!("{} left out", summary.left_out),
    ] {
        assert!(text.contains(&told), "`{told}` is not in\n{text}");
    }
}

#[test]
fn only_variant_and_caller_fold_into_one_block() {
    let blocks = |change: &dyn Fn(&mut Finding)| {
        let mut report = run();
        report.findings.retain(|finding| finding.check == "rfc6749/error-is-no-oauth-error");
        change(&mut report.findings[1]);
        written(&report, false, Verbosity::Normal).lines().filter(|line| line.starts_with("error")).count()
    };
    assert_eq!(blocks(&|_| {}), 1);
    assert_eq!(blocks(&|finding| finding.caller = Some("another".into())), 1);
    assert_eq!(blocks(&|finding| finding.check = "rfc6749/another".into()), 2);
    assert_eq!(blocks(&|finding| finding.mismatches[0].actual = "another".into()), 2);
    assert_eq!(blocks(&|finding| finding.severity = Severity::Warning), 1, "the other one is a warning");
    assert_eq!(blocks(&|finding| finding.baseline = Some("known".into())), 2);
}

#[test]
fn every_failing_check_is_named_however_quiet() {
    let text = written(&run(), false, Verbosity::Quiet);
    for check in ["rfc7009/refusal-unclear", "rfc7009/token-not-revoked", "rfc6749/token-repeated", "rfc6749/hostile"] {
        assert!(text.contains(check), "{check}");
    }
}

#[test]
fn the_part_that_a_place_means_is_shown() {
    let part = |status: u16| {
        json!({ "request": { "method": "GET", "url": "https://as.example/a" },
        "response": { "status": status, "http_version": "1.1", "headers": { "location": ["https://evil.example/"] } } })
    };
    let document = json!({ "steps": [part(301), part(302)], "control": part(429), "response": part(303)["response"],
        "request": part(303)["request"], "redirect": { "to": "https://evil.example/" } });
    for (at, status, marked) in [
        ("/steps/1/response/status", "302", "^^^"),
        ("/steps/*/response/location/url", "301", "^^^^^^^^^^^^^^^^^^^^^"),
        ("/control/response/status", "429", "^^^"),
        ("/response/status", "303", "^^^"),
        ("/redirect/to", "303", "^^^^^^^^^^^^^^^^^^^^^"),
    ] {
        let mut report = run();
        report.findings.retain(|finding| finding.check == "rfc6749/token-type-not-bearer");
        report.exchanges.insert("token.client_credentials".into(), document.clone());
        report.findings[0].mismatches[0].at = at.into();
        let text = written(&report, false, Verbosity::Normal);
        assert!(text.contains(&format!("|  HTTP/1.1 {status}\n")), "{at}\n{text}");
        assert!(text.lines().any(|line| line.ends_with(&format!(" {marked}"))), "{at}\n{text}");
    }
}

#[test]
fn prose_keeps_to_the_width() {
    let mut report = run();
    report.findings.retain(|finding| finding.check == "rfc6749/token-response-cacheable");
    let text = render(&report, &ConsoleOptions { width: 60, ..options(false, Verbosity::Quiet) });
    let told = render(&report, &ConsoleOptions { width: 60, ..options(false, Verbosity::Normal) });
    for line in text
        .lines()
        .chain(told.lines())
        .filter(|line| !line.contains("token-response-cacheable") && !line.contains("-->"))
    {
        assert!(columns(line) <= 60, "{line}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_steers_the_terminal_or_the_ci_server(report in run_with(hostile_character()), width in 0_usize..200) {
        for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
            let text = render(&report, &ConsoleOptions { width, ..options(false, verbosity) });
            for line in text.lines() {
                prop_assert!(!line.contains(|c: char| c.is_control() && c != '\t'), "{line:?}");
                prop_assert!(!line.contains(['\u{202e}', '\u{200b}', '\u{2028}']), "{line:?}");
                prop_assert!(!line.trim_start().starts_with("::e"), "{line:?}");
                prop_assert!(!line.contains("##[") && !line.contains("##vso["), "{line:?}");
            }
        }
    }
}
