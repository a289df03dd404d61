//! Arguments.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::colour::Colour;
use super::compare::CompareArgs;
use super::completions::CompletionsArgs;
use super::coverage::CoverageArgs;
use super::diagnose::DiagnoseArgs;
use super::export::ExportArgs;
use super::init::InitArgs;
use super::man::ManArgs;
use super::replay::ReplayArgs;
use super::report_args::ReportArgs;
use super::send_args::SendArgs;
use super::target_args::TargetArgs;
use super::values::Part;
use super::waiver::WaiverArgs;

/// Checks running OAuth endpoints: plays the client, sends the requests that matter, judges the answers.
#[derive(Debug, Parser)]
#[command(name = "grantlint", version, propagate_version = true, disable_help_subcommand = true, max_term_width = 100)]
#[command(disable_help_flag = true, disable_version_flag = true, after_help = CODES_IN_SHORT, after_long_help = EXIT_CODES)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    /// Colours
    ///
    /// `auto` goes by the terminal, NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_short_help = true)]
    pub(super) color: Colour,
    /// Print help: -h what is used every day, --help everything
    #[arg(short, long, global = true, action = ArgAction::Help)]
    pub(super) help: Option<bool>,
    /// Print version
    #[arg(short = 'V', long, global = true, action = ArgAction::Version)]
    pub(super) version: Option<bool>,
}

pub(super) const CODES_IN_SHORT: &str =
    "Exit codes: 0 all right, 1 violation, 2 usage, 3 not testable, 4 nothing applies, 5 not written";

pub(super) const CODES_OF_FILES: &str =
    "Exit codes: 0 all right, 2 usage or file error; nothing was changed, 5 the file could not be written";

pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  all right                         4  nothing selected, or nothing applies
  1  violation at or above --fail-on   5  a report could not be written
  2  usage or file error; nothing was  70  internal error
     sent                              130  interrupted; what had finished is
  3  not everything could be tested         reported";

/// Commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check the reference server: a sound run and a faulty one, with no setup
    ///
    /// It is started on a free port of this machine. Ends with 0 if both runs came out as they must.
    Demo(DemoArgs),
    /// Write a commented target file for a start
    Init(InitArgs),
    /// Check live targets of a target file, or the endpoint named by flags
    Check(Box<CheckArgs>),
    /// Write saved runs in other formats, and put the parts of a divided run together
    Report(ReportAgainArgs),
    /// Show where two targets, or two saved runs, differ
    Compare(Box<CompareArgs>),
    /// Write the ordinary requests of a target for curl, Postman or a `.http` file
    Export(Box<ExportArgs>),
    /// Judge a recording (HAR, `curl -i`, raw HTTP, JSON) or a saved run; sends nothing
    Replay(Box<ReplayArgs>),
    /// Say what an error message means, or what a saved run says as a whole
    ///
    /// Causes in order of likelihood, the checks that decide, and what to ask.
    Diagnose(DiagnoseArgs),
    /// Show one check: requirement, what is sent and accepted, why, how to fix it
    Explain(ExplainArgs),
    /// List checks, suites, exchanges, faults or the reference server's rules
    List(ListArgs),
    /// Start the reference authorization server, conforming or with faults
    Serve(ServeArgs),
    /// Show which requirement is decided by which check
    Coverage(CoverageArgs),
    /// Add a waiver to a waiver file, or list what stands in one
    Waiver(WaiverArgs),
    /// Run every fault against its check: the proof that each check can fail
    Selftest(SelftestArgs),
    /// Print a script that completes commands and flags in your shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command
    Man(ManArgs),
}

/// `check`.
#[derive(Debug, Args)]
#[command(after_help = CODES_IN_SHORT, after_long_help = EXIT_CODES)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    /// Only part I of N of the checks; `grantlint report` joins the parts
    #[arg(long, value_name = "I/N", help_heading = "What is checked", hide_short_help = true)]
    pub(super) shard: Option<Part>,
    #[command(flatten)]
    pub(super) sending: SendArgs,
    #[command(flatten)]
    pub(super) report: ReportArgs,
}

/// `report`.
#[derive(Debug, Args)]
#[command(after_help = CODES_IN_SHORT, after_long_help = EXIT_CODES)]
pub(super) struct ReportAgainArgs {
    /// Saved runs (`check -o json=RUN.json`); `-` is standard input
    #[arg(value_name = "RUN.json", required = true)]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) report: ReportArgs,
}

/// What is checked.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What is checked")]
pub(super) struct SelectArgs {
    /// Suite to run instead of the target's own; may be repeated
    #[arg(long = "suite", value_name = "NAME")]
    pub(super) suites: Vec<String>,
    /// Only checks whose id fits, such as 'rfc6749/**'; may be repeated
    ///
    /// `*` is within a segment, `**` across segments.
    #[arg(long, value_name = "PATTERN")]
    pub(super) only: Vec<String>,
    /// No checks whose id fits; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub(super) skip: Vec<String>,
    /// Folder with checks, exchanges and suites of your own
    #[arg(long, value_name = "DIR")]
    pub(super) specs: Option<PathBuf>,
}

/// `demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    pub(super) report: ReportArgs,
}

/// `serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(super) port: u16,
    /// Fault to show (`grantlint list faults`); may be repeated
    #[arg(long = "fault", value_name = "ID")]
    pub(super) faults: Vec<String>,
    /// Lawful dialect to speak (`grantlint list variations`); may be repeated
    #[arg(long = "variation", value_name = "ID")]
    pub(super) variations: Vec<String>,
    /// Characters of every access token
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(16..=100_000))]
    pub(super) token_length: Option<u32>,
    /// Milliseconds that every answer is held back
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(super) latency: u64,
}

/// `list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// checks (default), suites, exchanges, faults, variations or rules
    #[arg(value_name = "WHAT", default_value = "checks", hide_possible_values = true, hide_default_value = true)]
    pub(super) what: Listed,
    /// Count logins, authorizations and requests of each suite
    ///
    /// As many as it needs at most.
    #[arg(long, conflicts_with = "what")]
    pub(super) requests: bool,
    /// Count for the targets of this file
    ///
    /// Without it, for a target that has everything.
    #[arg(long, value_name = "FILE", requires = "requests")]
    pub(super) config: Option<PathBuf>,
    /// Take a target file with secrets in it
    #[arg(long, requires = "config")]
    pub(super) allow_literal_secrets: bool,
    /// Count what `check --safe` sends
    #[arg(long, requires = "requests")]
    pub(super) safe: bool,
    /// Count what `check --patience` sends, such as 90s or 1h
    #[arg(long, value_name = "TIME", default_value = "0s", requires = "requests")]
    pub(super) patience: String,
    #[command(flatten)]
    pub(super) select: SelectArgs,
}

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Listed {
    /// Checks with level and title.
    Checks,
    /// Suites with their callers.
    Suites,
    /// Exchanges with endpoint and risk.
    Exchanges,
    /// Faults of the reference server.
    Faults,
    /// Lawful dialects of the reference server.
    Variations,
    /// Rules that the reference server keeps, and choices it can make.
    Rules,
}

/// `explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Id of the check, for example rfc6749/token-type-missing
    #[arg(value_name = "CHECK")]
    pub(super) check: String,
    /// Folder with checks, exchanges and suites of your own
    #[arg(long, value_name = "DIR")]
    pub(super) specs: Option<PathBuf>,
}

/// `selftest`.
#[derive(Debug, Args)]
pub(super) struct SelftestArgs {
    /// Every fault against every check, instead of its own
    #[arg(long)]
    pub(super) full: bool,
    /// Print the whole kill matrix
    #[arg(long)]
    pub(super) matrix: bool,
    /// Only faults and variations whose id fits; may be repeated
    ///
    /// `*` is within a segment, `**` across segments.
    #[arg(long, value_name = "PATTERN")]
    pub(super) only: Vec<String>,
    /// Folder with checks, exchanges and suites of your own
    #[arg(long, value_name = "DIR")]
    pub(super) specs: Option<PathBuf>,
    /// Folder with faults and variations, instead of the embedded ones
    #[arg(long, value_name = "DIR")]
    pub(super) fixtures: Option<PathBuf>,
}
