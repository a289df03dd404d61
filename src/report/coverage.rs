//! The matrix of the requirement ledger: as text, JSON and Markdown.

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::suite::ledger::{Ledger, Observable, Party, Row, State};

/// How many rows end where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    rows: usize,
    covered: usize,
    excluded: usize,
    planned: usize,
    /// Excluded, since grantlint is the client.
    client: usize,
    /// Excluded, since nothing shows outside.
    unseen: usize,
    open: usize,
}

impl Tally {
    fn add(&mut self, ledger: &Ledger, row: &Row) {
        self.rows += 1;
        let place = match ledger.state(row) {
            State::Covered(_) => &mut self.covered,
            State::Planned(_) => &mut self.planned,
            State::Open => &mut self.open,
            State::Excluded(_) if row.observable == Observable::No => &mut self.unseen,
            State::Excluded(_) if row.party == Party::Client => &mut self.client,
            State::Excluded(_) => &mut self.excluded,
        };
        *place += 1;
    }

    fn figures(self) -> [usize; 7] {
        [self.rows, self.covered, self.excluded, self.planned, self.client, self.unseen, self.open]
    }
}

const COLUMNS: [&str; 7] = ["rows", "covered", "excluded", "planned", "binds clients", "not seen outside", "open"];

/// What the matrix has a line for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A document.
    Document,
    /// A section of a document.
    Section,
    /// A level.
    Level,
    /// A party.
    Party,
}

impl By {
    fn heading(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Section => "section",
            Self::Level => "level",
            Self::Party => "party",
        }
    }

    fn of(self, row: &Row) -> String {
        match self {
            Self::Document => row.source.clone(),
            Self::Section => format!("{} §{}", row.source, row.section),
            Self::Level => row.level.word().to_owned(),
            Self::Party => row.party.word().to_owned(),
        }
    }
}

/// A line for each group in the order of the ledger, by level and party in that of their words' rank, and one for all.
fn groups(ledger: &Ledger, by: By) -> (IndexMap<String, Tally>, Tally) {
    let mut rows: Vec<&Row> = ledger.rows.iter().collect();
    match by {
        By::Level => rows.sort_by_key(|row| row.level),
        By::Party => rows.sort_by_key(|row| row.party),
        By::Document | By::Section => {}
    }
    let (mut groups, mut all) = (IndexMap::<String, Tally>::new(), Tally::default());
    for row in rows {
        groups.entry(by.of(row)).or_default().add(ledger, row);
        all.add(ledger, row);
    }
    (groups, all)
}

/// The sentence that matters: what is left of what can be seen without a user.
fn summary(ledger: &Ledger) -> String {
    let (_, all) = groups(ledger, By::Document);
    let mine = all.covered + all.excluded + all.open;
    let percent = ((mine - all.open) * 100).checked_div(mine).unwrap_or(100);
    format!(
        "{mine} rows bind a server, can be seen from outside and need no user's login: {} covered, {} excluded with a reason, {} open ({percent} %)",
        all.covered, all.excluded, all.open
    )
}

/// As text.
#[must_use]
pub fn text(ledger: &Ledger, by: By) -> String {
    let (groups, all) = groups(ledger, by);
    let width = groups.keys().map(|name| name.chars().count()).chain([by.heading().len()]).max().unwrap_or(0);
    let mut text = format!("{:width$}", by.heading());
    COLUMNS.iter().for_each(|column| text.push_str(&format!("  {column}")));
    text.push('\n');
    let total = ("all".to_owned(), all);
    for (name, tally) in groups.into_iter().chain([total]) {
        text.push_str(&format!("{name:width$}"));
        for (column, figure) in COLUMNS.iter().zip(tally.figures()) {
            let figure = if figure == 0 { "·".to_owned() } else { figure.to_string() };
            text.push_str(&format!("  {figure:>wide$}", wide = column.len()));
        }
        text.push('\n');
    }
    for row in ledger.rows.iter().filter(|row| ledger.state(row) == State::Open) {
        text.push_str(&format!("open: {} ({}, {})\n", row.id, row.level.word(), row.party.word()));
    }
    text.push_str(&format!("\n{}\n", summary(ledger)));
    text
}

/// As JSON: every row with where it ends.
#[must_use]
pub fn json(ledger: &Ledger) -> Value {
    let rows = ledger.rows.iter().map(|row| {
        let (word, checks, reason) = match ledger.state(row) {
            State::Covered(checks) => ("covered", checks, None),
            State::Excluded(reason) => ("excluded", Vec::new(), Some(reason)),
            State::Planned(what) => ("planned", Vec::new(), Some(what)),
            State::Open => ("open", Vec::new(), None),
        };
        json!({
            "id": row.id, "source": row.source, "section": row.section, "level": row.level, "party": row.party,
            "observable": row.observable, "statement": row.statement.trim(), "state": word, "checks": checks, "reason": reason,
        })
    });
    let (documents, all) = groups(ledger, By::Document);
    let tally = |tally: Tally| -> Value {
        COLUMNS.iter().zip(tally.figures()).map(|(column, figure)| ((*column).to_owned(), json!(figure))).collect()
    };
    json!({
        "schema": "grantlint/coverage-v1",
        "summary": tally(all),
        "documents": documents.into_iter().map(|(name, one)| (name, tally(one))).collect::<serde_json::Map<_, _>>(),
        "rows": rows.collect::<Vec<_>>(),
    })
}

/// As Markdown: the matrix by document, level and party, then every row.
#[must_use]
pub fn markdown(ledger: &Ledger) -> String {
    let mut text = format!("{}.\n", summary(ledger));
    for by in [By::Document, By::Level, By::Party] {
        text.push_str(&format!("\n## By {}\n\n", by.heading()));
        line(&mut text, std::iter::once(by.heading().to_owned()).chain(COLUMNS.map(str::to_owned)));
        line(&mut text, std::iter::once("---".to_owned()).chain(COLUMNS.map(|_| "--:".to_owned())));
        let (groups, all) = groups(ledger, by);
        for (name, tally) in groups.into_iter().chain([("all".to_owned(), all)]) {
            line(&mut text, std::iter::once(name).chain(tally.figures().map(|figure| figure.to_string())));
        }
    }
    let mut document = "";
    for row in &ledger.rows {
        if row.source != document {
            document = &row.source;
            text.push_str(&format!("\n## {document}\n\n"));
            line(&mut text, ["row", "level", "party", "ends in"].map(str::to_owned));
            line(&mut text, ["---"; 4].map(str::to_owned));
        }
        let end = match ledger.state(row) {
            State::Covered(checks) => checks.iter().map(|check| format!("`{check}`")).collect::<Vec<_>>().join(", "),
            State::Excluded(reason) => format!("excluded: {}", reason.trim()),
            State::Planned(what) => format!("planned: {}", what.trim()),
            State::Open => "**open**".to_owned(),
        };
        let cells = [format!("`{}`", row.id), row.level.word().to_owned(), row.party.word().to_owned(), end];
        line(&mut text, cells.map(|cell| cell.replace('|', "\\|").replace('\n', " ")));
    }
    text
}

fn line(text: &mut String, cells: impl IntoIterator<Item = String>) {
    cells.into_iter().for_each(|cell| text.push_str(&format!("| {cell} ")));
    text.push_str("|\n");
}
