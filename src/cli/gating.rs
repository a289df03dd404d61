//! What decides the exit code beside the findings: the gate, waivers, a baseline; and where findings point.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::output::tell;
use super::report_args::ReportArgs;
use super::values::Spot;
use crate::report::baseline::Baseline;
use crate::report::conclude;
use crate::report::model::{FailOn, Place, RunReport, Source};
use crate::report::saved;
use crate::report::waivers::{self, Waiver};
use crate::target;

/// The flags of the gate, with the files that they name.
#[derive(Debug, Default)]
pub(super) struct Gating {
    /// `None`: the default, or what a saved run had.
    pub(super) fail_on: Option<FailOn>,
    pub(super) waivers: Vec<Waiver>,
    no_waivers: bool,
    fail_on_stale: bool,
    baseline: Option<(PathBuf, Baseline)>,
    spot: Option<Spot>,
    exit_zero: bool,
}

impl Gating {
    /// Reads the files that the flags name; nothing was sent yet.
    pub(super) fn read(args: &ReportArgs) -> Result<Self, Failure> {
        let baseline = args.baseline.as_ref().map(|path| Ok::<_, Failure>((path.clone(), Baseline::new(&runs(path)?))));
        Ok(Self {
            fail_on: args.fail_on.map(Into::into),
            waivers: waivers_of(args.waivers.as_deref().filter(|_| !args.no_waivers))?,
            no_waivers: args.no_waivers,
            fail_on_stale: args.fail_on_stale,
            baseline: baseline.transpose()?,
            spot: args.location.clone(),
            exit_zero: args.exit_zero,
        })
    }

    /// Lays baseline, gate and place over an assembled run.
    pub(super) fn apply(&self, report: &mut RunReport) {
        report.exit.fail_on = self.fail_on.unwrap_or(report.exit.fail_on);
        report.exit.fail_on_stale |= self.fail_on_stale;
        report.exit.no_waivers &= self.waivers.is_empty();
        if self.no_waivers {
            waivers::lift(report);
        }
        if let Some(Spot { path, line }) = &self.spot {
            let place = Place { line: *line, column: 1, end_column: 2 };
            report.source = Some(Source { file: path.clone(), places: [(String::new(), place)].into() });
        }
        match &self.baseline {
            Some((path, baseline)) => {
                if !baseline.has(report) {
                    let name = report.target.get("name").and_then(|name| name.as_str()).unwrap_or_default();
                    let path = path.display();
                    tell(&format!("note: `{path}` has no run of target `{name}`: all of its violations are new"));
                }
                baseline.apply(report);
            }
            None => conclude::decide(report),
        }
    }

    /// The exit code of all runs together.
    pub(super) fn code(&self, reports: &[&RunReport]) -> u8 {
        match conclude::worst(reports) {
            1 if self.exit_zero => 0,
            code => code,
        }
    }
}

/// The waivers of a file; none without one.
fn waivers_of(path: Option<&Path>) -> Result<Vec<Waiver>, Failure> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(path).map_err(|error| unreadable_waivers(path, &error))?;
    waivers::read(&in_repository(path), &text).map_err(|file| Failure::waivers(*file))
}

/// A waiver file that is not there, or not for us.
pub(super) fn unreadable_waivers(path: &Path, error: &io::Error) -> Failure {
    let help = "name the file with --waivers FILE; `grantlint waiver add` makes one".to_owned();
    Failure::usage(format!("cannot read waiver file `{}`: {error}", path.display()), help)
}

/// The runs of a saved report; `-` is standard input.
pub(super) fn runs(path: &Path) -> Result<Vec<RunReport>, Failure> {
    let unreadable = |error: io::Error| {
        let help = "give a file that `grantlint check -o json=PATH` wrote".to_owned();
        Failure::usage(format!("cannot read saved run `{}`: {error}", path.display()), help)
    };
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().take(saved::MOST_BYTES + 1).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(saved::MOST_BYTES + 1).read_to_string(&mut text))
    };
    read.map_err(unreadable)?;
    if text.len() as u64 > saved::MOST_BYTES {
        let help = "give the runs one by one".to_owned();
        return Err(Failure::usage(format!("saved run `{}` is larger than 64 MiB", path.display()), help));
    }
    saved::read(&path.display().to_string(), &text).map_err(|mistakes| Failure::saved(&mistakes))
}

/// Where a target stands, as reports say it.
pub(super) fn source(source: &target::Source) -> Source {
    let place = |place: &target::Place| Place { line: place.line, column: place.column, end_column: place.end_column };
    Source {
        file: in_repository(Path::new(&source.path)),
        places: source.places.iter().map(|(name, at)| (name.clone(), place(at))).collect(),
    }
}

/// A path relative to the root of the repository that the file is in, as CI servers want it; elsewhere as it was given.
pub(super) fn in_repository(path: &Path) -> String {
    let given = || path.display().to_string();
    // Of a report that is yet to be written a folder above is there.
    let whole = path.ancestors().find_map(|above| {
        let known = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        let (known, rest) = (known.canonicalize().ok()?, path.strip_prefix(above).ok()?);
        Some(if rest.as_os_str().is_empty() { known } else { known.join(rest) })
    });
    let Some(whole) = whole else { return given() };
    let root = whole.ancestors().skip(1).find(|folder| folder.join(".git").exists());
    root.and_then(|root| whole.strip_prefix(root).ok()).map_or_else(given, |relative| relative.display().to_string())
}
