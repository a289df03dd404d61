//! `grantlint report`: saved runs in other formats, parts of a divided run as one.

use super::args::ReportAgainArgs;
use super::failure::Failure;
use super::gating::{self, Gating};
use super::output;
use crate::report::model::RunReport;
use crate::report::{conclude, merge, waivers};

pub(super) fn run(args: &ReportAgainArgs) -> Result<u8, Failure> {
    output::valid(&args.report)?;
    let gate = Gating::read(&args.report)?;
    let mut runs = Vec::new();
    for path in &args.files {
        runs.extend(gating::runs(path)?);
    }
    let mut reports = merge::merge(runs);
    for report in &mut reports {
        // The day of the run decides, so that a report stays what it was.
        let (target, now) = (name(report), merge::started_ms(report));
        for notice in waivers::apply(&mut report.findings, &gate.waivers, &target, now) {
            if !report.waivers.contains(&notice) {
                report.waivers.push(notice);
            }
        }
        conclude::answer(report);
        let parted = report.shard.is_some();
        gate.apply(report);
        if parted {
            merge::note_missing_parts(report);
        }
    }
    let all: Vec<&RunReport> = reports.iter().collect();
    let has_lines = reports.iter().all(|report| report.source.is_some());
    output::say_what_lacks(&args.report, has_lines);
    output::write_all(&all, &args.report, None)?;
    Ok(gate.code(&all))
}

fn name(report: &RunReport) -> String {
    report.target.get("name").and_then(|name| name.as_str()).unwrap_or_default().to_owned()
}
