//! `grantlint waiver`: adds a waiver to a waiver file, and shows what stands in one. Sends nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::args::CODES_OF_FILES;
use super::failure::Failure;
use super::gating::{in_repository, unreadable_waivers};
use super::{output, pipeline};
use crate::clock::{Clock as _, SystemClock};
use crate::report::text::one_line;
use crate::report::waivers::{self, ENDING, Waiver, edit};
use crate::report::write;
use crate::suite::{self, Catalogue, Wanted};
use crate::yaml;

/// `waiver`.
#[derive(Debug, Args)]
pub(super) struct WaiverArgs {
    #[command(subcommand)]
    command: WaiverCommand,
}

#[derive(Debug, Subcommand)]
enum WaiverCommand {
    /// Accept a violation until a day, with a reason
    ///
    /// The waiver is written at the end of the file; everything else in it stays as it is, comments too.
    Add(AddArgs),
    /// Show the waivers of a file: which hold, which end soon, which have ended
    List(ListWaiversArgs),
}

#[derive(Debug, Args)]
#[command(after_help = CODES_OF_FILES)]
struct AddArgs {
    /// Id of the check whose violation is accepted
    #[arg(value_name = "CHECK")]
    check: String,
    /// Name of the target; `*` for every target, which needs --approved-by
    #[arg(long, value_name = "NAME")]
    target: String,
    /// Why the violation is accepted
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Last day on which it holds (UTC), such as 2027-01-31
    #[arg(long, value_name = "DAY")]
    until: String,
    /// Only this member of the check's exchange list, as reports name it
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Who answers for it
    #[arg(long, value_name = "WHO")]
    approved_by: Option<String>,
    /// Waiver file; made if it is not there
    #[arg(long, value_name = "FILE", default_value = "waivers.yaml")]
    waivers: PathBuf,
    /// Most days that a waiver may be for
    #[arg(long, value_name = "N", default_value_t = 366)]
    max_days: u32,
    /// Folder with checks, exchanges and suites of your own
    #[arg(long, value_name = "DIR")]
    specs: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = CODES_OF_FILES)]
struct ListWaiversArgs {
    /// Waiver file
    #[arg(long, value_name = "FILE", default_value = "waivers.yaml")]
    waivers: PathBuf,
    /// Folder with checks, exchanges and suites of your own
    #[arg(long, value_name = "DIR")]
    specs: Option<PathBuf>,
}

pub(super) fn run(args: &WaiverArgs) -> Result<u8, Failure> {
    match &args.command {
        WaiverCommand::Add(args) => add(args),
        WaiverCommand::List(args) => list(args),
    }
}

fn add(args: &AddArgs) -> Result<u8, Failure> {
    let catalogue = pipeline::catalogue(args.specs.as_deref())?;
    known(catalogue, &args.check, args.variant.as_deref())?;
    for (flag, text) in
        [("reason", Some(&args.reason)), ("target", Some(&args.target)), ("approved-by", args.approved_by.as_ref())]
    {
        if text.is_some_and(|text| text.trim().is_empty()) {
            let help = "whoever reads the report wants to know it".to_owned();
            return Err(Failure::usage(format!("--{flag} is empty"), help));
        }
    }
    if args.target == "*" && args.approved_by.is_none() {
        let help = "say --approved-by WHO, or name one target".to_owned();
        return Err(Failure::usage("a waiver for every target says who answers for it", help));
    }
    let waiver = Waiver {
        check: args.check.clone(),
        target: args.target.clone(),
        variant: args.variant.clone(),
        until: args.until.clone(),
        reason: args.reason.trim().to_owned(),
        approved_by: args.approved_by.clone(),
        file: String::new(),
        line: 0,
    };
    let days = days(&waiver, args.max_days)?;
    let path = &args.waivers;
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => NEW.to_owned(),
        Err(error) => return Err(unreadable_waivers(path, &error)),
    };
    let added = edit::with(&path.display().to_string(), &text, &waiver).map_err(|error| refused(error, path))?;
    write::write(path, added.text.as_bytes())?;
    let variant = args.variant.as_ref().map_or_else(String::new, |variant| format!(" [{variant}]"));
    let target = if args.target == "*" { "every target".to_owned() } else { format!("target `{}`", args.target) };
    output::print(&format!(
        "{}:{}: added: `{}`{variant} on {target} is accepted until {} ({})\n\nnext:\n  grantlint check{} --waivers {} --fail-on-stale\n",
        path.display(),
        added.line,
        args.check,
        args.until,
        left(days),
        if args.target == "*" { String::new() } else { format!(" {}", shell(&args.target)) },
        shell(&path.display().to_string()),
    ))?;
    Ok(0)
}

/// What a new file begins with.
const NEW: &str = "# Violations that somebody answers for, each until a day: grantlint check --waivers FILE\n";

/// The check is there, and has this variant.
fn known(catalogue: &Catalogue, check: &str, variant: Option<&str>) -> Result<(), Failure> {
    let checks: Vec<&str> = catalogue.checks.keys().collect();
    if !checks.contains(&check) {
        let help = yaml::nearest(check, checks.iter().copied()).map_or_else(
            || "`grantlint list checks` has all; checks of your own need --specs DIR".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(Failure::usage(format!("no check is called `{check}`"), help));
    }
    let Some(variant) = variant else { return Ok(()) };
    let suites = catalogue.suites.keys().map(str::to_owned).collect();
    let wanted = Wanted { suites, only: vec![check.to_owned()], skip: Vec::new() };
    let mut variants: Vec<String> =
        suite::select(catalogue, &wanted).into_iter().filter_map(|member| member.variant).collect();
    variants.sort();
    variants.dedup();
    if variants.iter().any(|known| known == variant) {
        return Ok(());
    }
    let help = if variants.is_empty() {
        "it has one exchange only: leave --variant away".to_owned()
    } else {
        format!("it has {}", variants.iter().map(|variant| format!("`{variant}`")).collect::<Vec<_>>().join(", "))
    };
    Err(Failure::usage(format!("`{check}` has no variant `{variant}`"), help))
}

/// Days for which the waiver is, if these are not too many and not gone.
fn days(waiver: &Waiver, most: u32) -> Result<i64, Failure> {
    let now = SystemClock.now_ms();
    let (today, latest) = (waivers::day_after(now, 0), waivers::day_after(now, most));
    let (today, latest) = (today.unwrap_or_default(), latest.unwrap_or_else(|| "9999-12-31".to_owned()));
    let until = &waiver.until;
    match waiver.days_left(now) {
        None => {
            let help = format!("write year, month and day, such as {latest}");
            Err(Failure::usage(format!("`{until}` is no day"), help))
        }
        Some(days) if days < 0 => {
            let help = format!("choose a day from {today} to {latest}");
            Err(Failure::usage(format!("{until} is over: the waiver would cover nothing"), help))
        }
        Some(days) if days > i64::from(most) => {
            let help = format!("choose a day up to {latest}, or allow more with --max-days {days}");
            Err(Failure::usage(format!("{until} is {days} days away, and a waiver is for at most {most}"), help))
        }
        Some(days) => Ok(days),
    }
}

fn refused(error: edit::Error, path: &Path) -> Failure {
    let message = error.to_string();
    match error {
        edit::Error::Mistakes(file) => Failure::waivers(*file),
        edit::Error::Doubled(known) => {
            let ended = known.days_left(SystemClock.now_ms()).is_none_or(|days| days < 0);
            let help = if ended {
                format!("it has ended: give line {} another `until`, or take that waiver out first", known.line)
            } else {
                format!("change its `until` or `reason` there, from line {} on", known.line)
            };
            Failure::usage(message, help)
        }
        _ => Failure::usage(message, format!("add it to `{}` by hand: docs/reports.md shows the form", path.display())),
    }
}

fn list(args: &ListWaiversArgs) -> Result<u8, Failure> {
    let path = &args.waivers;
    let catalogue = pipeline::catalogue(args.specs.as_deref())?;
    let text = fs::read_to_string(path).map_err(|error| unreadable_waivers(path, &error))?;
    let all = waivers::read(&in_repository(path), &text).map_err(|file| Failure::waivers(*file))?;
    let now = SystemClock.now_ms();
    let mut rows = vec![["line", "state", "until", "target", "check"].map(str::to_owned)];
    let mut ended = 0;
    for waiver in &all {
        let days = waiver.days_left(now).unwrap_or(-1);
        ended += usize::from(days < 0);
        let variant = waiver.variant.as_ref().map_or_else(String::new, |variant| format!(" [{variant}]"));
        let unknown =
            if catalogue.checks.keys().any(|id| id == waiver.check) { "" } else { "  (there is no such check)" };
        rows.push([
            waiver.line.to_string(),
            state(days),
            waiver.until.clone(),
            one_line(&waiver.target, 60),
            one_line(&format!("{}{variant}{unknown}", waiver.check), 200),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..4).map(width).collect();
    let mut out = String::new();
    for (nth, row) in rows.iter().enumerate().filter(|_| !all.is_empty()) {
        for (cell, width) in row.iter().zip(&widths) {
            out.push_str(&format!("{cell:<width$}  "));
        }
        out.push_str(&format!("{}\n", row[4]));
        if let Some(waiver) = nth.checked_sub(1).and_then(|nth| all.get(nth)) {
            let by = waiver.approved_by.as_ref().map_or_else(String::new, |who| format!(" ({who})"));
            out.push_str(&format!(
                "{}{}\n",
                " ".repeat(widths[0] + 2),
                one_line(&format!("{}{by}", waiver.reason), 200)
            ));
        }
    }
    let held = all.len() - ended;
    out.push_str(&format!("{}: {held} hold, {ended} have ended\n", path.display()));
    output::print(&out)?;
    Ok(0)
}

fn state(days: i64) -> String {
    match days {
        ..-1 => format!("ended {} days ago", -days),
        -1 => "ended yesterday".to_owned(),
        0 => "ends today".to_owned(),
        1..=ENDING => format!("ends in {}", left(days)),
        _ => "active".to_owned(),
    }
}

fn left(days: i64) -> String {
    match days {
        0 => "today".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// A word for a shell.
fn shell(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
