//! The page that compares grantlint with OAuch, case by case.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use grantlint::suite;
use serde::Deserialize;

use crate::support::{is_current, text};

/// A test case of OAuch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Group and class.
    id: String,
    side: Side,
    /// In our words.
    asks: String,
    /// Checks, by id or pattern.
    #[serde(default)]
    answered_by: Vec<String>,
    /// How far the answer goes.
    note: Option<String>,
    why_not: Option<String>,
}

/// Who or what is looked at.
#[derive(Deserialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Side {
    /// The server, by the documents of the code and the call-out profile.
    Server,
    /// What the tester typed in.
    Settings,
    /// Nothing: it decides which other cases are run.
    Helper,
    /// The server, by another document.
    Extension,
}

/// Percent of the cases on the server's side that have to be answered.
const LEAST: f64 = 95.0;

fn cases() -> Vec<Case> {
    let document = grantlint::yaml::parse(&text("docs/parity/oauch.yaml")).map_err(|problems| problems.len()).unwrap();
    serde_json::from_value(document.value).unwrap()
}

#[test]
fn every_case_is_answered_by_a_check_there_is_or_says_why_not() {
    let catalogue = suite::embedded();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let all = cases();
    assert_eq!(all.len(), 179);
    for case in &all {
        if !seen.insert(&case.id) {
            wrong.push(format!("{} stands there twice", case.id));
        }
        if case.answered_by.is_empty() != case.why_not.is_some() {
            wrong.push(format!("{} needs either `answered_by` or `why_not`", case.id));
        }
        for pattern in &case.answered_by {
            if !catalogue.checks.keys().any(|id| suite::matches(pattern, id)) {
                wrong.push(format!("{}: no check fits `{pattern}`", case.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_page_of_parity_with_oauch_is_the_list() {
    let all = cases();
    let of = |side: Side| -> Vec<&Case> { all.iter().filter(|case| case.side == side).collect() };
    let answered = |cases: &[&Case]| cases.iter().filter(|case| !case.answered_by.is_empty()).count();
    let server = of(Side::Server);
    let share = 100.0 * answered(&server) as f64 / server.len() as f64;
    assert!(share >= LEAST, "{} of {} answered: {share:.1} %", answered(&server), server.len());
    let mut page = format!(
        "# What OAuch asks, and which check answers it\n\n\
         Written from [docs/parity/oauch.yaml](parity/oauch.yaml) by `GRANTLINT_BLESS=1 cargo test --test docs`.\n\n\
         [OAuch](https://github.com/DistriNet/OAuch) by DistriNet, KU Leuven, is the widest suite for authorization servers that is published: {} test\n\
         cases, run with a person at the browser. They are listed by the names of their classes. {} of them judge a server by RFC 6749,\n\
         6750, 7009, 7636 or 9700; {} of these are answered here ({share:.1} %). An answer here may be stricter: OAuch asks whether a token came, the\n\
         check whether the refusal was one.\n",
        all.len(),
        server.len(),
        answered(&server),
    );
    for (side, heading) in [
        (Side::Server, "Cases that judge the server"),
        (Side::Extension, "Cases by other documents"),
        (Side::Settings, "Cases that look at what the tester typed in"),
        (Side::Helper, "Helpers, which decide what else is run"),
    ] {
        let cases = of(side);
        let done = answered(&cases);
        write!(page, "\n## {heading}\n\n{done} of {} answered.\n\n| case | what it asks | answered by, or why not |\n|---|---|---|\n", cases.len())
            .unwrap();
        for case in cases {
            let checks: Vec<String> = case.answered_by.iter().map(|id| format!("`{id}`")).collect();
            let mut answer = checks.join(", ");
            answer.push_str(case.why_not.as_deref().unwrap_or_default());
            if let Some(note) = &case.note {
                write!(answer, " ({note})").unwrap();
            }
            writeln!(page, "| `{}` | {} | {answer} |", case.id, case.asks.replace('|', "\\|")).unwrap();
        }
    }
    is_current("docs/oauch.md", &page);
}
