//! A command that could not do its work: what, where, the way out, and the exit code.

use std::error::Error as _;

use super::colour;
use super::output::tell;
use crate::report::{saved, write};
use crate::yaml::FileProblems;
use crate::{mutation, run, server, suite, target};

/// Why a command ended without a report.
#[derive(Debug)]
pub(super) struct Failure {
    /// 2 unless said otherwise: usage, target file or spec files; nothing was sent.
    pub(super) code: u8,
    message: String,
    help: Option<String>,
    files: Vec<FileProblems>,
}

impl Failure {
    pub(super) fn usage(message: impl Into<String>, help: impl Into<Option<String>>) -> Self {
        Self { code: 2, message: message.into(), help: help.into(), files: Vec::new() }
    }

    /// What was built in does not fit together: our bug.
    pub(super) fn internal(message: String) -> Self {
        Self { code: 70, ..Self::usage(message, "please report this".to_owned()) }
    }

    /// Ended by whoever started it, before there was anything to report.
    pub(super) fn interrupted() -> Self {
        Self { code: 130, ..Self::usage("interrupted; nothing was sent", None) }
    }

    /// A saved run that cannot be read.
    pub(super) fn saved(mistakes: &saved::Mistakes) -> Self {
        let message = format!("a saved run has mistakes\n{mistakes}");
        Self::usage(message, mistakes.help.to_owned())
    }

    pub(super) fn waivers(file: FileProblems) -> Self {
        Self { files: vec![file], ..Self::usage("the waiver file has mistakes", None) }
    }

    pub(super) fn print(&self) {
        for file in &self.files {
            tell(file.render(colour::stderr()).trim_end());
        }
        tell(&format!("grantlint: {}", self.message));
        if let Some(help) = &self.help {
            tell(&format!("  help: {help}"));
        }
    }
}

impl From<suite::Error> for Failure {
    fn from(error: suite::Error) -> Self {
        let message = match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        match error {
            suite::Error::Mistakes(files) => Self { files, ..Self::usage(message, None) },
            suite::Error::Embedded(_) => Self { code: 70, ..Self::usage(message, None) },
            _ => Self::usage(
                message,
                "--specs takes a folder with exchanges/, checks/, suites/ or diagnoses/ in it".to_owned(),
            ),
        }
    }
}

impl From<target::Error> for Failure {
    fn from(error: target::Error) -> Self {
        let message = error.to_string();
        let help = error.help().map(str::to_owned);
        match error {
            target::Error::Mistakes(file) => Self { files: vec![*file], ..Self::usage(message, help) },
            _ => Self::usage(message, help),
        }
    }
}

impl From<run::Error> for Failure {
    fn from(error: run::Error) -> Self {
        Self::usage(error.to_string(), None)
    }
}

impl From<write::Error> for Failure {
    fn from(error: write::Error) -> Self {
        let message = match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        Self { code: 5, ..Self::usage(message, error.help()) }
    }
}

impl From<server::Error> for Failure {
    fn from(error: server::Error) -> Self {
        Self::usage(format!("the reference server does not start: {error}"), None)
    }
}

impl From<mutation::Error> for Failure {
    fn from(error: mutation::Error) -> Self {
        Self { code: 70, ..Self::usage(error.to_string(), None) }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self { code: 5, ..Self::usage(format!("cannot write to standard output: {error}"), None) }
    }
}
