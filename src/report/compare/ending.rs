//! What a comparison comes to, and its exit code.

use super::Comparison;
use crate::report::model::RunReport;

/// What a comparison comes to. That nothing differs is said only where something was asked of both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ending {
    /// Nothing differs.
    #[default]
    Alike,
    /// Something differs.
    Differs,
    /// Nothing differs, but a side could not be tested.
    Untested,
    /// Nothing was asked of both.
    NothingShared,
    /// A run was interrupted.
    Interrupted,
}

impl Ending {
    pub(super) fn of(left: &RunReport, right: &RunReport, comparison: &Comparison) -> Self {
        let either = |is: fn(&RunReport) -> bool| is(left) || is(right);
        if either(|run| run.exit.code == 130) {
            Self::Interrupted
        } else if !comparison.is_alike() {
            Self::Differs
        } else if either(|run| !run.preflight.passed) {
            Self::Untested
        } else if comparison.shared == 0 {
            Self::NothingShared
        } else {
            Self::Alike
        }
    }

    /// The exit code: 0, 1, 3, 4 or 130, as of a run.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Alike => 0,
            Self::Differs => 1,
            Self::Untested => 3,
            Self::NothingShared => 4,
            Self::Interrupted => 130,
        }
    }

    /// The code in words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Alike => "nothing differs",
            Self::Differs => "they differ",
            Self::Untested => {
                "nothing that was seen differs, but not both could be tested: see what `grantlint check` says of each"
            }
            Self::NothingShared => "nothing was asked of both: give runs of the same suite",
            Self::Interrupted => "interrupted; what had finished is compared",
        }
    }
}
