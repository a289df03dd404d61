//! Plain TCP servers on loopback that note what they are sent, and runs against them.
#![allow(dead_code, reason = "each test binary takes its part")]

use std::future::pending;
use std::io::{self, ErrorKind, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fs, thread};

use grantlint::clock::ManualClock;
use grantlint::plan::{self, Options};
use grantlint::report::assemble::{self, FailOn, Material};
use grantlint::report::model::RunReport;
use grantlint::run::{self, Brought, Quiet, Task};
use grantlint::suite::{self, Catalogue, Wanted};
use grantlint::target::{self, Target};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// What the clock of every run stands at: 2027-01-15T08:00:00Z.
pub const NOON: u64 = 1_800_000_000_000;

/// What a server does after it has read a request.
pub type Play = fn(&mut TcpStream) -> io::Result<()>;

/// A server that plays one part for everybody.
pub struct Listener {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Listener {
    /// Listens on a free port. `silent` servers do not wait for a request, since a TLS hello is none.
    pub fn start(play: Play, silent: bool) -> Self {
        Self::on("127.0.0.1", play, silent).unwrap()
    }

    /// The same on another address of this machine; an error if it has no such address.
    pub fn on(host: &str, play: Play, silent: bool) -> io::Result<Self> {
        let listener = TcpListener::bind((host, 0))?;
        let address = listener.local_addr().unwrap();
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (counted, noted) = (connections.clone(), requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
                let noted = noted.clone();
                thread::spawn(move || {
                    let mut stream = stream;
                    if !silent {
                        let request = read(&mut stream)?;
                        noted.lock().unwrap().push(request);
                    }
                    play(&mut stream)
                });
            }
        });
        Ok(Self { address, connections, requests })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The requests so far, byte for byte.
    pub fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.lock().unwrap().clone()
    }
}

/// One request: its head, and as much as Content-Length says.
fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&request).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    request.extend_from_slice(&body);
    Ok(request)
}

/// Holds the connection until the client leaves.
pub fn hang(stream: &mut TcpStream) -> io::Result<()> {
    let mut scratch = [0; 4096];
    while stream.read(&mut scratch)? > 0 {}
    Ok(())
}

/// Whether the client has gone; waits as long as the stream's read timeout says.
pub fn left(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 16]) {
        Ok(read) => read == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// A target with bounds that end what hangs.
pub fn target(url: &str, more: Value) -> Target {
    let mut entry = json!({
        "token_endpoint": url, "scope": "invoices.read",
        "client": {"client_id": "gl", "client_secret": "a-secret-of-some-length"},
        "bounds": {"connect": "300ms", "first_byte": "250ms"}, "timeout": "500ms",
    });
    for (name, value) in more.as_object().unwrap() {
        entry[name] = value.clone();
    }
    target::from_entry("loopback", entry).unwrap()
}

/// Runs checks of Coupa's suite against a target. The clock stands still, so nothing sleeps.
pub fn performed(target: &Target, only: &[&str]) -> (Brought, RunReport) {
    performed_with(&suite::embedded(), target, "coupa-call-out", only)
}

/// The same of any suite, on a runtime that a server may share.
pub fn performed_in(runtime: &Runtime, target: &Target, suite: &str, only: &[&str]) -> (Brought, RunReport) {
    perform(runtime, &suite::embedded(), target, suite, only)
}

/// The same with other definitions.
pub fn performed_with(catalogue: &Catalogue, target: &Target, suite: &str, only: &[&str]) -> (Brought, RunReport) {
    let runtime = runtime();
    let both = perform(&runtime, catalogue, target, suite, only);
    // A name that is being looked up must not hold a test back.
    runtime.shutdown_background();
    both
}

pub fn runtime() -> Runtime {
    grantlint::run::runtime().unwrap()
}

fn perform(
    runtime: &Runtime,
    catalogue: &Catalogue,
    target: &Target,
    suite: &str,
    only: &[&str],
) -> (Brought, RunReport) {
    let only = only.iter().map(|one| (*one).to_owned()).collect();
    let wanted = Wanted { suites: vec![suite.to_owned()], only, skip: Vec::new() };
    let members = suite::select(catalogue, &wanted);
    let plan = plan::plan(catalogue, target, &members, &Options::default());
    let settings = run::Settings {
        concurrency: 8,
        interval: None,
        patience: Duration::ZERO,
        seed: 0,
        resolve: Vec::new(),
        clock: Arc::new(ManualClock::new(NOON)),
        progress: Arc::new(Quiet),
        driver: run::Driver::Scripted,
    };
    let brought = runtime.block_on(run::run(Task { catalogue, plan: &plan, target }, &settings, pending())).unwrap();
    let report = assemble::assemble(Material {
        catalogue,
        recording: brought.recording.clone(),
        members: &members,
        target: &target.name,
        suites: &wanted.suites,
        preflight: brought.preflight.iter().map(|step| (step.step.clone(), step.passed, step.detail.clone())).collect(),
        stopped: brought.stopped.clone(),
        interrupted: brought.interrupted,
        started_ms: brought.started_ms,
        elapsed_ms: brought.elapsed_ms,
        sent: brought.sent,
        fail_on: FailOn::Must,
        waivers: &[],
    });
    (brought, report)
}

/// Definitions in which one check asks for one exchange, besides those of this repository.
pub fn only(exchange: &str, more: &[(&str, &str)]) -> Catalogue {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for (name, text) in more {
        write(&format!("exchanges/{name}.yaml"), text);
    }
    write("suites/one.yaml", "title: one\nchecks: [one/*]\n");
    let check =
        "title: one\nlevel: MUST\nsource: [RFC 6749 §5.1]\ncovers: [rfc6749-5.1-json-object]\nwhy: one\nfix: one\n";
    write(
        "checks/one/one.yaml",
        &format!("{check}exchange: \"{exchange}\"\nexpect: {{ /answer: {{ const: token }} }}\n"),
    );
    suite::with_folder(folder.path()).unwrap_or_else(|error| match error {
        suite::Error::Mistakes(files) => panic!("{}", files.iter().map(ToString::to_string).collect::<String>()),
        error => panic!("{error}"),
    })
}

/// An exchange waits for what it is like, unless it is asked alone.
pub fn alone(mut catalogue: Catalogue, name: &str) -> Catalogue {
    if let Some(exchange) = catalogue.exchanges.get_mut(name) {
        exchange.like = None;
    }
    catalogue
}
