//! Mistakes that only show when everything is laid out.

use super::{Files, Spot};
use crate::suite::catalogue::{Catalogue, Check};
use crate::suite::clause::{Clauses, Matcher};
use crate::suite::files::{OneOrMany, RUNS};
use crate::suite::select;
use crate::yaml::{self, escape};

/// What can only be seen when everything is laid out: cycles, absence that proves nothing, suites.
pub(in crate::suite) fn catalogue(catalogue: &Catalogue, files: &mut Files) {
    for exchange in catalogue.exchanges.values() {
        let base = exchange.id.split('[').next().unwrap_or_default();
        if files.has("exchanges", base) && cycle(catalogue, &exchange.id) {
            let message = "this exchange needs itself, through what it takes values from or comes after".to_owned();
            let help = "take one of the references, `after` or `spoils` away".to_owned();
            files.tell("exchanges", base, "", message, Some(help));
        }
    }
    for check in catalogue.checks.values().filter(|check| proves_nothing(catalogue, check)) {
        let message = "only `absent` is expected of an exchange without `works`: an empty answer would pass".to_owned();
        let help = "say with `given` what an answer that proves something looks like".to_owned();
        files.tell("checks", &check.id, "/expect", message, Some(help));
    }
    suites(catalogue, files);
    diagnoses(catalogue, files);
}

/// Whether nothing but absence is expected, and nothing says that there was an answer at all.
fn proves_nothing(catalogue: &Catalogue, check: &Check) -> bool {
    let absent_only = |clauses: &Clauses| clauses.all().all(|clause| matches!(clause.matcher, Matcher::Absent));
    let proven = [&check.when, &check.given].into_iter().flatten().any(|clauses| !absent_only(clauses));
    let names = match (&check.file.exchange, &check.file.exchanges) {
        (Some(one), _) => one.list(),
        (None, Some(roles)) => roles.values().flat_map(OneOrMany::list).collect(),
        (None, None) => Vec::new(),
    };
    let works = |name: String| catalogue.exchanges.get(&name).is_some_and(|exchange| exchange.works.is_some());
    absent_only(&check.expect) && !proven && !names.iter().flat_map(|name| catalogue.expand(name)).all(works)
}

/// Diagnoses that name checks which are not there, or that nothing finds.
fn diagnoses(catalogue: &Catalogue, files: &mut Files) {
    let checks: Vec<&str> = catalogue.checks.keys().collect();
    for (id, file) in catalogue.diagnoses.iter() {
        let run = file.run.as_ref();
        let none = Vec::new();
        let lists = [
            ("/checks", &file.checks),
            ("/run/violated", run.map_or(&none, |run| &run.violated)),
            ("/run/any_violated", run.map_or(&none, |run| &run.any_violated)),
            ("/run/not_violated", run.map_or(&none, |run| &run.not_violated)),
            ("/run/passed", run.map_or(&none, |run| &run.passed)),
        ];
        for (place, patterns) in lists {
            for (nth, pattern) in patterns.iter().enumerate() {
                if !checks.iter().any(|check| select::matches(pattern, check)) {
                    let near = yaml::nearest(pattern, checks.iter().copied());
                    let help = near.map(|near| format!("did you mean `{near}`?"));
                    files.tell("diagnoses", id, &format!("{place}/{nth}"), format!("`{pattern}` fits no check"), help);
                }
            }
        }
        if run.is_some_and(|run| run.violated.is_empty() && run.any_violated.is_empty()) {
            let message = "a run without any violation would be diagnosed".to_owned();
            let help = Some("say with `violated` or `any_violated` what speaks for it".to_owned());
            files.tell("diagnoses", id, "/run", message, help);
        }
        if run.is_some() != id.starts_with(RUNS) {
            let message = format!("diagnoses of whole runs, and no others, stand below `{RUNS}`");
            files.tell("diagnoses", id, if run.is_some() { "/run" } else { "" }, message, None);
        }
        if file.texts.is_empty() != file.example.is_none() {
            let message = "`texts` and `example` go together: the example shows what the texts find".to_owned();
            files.tell("diagnoses", id, if file.texts.is_empty() { "/example" } else { "/texts" }, message, None);
        }
    }
}

fn suites(catalogue: &Catalogue, files: &mut Files) {
    let checks: Vec<&str> = catalogue.checks.keys().collect();
    let diagnoses: Vec<&str> = catalogue.diagnoses.keys().collect();
    let exchanges: Vec<&str> = catalogue.exchanges.keys().collect();
    let fits = |pattern: &str| checks.iter().any(|id| select::matches(pattern, id));
    for suite in catalogue.suites.values() {
        let mut spot = Spot { files: &mut *files, kind: "suites", id: &suite.id };
        let file = &suite.file;
        let sees = file.sees.iter().map(|(id, patterns)| (format!("/sees/{}", escape(id)), patterns));
        for (place, patterns) in std::iter::once(("/checks".to_owned(), &file.checks)).chain(sees) {
            for (nth, pattern) in patterns.iter().enumerate().filter(|(_, pattern)| !fits(pattern)) {
                let help = yaml::nearest(pattern, checks.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                spot.tell(&format!("{place}/{nth}"), format!("`{pattern}` fits no check"), help);
            }
        }
        for id in file.levels.keys().filter(|id| !catalogue.checks.contains_key(id)) {
            let help = yaml::did_you_mean(id, &checks);
            spot.tell(&format!("/levels/{}", escape(id)), format!("unknown check `{id}`"), help);
        }
        for id in file.sees.keys().filter(|id| !catalogue.diagnoses.contains_key(id)) {
            let help = yaml::did_you_mean(id, &diagnoses);
            spot.tell(&format!("/sees/{}", escape(id)), format!("unknown diagnosis `{id}`"), help);
        }
        for (base, sent) in &file.sends {
            for name in sent.iter().chain([base]).filter(|name| !catalogue.exchanges.contains_key(name)) {
                let help = yaml::did_you_mean(name, &exchanges);
                spot.tell(&format!("/sends/{}", escape(base)), format!("unknown exchange `{name}`"), help);
            }
        }
        let named = |id: &str, patterns: &[String]| patterns.iter().any(|pattern| select::matches(pattern, id));
        let unsaid = |id: &&&str| named(id, &file.checks) && !file.sees.values().any(|patterns| named(id, patterns));
        if let Some(id) = checks.iter().find(unsaid).filter(|_| file.caller.is_some()) {
            spot.tell("/sees", format!("what the administrator sees of `{id}` is not said"), None);
        }
    }
}

fn cycle(catalogue: &Catalogue, start: &str) -> bool {
    let mut left = vec![start];
    let mut seen = std::collections::HashSet::new();
    while let Some(name) = left.pop() {
        let Some(exchange) = catalogue.exchanges.get(name) else { continue };
        for next in exchange.takes_from.iter().chain(&exchange.file.after).chain(&exchange.file.spoils) {
            if next == start {
                return true;
            }
            if seen.insert(next.as_str()) {
                left.push(next);
            }
        }
    }
    false
}
