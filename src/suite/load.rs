//! Loading: the embedded files in parsed form, or a user's folder with every mistake told in place.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::{Map, Value};

use super::catalogue::{Catalogue, Embedded, Values};
use super::lint::{self, Files};
use super::shelf::Packed;
use crate::schema::FileKind;
use crate::yaml::FileProblems;

include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// Everything below `specs/` as it stands in its files: what a user's folder is laid over.
const SPECS: &str = include_str!(concat!(env!("OUT_DIR"), "/specs.json"));
/// The requirement ledger: read only when asked for.
const REQUIREMENTS: &str = include_str!(concat!(env!("OUT_DIR"), "/requirements.json"));
/// Faults and variations: read by `serve` and `selftest` only.
const FIXTURES: &str = include_str!(concat!(env!("OUT_DIR"), "/fixtures.json"));

/// Folder below a specs folder → the schema of its files.
pub const KINDS: [(&str, &str); 4] = [
    ("exchanges", include_str!("../../specs/schema/exchange.schema.json")),
    ("checks", include_str!("../../specs/schema/check.schema.json")),
    ("suites", include_str!("../../specs/schema/suite.schema.json")),
    ("diagnoses", include_str!("../../specs/schema/diagnosis.schema.json")),
];

/// Folder below a fixtures folder → the schema of its files.
const FIXTURE_KINDS: [(&str, &str); 2] = [
    ("faults", include_str!("../../specs/schema/fault.schema.json")),
    ("variations", include_str!("../../specs/schema/variation.schema.json")),
];

/// Why specs could not be loaded. Always the fault of the files, or of the disk.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Files have mistakes.
    #[error("{} in the spec files", count(.0))]
    Mistakes(Vec<FileProblems>),
    /// The folder has none of the folders that are looked for.
    #[error("`{folder}` holds nothing to read: none of the folders {wanted} is there")]
    Empty {
        /// The folder as given.
        folder: PathBuf,
        /// What was looked for.
        wanted: String,
    },
    /// The embedded files do not fit together: our bug.
    #[error("the embedded specs are broken, please report this: {}", .0.join("; "))]
    Embedded(Vec<String>),
}

fn count(files: &[FileProblems]) -> String {
    let all: usize = files.iter().map(|file| file.problems.len()).sum();
    if all == 1 { "1 mistake".into() } else { format!("{all} mistakes") }
}

fn read_embedded(text: &str) -> Values {
    serde_json::from_str(text).unwrap_or_default()
}

/// The embedded catalogue. Its files are read when they are asked for.
#[must_use]
pub fn embedded() -> Catalogue {
    Catalogue::embedded(&CATALOGUE)
}

/// The requirement ledger: file → rows.
#[must_use]
pub fn requirements() -> Map<String, Value> {
    read_embedded(REQUIREMENTS).swap_remove("requirements").unwrap_or_default()
}

/// Faults and variations as values, by folder and id.
#[must_use]
pub fn fixtures() -> Values {
    read_embedded(FIXTURES)
}

/// The same from a folder with `faults` and `variations` in it.
///
/// # Errors
/// Every mistake of every file at once.
pub fn fixtures_in(folder: &Path) -> Result<Values, Error> {
    let mut values = Values::new();
    let files = read_folder(folder, &FIXTURE_KINDS, &mut values)?;
    if files.clean() { Ok(values) } else { Err(Error::Mistakes(files.problems())) }
}

/// The embedded catalogue with the files of a folder added; a file with an embedded id takes its place.
///
/// # Errors
/// Every mistake of every file at once.
pub fn with_folder(folder: &Path) -> Result<Catalogue, Error> {
    let mut values = read_embedded(SPECS);
    let mut own: Values = Values::new();
    let files = read_folder(folder, &KINDS, &mut own)?;
    for (kind, entries) in own {
        let known = values.entry(kind).or_default();
        for (id, value) in entries {
            known.insert(id, value);
        }
    }
    finish(&values, files)
}

/// The catalogue of a folder alone: how the embedded specs themselves are checked.
///
/// # Errors
/// Every mistake of every file at once.
pub fn folder_alone(folder: &Path) -> Result<Catalogue, Error> {
    let mut values = Values::new();
    if let Some(registries) = read_embedded(SPECS).swap_remove("registries") {
        values.insert("registries".into(), registries);
    }
    let files = read_folder(folder, &KINDS, &mut values)?;
    finish(&values, files)
}

fn finish(values: &Values, mut files: Files) -> Result<Catalogue, Error> {
    lint::references(values, &mut files);
    match Catalogue::build(values) {
        Ok(catalogue) if files.clean() => {
            lint::catalogue(&catalogue, &mut files);
            if files.clean() { Ok(catalogue) } else { Err(Error::Mistakes(files.problems())) }
        }
        Ok(_) => Err(Error::Mistakes(files.problems())),
        Err(errors) if files.clean() => Err(Error::Embedded(errors)),
        Err(_) => Err(Error::Mistakes(files.problems())),
    }
}

fn read_folder(folder: &Path, kinds: &[(&str, &str)], values: &mut Values) -> Result<Files, Error> {
    let unreadable = |path: &Path, source| Error::Unreadable { path: path.to_owned(), source };
    fs::read_dir(folder).map_err(|source| unreadable(folder, source))?;
    let mut files = Files::default();
    let mut any = false;
    for (kind, schema_text) in kinds.iter().copied() {
        let base = folder.join(kind);
        if !base.is_dir() {
            continue;
        }
        any = true;
        let file_kind = FileKind::new(schema_text).map_err(|error| Error::Embedded(vec![error]))?;
        let mut paths = Vec::new();
        walk(&base, &mut paths).map_err(|source| unreadable(&base, source))?;
        paths.sort();
        for path in paths {
            let text = fs::read_to_string(&path).map_err(|source| unreadable(&path, source))?;
            let id = id_of(&base, &path);
            let shown = path.display().to_string();
            let (document, file) = file_kind.read(&shown, &text);
            match document {
                None => files.broken(file),
                Some(document) => {
                    if file.problems.is_empty() {
                        values.entry(kind.to_owned()).or_default().insert(id.clone(), document.value.clone());
                    }
                    files.add(kind, id, file, document);
                }
            }
        }
    }
    if any {
        return Ok(files);
    }
    let wanted: Vec<&str> = kinds.iter().map(|(kind, _)| *kind).collect();
    Err(Error::Empty { folder: folder.to_owned(), wanted: wanted.join(", ") })
}

/// The path below its folder, with `/` on every system and without `.yaml`.
fn id_of(base: &Path, path: &Path) -> String {
    let below = path.strip_prefix(base).unwrap_or(path).to_string_lossy().replace('\\', "/");
    below.strip_suffix(".yaml").map_or_else(|| below.clone(), str::to_owned)
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A user's folder with these files, and what the loader says of it.
    fn said(files: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        match with_folder(folder.path()) {
            Ok(_) => "no mistake".into(),
            Err(Error::Mistakes(files)) => files.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_the_build_laid_out_is_what_the_files_say() {
        let (built, read) = (embedded(), Catalogue::build(&read_embedded(SPECS)).unwrap());
        let whole = |catalogue: &Catalogue| {
            let mut all: Vec<String> = catalogue.exchanges.values().map(|exchange| format!("{exchange:?}")).collect();
            all.extend(catalogue.checks.values().map(|check| format!("{check:?}")));
            all.extend(catalogue.suites.values().map(|suite| format!("{suite:?}")));
            all.extend(catalogue.diagnoses.values().map(|diagnosis| format!("{diagnosis:?}")));
            all.extend(catalogue.registries.values().map(|registry| format!("{registry:?}")));
            all
        };
        assert_eq!(whole(&built), whole(&read));
        assert_eq!(built.headings().collect::<Vec<_>>(), read.headings().collect::<Vec<_>>());
        for id in read_embedded(SPECS)["exchanges"].keys() {
            assert_eq!(built.expand(id), read.expand(id));
            assert_eq!(built.representative(id), read.representative(id));
        }
    }

    const EXCHANGE: &str = "endpoint: token_endpoint\nworks: { /answer: { const: token } }\n";

    fn check(lines: &str) -> String {
        format!("title: a flaw\nlevel: MUST\nsource: [RFC 6749 §5.1]\ncovers: [x]\nwhy: because\nfix: do it\n{lines}\n")
    }

    /// One mistake in a check on the exchange `own.x`, and what is said of it.
    fn mistake(lines: &str) -> String {
        said(&[("exchanges/own.x.yaml", EXCHANGE), ("checks/own/a.yaml", &check(lines))])
    }

    #[test]
    fn a_right_check_is_taken() {
        assert_eq!(mistake("exchange: own.x\nexpect: { /answer: { const: token } }"), "no mistake");
    }

    #[test]
    fn each_mistake_is_told_in_place_with_the_nearest_right_name() {
        let table = [
            ("exchange: own.x\nexpct: { /answer: { const: token } }", "unknown key `expct`", "did you mean `expect`?"),
            (
                "exchange: own.y\nexpect: { /answer: { const: token } }",
                "unknown exchange `own.y`",
                "did you mean `own.x`?",
            ),
            ("exchange: own.x\nexpect: { /answr: { const: token } }", "no member `answr`", "did you mean `answer`?"),
            ("exchange: own.x\nexpect: { answer: { const: token } }", "begins with `/`", ""),
            ("exchange: own.x\nexpect: { /response/json/a~b: present }", "not a JSON Pointer", "`~0`"),
            ("exchange: own.x\nexpect: { /answer: { const: '${own.z/x}' } }", "unknown exchange `own.z`", "own.x"),
            (
                "exchange: own.x\nexpect: { /answer: { const: '${own.x/a | uper}' } }",
                "unknown transform `uper`",
                "`upper`",
            ),
            (
                "exchange: own.x\nexpect: { /answer: { enum: '${registry.token_error}' } }",
                "unknown registry",
                "token_errors",
            ),
            (
                "exchange: own.x\nexpect: { /response/json/expires_in: { minimum: 1 } }",
                "passes on every value of another type",
                "type: integer",
            ),
            ("exchange: own.x\nexpect: { /answer: { type: strng } }", "not a JSON Schema", ""),
            ("exchange: own.x\nexpect: { /answer: { cnst: token } }", "unknown keyword `cnst`", "`const`"),
            ("exchange: own.x\nexpect: { /answer: { type: string, pattern: tok } }", "not anchored", "`^…$`"),
            (
                "exchange: own.x\nexpect: { /answer: { type: string, format: vchar } }",
                "unknown format `vchar`",
                "vschar",
            ),
            (
                "exchange: own.x\nexpect: { /response/json: { type: object, properties: { a: { const: 1 } } } }",
                "passes when the member is missing",
                "required",
            ),
            ("exchange: own.x\nexpect: { /answer: { title: x } }", "accepts everything", "`present`"),
            ("exchanges: { a: own.x }\nexpect: { /b/answer: { const: token } }", "none of the roles", "known here: a"),
            (
                "exchange: own.x\nexpect: { /answer: { const: '${target.client.client_secret}' } }",
                "secrets may not stand in checks",
                "echoes",
            ),
            (
                "exchange: own.x\nseverity: warning\nexpect: { /answer: { const: token } }",
                "needs its reason",
                "because",
            ),
        ];
        for (lines, message, help) in table {
            let said = mistake(lines);
            assert!(said.contains(message) && said.contains(help), "{lines}\n{said}");
            assert!(said.contains("a.yaml:") && said.contains('^'), "{lines}\n{said}");
        }
    }

    #[test]
    fn a_check_without_source_or_fix_is_refused_and_both_are_told() {
        let said = said(&[
            ("exchanges/own.x.yaml", EXCHANGE),
            (
                "checks/own/a.yaml",
                "title: a\nlevel: MUST\ncovers: [x]\nwhy: b\nexchange: own.x\nexpect: { /answer: { const: token } }\n",
            ),
        ]);
        assert!(said.contains("`source` is missing") && said.contains("`fix` is missing"), "{said}");
    }

    #[test]
    fn absence_alone_proves_nothing_of_an_exchange_without_works() {
        let said = said(&[
            ("exchanges/own.x.yaml", "endpoint: token_endpoint\n"),
            ("checks/own/a.yaml", &check("exchange: own.x\nexpect: { /response/json/refresh_token: absent }")),
        ]);
        assert!(said.contains("only `absent` is expected"), "{said}");
    }

    #[test]
    fn cycles_between_exchanges_are_told() {
        let said = said(&[
            ("exchanges/own.a.yaml", "endpoint: token_endpoint\nparams: { x: '${own.b/answer}' }\n"),
            ("exchanges/own.b.yaml", "endpoint: token_endpoint\nparams: { x: '${own.a/answer}' }\n"),
        ]);
        assert!(said.contains("needs itself") && said.contains("own.a.yaml"), "{said}");
    }

    #[test]
    fn a_suite_pattern_that_fits_nothing_is_told() {
        let said = said(&[("suites/own.yaml", "title: own\nchecks: ['ownn/**']\n")]);
        assert!(said.contains("`ownn/**` fits no check"), "{said}");
    }

    #[test]
    fn a_folder_without_specs_is_told() {
        assert!(said(&[("readme.yaml", "x: 1\n")]).contains("holds nothing to read"));
    }
}
