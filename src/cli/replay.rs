//! `grantlint replay FILE…`: judges what somebody else recorded, or a saved run of our own; sends nothing.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::args::{CODES_IN_SHORT, EXIT_CODES, SelectArgs};
use super::failure::Failure;
use super::gating::Gating;
use super::report_args::ReportArgs;
use super::{output, pipeline};
use crate::exchange::Recording;
use crate::replay::{self, File, Heard, Hints, Replayed, Told};
use crate::report::assemble::{self, Material};
use crate::report::model::RunReport;
use crate::report::saved;
use crate::suite::{self, Catalogue};
use crate::target::{self, Reading, Target};
use crate::yaml;

/// `replay`.
#[derive(Debug, Args)]
#[command(after_help = CODES_IN_SHORT, after_long_help = EXIT_CODES)]
pub(super) struct ReplayArgs {
    /// HAR, output of `curl -i`, raw HTTP, JSON, or a saved run; `-`: standard input
    ///
    /// Output of `curl -v` is taken too. Raw HTTP is a request and its response; JSON the body of a token response.
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Exchange that was recorded, where the recording does not tell
    ///
    /// `grantlint list exchanges` has the names; the nth names the nth.
    #[arg(long = "as", value_name = "EXCHANGE")]
    pub(super) exchanges: Vec<String>,
    /// Token endpoint that was recorded, where the recording does not tell
    #[arg(long, value_name = "URL")]
    pub(super) token_endpoint: Option<String>,
    /// Scope that the client asks for, where the recording does not tell
    #[arg(long, value_name = "SCOPE")]
    pub(super) scope: Option<String>,
    /// Target file: it decides what the recording does not tell
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token_endpoint", "scope"])]
    pub(super) config: Option<PathBuf>,
    /// Target of that file that was recorded, where it has several
    #[arg(long, value_name = "TARGET", requires = "config")]
    pub(super) target: Option<String>,
    /// Take a target file with secrets in it
    #[arg(long, requires = "config")]
    pub(super) allow_literal_secrets: bool,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) report: ReportArgs,
}

pub(super) fn run(args: &ReplayArgs) -> Result<u8, Failure> {
    output::valid(&args.report)?;
    let catalogue = pipeline::catalogue(args.select.specs.as_deref())?;
    let gate = Gating::read(&args.report)?;
    let files = args.files.iter().map(file).collect::<Result<Vec<File>, Failure>>()?;
    let read = replay::read(&files).map_err(|mistake| {
        let help = mistake.help.clone();
        Failure::usage(mistake.to_string(), help)
    })?;
    let mut reports = Vec::new();
    for file in &read.runs {
        let text = String::from_utf8_lossy(&file.bytes);
        let runs = saved::read(&file.name, &text).map_err(|mistakes| Failure::saved(&mistakes))?;
        for run in runs {
            reports.push(judged_again(catalogue, run, args, &gate)?);
        }
    }
    if !args.report.quiet {
        read.notices.iter().for_each(|notice| output::tell(&format!("replay: {notice}")));
    }
    let mut heard = read.heard;
    name(catalogue, &mut heard, args)?;
    if !heard.is_empty() || reports.is_empty() {
        reports.push(of_others(catalogue, &heard, args, &gate)?);
    }
    let all: Vec<&RunReport> = reports.iter().collect();
    output::say_what_lacks(&args.report, all.iter().all(|report| report.source.is_some()));
    output::write_all(&all, &args.report, Some(&again(args)))?;
    Ok(gate.code(&all))
}

fn file(path: &PathBuf) -> Result<File, Failure> {
    let name = path.display().to_string();
    let unreadable = |error: io::Error| {
        let help =
            "give a HAR, the output of `curl -i`, raw HTTP, the JSON of a token response, or a saved run".to_owned();
        Failure::usage(format!("cannot read recording `{name}`: {error}"), help)
    };
    let mut bytes = Vec::new();
    // One more than is taken, so that a file of exactly the bound is not too large.
    let most = MOST_BYTES + 1;
    if name == "-" {
        io::stdin().take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    } else {
        fs::File::open(path).map_err(unreadable)?.take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    }
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MOST_BYTES {
        let help = "keep the entries of the endpoints only".to_owned();
        return Err(Failure::usage(format!("`{name}` is larger than {} MiB", MOST_BYTES >> 20), help));
    }
    Ok(File { name: if name == "-" { "standard input".to_owned() } else { name }, bytes })
}

/// What `--as` says of the recorded exchanges, in their order.
fn name(catalogue: &Catalogue, heard: &mut [Heard], args: &ReplayArgs) -> Result<(), Failure> {
    let known: Vec<&str> = catalogue.exchanges.keys().collect();
    for name in &args.exchanges {
        if let Some(variant) = catalogue.expand(name).first().filter(|variant| *variant != name) {
            let help = format!("for example `{variant}`");
            return Err(Failure::usage(format!("`{name}` has variants: say which one"), help));
        }
        if !known.contains(&name.as_str()) {
            return Err(Failure::usage(format!("no exchange is called `{name}`"), yaml::did_you_mean(name, &known)));
        }
        if catalogue.exchanges.get(name).is_some_and(|exchange| !replay::shows(exchange)) {
            let help = "a run's JSON holds these whole".to_owned();
            return Err(Failure::usage(format!("`{name}` is more than one request at one time"), help));
        }
    }
    if args.exchanges.len() > heard.len() {
        let message = format!("--as names {} exchanges, and {} were recorded", args.exchanges.len(), heard.len());
        return Err(Failure::usage(message, None));
    }
    for (heard, name) in heard.iter_mut().zip(&args.exchanges) {
        heard.name = Some(name.clone());
    }
    Ok(())
}

/// What others recorded.
fn of_others(catalogue: &Catalogue, heard: &[Heard], args: &ReplayArgs, gate: &Gating) -> Result<RunReport, Failure> {
    let target = match &args.config {
        Some(config) => of_file(config, args)?,
        None => {
            let hints = Hints { token_endpoint: args.token_endpoint.clone(), scope: args.scope.clone() };
            replay::suppose(heard, &hints)
        }
    };
    let mut suites = pipeline::suites_of(catalogue, &target);
    if suites.is_empty() {
        suites.push(SUITE.to_owned());
    }
    let wanted = pipeline::wanted(catalogue, &args.select, &suites)?;
    let members = suite::select(catalogue, &wanted);
    let chosen = wanted.suites.iter().filter_map(|id| catalogue.suites.get(id));
    let claims: Vec<String> = chosen.flat_map(|suite| suite.file.claims.clone()).collect();
    let target = target.claiming(&claims);
    let Replayed { recording, told, started_ms, elapsed_ms } = replay::recording(catalogue, &target, &members, heard);
    if !args.report.quiet {
        tell(&told, args.report.verbose > 0);
    }
    let taken = told.iter().filter(|told| told.exchange.is_some()).count();
    let detail = format!("{taken} of {} recorded exchanges were asked for by a check or an endpoint", told.len());
    let mut report = assemble::assemble(Material {
        catalogue,
        recording,
        members: &members,
        target: &target.name,
        suites: &wanted.suites,
        preflight: vec![("recording".to_owned(), true, detail)],
        stopped: None,
        interrupted: false,
        started_ms,
        elapsed_ms,
        sent: taken,
        fail_on: gate.fail_on.unwrap_or_default(),
        waivers: &gate.waivers,
    });
    gate.apply(&mut report);
    Ok(report)
}

/// The target as its owner describes it.
fn of_file(config: &Path, args: &ReplayArgs) -> Result<Target, Failure> {
    let reading = Reading { allow_literal_secrets: args.allow_literal_secrets, ..Reading::default() };
    let names: Vec<String> = args.target.iter().cloned().collect();
    let mut targets = target::read(config, &names, reading)?;
    match (targets.pop(), targets.is_empty()) {
        (Some(target), true) => Ok(target),
        (last, _) => {
            let all: Vec<&str> = targets.iter().chain(&last).map(|target| target.name.as_str()).collect();
            let help = format!("say which one was recorded: --target {}", all.join(" or --target "));
            Err(Failure::usage(format!("`{}` has several targets", config.display()), help))
        }
    }
}

/// What each recorded exchange was taken for: whoever doubts a verdict looks here first.
fn tell(told: &[Told], all: bool) {
    let (taken, passed_over): (Vec<&Told>, Vec<&Told>) = told.iter().partition(|told| told.exchange.is_some());
    let most = if all { usize::MAX } else { MOST_TOLD };
    for told in taken.iter().take(most) {
        let exchange = told.exchange.as_deref().unwrap_or_default();
        output::tell(&format!("replay: {}: {} is {exchange}", told.from, told.request));
    }
    if taken.len() > most {
        output::tell(&format!("replay: and {} more (-v shows them)", taken.len() - most));
    }
    if all {
        passed_over
            .iter()
            .for_each(|told| output::tell(&format!("replay: {}: {} is passed over", told.from, told.request)));
    } else if !passed_over.is_empty() {
        output::tell(&format!("replay: {} others are passed over (-v shows them)", passed_over.len()));
    }
}

/// A run of our own, judged by the checks of today.
fn judged_again(
    catalogue: &Catalogue,
    saved: RunReport,
    args: &ReplayArgs,
    gate: &Gating,
) -> Result<RunReport, Failure> {
    let wanted = pipeline::wanted(catalogue, &args.select, &saved.suites)?;
    let members = suite::select(catalogue, &wanted);
    let mut target = saved.target;
    let name = target.shift_remove("name").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    let target = target.into_iter().collect::<serde_json::Map<_, _>>().into();
    let mut recording = Recording::from_documents(target, saved.exchanges);
    replay::completed(catalogue, &members, &mut recording);
    let first = saved.diagnosis.into_iter().next();
    let stopped = first.filter(|_| !saved.preflight.passed).map(|diagnosis| (diagnosis.says, diagnosis.next));
    let started = OffsetDateTime::parse(&saved.started, &Rfc3339).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut report = assemble::assemble(Material {
        catalogue,
        recording,
        members: &members,
        target: &name,
        suites: &wanted.suites,
        preflight: saved.preflight.steps.into_iter().map(|step| (step.step, step.passed, step.detail)).collect(),
        stopped,
        interrupted: saved.exit.code == 130,
        started_ms: u64::try_from(started.unix_timestamp_nanos() / 1_000_000).unwrap_or(0),
        elapsed_ms: saved.elapsed_ms,
        sent: saved.summary.exchanges,
        fail_on: gate.fail_on.unwrap_or(saved.exit.fail_on),
        waivers: &gate.waivers,
    });
    report.exit.fail_on_stale = saved.exit.fail_on_stale;
    (report.source, report.shard) = (saved.source, saved.shard);
    gate.apply(&mut report);
    Ok(report)
}

/// How the same is asked again.
fn again(args: &ReplayArgs) -> String {
    let mut command = "grantlint replay".to_owned();
    args.files.iter().for_each(|path| command.push_str(&format!(" {}", path.display())));
    args.exchanges.iter().for_each(|name| command.push_str(&format!(" --as '{name}'")));
    for (flag, value) in [("token-endpoint", &args.token_endpoint), ("scope", &args.scope)] {
        if let Some(value) = value {
            command.push_str(&format!(" --{flag} '{value}'"));
        }
    }
    if let Some(config) = &args.config {
        command.push_str(&format!(" --config {}", config.display()));
        args.target.iter().for_each(|target| command.push_str(&format!(" --target {target}")));
        if args.allow_literal_secrets {
            command.push_str(" --allow-literal-secrets");
        }
    }
    args.select.suites.iter().for_each(|suite| command.push_str(&format!(" --suite {suite}")));
    if let Some(specs) = &args.select.specs {
        command.push_str(&format!(" --specs {}", specs.display()));
    }
    command
}

/// Of one file.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Lines about what was taken for what.
const MOST_TOLD: usize = 12;

/// What answers are judged by where no endpoint is known.
const SUITE: &str = "oauth2";
