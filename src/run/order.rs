//! What may go out beside what: which requests a change might touch, and what rests on which.

use std::collections::HashSet;

use super::execute::Runner;
use crate::plan::Instance;
use crate::suite::Exchange;

impl Runner<'_> {
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
