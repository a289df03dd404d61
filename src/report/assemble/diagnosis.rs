//! What the run as a whole says: why it stopped, what its violations have in common, what a refused request was told.

use super::Material;
use crate::judge::diagnose::{Diagnosed, of_run, of_text};
use crate::report::model::{Diagnosis, Finding, VerdictKind, WaiverNotice};
use crate::suite::matches;

/// The most likely first.
pub(super) fn of(material: &Material<'_>, findings: &[Finding], notices: &[WaiverNotice]) -> Vec<Diagnosis> {
    let of_kind = |kind| findings.iter().filter(move |finding| finding.verdict == kind);
    let checks = |kind| of_kind(kind).map(|finding| finding.check.as_str()).collect::<Vec<_>>();
    let (violated, passed) = (checks(VerdictKind::Violation), checks(VerdictKind::Pass));
    let stopped = material.stopped.iter().map(|(says, next)| Diagnosis {
        says: says.clone(),
        next: next.clone(),
        checks: violated.iter().map(|check| (*check).to_owned()).collect(),
    });
    let mut all: Vec<Diagnosis> = stopped.collect();
    let found = of_run(material.catalogue, &violated, &passed);
    // The signs of one cause are often signs of another: what is said once is enough.
    let mut explained: Vec<&str> = Vec::new();
    for diagnosed in found {
        let Some(run) = &diagnosed.file.run else { continue };
        let signs = || run.violated.iter().chain(&run.any_violated);
        let own: Vec<&str> =
            violated.iter().copied().filter(|check| signs().any(|pattern| matches(pattern, check))).collect();
        if own.iter().all(|check| explained.contains(check)) {
            continue;
        }
        explained.extend(&own);
        let mut checks: Vec<String> = own.iter().map(|check| (*check).to_owned()).collect();
        checks.dedup();
        all.push(as_diagnosis(diagnosed, checks));
        if all.len() >= MOST {
            break;
        }
    }
    all.extend(told(material).into_iter().take(MOST_TOLD));
    all.extend(notices.iter().map(|notice| Diagnosis {
        says: notice.says.clone(),
        next: format!("change line {} of `{}`", notice.line, notice.file),
        checks: Vec::new(),
    }));
    all
}

fn as_diagnosis(Diagnosed { file, .. }: Diagnosed<'_>, checks: Vec<String>) -> Diagnosis {
    let next = file.ask.as_deref().or_else(|| file.look.first().map(String::as_str)).unwrap_or_default();
    Diagnosis { says: file.means.trim().to_owned(), next: next.trim().to_owned(), checks }
}

/// What the first ordinary request that did not work was told, if that is a message which is known.
fn told(material: &Material<'_>) -> Vec<Diagnosis> {
    let exchanges = &material.catalogue.exchanges;
    let works = |name: &str| exchanges.get(name).is_some_and(|exchange| exchange.works.is_some());
    for key in material.recording.exchanges.keys().filter(|key| works(key)) {
        let Some(document) = material.recording.document(key) else { continue };
        let text = |place: &str| document.pointer(place).and_then(|value| value.as_str()).unwrap_or_default();
        if !document["request"]["endpoint"].is_string()
            || !matches!(
                text("/answer"),
                "error" | "http" | "crash" | "challenge" | "page" | "error_page" | "login" | "other"
            )
        {
            continue;
        }
        let status = document.pointer("/response/status").and_then(|status| status.as_u64()).unwrap_or(0);
        let body: String = text("/response/body/text").chars().take(MOST_BODY).collect();
        let server =
            document.pointer("/response/headers/server/0").and_then(|server| server.as_str()).unwrap_or_default();
        let message = format!("HTTP {status} server {server} {body}");
        let found = of_text(material.catalogue, &message);
        if !found.is_empty() {
            // A run that was stopped has said already that credentials were refused; of what is left the telling ones count.
            let least = if material.stopped.is_some() { TELLING } else { 0 };
            let telling = found.into_iter().filter(|diagnosed| diagnosed.weight >= least);
            return telling.map(|diagnosed| as_diagnosis(diagnosed, Vec::new())).collect();
        }
    }
    Vec::new()
}

/// Diagnoses of violations that are shown.
const MOST: usize = 3;

/// Diagnoses of a message that are shown.
const MOST_TOLD: usize = 1;

/// Characters of a body that are read for it.
const MOST_BODY: usize = 8_192;

/// A message with at least so many characters of a diagnosis says more than a code.
const TELLING: usize = 20;
