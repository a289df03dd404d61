//! The JSON Schemas of all file kinds are generated from the types and committed; `GRANTLINT_BLESS=1 cargo test --test schemas`
//! writes them again.

use std::{env, fs, path::Path};

use grantlint::report::model::RunReport;
use grantlint::suite::files::{CheckFile, DiagnosisFile, ExchangeFile, SuiteFile};
use schemars::Schema;
use schemars::generate::SchemaSettings;

fn generate<T: schemars::JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}

fn is_current(name: &str, schema: &Schema) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/schema").join(format!("{name}.schema.json"));
    let text = format!("{}\n", serde_json::to_string_pretty(schema).unwrap());
    // What is current is left alone: other tests read these files meanwhile.
    if env::var_os("GRANTLINT_BLESS").is_some() && fs::read_to_string(&path).unwrap_or_default() != text {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap_or_default(),
        text,
        "{name}: run with GRANTLINT_BLESS=1 and commit the difference"
    );
}

#[test]
fn exchange() {
    is_current("exchange", &generate::<ExchangeFile>());
}

#[test]
fn check() {
    is_current("check", &generate::<CheckFile>());
}

#[test]
fn suite() {
    is_current("suite", &generate::<SuiteFile>());
}

#[test]
fn diagnosis() {
    is_current("diagnosis", &generate::<DiagnosisFile>());
}

#[test]
fn run_report() {
    is_current("run-v1", &generate::<RunReport>());
}

#[test]
fn comparison() {
    is_current("comparison-v1", &generate::<grantlint::report::compare::json::ComparisonReport>());
}

#[test]
fn target() {
    is_current("target", &generate::<grantlint::target::TargetFile>());
}

#[test]
fn fault() {
    is_current("fault", &generate::<grantlint::server::Fault>());
}

#[test]
fn variation() {
    is_current("variation", &generate::<grantlint::server::Variation>());
}

#[test]
fn requirement() {
    is_current("requirement", &generate::<grantlint::suite::ledger::RequirementFile>());
}

#[test]
fn waivers() {
    is_current("waivers", &generate::<grantlint::report::waivers::WaiverFile>());
}

/// Every YAML file names its schema in its first line, for editors, and the schema is there and accepts it.
#[test]
fn every_file_names_its_schema_and_satisfies_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for folder in [
        "specs/exchanges",
        "specs/checks",
        "specs/suites",
        "specs/diagnoses",
        "specs/requirements",
        "fixtures/faults",
        "fixtures/variations",
    ] {
        let mut left = vec![root.join(folder)];
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            if path.extension().is_some_and(|extension| extension == "md") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let named = text.lines().next().and_then(|line| line.strip_prefix("# yaml-language-server: $schema="));
            let named = named.unwrap_or_else(|| panic!("{}: the first line names no schema", path.display()));
            let schema = fs::read_to_string(path.parent().unwrap().join(named))
                .unwrap_or_else(|error| panic!("{}: {named}: {error}", path.display()));
            let kind = grantlint::schema::FileKind::new(&schema).unwrap();
            let (_, file) = kind.read(&path.display().to_string(), &text);
            assert!(file.problems.is_empty(), "{file}");
            seen += 1;
        }
    }
    assert!(seen > 300, "{seen} files");
}
