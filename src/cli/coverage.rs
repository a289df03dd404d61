//! `grantlint coverage`: which requirement is decided by which check. Works offline.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::{output, pipeline};
use crate::report::coverage::{self, By};
use crate::suite::ledger::Ledger;

/// `coverage`.
#[derive(Debug, Args)]
pub(super) struct CoverageArgs {
    /// Lines of the matrix: document (default), section, level or party
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "document",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(super) by: CoverageBy,
    /// Form of the answer
    ///
    /// JSON and Markdown have every row.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: CoverageFormat,
    /// Folder with checks, exchanges and suites of your own
    #[arg(long, value_name = "DIR")]
    pub(super) specs: Option<PathBuf>,
}

/// `coverage --by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CoverageBy {
    /// A line for each document.
    Document,
    /// A line for each section.
    Section,
    /// A line for each level.
    Level,
    /// A line for each party.
    Party,
}

impl From<CoverageBy> for By {
    fn from(by: CoverageBy) -> Self {
        match by {
            CoverageBy::Document => Self::Document,
            CoverageBy::Section => Self::Section,
            CoverageBy::Level => Self::Level,
            CoverageBy::Party => Self::Party,
        }
    }
}

/// `coverage --format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CoverageFormat {
    /// The matrix and what is open.
    Text,
    /// Every row.
    Json,
    /// The matrix and every row.
    Markdown,
}

pub(super) fn run(args: &CoverageArgs) -> Result<u8, Failure> {
    let catalogue = pipeline::catalogue(args.specs.as_deref())?;
    let ledger = Ledger::of(catalogue).map_err(Failure::internal)?;
    output::print(&match args.format {
        CoverageFormat::Text => coverage::text(&ledger, By::from(args.by)),
        CoverageFormat::Json => format!("{:#}\n", coverage::json(&ledger)),
        CoverageFormat::Markdown => coverage::markdown(&ledger),
    })?;
    Ok(0)
}
