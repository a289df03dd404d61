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
    if env::var_os("GRANTLINT_BLESS").is_some() {
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
fn target() {
    is_current("target", &generate::<grantlint::target::TargetFile>());
}
