//! What the tests of the command line share: a reference server in a thread, servers that answer as a test says, the binary.

#![allow(dead_code)]

pub mod front;
pub mod tap;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use grantlint::server::{self, Dialect, Fault, Settings};
use serde_json::{Value, json};

/// The binary, away from the environment and the target file of whoever runs the tests.
pub fn grantlint(folder: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("grantlint"));
    command.current_dir(folder).stdin(Stdio::null());
    for name in ["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS", "GRANTLINT_CLIENT_SECRET"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm");
    command
}

/// What a command wrote, and its exit code.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().expect("ended by itself"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs with arguments in a folder.
pub fn check(folder: &Path, arguments: &[&str]) -> Ran {
    run(grantlint(folder).arg("check").args(arguments))
}

/// Writes a target file with these targets, which may hold secrets.
pub fn target_file(folder: &Path, targets: &[(&str, &Value)]) -> PathBuf {
    let targets: serde_json::Map<String, Value> =
        targets.iter().map(|(name, entry)| ((*name).to_owned(), (*entry).clone())).collect();
    let path = folder.join("grantlint.yaml");
    std::fs::write(&path, json!({ "targets": targets }).to_string()).unwrap();
    path
}

/// A fault from its members.
pub fn fault(members: Value) -> Fault {
    let mut fault = json!({"behaviour": "of this test"});
    fault.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    serde_json::from_value(fault).unwrap()
}

/// The reference server in a thread of its own, until it is dropped.
pub struct Reference {
    pub origin: String,
    pub target: Value,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Reference {
    pub fn conforming() -> Self {
        Self::with(&[])
    }

    pub fn with(faults: &[Value]) -> Self {
        Self::start(faults.iter().map(|members| fault(members.clone())))
    }

    /// With faults of the repository.
    pub fn with_ids(ids: &[&str]) -> Self {
        let mut all = grantlint::suite::fixtures().swap_remove("faults").unwrap();
        Self::start(ids.iter().map(|id| serde_json::from_value(all.remove(*id).unwrap()).unwrap()))
    }

    /// With TLS and faults.
    pub fn secure(tls: server::Tls, faults: &[Value]) -> Self {
        Self::start_with(faults.iter().map(|members| fault(members.clone())), Some(tls))
    }

    fn start(faults: impl Iterator<Item = Fault>) -> Self {
        Self::start_with(faults, None)
    }

    fn start_with(faults: impl Iterator<Item = Fault>, tls: Option<server::Tls>) -> Self {
        let mut dialect = Dialect::default();
        faults.for_each(|fault| dialect.add(fault).unwrap());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (told, tell) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let settings = Settings { dialect, tls, seed: Some([7; 32]), ..Settings::default() };
                let running = server::start(settings).await.unwrap();
                told.send((running.origin().to_owned(), running.target())).unwrap();
                let _ = stopped.await;
            });
        });
        let (origin, target) = tell.recv().unwrap();
        Self { origin, target, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Request line and header fields.
    pub head: String,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A server that answers every request with what a function makes of it; `None` hangs.
pub struct Raw {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Raw {
    pub fn new(answer: impl Fn(usize, &Asked) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (kept, answer) = (Arc::clone(&asked), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &kept, answer.as_ref()));
            }
        });
        Self { address, asked }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    kept: &Mutex<Vec<Asked>>,
    answer: &(dyn Fn(usize, &Asked) -> Option<Vec<u8>> + Send + Sync),
) {
    let Some(asked) = request(&mut stream) else { return };
    let nth = {
        let mut kept = kept.lock().unwrap();
        kept.push(asked.clone());
        kept.len() - 1
    };
    match answer(nth, &asked) {
        Some(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        // Until the other side gives up.
        None => while stream.read(&mut [0; 64]).is_ok_and(|read| read > 0) {},
    }
}

fn request(stream: &mut TcpStream) -> Option<Asked> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => bytes.extend(&buffer[..read]),
            _ => return None,
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut asked = Asked { head, body: bytes[end..].to_vec() };
    let length: usize = asked.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while asked.body.len() < length {
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => asked.body.extend(&buffer[..read]),
            _ => break,
        }
    }
    Some(asked)
}

/// A response with these header fields.
pub fn response(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status} Because\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| bytes.push_str(&format!("{name}: {value}\r\n")));
    bytes.push_str("\r\n");
    [bytes.as_bytes(), body].concat()
}

/// Bytes of an answer that are sent on: more than the bounds of a target let in.
const MOST_ANSWERED: u64 = 2 << 20;

/// Sends a request on as it came, and brings status, header fields and body back.
pub fn forward(to: &str, asked: &Asked) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let mut stream = TcpStream::connect(to.trim_start_matches("http://")).unwrap();
    let head = asked.head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    stream.write_all(&[head.as_bytes(), &asked.body].concat()).unwrap();
    let mut bytes = Vec::new();
    // Some never end.
    let _ = stream.take(MOST_ANSWERED).read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |end| end + 4);
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(500);
    let headers = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| !["connection", "content-length"].contains(&name.to_ascii_lowercase().as_str()))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    (status, headers, bytes[end..].to_vec())
}
