//! `grantlint coverage`: which requirement is decided by which check. Works offline.

use super::args::{CoverageArgs, CoverageFormat};
use super::failure::Failure;
use super::{output, pipeline};
use crate::report::coverage::{self, By};
use crate::suite::ledger::Ledger;

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
