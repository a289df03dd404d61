//! What the differences say together.

use serde_json::Value;

use super::exchanges::shared;
use super::{Comparison, Difference};
use crate::report::facts;
use crate::report::model::{Diagnosis, RunReport};

/// Most likely first; empty if the differences have no common cause that is known.
pub(super) fn of(left: &RunReport, right: &RunReport, comparison: &Comparison) -> Vec<Diagnosis> {
    let mut all = Vec::new();
    let pairs: Vec<(&Value, &Value)> = shared(left, right).map(|(_, a, b)| (a, b)).collect();
    let [left_name, right_name] = &comparison.names;
    let refused: Vec<String> = shared(left, right)
        .filter(|(_, a, b)| is_refused_client(a) != is_refused_client(b))
        .map(|(key, ..)| facts::line(key))
        .collect();
    let elsewhere = |one: &Difference| one.seen_in.iter().any(|key| !refused.contains(key));
    let elsewhere = comparison.exchanges.iter().any(elsewhere);
    for (name, other, turned) in [(right_name, left_name, false), (left_name, right_name, true)] {
        let sides: Vec<(&Value, &Value)> =
            pairs.iter().map(|(a, b)| if turned { (*b, *a) } else { (*a, *b) }).collect();
        all.extend(unreachable(&sides, name, other));
        all.extend(authentication(&sides, name, other, elsewhere));
    }
    let checks: Vec<String> = comparison.verdicts.iter().map(check_of).collect();
    all.iter_mut().for_each(|diagnosis| diagnosis.checks.clone_from(&checks));
    all
}

fn check_of(difference: &Difference) -> String {
    difference.what.split(' ').next().unwrap_or_default().to_owned()
}

/// `works` and `refuses` in each pair: only authentication differs if one side issues tokens where the other refuses the client,
/// and everything that sends no configured secret ends alike.
///
/// `elsewhere`: other answers differ too, in something that is no refusal.
fn authentication(pairs: &[(&Value, &Value)], refusing: &str, working: &str, elsewhere: bool) -> Option<Diagnosis> {
    let what = if elsewhere { "Client authentication differs" } else { "Only authentication differs" };
    let (with, without): (Vec<_>, Vec<_>) = pairs.iter().partition(|(works, _)| sends_secret(works));
    let refused: Vec<&(&Value, &Value)> =
        with.iter().filter(|(works, refuses)| works["answer"] == "token" && is_refused_client(refuses)).collect();
    let turned = |(works, refuses): &&(&Value, &Value)| is_refused_client(works) && refuses["answer"] == "token";
    let ends = |one: &Value| (one["outcome"].clone(), one["answer"].clone(), one["response"]["status"].clone());
    // What takes a token is answered otherwise on a side that issues none.
    let alike = |(works, refuses): &&(&Value, &Value)| ends(works) == ends(refuses);
    if refused.is_empty() || with.iter().any(|pair| turned(&pair)) || !without.iter().all(|pair| alike(&pair)) {
        return None;
    }
    let all = with.iter().filter(|(works, _)| works["answer"] == "token").count() == refused.len();
    let odd = refused.iter().any(|(_, refuses)| {
        let facts = &refuses["request"]["authorization"];
        ["alphabet", "encoding"].iter().any(|name| facts[*name].as_str().is_some_and(|word| word != "either"))
    });
    let next = if odd && !all {
        format!(
            "Have the client secret of {refusing} regenerated, of letters and digits only: the present one has characters that encodings of the Basic header write differently, and {refusing} takes one of them only."
        )
    } else {
        format!(
            "Have the client secret of {refusing} regenerated, enter the new one, and look whether `client_id` is the one that {refusing} knows."
        )
    };
    let rest = if without.is_empty() { "nothing else was asked of both" } else { "what needs no secret ends alike" };
    let says = if all {
        format!("{what}: {refusing} refuses the client wherever {working} issues a token, and {rest}.")
    } else {
        format!("{what}: {refusing} refuses some ways to send the client's secret that {working} takes, and {rest}.")
    };
    Some(Diagnosis { says: facts::line(&says), next: facts::line(&next), checks: Vec::new() })
}

/// A configured secret goes out: in a Basic pair, or masked in the body.
fn sends_secret(document: &Value) -> bool {
    let request = &document["request"];
    request["authorization"]["secret"].is_string()
        || request["params"]["client_secret"].as_str().is_some_and(|text| text.starts_with("***"))
        || request["jwt"].is_object()
}

fn is_refused_client(document: &Value) -> bool {
    let response = &document["response"];
    response["json"]["error"] == "invalid_client" || response["status"] == 401
}

fn unreachable(pairs: &[(&Value, &Value)], name: &str, other: &str) -> Option<Diagnosis> {
    let lost = |(a, b): &&(&Value, &Value)| {
        a["outcome"] == "answered" && NO_WAY.contains(&b["outcome"].as_str().unwrap_or_default())
    };
    (!pairs.is_empty() && pairs.iter().all(|pair| lost(&pair))).then(|| Diagnosis {
        says: facts::line(&format!("{name} cannot be reached from here, and {other} can.")),
        next: facts::line(&format!(
            "Look at the address of {name}, at firewalls and at its certificate before anything else."
        )),
        checks: Vec::new(),
    })
}

const NO_WAY: [&str; 4] = ["refused", "unresolved", "tls_failed", "timed_out"];
