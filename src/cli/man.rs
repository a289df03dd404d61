//! `grantlint man [DIR]`: manual pages, from the same model as `--help`.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man;

use super::args::Cli;
use super::failure::Failure;
use super::output;
use crate::report::write;

/// `man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Folder to write a page for each command into
    ///
    /// Without it, the page of grantlint itself is printed.
    #[arg(value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs) -> Result<u8, Failure> {
    let mut root = Cli::command();
    root.build();
    let Some(folder) = &args.folder else {
        output::print(&rendered(&root, "grantlint")?)?;
        return Ok(0);
    };
    std::fs::create_dir_all(folder).map_err(|error| {
        let help = "name a folder that you may write to".to_owned();
        Failure::usage(format!("cannot make the folder `{}`: {error}", folder.display()), help)
    })?;
    let mut written = Vec::new();
    pages(folder, &root, "grantlint", &mut written)?;
    output::print(&written.join(""))?;
    Ok(0)
}

/// The page of a command, and those of the commands below it.
fn pages(folder: &Path, command: &Command, name: &str, written: &mut Vec<String>) -> Result<(), Failure> {
    written.push(page(folder, command, name)?);
    command
        .get_subcommands()
        .try_for_each(|below| pages(folder, below, &format!("{name}-{}", below.get_name()), written))
}

/// Writes a page; answers a line that names it.
fn page(folder: &Path, command: &Command, name: &str) -> Result<String, Failure> {
    let path = folder.join(format!("{name}.1"));
    write::write(&path, rendered(command, name)?.as_bytes())?;
    Ok(format!("{}\n", path.display()))
}

fn rendered(command: &Command, name: &str) -> Result<String, io::Error> {
    let mut page = Vec::new();
    let man = Man::new(command.clone()).title(name).manual("grantlint manual");
    man.render(&mut page)?;
    // Without a date the crate writes one word too few. The date of a build would make every build another page.
    let heading = format!(".TH {name} 1 \"\" \"grantlint {}\" \"grantlint manual\"", env!("CARGO_PKG_VERSION"));
    let page = String::from_utf8_lossy(&page).into_owned();
    Ok(page
        .lines()
        .map(|line| if line.starts_with(".TH ") { heading.as_str() } else { line })
        .collect::<Vec<_>>()
        .join("\n")
        + "\n")
}
