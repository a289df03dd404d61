//! Every check is tripped by a fault of its own, and nothing lawful trips any: the kill matrix is a committed snapshot.

use grantlint::mutation::{self, Extent};
use grantlint::suite;

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
