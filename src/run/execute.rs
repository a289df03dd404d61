//! The order of a run: preflight, everything that is ready at once, guesses last and alone, controls (DESIGN 3.6).

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, Semaphore};

use super::request::{self, Joined, Ready};
use super::values::{Values, holds, worked};
use super::wire::{Ended, Wire};
use super::{Brought, Error, Settings, Step, Task, handshake};
use crate::exchange::{NotSent, Recorded, Recording, Why, document, finish};
use crate::plan::Instance;
use crate::suite::files::Kind;
use crate::suite::reference::Missing;
use crate::suite::{Clauses, Exchange, reference};
use crate::target::duration;

/// Longest time that a `Retry-After` is obeyed for.
const LONGEST_RETRY: u64 = 10;
/// Between two attempts of a `repeat: until`.
const POLL_MS: u64 = 2_000;
/// Most copies of a repeated exchange.
const MOST_COPIES: usize = 20;

/// Performs the plan. When `stop` ends, what is under way is given up and the rest is not sent.
///
/// # Errors
/// Nothing could be sent: TLS or the proxy cannot be set up.
pub async fn run(task: Task<'_>, settings: &Settings, stop: impl Future<Output = ()>) -> Result<Brought, Error> {
    let urls = task.target.public.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str());
    let secure = urls.chain(task.target.public["resource"]["url"].as_str()).any(|url| url.starts_with("https:"));
    let runner = Runner {
        wire: Wire::new(task.target, settings, secure)?,
        slots: Semaphore::new(settings.concurrency.max(1)),
        next_at: Cell::new(0),
        joined: Cell::new(Joined::default()),
        documents: RefCell::default(),
        settled: RefCell::default(),
        sent_bytes: RefCell::default(),
        sent: Cell::new(0),
        changed: Notify::new(),
        task,
        settings,
    };
    let started_ms = settings.clock.now_ms();
    let mut stop = Box::pin(stop);
    let (preflight, stopped) = tokio::select! {
        biased;
        () = &mut stop => (Vec::new(), None),
        outcome = runner.preflight() => outcome,
    };
    let mut interrupted = preflight.is_empty() && !task.plan.first.is_empty();
    if stopped.is_none() && !interrupted {
        interrupted = tokio::select! {
            biased;
            () = &mut stop => true,
            () = runner.everything() => false,
        };
        if !interrupted {
            interrupted = tokio::select! {
                biased;
                () = &mut stop => true,
                () = runner.controls() => false,
            };
        }
    }
    let elapsed_ms = settings.clock.now_ms().saturating_sub(started_ms);
    let recording = runner.recording(stopped.is_some(), interrupted);
    Ok(Brought { recording, preflight, stopped, interrupted, elapsed_ms, started_ms, sent: runner.sent.get() })
}

struct Runner<'r> {
    wire: Wire,
    slots: Semaphore,
    /// When the next request may go out, by the clock, if there is a rate.
    next_at: Cell<u64>,
    /// How this target takes id and secret, as preflight found.
    joined: Cell<Joined>,
    /// Documents as they came.
    documents: RefCell<HashMap<String, Value>>,
    /// Sent or given up, with the time.
    settled: RefCell<IndexMap<String, (u64, Option<NotSent>)>>,
    /// Requests that went out, by their bytes → the instance that sent them.
    sent_bytes: RefCell<HashMap<Vec<u8>, String>>,
    sent: Cell<usize>,
    /// Told whenever an instance is settled.
    changed: Notify,
    task: Task<'r>,
    settings: &'r Settings,
}

type Work<'w> = Pin<Box<dyn Future<Output = (String, Result<Value, NotSent>)> + 'w>>;

impl Runner<'_> {
    fn exchange(&self, instance: &Instance) -> Option<&Exchange> {
        self.task.catalogue.exchanges.get(&instance.exchange)
    }

    fn works(&self, key: &str) -> bool {
        let Some(instance) = self.task.plan.instances.get(key) else { return false };
        self.documents
            .borrow()
            .get(key)
            .is_some_and(|document| worked(self.task.catalogue, &instance.exchange, document))
    }

    /// Asks the ordinary requests, first those that come first, then one at a time, until one works.
    async fn preflight(&self) -> (Vec<Step>, Option<(String, String)>) {
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
        for (key, (_, given_up)) in self.settled.borrow().iter().filter(|(key, _)| !look.contains(key.as_str())) {
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
        let says = |says: &str, next: &str| Some((says.to_owned(), next.to_owned()));
        let error = word("/error");
        match word("/outcome") {
            "unresolved" => {
                return says(
                    &format!("the host of {endpoint} has no address: {error}"),
                    "check the spelling of the URL, and whether this machine may resolve the name (VPN, DNS)",
                );
            }
            "refused" => {
                return says(
                    &format!("nothing listens at {endpoint}: {error}"),
                    "check host and port, and whether the service is up and a firewall lets this machine through",
                );
            }
            "tls_failed" => {
                return says(
                    &format!("TLS with {endpoint} failed: {error}"),
                    "check the certificate and its chain; trust a private authority with `ca_file` or --cacert",
                );
            }
            "timed_out" => {
                return says(
                    &format!("{endpoint} did not answer in time: {}", bound(document)),
                    "check that the service is up; raise `timeout` or `bounds` in the target file if it is known to be slow",
                );
            }
            "closed_early" => {
                return says(
                    &format!("{endpoint} closed the connection before its answer was whole: {error}"),
                    "look into the log of the server or of the proxy before it",
                );
            }
            "malformed" => {
                return says(
                    &format!("{endpoint} does not answer in HTTP: {error}"),
                    "check that the port is the right one, and http or https",
                );
            }
            "too_large" => {
                return says(
                    &format!("the answer of {endpoint} is larger than the bound: {}", bound(document)),
                    "look at what the endpoint sends; the bounds can be raised in the target file",
                );
            }
            "throttled" => {
                return says(
                    &format!("{endpoint} is throttling this client"),
                    "wait, or ask for a higher limit, and run again",
                );
            }
            _ => {}
        }
        let status = document.pointer("/response/status").and_then(Value::as_u64).unwrap_or(0);
        match (word("/answer"), status) {
            (_, 404) => says(&format!("{endpoint} is not there: 404"), "check the path of the token endpoint"),
            ("login" | "page" | "error_page", _) => says(
                &format!("{endpoint} answers with an HTML page ({status}), not with OAuth"),
                "check the URL: this looks like a web page, a login or a gateway in front of the endpoint",
            ),
            ("redirect", _) => says(
                &format!("{endpoint} redirects to {}", word("/response/location/url")),
                "use the URL it redirects to, if that is the token endpoint; credentials never follow a redirect",
            ),
            _ if self.task.plan.first.iter().any(|key| self.refuses_client(key)) => says(
                &format!("{endpoint} refuses these client credentials ({status} {})", word("/response/json/error")),
                "check client_id and client_secret; nothing more was sent, so that the client is not locked",
            ),
            _ => None,
        }
    }

    /// Everything that is planned: what a client does every day, then what changes something, then guesses.
    ///
    /// A server may hand out one token several times. If its revocation went out beside the calls that use it, their verdicts would
    /// depend on which came first. What waits for a time may follow: it would hold everything up.
    async fn everything(&self) {
        let waiting = self.waiting();
        let now = |instance: &Instance| !instance.guess && !waiting.contains(instance.key.as_str());
        self.perform(&|instance| now(instance) && !instance.change).await;
        self.perform(&now).await;
        self.perform(&|instance| !instance.guess).await;
        // A pair that was refused in its form-encoded form has cost the client one of its attempts already.
        let mut spent = self.joined.get() == Joined::Raw;
        let guesses: Vec<&Instance> = self.task.plan.instances.values().filter(|instance| instance.guess).collect();
        for (nth, guess) in guesses.iter().enumerate() {
            let own = |instance: &Instance| self.exchange(instance).is_some_and(Exchange::plays_client);
            if spent && own(guess) && guesses[..nth].iter().any(|earlier| own(earlier)) {
                spent = false;
                let reason = "the form-encoded pair was refused before; one more wrong attempt may lock the client";
                self.settle(&guess.key, Err(NotSent { why: Why::LeftOut, reason: reason.into(), blocked_by: None }));
                continue;
            }
            self.perform(&|instance| instance.key == guess.key).await;
        }
        // What comes after a guess.
        self.perform(&|_| true).await;
    }

    /// The instances that wait for a time, and those that rest on them.
    fn waiting(&self) -> HashSet<&str> {
        let instances = &self.task.plan.instances;
        let waits = |instance: &&Instance| self.exchange(instance).is_some_and(|exchange| exchange.file.wait.is_some());
        let mut waiting: HashSet<&str> =
            instances.values().filter(waits).map(|instance| instance.key.as_str()).collect();
        loop {
            let rests = |instance: &&Instance| {
                instance
                    .needs
                    .iter()
                    .chain(&instance.after)
                    .chain(&instance.like)
                    .any(|key| waiting.contains(key.as_str()))
            };
            let more: Vec<&str> = instances
                .values()
                .filter(|instance| !waiting.contains(instance.key.as_str()))
                .filter(rests)
                .map(|instance| instance.key.as_str())
                .collect();
            if more.is_empty() {
                return waiting;
            }
            waiting.extend(more);
        }
    }

    /// Performs the instances that `wanted` picks as they become ready.
    async fn perform(&self, wanted: &dyn Fn(&Instance) -> bool) {
        let mut left: Vec<&Instance> = self
            .task
            .plan
            .instances
            .values()
            .filter(|instance| wanted(instance) && !self.settled.borrow().contains_key(&instance.key))
            .collect();
        let mut under_way: FuturesUnordered<Work<'_>> = FuturesUnordered::new();
        let mut waiting: Vec<(u64, &Instance)> = Vec::new();
        loop {
            let mut held = Vec::new();
            for instance in std::mem::take(&mut left) {
                match self.readiness(instance) {
                    Readiness::Not => held.push(instance),
                    Readiness::Never(not_sent) => self.settle(&instance.key, Err(not_sent)),
                    Readiness::At(due) if due > self.settings.clock.now_ms() => waiting.push((due, instance)),
                    Readiness::At(_) => under_way.push(Box::pin(self.one(instance))),
                }
            }
            left = held;
            waiting.sort_by_key(|(due, instance)| (*due, instance.key.clone()));
            if under_way.is_empty() {
                let Some((due, _)) = waiting.first().copied() else {
                    if left.iter().any(|instance| !matches!(self.readiness(instance), Readiness::Not)) {
                        continue;
                    }
                    return;
                };
                self.sleep_until(due).await;
                self.release(&mut waiting, &mut left);
                continue;
            }
            // With a real clock, what waits is released while others are under way.
            let next_due = waiting.first().map(|(due, _)| *due);
            tokio::select! {
                Some((key, result)) = under_way.next() => self.settle(&key, result),
                () = real_sleep(next_due, self.settings.clock.now_ms()), if next_due.is_some() && !self.settings.clock.jump_to(0) => {
                    self.release(&mut waiting, &mut left);
                }
            }
        }
    }

    fn release<'i>(&self, waiting: &mut Vec<(u64, &'i Instance)>, left: &mut Vec<&'i Instance>) {
        let now = self.settings.clock.now_ms();
        let (due, later): (Vec<_>, Vec<_>) = waiting.drain(..).partition(|(due, _)| *due <= now);
        *waiting = later;
        left.extend(due.into_iter().map(|(_, instance)| instance));
    }

    fn readiness(&self, instance: &Instance) -> Readiness {
        let settled = self.settled.borrow();
        let planned = |key: &&String| self.task.plan.instances.contains_key(*key);
        let mut latest = 0;
        for key in instance.needs.iter().chain(&instance.after).chain(&instance.like).filter(planned) {
            match settled.get(key) {
                None => return Readiness::Not,
                Some((at, _)) => latest = latest.max(*at),
            }
        }
        for key in &instance.needs {
            if let Some((_, Some(not_sent))) = settled.get(key) {
                let why = if not_sent.why == Why::NotClaimed { Why::NotClaimed } else { Why::Prerequisite };
                let why = if not_sent.why == Why::LeftOut { Why::LeftOut } else { why };
                return Readiness::Never(NotSent {
                    why,
                    reason: not_sent.reason.clone(),
                    blocked_by: Some(key.clone()),
                });
            }
        }
        drop(settled);
        if let Some(base) = &instance.like
            && !self.works(base)
        {
            let reason = format!("`{base}` does not work, so a refusal would prove nothing");
            return Readiness::Never(NotSent { why: Why::Prerequisite, reason, blocked_by: Some(base.clone()) });
        }
        match self.wait_of(instance) {
            Err(not_sent) => Readiness::Never(not_sent),
            Ok(None) => Readiness::At(0),
            Ok(Some(wait)) => Readiness::At(latest.max(1) + u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    fn wait_of(&self, instance: &Instance) -> Result<Option<Duration>, NotSent> {
        let Some(wait) = self.exchange(instance).and_then(|exchange| exchange.file.wait.as_ref()) else {
            return Ok(None);
        };
        let filled = self.fill(instance, wait)?;
        let time = match &filled {
            Value::Number(seconds) => {
                seconds.as_f64().filter(|seconds| (0.0..1e9).contains(seconds)).map(Duration::from_secs_f64)
            }
            Value::String(text) => duration(text),
            _ => None,
        };
        let lacking = |why, reason| NotSent { why, reason, blocked_by: None };
        let time = time.ok_or_else(|| lacking(Why::Prerequisite, format!("{filled} is not a time to wait")))?;
        if time > self.settings.patience {
            let reason =
                format!("waits {} s, longer than --patience {} s", time.as_secs(), self.settings.patience.as_secs());
            return Err(lacking(Why::LeftOut, reason));
        }
        Ok(Some(time))
    }

    fn values<'v>(&'v self, instance: &'v Instance) -> Values<'v> {
        Values {
            catalogue: self.task.catalogue,
            target: self.task.target,
            instance,
            documents: &self.documents,
            clock: self.settings.clock.as_ref(),
            seed: self.settings.seed,
            drawn: Cell::new(0),
            lets: RefCell::default(),
            sensitive: RefCell::default(),
        }
    }

    fn fill(&self, instance: &Instance, value: &Value) -> Result<Value, NotSent> {
        let values = self.values(instance);
        reference::fill(value, &mut |reference| values.resolve(reference)).map_err(not_sent)
    }

    /// Sends one instance, as often as it says.
    async fn one(&self, instance: &Instance) -> (String, Result<Value, NotSent>) {
        let key = instance.key.clone();
        let Some(exchange) = self.exchange(instance) else {
            return (key, Err(NotSent { why: Why::Prerequisite, reason: "unknown exchange".into(), blocked_by: None }));
        };
        let mut result = match &exchange.file.repeat {
            None => self.attempt(instance, exchange, 0).await,
            Some(repeat) => match &repeat.until {
                Some(until) => {
                    let within = repeat.within.as_deref().and_then(duration).unwrap_or(Duration::from_secs(30));
                    self.until(instance, exchange, &Clauses::read(until), within).await
                }
                None => {
                    let times = repeat.times.unwrap_or(2).clamp(1, MOST_COPIES);
                    self.copies(instance, exchange, times, repeat.at_once).await
                }
            },
        };
        if let Ok(document) = &mut result {
            document["title"] = exchange.file.title.clone().unwrap_or_else(|| key.clone()).into();
        }
        (key, result)
    }

    async fn until(
        &self,
        instance: &Instance,
        exchange: &Exchange,
        until: &Clauses,
        within: Duration,
    ) -> Result<Value, NotSent> {
        let end = self.settings.clock.now_ms() + u64::try_from(within.as_millis()).unwrap_or(0);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut document = self.attempt(instance, exchange, attempts).await?;
            let next = self.settings.clock.now_ms() + POLL_MS;
            if holds(until, &document) || next > end || attempts >= MOST_COPIES {
                document["attempts"] = attempts.into();
                return Ok(document);
            }
            self.sleep_until(next).await;
        }
    }

    async fn copies(
        &self,
        instance: &Instance,
        exchange: &Exchange,
        times: usize,
        at_once: bool,
    ) -> Result<Value, NotSent> {
        let mut all = Vec::new();
        if at_once {
            let copies = (0..times).map(|nth| self.attempt(instance, exchange, nth));
            all.extend(futures_util::future::join_all(copies).await);
        } else {
            for nth in 0..times {
                all.push(self.attempt(instance, exchange, nth).await);
            }
        }
        let all: Vec<Value> = all.into_iter().collect::<Result<_, _>>()?;
        let outcome =
            all.iter().find(|one| one["outcome"] != "answered").map_or("answered".into(), |one| one["outcome"].clone());
        let mut document = json!({"outcome": outcome, "target": self.task.target.public, "all": all});
        document["request"] = document["all"][0]["request"].clone();
        document["timing"] = document["all"][0]["timing"].clone();
        Ok(document)
    }

    async fn attempt(&self, instance: &Instance, exchange: &Exchange, nth: usize) -> Result<Value, NotSent> {
        if exchange.file.kind == Some(Kind::Handshake) {
            return self.handshake(instance, exchange).await;
        }
        let values = self.values(instance);
        // Each attempt makes its own values up.
        values.drawn.set(u64::try_from(nth).unwrap_or(0) << 32);
        let ready =
            request::build(exchange, self.task.target, self.joined.get(), &mut |reference| values.resolve(reference))
                .map_err(not_sent)?;
        let bytes = [super::raw::bytes(&ready.sent), vec![u8::from(ready.raw)]].concat();
        if instance.shareable {
            let same = self.sent_bytes.borrow().get(&bytes).cloned();
            if let Some(key) = same {
                loop {
                    let settled = self.changed.notified();
                    if let Some(document) = self.documents.borrow().get(&key) {
                        return Ok(document.clone());
                    }
                    settled.await;
                }
            }
            self.sent_bytes.borrow_mut().insert(bytes, instance.key.clone());
        }
        Ok(self.send(instance, &ready, &values).await)
    }

    /// Sends a request; asks once more, and patiently, when it is throttled.
    async fn send(&self, instance: &Instance, ready: &Ready, values: &Values<'_>) -> Value {
        let mut again = true;
        loop {
            let slot = self.slots.acquire().await;
            self.keep_rate().await;
            let (done, all) = (self.settled.borrow().len(), self.task.plan.instances.len());
            self.settings.progress.sending(&instance.key, done, all);
            let at = self.settings.clock.now_ms();
            self.sent.set(self.sent.get() + 1);
            let Ended { outcome, received, bound, error } = self.wire.send(ready).await;
            let elapsed = self.settings.clock.now_ms().saturating_sub(at);
            drop(slot);
            let depth = self.task.target.bounds.json_depth;
            let mut document = document(outcome, &ready.sent, received.as_ref(), bound.as_ref(), depth);
            let first_byte = received
                .as_ref()
                .map_or(elapsed, |received| received.first_byte_ms.max(elapsed.min(received.first_byte_ms)));
            let timing = json!({"at": at, "elapsed_ms": elapsed, "first_byte_ms": first_byte});
            finish(&mut document, &self.task.target.public, lets(values), timing);
            if let Some(error) = error {
                document["error"] = error.into();
            }
            let sensitive = values.sensitive.borrow();
            if !sensitive.is_empty() {
                document["sensitive"] = json!(*sensitive);
            }
            drop(sensitive);
            if document["outcome"] != "throttled" || !again {
                return document;
            }
            again = false;
            let asked = document.pointer("/response/headers/retry-after/0").and_then(Value::as_str);
            let seconds = asked.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(1).min(LONGEST_RETRY);
            self.sleep_until(self.settings.clock.now_ms() + seconds * 1000).await;
        }
    }

    async fn handshake(&self, instance: &Instance, exchange: &Exchange) -> Result<Value, NotSent> {
        let endpoint = exchange.file.endpoint.map_or("token_endpoint", |endpoint| endpoint.name());
        let url = self.task.target.text(endpoint).unwrap_or_default();
        let _slot = self.slots.acquire().await;
        self.settings.progress.sending(&instance.key, self.settled.borrow().len(), self.task.plan.instances.len());
        let at = self.settings.clock.now_ms();
        self.sent.set(self.sent.get() + 1);
        let target = self.task.target;
        let offer = exchange.file.offer.as_deref();
        let mut document =
            handshake::look(&url, offer, target.ca_file.as_deref(), &target.bounds, self.settings.clock.clone())
                .await
                .map_err(|error| NotSent { why: Why::Prerequisite, reason: error.to_string(), blocked_by: None })?;
        let elapsed = self.settings.clock.now_ms().saturating_sub(at);
        finish(&mut document, &target.public, Map::new(), json!({"at": at, "elapsed_ms": elapsed}));
        Ok(document)
    }

    /// Every base is asked again, and how it ended is laid into its document as `/control`.
    async fn controls(&self) {
        for key in &self.task.plan.controls {
            let Some(instance) = self.task.plan.instances.get(key).filter(|_| self.works(key)) else { continue };
            let Some(exchange) = self.exchange(instance) else { continue };
            let again = Instance { shareable: false, ..instance.clone() };
            let control = match self.attempt(&again, exchange, 0).await {
                Err(not_sent) => json!({"outcome": "not_sent", "reason": not_sent.reason}),
                Ok(document) => {
                    let mut control = json!({"outcome": document["outcome"], "works": worked(self.task.catalogue, &instance.exchange, &document)});
                    if let Some(answer) = document.get("answer") {
                        control["answer"] = answer.clone();
                    }
                    if let Some(status) = document.pointer("/response/status") {
                        control["status"] = status.clone();
                    }
                    control
                }
            };
            if let Some(document) = self.documents.borrow_mut().get_mut(key) {
                document["control"] = control;
            }
        }
    }

    fn settle(&self, key: &str, result: Result<Value, NotSent>) {
        let now = self.settings.clock.now_ms();
        let given_up = match result {
            Ok(document) => {
                self.documents.borrow_mut().insert(key.to_owned(), document);
                None
            }
            Err(not_sent) => Some(not_sent),
        };
        self.settled.borrow_mut().insert(key.to_owned(), (now, given_up));
        self.changed.notify_waiters();
    }

    async fn sleep_until(&self, due: u64) {
        let now = self.settings.clock.now_ms();
        if due > now && !self.settings.clock.jump_to(due) {
            tokio::time::sleep(Duration::from_millis(due - now)).await;
        }
    }

    async fn keep_rate(&self) {
        let Some(interval) = self.settings.interval else { return };
        let at = self.next_at.get().max(self.settings.clock.now_ms());
        self.next_at.set(at + u64::try_from(interval.as_millis()).unwrap_or(0));
        self.sleep_until(at).await;
    }

    fn recording(&self, stopped: bool, interrupted: bool) -> Recording {
        let plan = self.task.plan;
        let mut exchanges = IndexMap::new();
        let mut documents = self.documents.borrow_mut();
        let settled = self.settled.borrow();
        for key in plan.instances.keys() {
            let recorded = match (documents.remove(key), settled.get(key)) {
                (Some(document), _) => Recorded::Sent(document),
                (None, Some((_, Some(not_sent)))) => Recorded::NotSent(not_sent.clone()),
                (None, _) => {
                    let (why, reason) = match (interrupted, stopped) {
                        (true, _) => (Why::Interrupted, "the run was interrupted"),
                        (false, true) => (Why::Preflight, "the run ended at its preflight"),
                        (false, false) => (Why::Prerequisite, "what it needs was never settled"),
                    };
                    Recorded::NotSent(NotSent {
                        why,
                        reason: reason.into(),
                        blocked_by: plan.first.first().filter(|_| stopped).cloned(),
                    })
                }
            };
            exchanges.insert(key.clone(), recorded);
        }
        for (key, not_sent) in &plan.not_sent {
            exchanges.insert(key.clone(), Recorded::NotSent(not_sent.clone()));
        }
        exchanges.sort_keys();
        Recording { exchanges, target: self.task.target.public.clone() }.sealed(&self.task.target.to_mask())
    }
}

enum Readiness {
    Not,
    Never(NotSent),
    At(u64),
}

async fn real_sleep(due: Option<u64>, now: u64) {
    tokio::time::sleep(Duration::from_millis(due.unwrap_or(now).saturating_sub(now))).await;
}

fn lets(values: &Values<'_>) -> Map<String, Value> {
    values.lets.borrow().clone()
}

fn not_sent(missing: Missing) -> NotSent {
    match missing {
        Missing::Claim(what) => {
            NotSent { why: Why::NotClaimed, reason: format!("the target does not claim {what}"), blocked_by: None }
        }
        Missing::Prerequisite { blocked_by, reason } => NotSent { why: Why::Prerequisite, reason, blocked_by },
    }
}

/// One line on how an exchange ended.
fn seen(document: &Value) -> String {
    let word = |place: &str| document.pointer(place).and_then(Value::as_str).unwrap_or_default();
    let status = document.pointer("/response/status").map(Value::to_string).unwrap_or_default();
    match word("/outcome") {
        "answered" => format!("{status} {}", crate::suite::words::answer(word("/answer"))),
        outcome => format!("{} {}", outcome.replace('_', " "), word("/error")).trim().to_owned(),
    }
}

fn bound(document: &Value) -> String {
    let name = document.pointer("/bound/name").and_then(Value::as_str).unwrap_or_default();
    let limit = document.pointer("/bound/limit").and_then(Value::as_u64).unwrap_or(0);
    let unit = if matches!(name, "body" | "head") { "bytes" } else { "ms" };
    format!("{} over {limit} {unit}", name.replace('_', " "))
}
