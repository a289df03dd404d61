//! The embedded specs satisfy the rules that a user's own files are held to.

use std::collections::BTreeSet;
use std::path::Path;

use grantlint::suite::ledger::Ledger;
use grantlint::suite::{self, Wanted};

#[test]
fn the_specs_of_this_repository_have_no_mistake() {
    let folder =
        std::env::var("GRANTLINT_TEST_SPECS").unwrap_or_else(|_| format!("{}/specs", env!("CARGO_MANIFEST_DIR")));
    if let Err(error) = suite::folder_alone(Path::new(&folder)) {
        let suite::Error::Mistakes(files) = &error else { panic!("{error}") };
        let shown: Vec<String> = files.iter().map(ToString::to_string).collect();
        panic!("{error}\n{}", shown.join("\n"));
    }
}

#[test]
fn the_ledger_and_the_checks_agree() {
    let ledger = Ledger::of(&suite::embedded()).unwrap();
    assert!(ledger.rows.len() > 700, "{}", ledger.rows.len());
    let mistakes: Vec<String> = ledger.mistakes();
    assert!(mistakes.is_empty(), "{} mistakes\n{}", mistakes.len(), mistakes.join("\n"));
}

#[test]
fn every_check_belongs_to_a_suite_besides_all() {
    let catalogue = suite::embedded();
    let suites: Vec<_> = catalogue.suites.values().filter(|suite| suite.id != "all").collect();
    let taken =
        |id: &str| suites.iter().flat_map(|suite| &suite.file.checks).any(|pattern| suite::matches(pattern, id));
    let left: Vec<&str> = catalogue.checks.keys().filter(|id| !taken(id)).collect();
    assert_eq!(left, Vec::<&str>::new());
}

/// "Not applicable: the status is 401" helps nobody.
#[test]
fn every_check_says_in_words_when_its_rule_does_not_bind() {
    let catalogue = suite::embedded();
    let wordless = |check: &suite::Check| check.file.when.is_some() && check.file.otherwise.is_none();
    let left: Vec<&str> = catalogue.checks.iter().filter(|(_, check)| wordless(check)).map(|(id, _)| id).collect();
    assert_eq!(left, Vec::<&str>::new());
    for (id, check) in catalogue.checks.iter() {
        let Some(sentence) = &check.file.otherwise else { continue };
        assert!(!sentence.ends_with('.') && sentence.split_whitespace().count() <= 40, "{id}: {sentence}");
    }
}

#[test]
fn every_exchange_is_used() {
    let catalogue = suite::embedded();
    let every = Wanted { suites: vec!["coupa-call-out".into(), "all".into()], ..Wanted::default() };
    let mut left: Vec<String> =
        suite::select(&catalogue, &every).iter().flat_map(|member| member.names(&catalogue)).collect();
    let mut used = BTreeSet::new();
    while let Some(name) = left.pop() {
        if used.insert(name.clone()) {
            let exchange = &catalogue.exchanges[&name];
            let below = exchange.takes_from.iter().chain(&exchange.file.after).chain(&exchange.file.spoils);
            left.extend(below.chain(&exchange.like).flat_map(|name| catalogue.expand(name)));
        }
    }
    let unused: Vec<&str> = catalogue.exchanges.keys().filter(|id| !used.contains(*id)).collect();
    assert_eq!(unused, Vec::<&str>::new());
}

/// The first source says which of the two questions a check answers (DESIGN 3.3).
#[test]
fn what_only_a_caller_sends_is_judged_by_its_contract_first() {
    let catalogue = suite::embedded();
    for suite in catalogue.suites.values() {
        let Some(caller) = &suite.file.caller else { continue };
        let mut sent: BTreeSet<&str> = suite.file.sends.values().flatten().map(String::as_str).collect();
        let like =
            catalogue.exchanges.values().filter(|exchange| sent.contains(exchange.like.as_deref().unwrap_or("")));
        let like: Vec<&str> = like.map(|exchange| exchange.id.as_str()).collect();
        sent.extend(like);
        let wanted = Wanted { suites: vec!["all".into()], ..Wanted::default() };
        for member in suite::select(&catalogue, &wanted) {
            let source = &catalogue.checks[&member.check].file.source[0];
            let own = member.roles.values().all(|name| sent.contains(name.as_str()));
            assert!(!own || source.starts_with(caller.as_str()), "{}: {source}", member.check);
        }
    }
}

/// Waivers, baselines, fingerprints and names of test cases hang on it.
#[test]
fn no_two_findings_of_a_run_are_called_the_same() {
    let catalogue = suite::embedded();
    let wanted = Wanted { suites: catalogue.suites.keys().map(str::to_owned).collect(), ..Wanted::default() };
    let mut seen = BTreeSet::new();
    for member in suite::select(&catalogue, &wanted) {
        let name = format!("{} {:?} {:?}", member.check, member.variant, member.caller);
        assert!(seen.insert(name.clone()), "{name}");
    }
}

#[test]
fn parts_are_the_whole_and_keep_checks_together() {
    let catalogue = suite::embedded();
    let wanted = Wanted { suites: vec!["all".into()], ..Wanted::default() };
    let all = suite::select(&catalogue, &wanted);
    let parts: Vec<Vec<suite::Member>> = (1..=3).map(|index| suite::part(all.clone(), index, 3)).collect();
    for member in &all {
        let holds = |part: &&Vec<suite::Member>| part.contains(member);
        // What speaks of every answer is judged on the answers of each part.
        let times = if member.everywhere { 3 } else { 1 };
        assert_eq!(parts.iter().filter(holds).count(), times, "{}", member.check);
    }
    for check in all.iter().filter(|member| !member.everywhere).map(|member| &member.check) {
        let holds = |part: &&Vec<suite::Member>| part.iter().any(|one| one.check == *check && !one.everywhere);
        assert_eq!(parts.iter().filter(holds).count(), 1, "{check}");
    }
}
