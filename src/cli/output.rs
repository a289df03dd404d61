//! `-o FORMAT[=PATH]`: reports to files and to standard output, all from the one model.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::branding;
use super::colour;
use super::failure::Failure;
use super::gating::in_repository;
use super::report_args::ReportArgs;
use crate::report::console::{self, ConsoleOptions, Verbosity};
use crate::report::html;
use crate::report::junit::{self, JUnitOptions};
use crate::report::model::RunReport;
use crate::report::{github, gitlab, har, json, markdown, sarif, write};
use crate::yaml;

/// One report to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Output {
    format: Format,
    /// `None` is standard output.
    path: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Console,
    JUnit,
    Json,
    Sarif,
    GitHub,
    GitLab,
    Markdown,
    Har,
    Html,
    /// A folder instead of a file.
    HtmlDir,
}

const FORMATS: [(&str, Format); 10] = [
    ("console", Format::Console),
    ("junit", Format::JUnit),
    ("json", Format::Json),
    ("sarif", Format::Sarif),
    ("github", Format::GitHub),
    ("gitlab", Format::GitLab),
    ("markdown", Format::Markdown),
    ("har", Format::Har),
    ("html", Format::Html),
    ("html-dir", Format::HtmlDir),
];

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').map_or((text, None), |(name, path)| (name, Some(path)));
        let Some((_, format)) = FORMATS.iter().find(|(known, _)| *known == name) else {
            let help = yaml::did_you_mean(name, &FORMATS.map(|(name, _)| name)).unwrap_or_default();
            return Err(format!("unknown report format `{name}`: {help}"));
        };
        match path {
            Some("") => Err(format!("no path behind `{name}=`")),
            None | Some("-") if *format == Format::HtmlDir => Err("html-dir is a folder: `html-dir=PATH`".to_owned()),
            None | Some("-") => Ok(Self { format: *format, path: None }),
            Some(path) => Ok(Self { format: *format, path: Some(path.into()) }),
        }
    }
}

/// Two reports cannot share standard output, but for the console's and the annotations, which are both meant for the log of a job.
pub(super) fn valid(args: &ReportArgs) -> Result<(), Failure> {
    let printed: Vec<Format> = printed(args);
    if printed.len() > 1 && printed != [Format::Console, Format::GitHub] {
        let help = "give all but one a path, as in `-o junit=report.xml`".to_owned();
        return Err(Failure::usage("two reports would share standard output", help));
    }
    branding::valid(args, args.outputs.iter().any(|output| matches!(output.format, Format::Html | Format::HtmlDir)))?;
    for output in &args.outputs {
        if let Some(path) = output.path.as_ref().filter(|path| output.format == Format::HtmlDir && path.is_file()) {
            let help = "name a folder; it is made if it is not there".to_owned();
            return Err(Failure::usage(format!("`{}` is a file, and html-dir writes a folder", path.display()), help));
        }
        output.path.as_deref().map_or(Ok(()), has_directory)?;
        if let Some(path) = output.path.as_ref().filter(|_| output.format != Format::HtmlDir) {
            write::may_write(path)?;
        }
    }
    Ok(())
}

/// The directory of a file that is to be written is there; none is made, for it is more often a typing error.
pub(super) fn has_directory(path: &Path) -> Result<(), Failure> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let Some(directory) = directory.filter(|directory| !directory.is_dir()) else { return Ok(()) };
    let help = format!("make it first: `mkdir -p {}`", directory.display());
    let message = format!("there is no directory `{}` to write into", directory.display());
    Err(Failure::usage(message, help))
}

/// Writes every report: files first, so that what stands on the console last is the verdict. Without a report for standard
/// output the console report goes there.
pub(super) fn write_all(reports: &[&RunReport], args: &ReportArgs, again: Option<&str>) -> Result<(), Failure> {
    let attachments = attachments(args);
    let junit = JUnitOptions { warnings: args.junit_warnings.into(), file: None, attachments };
    let rendered = |format: Format, to_terminal: bool| match format {
        Format::Json => json::render_all(reports),
        Format::JUnit => junit::render(reports, &junit),
        Format::Sarif => sarif::render(reports),
        Format::GitHub => github::render(reports),
        Format::GitLab => gitlab::render(reports),
        Format::Markdown => markdown::render(reports),
        Format::Har => har::render(reports),
        Format::Html | Format::HtmlDir => html::render(reports, &branding::options(args)),
        Format::Console => {
            let options = ConsoleOptions {
                colour: to_terminal && colour::stdout(),
                links: to_terminal && colour::links(),
                width: if to_terminal { width() } else { 100 },
                verbosity: verbosity(args),
                rerun: again.map(str::to_owned),
            };
            reports.iter().map(|report| console::render(report, &options)).collect::<Vec<_>>().join("\n")
        }
    };
    let mut failure = None;
    for output in &args.outputs {
        let Some(path) = &output.path else { continue };
        let written = match output.format {
            Format::HtmlDir => write::write_folder(path, &html::render_folder(reports, &branding::options(args))),
            format => write::write(path, rendered(format, false).as_bytes()),
        };
        if let Err(error) = written {
            // The other reports are written all the same.
            failure = failure.or(Some(Failure::from(error)));
        }
    }
    if args.outputs.iter().any(|output| output.format == Format::GitHub)
        && let Err(error) = summarised(reports)
    {
        failure = failure.or(Some(error));
    }
    for format in printed(args) {
        print(&rendered(format, true))?;
    }
    failure.map_or(Ok(()), Err)
}

/// What is written beside the JUnit report for people and programs, the page first: GitLab shows one.
fn attachments(args: &ReportArgs) -> Vec<String> {
    let of = |format: Format| {
        let paths = args.outputs.iter().filter(move |output| output.format == format);
        paths.filter_map(|output| output.path.clone())
    };
    let pages = of(Format::Html).chain(of(Format::HtmlDir).map(|folder| folder.join("index.html")));
    let files = pages.chain(of(Format::Har)).chain(of(Format::Json));
    // A pipe or a device cannot be fetched afterwards.
    files.filter(|path| path.is_file() || !path.exists()).map(|path| in_repository(&path)).collect()
}

/// The reports for standard output, in the order in which they stand there.
fn printed(args: &ReportArgs) -> Vec<Format> {
    let printed = args.outputs.iter().filter(|output| output.path.is_none()).map(|output| output.format);
    let mut printed: Vec<Format> = printed.collect();
    if printed.is_empty() {
        printed.push(Format::Console);
    }
    if printed == [Format::GitHub, Format::Console] {
        printed.reverse();
    }
    printed
}

/// Bytes of a job summary, beyond which GitHub drops all of it.
const SUMMARY_BYTES: u64 = 1 << 20;

/// Adds the table of everything to the summary of a GitHub job, if this is one.
fn summarised(reports: &[&RunReport]) -> Result<(), Failure> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return Ok(());
    };
    let unwritable = |source: io::Error| Failure::from(write::Error::Unwritable { path: path.clone(), source });
    let mut file = OpenOptions::new().append(true).create(true).open(&path).map_err(unwritable)?;
    // What other commands of the step have written is there already.
    let used = file.metadata().map_err(unwritable)?.len();
    let room = usize::try_from((SUMMARY_BYTES - 1024).saturating_sub(used)).unwrap_or(0);
    let mut text = markdown::render_within(reports, room);
    if text.len() > room {
        text = "grantlint: no room is left for its summary\n".to_owned();
    }
    file.write_all(text.as_bytes()).map_err(unwritable)
}

/// Tells what readers will miss, before anything is sent: without a file GitHub discards a SARIF report.
pub(super) fn say_what_lacks(args: &ReportArgs, has_file: bool) {
    if !has_file && args.location.is_none() && args.outputs.iter().any(|output| output.format == Format::Sarif) {
        tell(
            "note: without a target file the SARIF report names no line, and GitHub takes none like that; say --location PATH",
        );
    }
}

/// Writes a line to standard error; where that cannot be written to, nobody reads it, and the exit code stays what it is.
pub(super) fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Writes to standard output; a reader that has gone (`| head`) is no error.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

fn verbosity(args: &ReportArgs) -> Verbosity {
    match (args.quiet, args.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, _) => Verbosity::Verbose,
    }
}

fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    columns.filter(|columns| (40..=400).contains(columns)).unwrap_or(100)
}
