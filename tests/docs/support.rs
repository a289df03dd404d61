//! The binary, the reference server, and the pages.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs, thread};

use grantlint::server::{self, Dialect, Fault, Settings, Variation};
use grantlint::suite;
use regex::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// The secret of the reference server's client is its own; this stands for a user's.
const SECRET: &str = "not-a-secret";

/// Opens a part of a page that is written by a test.
pub const SAMPLE: &str = "<!-- sample: written by GRANTLINT_BLESS=1 cargo test --test docs -->";

/// Ports and the shapes of tokens differ from run to run; others of the same length stand for them.
pub fn settled(report: &str) -> String {
    let report = Regex::new(r"127\.0\.0\.1:\d{4,5}").unwrap().replace_all(report, "127.0.0.1:40404");
    let shape = Regex::new("…[xX0._-]+\"").unwrap();
    shape
        .replace_all(&report, |found: &regex::Captures<'_>| format!("…{}\"", "x".repeat(found[0].chars().count() - 2)))
        .into_owned()
}

/// The name that a heading has in links, as GitHub makes it.
pub fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// A file of the repository.
pub fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The text of a file of the repository.
pub fn text(path: &str) -> String {
    fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The pages for users.
pub fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned(), "benches/README.md".to_owned()];
    for entry in fs::read_dir(root("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        // The design speaks of what is still to be built.
        if name.ends_with(".md") && name != "design.md" {
            pages.push(format!("docs/{name}"));
        }
    }
    pages.sort();
    pages
}

/// The binary with nothing of this environment that it would heed.
pub fn grantlint(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grantlint"));
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GRANTLINT_")) {
        command.env_remove(name);
    }
    for name in ["FORCE_COLOR", "CLICOLOR_FORCE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command.current_dir(folder).env("NO_COLOR", "1").env("COLUMNS", "100");
    command.env("GRANTLINT_CLIENT_SECRET", SECRET).env("GRANTLINT_SECOND_SECRET", SECRET);
    command
}

/// Standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder with a target file `reference.yaml` for a server that runs until this is dropped.
pub struct Served {
    /// Where the target file is.
    pub folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Starts the reference server with faults and variations.
pub fn serve(faults: &[&str], variations: &[&str]) -> Served {
    let fixtures = suite::fixtures();
    let one = |folder: &str, id: &str| fixtures[folder].get(id).unwrap_or_else(|| panic!("no {folder}/{id}")).clone();
    let mut dialect = Dialect::default();
    for id in faults {
        dialect.add(serde_json::from_value::<Fault>(one("faults", id)).unwrap()).unwrap();
    }
    for id in variations {
        dialect.add(serde_json::from_value::<Variation>(one("variations", id)).unwrap().into()).unwrap();
    }
    let (stop, stopped) = oneshot::channel();
    let (say, heard) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let running = server::start(Settings { dialect, ..Settings::default() }).await.unwrap();
            say.send(running.target()).unwrap();
            let _ = stopped.await;
        });
    });
    let target: Value = heard.recv().unwrap();
    let folder = TempDir::new().unwrap();
    let file = json!({"targets": {"reference": target}});
    fs::write(folder.path().join("reference.yaml"), file.to_string()).unwrap();
    Served { folder, stop: Some(stop), thread: Some(thread) }
}

impl Served {
    /// Runs `check` against the server.
    pub fn check(&self, arguments: &[&str]) -> Output {
        let mut command = grantlint(self.folder.path());
        command.args(["check", "--config", "reference.yaml", "--allow-literal-secrets"]).args(arguments);
        command.output().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A fenced block of a page: its language and its lines.
pub struct Block {
    pub language: String,
    pub lines: Vec<String>,
}

/// All fenced blocks of a page.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(language), None) => open = Some(Block { language: language.to_owned(), lines: Vec::new() }),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.lines.push(line.to_owned());
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block that is not closed");
    blocks
}

/// Compares a file with what it should be; writes it when blessing.
pub fn is_current(path: &str, expected: &str) {
    let mut found = fs::read_to_string(root(path)).unwrap_or_default();
    // Written only if it differs: other tests read the pages meanwhile.
    if env::var_os("GRANTLINT_BLESS").is_some() && found != expected {
        fs::write(root(path), expected).unwrap();
        expected.clone_into(&mut found);
    }
    let differs = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "{path} is not current; run GRANTLINT_BLESS=1 cargo test --test docs and look at the difference: {differs:?}"
    );
}

/// Puts a fenced block between `start` (a line) and `end` (the next line that is this) of a page.
pub fn with_block(page: &str, start: &str, end: &str, language: &str, content: &str) -> String {
    let from = page.find(start).unwrap_or_else(|| panic!("no line `{start}`")) + start.len();
    let to = from + page[from..].find(end).unwrap_or_else(|| panic!("no line `{end}`"));
    format!("{}\n```{language}\n{}\n```\n{}", &page[..from], content.trim_end(), &page[to..])
}
