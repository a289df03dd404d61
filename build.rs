//! Turns the YAML below `specs/` and `fixtures/` into JSON at build time, so that the binary starts without a YAML parser.

#[path = "src/yaml/parse.rs"]
#[allow(dead_code, reason = "the library uses the rest")]
mod parse;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    println!("cargo::rerun-if-changed=src/yaml/parse.rs");
    let specs = ["exchanges", "checks", "suites", "diagnoses", "registries"];
    write(&out.join("specs.json"), &blob(&root.join("specs"), &specs));
    write(&out.join("requirements.json"), &blob(&root.join("specs"), &["requirements"]));
    write(&out.join("fixtures.json"), &blob(&root.join("fixtures"), &["faults", "variations"]));
}

/// Folder name → id → content.
fn blob(root: &Path, folders: &[&str]) -> Value {
    let mut all = Map::new();
    for folder in folders {
        let base = root.join(folder);
        println!("cargo::rerun-if-changed={}", base.display());
        let mut files = Vec::new();
        walk(&base, &mut files);
        files.sort();
        let mut entries = Map::new();
        for file in files {
            let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let path = file.strip_prefix(&base).expect("below its folder").to_string_lossy().replace('\\', "/");
            let id = path.trim_end_matches(".yaml").to_owned();
            let document =
                parse::parse(&text).unwrap_or_else(|problems| panic!("{}: {}", file.display(), problems[0].message));
            entries.insert(id, document.value);
        }
        all.insert((*folder).to_owned(), Value::Object(entries));
    }
    Value::Object(all)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
}

fn write(path: &Path, value: &Value) {
    fs::write(path, value.to_string()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
