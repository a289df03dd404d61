//! Sends one instance as often as it says, and asks every base again at the end.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::SemaphorePermit;

use super::execute::Runner;
use super::handshake;
use super::request::{self, Ready};
use super::values::{Values, holds, not_sent, worked};
use super::wire::{Ended, millis};
use crate::exchange::{NotSent, Received, Why, control, document, finish};
use crate::plan::Instance;
use crate::suite::files::Kind;
use crate::suite::{Clauses, Exchange};
use crate::target::duration;

/// Longest time that a `Retry-After` is obeyed for.
const LONGEST_RETRY: u64 = 10;
/// Between two attempts of a `repeat: until`.
const POLL_MS: u64 = 2_000;
/// Most copies of a repeated exchange.
const MOST_COPIES: usize = 20;

impl Runner<'_> {
    /// Sends one instance, as often as it says.
    pub(super) async fn one(&self, instance: &Instance) -> (String, Result<Value, NotSent>) {
        let key = instance.key.clone();
        let Some(exchange) = self.exchange(instance) else {
            return (key, Err(NotSent { why: Why::Prerequisite, reason: "unknown exchange".into(), blocked_by: None }));
        };
        // Boxed: what few exchanges need would make every one of them large.
        let mut result = match &exchange.file.repeat {
            None => self.attempt(instance, exchange, 0, None).await,
            Some(repeat) => match &repeat.until {
                Some(until) => {
                    let within = repeat.within.as_deref().and_then(duration).unwrap_or(Duration::from_secs(30));
                    Box::pin(self.until(instance, exchange, &Clauses::read(until.clone()), within)).await
                }
                None => {
                    let times = repeat.times.unwrap_or(2).clamp(1, MOST_COPIES);
                    Box::pin(self.copies(instance, exchange, times, repeat.at_once)).await
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
        let end = self.settings.clock.now_ms().saturating_add(millis(within));
        let mut attempts = 0;
        loop {
            attempts += 1;
            let asked = self.settings.clock.now_ms();
            let mut document = self.attempt(instance, exchange, attempts, None).await?;
            if holds(until, &document, &self.task.target.public) || asked >= end || attempts >= MOST_COPIES {
                document["attempts"] = attempts.into();
                return Ok(document);
            }
            // The last time when all of it is over, or somebody would get less than was promised.
            let next = self.settings.clock.now_ms() + POLL_MS;
            self.sleep_until(if attempts + 1 < MOST_COPIES { next.min(end) } else { end }).await;
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
            let copies = (0..times).map(|nth| self.attempt(instance, exchange, nth, None));
            all.extend(futures_util::future::join_all(copies).await);
        } else {
            // One after the other: they keep their place in the queue, or each would wait for everybody else again.
            let slot = self.slots.acquire().await.ok();
            for nth in 0..times {
                all.push(self.attempt(instance, exchange, nth, slot.as_ref()).await);
            }
        }
        let all: Vec<Value> = all.into_iter().collect::<Result<_, _>>()?;
        let outcome =
            all.iter().find(|one| one["outcome"] != "answered").map_or("answered".into(), |one| one["outcome"].clone());
        let mut document = json!({"outcome": outcome, "all": all});
        document["request"] = document["all"][0]["request"].clone();
        document["timing"] = document["all"][0]["timing"].clone();
        Ok(document)
    }

    /// One request; `slot` is the place among those under way, if the caller holds one already.
    async fn attempt(
        &self,
        instance: &Instance,
        exchange: &Exchange,
        nth: usize,
        slot: Option<&SemaphorePermit<'_>>,
    ) -> Result<Value, NotSent> {
        if exchange.file.kind == Some(Kind::Handshake) {
            return Box::pin(self.handshake(instance, exchange, slot)).await;
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
        if exchange.file.kind == Some(Kind::Authorize) {
            return Box::pin(self.walk(instance, exchange, ready, &values)).await;
        }
        Ok(self.send(instance, &ready, &values, slot).await.0)
    }

    /// Sends a request; asks once more, and patiently, when it is throttled.
    pub(super) async fn send(
        &self,
        instance: &Instance,
        ready: &Ready,
        values: &Values<'_>,
        held: Option<&SemaphorePermit<'_>>,
    ) -> (Value, Option<Box<Received>>) {
        // A guess is never sent twice: a second wrong secret may be the one that locks the client.
        let mut again = !instance.guess;
        loop {
            let slot = if held.is_none() { self.slots.acquire().await.ok() } else { None };
            self.keep_rate().await;
            let (done, all) = (self.settled.borrow().len(), self.task.plan.instances.len());
            self.settings.progress.sending(&instance.key, done, all);
            let at = self.settings.clock.now_ms();
            self.sent.set(self.sent.get() + 1);
            let Ended { outcome, received, bound, error } = self.wire.send(ready).await;
            let elapsed = self.settings.clock.now_ms().saturating_sub(at);
            drop(slot);
            let depth = self.task.target.bounds.json_depth;
            let mut document = document(outcome, &ready.sent, received.as_deref(), bound.as_ref(), depth);
            let first_byte = received.as_ref().map_or(elapsed, |received| received.first_byte_ms);
            let timing = json!({"at": at, "elapsed_ms": elapsed, "first_byte_ms": first_byte});
            finish(&mut document, lets(values), timing);
            if let Some(error) = error {
                document["error"] = error.into();
            }
            let sensitive = values.sensitive.borrow().clone();
            if !sensitive.is_empty() {
                document["sensitive"] = json!(sensitive);
            }
            if document["outcome"] != "throttled" || !again {
                return (document, received);
            }
            again = false;
            let asked = document.pointer("/response/headers/retry-after/0").and_then(Value::as_str);
            let seconds = asked.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(1).min(LONGEST_RETRY);
            self.sleep_until(self.settings.clock.now_ms() + seconds * 1000).await;
        }
    }

    async fn handshake(
        &self,
        instance: &Instance,
        exchange: &Exchange,
        held: Option<&SemaphorePermit<'_>>,
    ) -> Result<Value, NotSent> {
        let endpoint = exchange.file.endpoint.map_or("token_endpoint", |endpoint| endpoint.name());
        let url = self.task.target.url_of(endpoint).unwrap_or_default();
        let _slot = if held.is_none() { self.slots.acquire().await.ok() } else { None };
        self.settings.progress.sending(&instance.key, self.settled.borrow().len(), self.task.plan.instances.len());
        let at = self.settings.clock.now_ms();
        self.sent.set(self.sent.get() + 1);
        let target = self.task.target;
        let offer = exchange.file.offer.as_deref();
        let mut document = handshake::look(
            (endpoint, &url),
            offer,
            target.ca_file.as_deref(),
            &target.bounds,
            self.settings.clock.clone(),
        )
        .await
        .map_err(|error| NotSent { why: Why::Prerequisite, reason: error.to_string(), blocked_by: None })?;
        let elapsed = self.settings.clock.now_ms().saturating_sub(at);
        finish(&mut document, Map::new(), json!({"at": at, "elapsed_ms": elapsed}));
        Ok(document)
    }

    /// Every base is asked again, and how it ended is laid into its document as `/control`.
    pub(super) async fn controls(&self) {
        let asked = self.task.plan.controls.iter().filter(|key| self.works(key)).map(|key| self.control(key));
        for (key, control) in futures_util::future::join_all(asked).await {
            if let Some((document, control)) = self.documents.borrow_mut().get_mut(key).zip(control) {
                document["control"] = control;
            }
        }
    }

    async fn control<'k>(&self, key: &'k str) -> (&'k str, Option<Value>) {
        let instance = self.task.plan.instances.get(key);
        let Some((instance, exchange)) = instance.and_then(|instance| Some((instance, self.exchange(instance)?)))
        else {
            return (key, None);
        };
        let again = Instance { shareable: false, ..instance.clone() };
        let control = match self.attempt(&again, exchange, 0, None).await {
            Err(not_sent) => json!({"outcome": "not_sent", "reason": not_sent.reason}),
            Ok(document) => {
                control(&document, worked(self.task.catalogue, &instance.exchange, &document, &self.task.target.public))
            }
        };
        (key, Some(control))
    }
}

pub(super) fn lets(values: &Values<'_>) -> Map<String, Value> {
    values.lets.borrow().clone()
}
