//! Holds a run against a reference server, with everything that the invariants vary, and listens in on the wire.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use grantlint::clock::{Clock, ManualClock};
use grantlint::exchange::Recording;
use grantlint::mutation::NOON;
use grantlint::plan::{self, Plan};
use grantlint::report::assemble::{FailOn, Material, assemble};
use grantlint::report::model::{Finding, RunReport};
use grantlint::run::{self, Progress, Task};
use grantlint::server::{self, Dialect, Fault};
use grantlint::suite::{self, Catalogue, Member, Wanted};
use grantlint::target;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a test varies.
pub struct Scene {
    pub suites: Vec<String>,
    pub only: Vec<String>,
    pub faults: Vec<Fault>,
    pub safe: bool,
    pub concurrency: usize,
    /// A user's own specs, added to the embedded ones.
    pub folder: Option<PathBuf>,
    /// Seed of the order of checks and members; `None` leaves it as it is.
    pub shuffled: Option<u64>,
    /// Listens in on the wire; wants concurrency 1, so that requests and names go together.
    pub watched: bool,
    /// The port of the server; 0 takes a free one.
    pub port: u16,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            suites: vec!["coupa-call-out".into(), "all".into()],
            only: Vec::new(),
            faults: Vec::new(),
            safe: false,
            concurrency: 8,
            folder: None,
            shuffled: None,
            watched: false,
            port: 0,
        }
    }
}

impl Scene {
    /// The ordinary scene against a server with this fault, in the words of a fault file.
    pub fn with(fault: Value) -> Self {
        Self { faults: vec![self::fault(fault)], ..Self::default() }
    }
}

pub fn fault(mut value: Value) -> Fault {
    value["behaviour"] = json!("as the test says");
    serde_json::from_value(value).unwrap()
}

/// The fault file of this id.
pub fn filed(id: &str) -> Fault {
    serde_json::from_value(suite::fixtures()["faults"][id].clone()).unwrap()
}

/// What came of it.
pub struct Held {
    pub report: RunReport,
    pub catalogue: Catalogue,
    pub members: Vec<Member>,
    pub plan: Plan,
    pub port: u16,
    /// Instance and bytes of each request, in order, if watched.
    pub requests: Vec<(String, String)>,
    /// Instances of everything that was sent, in order.
    pub sent: Vec<String>,
}

impl Held {
    /// What the findings came to, in an order that does not depend on theirs.
    pub fn verdicts(&self) -> Vec<String> {
        let mut all: Vec<String> = self.report.findings.iter().map(line).collect();
        all.sort();
        all
    }

    /// The findings of a verdict, in words.
    pub fn of(&self, verdict: &str) -> Vec<String> {
        let is = |finding: &&Finding| json!(finding.verdict) == verdict;
        self.report
            .findings
            .iter()
            .filter(is)
            .map(|finding| format!("{}: {}", line(finding), finding.message))
            .collect()
    }

    /// Judges the masked recording of the report once more.
    pub fn replayed(&self) -> RunReport {
        let mut target = json!(self.report.target);
        target.as_object_mut().unwrap().remove("name");
        let recording = Recording::from_documents(target, self.report.exchanges.clone());
        material(&self.catalogue, &recording, &self.members, &self.report.suites, self.report.summary.exchanges)
    }
}

pub fn line(finding: &Finding) -> String {
    let variant = finding.variant.as_ref().map(|variant| format!("[{variant}]")).unwrap_or_default();
    let caller = finding.caller.as_ref().map(|caller| format!(" @{caller}")).unwrap_or_default();
    let exchanges = if finding.caller.is_some() { finding.exchanges.join("+") } else { String::new() };
    format!("{}{variant}{caller}{exchanges} {:?}", finding.check, finding.verdict)
}

fn material(
    catalogue: &Catalogue,
    recording: &Recording,
    members: &[Member],
    suites: &[String],
    sent: usize,
) -> RunReport {
    assemble(Material {
        catalogue,
        recording: recording.clone(),
        members,
        target: "reference",
        suites,
        preflight: Vec::new(),
        stopped: None,
        interrupted: false,
        started_ms: NOON,
        elapsed_ms: 0,
        sent,
        fail_on: FailOn::Must,
        waivers: &[],
    })
}

/// Runs a scene to its end, on a runtime of its own.
pub fn hold(scene: &Scene) -> Held {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(held(scene))
}

async fn held(scene: &Scene) -> Held {
    let folder = scene.folder.as_ref().map(|folder| suite::with_folder(folder).unwrap());
    let mut catalogue = folder.unwrap_or_else(suite::embedded);
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(NOON));
    let mut dialect = Dialect::default();
    scene.faults.iter().for_each(|fault| dialect.add(fault.clone()).unwrap());
    let settings = server::Settings {
        clock: clock.clone(),
        seed: Some([7; 32]),
        dialect,
        port: scene.port,
        ..server::Settings::default()
    };
    let running = server::start(settings).await.unwrap();
    let address: SocketAddr = running.origin().trim_start_matches("http://").parse().unwrap();
    let mut target = target::from_entry("reference", running.target()).unwrap();
    target.bounds.first_byte = Duration::from_secs(5);
    if let Some(seed) = scene.shuffled {
        let mut ids: Vec<String> = catalogue.checks.keys().map(str::to_owned).collect();
        shuffle(&mut ids, seed);
        let order = |id: &str| ids.iter().position(|known| known == id);
        catalogue.checks.sort_by_id(order);
    }
    let wanted = Wanted { suites: scene.suites.clone(), only: scene.only.clone(), skip: Vec::new() };
    let mut members = suite::select(&catalogue, &wanted);
    if let Some(seed) = scene.shuffled {
        shuffle(&mut members, seed ^ 0xABCD);
    }
    let patience = Duration::from_secs(4 * 3600);
    let plan = plan::plan(&catalogue, &target, &members, &plan::Options { safe: scene.safe, patience });
    let names = Arc::new(Names::default());
    let wire = Arc::new(Mutex::new(Vec::new()));
    let mut resolve = Vec::new();
    if scene.watched {
        assert_eq!(scene.concurrency, 1, "requests and their names go together only one by one");
        resolve.push((("127.0.0.1".to_owned(), address.port()), tap(address, wire.clone()).await));
    }
    let settings = run::Settings {
        concurrency: scene.concurrency,
        interval: None,
        patience,
        seed: 0,
        resolve,
        clock,
        progress: names.clone(),
        driver: run::Driver::Scripted,
    };
    let task = Task { catalogue: &catalogue, plan: &plan, target: &target };
    let brought = run::run(task, &settings, std::future::pending()).await.unwrap();
    let report = assemble(Material {
        catalogue: &catalogue,
        recording: brought.recording,
        members: &members,
        target: "reference",
        suites: &wanted.suites,
        preflight: brought.preflight.into_iter().map(|step| (step.step, step.passed, step.detail)).collect(),
        stopped: brought.stopped,
        interrupted: brought.interrupted,
        started_ms: brought.started_ms,
        elapsed_ms: brought.elapsed_ms,
        sent: brought.sent,
        fail_on: FailOn::Must,
        waivers: &[],
    });
    let sent = names.0.lock().unwrap().clone();
    let wire = std::mem::take(&mut *wire.lock().unwrap());
    if scene.watched {
        assert_eq!(wire.len(), sent.len(), "every request that was announced passed the tap");
    }
    let requests = sent.iter().cloned().zip(wire).collect();
    Held { report, catalogue, members, plan, port: address.port(), requests, sent }
}

/// Remembers what was under way.
#[derive(Default)]
struct Names(Mutex<Vec<String>>);

impl Progress for Names {
    fn sending(&self, key: &str, _done: usize, _all: usize) {
        self.0.lock().unwrap().push(key.to_owned());
    }
}

/// Stands before the server and keeps what each connection sent: a run that is led elsewhere uses one for each request.
async fn tap(server: SocketAddr, kept: Arc<Mutex<Vec<String>>>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let nth = {
                let mut kept = kept.lock().unwrap();
                kept.push(String::new());
                kept.len() - 1
            };
            let upstream = TcpStream::connect(server).await.unwrap();
            let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                (client.into_split(), upstream.into_split());
            let kept = kept.clone();
            tokio::spawn(async move {
                let mut piece = [0; 4096];
                while let Ok(length @ 1..) = from_client.read(&mut piece).await {
                    kept.lock().unwrap()[nth].push_str(&String::from_utf8_lossy(&piece[..length]));
                    if to_server.write_all(&piece[..length]).await.is_err() {
                        return;
                    }
                }
            });
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
        }
    });
    address
}

/// Fisher and Yates with a small generator, so that a seed is an order.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    for last in (1..items.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap() % (last + 1);
        items.swap(last, other);
    }
}
