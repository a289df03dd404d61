//! `grantlint diagnose TEXT`: what an error message means, what to look at, what to ask. Works offline.

use std::io::{self, Read as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::failure::Failure;
use super::{output, pipeline};
use crate::judge::diagnose::{Diagnosed, of_run, of_text};
use crate::report::json::{RUN_SCHEMA, RUNS_SCHEMA};
use crate::report::text::one_line;
use crate::report::wrap;
use crate::suite::Catalogue;

/// `diagnose`.
#[derive(Debug, Args)]
pub(super) struct DiagnoseArgs {
    /// The message as it was pasted, or a saved run; `-` is standard input
    #[arg(value_name = "TEXT", required = true)]
    pub(super) text: Vec<String>,
    /// Folder with diagnoses of your own
    #[arg(long, value_name = "DIR")]
    pub(super) specs: Option<PathBuf>,
}

pub(super) fn run(args: &DiagnoseArgs) -> Result<u8, Failure> {
    let catalogue = pipeline::catalogue(args.specs.as_deref())?;
    let text = message(args)?;
    if text.trim().is_empty() {
        return Err(Failure::usage("there is no text to diagnose", "paste the message behind `diagnose`".to_owned()));
    }
    let runs = saved_runs(&text);
    let found = if runs.is_empty() { of_text(catalogue, &text) } else { of_runs(catalogue, &runs) };
    let Some((first, others)) = found.split_first() else {
        let subject = if runs.is_empty() {
            "no message that is known stands in this text"
        } else {
            "no cause is known for this run"
        };
        let advice = "`grantlint check` asks the endpoint itself; `grantlint replay` judges what was recorded";
        output::print(&format!("{subject}\n{advice}\n"))?;
        return Ok(4);
    };
    output::print(&shown(first, others))?;
    Ok(0)
}

/// The text itself, standard input, or a file that holds a run.
fn message(args: &DiagnoseArgs) -> Result<String, Failure> {
    let text = args.text.join(" ");
    let unreadable = |error: io::Error| Failure::usage(format!("cannot read `{text}`: {error}"), None);
    let mut bytes = Vec::new();
    if text == "-" {
        io::stdin().take(MOST_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    } else if args.text.len() == 1 && PathBuf::from(&text).is_file() {
        std::fs::File::open(&text).map_err(unreadable)?.take(MOST_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    } else {
        return Ok(text);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The runs of a saved report; none if the text is something else.
fn saved_runs(text: &str) -> Vec<Value> {
    let Ok(mut value) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    match value.get("schema").and_then(Value::as_str) {
        Some(RUN_SCHEMA) => vec![value],
        Some(RUNS_SCHEMA) => match value["runs"].take() {
            Value::Array(runs) => runs,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// What the violations of the runs say, and what their refused requests were told.
fn of_runs<'c>(catalogue: &'c Catalogue, runs: &[Value]) -> Vec<Diagnosed<'c>> {
    let findings = || runs.iter().filter_map(|run| run.get("findings")?.as_array()).flatten();
    let checks = |verdict: &str| -> Vec<&str> {
        findings()
            .filter(|finding| finding["verdict"] == verdict)
            .filter_map(|finding| finding["check"].as_str())
            .collect()
    };
    let mut found = of_run(catalogue, &checks("violation"), &checks("pass"));
    let said = runs.iter().filter_map(|run| run.get("diagnosis")?.as_array()).flatten();
    let said: Vec<&str> = said.filter_map(|diagnosis| diagnosis["says"].as_str()).collect();
    let told = catalogue.diagnoses.iter().filter(|(_, file)| file.run.is_none() && said.contains(&file.means.trim()));
    found.extend(told.map(|(id, file)| Diagnosed { id, file, weight: 0 }));
    found
}

fn shown(first: &Diagnosed<'_>, others: &[Diagnosed<'_>]) -> String {
    let file = first.file;
    let mut text = format!("{}   ({})\n\n", file.title, first.id);
    let mut paragraph = |name: &str, lines: &[String], mark: &str| {
        if lines.is_empty() {
            return;
        }
        text.push_str(&format!("{name}\n"));
        for line in lines {
            for (nth, part) in wrap::wrapped(line, WIDTH - 6).iter().enumerate() {
                let start = if nth == 0 { mark } else { &"  "[..mark.len().min(2)] };
                text.push_str(&format!("    {start}{part}\n"));
            }
        }
        text.push('\n');
    };
    paragraph("What it means", &[file.means.trim().to_owned()], "");
    paragraph("Where to look, the most likely first", &file.look, "- ");
    let ask: Vec<String> = file.ask.iter().map(|ask| ask.trim().to_owned()).collect();
    paragraph("What to ask for", &ask, "");
    paragraph("Checks that decide", &deciding(&file.checks), "");
    paragraph("Documented in", &file.source, "");
    let more: Vec<String> =
        others.iter().take(MOST_OTHERS).map(|other| format!("{}   ({})", other.file.title, other.id)).collect();
    paragraph("It may also be", &more, "- ");
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The command that asks what decides; patterns that fit many checks stay patterns.
fn deciding(patterns: &[String]) -> Vec<String> {
    if patterns.is_empty() {
        return Vec::new();
    }
    let only: Vec<String> = patterns.iter().map(|pattern| format!("--only '{}'", one_line(pattern, 100))).collect();
    vec![format!("grantlint check {}", only.join(" "))]
}

/// Columns of the text.
const WIDTH: usize = 100;

/// Further diagnoses that are named.
const MOST_OTHERS: usize = 4;

/// Of standard input or a file.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
