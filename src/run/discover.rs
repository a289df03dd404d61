//! Asks for the metadata of a target that names an issuer and no token endpoint, before anything is planned.

use std::collections::HashMap;
use std::future::Future;

use indexmap::IndexMap;
use serde_json::Value;
use url::Url;

use super::execute::Runner;
use super::preflight::{bound, seen};
use super::{Error, Settings, Step, Task};
use crate::plan::{Instance, Plan};
use crate::suite::Catalogue;
use crate::target::Target;

/// What was asked before planning, and what came of it.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Documents as they came, by instance key: not to be sent again.
    pub(super) documents: IndexMap<String, Value>,
    /// Requests that went out, by their bytes → the instance that sent them.
    pub(super) sent_bytes: HashMap<Vec<u8>, String>,
    /// What was seen, request by request.
    pub(super) steps: Vec<Step>,
    /// Why the run cannot go on, if it cannot: one sentence, and what to do.
    pub(super) stopped: Option<(String, String)>,
    pub(super) interrupted: bool,
    pub(super) sent: usize,
    /// When it began, in milliseconds since the Unix epoch.
    pub(super) started_ms: u64,
}

impl Found {
    /// Why nothing can be used, and what to do; `None` if something can.
    #[must_use]
    pub fn stopped(&self) -> Option<(String, String)> {
        self.stopped.clone()
    }
}

/// Exchanges that look for the metadata of a target, in the order in which they are asked until one answers.
///
/// Source: RFC 8414 §3 (the well-known part inserted) and §5 (OpenID Connect's appended, then inserted).
fn looked_for(target: &Target) -> &'static [&'static str] {
    let issuer = target.text("issuer").and_then(|issuer| Url::parse(&issuer).ok());
    let has_path = issuer.is_none_or(|issuer| !issuer.path().trim_end_matches('/').is_empty());
    match target.text("metadata_url") {
        Some(_) => &[METADATA],
        None if has_path => &PLACES,
        // Behind a host alone, what is appended and what is inserted is one place.
        None => &PLACES[..2],
    }
}

/// A plan of the exchanges that look for the metadata of a target.
#[must_use]
pub fn looking(catalogue: &Catalogue, target: &Target) -> Plan {
    let instances = looked_for(target).iter().filter_map(|key| {
        let exchange = catalogue.exchanges.get(key)?;
        Some(((*key).to_owned(), Instance::new((*key).to_owned(), exchange)))
    });
    Plan { instances: instances.collect(), ..Plan::default() }
}

/// Completes a target with the metadata of its issuer: one request, at most three, none of them with credentials. A target that
/// names its token endpoint is left as it is, and nothing is asked.
///
/// When no metadata can be used the target lacks its endpoints, and what was found says why.
///
/// # Errors
/// Nothing could be sent: TLS or the proxy cannot be set up.
pub async fn discover(
    catalogue: &Catalogue,
    target: &Target,
    settings: &Settings,
    stop: impl Future<Output = ()>,
) -> Result<(Target, Found), Error> {
    if !target.is_undiscovered() {
        return Ok((target.clone(), Found::default()));
    }
    let plan = looking(catalogue, target);
    let runner = Runner::new(Task { catalogue, plan: &plan, target }, settings)?;
    let mut found = Found { started_ms: settings.clock.now_ms(), ..Found::default() };
    let mut stop = Box::pin(stop);
    let mut usable = None;
    for key in plan.instances.keys() {
        let wanted = |instance: &Instance| instance.key == *key;
        tokio::select! {
            biased;
            () = &mut stop => found.interrupted = true,
            () = runner.perform(&wanted) => {}
        }
        let document = runner.documents.borrow().get(key).cloned();
        let Some(document) = document.filter(|_| !found.interrupted) else { break };
        let passed = is_metadata(&document);
        let url = document.pointer("/request/url").and_then(Value::as_str).unwrap_or_default().to_owned();
        found.steps.push(Step { step: format!("metadata at {url}"), passed, detail: ending(&document) });
        found.documents.insert(key.clone(), document);
        if passed {
            usable = Some((key.clone(), url));
            break;
        }
    }
    found.sent = runner.sent.get();
    found.sent_bytes = runner.sent_bytes.take();
    let completed = match &usable {
        Some((key, url)) => target
            .with_metadata(url, &found.documents[key]["response"]["json"])
            .map_err(|untrusted| (format!("the metadata at {url} cannot be used: {}", untrusted.says), untrusted.next)),
        None => Err(nothing_found(target, &found.steps)),
    };
    if let (Ok(completed), Some(step)) = (&completed, found.steps.last_mut()) {
        let passed_over = completed.public["discovered"]["passed_over"].as_array().into_iter().flatten();
        passed_over.filter_map(Value::as_str).for_each(|why| step.detail.push_str(&format!("; {why}")));
    }
    let completed = completed.unwrap_or_else(|reason| {
        found.stopped = Some(reason);
        target.without_metadata()
    });
    // What checks call the metadata is the document that was found, or what stands in its place.
    let chosen = usable.map(|(key, _)| key).or_else(|| found.documents.keys().next().cloned());
    if let Some(document) = chosen.and_then(|key| found.documents.get(&key).cloned()) {
        found.documents.entry(METADATA.to_owned()).or_insert(document);
    }
    for (key, document) in &mut found.documents {
        let title = catalogue.exchanges.get(key).and_then(|exchange| exchange.file.title.clone());
        document["title"] = title.unwrap_or_else(|| key.clone()).into();
    }
    Ok((completed, found))
}

impl Runner<'_> {
    /// What a discovery asked is settled; what remains of it is what it says of the run.
    pub(super) fn take_over(&self, mut found: Found) -> Found {
        let now = self.settings.clock.now_ms();
        for (key, document) in std::mem::take(&mut found.documents) {
            self.settled.borrow_mut().insert(key.clone(), (now, None));
            self.documents.borrow_mut().insert(key, document);
        }
        self.sent_bytes.borrow_mut().extend(std::mem::take(&mut found.sent_bytes));
        self.sent.set(found.sent);
        found
    }
}

/// An object that says whose it is or where the token endpoint is. Whether it is right is not asked here.
fn is_metadata(document: &Value) -> bool {
    let status = document.pointer("/response/status").and_then(Value::as_u64).unwrap_or(0);
    let member = |name: &str| document.pointer(&format!("/response/json/{name}")).is_some_and(Value::is_string);
    document["outcome"] == "answered" && (200..300).contains(&status) && (member("issuer") || member("token_endpoint"))
}

/// How a request for metadata ended, in words.
fn ending(document: &Value) -> String {
    let word = |place: &str| document.pointer(place).and_then(Value::as_str).unwrap_or_default();
    let status = document.pointer("/response/status").map(Value::to_string).unwrap_or_default();
    match (word("/outcome"), word("/answer")) {
        ("answered", _) if is_metadata(document) => format!("{status} with metadata"),
        ("answered", "redirect") => {
            format!("{status}, a redirect to {}, which is not followed", word("/response/location/url"))
        }
        ("answered", "success") => format!("{status} without metadata"),
        ("answered", "http") => status,
        ("too_large" | "timed_out", _) => format!("{} ({})", word("/outcome").replace('_', " "), bound(document)),
        _ => seen(document),
    }
}

fn nothing_found(target: &Target, steps: &[Step]) -> (String, String) {
    let of = target.text("issuer").map(|issuer| format!(" of {issuer}")).unwrap_or_default();
    let tried: Vec<String> =
        steps.iter().map(|step| format!("{}: {}", step.step.trim_start_matches("metadata at "), step.detail)).collect();
    let tried = if tried.is_empty() { "nothing could be asked".to_owned() } else { tried.join("; ") };
    let next = "check the issuer; name the document with `metadata_url`, or do without it and name `token_endpoint`";
    (format!("no metadata{of} was found ({tried})"), next.to_owned())
}

/// The metadata of the target, wherever it is.
const METADATA: &str = "metadata";
/// The places that follow from an issuer.
const PLACES: [&str; 3] = ["metadata.inserted", "metadata.openid-appended", "metadata.openid-inserted"];
