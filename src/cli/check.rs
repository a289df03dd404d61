//! `grantlint check`.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::args::CheckArgs;
use super::failure::Failure;
use super::gating::Gating;
use super::progress::Shown;
use super::{output, pipeline};
use crate::report::model::RunReport;
use crate::run;
use crate::suite::Catalogue;
use crate::target::Target;

pub(super) fn run(args: &CheckArgs) -> Result<u8, Failure> {
    output::valid(&args.report)?;
    let catalogue = pipeline::catalogue(args.select.specs.as_deref())?;
    let targets = args.target.read(&args.sending)?;
    // Everything that can be wrong is looked at for every target before anything is sent to any.
    let mut planned = Vec::new();
    for target in &targets {
        let wanted = pipeline::wanted(catalogue, &args.select, &pipeline::suites_of(catalogue, target))?;
        planned.push(pipeline::planned(catalogue, target, wanted, &args.sending, args.shard)?);
    }
    if args.sending.dry_run {
        return dry_run(&planned, args);
    }
    if planned.len() > 1 {
        // With one target the run itself finds out in time.
        let settings = pipeline::settings(&args.sending, Arc::new(run::Quiet))?;
        targets.iter().try_for_each(|target| run::usable(target, &settings))?;
    }
    let gate = &Gating::read(&args.report)?;
    output::say_what_lacks(&args.report, args.target.file().is_some());
    // What is written is not taken apart: the process ends, and nothing secret is in it.
    let planned = ManuallyDrop::new(planned);
    let runtime = pipeline::runtime()?;
    let reports = runtime.block_on(async {
        let runs = planned.iter().map(|planned| async move {
            let shown = Arc::new(Shown::new(&planned.target.name, args.report.quiet, args.report.verbose > 1));
            let settings = pipeline::settings(&args.sending, shown.clone())?;
            let report = planned.performed(&args.select, &args.sending, &settings, gate).await;
            shown.done();
            report
        });
        futures_util::future::join_all(runs).await.into_iter().collect::<Result<Vec<RunReport>, Failure>>()
    });
    // Somebody may still be asked to paste an address, who was waited for long enough.
    runtime.shutdown_background();
    let reports = reports?;
    let reports = ManuallyDrop::new(reports);
    let all: Vec<&RunReport> = reports.iter().collect();
    output::write_all(&all, &args.report, Some(&again(args)))?;
    Ok(gate.code(&all))
}

/// How the same checks are asked again, without the secret.
fn again(args: &CheckArgs) -> String {
    let mut command = args.target.again();
    args.select.suites.iter().for_each(|suite| command.push_str(&format!(" --suite {suite}")));
    if args.sending.interactive {
        command.push_str(" --interactive");
    }
    if args.sending.browser || args.sending.webdriver.is_some() {
        command.push_str(" --browser");
    }
    if let Some(specs) = &args.select.specs {
        command.push_str(&format!(" --specs {}", specs.display()));
    }
    command
}

/// What would be sent, in order, masked.
fn dry_run(planned: &[pipeline::Planned<'_>], args: &CheckArgs) -> Result<u8, Failure> {
    let mut text = String::new();
    for planned in planned {
        let Target { name, .. } = &planned.target;
        let catalogue: &Catalogue = planned.catalogue;
        if planned.target.is_undiscovered() {
            text.push_str(&to_be_discovered(planned, args)?);
            continue;
        }
        text.push_str(&format!(
            "# {name}: {} exchanges for {} checks; nothing is sent\n",
            planned.plan.instances.len(),
            planned.members.len()
        ));
        let settings = pipeline::settings(&args.sending, Arc::new(run::Quiet))?;
        let task = run::Task { catalogue, plan: &planned.plan, target: &planned.target };
        for line in run::preview(task, &settings) {
            text.push_str(&format!("\n# {} ({}{})\n", line.key, line.title, line.remark));
            text.push_str(&format!("{}\n", line.curl));
        }
        for (key, not_sent) in &planned.plan.not_sent {
            text.push_str(&format!("\n# not sent: {key}: {}\n", not_sent.reason));
        }
        text.push_str(&format!(
            "\n# asked again at the end: {}\n# longest chain of exchanges that wait for each other: {}\n",
            planned.plan.controls.join(", "),
            planned.plan.longest_chain(catalogue)
        ));
    }
    output::print(&text)?;
    Ok(0)
}

/// What would be asked before anything else is known of a target.
fn to_be_discovered(planned: &pipeline::Planned<'_>, args: &CheckArgs) -> Result<String, Failure> {
    let (catalogue, target) = (planned.catalogue, &planned.target);
    let mut text = format!(
        "# {}: the endpoints are not known before the metadata was fetched; nothing is sent\n# would be asked, until one answers:\n",
        target.name
    );
    let settings = pipeline::settings(&args.sending, Arc::new(run::Quiet))?;
    let plan = run::looking(catalogue, target);
    for line in run::preview(run::Task { catalogue, plan: &plan, target }, &settings) {
        text.push_str(&format!("\n# {} ({}{})\n{}\n", line.key, line.title, line.remark, line.curl));
    }
    Ok(text)
}
