//! `grantlint list`.

mod requests;

use super::args::{ListArgs, Listed};
use super::failure::Failure;
use super::{output, pipeline};
use crate::server::{Policy, Rule};
use crate::suite::{self, Catalogue, matches};

pub(super) fn run(args: &ListArgs) -> Result<u8, Failure> {
    let catalogue = pipeline::catalogue(args.select.specs.as_deref())?;
    if args.requests {
        return requests::run(catalogue, args);
    }
    let rows = match args.what {
        Listed::Checks => checks(catalogue, args)?,
        Listed::Suites => suites(catalogue),
        Listed::Exchanges => exchanges(catalogue),
        Listed::Faults => fixtures("faults"),
        Listed::Variations => fixtures("variations"),
        Listed::Rules => rules(),
    };
    let widths: Vec<usize> =
        (0..2).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for [first, second, third] in &rows {
        let line = format!("{first:a$}  {second:b$}  {third}", a = widths[0], b = widths[1]);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    output::print(&text)?;
    Ok(0)
}

type Row = [String; 3];

fn checks(catalogue: &Catalogue, args: &ListArgs) -> Result<Vec<Row>, Failure> {
    let wanted = pipeline::wanted(catalogue, &args.select, &["all".to_owned()])?;
    let chosen = |id: &str| {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, id));
        let in_suite =
            wanted.suites.iter().filter_map(|suite| catalogue.suites.get(suite)).any(|suite| any(&suite.file.checks));
        in_suite && (wanted.only.is_empty() || any(&wanted.only)) && !any(&wanted.skip)
    };
    Ok(catalogue.headings().filter(|[id, ..]| chosen(id)).map(|heading| heading.map(str::to_owned)).collect())
}

fn suites(catalogue: &Catalogue) -> Vec<Row> {
    let count = |patterns: &[String]| {
        catalogue.checks.keys().filter(|id| patterns.iter().any(|pattern| matches(pattern, id))).count()
    };
    catalogue
        .suites
        .values()
        .map(|suite| [suite.id.clone(), format!("{} checks", count(&suite.file.checks)), suite.file.title.clone()])
        .collect()
}

fn exchanges(catalogue: &Catalogue) -> Vec<Row> {
    catalogue
        .exchanges
        .values()
        .map(|exchange| {
            let endpoint = exchange.file.endpoint.map_or("url", |endpoint| endpoint.name());
            let title = exchange.file.title.clone().unwrap_or_default();
            [exchange.id.clone(), format!("{endpoint}, risk {}", exchange.file.risk.word()), title]
        })
        .collect()
}

fn fixtures(folder: &str) -> Vec<Row> {
    suite::fixtures()
        .swap_remove(folder)
        .unwrap_or_default()
        .into_iter()
        .map(|(id, value)| {
            let text = |key: &str| value.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            [id, String::new(), text("behaviour")]
        })
        .collect()
}

fn rules() -> Vec<Row> {
    let rules = Rule::ALL.iter().map(|rule| [rule.name().to_owned(), "rule".to_owned(), rule.sentence().to_owned()]);
    let policies =
        Policy::ALL.iter().map(|policy| [policy.name().to_owned(), "policy".to_owned(), policy.sentence().to_owned()]);
    rules.chain(policies).collect()
}
