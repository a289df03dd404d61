//! `grantlint selftest`: the proof that each check can fail and that nothing lawful trips one.

use super::args::SelftestArgs;
use super::failure::Failure;
use super::{output, pipeline};
use crate::mutation::{self, Extent};
use crate::suite;

pub(super) fn run(args: &SelftestArgs) -> Result<u8, Failure> {
    let catalogue = pipeline::catalogue(args.specs.as_deref())?;
    let mut subjects = match &args.fixtures {
        None => mutation::subjects(catalogue)?,
        Some(folder) => mutation::subjects_from(catalogue, suite::fixtures_in(folder)?)?,
    };
    let chosen = |id: &str| args.only.is_empty() || args.only.iter().any(|pattern| suite::matches(pattern, id));
    subjects.retain(|subject| chosen(&subject.id));
    if subjects.is_empty() {
        let help = "see `grantlint list faults` and `grantlint list variations`".to_owned();
        return Err(Failure::usage(format!("`{}` fits no fault and no variation", args.only.join("`, `")), help));
    }
    let suites: Vec<String> = catalogue.suites.keys().map(str::to_owned).collect();
    let extent = if args.full { Extent::Full } else { Extent::Own };
    let outcomes = mutation::selftest(catalogue, &suites, &subjects, extent)?;
    let mut text = String::new();
    if args.matrix {
        text.push_str(&mutation::matrix(&outcomes));
    }
    let complaints: Vec<String> = outcomes
        .iter()
        .flat_map(|outcome| outcome.complaints.iter().map(|complaint| format!("{}: {complaint}", outcome.id)))
        .collect();
    for complaint in &complaints {
        text.push_str(&format!("✗ {complaint}\n"));
    }
    // What only some faults do not show is no complaint about the rest.
    let unskipped = if args.only.is_empty() { mutation::rules_without_fault(&subjects) } else { Vec::new() };
    for rule in &unskipped {
        text.push_str(&format!("✗ no fault leaves the server's rule `{rule}` out\n"));
    }
    let faults = subjects.iter().filter(|subject| !subject.lawful).count();
    let covered: std::collections::BTreeSet<&str> =
        subjects.iter().filter_map(|subject| subject.check.as_deref()).collect();
    let uncovered: Vec<&str> = catalogue.checks.keys().filter(|id| !covered.contains(id) && chosen(id)).collect();
    for id in &uncovered {
        text.push_str(&format!("✗ no fault for `{id}`\n"));
    }
    let uncovered = uncovered.len();
    text.push_str(&format!(
        "{} checks, {faults} faults, {} lawful variations, {} rules of the server: {}\n",
        catalogue.checks.len(),
        subjects.len() - faults,
        crate::server::Rule::ALL.len(),
        if complaints.is_empty() && unskipped.is_empty() && uncovered == 0 {
            "each fault trips its check, and nothing lawful trips any".to_owned()
        } else {
            format!("{} complaints", complaints.len() + unskipped.len() + uncovered)
        }
    ));
    output::print(&text)?;
    Ok(u8::from(!complaints.is_empty() || !unskipped.is_empty() || uncovered > 0))
}
