//! A HAR of a whole run, walks, repetitions and waits among it, gives the verdicts of that run and never another one.

mod browsed;
#[path = "../common/mod.rs"]
mod common;
mod every;
mod lived;

use std::collections::{BTreeMap, HashMap};

use grantlint::judge::{Court, Verdict};
use grantlint::mutation;
use grantlint::replay::{self, File, Hints};
use grantlint::report::har;
use grantlint::report::model::VerdictKind;
use grantlint::suite::{self, Wanted};
use lived::{By, Lived, Pair};

fn says(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Pass | Verdict::Violation)
}

/// Everything that a recording may lack, each with words of the sentence that says so; docs/replay.md counts them.
const REASONS: [(&str, &str); 8] = [
    ("known to the owner only", "only the owner knows `"),
    ("known to the owner only", "the target does not claim "),
    ("known to the owner only", "the target file says nothing of "),
    ("known to the owner only", "nothing in the recording shows that "),
    ("known to the owner only", "was deduced from a recording"),
    ("signed wrongly", "only who has the key can tell a wrong signature"),
    ("below HTTP", "does not show a TLS handshake"),
    (NEVER_TOLD, "whose verifier it is nobody can tell"),
];

const NEVER_TOLD: &str = "a verifier that was never told";
const UNANSWERED: &str = "never answered, or never sent, as what it rests on was refused";

/// Which of the reasons it is, or that the live run got no answer to the exchange either.
fn reason(pair: &Pair) -> Option<&'static str> {
    let message = pair.recorded.message();
    let known = REASONS.iter().find(|(_, words)| message.contains(words)).map(|(name, _)| *name);
    let unsent = || message.starts_with("the recording lacks `") && !pair.was_answered(&message);
    known.or_else(|| unsent().then_some(UNANSWERED))
}

/// No verdict of the recording is another one than the live run's. Answers how many of the live ones it gives back.
fn agree(pairs: &[Pair]) -> (usize, usize) {
    for pair in pairs {
        assert!(pair.agrees(), "{}: live {:?}, recorded {:?}", pair.check, pair.live, pair.recorded);
    }
    let live = pairs.iter().filter(|pair| says(pair.live));
    (live.clone().filter(|pair| says(pair.recorded.verdict)).count(), live.count())
}

#[test]
fn a_har_of_the_reference_server_gives_nearly_every_verdict_and_says_why_not_the_others() {
    let catalogue = suite::embedded();
    let lived = Lived::with(&catalogue, &[]);
    let (pairs, of_owner) = (lived.in_har(By::Recording), lived.in_har(By::Owner));
    let (given, all) = agree(&pairs);
    let (with_file, _) = agree(&of_owner);
    println!("{given} of {all}, and {with_file} with the target file");
    for (who, pairs) in [("the recording alone", &pairs), ("with the target file", &of_owner)] {
        let mut lost: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for pair in pairs.iter().filter(|pair| says(pair.live) && !says(pair.recorded.verdict)) {
            let why = reason(pair).unwrap_or_else(|| panic!("{who}: {}: {:?}", pair.check, pair.recorded));
            lost.entry(why).or_default().push(&pair.check);
        }
        for (why, checks) in &lost {
            println!("{who}: {} {why}: {}", checks.len(), checks.join(" "));
        }
    }
    assert!(given * 100 >= all * FLOOR, "{given} of {all}");
    assert!(with_file > given && with_file * 100 >= all * FLOOR_WITH_FILE, "{with_file} of {all}");
}

/// Hundredths of the live verdicts that come back.
const FLOOR: usize = 95;

/// The same where the owner's target file says what the recording does not.
const FLOOR_WITH_FILE: usize = 98;

#[test]
fn what_is_wrong_with_a_server_is_wrong_in_a_har_of_it() {
    let faults = [
        "rfc6749/authorization-code-reusable",
        "rfc7009/revoked-token-active",
        "rfc7523/expired-assertion-accepted",
        "rfc7636/verifier-not-checked",
        "rfc9700/page-without-frame-options",
    ];
    let catalogue = suite::embedded();
    for fault in faults {
        every::look_into(&catalogue, fault);
    }
}

fn verdict_of(kind: VerdictKind) -> Verdict {
    match kind {
        VerdictKind::Pass => Verdict::Pass,
        VerdictKind::Violation | VerdictKind::Waived => Verdict::Violation,
        VerdictKind::NotApplicable => Verdict::NotApplicable,
        VerdictKind::NotTestable => Verdict::NotTestable,
        VerdictKind::LeftOut => Verdict::LeftOut,
    }
}

#[test]
fn a_har_of_our_own_holds_walks_and_repetitions() {
    let catalogue = suite::embedded();
    let wanted = Wanted { suites: vec!["all".into()], ..Wanted::default() };
    let members = suite::select(&catalogue, &wanted);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut faults = suite::fixtures().swap_remove("faults").unwrap();
    let fault = serde_json::from_value(faults.remove("rfc6749/authorization-code-reusable").unwrap()).unwrap();
    let report = runtime.block_on(mutation::trial(&catalogue, &[fault], &wanted)).unwrap();
    let name = |check: &str, variant: Option<&str>, caller: Option<&str>| format!("{check} {variant:?} {caller:?}");
    let live: HashMap<String, Verdict> = report
        .findings
        .iter()
        .map(|found| (name(&found.check, found.variant.as_deref(), found.caller.as_deref()), verdict_of(found.verdict)))
        .collect();
    let har = har::render(&[&report]);
    let read = replay::read(&[File { name: "own.har".into(), bytes: har.into_bytes() }]).unwrap();
    let target = replay::suppose(&read.heard, &Hints::default()).claiming(&["oauth-2.1", "rfc9068"].map(str::to_owned));
    let replayed = replay::recording(&catalogue, &target, &members, &read.heard);
    let court = Court::new(&catalogue, &replayed.recording);
    let (mut given, mut all) = (0, 0);
    for member in &members {
        let live = live[&name(&member.check, member.variant.as_deref(), member.caller.as_deref())];
        let found = court.judge(member);
        all += usize::from(says(live));
        given += usize::from(says(live) && says(found.verdict));
        let (check, said) = (&member.check, says(found.verdict));
        assert!(!said || found.verdict == live, "{check}: live {live:?}, recorded {found:?}");
        let walked = ["rfc6749/authorization-code-reusable", "rfc6749/state-altered"].contains(&check.as_str());
        assert!(!walked || found.verdict == live, "{check}: {found:?}");
    }
    // The rest is what masks do not tell: the inside of tokens, and how credentials were written.
    assert!(given * 100 >= all * 85, "{given} of {all}");
}
