//! Flags for how a run is reported, and what fails it.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use super::output::Output;
use super::values::Spot;
use crate::report::html::logo::Logo;
use crate::report::junit::WarningsAs;
use crate::report::model::FailOn;

/// How it is reported.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "How it is reported")]
pub(super) struct ReportArgs {
    /// Write a report (console, html, junit, json, …); may be repeated
    ///
    /// Formats: console, junit, json, sarif, github, gitlab, markdown, har, html and html-dir. Without PATH it goes to standard output;
    /// without any, that is the console report.
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]")]
    pub(super) outputs: Vec<Output>,
    /// Exit with 1 from this level on: must (default), should, may, never
    #[arg(long, value_name = "LEVEL", hide_possible_values = true)]
    pub(super) fail_on: Option<Gate>,
    /// File of waivers: violations accepted with a reason until a day
    #[arg(long, value_name = "FILE")]
    pub(super) waivers: Option<PathBuf>,
    /// Judge as if there were no waivers
    ///
    /// Waivers that stand in a saved run are lifted too. The report says so.
    #[arg(long, hide_short_help = true)]
    pub(super) no_waivers: bool,
    /// Exit with 1 if a waiver is stale or has ended
    #[arg(long, hide_short_help = true)]
    pub(super) fail_on_stale: bool,
    /// Saved run whose violations are known: only new ones fail this run
    #[arg(long, value_name = "RUN.json")]
    pub(super) baseline: Option<PathBuf>,
    /// Exit with 0 also where violations would make it 1
    #[arg(long, hide_short_help = true)]
    pub(super) exit_zero: bool,
    /// Where findings point to, instead of lines of the target file
    #[arg(long, hide_short_help = true, value_name = "PATH[:LINE]")]
    pub(super) location: Option<Spot>,
    /// How JUnit shows warnings
    #[arg(long, hide_short_help = true, value_name = "AS", default_value = "skipped")]
    pub(super) junit_warnings: JUnitWarnings,
    /// Heading of the HTML report
    #[arg(long, hide_short_help = true, value_name = "TEXT")]
    pub(super) title: Option<String>,
    /// For whom the HTML report is made
    #[arg(long, hide_short_help = true, value_name = "NAME")]
    pub(super) customer: Option<String>,
    /// PNG, JPEG or SVG for the head of the HTML report
    #[arg(long, hide_short_help = true, value_name = "FILE", value_parser = super::branding::logo)]
    pub(super) logo: Option<Logo>,
    /// Show passes and every exchange too; twice: say what is being sent
    #[arg(short, long, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Show the answers, one line for each failure, and the exit code only
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Gate {
    /// Broken MUSTs.
    #[default]
    Must,
    /// Broken SHOULDs too.
    Should,
    /// Notes too.
    May,
    /// Nothing.
    Never,
}

impl From<Gate> for FailOn {
    fn from(gate: Gate) -> Self {
        match gate {
            Gate::Must => Self::Must,
            Gate::Should => Self::Should,
            Gate::May => Self::May,
            Gate::Never => Self::Never,
        }
    }
}

/// `--junit-warnings`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum JUnitWarnings {
    /// Passed cases with output.
    Pass,
    /// Skipped cases with their text.
    #[default]
    Skipped,
    /// Failures.
    Failure,
}

impl From<JUnitWarnings> for WarningsAs {
    fn from(warnings: JUnitWarnings) -> Self {
        match warnings {
            JUnitWarnings::Pass => Self::Pass,
            JUnitWarnings::Skipped => Self::Skipped,
            JUnitWarnings::Failure => Self::Failure,
        }
    }
}
