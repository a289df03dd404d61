//! What a colour means; a sign and a word always say it too.

use crate::report::fold::Kind;
use crate::report::model::{Answer, Finding, Severity, VerdictKind};

/// How something ended, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    Bad,
    Unknown,
    Warning,
    Note,
    Waived,
    Good,
    Quiet,
}

impl Tone {
    /// Its class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Note => "note",
            Self::Waived => "waived",
            Self::Good => "good",
            Self::Quiet => "quiet",
        }
    }

    /// What stands for it where colours are not seen.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Bad => "✗",
            Self::Unknown => "?",
            Self::Warning => "!",
            Self::Note => "i",
            Self::Waived => "~",
            Self::Good => "✓",
            Self::Quiet => "–",
        }
    }

    /// The verdict in a word or two.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Bad => "error",
            Self::Unknown => "not testable",
            Self::Warning => "warning",
            Self::Note => "note",
            Self::Waived => "waived",
            Self::Good => "passed",
            Self::Quiet => "not tested",
        }
    }

    pub(super) fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::Error => Self::Bad,
            Kind::NotTestable => Self::Unknown,
            Kind::Warning => Self::Warning,
            Kind::Note => Self::Note,
        }
    }

    pub(super) fn of(finding: &Finding) -> Self {
        match (finding.verdict, finding.severity) {
            (VerdictKind::Violation, Severity::Error) => Self::Bad,
            (VerdictKind::Violation, Severity::Warning) => Self::Warning,
            (VerdictKind::Violation, Severity::Note) => Self::Note,
            (VerdictKind::NotTestable, _) => Self::Unknown,
            (VerdictKind::Waived, _) => Self::Waived,
            (VerdictKind::Pass, _) => Self::Good,
            (VerdictKind::NotApplicable | VerdictKind::LeftOut, _) => Self::Quiet,
        }
    }

    pub(super) fn of_answer(answer: &Answer) -> Self {
        match answer.answer.as_str() {
            "yes" => Self::Good,
            "no" => Self::Bad,
            _ => Self::Unknown,
        }
    }
}

/// Sign, verdict, and what it means for conformance.
pub(super) const LEGEND: [(Tone, &str, &str); 8] = [
    (
        Tone::Bad,
        "error",
        "A requirement (MUST, or the grammar of a document) is broken. The endpoint does not conform.",
    ),
    (
        Tone::Unknown,
        "not testable",
        "The answer proves nothing, or what had to work before did not. It counts against the endpoint until it can be asked.",
    ),
    (
        Tone::Warning,
        "warning",
        "A recommendation (SHOULD) is not followed, or a requirement whose breach has lawful reasons. It still conforms.",
    ),
    (Tone::Note, "note", "Worth knowing. It says nothing against conformance."),
    (Tone::Waived, "waived", "A violation that somebody answers for, with a reason and an end date."),
    (Tone::Good, "passed", "The flaw was looked for with a request of its own and was not there."),
    (
        Tone::Quiet,
        "not applicable",
        "The endpoint does not offer what the requirement speaks of, or nothing brought it about.",
    ),
    (Tone::Quiet, "left out", "Not sent, by the choice of whoever ran the test. Nothing is concluded."),
];
