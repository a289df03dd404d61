//! The stages in their order: select, plan, run, judge, assemble. `check` and `demo` both go this way.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::args::SelectArgs;
use super::failure::Failure;
use super::gating::{Gating, source};
use super::person::AtTheTerminal;
use super::send_args::SendArgs;
use super::values::Part;
use crate::clock::SystemClock;
use crate::plan::{self, Plan};
use crate::report::assemble::{self, Material};
use crate::report::model::{RunReport, Shard};
use crate::run::{self, Driver, Found, Progress, Settings, Task, WebDriver};
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
    part: Option<Part>,
}

/// Selects and plans.
pub(super) fn planned<'c>(
    catalogue: &'c Catalogue,
    target: &Target,
    wanted: Wanted,
    sending: &SendArgs,
    part: Option<Part>,
) -> Result<Planned<'c>, Failure> {
    let mut members = suite::select(catalogue, &wanted);
    if let Some(part) = part {
        members = suite::part(members, part.index, part.of);
    }
    let options = plan::Options { safe: sending.safe, patience: patience(sending)? };
    let suites = wanted.suites.iter().filter_map(|id| catalogue.suites.get(id));
    let mut claims: Vec<String> = suites.flat_map(|suite| suite.file.claims.clone()).collect();
    // Whoever is at the browser logs in; the target file need not know how.
    claims.extend(sending.interactive.then(|| "login".to_owned()));
    let target = target.clone().claiming(&claims);
    let plan = plan::plan(catalogue, &target, &members, &options);
    Ok(Planned { catalogue, target, wanted, members, plan, part })
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
        driver: driver(sending)?,
    })
}

/// Who walks through the authorization endpoint.
fn driver(sending: &SendArgs) -> Result<Driver, Failure> {
    if sending.interactive {
        return Ok(Driver::Person { at: Arc::new(AtTheTerminal), patience: run::PATIENCE });
    }
    if let Some(url) = &sending.webdriver {
        if url::Url::parse(url).is_ok_and(|url| url.scheme() == "http" && url.has_host()) {
            return Ok(Driver::Browser(WebDriver::At(url.clone())));
        }
        let help = "for example http://127.0.0.1:9515, after `chromedriver --port=9515`".to_owned();
        return Err(Failure::usage(format!("`{url}` is not the http URL of a ChromeDriver"), help));
    }
    if !sending.browser {
        return Ok(Driver::Scripted);
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let name = format!("chromedriver{}", std::env::consts::EXE_SUFFIX);
    let found = std::env::split_paths(&folders).map(|folder| folder.join(&name)).find(|path| path.is_file());
    found.map(|path| Driver::Browser(WebDriver::Start(path))).ok_or_else(|| {
        let help = "install Chromium and ChromeDriver (Debian: apt-get install chromium chromium-driver), or name a running one with --webdriver";
        Failure::usage("no chromedriver on the PATH", help.to_owned())
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
    // Hosts have no letter case, and URLs that are read have small letters (RFC 3986 §6.2.2.1).
    Ok(((host.to_ascii_lowercase(), port), to))
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
        Ok(Some((planned(self.catalogue, &target, wanted, sending, self.part)?, found)))
    }

    /// All of it: asks for metadata where the endpoints are still to be learned, and then as [`Planned::report`].
    pub(super) async fn performed(
        &self,
        select: &SelectArgs,
        sending: &SendArgs,
        settings: &Settings,
        gate: &Gating,
    ) -> Result<RunReport, Failure> {
        match self.discovered(select, sending, settings).await? {
            Some((planned, found)) => planned.report(found, settings, gate).await,
            None => self.report(Found::default(), settings, gate).await,
        }
    }

    /// Runs, judges and assembles; what was found before is part of it.
    pub(super) async fn report(&self, found: Found, settings: &Settings, gate: &Gating) -> Result<RunReport, Failure> {
        let task = Task { catalogue: self.catalogue, plan: &self.plan, target: &self.target };
        let brought = run::run_after(task, found, settings, asked_to_stop()).await?;
        let mut report = assemble::assemble(Material {
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
            fail_on: gate.fail_on.unwrap_or_default(),
            waivers: &gate.waivers,
        });
        report.source = self.target.source.as_ref().map(source);
        report.shard = self.part.map(|part| Shard { parts: vec![part.index], of: part.of });
        gate.apply(&mut report);
        Ok(report)
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

/// What waits for the network runs here.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    run::runtime().map_err(|error| Failure::usage(format!("cannot start the runtime: {error}"), None))
}
