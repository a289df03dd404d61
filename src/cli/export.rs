//! `grantlint export FORM [TARGET]`: the ordinary requests of a target for other tools.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::args::SelectArgs;
use super::failure::Failure;
use super::send_args::SendArgs;
use super::target_args::TargetArgs;
use super::{output, pipeline};
use crate::export::{self, Form, Handed};
use crate::report::write;
use crate::run;

/// `export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// For which tool
    #[arg(value_name = "FORM")]
    pub(super) form: ExportForm,
    /// File to write; standard output without it
    #[arg(short, long, value_name = "PATH")]
    pub(super) output: Option<PathBuf>,
    /// Requests that ought to be refused too, and those that change something
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) target: TargetArgs,
    #[command(flatten)]
    pub(super) select: SelectArgs,
}

/// For which tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportForm {
    /// Shell script that asks with curl and looks at each answer.
    Curl,
    /// Postman collection 2.1 with tests, for Postman and Newman.
    Postman,
    /// Requests for the REST Client of VS Code.
    Http,
    /// Requests with tests for httpYac.
    Httpyac,
}

impl From<ExportForm> for Form {
    fn from(form: ExportForm) -> Self {
        match form {
            ExportForm::Curl => Self::Curl,
            ExportForm::Postman => Self::Postman,
            ExportForm::Http => Self::HttpFile,
            ExportForm::Httpyac => Self::HttpYac,
        }
    }
}

pub(super) fn run(args: &ExportArgs) -> Result<u8, Failure> {
    let catalogue = pipeline::catalogue(args.select.specs.as_deref())?;
    let sending = SendArgs::sparing();
    let targets = args.target.read(&sending)?;
    let [target] = targets.as_slice() else {
        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        let help = format!("name one of them: {}", names.join(", "));
        return Err(Failure::usage("an export is of one target", help));
    };
    let wanted = pipeline::wanted(catalogue, &args.select, &pipeline::suites_of(catalogue, target))?;
    let planned = pipeline::planned(catalogue, target, wanted, &sending, None)?;
    let settings = pipeline::settings(&sending, Arc::new(run::Quiet))?;
    // Where only the issuer is known, its metadata has to be asked for the endpoints.
    let found = pipeline::runtime()?.block_on(planned.discovered(&args.select, &sending, &settings))?;
    let planned = found.map_or(planned, |(planned, _)| planned);
    let task = run::Task { catalogue, plan: &planned.plan, target: &planned.target };
    let (requests, left_out) = run::prepared(task, &settings, args.all);
    if requests.is_empty() {
        let help = "see `grantlint check --dry-run` for what would be sent".to_owned();
        let mut failure = Failure::usage("there is no ordinary request to export", help);
        failure.code = 4;
        return Err(failure);
    }
    let handed = Handed { catalogue, requests: &requests, target: &planned.target.public, name: &planned.target.name };
    let text = export::render(handed, args.form.into());
    match &args.output {
        Some(path) => write::write(path, text.as_bytes())?,
        None => output::print(&text)?,
    }
    output::tell(&format!("{} requests{}", requests.len(), lacking(&left_out)));
    Ok(0)
}

fn lacking(left_out: &[String]) -> String {
    if left_out.is_empty() {
        return String::new();
    }
    let named: Vec<&str> = left_out.iter().take(NAMED).map(String::as_str).collect();
    let more = left_out.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("; left out, since they rest on a login, a signature or several requests: {}{more}", named.join(", "))
}

/// What is left out by name.
const NAMED: usize = 4;
