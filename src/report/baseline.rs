//! A baseline: a saved run whose violations are known, so that only new ones fail a run (guide 2.6).
//!
//! Pure. Violations are told apart by target, check, variant, caller and severity, never by text.

use std::collections::HashSet;

use super::conclude;
use super::model::{Finding, RunReport, Severity, VerdictKind};

/// What was violated before.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    targets: HashSet<String>,
    known: HashSet<Key>,
}

/// Target, check, variant, caller, severity.
type Key = (String, String, Option<String>, Option<String>, Severity);

impl Baseline {
    /// Takes the violations of these runs as known. What was waived is not: when its waiver ends, it is new.
    #[must_use]
    pub fn new(runs: &[RunReport]) -> Self {
        let mut baseline = Self::default();
        for run in runs {
            baseline.targets.insert(target(run));
            let violations = run.findings.iter().filter(|finding| finding.verdict == VerdictKind::Violation);
            baseline.known.extend(violations.map(|finding| key(run, finding)));
        }
        baseline
    }

    /// Whether it has a run of the report's target; without one every violation is new.
    #[must_use]
    pub fn has(&self, report: &RunReport) -> bool {
        self.targets.contains(&target(report))
    }

    /// Marks each violation as `known` or `new`, and concludes the run anew.
    pub fn apply(&self, report: &mut RunReport) {
        let marks: Vec<bool> =
            report.findings.iter().map(|finding| self.known.contains(&key(report, finding))).collect();
        for (finding, known) in report.findings.iter_mut().zip(marks) {
            let word = if known { "known" } else { "new" };
            finding.baseline = (finding.verdict == VerdictKind::Violation).then(|| word.to_owned());
        }
        conclude::decide(report);
    }
}

fn target(report: &RunReport) -> String {
    report.target.get("name").and_then(|name| name.as_str()).unwrap_or_default().to_owned()
}

fn key(report: &RunReport, finding: &Finding) -> Key {
    (target(report), finding.check.clone(), finding.variant.clone(), finding.caller.clone(), finding.severity)
}
