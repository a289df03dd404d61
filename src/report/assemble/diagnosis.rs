//! What the run as a whole says: why it stopped, what its violations have in common, what a refused request was told.

use serde_json::Value;

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
    // Once something is said of the cause, what is general adds nothing.
    let explained = !all.is_empty();
    all.extend(told(material, explained).into_iter().take(MOST_TOLD));
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

/// What the first ordinary request was told, if none of them worked and the message is one that is known.
fn told(material: &Material<'_>, explained: bool) -> Vec<Diagnosis> {
    let exchanges = &material.catalogue.exchanges;
    let works = |name: &str| exchanges.get(name).is_some_and(|exchange| exchange.works.is_some());
    let recorded = material.recording.exchanges.keys().filter(|key| works(key));
    let documents: Vec<&Value> = recorded.filter_map(|key| material.recording.document(key)).collect();
    let text = |document: &Value, place: &str| -> String {
        let found = document.pointer(place).and_then(Value::as_str).unwrap_or_default();
        found.chars().take(MOST_BODY).collect()
    };
    if documents.iter().any(|document| text(document, "/answer") == "token") {
        return Vec::new();
    }
    let refused = |document: &&&Value| REFUSED.contains(&text(document, "/answer").as_str());
    for document in documents.iter().filter(refused) {
        let status = document.pointer("/response/status").map(Value::to_string).unwrap_or_default();
        let (server, body) = (text(document, "/response/headers/server/0"), text(document, "/response/body/text"));
        let found = of_text(material.catalogue, &format!("HTTP {status} server {server} {body}"));
        if !found.is_empty() {
            let telling = found.into_iter().filter(|found| !explained || !found.file.general);
            return telling.map(|diagnosed| as_diagnosis(diagnosed, Vec::new())).collect();
        }
    }
    Vec::new()
}

/// Words for answers that may say why.
const REFUSED: [&str; 8] = ["error", "http", "crash", "challenge", "page", "error_page", "login", "other"];

/// Diagnoses of violations that are shown.
const MOST: usize = 3;

/// Diagnoses of a message that are shown.
const MOST_TOLD: usize = 1;

/// Characters of a body that are read for it.
const MOST_BODY: usize = 8_192;
