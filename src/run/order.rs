//! What may go out beside what: which requests a change might touch, and what rests on which.

use std::cell::RefCell;
use std::collections::HashSet;

use super::credentials::Joined;
use super::execute::Runner;
use crate::exchange::{NotSent, Why};
use crate::plan::{Episode, Instance};
use crate::suite::Exchange;

impl Runner<'_> {
    /// Everything that is planned: what a client does every day, then what changes something, then what may end a user's grant, then
    /// guesses.
    ///
    /// A server may hand out one token several times. If its revocation went out beside the calls that use it, their verdicts
    /// would depend on which came first: see [`Runner::touchable`]. What waits for a time may follow: its time runs from what it
    /// rests on.
    pub(super) async fn everything(&self) {
        let episodes = self.task.plan.episodes(self.task.catalogue);
        let apart: HashSet<&str> = episodes.iter().flat_map(|episode| episode.keys.iter().copied()).collect();
        let usual = |instance: &Instance| !instance.guess && !apart.contains(instance.key.as_str());
        let waiting = self.resting_on(&|exchange, _| exchange.file.wait.is_some());
        let now = |instance: &Instance| usual(instance) && !waiting.contains(instance.key.as_str());
        let mut touchable: HashSet<&str> = self.touchable().into_iter().collect();
        touchable.retain(|key| !waiting.contains(key) && !apart.contains(key));
        let untouched: RefCell<Vec<&str>> = RefCell::new(touchable.iter().copied().collect());
        let held = |instance: &Instance| instance.change && !self.all_settled(&mut untouched.borrow_mut());
        // What changes wait for goes first, so that there is something left to send beside them.
        self.perform_unless(&now, &held, &|instance| touchable.contains(instance.key.as_str())).await;
        // Changes that would have been held for something that is never settled.
        self.perform(&now).await;
        // Whoever waits with a code in hand is back before the first grant ends.
        self.perform(&usual).await;
        for episode in &episodes {
            self.hold(episode).await;
        }
        // What rests on an episode.
        self.perform(&|instance| !instance.guess).await;
        self.guesses().await;
        // What comes after a guess.
        self.perform(&|_| true).await;
    }

    /// One episode: first what is like any other walk, then what may end the grant, and what comes of it.
    async fn hold(&self, episode: &Episode<'_>) {
        let ends = |instance: &Instance| episode.ends.contains(instance.key.as_str());
        let behind = self.resting_on(&|_, instance| ends(instance));
        let ahead = episode.keys.iter().copied().filter(|key| !behind.contains(key));
        let ahead: RefCell<Vec<&str>> = RefCell::new(ahead.collect());
        let held = |instance: &Instance| ends(instance) && !self.all_settled(&mut ahead.borrow_mut());
        let own = |instance: &Instance| !instance.guess && episode.keys.contains(instance.key.as_str());
        self.perform_unless(&own, &held, &|_| false).await;
        self.perform(&own).await;
    }

    /// One after the other.
    async fn guesses(&self) {
        // A pair that was refused in its form-encoded form has cost the client one of its attempts already.
        let mut spent = self.joined.get() == Joined::Raw;
        let guesses: Vec<&Instance> = self.task.plan.instances.values().filter(|instance| instance.guess).collect();
        for (nth, guess) in guesses.iter().enumerate() {
            let secret = |exchange: &Exchange| exchange.plays_client() && !exchange.asserts_client();
            let own = |instance: &Instance| self.exchange(instance).is_some_and(secret);
            if spent && own(guess) && guesses[..nth].iter().any(|earlier| own(earlier)) {
                spent = false;
                let reason = "the form-encoded pair was refused before; one more wrong attempt may lock the client";
                self.settle(&guess.key, Err(NotSent { why: Why::LeftOut, reason: reason.into(), blocked_by: None }));
                continue;
            }
            self.perform(&|instance| instance.key == guess.key).await;
        }
    }

    /// What a change might touch: whatever sends a value that a server issued, what such values are taken from, what is asked
    /// several times to compare the answers, and what shows that something works. Other requests may be under way beside a
    /// change; without one in the plan there is nothing to touch.
    pub(super) fn touchable(&self) -> Vec<&str> {
        let instances = &self.task.plan.instances;
        if instances.values().all(|instance| !instance.change) {
            return Vec::new();
        }
        let behind = self.resting_on(&|_, instance| instance.change || instance.guess);
        let sources: HashSet<&String> = instances.values().flat_map(|instance| &instance.needs).collect();
        let base = |instance: &Instance| {
            self.exchange(instance).is_some_and(|exchange| exchange.file.repeat.is_some() || exchange.works.is_some())
        };
        instances
            .values()
            .filter(|instance| !behind.contains(instance.key.as_str()))
            .filter(|instance| !instance.needs.is_empty() || sources.contains(&instance.key) || base(instance))
            .map(|instance| instance.key.as_str())
            .collect()
    }

    /// Whether all of them are settled. Those that are leave the list: this is asked whenever something ends.
    pub(super) fn all_settled(&self, keys: &mut Vec<&str>) -> bool {
        let settled = self.settled.borrow();
        while keys.last().is_some_and(|key| settled.contains_key(*key)) {
            keys.pop();
        }
        keys.is_empty()
    }

    /// The instances that `first` picks, and those that rest on them.
    pub(super) fn resting_on(&self, first: &dyn Fn(&Exchange, &Instance) -> bool) -> HashSet<&str> {
        let instances = &self.task.plan.instances;
        let picked = |instance: &&Instance| self.exchange(instance).is_some_and(|exchange| first(exchange, instance));
        let mut resting: HashSet<&str> =
            instances.values().filter(picked).map(|instance| instance.key.as_str()).collect();
        loop {
            let rests = |instance: &&Instance| {
                instance
                    .needs
                    .iter()
                    .chain(&instance.after)
                    .chain(&instance.like)
                    .any(|key| resting.contains(key.as_str()))
            };
            let more: Vec<&str> = instances
                .values()
                .filter(|instance| !resting.contains(instance.key.as_str()))
                .filter(rests)
                .map(|instance| instance.key.as_str())
                .collect();
            if more.is_empty() {
                return resting;
            }
            resting.extend(more);
        }
    }
}
