//! The parts of pages that are written from the program: the sample, the catalogue, the files of the example.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use grantlint::suite;

use crate::support::{SAMPLE, grantlint, is_current, root, serve, settled, stdout, text, with_block};

/// Blocks of a console report, which stand apart by empty lines.
fn paragraphs(report: &str) -> Vec<&str> {
    report.split("\n\n").collect()
}

#[test]
fn the_sample_of_the_readme_is_what_the_demo_prints() {
    let folder = tempfile::TempDir::new().unwrap();
    let output = grantlint(folder.path()).arg("demo").output().unwrap();
    let all = settled(&stdout(&output));
    let faulty = &all[all.rfind("grantlint 0.").unwrap()..];
    let blocks = paragraphs(faulty);
    // Two findings show how one looks: one that both answers turn on, and one of the standard alone.
    let find = |check: &str| {
        let start = format!("error[{check}]");
        blocks.iter().position(|block| block.starts_with(&start)).unwrap_or_else(|| panic!("the demo misses {check}"))
    };
    let shown = [find("coupa/call-out/basic-url-safe-refused"), find("rfc6749/token-response-cacheable")];
    let first = blocks.iter().position(|block| block.starts_with("error[")).unwrap();
    let mut sample = blocks[..first].join("\n\n");
    for block in shown {
        write!(sample, "\n\n{}", blocks[block]).unwrap();
        if blocks.get(block + 1).is_some_and(|next| next.starts_with("error[")) {
            sample.push_str("\n\n[…]");
        }
    }
    write!(sample, "\n\n[…]\n\n{}", blocks.last().unwrap()).unwrap();
    is_current("README.md", &with_block(&text("README.md"), SAMPLE, "<!-- /sample -->", "text", &sample));
}

#[test]
fn the_example_of_writing_a_check_holds() {
    let specs = root("docs/example/specs").display().to_string();
    let arguments = ["--specs", &specs, "--suite", "house"];
    let sound = serve(&[], &[]).check(&arguments);
    assert_eq!(sound.status.code(), Some(0), "{}", stdout(&sound));
    let long = serve(&[], &["token-lives-a-day"]).check(&arguments);
    assert_eq!(long.status.code(), Some(1), "{}", stdout(&long));
    // The page shows the folder as a reader in the repository names it.
    let report = settled(&stdout(&long)).replace(&specs, "docs/example/specs");
    let finding = paragraphs(&report).into_iter().find(|block| block.starts_with("error[house/")).unwrap();
    let page = text("docs/writing-a-check.md");
    let mut page = with_block(&page, SAMPLE, "<!-- /sample -->", "text", finding);
    for file in ["exchanges/house.token-read-only.yaml", "checks/house/token-lives-too-long.yaml", "suites/house.yaml"]
    {
        let path = format!("docs/example/specs/{file}");
        page = with_block(&page, &format!("<!-- file: {path} -->"), "<!-- /file -->", "yaml", &text(&path));
    }
    is_current("docs/writing-a-check.md", &page);
}

#[test]
fn the_page_of_coverage_is_the_ledger() {
    let ledger = suite::ledger::Ledger::of(&suite::embedded()).unwrap();
    let page = format!(
        "# Coverage\n\nWhich requirement is decided by which check. Written from the ledger (`specs/requirements`) by\n\
         `GRANTLINT_BLESS=1 cargo test --test docs`; `grantlint coverage` prints it.\n\n{}",
        grantlint::report::coverage::markdown(&ledger)
    );
    is_current("docs/coverage.md", &page);
}

#[test]
fn the_page_of_checks_is_the_catalogue() {
    let catalogue = suite::embedded();
    let mut folders: BTreeMap<&str, Vec<&suite::Check>> = BTreeMap::new();
    for check in catalogue.checks.values() {
        folders.entry(check.id.rsplit_once('/').map_or("", |(folder, _)| folder)).or_default().push(check);
    }
    let mut page = format!(
        "# Checks\n\nWritten from the catalogue by `GRANTLINT_BLESS=1 cargo test --test docs`. `grantlint explain ID` says more about each:\n\
         what is sent, what is accepted, why it matters, how to fix it.\n\n{} checks in {} folders. MUST and GRAMMAR fail a run, SHOULD warns, MAY \
         notes;\na check marked * is softer than its level, with a reason. A suite may change a level.\n",
        catalogue.checks.len(),
        folders.len()
    );
    for (folder, checks) in folders {
        write!(page, "\n## {folder}\n\n| check | level | source | found: |\n|---|---|---|---|\n").unwrap();
        for check in checks {
            let soft = if check.file.severity.is_some() { "*" } else { "" };
            let name = check.id.rsplit('/').next().unwrap_or_default();
            let title = check.file.title.replace('|', "\\|");
            let source = check.file.source.join(", ");
            let level = check.file.level.word();
            writeln!(page, "| [`{name}`](../specs/checks/{}.yaml) | {level}{soft} | {source} | {title} |", check.id)
                .unwrap();
        }
    }
    is_current("docs/checks.md", &page);
}

#[test]
fn the_files_for_ci_are_on_their_page() {
    let mut page = text("docs/ci.md");
    let named: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("<!-- file: ")?.strip_suffix(" -->").map(str::to_owned))
        .collect();
    for folder in ["docs/ci", "docs/ci/kubernetes"] {
        for entry in fs::read_dir(root(folder)).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            assert!(named.contains(&path), "docs/ci.md does not show {path}");
        }
    }
    for path in named {
        let language = match path.rsplit(['/', '.']).next().unwrap() {
            "Jenkinsfile" => "groovy",
            "Containerfile" => "dockerfile",
            _ => "yaml",
        };
        page = with_block(&page, &format!("<!-- file: {path} -->"), "<!-- /file -->", language, &text(&path));
    }
    is_current("docs/ci.md", &page);
}
