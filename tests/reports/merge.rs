//! Saved runs put together: parts, repetitions, several targets.

use grantlint::report::json::{parse, render_all};
use grantlint::report::merge::merge;
use grantlint::report::model::{FailOn, RunReport, Shard, VerdictKind};
use grantlint::report::{baseline::Baseline, conclude};
use proptest::prelude::*;

use crate::arbitrary::{hostile_character, run_with};
use crate::fixture::run;

/// The run as the engine would conclude it.
fn whole() -> RunReport {
    let mut report = run();
    conclude::decide(&mut report);
    report
}

/// A part of it: every `of`th check.
fn part(index: usize, of: usize) -> RunReport {
    let mut report = run();
    let mut checks: Vec<String> = report.findings.iter().map(|finding| finding.check.clone()).collect();
    checks.dedup();
    let mine = |check: &String| checks.iter().position(|known| known == check).is_some_and(|at| at % of + 1 == index);
    report.findings.retain(|finding| mine(&finding.check));
    report.shard = Some(Shard { parts: vec![index], of });
    conclude::decide(&mut report);
    report
}

#[test]
fn all_parts_are_the_whole() {
    for order in [[1, 2, 3], [3, 1, 2]] {
        let mut merged = merge(order.iter().map(|index| part(*index, 3)).collect());
        assert_eq!(merged.len(), 1);
        let merged = merged.remove(0);
        let whole = whole();
        assert_eq!(merged.findings.len(), whole.findings.len());
        for finding in &whole.findings {
            assert!(merged.findings.contains(finding), "{}", finding.check);
        }
        assert_eq!(merged.shard, None);
        assert_eq!(merged.exit, whole.exit);
        assert_eq!(merged.exchanges, whole.exchanges);
        assert_eq!((merged.summary.checks, merged.summary.violation), (whole.summary.checks, whole.summary.violation));
        assert_eq!(merged.diagnosis, whole.diagnosis);
    }
}

#[test]
fn answers_are_those_of_all_parts() {
    let merged = merge(vec![part(1, 2), part(2, 2)]).remove(0);
    assert_eq!(merged.answers.conforms["RFC 7009"].not_testable, 3);
    assert_eq!(merged.answers.conforms["RFC 7009"].answer, "not known");
    assert_eq!(merged.answers.conforms["RFC 6749"].answer, "no");
    assert_eq!(merged.answers.works_for["Coupa call-out"].answer, "no");
}

#[test]
fn a_missing_part_is_red() {
    let only_passes = |mut report: RunReport| {
        report.findings.retain(|finding| finding.verdict == VerdictKind::Pass);
        conclude::decide(&mut report);
        report
    };
    let parts = vec![only_passes(part(1, 4)), only_passes(part(3, 4))];
    let merged = merge(parts).remove(0);
    assert_eq!(merged.exit.code, 3);
    assert!(merged.exit.meaning.contains("of 4 parts 2 are missing: 2, 4"), "{}", merged.exit.meaning);
    // And again, when the merged report is merged.
    let again = merge(parse(&render_all(&[&merged])).expect("it was just written")).remove(0);
    assert_eq!(again, merged);
}

#[test]
fn the_worse_of_two_verdicts_counts_and_is_noted() {
    let mut better = whole();
    better.started = "2026-11-22T09:30:15Z".into();
    let at =
        better.findings.iter().position(|finding| finding.check == "rfc6749/token-type-not-bearer").expect("there");
    better.findings[at].verdict = VerdictKind::Pass;
    better.findings[at].mismatches.clear();
    for runs in [vec![whole(), better.clone()], vec![better.clone(), whole()]] {
        let merged = merge(runs).remove(0);
        let finding = &merged.findings.iter().find(|one| one.check == "rfc6749/token-type-not-bearer").expect("there");
        assert_eq!(finding.verdict, VerdictKind::Violation);
        assert_eq!(finding.reason.as_deref(), Some("another run of this target: passed"));
        let told = merged.diagnosis.last().expect("it is told");
        assert_eq!(told.checks, ["rfc6749/token-type-not-bearer"]);
        assert_eq!(merged.summary.checks, whole().summary.checks);
    }
}

/// Sentences about every answer are judged in each part.
#[test]
fn what_broke_in_one_part_only_is_no_disagreement() {
    let (mut one, mut two) = (part(1, 2), part(2, 2));
    let mut finding =
        one.findings.iter().find(|finding| finding.verdict == VerdictKind::Violation).expect("one").clone();
    finding.verdict = VerdictKind::Pass;
    two.findings.push(finding.clone());
    for _ in 0..2 {
        let merged = merge(vec![one.clone(), two.clone()]).remove(0);
        let stays =
            merged.findings.iter().find(|known| known.check == finding.check && known.variant == finding.variant);
        assert_eq!(stays.expect("it is there").verdict, VerdictKind::Violation);
        assert_eq!(merged.diagnosis, run().diagnosis);
        assert_eq!(merged.summary.checks, run().summary.checks);
        std::mem::swap(&mut one.shard, &mut two.shard);
    }
}

#[test]
fn evidence_stays_with_its_finding() {
    let (one, mut two) = (part(1, 2), part(2, 2));
    let key = "token.client_credentials".to_owned();
    two.exchanges[&key]["response"]["status"] = 201.into();
    let merged = merge(vec![one, two.clone()]).remove(0);
    let of = |check: &str| merged.findings.iter().find(|finding| finding.check == check).expect("it is there").clone();
    let failed = two.findings.iter().find(|finding| {
        finding.verdict == VerdictKind::Violation && finding.mismatches.iter().any(|mismatch| mismatch.exchange == key)
    });
    let failed = failed.expect("the second part has one");
    let mismatch = &of(&failed.check).mismatches[0];
    assert_eq!(mismatch.exchange, "token.client_credentials (run 2)");
    assert_eq!(merged.exchanges[&mismatch.exchange]["response"]["status"], 201);
    assert_eq!(merged.exchanges[&key]["response"]["status"], 200);
}

#[test]
fn different_targets_stay_runs_of_their_own() {
    let mut other = whole();
    other.target.insert("name".into(), "production".into());
    let names: Vec<String> = merge(vec![whole(), other])
        .iter()
        .map(|report| report.target["name"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(names, ["production", "sandbox"]);
}

#[test]
fn one_run_stays_as_it_is() {
    assert_eq!(merge(vec![whole()]), [whole()]);
}

#[test]
fn only_what_is_new_fails_against_a_baseline() {
    let mut report = whole();
    report.findings.retain(|finding| finding.verdict != VerdictKind::NotTestable);
    let baseline = Baseline::new(&[report.clone()]);
    baseline.apply(&mut report);
    assert_eq!(report.exit.code, 0);
    assert!(report.exit.meaning.contains("known in the baseline"), "{}", report.exit.meaning);
    // A warning that became an error, another member, and another target are new.
    for change in [
        |report: &mut RunReport| {
            report.findings.iter_mut().for_each(|finding| finding.variant = finding.variant.take().map(|it| it + "x"));
        },
        |report: &mut RunReport| {
            report.target.insert("name".into(), "production".into());
        },
    ] {
        let mut changed = report.clone();
        change(&mut changed);
        baseline.apply(&mut changed);
        assert_eq!(changed.exit.code, 1);
    }
    // What could not be tested is not known, whatever the baseline says.
    let mut untested = whole();
    untested.findings.retain(|finding| finding.verdict == VerdictKind::NotTestable);
    Baseline::new(&[untested.clone()]).apply(&mut untested);
    assert_eq!(untested.exit.code, 3);
}

#[test]
fn stale_waivers_fail_a_run_when_asked() {
    let mut report = whole();
    report.findings.retain(|finding| finding.verdict == VerdictKind::Pass);
    conclude::decide(&mut report);
    assert_eq!(report.exit.code, 0);
    report.exit.fail_on_stale = true;
    conclude::decide(&mut report);
    assert_eq!(
        (report.exit.code, report.exit.meaning.as_str()),
        (1, "1 waiver is stale or has ended (--fail-on-stale)")
    );
    report.exit.fail_on = FailOn::Never;
    conclude::decide(&mut report);
    assert_eq!(report.exit.code, 1, "it is a gate of its own");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_two_runs_can_be_put_together(one in run_with(hostile_character()), two in run_with(hostile_character())) {
        let merged = merge(vec![one.clone(), two.clone(), run()]);
        prop_assert_eq!(&merged, &merge(vec![run(), two, one]));
        let reports: Vec<&RunReport> = merged.iter().collect();
        prop_assert_eq!(&parse(&render_all(&reports)).expect("it was just written"), &merged);
        for report in &merged {
            prop_assert_eq!(&conclude::count(&report.findings, report.summary.exchanges), &report.summary);
        }
    }
}
