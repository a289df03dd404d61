//! Preflight: the ordinary request first, and what can be learned before anything else is sent (DESIGN 3.6).

use std::collections::HashSet;

use serde_json::Value;

use super::Step;
use super::credentials::Joined;
use super::execute::Runner;
use crate::suite::words;

impl Runner<'_> {
    /// Asks the ordinary requests, first those that come first, then one at a time, until one works.
    pub(super) async fn preflight(&self) -> (Vec<Step>, Option<(String, String)>) {
        let plan = self.task.plan;
        let mut steps = Vec::new();
        let look: HashSet<&str> = plan.look.iter().map(String::as_str).collect();
        if plan.first.is_empty() {
            steps.push(Step {
                step: "ordinary request".into(),
                passed: true,
                detail: "no selected check needs one".into(),
            });
            return (steps, None);
        }
        let first: HashSet<&str> = plan.first.iter().map(String::as_str).collect();
        self.perform(&|instance| first.contains(instance.key.as_str()) || look.contains(instance.key.as_str())).await;
        for key in &plan.first {
            self.learn(key).await;
        }
        let refused = plan.first.iter().filter(|key| self.refuses_client(key)).count();
        if !plan.first.iter().any(|key| self.works(key)) && refused < 2 {
            let others =
                plan.instances.values().filter(|instance| instance.ordinary && !first.contains(instance.key.as_str()));
            for instance in others {
                self.perform(&|other| other.key == instance.key).await;
                if self.works(&instance.key) || self.refuses_client(&instance.key) {
                    break;
                }
            }
        }
        let asked = |key: &String| !look.contains(key.as_str()) && self.task.plan.instances.contains_key(key);
        for (key, (_, given_up)) in self.settled.borrow().iter().filter(|(key, _)| asked(key)) {
            let (passed, detail) = match given_up {
                Some(not_sent) => (false, not_sent.reason.clone()),
                None => (self.works(key), self.documents.borrow().get(key).map(seen).unwrap_or_default()),
            };
            steps.push(Step { step: format!("ordinary request `{key}`"), passed, detail });
        }
        let stopped = if steps.iter().any(|step| step.passed) { None } else { self.nothing_to_learn() };
        (steps, stopped)
    }

    /// Where form-encoding makes a difference and the pair is refused, the raw pair is tried: RFC 6749 §2.3.1 and RFC 7617
    /// disagree, and so do servers.
    async fn learn(&self, key: &str) {
        let form = self
            .documents
            .borrow()
            .get(key)
            .and_then(|document| document.pointer("/request/authorization/encoding").cloned())
            .is_some_and(|encoding| encoding == "form");
        if !form || !self.refuses_client(key) || self.joined.get() == Joined::Raw {
            return;
        }
        self.joined.set(Joined::Raw);
        let first = self.documents.borrow_mut().remove(key);
        self.settled.borrow_mut().shift_remove(key);
        // Its bytes were sent: whoever asks for exactly them gets this answer, and the client is not guessed at again.
        let kept = format!("{key}#form-encoded");
        if let Some(first) = &first {
            self.documents.borrow_mut().insert(kept.clone(), first.clone());
            self.sent_bytes
                .borrow_mut()
                .values_mut()
                .filter(|sender| *sender == key)
                .for_each(|sender| sender.clone_from(&kept));
        }
        self.perform(&|instance| instance.key == key).await;
        if !self.works(key) {
            self.joined.set(Joined::FormEncoded);
            if let Some(first) = first {
                self.documents.borrow_mut().insert(key.to_owned(), first);
            }
        }
    }

    fn refuses_client(&self, key: &str) -> bool {
        self.documents.borrow().get(key).is_some_and(|document| {
            let status = document.pointer("/response/status").and_then(Value::as_u64);
            let code = document.pointer("/response/json/error").and_then(Value::as_str);
            code == Some("invalid_client") || (status == Some(401) && code.is_none())
        })
    }

    /// Whether sending more could tell anything; if not, why, and what to do.
    fn nothing_to_learn(&self) -> Option<(String, String)> {
        let documents = self.documents.borrow();
        let document = self.task.plan.first.iter().rev().find_map(|key| documents.get(key))?;
        let word = |place: &str| document.pointer(place).and_then(Value::as_str).unwrap_or_default();
        let endpoint = word("/request/url").split('?').next().unwrap_or_default().to_owned();
        let error = word("/error");
        let (says, next) = match word("/outcome") {
            "unresolved" => (
                format!("the host of {endpoint} has no address: {error}"),
                "check the spelling of the URL, and whether this machine may resolve the name (VPN, DNS)",
            ),
            "refused" => (
                format!("nothing listens at {endpoint}: {error}"),
                "check host and port, and whether the service is up and a firewall lets this machine through",
            ),
            "tls_failed" => (
                format!("TLS with {endpoint} failed: {error}"),
                "check the certificate and its chain; trust a private authority with `ca_file` or --cacert",
            ),
            "timed_out" => (
                format!("{endpoint} did not answer in time: {}", bound(document)),
                "check that the service is up; raise `timeout` or `bounds` in the target file if it is known to be slow",
            ),
            "closed_early" => (
                format!("{endpoint} closed the connection before its answer was whole: {error}"),
                "look into the log of the server or of the proxy before it",
            ),
            "malformed" => (
                format!("{endpoint} does not answer in HTTP: {error}"),
                "check that the port is the right one, and http or https",
            ),
            "too_large" => (
                format!("the answer of {endpoint} is larger than the bound: {}", bound(document)),
                "look at what the endpoint sends; the bounds can be raised in the target file",
            ),
            "throttled" => {
                (format!("{endpoint} is throttling this client"), "wait, or ask for a higher limit, and run again")
            }
            _ => self.answered_so(document, &endpoint)?,
        };
        Some((says, next.to_owned()))
    }

    /// The same where an answer came.
    fn answered_so(&self, document: &Value, endpoint: &str) -> Option<(String, &'static str)> {
        let word = |place: &str| document.pointer(place).and_then(Value::as_str).unwrap_or_default();
        let status = document.pointer("/response/status").and_then(Value::as_u64).unwrap_or(0);
        let told = match (word("/answer"), status) {
            (_, 404) => (format!("{endpoint} is not there: 404"), "check the path of the token endpoint"),
            ("login" | "page" | "error_page", _) => (
                format!("{endpoint} answers with an HTML page ({status}), not with OAuth"),
                "check the URL: this looks like a web page, a login or a gateway in front of the endpoint",
            ),
            ("redirect", _) => (
                format!("{endpoint} redirects to {}", word("/response/location/url")),
                "use the URL it redirects to, if that is the token endpoint; credentials never follow a redirect",
            ),
            _ if self.task.plan.first.iter().any(|key| self.refuses_client(key)) => (
                format!("{endpoint} refuses these client credentials ({status} {})", word("/response/json/error")),
                if document.pointer("/request/jwt/client_assertion").is_some() {
                    "check client_id, private_key, key_id and assertion_audience, and the clock of this machine"
                } else {
                    "check client_id and client_secret; nothing more was sent, so that the client is not locked"
                },
            ),
            _ => return None,
        };
        Some(told)
    }
}

/// One line on how an exchange ended.
pub(super) fn seen(document: &Value) -> String {
    let word = |place: &str| document.pointer(place).and_then(Value::as_str).unwrap_or_default();
    let status = document.pointer("/response/status").map(Value::to_string).unwrap_or_default();
    match word("/outcome") {
        "answered" => format!("{status} {}", words::answer(word("/answer"))),
        outcome => format!("{} {}", outcome.replace('_', " "), word("/error")).trim().to_owned(),
    }
}

/// A bound that was met, in words.
pub(super) fn bound(document: &Value) -> String {
    let name = document.pointer("/bound/name").and_then(Value::as_str).unwrap_or_default();
    let limit = document.pointer("/bound/limit").and_then(Value::as_u64).unwrap_or(0);
    let unit = if matches!(name, "body" | "head") { "bytes" } else { "ms" };
    format!("{} over {limit} {unit}", name.replace('_', " "))
}
