//! `grantlint compare LEFT [RIGHT]`: two targets, or two saved runs, side by side.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;

use super::args::SelectArgs;
use super::failure::Failure;
use super::gating::{self, Gating};
use super::progress::Shown;
use super::send_args::SendArgs;
use super::{output, pipeline};
use crate::report::model::RunReport;
use crate::report::{compare, write};
use crate::target::{self, Reading};
use crate::yaml;

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
    /// Write the comparison as text or json; may be repeated
    ///
    /// Without PATH it goes to standard output; without any, that is the text.
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]")]
    pub(super) outputs: Vec<Output>,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) sending: SendArgs,
}

/// One `--output`.
#[derive(Debug, Clone)]
pub(super) struct Output {
    json: bool,
    /// `None` is standard output.
    path: Option<PathBuf>,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').map_or((text, None), |(name, path)| (name, Some(path)));
        if !["text", "json"].contains(&name) {
            let help = yaml::did_you_mean(name, &["text", "json"]).unwrap_or_else(|| "text or json".to_owned());
            return Err(format!("a comparison has no format `{name}`: {help}"));
        }
        if path == Some("") {
            return Err(format!("no path behind `{name}=`"));
        }
        Ok(Self { json: name == "json", path: path.filter(|path| *path != "-").map(PathBuf::from) })
    }
}

const CODES: &str = "\
Exit codes:
  0  nothing differs (times aside)       4  nothing was asked of both
  1  something differs                   5  the comparison could not be written
  2  usage or file error                 70  internal error
  3  nothing that was seen differs, but  130  interrupted; what had finished
     a side could not be tested               is compared";

pub(super) fn run(args: &CompareArgs) -> Result<u8, Failure> {
    if args.sending.dry_run {
        let help = "see `grantlint check TARGET --dry-run` for what is sent to each".to_owned();
        return Err(Failure::usage("compare has no --dry-run", help));
    }
    if args.outputs.iter().filter(|output| output.path.is_none()).count() > 1 {
        let help = "give all but one a path, as in `-o json=comparison.json`".to_owned();
        return Err(Failure::usage("two outputs would share standard output", help));
    }
    for path in args.outputs.iter().filter_map(|output| output.path.as_deref()) {
        output::has_directory(path)?;
        write::may_write(path)?;
    }
    let mut runs: Vec<RunReport> = Vec::new();
    let sides: Vec<&String> = std::iter::once(&args.left).chain(&args.right).collect();
    if args.right.as_ref() == Some(&args.left) {
        return Err(Failure::usage("both sides are the same", "name two targets or two saved runs".to_owned()));
    }
    if let Some(side) = sides.iter().find(|side| !is_file(side) && !args.config.exists()) {
        let help = "give two saved runs (`check -o json=RUN.json`), or name the target file with --config".to_owned();
        let message = format!("`{side}` is no file, and there is no target file `{}`", args.config.display());
        return Err(Failure::usage(message, help));
    }
    for side in &sides {
        runs.extend(if is_file(side) { gating::runs(Path::new(side))? } else { vec![live(args, side)?] });
    }
    let [left, right] = runs.as_slice() else {
        let help = "give two files with one run each, or one file with two".to_owned();
        return Err(Failure::usage(format!("two runs can be compared, and these are {}", runs.len()), help));
    };
    let comparison = compare::compare(left, right);
    let rendered = |json: bool| {
        if json { compare::json::render(&comparison, left, right) } else { compare::render(&comparison, WIDTH) }
    };
    let mut failure = None;
    for output in &args.outputs {
        if let Some(path) = &output.path
            && let Err(error) = write::write(path, rendered(output.json).as_bytes())
        {
            failure = failure.or(Some(Failure::from(error)));
        }
    }
    let printed = args.outputs.iter().find(|output| output.path.is_none()).map(|output| output.json);
    output::print(&rendered(printed.unwrap_or(false)))?;
    failure.map_or(Ok(comparison.ending.code()), Err)
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
    let gate = Gating::default();
    let report = pipeline::runtime()?.block_on(planned.performed(&args.select, &args.sending, &settings, &gate));
    shown.done();
    report
}
