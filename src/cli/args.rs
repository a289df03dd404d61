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
use super::output::Output;
use super::replay::ReplayArgs;
use super::target_args::TargetArgs;
use super::values::{Part, Spot};
use crate::report::html::logo::Logo;
use crate::report::junit::WarningsAs;
use crate::report::model::FailOn;

/// Checks running OAuth endpoints: plays the client, sends the requests that matter, judges the answers.
#[derive(Debug, Parser)]
#[command(name = "grantlint", version, propagate_version = true, disable_help_subcommand = true, max_term_width = 110)]
#[command(disable_help_flag = true, disable_version_flag = true, after_help = EXIT_CODES)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    /// Colours; auto goes by the terminal, NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Colour,
    /// Print help
    #[arg(short, long, global = true, action = ArgAction::HelpShort)]
    pub(super) help: Option<bool>,
    /// Print version
    #[arg(short = 'V', long, global = true, action = ArgAction::Version)]
    pub(super) version: Option<bool>,
}

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
    /// Start the reference server on a free loopback port, check it, and show what a faulty run looks like
    Demo(DemoArgs),
    /// Write a commented target file for a start
    Init(InitArgs),
    /// Check live targets of a target file, or the endpoint named by flags
    Check(Box<CheckArgs>),
    /// Write saved runs again in other formats, and put the parts of a divided run together
    Report(ReportAgainArgs),
    /// Show where two targets, or two saved runs, differ
    Compare(Box<CompareArgs>),
    /// Write the ordinary requests of a target for curl, Postman or a `.http` file
    Export(Box<ExportArgs>),
    /// Judge what somebody else recorded (HAR, `curl -i`, raw HTTP, a token response), or a saved run; sends nothing
    Replay(Box<ReplayArgs>),
    /// Say what an error message means, or what a saved run says as a whole: causes, checks that decide, what to ask
    Diagnose(DiagnoseArgs),
    /// Show one check: requirement, what is sent, what is accepted, why, how to fix it
    Explain(ExplainArgs),
    /// List checks, suites, exchanges, faults or the reference server's rules
    List(ListArgs),
    /// Start the reference authorization server, conforming or with faults
    Serve(ServeArgs),
    /// Show which requirement is decided by which check
    Coverage(CoverageArgs),
    /// Run every fault against its check: the proof that each check can fail
    Selftest(SelftestArgs),
    /// Print a script that completes commands and flags in your shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command
    Man(ManArgs),
}

/// `check`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    /// Only part I of N of the checks; `grantlint report` joins the parts
    #[arg(long, value_name = "I/N", help_heading = "What is checked")]
    pub(super) shard: Option<Part>,
    #[command(flatten)]
    pub(super) sending: SendArgs,
    #[command(flatten)]
    pub(super) report: ReportArgs,
}

/// `report`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
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
    /// Only checks whose id fits (`*` within a segment, `**` across); may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub(super) only: Vec<String>,
    /// No checks whose id fits; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub(super) skip: Vec<String>,
    /// Folder with checks, exchanges and suites of your own
    #[arg(long, value_name = "DIR")]
    pub(super) specs: Option<PathBuf>,
}

/// How it is sent.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How it is sent")]
pub(super) struct SendArgs {
    /// Send only what a real client sends every day: nothing that may lock, revoke, load or leak
    #[arg(long)]
    pub(super) safe: bool,
    /// Print what would be sent, masked, and send nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Requests under way at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) concurrency: u16,
    /// Most requests per second; by default no limit
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) rate: Option<u16>,
    /// Longest wait that a check may ask for, such as 90s or 1h; those that wait longer are left out
    #[arg(long, value_name = "TIME", default_value = "0s")]
    pub(super) patience: String,
    /// Longest time for one exchange, such as 30s
    #[arg(long, value_name = "TIME")]
    pub(super) timeout: Option<String>,
    /// Log in with a browser of your own: shows each address, takes the redirect
    #[arg(long, conflicts_with_all = ["browser", "webdriver"])]
    pub(super) interactive: bool,
    /// Log in with Chromium, for pages that need JavaScript; takes the chromedriver on the PATH
    #[arg(long)]
    pub(super) browser: bool,
    /// The same with a ChromeDriver that runs already, such as http://127.0.0.1:9515
    #[arg(long, value_name = "URL")]
    pub(super) webdriver: Option<String>,
    /// HTTP proxy
    #[arg(long, value_name = "URL")]
    pub(super) proxy: Option<String>,
    /// File with certificates to trust besides the system's
    #[arg(long, value_name = "FILE")]
    pub(super) cacert: Option<PathBuf>,
    /// Connect to ADDRESS for HOST and PORT, as curl does; may be repeated
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    pub(super) resolve: Vec<String>,
}

impl SendArgs {
    /// For commands that send little and plan all.
    pub(super) fn sparing() -> Self {
        Self {
            safe: false,
            dry_run: false,
            concurrency: 1,
            rate: None,
            patience: "0s".to_owned(),
            timeout: None,
            interactive: false,
            browser: false,
            webdriver: None,
            proxy: None,
            cacert: None,
            resolve: Vec::new(),
        }
    }
}

/// How it is reported.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "How it is reported")]
pub(super) struct ReportArgs {
    /// Write a report: console, junit, json, sarif, github, gitlab, markdown, har, html or html-dir; without PATH to standard output; may be repeated
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]")]
    pub(super) outputs: Vec<Output>,
    /// Exit with 1 from this level on
    #[arg(long, value_name = "LEVEL")]
    pub(super) fail_on: Option<Gate>,
    /// File of waivers: violations accepted with a reason until a day
    #[arg(long, value_name = "FILE")]
    pub(super) waivers: Option<PathBuf>,
    /// Exit with 1 if a waiver is stale or has ended
    #[arg(long)]
    pub(super) fail_on_stale: bool,
    /// Saved run whose violations are known: only new ones fail this run
    #[arg(long, value_name = "RUN.json")]
    pub(super) baseline: Option<PathBuf>,
    /// Exit with 0 also where violations would make it 1
    #[arg(long)]
    pub(super) exit_zero: bool,
    /// Where findings point to, instead of lines of the target file
    #[arg(long, value_name = "PATH[:LINE]")]
    pub(super) location: Option<Spot>,
    /// How JUnit shows warnings
    #[arg(long, value_name = "AS", default_value = "skipped")]
    pub(super) junit_warnings: JUnitWarnings,
    /// Heading of the HTML report
    #[arg(long, value_name = "TEXT")]
    pub(super) title: Option<String>,
    /// For whom the HTML report is made
    #[arg(long, value_name = "NAME")]
    pub(super) customer: Option<String>,
    /// PNG, JPEG or SVG for the head of the HTML report
    #[arg(long, value_name = "FILE", value_parser = super::branding::logo)]
    pub(super) logo: Option<Logo>,
    /// Show passes and every exchange too; twice: say on standard error what is being sent
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
    /// What to list
    #[arg(value_name = "WHAT", default_value = "checks")]
    pub(super) what: Listed,
    /// How many logins, authorizations and other requests each suite needs at most
    #[arg(long, conflicts_with = "what")]
    pub(super) requests: bool,
    /// Count for the targets of this file; without it, for one that has everything
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
    /// Only faults and variations whose id fits (`*` within a segment, `**` across); may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub(super) only: Vec<String>,
    /// Folder with checks, exchanges and suites of your own
    #[arg(long, value_name = "DIR")]
    pub(super) specs: Option<PathBuf>,
    /// Folder with faults and variations, instead of the embedded ones
    #[arg(long, value_name = "DIR")]
    pub(super) fixtures: Option<PathBuf>,
}
