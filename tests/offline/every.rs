//! Every fault: what a live run finds, recordings of it show too.

use std::sync::atomic::{AtomicUsize, Ordering};

use grantlint::judge::Verdict;
use grantlint::mutation::{self, Subject};
use grantlint::suite::Catalogue;

use super::lived::{By, Lived, Pair};
use super::{NEVER_TOLD, UNANSWERED, reason};

/// Faults whose server speaks TLS, below which nothing here records.
fn is_recordable(subject: &Subject) -> bool {
    !subject.lawful && subject.fault.settings.tls.is_none()
}

/// Where two requests of a server with a fault cannot be told from each other: fault, check, and why.
const ALIKE: [(&str, &str, &str); 5] = [
    (
        "rfc6749/code-without-login",
        "rfc6749/code-without-login",
        "where nobody ever gets a cookie, a session that is new looks like any other",
    ),
    (
        "rfc6749/refresh-token-characters",
        "oauth21/unproved-replay-revokes",
        "all refresh tokens are one text, and whose was used nobody can tell",
    ),
    ("rfc6749/refresh-token-characters", "rfc7009/access-token-survives-refresh-token", "the same"),
    ("rfc6749/refresh-token-empty", "oauth21/unproved-replay-revokes", "the same"),
    (
        "rfc7636/verifier-not-checked.any-challenge",
        "rfc7636/verifier-not-checked[another]",
        "a verifier that was told to nobody looks made up: it is the other variant of the same check that finds it",
    ),
];

/// That no recording of a server with this fault says anything else than the live run, and that what the live run finds is found again.
pub fn look_into(catalogue: &Catalogue, id: &str) {
    let subject = mutation::subjects(catalogue).unwrap().into_iter().find(|subject| subject.id == id).unwrap();
    let wrong = looked_into(catalogue, &subject);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn looked_into(catalogue: &Catalogue, subject: &Subject) -> Vec<String> {
    let lived = Lived::with(catalogue, std::slice::from_ref(&subject.fault));
    let mut wrong = Vec::new();
    for (way, pairs) in [
        ("a HAR", lived.in_har(By::Recording)),
        ("a HAR with the target file", lived.in_har(By::Owner)),
        ("captures of curl -i", lived.in_captures()),
    ] {
        let mut tell = |pair: &Pair, what: &str| {
            let Pair { check, live, recorded, .. } = pair;
            let said = format!("{:?} {}", recorded.verdict, recorded.message());
            wrong.push(format!("{}: {way}: {check} {what}: live {live:?}, recorded {said}", subject.id));
        };
        let told_apart =
            |pair: &&Pair| !ALIKE.iter().any(|(fault, check, _)| subject.id == *fault && pair.check == *check);
        for pair in pairs.iter().filter(told_apart).filter(|pair| !pair.agrees()) {
            tell(pair, "contradicts");
        }
        // A capture of one answer says nothing of its request; what the owner of the target knows says nothing of the server.
        let missed = |pair: &&Pair| pair.live == Verdict::Violation && pair.recorded.verdict != Verdict::Violation;
        // Who has the target file knows what only the owner knows, and has the keys.
        let unexplained = |pair: &&Pair| !reason(pair).is_some_and(|why| why == NEVER_TOLD || why == UNANSWERED);
        let whole = pairs.iter().filter(|_| way == "a HAR with the target file");
        for pair in whole.filter(told_apart).filter(missed).filter(unexplained) {
            tell(pair, "is missed");
        }
    }
    wrong
}

#[test]
#[ignore = "ten minutes of two cores in release: .ci/run asks for it"]
fn what_is_wrong_with_any_server_is_wrong_in_recordings_of_it() {
    let catalogue = grantlint::suite::embedded();
    let only = std::env::var("ONLY").unwrap_or_default();
    let all = mutation::subjects(&catalogue).unwrap();
    let named = |subject: &&Subject| only.is_empty() || only.split(',').any(|id| id == subject.id);
    let subjects: Vec<&Subject> = all.iter().filter(|subject| is_recordable(subject)).filter(named).collect();
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(subject) = subjects.get(next.fetch_add(1, Ordering::SeqCst)) {
            wrong.extend(looked_into(&catalogue, subject));
        }
        wrong
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    println!("{} servers with a fault each", subjects.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!only.is_empty() || subjects.len() > 550, "{}", subjects.len());
}
