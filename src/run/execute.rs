//! The order of a run: preflight, everything that is ready at once, guesses last and alone, controls (DESIGN 3.6).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use indexmap::IndexMap;
use serde_json::Value;
use tokio::sync::{Notify, Semaphore};

use super::credentials::Joined;
use super::discover::Found;
use super::values::{Values, not_sent, worked};
use super::walk::Walkers;
use super::wire::{Wire, millis};
use super::{Brought, Error, Settings, Task};
use crate::exchange::{NotSent, Recorded, Recording, Why};
use crate::plan::Instance;
use crate::suite::{Exchange, reference};
use crate::target::duration;

/// Performs the plan. When `stop` ends, what is under way is given up and the rest is not sent.
///
/// # Errors
/// Nothing could be sent: TLS or the proxy cannot be set up.
pub async fn run(task: Task<'_>, settings: &Settings, stop: impl Future<Output = ()>) -> Result<Brought, Error> {
    run_after(task, Found::default(), settings, stop).await
}

/// The same after a discovery: what it asked is evidence of this run, and is not asked again.
///
/// # Errors
/// Nothing could be sent: TLS or the proxy cannot be set up.
pub async fn run_after(
    task: Task<'_>,
    found: Found,
    settings: &Settings,
    stop: impl Future<Output = ()>,
) -> Result<Brought, Error> {
    let runner = Runner::new(task, settings)?;
    runner.open_browser().await?;
    let found = runner.take_over(found);
    let started_ms = if found.started_ms > 0 { found.started_ms } else { settings.clock.now_ms() };
    let mut stop = Box::pin(stop);
    let (mut preflight, mut stopped) = if found.stopped.is_some() || found.interrupted {
        (Vec::new(), found.stopped)
    } else {
        tokio::select! {
            biased;
            () = &mut stop => (Vec::new(), None),
            outcome = runner.preflight() => outcome,
        }
    };
    let mut interrupted = found.interrupted || stopped.is_none() && preflight.is_empty() && !task.plan.first.is_empty();
    preflight.splice(..0, found.steps);
    if stopped.is_none() && !interrupted {
        let all = async {
            runner.everything().await;
            runner.controls().await;
        };
        interrupted = tokio::select! {
            biased;
            () = &mut stop => true,
            () = all => false,
        };
    }
    runner.close_browser().await;
    let elapsed_ms = settings.clock.now_ms().saturating_sub(started_ms);
    let has_stopped = stopped.is_some();
    // What preflight says may repeat what a server sent.
    let mut said: Vec<&mut String> = preflight.iter_mut().map(|step| &mut step.detail).collect();
    said.extend(stopped.iter_mut().map(|(sentence, _)| sentence));
    let recording = runner.recording(has_stopped, interrupted, &mut said);
    Ok(Brought { recording, preflight, stopped, interrupted, elapsed_ms, started_ms, sent: runner.sent.get() })
}

pub(super) struct Runner<'r> {
    pub(super) wire: Wire,
    pub(super) slots: Semaphore,
    /// When the next request may go out, by the clock, if there is a rate.
    pub(super) next_at: Cell<u64>,
    /// How this target takes id and secret, as preflight found.
    pub(super) joined: Cell<Joined>,
    /// Documents as they came.
    pub(super) documents: RefCell<HashMap<String, Value>>,
    /// Sent or given up, with the time.
    pub(super) settled: RefCell<IndexMap<String, (u64, Option<NotSent>)>>,
    /// Requests that went out, by their bytes → the instance that sent them.
    pub(super) sent_bytes: RefCell<HashMap<Vec<u8>, String>>,
    pub(super) sent: Cell<usize>,
    pub(super) walkers: Walkers,
    /// Told whenever an instance is settled.
    pub(super) changed: Notify,
    pub(super) task: Task<'r>,
    urgency: HashMap<&'r str, usize>,
    pub(super) settings: &'r Settings,
}

type Work<'w> = Pin<Box<dyn Future<Output = (String, Result<Value, NotSent>)> + 'w>>;

impl<'r> Runner<'r> {
    /// # Errors
    /// TLS or the proxy cannot be set up.
    pub(super) fn new(task: Task<'r>, settings: &'r Settings) -> Result<Self, Error> {
        // Nobody is asked at the client's own URL, and the system's certificates take long to read.
        let asked = task.target.public.as_object().into_iter().flatten().filter(|(name, _)| *name != "redirect_uri");
        let urls = asked.filter_map(|(_, value)| value.as_str());
        let secure = urls.chain(task.target.public["resource"]["url"].as_str()).any(|url| url.starts_with("https:"));
        Ok(Self {
            wire: Wire::new(task.target, settings, secure)?,
            slots: Semaphore::new(settings.concurrency.max(1)),
            next_at: Cell::new(0),
            joined: Cell::new(Joined::default()),
            documents: RefCell::default(),
            settled: RefCell::default(),
            sent_bytes: RefCell::default(),
            sent: Cell::new(0),
            walkers: Walkers::default(),
            changed: Notify::new(),
            urgency: task.plan.urgency(),
            task,
            settings,
        })
    }
}

impl Runner<'_> {
    pub(super) fn exchange(&self, instance: &Instance) -> Option<&Exchange> {
        self.task.catalogue.exchanges.get(&instance.exchange)
    }

    pub(super) fn works(&self, key: &str) -> bool {
        let Some(instance) = self.task.plan.instances.get(key) else { return false };
        self.documents
            .borrow()
            .get(key)
            .is_some_and(|document| worked(self.task.catalogue, &instance.exchange, document, &self.task.target.public))
    }

    /// Performs the instances that `wanted` picks as they become ready.
    pub(super) async fn perform(&self, wanted: &dyn Fn(&Instance) -> bool) {
        self.perform_unless(wanted, &|_| false, &|_| false).await;
    }

    /// The same; what `held` picks is not ready for as long as it does, and what `first` picks goes before the rest.
    pub(super) async fn perform_unless(
        &self,
        wanted: &dyn Fn(&Instance) -> bool,
        held: &dyn Fn(&Instance) -> bool,
        first: &dyn Fn(&Instance) -> bool,
    ) {
        let mut left: Vec<&Instance> = self
            .task
            .plan
            .instances
            .values()
            .filter(|instance| wanted(instance) && !self.settled.borrow().contains_key(&instance.key))
            .collect();
        // What has most behind it goes first, so that the longest chain is what a run takes.
        left.sort_by_cached_key(|instance| {
            std::cmp::Reverse((first(instance), self.urgency.get(instance.key.as_str()).copied().unwrap_or(1)))
        });
        let places = self.settings.concurrency.max(1);
        let mut under_way: FuturesUnordered<Work<'_>> = FuturesUnordered::new();
        let mut waiting: Vec<(u64, &Instance)> = Vec::new();
        loop {
            let mut later = Vec::new();
            for instance in std::mem::take(&mut left) {
                // Who is ready does not queue: a free place goes to the most urgent one of those that are ready by then.
                if under_way.len() >= places || held(instance) {
                    later.push(instance);
                    continue;
                }
                match self.readiness(instance) {
                    Readiness::Not => later.push(instance),
                    Readiness::Never(not_sent) => self.settle(&instance.key, Err(not_sent)),
                    Readiness::At(due) if due > self.settings.clock.now_ms() => waiting.push((due, instance)),
                    Readiness::At(_) => under_way.push(Box::pin(self.one(instance))),
                }
            }
            left = later;
            waiting.sort_by_key(|(due, instance)| (*due, instance.key.clone()));
            if under_way.is_empty() {
                let Some((due, _)) = waiting.first().copied() else {
                    let ready =
                        |instance: &Instance| !held(instance) && !matches!(self.readiness(instance), Readiness::Not);
                    if left.iter().any(|instance| ready(instance)) {
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
            Ok(Some(wait)) => Readiness::At(latest.max(1).saturating_add(millis(wait))),
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

    pub(super) fn values<'v>(&'v self, instance: &'v Instance) -> Values<'v> {
        Values::new(self.task, self.settings, instance, &self.documents)
    }

    fn fill(&self, instance: &Instance, value: &Value) -> Result<Value, NotSent> {
        let values = self.values(instance);
        reference::fill(value, &mut |reference| values.resolve(reference)).map_err(not_sent)
    }

    pub(super) fn settle(&self, key: &str, result: Result<Value, NotSent>) {
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

    pub(super) async fn sleep_until(&self, due: u64) {
        let now = self.settings.clock.now_ms();
        if due > now && !self.settings.clock.jump_to(due) {
            tokio::time::sleep(Duration::from_millis(due - now)).await;
        }
    }

    pub(super) async fn keep_rate(&self) {
        let Some(interval) = self.settings.interval else { return };
        let at = self.next_at.get().max(self.settings.clock.now_ms());
        self.next_at.set(at + millis(interval));
        self.sleep_until(at).await;
    }

    fn recording(&self, stopped: bool, interrupted: bool, said: &mut [&mut String]) -> Recording {
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
        // What a discovery asked and no check asked for.
        let found: Vec<String> = settled.keys().filter(|key| documents.contains_key(*key)).cloned().collect();
        exchanges
            .extend(found.into_iter().filter_map(|key| Some((key.clone(), Recorded::Sent(documents.remove(&key)?)))));
        exchanges.sort_keys();
        Recording { exchanges, target: self.task.target.public.clone() }.sealed_with(&self.task.target.to_mask(), said)
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
