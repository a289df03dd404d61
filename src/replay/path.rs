//! The pages of a walk as the document that a run keeps of one.

use serde_json::{Value, json};
use url::Url;

use super::facts::Facts;
use super::heard::Head;
use crate::agent::{Cause, End, Next, Seen, embedded_origins, leads, told};
use crate::suite::Exchange;
use crate::suite::files::User;
use crate::target::Target;

/// What documents are made with.
pub(super) struct Known<'k> {
    pub(super) target: &'k Target,
    /// An exchange that is a walk.
    pub(super) exchange: Option<&'k Exchange>,
}

/// What is known of a walk while it is followed.
#[derive(Clone)]
pub(super) struct Path {
    pub(super) steps: Vec<usize>,
    pub(super) causes: Vec<Cause>,
    pub(super) typed: Vec<String>,
    pub(super) logged_in: bool,
    pub(super) user: User,
    /// Requests of scripts lie between its pages.
    pub(super) bridged: bool,
}

/// The document of a walk.
pub(super) fn document(
    all: &[Facts<'_>],
    told_by: &Known<'_>,
    path: &Path,
    end: &End,
    verifier: Option<&str>,
) -> Value {
    let mut steps: Vec<Value> = Vec::new();
    let mut unrecorded: Vec<Value> = Vec::new();
    let last = path.steps.len().saturating_sub(1);
    for (nth, (step, cause)) in path.steps.iter().zip(&path.causes).enumerate() {
        let facts = &all[*step];
        let mut document = facts.document(told_by.exchange, Some(told_by.target));
        document["request"]["endpoint"] = "authorization_endpoint".into();
        document["cause"] = cause.word().into();
        let html = document.pointer("/response/media_type/essence").is_some_and(|essence| essence == "text/html");
        if let (true, Some(url)) = (html, &facts.url) {
            let body = facts.heard.answered.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            document["embeds"] = embedded_origins(url, &body).into();
        }
        let mut sensitive: Vec<Value> = document["sensitive"].as_array().cloned().unwrap_or_default();
        sensitive.extend(path.typed.iter().map(|typed| typed.as_str().into()));
        document["sensitive"] = sensitive.into();
        // Of the whole, the request is the first one and the answer the last.
        for place in document["unrecorded"].as_array().into_iter().flatten() {
            let of_request = place.as_str().is_some_and(|place| place.starts_with("/request"));
            let of_answer = place.as_str().is_some_and(|place| !place.starts_with("/request"));
            if (of_request && nth == 0 || of_answer && nth == last) && !unrecorded.contains(place) {
                unrecorded.push(place.clone());
            }
        }
        steps.push(document);
    }
    let mut document = told(steps, end, path.logged_in, &path.typed);
    if path.bridged {
        // Nobody knows what was asked of the person.
        unrecorded.extend(["/steps", "/logged_in"].map(Value::from));
    }
    if !unrecorded.is_empty() {
        document["unrecorded"] = unrecorded.into();
    }
    if path.user != User::Nobody
        && let Some(timing) = document["steps"].as_array().and_then(|steps| steps.last()?.get("timing").cloned())
    {
        // Somebody took their time on these pages: what counts is when the answer came.
        document["timing"] = timing;
    }
    document["let"] = verifier.map_or_else(|| json!({}), |verifier| json!({"verifier": verifier}));
    document
}

/// The document of a walk of our own, from its pages; `None` where they do not tell how it ended.
pub(super) fn retold(
    facts: &[Facts<'_>],
    steps: &[usize],
    target: &Target,
    exchange: Option<&Exchange>,
) -> Option<Value> {
    let part = |nth: &usize| facts[*nth].heard.part.as_ref();
    let cause = |nth: &usize| {
        let word = part(nth).map(|part| part.cause.as_str()).unwrap_or_default();
        let all = [Cause::Asked, Cause::Redirect, Cause::Credentials, Cause::Consent];
        all.into_iter().find(|cause| cause.word() == word).unwrap_or(Cause::Redirect)
    };
    let (first, last) = (&facts[*steps.first()?], &facts[*steps.last()?]);
    let told = steps.last().and_then(part)?;
    let inside: Vec<Url> = steps.iter().filter_map(|nth| facts[*nth].url.clone()).collect();
    let url = last.url.as_ref()?;
    let headers = headers(last.heard.answered.head.as_ref()?);
    let body = last.heard.answered.body.as_deref().map(String::from_utf8_lossy)?;
    let status = last.heard.answered.head.as_ref()?.status;
    let seen = Seen { url, status, headers: &headers, body: &body };
    let Next::End(end) = leads(&seen, &ends(first, target), &inside) else { return None };
    if end.ended.word() != told.ended {
        return None;
    }
    let path = Path {
        steps: steps.to_vec(),
        causes: steps.iter().map(cause).collect(),
        typed: Vec::new(),
        logged_in: told.logged_in,
        user: User::Nobody,
        bridged: false,
    };
    let mut document = document(facts, &Known { target, exchange }, &path, &end, None);
    // A masked code does not tell whether it held the challenge.
    let mut unrecorded = document["unrecorded"].as_array().cloned().unwrap_or_default();
    unrecorded.extend(["/redirect/shows_challenge", "/reason"].map(Value::from));
    document["unrecorded"] = unrecorded.into();
    Some(document)
}

/// Redirect URIs that end a walk: those that were asked for, and the registered one.
pub(super) fn ends(first: &Facts<'_>, target: &Target) -> Vec<String> {
    let pairs = first.query.iter().chain(first.params.iter().flatten());
    let mut ends: Vec<String> =
        pairs.filter(|(name, _)| name == "redirect_uri").map(|(_, value)| value.clone()).collect();
    ends.extend(target.text("redirect_uri").filter(|known| !ends.contains(known)));
    ends
}

/// Names in lower case.
pub(super) fn headers(head: &Head) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    head.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), text(value))).collect()
}
