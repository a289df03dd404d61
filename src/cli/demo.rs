//! `grantlint demo`: the main job on the embedded server, once as it should be and once with faults.

use std::sync::Arc;

use super::args::{DemoArgs, SelectArgs};
use super::failure::Failure;
use super::gating::Gating;
use super::progress::Shown;
use super::send_args::SendArgs;
use super::{output, pipeline};
use crate::report::console::{self, ConsoleOptions, Verbosity};
use crate::report::model::{RunReport, VerdictKind};
use crate::run::Found;
use crate::server::{self, Dialect, Fault};
use crate::suite::{self, Catalogue};
use crate::target;

/// The suite of the demo.
const SUITE: &str = "coupa-call-out";

/// What the second server of the demo does wrong: two of the mistakes that go-lives stumble on.
const FAULTS: [&str; 2] = ["coupa/call-out/basic-url-safe-refused", "rfc6749/token-response-cacheable"];

pub(super) fn run(args: &DemoArgs) -> Result<u8, Failure> {
    output::valid(&args.report)?;
    let catalogue = pipeline::catalogue(None)?;
    let sending = SendArgs { concurrency: 8, ..SendArgs::sparing() };
    let (sound, faulty) = pipeline::runtime()?.block_on(async {
        let sound = one(catalogue, "conforming", &[], &sending, args).await?;
        let faulty = one(catalogue, "faulty", &FAULTS, &sending, args).await?;
        Ok::<_, Failure>((sound, faulty))
    })?;
    let violated = |check: &str| {
        faulty.findings.iter().any(|finding| finding.check == check && finding.verdict == VerdictKind::Violation)
    };
    let as_it_must = sound.exit.code == 0 && faulty.exit.code == 1 && FAULTS.iter().all(|check| violated(check));
    output::write_all(&[&sound, &faulty], &args.report, None)?;
    // What the demo has to say about itself is no part of a report that a program reads.
    output::tell(&format!(
        "demo: the conforming server ended with {}, the faulty one with {}: {}",
        sound.exit.code,
        faulty.exit.code,
        if as_it_must { "both as they must" } else { "not as they must, please report it" }
    ));
    if as_it_must {
        output::tell(
            "next: grantlint check --suite coupa-call-out --token-endpoint https://your.example/oauth/token --client-id ID --scope 'a b'",
        );
    } else {
        let options =
            ConsoleOptions { colour: false, links: false, width: 100, verbosity: Verbosity::Normal, rerun: None };
        output::tell(&console::render(&sound, &options));
    }
    Ok(if as_it_must { 0 } else { 70 })
}

async fn one(
    catalogue: &Catalogue,
    name: &str,
    faults: &[&str],
    sending: &SendArgs,
    args: &DemoArgs,
) -> Result<RunReport, Failure> {
    let mut dialect = Dialect::default();
    for id in faults {
        dialect.add(fault(id)?)?;
    }
    let running = server::start(server::Settings { dialect, ..server::Settings::default() }).await?;
    let target = target::from_entry(name, running.target())?;
    let wanted = pipeline::wanted(catalogue, &SelectArgs::default(), &[SUITE.to_owned()])?;
    let planned = pipeline::planned(catalogue, &target, wanted, sending, None)?;
    let shown = Arc::new(Shown::new(name, args.report.quiet, args.report.verbose > 1));
    let settings = pipeline::settings(sending, shown.clone())?;
    let report = planned.report(Found::default(), &settings, &Gating::default()).await;
    shown.done();
    report
}

/// An embedded fault by its id.
pub(super) fn fault(id: &str) -> Result<Fault, Failure> {
    embedded("faults", id)
}

/// An embedded fault or variation by its id.
pub(super) fn embedded<T: serde::de::DeserializeOwned>(folder: &str, id: &str) -> Result<T, Failure> {
    let mut all = suite::fixtures().swap_remove(folder).unwrap_or_default();
    let Some(value) = all.remove(id) else {
        let known: Vec<&str> = all.keys().map(String::as_str).collect();
        let help = crate::yaml::nearest(id, known)
            .map_or_else(|| format!("see `grantlint list {folder}`"), |near| format!("did you mean `{near}`?"));
        return Err(Failure::usage(format!("none of the {folder} is called `{id}`"), help));
    };
    serde_json::from_value(value).map_err(|error| Failure::usage(format!("{folder}/{id}: {error}"), None))
}
