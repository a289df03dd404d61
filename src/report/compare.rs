//! Two runs side by side: where verdicts, answers, tokens, certificates and times differ, and what that says. Pure.

mod diagnosis;
mod ending;
mod exchanges;
pub mod json;
mod text;

use indexmap::{IndexMap, IndexSet};

use super::facts;
use super::model::{Diagnosis, RunReport};

pub use ending::Ending;
pub use text::render;

/// One thing that is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What is compared: `rfc6749/x`, `header cache-control`, `token length`.
    pub what: String,
    /// On the left; `–` if it is not there.
    pub left: String,
    /// On the right.
    pub right: String,
    /// Exchanges that it is seen in; empty for verdicts and answers.
    pub seen_in: Vec<String>,
}

/// What two runs do not have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Names of the two targets; with their time where the target is one.
    pub names: [String; 2],
    /// Answers to the two questions.
    pub answers: Vec<Difference>,
    /// Findings, worst on either side first.
    pub verdicts: Vec<Difference>,
    /// Status, headers, members, tokens, lifetimes.
    pub exchanges: Vec<Difference>,
    /// Certificates and TLS versions.
    pub tls: Vec<Difference>,
    /// Median time to the head of the answer in milliseconds, over what both answered; `None` if that is nothing.
    pub times_ms: Option<[u64; 2]>,
    /// Exchanges that both answered.
    pub shared: usize,
    /// What the differences say together.
    pub diagnosis: Vec<Diagnosis>,
    /// What all of it comes to.
    pub ending: Ending,
}

impl Comparison {
    /// Whether nothing differs; times alone are no difference, since they never agree.
    #[must_use]
    pub fn is_alike(&self) -> bool {
        [&self.answers, &self.verdicts, &self.exchanges, &self.tls].iter().all(|list| list.is_empty())
    }
}

/// Compares two runs, the left one first.
#[must_use]
pub fn compare(left: &RunReport, right: &RunReport) -> Comparison {
    let (exchanges, shared) = exchanges::differing(left, right);
    let mut comparison = Comparison {
        names: names(left, right),
        answers: answers(left, right),
        verdicts: verdicts(left, right),
        exchanges,
        tls: exchanges::tls(left, right),
        times_ms: exchanges::times(left, right),
        shared,
        diagnosis: Vec::new(),
        ending: Ending::default(),
    };
    comparison.diagnosis = diagnosis::of(left, right, &comparison);
    comparison.ending = Ending::of(left, right, &comparison);
    comparison
}

fn names(left: &RunReport, right: &RunReport) -> [String; 2] {
    let name = |report: &RunReport| facts::line(facts::target(report, "name"));
    let (a, b) = (name(left), name(right));
    if a == b {
        let timed = |name: &str, report: &RunReport| format!("{name} at {}", facts::line(&report.started));
        return [timed(&a, left), timed(&b, right)];
    }
    [a, b]
}

fn answers(left: &RunReport, right: &RunReport) -> Vec<Difference> {
    let all = |report: &RunReport| -> IndexMap<String, String> {
        let conforms = report.answers.conforms.iter().map(|(to, answer)| (format!("conforms to {to}"), answer));
        let works = report.answers.works_for.iter().map(|(caller, answer)| (format!("works for {caller}"), answer));
        conforms.chain(works).map(|(what, answer)| (facts::line(&what), facts::line(&answer.answer))).collect()
    };
    differing(&all(left), &all(right))
}

/// By check, variant and caller. What one run did not look at at all is no difference of the endpoints.
fn verdicts(left: &RunReport, right: &RunReport) -> Vec<Difference> {
    let all = |report: &RunReport| -> IndexMap<String, String> {
        report.findings.iter().map(|finding| (facts::name(finding), facts::word(finding).to_owned())).collect()
    };
    let (a, b) = (all(left), all(right));
    let mut found: Vec<Difference> =
        differing(&a, &b).into_iter().filter(|one| a.contains_key(&one.what) && b.contains_key(&one.what)).collect();
    let rank = |word: &str| WORST.iter().position(|known| *known == word).unwrap_or(WORST.len());
    found.sort_by_key(|one| (rank(&one.left).min(rank(&one.right)), one.what.clone()));
    found
}

const WORST: [&str; 5] = ["error", "not testable", "warning", "waived", "note"];

/// What is nowhere.
const NOTHING: &str = "–";

fn differing(left: &IndexMap<String, String>, right: &IndexMap<String, String>) -> Vec<Difference> {
    let names: IndexSet<&String> = left.keys().chain(right.keys()).collect();
    let side =
        |map: &IndexMap<String, String>, name: &String| map.get(name).cloned().unwrap_or_else(|| NOTHING.to_owned());
    names
        .into_iter()
        .map(|name| Difference {
            what: name.clone(),
            left: side(left, name),
            right: side(right, name),
            seen_in: Vec::new(),
        })
        .filter(|one| one.left != one.right)
        .collect()
}

#[cfg(test)]
mod tests;
