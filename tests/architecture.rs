//! The module table of `docs/design.md`: who may import whom, read from the `use` lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Module → what it may import.
const MAY_IMPORT: [(&str, &[&str]); 19] = [
    ("yaml", &[]),
    ("clock", &[]),
    ("oauth", &[]),
    ("jose", &[]),
    ("agent", &["oauth", "exchange"]),
    ("schema", &["yaml"]),
    ("exchange", &["oauth"]),
    ("suite", &["yaml", "schema", "oauth", "exchange"]),
    ("target", &["yaml", "schema", "oauth", "jose"]),
    ("plan", &["oauth", "exchange", "suite", "target"]),
    ("run", &["clock", "oauth", "jose", "agent", "exchange", "suite", "target", "plan"]),
    ("export", &["oauth", "exchange", "suite", "target", "plan", "run"]),
    ("judge", &["oauth", "exchange", "suite"]),
    ("report", &["yaml", "schema", "oauth", "exchange", "suite", "judge"]),
    ("replay", &["jose", "agent", "exchange", "suite", "target"]),
    ("server", &["clock", "oauth"]),
    ("mutation", &["clock", "oauth", "exchange", "suite", "target", "plan", "run", "judge", "report", "server"]),
    (
        "cli",
        &[
            "yaml", "schema", "clock", "oauth", "exchange", "suite", "target", "plan", "run", "export", "judge",
            "replay", "report", "server", "mutation",
        ],
    ),
    ("main", &["cli"]),
];

fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
}

/// The module that a file belongs to: its first path segment below `src`.
fn module(root: &Path, path: &Path) -> String {
    let first = path.strip_prefix(root).unwrap().iter().next().unwrap().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Every module named behind `crate::` or, in `main.rs`, behind the crate's name.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for start in ["crate::", "grantlint::"] {
        for (at, _) in text.match_indices(start) {
            if text[..at].ends_with('$') {
                continue;
            }
            let rest = &text[at + start.len()..];
            let names: Vec<&str> = match rest.strip_prefix('{') {
                Some(list) => list.split('}').next().unwrap_or_default().split(',').map(str::trim).collect(),
                None => vec![rest],
            };
            for name in names {
                let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
                found.insert(name[..end].to_owned());
            }
        }
    }
    found
}

#[test]
fn no_module_imports_what_the_table_does_not_allow() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table: BTreeMap<&str, &[&str]> = MAY_IMPORT.into_iter().collect();
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for path in files.iter().filter(|path| !path.ends_with("src/lib.rs")) {
        let own = module(&root, path);
        seen.insert(own.clone());
        let Some(allowed) = table.get(own.as_str()) else {
            wrong.push(format!("{} belongs to no module of the table", path.display()));
            continue;
        };
        for import in imports(&fs::read_to_string(path).unwrap()) {
            if table.contains_key(import.as_str()) && import != own && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{} imports `{import}`", path.strip_prefix(&root).unwrap().display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen.len(), table.len(), "the table names modules that are not there: {seen:?}");
}

#[test]
fn no_file_is_too_long_to_be_one_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let long: Vec<String> = files
        .iter()
        .map(|path| (fs::read_to_string(path).unwrap().lines().count(), path))
        .filter(|(lines, path)| *lines > if path.ends_with("src/main.rs") { 30 } else { 400 })
        .map(|(lines, path)| format!("{}: {lines} lines", path.strip_prefix(&root).unwrap().display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}
