//! `grantlint compare LEFT [RIGHT]`: two targets, or two saved runs, side by side.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::args::SelectArgs;
use super::failure::Failure;
use super::gating::{self, Gating};
use super::progress::Shown;
use super::send_args::SendArgs;
use super::{output, pipeline};
use crate::report::compare;
use crate::report::model::RunReport;
use crate::target::{self, Reading};

/// `compare`.
#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub(super) struct CompareArgs {
    /// Saved run (a file), or target of the target file
    #[arg(value_name = "LEFT")]
    pub(super) left: String,
    /// The same; without it, LEFT is a file with two runs
    #[arg(value_name = "RIGHT")]
    pub(super) right: Option<String>,
    /// Target file
    #[arg(long, value_name = "FILE", default_value = "grantlint.yaml")]
    pub(super) config: PathBuf,
    /// Take a target file with secrets in it
    #[arg(long)]
    pub(super) allow_literal_secrets: bool,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) sending: SendArgs,
}

const CODES: &str = "\
Exit codes:
  0  nothing differs (times aside)     2  usage or file error
  1  something differs";

pub(super) fn run(args: &CompareArgs) -> Result<u8, Failure> {
    if args.sending.dry_run {
        let help = "see `grantlint check TARGET --dry-run` for what is sent to each".to_owned();
        return Err(Failure::usage("compare has no --dry-run", help));
    }
    let mut runs: Vec<RunReport> = Vec::new();
    let sides: Vec<&String> = std::iter::once(&args.left).chain(&args.right).collect();
    if args.right.as_ref() == Some(&args.left) {
        return Err(Failure::usage("both sides are the same", "name two targets or two saved runs".to_owned()));
    }
    for side in &sides {
        runs.extend(if is_file(side) { gating::runs(Path::new(side))? } else { vec![live(args, side)?] });
    }
    let [left, right] = runs.as_slice() else {
        let help = "give two files with one run each, or one file with two".to_owned();
        return Err(Failure::usage(format!("two runs can be compared, and these are {}", runs.len()), help));
    };
    let comparison = compare::compare(left, right);
    output::print(&compare::render(&comparison, WIDTH))?;
    Ok(u8::from(!comparison.is_alike()))
}

/// Columns of the text.
const WIDTH: usize = 100;

fn is_file(side: &str) -> bool {
    side == "-" || Path::new(side).is_file() || side.ends_with(".json")
}

/// A run of a target, now.
fn live(args: &CompareArgs, name: &str) -> Result<RunReport, Failure> {
    let catalogue = pipeline::catalogue(args.select.specs.as_deref())?;
    let reading = Reading { allow_literal_secrets: args.allow_literal_secrets, ..Reading::default() };
    let mut targets = target::read(&args.config, &[name.to_owned()], reading)?;
    let Some(mut target) = targets.pop() else {
        return Err(Failure::usage(format!("no target is called `{name}`"), None));
    };
    super::target_args::lay_over(&mut target, &args.sending)?;
    let wanted = pipeline::wanted(catalogue, &args.select, &pipeline::suites_of(catalogue, &target))?;
    let planned = pipeline::planned(catalogue, &target, wanted, &args.sending, None)?;
    let shown = Arc::new(Shown::new(name, false, false));
    let settings = pipeline::settings(&args.sending, shown.clone())?;
    let report = pipeline::runtime()?.block_on(async {
        let (own, found) = planned.discovered(&args.select, &args.sending, &settings).await?.unzip();
        let planned = own.as_ref().unwrap_or(&planned);
        planned.report(found.unwrap_or_default(), &settings, &Gating::default(), pipeline::asked_to_stop()).await
    });
    shown.done();
    report
}
