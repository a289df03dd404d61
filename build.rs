//! Turns the YAML below `specs/` and `fixtures/` into JSON at build time, so that the binary starts without a YAML parser, and lays
//! the catalogue out, so that it reads what it is asked for and no more.

#[path = "src/yaml/parse.rs"]
#[allow(dead_code, reason = "the library uses the rest")]
mod parse;

#[path = "src/suite/lay.rs"]
mod lay;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    println!("cargo::rerun-if-changed=src/yaml/parse.rs");
    println!("cargo::rerun-if-changed=src/suite/lay.rs");
    let specs = blob(&root.join("specs"), &["exchanges", "checks", "suites", "diagnoses", "registries"]);
    write(&out.join("catalogue.rs"), &catalogue(&specs));
    write(&out.join("specs.json"), &Value::Object(specs).to_string());
    let requirements = blob(&root.join("specs"), &["requirements"]);
    write(&out.join("requirements.json"), &Value::Object(requirements).to_string());
    let fixtures = blob(&root.join("fixtures"), &["faults", "variations"]);
    write(&out.join("fixtures.json"), &Value::Object(fixtures).to_string());
}

/// The catalogue as Rust: texts by id, which cost nothing before they are looked at.
fn catalogue(specs: &Map<String, Value>) -> String {
    let nothing = Map::new();
    let folder = |name: &str| specs.get(name).and_then(Value::as_object).unwrap_or(&nothing);
    let layout = lay::Layout::of(folder("exchanges")).unwrap_or_else(|errors| panic!("{}", errors.join("\n")));
    let laid = layout.exchanges.into_iter().map(|(id, content)| (id, Value::Object(content))).collect();
    let mut out = "static CATALOGUE: Embedded = Embedded {\n".to_owned();
    packed(&mut out, "exchanges", &laid);
    for name in ["checks", "suites", "diagnoses", "registries"] {
        packed(&mut out, name, folder(name));
    }
    let variants: Vec<String> = layout.variants.iter().map(|(id, ids)| format!("({id:?}, &{ids:?})")).collect();
    writeln!(out, "variants: &[{}],\nsame: &{:?},\n}};", variants.join(", "), layout.same).expect("it is a text");
    out
}

fn packed(out: &mut String, kind: &str, files: &Map<String, Value>) {
    writeln!(out, "{kind}: &[").expect("it is a text");
    for (id, file) in files {
        let text = |key: &str| file.get(key).and_then(Value::as_str).unwrap_or_default();
        let (title, level, text) = (text("title"), text("level"), file.to_string());
        writeln!(out, "Packed {{ id: {id:?}, title: {title:?}, level: {level:?}, text: {text:?} }},")
            .expect("it is a text");
    }
    out.push_str("],\n");
}

/// Folder name → id → content.
fn blob(root: &Path, folders: &[&str]) -> Map<String, Value> {
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
    all
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

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
