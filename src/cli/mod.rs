//! The command line: one file for each command. The only place that prints.

mod args;
mod branding;
mod check;
mod colour;
mod compare;
mod completions;
mod coverage;
mod demo;
mod diagnose;
mod explain;
mod export;
mod failure;
mod gating;
mod init;
mod list;
mod man;
mod output;
mod person;
mod pipeline;
mod progress;
mod replay;
mod report;
mod report_args;
mod selftest;
mod send_args;
mod serve;
mod target_args;
mod values;
mod waiver;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command};

/// Runs the command of this process and answers its exit code (DESIGN section 4).
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    colour::choose(cli.color);
    // A panic is our bug, whatever the input was: it gets a code of its own and never looks like a verdict.
    let outcome = std::panic::catch_unwind(|| match &cli.command {
        Command::Check(args) => check::run(args),
        Command::Init(args) => init::run(args),
        Command::Report(args) => report::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Diagnose(args) => diagnose::run(args),
        Command::Serve(args) => serve::run(args),
        Command::List(args) => list::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Export(args) => export::run(args),
        Command::Waiver(args) => waiver::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Coverage(args) => coverage::run(args),
        Command::Selftest(args) => selftest::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    });
    let code = match outcome {
        Ok(Ok(code)) => code,
        Ok(Err(failure)) => {
            failure.print();
            failure.code
        }
        Err(_) => {
            output::tell(
                "\ngrantlint: internal error, please report it with the lines above and the command that was given",
            );
            70
        }
    };
    ExitCode::from(code)
}
