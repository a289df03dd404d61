//! The self-test: every fault must trip its check, and nothing lawful may trip any (DESIGN 3.4).
//!
//! Each trial starts a reference server of its own on a free loopback port, with a clock that stands still, and judges it like
//! any other target.

mod certificates;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::clock::{Clock, ManualClock};
use crate::judge::{Court, Judgement, Verdict};
use crate::plan::{self, Plan};
use crate::report::assemble::{self, FailOn, Material};
use crate::report::model::{RunReport, Severity};
use crate::run::{self, Brought, Quiet, Task};
use crate::server::{self, Dialect, Fault, Rule, Variation};
use crate::suite::{self, Catalogue, Member, Values, Wanted};
use crate::target::{self, Target};

/// What the clock of every trial stands at: 2027-01-15T08:00:00Z.
pub const NOON: u64 = 1_800_000_000_000;

/// What the target of a trial is called.
const NAME: &str = "reference";

/// The longest wait of a trial: the clock is moved, so nobody waits.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);

/// How far apart in their list the subjects are that are tried one after the other.
const APART: usize = 16;

/// Why a trial could not be held.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fault or variation files are wrong: `folder/id: reason` for each.
    #[error("{}", .0.join("\n"))]
    Files(Vec<String>),
    /// The reference server did not start.
    #[error("the reference server: {0}")]
    Server(#[from] server::Error),
    /// The reference server describes itself wrongly.
    #[error("the target of the reference server: {0}")]
    Target(#[from] target::Error),
    /// Nothing could be sent.
    #[error(transparent)]
    Run(#[from] run::Error),
    /// The runtime did not start, or a temporary file could not be written.
    #[error("cannot set a trial up: {0}")]
    Runtime(std::io::Error),
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(rcgen::Error),
}

/// A fault or a variation.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its path below its folder.
    pub id: String,
    /// A lawful dialect, which must trip nothing.
    pub lawful: bool,
    /// What the server does.
    pub fault: Fault,
    /// The check that has to trip; `None` for a variation.
    pub check: Option<String>,
}

/// What one subject came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The subject's id; `conforming` for the server as it is.
    pub id: String,
    /// A lawful dialect.
    pub lawful: bool,
    /// Checks that were violated, at any severity.
    pub trips: BTreeSet<String>,
    /// Checks without a verdict.
    pub not_testable: BTreeSet<String>,
    /// What is wrong with that.
    pub complaints: Vec<String>,
}

/// The embedded faults and variations, in order of id.
///
/// # Errors
/// A file that does not fit its type, or a fault whose path names no check.
pub fn subjects(catalogue: &Catalogue) -> Result<Vec<Subject>, Error> {
    subjects_from(catalogue, suite::fixtures())
}

/// The same of fixtures from elsewhere: folder (`faults`, `variations`) → id → file.
///
/// # Errors
/// A file that does not fit its type, or a fault whose path names no check.
pub fn subjects_from(catalogue: &Catalogue, mut fixtures: Values) -> Result<Vec<Subject>, Error> {
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for (id, value) in fixtures.swap_remove("faults").unwrap_or_default() {
        match (serde_json::from_value::<Fault>(value), check_of(catalogue, &id)) {
            (Ok(fault), Some(check)) => all.push(Subject { id, lawful: false, fault, check: Some(check) }),
            (Ok(_), None) => wrong.push(format!("faults/{id}: its path names no check")),
            (Err(error), _) => wrong.push(format!("faults/{id}: {error}")),
        }
    }
    for (id, value) in fixtures.swap_remove("variations").unwrap_or_default() {
        match serde_json::from_value::<Variation>(value) {
            Ok(variation) => all.push(Subject { id, lawful: true, fault: variation.into(), check: None }),
            Err(error) => wrong.push(format!("variations/{id}: {error}")),
        }
    }
    if wrong.is_empty() { Ok(all) } else { Err(Error::Files(wrong)) }
}

/// `rfc6749/x.second` is a second fault of `rfc6749/x`.
fn check_of(catalogue: &Catalogue, id: &str) -> Option<String> {
    if catalogue.checks.contains_key(id) {
        return Some(id.to_owned());
    }
    let (check, _) = id.rsplit_once('.')?;
    catalogue.checks.contains_key(check).then(|| check.to_owned())
}

/// The server's rules that no fault leaves out: a rule that no fault skips is a rule that nothing tests.
#[must_use]
pub fn rules_without_fault(subjects: &[Subject]) -> Vec<&'static str> {
    let skipped: Vec<Rule> =
        subjects.iter().filter(|subject| !subject.lawful).flat_map(|subject| subject.fault.skip.0.clone()).collect();
    Rule::ALL.iter().filter(|rule| !skipped.contains(rule)).map(|rule| rule.name()).collect()
}

/// What a trial looks for: the same for hundreds of them.
struct Judged {
    suites: Vec<String>,
    members: Vec<Member>,
    /// Plans by what the target is, apart from the port: most faults leave it as it is.
    plans: Mutex<HashMap<String, Arc<Plan>>>,
}

impl Judged {
    fn of(catalogue: &Catalogue, wanted: &Wanted) -> Self {
        Self { suites: wanted.suites.clone(), members: suite::select(catalogue, wanted), plans: Mutex::default() }
    }

    /// The plan against this target, made once for all that differ in their `origin` only: a plan names no place of the target.
    fn plan(&self, catalogue: &Catalogue, target: &Target, entry: &Value, origin: &str) -> Arc<Plan> {
        let address = origin.split_once("://").map_or(origin, |(_, address)| address);
        let like = entry.to_string().replace(address, "the-server");
        if let Some(known) = self.plans.lock().unwrap_or_else(PoisonError::into_inner).get(&like) {
            return Arc::clone(known);
        }
        let options = plan::Options { safe: false, patience: PATIENCE };
        let plan = Arc::new(plan::plan(catalogue, target, &self.members, &options));
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).insert(like, Arc::clone(&plan));
        plan
    }
}

/// Holds one trial: the report of a run against a server with these faults.
///
/// # Errors
/// The server or the run could not be started.
pub async fn trial(catalogue: &Catalogue, faults: &[Fault], wanted: &Wanted) -> Result<RunReport, Error> {
    let judged = Judged::of(catalogue, wanted);
    let brought = played(catalogue, faults, &judged).await?;
    Ok(assemble::assemble(Material {
        catalogue,
        recording: brought.recording,
        members: &judged.members,
        target: NAME,
        suites: &judged.suites,
        preflight: brought.preflight.into_iter().map(|step| (step.step, step.passed, step.detail)).collect(),
        stopped: brought.stopped,
        interrupted: brought.interrupted,
        started_ms: brought.started_ms,
        elapsed_ms: brought.elapsed_ms,
        sent: brought.sent,
        fail_on: FailOn::Must,
        waivers: &[],
    }))
}

/// A run against a server with these faults.
async fn played(catalogue: &Catalogue, faults: &[Fault], judged: &Judged) -> Result<Brought, Error> {
    let mut dialect = Dialect::default();
    for fault in faults {
        dialect.add(fault.clone())?;
    }
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(NOON));
    let mut settings = server::Settings { clock: clock.clone(), seed: Some([7; 32]), ..server::Settings::default() };
    let mut authority = None;
    if let Some(asked) = dialect.tls() {
        let (tls, authority_pem) = certificates::make(asked.certificate, NOON).map_err(Error::Certificate)?;
        settings.tls = Some(tls);
        let mut file = tempfile::NamedTempFile::new().map_err(Error::Runtime)?;
        file.write_all(authority_pem.as_bytes()).map_err(Error::Runtime)?;
        authority = Some(file);
    }
    settings.dialect = dialect;
    let running = server::start(settings).await?;
    let entry = running.target();
    let mut target = target::from_entry(NAME, entry.clone())?;
    target.ca_file = authority.as_ref().map(|file| file.path().to_owned());
    // "Never answers" is a fault that holds the connection open: these bounds end it, nothing else waits for them.
    target.bounds.first_byte = Duration::from_millis(1500);
    target.bounds.whole = Duration::from_millis(2000);
    let plan = judged.plan(catalogue, &target, &entry, running.origin());
    // Nothing may listen on port 80 here, so the plain twin of an https endpoint is looked for at the server's own port.
    let plain = running.origin().strip_prefix("https://").and_then(|address| address.parse().ok());
    let hosts = ["127.0.0.1", "0.0.0.0"].map(str::to_owned);
    let resolve = plain.map(|address| hosts.map(|host| ((host, 80), address))).into_iter().flatten().collect();
    // Who is held back moves the clock of all: two at once would each seem to take the time of both.
    let concurrency = if faults.iter().any(|fault| !fault.delay_ms.0.is_empty()) { 1 } else { 8 };
    let settings = run::Settings {
        concurrency,
        interval: None,
        patience: PATIENCE,
        seed: 0,
        resolve,
        clock,
        progress: Arc::new(Quiet),
        driver: run::Driver::Scripted,
    };
    Ok(run::run(Task { catalogue, plan: &plan, target: &target }, &settings, std::future::pending()).await?)
}

/// How the self-test is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Each fault against its own check and those it also trips; variations against everything.
    Own,
    /// Everything against everything.
    Full,
}

/// Holds every trial, the conforming server first, on four threads more than the machine has cores: some
/// servers are waited for.
///
/// # Errors
/// The first trial that could not be held.
pub fn selftest(
    catalogue: &Catalogue,
    suites: &[String],
    subjects: &[Subject],
    extent: Extent,
) -> Result<Vec<Outcome>, Error> {
    let conforming = Subject { id: "conforming".into(), lawful: true, fault: Fault::default(), check: None };
    let all: Vec<&Subject> = std::iter::once(&conforming).chain(subjects).collect();
    // Neighbours often have silent servers alike: taken far apart, others work while one is waited for.
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|nth| nth % APART);
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(8) + 4;
    let everything = Judged::of(catalogue, &Wanted { suites: suites.to_vec(), ..Wanted::default() });
    let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
    let results = std::thread::scope(|scope| {
        let work = || -> Result<Vec<(usize, Outcome)>, Error> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
            let mut held = Vec::new();
            loop {
                let Some(nth) = order.get(next.fetch_add(1, Ordering::SeqCst)).copied() else { return Ok(held) };
                held.push((nth, runtime.block_on(hold(catalogue, &everything, all[nth], extent))?));
            }
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join()).collect::<Vec<_>>()
    });
    for result in results {
        match result {
            Ok(held) => outcomes.extend(held?),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    Ok(outcomes.into_values().collect())
}

async fn hold(catalogue: &Catalogue, everything: &Judged, subject: &Subject, extent: Extent) -> Result<Outcome, Error> {
    if let Some(check) = subject.check.as_ref().filter(|_| extent == Extent::Own) {
        let only = std::iter::once(check).chain(subject.fault.also_trips.keys()).cloned().collect();
        let own = Wanted { suites: everything.suites.clone(), only, skip: Vec::new() };
        let outcome = hold_with(catalogue, &Judged::of(catalogue, &own), subject).await?;
        // What speaks of every answer, or of the end of a run, only sees it when the others ask as well.
        if outcome.trips.contains(check) {
            return Ok(outcome);
        }
    }
    hold_with(catalogue, everything, subject).await
}

async fn hold_with(catalogue: &Catalogue, judged: &Judged, subject: &Subject) -> Result<Outcome, Error> {
    let brought = played(catalogue, std::slice::from_ref(&subject.fault), judged).await?;
    // What a report says of each finding is not needed of hundreds of thousands; the verdicts are those of a report.
    let court = Court::new(catalogue, &brought.recording);
    let mut findings: Vec<(&Member, Judgement)> =
        judged.members.iter().map(|member| (member, court.judge(member))).collect();
    findings.sort_by_key(|(member, _)| (&member.check, &member.caller, &member.variant));
    let of = |verdict: Verdict| -> BTreeSet<String> {
        let found = findings.iter().filter(|(_, judgement)| judgement.verdict == verdict);
        found.map(|(member, _)| member.check.clone()).collect()
    };
    let (trips, not_testable) = (of(Verdict::Violation), of(Verdict::NotTestable));
    let mut complaints = Vec::new();
    if let Some(check) = &subject.check {
        if !trips.contains(check) {
            let finding = findings.iter().find(|(member, _)| member.check == *check);
            let seen =
                finding.map(|(_, found)| format!("{:?}: {}", found.verdict, found.message())).unwrap_or_default();
            complaints.push(format!("does not trip `{check}` ({seen})"));
        }
        let also = &subject.fault.also_trips;
        for trip in trips.iter().filter(|trip| *trip != check && !also.contains_key(*trip)) {
            complaints.push(format!(
                "also trips `{trip}`, which `also_trips` does not say{}",
                first_message(&findings, trip)
            ));
        }
        for stale in also.keys().filter(|also| !trips.contains(*also)) {
            complaints.push(format!("`also_trips` names `{stale}`, which does not trip"));
        }
    } else {
        let remarks = &subject.fault.also_trips;
        for trip in trips.iter().filter(|trip| !remarks.contains_key(*trip)) {
            complaints.push(format!("trips `{trip}`, although it is lawful{}", first_message(&findings, trip)));
        }
        for remark in remarks.keys() {
            let mut seen = findings.iter().filter(|(member, _)| member.check == *remark).filter(|(member, found)| {
                // What a caller's suite makes louder is said to the caller only.
                found.verdict == Verdict::Violation && member.caller.is_none()
            });
            if !trips.contains(remark) {
                complaints.push(format!("`may_warn` names `{remark}`, which says nothing"));
            } else if seen.any(|(member, _)| assemble::severity(catalogue, member) == Some(Severity::Error)) {
                complaints.push(format!("`may_warn` names `{remark}`, which is an error"));
            }
        }
    }
    if subject.id == "conforming" {
        complaints.extend(
            not_testable
                .iter()
                .map(|check| format!("leaves `{check}` not testable{}", first_message(&findings, check))),
        );
    }
    Ok(Outcome { id: subject.id.clone(), lawful: subject.lawful, trips, not_testable, complaints })
}

fn first_message(findings: &[(&Member, Judgement)], check: &str) -> String {
    let own = findings.iter().filter(|(member, _)| member.check == check);
    let said = own.map(|(_, judgement)| judgement.message()).find(|message| !message.is_empty());
    said.map(|message| format!(" ({message})")).unwrap_or_default()
}

/// The kill matrix as text: one line for each subject and what it trips. What a subject leaves without a verdict is no kill, and under a
/// rate limiter it depends on which request came first, so it is not part of it.
#[must_use]
pub fn matrix(outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    for outcome in outcomes {
        let kind = if outcome.lawful { "lawful" } else { "fault" };
        let trips: Vec<&str> = outcome.trips.iter().map(String::as_str).collect();
        let trips = if trips.is_empty() { "-".to_owned() } else { trips.join(" ") };
        out.push_str(&format!("{kind} {} => {trips}\n", outcome.id));
    }
    out
}
