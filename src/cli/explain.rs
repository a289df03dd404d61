//! `grantlint explain CHECK`: everything a reader needs to believe a finding and to act on it. Works offline.

use serde_json::Value;

use super::args::ExplainArgs;
use super::failure::Failure;
use super::{output, pipeline};
use crate::report::wrap;
use crate::suite::files::{OneOrMany, Risk};
use crate::suite::{self, Catalogue, Check, Clauses, Matcher, Suite, matches, words};
use crate::yaml;

/// Columns of the text.
const WIDTH: usize = 100;

pub(super) fn run(args: &ExplainArgs) -> Result<u8, Failure> {
    let catalogue = pipeline::catalogue(args.specs.as_deref())?;
    let Some(check) = catalogue.checks.get(&args.check) else {
        let known: Vec<&str> = catalogue.checks.keys().collect();
        let last = |id: &str| id.rsplit('/').next().unwrap_or_default().to_owned();
        // A reader often has the slug alone.
        let help = known
            .iter()
            .find(|id| last(id) == last(&args.check))
            .copied()
            .or_else(|| yaml::nearest(&args.check, known))
            .map_or_else(|| "see `grantlint list`".to_owned(), |near| format!("did you mean `{near}`?"));
        return Err(Failure::usage(format!("no check is called `{}`", args.check), help));
    };
    output::print(&explained(catalogue, check))?;
    Ok(0)
}

/// Headings with their paragraphs.
struct Text(String);

impl Text {
    fn section(&mut self, heading: &str, paragraphs: Vec<String>) {
        if paragraphs.is_empty() {
            return;
        }
        self.0.push_str(&format!("{heading}\n"));
        for line in paragraphs.iter().flat_map(|paragraph| wrap::wrapped(paragraph, WIDTH - 4)) {
            self.0.push_str(&format!("    {line}\n"));
        }
        self.0.push('\n');
    }
}

fn explained(catalogue: &Catalogue, check: &Check) -> String {
    let file = &check.file;
    let mut text = Text(format!("{}\n{}\n\n", check.id, file.title));
    let because = file.because.as_deref().unwrap_or_default().trim();
    let softer = file.severity.map(|soft| format!(", counts as a {} because {because}", soft.word()));
    let requirement = format!("{}: {}{}", file.level.word(), file.source.join(", "), softer.unwrap_or_default());
    text.section("Requirement", std::iter::once(requirement).chain(statements(&file.covers)).collect());
    text.section("What is sent", sent(catalogue, check));
    if let Some(when) = &check.when {
        let mut lines = accepted(check, when);
        lines.extend(file.otherwise.iter().map(|otherwise| format!("otherwise: {otherwise}")));
        text.section("Only when", lines);
    }
    if let Some(given) = &check.given {
        text.section("An answer proves something when", accepted(check, given));
    }
    text.section("What is accepted", accepted(check, &check.expect));
    if let Some(everywhere) = file.also_every {
        text.section("Also applied to", vec![format!("every other answer of {} in a run", everywhere.words())]);
    }
    text.section("Why it matters", vec![file.why.trim().to_owned()]);
    text.section("How to fix it", vec![file.fix.trim().to_owned()]);
    let fits = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, &check.id));
    let suites: Vec<&Suite> = catalogue.suites.values().filter(|suite| fits(&suite.file.checks)).collect();
    let names: Vec<&str> = suites.iter().map(|suite| suite.id.as_str()).collect();
    text.section("Suites", vec![names.join(", ")]);
    for suite in suites {
        let Some(caller) = &suite.file.caller else { continue };
        let seen = suite.file.sees.iter().find(|(_, patterns)| fits(patterns));
        if let Some(diagnosis) = seen.and_then(|(id, _)| catalogue.diagnoses.get(id)) {
            let lines = diagnosis.shown.iter().cloned().chain([diagnosis.means.trim().to_owned()]);
            text.section(&format!("What an administrator sees ({caller})"), lines.collect());
        }
    }
    text.section("Ask this alone", vec![format!("grantlint check --only {}", check.id)]);
    text.0
}

/// The rows of the ledger that the check covers, in our words.
fn statements(covers: &[String]) -> Vec<String> {
    let ledger = suite::requirements();
    let rows = || ledger.values().filter_map(Value::as_array).flatten();
    covers
        .iter()
        .filter_map(|id| rows().find(|row| row.get("id").and_then(Value::as_str) == Some(id)))
        .filter_map(|row| row.get("statement").and_then(Value::as_str))
        .map(|statement| format!("“{}”", statement.trim()))
        .collect()
}

fn sent(catalogue: &Catalogue, check: &Check) -> Vec<String> {
    let names: Vec<&str> = match (&check.file.exchange, &check.file.exchanges) {
        (Some(one), _) => one.list(),
        (None, Some(roles)) => roles.values().flat_map(OneOrMany::list).collect(),
        (None, None) => Vec::new(),
    };
    let mut lines = Vec::new();
    let role = |id: &str| {
        let roles = check.file.exchanges.iter().flatten();
        let mut named = roles
            .filter(|(_, names)| names.list().iter().any(|name| id.split('[').next() == Some(name) || *name == id));
        named.next().map(|(role, _)| format!("“{role}”: ")).unwrap_or_default()
    };
    for exchange in names.iter().flat_map(|name| catalogue.expand(name)).filter_map(|id| catalogue.exchanges.get(&id)) {
        let endpoint = exchange.file.endpoint.map_or("a URL of its own", |endpoint| endpoint.name());
        let title = exchange.file.title.clone().unwrap_or_default();
        let risk = match exchange.file.risk {
            Risk::None => String::new(),
            risk => format!(" (risk: {}; left out by --safe)", risk.word()),
        };
        lines.push(format!("{}{} to {endpoint}: {title}{risk}", role(&exchange.id), exchange.id));
    }
    lines
}

/// A place as its reader knows it, with the role that it belongs to.
fn place(check: &Check, place: &str) -> String {
    if check.file.exchanges.is_none() {
        return words::place(place);
    }
    let rest = place.trim_start_matches('/');
    let (role, below) = rest.split_once('/').map_or((rest, String::new()), |(role, below)| (role, format!("/{below}")));
    format!("{} of “{role}”", words::place(&below))
}

fn accepted(check: &Check, clauses: &Clauses) -> Vec<String> {
    let several = clauses.0.len() > 1;
    clauses
        .0
        .iter()
        .enumerate()
        .map(|(nth, alternative)| {
            let all: Vec<String> = alternative
                .iter()
                .map(|clause| {
                    let said = match &clause.matcher {
                        Matcher::Absent => "nothing there".to_owned(),
                        Matcher::Present => "something there".to_owned(),
                        Matcher::Schema { schema, .. } => words::expected_at(&clause.place, schema),
                    };
                    format!("{}: {said}", place(check, &clause.place))
                })
                .collect();
            let start = if several { format!("({}) ", nth + 1) } else { String::new() };
            format!("{start}{}", all.join(" · "))
        })
        .collect()
}
