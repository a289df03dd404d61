//! Every command of every page does what the page says.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::{blocks, grantlint, pages, root, serve, stderr, stdout, text};

/// Lines of `sh` blocks, continued lines joined, comments away.
fn shell_lines(page: &str) -> Vec<String> {
    blocks(page)
        .into_iter()
        .filter(|block| block.language == "sh")
        .flat_map(|block| {
            let joined = block.lines.join("\n").replace("\\\n", " ");
            joined.lines().map(|line| line.split(" # ").next().unwrap().trim().to_owned()).collect::<Vec<_>>()
        })
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// The words of a line: quotes are the only thing of the shell that pages use.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_command_on_every_page_is_understood() {
    let folder = tempfile::TempDir::new().unwrap();
    // What the pages take for granted: their target file, one of a throw-away server, the folder of the example, and a logo.
    let target = blocks(&text("docs/target-file.md"))
        .into_iter()
        .chain(blocks(&text("README.md")))
        .filter(|block| block.lines.first().is_some_and(|line| line == "# grantlint.yaml"))
        .map(|block| block.lines.join("\n"))
        .next_back()
        .unwrap();
    fs::write(folder.path().join("grantlint.yaml"), target).unwrap();
    let literal = r#"{"targets":{"reference":{"token_endpoint":"http://127.0.0.1:9/token","client":{"client_id":"gl","client_secret":"x"}}}}"#;
    fs::write(folder.path().join("reference.yaml"), literal).unwrap();
    fs::write(folder.path().join("logo.svg"), "<svg/>").unwrap();
    let mut run = 0;
    for page in pages() {
        for line in shell_lines(&text(&page)) {
            let Some(arguments) = line.strip_prefix("grantlint ") else { continue };
            let example = root("docs/example").display().to_string();
            let arguments = arguments.split(" > ").next().unwrap().replace("docs/example", &example);
            let mut command = grantlint(folder.path());
            command.args(words(&arguments));
            match arguments.split(' ').next().unwrap() {
                "check" if !arguments.contains("--dry-run") => drop(command.arg("--dry-run")),
                // These would start servers, or need a saved run; that they are understood is what can be seen at no cost.
                "serve" | "demo" | "selftest" | "report" | "compare" | "waiver" => drop(command.arg("--help")),
                _ => {}
            }
            let output = command.output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{page}: `{line}`\n{}", stderr(&output));
            assert!(!output.stdout.is_empty(), "{page}: `{line}` prints nothing");
            run += 1;
        }
    }
    assert!(run >= 15, "only {run} commands were found on the pages");
}

#[test]
fn the_readme_names_the_two_commands_in_one_block() {
    let readme = text("README.md");
    let first = blocks(&readme).into_iter().next().unwrap();
    assert_eq!(first.lines, ["cargo run --release -- demo", "cargo test"]);
    assert!(
        readme.lines().nth(2).unwrap().contains("*running* endpoint"),
        "the first line says what it is run against"
    );
}

#[test]
fn the_demo_ends_with_zero_when_both_runs_came_out_as_they_must() {
    let folder = tempfile::TempDir::new().unwrap();
    let output = grantlint(folder.path()).args(["demo", "-q", "-o", "json=run.json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let runs: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("run.json")).unwrap()).unwrap();
    let codes: Vec<_> = runs["runs"].as_array().unwrap().iter().map(|run| run["exit"]["code"].clone()).collect();
    assert_eq!(codes, [0, 1]);
}

#[test]
fn commands_print_what_their_cases_say() {
    trycmd::TestCases::new()
        .register_bin("grantlint", trycmd::schema::Bin::Path(env!("CARGO_BIN_EXE_grantlint").into()))
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .case("tests/cmd/*.trycmd");
}

#[test]
fn without_a_secret_nothing_is_sent_and_the_way_out_is_named() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut command = grantlint(folder.path());
    command.args(["check", "--token-endpoint", "https://as.example/token", "--client-id", "gl"]);
    let output = command.env_remove("GRANTLINT_CLIENT_SECRET").stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("GRANTLINT_CLIENT_SECRET"), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn exit_codes_are_as_the_table_says() {
    let code = |output: std::process::Output| (output.status.code(), stdout(&output) + &stderr(&output));
    let is = |expected: i32, (found, said): (Option<i32>, String)| assert_eq!(found, Some(expected), "{said}");
    let sound = serve(&[], &[]);
    is(0, code(sound.check(&[])));
    is(2, code(sound.check(&["--only", "no/such-check"])));
    is(4, code(sound.check(&["--only", "rfc8996/**"])));
    // A folder stands where the report should go.
    fs::create_dir(sound.folder.path().join("taken")).unwrap();
    is(5, code(sound.check(&["--only", "rfc6749/token-type-missing", "-o", "json=taken"])));
    let faulty = serve(&["rfc6749/token-response-cacheable"], &[]);
    is(1, code(faulty.check(&[])));
    is(0, code(faulty.check(&["--fail-on", "never"])));
    // Nothing listens there once it is gone.
    let target = faulty.folder.path().join("reference.yaml");
    let gone = tempfile::TempDir::new().unwrap();
    fs::copy(target, gone.path().join("reference.yaml")).unwrap();
    drop(faulty);
    let mut command: Command = grantlint(gone.path());
    command.args(["check", "--config", "reference.yaml", "--allow-literal-secrets"]);
    is(3, code(command.output().unwrap()));
}
