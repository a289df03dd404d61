//! Every check is tripped by a fault of its own, and nothing lawful trips any: the kill matrix is a committed snapshot.

use std::collections::BTreeSet;

use grantlint::mutation::{self, Extent, Subject};
use grantlint::report::model::VerdictKind;
use grantlint::suite::{self, Wanted};

#[test]
fn every_fault_trips_its_check_and_nothing_lawful_trips_any() {
    let catalogue = suite::embedded();
    let subjects = mutation::subjects(&catalogue).unwrap();
    assert_eq!(mutation::rules_without_fault(&subjects), Vec::<&str>::new());
    let suites = ["coupa-call-out".to_owned(), "all".to_owned()];
    let outcomes = mutation::selftest(&catalogue, &suites, &subjects, Extent::Full).unwrap();
    let complaints: Vec<String> = outcomes
        .iter()
        .flat_map(|outcome| outcome.complaints.iter().map(|complaint| format!("{}: {complaint}", outcome.id)))
        .collect();
    assert!(complaints.is_empty(), "{} complaints\n{}", complaints.len(), complaints.join("\n"));
    insta::assert_snapshot!("kill_matrix", mutation::matrix(&outcomes));
}

/// The self-test judges without writing reports, and plans once for servers that claim the same.
#[test]
fn the_self_test_finds_what_a_report_of_the_same_run_finds() {
    let catalogue = suite::embedded();
    let suites = vec!["coupa-call-out".to_owned(), "all".to_owned()];
    let all = mutation::subjects(&catalogue).unwrap();
    let subjects: Vec<Subject> = all.into_iter().step_by(90).collect();
    let outcomes = mutation::selftest(&catalogue, &suites, &subjects, Extent::Full).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let wanted = Wanted { suites, ..Wanted::default() };
    for (subject, outcome) in subjects.iter().zip(&outcomes[1..]) {
        let fault = std::slice::from_ref(&subject.fault);
        let report = runtime.block_on(mutation::trial(&catalogue, fault, &wanted)).unwrap();
        let of = |kind: VerdictKind| -> BTreeSet<String> {
            let found = report.findings.iter().filter(|finding| finding.verdict == kind);
            found.map(|finding| finding.check.clone()).collect()
        };
        assert_eq!(outcome.id, subject.id);
        assert_eq!(outcome.trips, of(VerdictKind::Violation), "{}", subject.id);
        assert_eq!(outcome.not_testable, of(VerdictKind::NotTestable), "{}", subject.id);
    }
}
