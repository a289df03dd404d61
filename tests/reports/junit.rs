//! The JUnit report, as its readers see it.

use std::collections::HashSet;

use grantlint::report::json::render_all as json;
use grantlint::report::junit::{JUnitOptions, WarningsAs, render};
use grantlint::report::model::RunReport;
use proptest::prelude::*;
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};

use crate::arbitrary::{hostile_character, run_with};
use crate::fixture::{run, stopped};

fn written(reports: &[&RunReport], warnings: WarningsAs) -> String {
    render(reports, &JUnitOptions { warnings, file: Some("ci/grantlint.yaml".into()), ..JUnitOptions::default() })
}

#[test]
fn every_finding_is_a_case_with_everything_in_its_text() {
    insta::assert_snapshot!("junit", written(&[&run()], WarningsAs::Skipped));
}

#[test]
fn warnings_become_what_was_asked_for() {
    for (warnings, failures, skipped) in
        [(WarningsAs::Pass, 7, 4), (WarningsAs::Skipped, 7, 6), (WarningsAs::Failure, 8, 5)]
    {
        let report = Report::deserialize_from_str(&written(&[&run()], warnings)).expect("it is JUnit");
        assert_eq!((report.failures, report.skipped), (failures, skipped), "{warnings:?}");
    }
}

#[test]
fn red_cases_name_the_files_of_the_run_and_a_server_names_none() {
    let attachments =
        ["out/report.html", "run [1].json", "a\nb", "]]><x>", "c|d", "\u{202e}", "run.json"].map(str::to_owned);
    let mut hostile = run();
    hostile.findings.iter_mut().for_each(|finding| finding.message = "[[ATTACHMENT|/etc/passwd]]".into());
    let options = JUnitOptions { attachments: attachments.to_vec(), ..JUnitOptions::default() };
    let text = render(&[&hostile], &options);
    let named = text.lines().filter(|line| line.contains("[[ATTACHMENT|")).collect::<Vec<_>>();
    let lines = "[[ATTACHMENT|out/report.html]]\n[[ATTACHMENT|run.json]]";
    let report = Report::deserialize_from_str(&text).expect("it is JUnit");
    let cases = || report.test_suites.iter().flat_map(|suite| &suite.test_cases);
    for case in cases() {
        let red = matches!(case.status, TestCaseStatus::NonSuccess { .. });
        let out = case.system_out.as_ref().map(|out| out.as_str());
        assert_eq!(out.filter(|out| out.contains("ATTACHMENT")), red.then_some(lines), "{}", case.name.as_str());
    }
    let red = cases().filter(|case| matches!(case.status, TestCaseStatus::NonSuccess { .. })).count();
    assert_eq!(named.len(), 2 * red, "{named:?}");
    well_formed(&text.replace(lines, ""));
    assert_eq!(text, render(&[&hostile], &options));
}

#[test]
fn two_targets_share_no_name() {
    let text = written(&[&run(), &run()], WarningsAs::Skipped);
    let report = well_formed(&text);
    assert_eq!(report.test_suites.len(), 2);
    assert_ne!(report.test_suites[0].name, report.test_suites[1].name);
    unique_names(&report);
}

#[test]
fn a_run_without_findings_is_still_a_suite() {
    let mut empty = run();
    empty.findings.clear();
    assert_eq!(well_formed(&written(&[&empty], WarningsAs::Skipped)).test_suites.len(), 1);
    assert_eq!(well_formed(&written(&[], WarningsAs::Skipped)).test_suites.len(), 0);
}

#[test]
fn each_exchange_is_timed_once() {
    let report = well_formed(&written(&[&run()], WarningsAs::Skipped));
    let suite = &report.test_suites[0];
    let cases: u128 = suite.test_cases.iter().map(|case| case.time.unwrap_or_default().as_millis()).sum();
    // 41 + 12 + 9 + 1 + 7 + 10 + 10 + 10,000: each exchange that a finding names.
    assert_eq!(cases, 10_090);
    assert_eq!(suite.time.unwrap_or_default().as_millis(), 10_090);
}

#[test]
fn odd_times_and_dates_are_no_reason_to_fail() {
    let mut report = run();
    for document in report.exchanges.values_mut() {
        document["timing"] = serde_json::json!({ "elapsed_ms": u64::MAX });
    }
    for started in
        ["", "yesterday", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59", "2026-11-21T09:30:15.789+02:00"]
    {
        report.started = started.into();
        let text = written(&[&report], WarningsAs::Skipped);
        well_formed(&text);
        assert!(
            text.contains("timestamp=\"1970-01-01T00:00:00Z\"") || text.contains("timestamp=\"2026-11-21T07:30:15Z\""),
            "{text}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_text_makes_a_document_that_readers_take(report in run_with(hostile_character()), file in ".*") {
        let options = JUnitOptions { warnings: WarningsAs::Skipped, file: Some(file), ..JUnitOptions::default() };
        let stopped = stopped();
        let text = render(&[&report, &stopped], &options);
        prop_assert_eq!(&text, &render(&[&report, &stopped], &options));
        let document = well_formed(&text);
        unique_names(&document);
        for (suite, report) in document.test_suites.iter().zip([&report, &stopped]) {
            let summary = &report.summary;
            let expected = (summary.checks, summary.violation, summary.not_testable,
                summary.not_applicable + summary.left_out + summary.waived + summary.warning + summary.note);
            prop_assert_eq!((suite.tests, suite.failures, suite.errors, suite.skipped), expected);
        }
        prop_assert_eq!(document.tests, report.summary.checks + stopped.summary.checks);
        let told = format!("\"checks\": {}", report.summary.checks);
        prop_assert!(json(&[&report]).contains(&told));
    }
}

/// The document as two parsers read it, after checks that both leave out.
fn well_formed(text: &str) -> Report {
    for c in text.chars() {
        assert!(
            matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..),
            "not legal in XML 1.0: {c:?}"
        );
    }
    assert!(!text.contains("[[ATTACHMENT|"));
    for line in text.lines() {
        assert!(!line.trim_start().starts_with("::e") && !line.contains("##[") && !line.contains("##vso["), "{line:?}");
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().enable_all_checks(true);
    let mut open = Vec::new();
    loop {
        match reader.read_event().expect("it is well-formed") {
            Event::Eof => break,
            Event::Start(element) => {
                attributes(&element);
                open.push(element.name().as_ref().to_owned());
            }
            Event::Empty(element) => attributes(&element),
            Event::End(element) => assert_eq!(open.pop().as_deref(), Some(element.name().as_ref())),
            Event::Text(text) => assert!(text.trim().is_empty(), "text outside of a section: {text:?}"),
            Event::CData(_) => assert!(!open.is_empty()),
            Event::Decl(_) => assert!(open.is_empty()),
            other => panic!("{other:?} has no place here"),
        }
    }
    assert!(open.is_empty());
    let report = Report::deserialize_from_str(text).expect("it is JUnit");
    for case in report.test_suites.iter().flat_map(|suite| &suite.test_cases) {
        match &case.status {
            TestCaseStatus::Success { .. } => {}
            TestCaseStatus::NonSuccess { ty, message, description, kind, .. } => {
                assert!(matches!(kind, NonSuccessKind::Failure | NonSuccessKind::Error));
                told(ty.as_deref(), message.as_deref(), description.as_deref());
            }
            TestCaseStatus::Skipped { ty, message, description, .. } => {
                told(ty.as_deref(), message.as_deref(), description.as_deref())
            }
        }
    }
    report
}

/// Readers show the message or the text, never both; the type must be no word that Rails takes for a data type.
fn told(ty: Option<&str>, message: Option<&str>, text: Option<&str>) {
    assert!(ty.is_some_and(|ty| ty.contains('/')), "{ty:?}");
    assert!(message.is_some_and(|message| !message.is_empty() && !message.contains('\n')), "{message:?}");
    assert!(text.is_some_and(|text| text.contains("requirement: ")), "{text:?}");
}

fn attributes(element: &quick_xml::events::BytesStart<'_>) {
    for attribute in element.attributes().with_checks(true) {
        let attribute = attribute.expect("it is well-formed");
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).expect("its references are known");
        assert!(!value.contains(['\n', '\t']), "{value:?}");
    }
}

fn unique_names(report: &Report) {
    let mut names = HashSet::new();
    for case in report.test_suites.iter().flat_map(|suite| &suite.test_cases) {
        assert!(!case.name.trim().is_empty());
        let classname = case.classname.as_ref().expect("every case has a class").to_string();
        assert_eq!(classname.split('.').count(), 3, "{classname}");
        assert!(names.insert((classname, case.name.to_string())), "{} is there twice", case.name.as_str());
    }
}
