//! `--title`, `--customer`, `--logo`: what an HTML report says of whom it is from and for.

use std::fs::File;
use std::io::Read as _;

use super::failure::Failure;
use super::report_args::ReportArgs;
use crate::report::html::HtmlOptions;
use crate::report::html::logo::{Logo, MOST_BYTES};

/// `--logo`: the file is read while the arguments are, so that a wrong one is told before anything is sent.
pub(super) fn logo(path: &str) -> Result<Logo, String> {
    let most = MOST_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|error| format!("it cannot be read: {error}"))?;
    Logo::from_bytes(bytes).map_err(|error| format!("{error}: {}", error.help()))
}

/// A flag without an HTML report would be lost in silence.
pub(super) fn valid(args: &ReportArgs, has_html: bool) -> Result<(), Failure> {
    let given = [("title", args.title.is_some()), ("customer", args.customer.is_some()), ("logo", args.logo.is_some())];
    match given.iter().find(|(_, given)| *given && !has_html) {
        Some((flag, _)) => {
            let help = "add `-o html=report.html`, or leave it out".to_owned();
            Err(Failure::usage(format!("--{flag} is for the HTML report, and none is written"), help))
        }
        None => Ok(()),
    }
}

/// For the writer.
pub(super) fn options(args: &ReportArgs) -> HtmlOptions {
    HtmlOptions { title: args.title.clone(), customer: args.customer.clone(), logo: args.logo.clone() }
}
