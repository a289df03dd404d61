//! `list --requests` says what a run needs: the numbers of the plan are compared with what reaches the reference server.

use std::future::pending;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use grantlint::clock::ManualClock;
use grantlint::plan::{self, Options};
use grantlint::run::{self, Quiet, Task};
use grantlint::server;
use grantlint::suite::{self, Wanted};
use grantlint::target;

/// 2027-01-15T08:00:00Z.
const NOON: u64 = 1_800_000_000_000;

/// What one connection brought.
type Bytes = Arc<Mutex<Vec<u8>>>;

/// Hands everything on to a server and keeps what went there, connection by connection.
struct Relay {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Bytes>>>,
}

impl Relay {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<Bytes>>> = Arc::default();
        let all = Arc::clone(&heard);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let own = Bytes::default();
                all.lock().unwrap().push(Arc::clone(&own));
                let Ok(upstream) = TcpStream::connect(server) else { continue };
                let (back, forth) = (upstream.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || copy(forth, upstream, Some(&own)));
                thread::spawn(move || copy(back, client, None));
            }
        });
        Self { address, heard }
    }

    /// Requests whose first line begins like this.
    fn count(&self, line: &str) -> usize {
        let heard = self.heard.lock().unwrap();
        heard.iter().map(|one| String::from_utf8_lossy(&one.lock().unwrap()).matches(line).count()).sum()
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, keep: Option<&Mutex<Vec<u8>>>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if let Some(keep) = keep {
            keep.lock().unwrap().extend_from_slice(&buffer[..read]);
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

#[test]
fn a_run_logs_in_once_and_authorizes_as_often_as_the_plan_says() {
    let catalogue = suite::embedded();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = Arc::new(ManualClock::new(NOON));
        let settings = server::Settings { clock: clock.clone(), seed: Some([7; 32]), ..server::Settings::default() };
        let running = server::start(settings).await.unwrap();
        let own = running.origin().strip_prefix("http://").unwrap().to_owned();
        let relay = Relay::to(own.parse().unwrap());
        let entry = running.target().to_string().replace(&own, &relay.address.to_string());
        let target = target::from_entry("reference", serde_json::from_str(&entry).unwrap()).unwrap();
        let wanted = Wanted { suites: vec!["authorization-code".into()], ..Wanted::default() };
        let patience = Duration::from_secs(3600);
        let plan =
            plan::plan(&catalogue, &target, &suite::select(&catalogue, &wanted), &Options { safe: false, patience });
        let count = plan.count(&catalogue);
        let settings = run::Settings {
            concurrency: 8,
            interval: None,
            patience,
            seed: 0,
            resolve: Vec::new(),
            clock,
            progress: Arc::new(Quiet),
            driver: run::Driver::Scripted,
        };
        let task = Task { catalogue: &catalogue, plan: &plan, target: &target };
        let brought = run::run(task, &settings, pending()).await.unwrap();
        assert_eq!(brought.stopped, None);

        assert_eq!(count.logins, 1);
        assert_eq!(relay.count("POST /login HTTP/1.1"), count.logins, "logins");
        let authorizations = relay.count("GET /authorize?") + relay.count("POST /authorize HTTP/1.1");
        assert_eq!(authorizations, count.authorizations, "authorizations");
        // What is equal byte for byte to a request before is not sent again, so there may be fewer.
        let tokens = relay.count("POST /token ") + relay.count("POST /token?") + relay.count("GET /token?");
        assert!((count.token_requests * 9 / 10..=count.token_requests).contains(&tokens), "{tokens} of {count:?}");
    });
}

fn list(arguments: &[&str]) -> String {
    let folder = tempfile::TempDir::new().unwrap();
    let target = r#"{"targets": {"small": {"token_endpoint": "https://as.example/token", "client": {"client_id": "a", "client_secret": "b"}}}}"#;
    std::fs::write(folder.path().join("small.yaml"), target).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_grantlint"));
    let output = command.args(["list", "--requests"]).args(arguments).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The numbers of one suite, by the words of the head.
fn numbers(table: &str, suite: &str) -> Vec<usize> {
    let line = table.lines().find(|line| line.split("  ").next() == Some(suite)).unwrap_or_else(|| panic!("{table}"));
    line.split_whitespace().skip(1).map(|cell| cell.parse().unwrap()).collect()
}

#[test]
fn every_suite_has_a_line_and_fewer_options_need_fewer_requests() {
    let catalogue = suite::embedded();
    let all = list(&[]);
    let names: Vec<&str> = all.lines().skip(1).map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(names, catalogue.suites.keys().collect::<Vec<_>>());
    let code = |arguments: &[&str]| {
        numbers(&list(&[&["--suite", "authorization-code"], arguments].concat()), "authorization-code")
    };
    let (full, safe, patient) = (code(&[]), code(&["--safe"]), code(&["--patience", "1h"]));
    assert_eq!((full[0], safe[0]), (1, 1));
    assert!(safe[1] < full[1] && safe[2] < full[2] && full[1] < patient[1], "{full:?} {safe:?} {patient:?}");
    // What may lock or revoke is left out.
    assert_eq!((safe[4], safe[5]), (0, 0));
}

#[test]
fn a_target_without_users_needs_no_login() {
    let table = list(&["--config", "small.yaml", "--allow-literal-secrets", "--suite", "oauth2"]);
    let oauth2 = numbers(&table, "oauth2");
    assert_eq!(oauth2[..2], [0, 0]);
    assert!(oauth2[2] > 40, "{table}");
}
