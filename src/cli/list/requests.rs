//! `grantlint list --requests`: what a suite asks of a target, from the plan that `check` would follow.

use super::super::args::ListArgs;
use super::super::failure::Failure;
use super::super::{output, pipeline};
use crate::plan::{self, Count};
use crate::server::{self, AuthorizationServer};
use crate::suite::{self, Catalogue, Wanted};
use crate::target::{self, Reading, Target};

const HEAD: [&str; 8] =
    ["suite", "logins", "authorizations", "token requests", "others", "guesses", "changes", "longest chain"];

pub(super) fn run(catalogue: &Catalogue, args: &ListArgs) -> Result<u8, Failure> {
    let targets = targets(args)?;
    let many = targets.len() > 1;
    let patience = pipeline::time(&args.patience)?;
    let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
    for target in &targets {
        let all: Vec<String> = match &args.config {
            None => catalogue.suites.keys().map(str::to_owned).collect(),
            Some(_) => pipeline::suites_of(catalogue, target),
        };
        let wanted = pipeline::wanted(catalogue, &args.select, &all)?;
        for suite in &wanted.suites {
            let one = Wanted { suites: vec![suite.clone()], ..wanted.clone() };
            let claims = catalogue.suites.get(suite).map(|suite| suite.file.claims.clone()).unwrap_or_default();
            let target = target.clone().claiming(&claims);
            let options = plan::Options { safe: args.safe, patience };
            let count = plan::plan(catalogue, &target, &suite::select(catalogue, &one), &options).count(catalogue);
            let name = if many { format!("{}: {suite}", target.name) } else { suite.clone() };
            rows.push(std::iter::once(name).chain(cells(&count)).collect());
        }
    }
    output::print(&table(&rows))?;
    Ok(0)
}

fn cells(count: &Count) -> [String; 7] {
    [
        count.logins,
        count.authorizations,
        count.token_requests,
        count.others,
        count.guesses,
        count.changes,
        count.longest_chain,
    ]
    .map(|number| number.to_string())
}

/// Those of the file, or one that claims everything the reference server has.
fn targets(args: &ListArgs) -> Result<Vec<Target>, Failure> {
    let Some(path) = &args.config else {
        let full = AuthorizationServer::new(&server::Settings::default(), "https://as.example".to_owned(), [0; 32]);
        return Ok(vec![target::from_entry("full", full.target())?]);
    };
    let reading = Reading { allow_literal_secrets: args.allow_literal_secrets, ..Reading::default() };
    Ok(target::read(path, &[], reading)?)
}

/// The first column to the left, numbers to the right, lines as wide as they have to be.
fn table(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = format!("{:width$}", row[0], width = widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            line.push_str(&format!("  {cell:>width$}"));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
