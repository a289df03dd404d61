//! What a browser loaded becomes documents, as the other drivers write them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::super::execute::Runner;
use super::super::request::Ready;
use super::super::send::lets;
use super::super::values::Values;
use super::super::walk::{cookie_values, note, set_value};
use super::loaded::{Load, Loads};
use crate::agent::embedded_origins;
use crate::exchange::{Outcome, Received, Sent, document, finish};

impl Runner<'_> {
    /// The requests to the authorization server; where else the browser was sent, it did not get.
    pub(super) fn browser_steps(
        &self,
        first: &Ready,
        loads: &Loads,
        inside: &[url::Origin],
        values: &Values<'_>,
    ) -> Vec<Value> {
        // A page that the walk did not wait for is none.
        let told = |load: &Load| load.status.is_some() || load.failed.is_some();
        let own = |load: &&Load| told(load) && Url::parse(&load.url).is_ok_and(|url| inside.contains(&url.origin()));
        // Cookies of all steps are known before the first one is written: the browser may send one before its log tells of it.
        for load in loads.all.iter().filter(own) {
            let named = |fields: &'_ [(String, String)], wanted: &str| -> Vec<String> {
                fields
                    .iter()
                    .filter(|(name, _)| name.eq_ignore_ascii_case(wanted))
                    .map(|(_, value)| value.clone())
                    .collect()
            };
            let sent = named(&load.sent_headers, "cookie");
            note(values, sent.iter().flat_map(|header| cookie_values(header)));
            let set = named(&load.headers, "set-cookie");
            note(values, set.iter().filter_map(|field| set_value(field)));
        }
        loads
            .all
            .iter()
            .filter(own)
            .enumerate()
            .map(|(nth, load)| self.browser_step(first, nth, load, values))
            .collect()
    }

    fn browser_step(&self, first: &Ready, nth: usize, load: &Load, values: &Values<'_>) -> Value {
        let target = self.task.target;
        let sent =
            if nth == 0 { Sent { headers: load.sent_headers.clone(), ..first.sent.clone() } } else { sent(load) };
        let received = load.status.map(|status| Received {
            status,
            http_version: "1.1".into(),
            head_length: load.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum(),
            headers: load.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect(),
            body: load.body.clone().unwrap_or_default(),
            first_byte_ms: load.elapsed_ms,
        });
        let outcome = match &load.failed {
            Some(failed) => outcome(failed),
            None if received.is_some() => Outcome::Answered,
            None => Outcome::ClosedEarly,
        };
        let mut step = document(outcome, &sent, received.as_ref(), None, target.bounds.json_depth);
        let timing = json!({"at": load.at_ms, "elapsed_ms": load.elapsed_ms, "first_byte_ms": load.elapsed_ms});
        finish(&mut step, lets(values), timing);
        if let Some(failed) = &load.failed {
            step["error"] = failed.as_str().into();
        }
        if step.pointer("/response/media_type/essence").is_some_and(|essence| essence == "text/html")
            && let Ok(url) = Url::parse(&load.url)
        {
            let body = String::from_utf8_lossy(load.body.as_deref().unwrap_or_default());
            step["embeds"] = embedded_origins(&url, &body).into();
        }
        step["cause"] = load.cause.word().into();
        step
    }
}

fn sent(load: &Load) -> Sent {
    let body = load.posted.clone().unwrap_or_default();
    let query = Url::parse(&load.url).map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default();
    let form = load.method == "POST" && !body.trim_start().starts_with(['{', '[']);
    Sent {
        method: load.method.clone(),
        url: load.url.split('#').next().unwrap_or_default().to_owned(),
        endpoint: Some("authorization_endpoint".into()),
        headers: load.sent_headers.clone(),
        query,
        params: if form { form_urlencoded::parse(body.as_bytes()).into_owned().collect() } else { Vec::new() },
        encode: form.then_some("form"),
        body: body.into_bytes(),
        authorization: None,
    }
}

/// The word for one of the browser's own.
fn outcome(failed: &str) -> Outcome {
    let says = |words: &[&str]| words.iter().any(|word| failed.contains(word));
    if says(&["CERT", "SSL"]) {
        Outcome::TlsFailed
    } else if says(&["NAME_NOT_RESOLVED"]) {
        Outcome::Unresolved
    } else if says(&["TIMED_OUT"]) {
        Outcome::TimedOut
    } else if says(&["INVALID_HTTP", "INVALID_RESPONSE", "INVALID_REDIRECT", "TOO_MANY_REDIRECTS"]) {
        Outcome::Malformed
    } else if says(&["CONNECTION_REFUSED", "UNREACHABLE"]) {
        Outcome::Refused
    } else {
        Outcome::ClosedEarly
    }
}

/// A body as the browser hands it over, cut at a bound.
pub(super) fn body(told: &Value, bound: usize) -> Vec<u8> {
    let text = told["body"].as_str().unwrap_or_default();
    let mut bytes = if told["base64Encoded"] == true {
        STANDARD.decode(text).unwrap_or_default()
    } else {
        text.as_bytes().to_vec()
    };
    bytes.truncate(bound);
    bytes
}
