//! The pages for newcomers, read from top to bottom: each command is run in one folder, and ends as the page says.

use std::path::Path;
use std::process::{Command, Output};
use std::{env, fs};

use serde_json::{Value, json};

use crate::support::{SAMPLE, blocks, grantlint, is_current, serve, settled, stderr, stdout, text, with_block};

const ENDPOINT: &str = "https://as.example/oauth/token";
const ISSUER: &str = "https://as.example ";
/// The fault of the pages, which is there in their examples of something red.
const FAULT: &str = "rfc6749/token-response-cacheable";

/// Commands of a page with their exit codes: `# exit N` behind one, otherwise 0.
fn commands(page: &str) -> Vec<(String, i32)> {
    let lines = blocks(page).into_iter().filter(|block| block.language == "sh").flat_map(|block| block.lines);
    lines
        .filter(|line| line.starts_with("grantlint "))
        .map(|line| match line.split_once(" # exit ") {
            Some((command, code)) => (command.to_owned(), code.parse().unwrap()),
            None => (line, 0),
        })
        .collect()
}

/// Puts what the page takes for granted into the folder of a server: `grantlint.yaml` with its targets, and other files that the page shows.
fn prepare(page: &str, folder: &Path) -> (Value, String) {
    let served: Value = serde_json::from_str(&fs::read_to_string(folder.join("reference.yaml")).unwrap()).unwrap();
    let served = &served["targets"]["reference"];
    let entry = json!({
        "suites": ["coupa-call-out"],
        "token_endpoint": served["token_endpoint"],
        "scope": served["scope"],
        "client": { "client_id": served["client"]["client_id"], "client_secret": "${env:GRANTLINT_CLIENT_SECRET}" },
    });
    let file = json!({ "targets": { "test": entry, "production": entry } });
    fs::write(folder.join("grantlint.yaml"), file.to_string()).unwrap();
    for block in blocks(page).into_iter().filter(|block| block.language == "yaml") {
        let name = block.lines.first().and_then(|line| line.strip_prefix("# ")).filter(|name| name.ends_with(".yaml"));
        if let Some(name) = name.filter(|name| *name != "grantlint.yaml") {
            fs::write(folder.join(name), block.lines.join("\n")).unwrap();
        }
    }
    (entry, served["client"]["client_secret"].as_str().unwrap().to_owned())
}

/// A command line as a shell runs it, with the program on its `PATH`.
fn run(line: &str, folder: &Path, secret: &str) -> Output {
    let program = grantlint(folder);
    let mut command = Command::new("sh");
    let own = Path::new(program.get_program()).parent().unwrap().to_owned();
    let path = env::join_paths([own].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap()))).unwrap();
    command.args(["-c", line]).current_dir(folder);
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("PATH", path).env("GRANTLINT_CLIENT_SECRET", secret);
    command.output().unwrap()
}

/// Runs a page at a server with these faults; gives back the folder with what the commands wrote.
fn walk(page: &str, faults: &[&str]) -> crate::support::Served {
    let text = text(page);
    let server = serve(faults, &[]);
    let folder = server.folder.path();
    let (entry, secret) = prepare(&text, folder);
    let endpoint = entry["token_endpoint"].as_str().unwrap();
    let issuer = format!("{} ", endpoint.trim_end_matches("/token"));
    let commands = commands(&text);
    assert!(commands.len() >= 3, "{page} has hardly a command");
    for (line, code) in commands {
        let output = run(&line.replace(ENDPOINT, endpoint).replace(ISSUER, &issuer), folder, &secret);
        assert_eq!(output.status.code(), Some(code), "{page}: `{line}`\n{}{}", stdout(&output), stderr(&output));
    }
    server
}

#[test]
fn the_page_for_consultants_leads_to_a_report() {
    let server = walk("docs/consultant.md", &[]);
    let read = |name: &str| fs::read_to_string(server.folder.path().join(name)).unwrap();
    for name in ["report.html", "again.html"] {
        assert!(
            read(name).contains("Example AG") == (name == "report.html") && read(name).contains("</html>"),
            "{name}"
        );
    }
    assert!(read("again.md").starts_with('#'));
}

#[test]
fn the_first_report_takes_three_commands() {
    let page = text("docs/consultant.md");
    let from = page.find("## Three commands").unwrap();
    let first = blocks(&page[from..]).into_iter().next().unwrap();
    assert_eq!(first.lines.len(), 3);
    assert_eq!(first.lines[0], "cargo install --locked --path .");
    assert!(first.lines[1].ends_with(" --dry-run") && first.lines[2].ends_with(" -o html=report.html"));
}

#[test]
fn the_sample_for_consultants_is_what_is_printed() {
    let server = serve(&["coupa/call-out/token-type-not-bearer"], &[]);
    let output = server.check(&["--suite", "coupa-call-out", "--safe", "-q"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let page = text("docs/consultant.md");
    is_current(
        "docs/consultant.md",
        &with_block(&page, SAMPLE, "<!-- /sample -->", "text", &settled(&stdout(&output))),
    );
}

#[test]
fn the_page_for_engineers_leads_to_a_gate() {
    let server = walk("docs/gate.md", &[FAULT]);
    for name in ["grantlint.xml", "grantlint.json", "baseline.json"] {
        assert!(server.folder.path().join(name).is_file(), "{name}");
    }
}

#[test]
fn the_page_of_safety_leads_nowhere_dangerous() {
    walk("docs/safety.md", &[]);
}
