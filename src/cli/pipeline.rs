//! The stages in their order: select, plan, run, judge, assemble. `check` and `demo` both go this way.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::args::{SelectArgs, SendArgs};
use super::failure::Failure;
use super::person::AtTheTerminal;
use crate::clock::SystemClock;
use crate::plan::{self, Plan};
use crate::report::assemble::{self, FailOn, Material};
use crate::report::model::RunReport;
use crate::report::waivers::{self, Waiver};
use crate::run::{self, Found, Progress, Settings, Task};
use crate::suite::{self, Catalogue, Member, Wanted};
use crate::target::{self, Target};
use crate::yaml;

/// The embedded catalogue, with a user's folder added. It lives as long as the process: taking it apart takes as long as a tenth
/// of reading it, and gains nothing.
pub(super) fn catalogue(specs: Option<&Path>) -> Result<&'static Catalogue, Failure> {
    Ok(Box::leak(Box::new(match specs {
        None => suite::embedded(),
        Some(folder) => suite::with_folder(folder)?,
    })))
}

/// The waivers of a file; none without one.
pub(super) fn waivers(path: Option<&Path>) -> Result<Vec<Waiver>, Failure> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read waiver file `{}`: {error}", path.display()), None))?;
    waivers::read(&path.display().to_string(), &text).map_err(|file| Failure::waivers(*file))
}

/// The suites that a target is run with when no flag names one: its own, or all that it claims what they need for.
pub(super) fn suites_of(catalogue: &Catalogue, target: &Target) -> Vec<String> {
    if !target.suites.is_empty() {
        return target.suites.clone();
    }
    let suites = catalogue.suites.values().filter(|suite| !suite.file.needs.is_empty());
    suites
        .filter(|suite| suite.file.needs.iter().all(|word| target.claims(word)))
        .map(|suite| suite.id.clone())
        .collect()
}

/// What is selected: by flags, or from these suites.
pub(super) fn wanted(catalogue: &Catalogue, select: &SelectArgs, otherwise: &[String]) -> Result<Wanted, Failure> {
    let suites = if select.suites.is_empty() { otherwise.to_vec() } else { select.suites.clone() };
    let known: Vec<&str> = catalogue.suites.keys().collect();
    if let Some(name) = suites.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Failure::usage(format!("no suite is called `{name}`"), yaml::did_you_mean(name, &known)));
    }
    let checks: Vec<&str> = catalogue.checks.keys().collect();
    for pattern in select.only.iter().chain(&select.skip) {
        if !checks.iter().any(|id| suite::matches(pattern, id)) {
            let help = yaml::nearest(pattern, checks.iter().copied())
                .map_or_else(|| "see `grantlint list`".to_owned(), |near| format!("did you mean `{near}`?"));
            return Err(Failure::usage(format!("`{pattern}` fits no check"), help));
        }
    }
    Ok(Wanted { suites, only: select.only.clone(), skip: select.skip.clone() })
}

/// A run that is planned.
pub(super) struct Planned<'c> {
    pub(super) catalogue: &'c Catalogue,
    pub(super) target: Target,
    pub(super) wanted: Wanted,
    pub(super) members: Vec<Member>,
    pub(super) plan: Plan,
}

/// Selects and plans.
pub(super) fn planned<'c>(
    catalogue: &'c Catalogue,
    target: &Target,
    wanted: Wanted,
    sending: &SendArgs,
) -> Result<Planned<'c>, Failure> {
    let members = suite::select(catalogue, &wanted);
    let options = plan::Options { safe: sending.safe, patience: patience(sending)? };
    let suites = wanted.suites.iter().filter_map(|id| catalogue.suites.get(id));
    let mut claims: Vec<String> = suites.flat_map(|suite| suite.file.claims.clone()).collect();
    // Whoever is at the browser logs in; the target file need not know how.
    claims.extend(sending.interactive.then(|| "login".to_owned()));
    let target = target.clone().claiming(&claims);
    let plan = plan::plan(catalogue, &target, &members, &options);
    Ok(Planned { catalogue, target, wanted, members, plan })
}

fn patience(sending: &SendArgs) -> Result<Duration, Failure> {
    time(&sending.patience)
}

/// A time as flags have it.
pub(super) fn time(text: &str) -> Result<Duration, Failure> {
    target::duration(text)
        .ok_or_else(|| Failure::usage(format!("`{text}` is not a time"), "for example 90s or 1h".to_owned()))
}

/// How a run is performed, by the flags.
pub(super) fn settings(sending: &SendArgs, progress: Arc<dyn Progress>) -> Result<Settings, Failure> {
    Ok(Settings {
        concurrency: usize::from(sending.concurrency),
        interval: sending.rate.map(|rate| Duration::from_secs(1) / u32::from(rate)),
        patience: patience(sending)?,
        seed: 0,
        resolve: sending.resolve.iter().map(|text| resolve(text)).collect::<Result<_, _>>()?,
        clock: Arc::new(SystemClock),
        progress,
        person: sending.interactive.then(|| Arc::new(AtTheTerminal) as _),
    })
}

/// `HOST:PORT:ADDRESS`, the address with or without a port of its own.
fn resolve(text: &str) -> Result<((String, u16), SocketAddr), Failure> {
    let wrong = || {
        Failure::usage(format!("`{text}` is not HOST:PORT:ADDRESS"), "for example as.example:443:127.0.0.1".to_owned())
    };
    let (host, rest) = text.split_once(':').ok_or_else(wrong)?;
    let (port, address) = rest.split_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let to = address
        .parse::<SocketAddr>()
        .or_else(|_| address.trim_matches(['[', ']']).parse().map(|ip| SocketAddr::new(ip, port)))
        .map_err(|_| wrong())?;
    Ok(((host.to_owned(), port), to))
}

impl<'c> Planned<'c> {
    /// Where the endpoints are still to be learned from metadata: asks for it, and selects and plans anew.
    pub(super) async fn discovered(
        &self,
        select: &SelectArgs,
        sending: &SendArgs,
        settings: &Settings,
    ) -> Result<Option<(Self, Found)>, Failure> {
        if !self.target.is_undiscovered() {
            return Ok(None);
        }
        let (target, found) = run::discover(self.catalogue, &self.target, settings, asked_to_stop()).await?;
        let wanted = wanted(self.catalogue, select, &suites_of(self.catalogue, &target))?;
        Ok(Some((planned(self.catalogue, &target, wanted, sending)?, found)))
    }

    /// Runs, judges and assembles; what was found before is part of it.
    pub(super) async fn report(
        &self,
        found: Found,
        settings: &Settings,
        fail_on: FailOn,
        waivers: &[Waiver],
        stop: impl Future<Output = ()>,
    ) -> Result<RunReport, Failure> {
        let task = Task { catalogue: self.catalogue, plan: &self.plan, target: &self.target };
        let brought = run::run_after(task, found, settings, stop).await?;
        Ok(assemble::assemble(Material {
            catalogue: self.catalogue,
            recording: brought.recording,
            members: &self.members,
            target: &self.target.name,
            suites: &self.wanted.suites,
            preflight: brought.preflight.into_iter().map(|step| (step.step, step.passed, step.detail)).collect(),
            stopped: brought.stopped,
            interrupted: brought.interrupted,
            started_ms: brought.started_ms,
            elapsed_ms: brought.elapsed_ms,
            sent: brought.sent,
            fail_on,
            waivers,
        }))
    }
}

/// Ends when the user or the system asks the process to end; what has finished is reported then.
pub(super) async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// A runtime on this thread: what waits for the network needs no more.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::usage(format!("cannot start the runtime: {error}"), None))
}
