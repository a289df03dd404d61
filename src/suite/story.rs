//! One check, one story: which instance of an exchange a check looks at (DESIGN 3.1).
//!
//! Within a check an exchange name is one instance. Checks share an instance unless one of them spoils it; its key is the
//! exchange plus everything in the check that spoils it, directly or through another spoiler. Plan and judge both ask here, so a
//! recording needs no map of its own.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::catalogue::{Catalogue, Exchange};

/// The exchanges that a set of names draws in, with the spoilers that touch each.
#[derive(Debug)]
pub struct Story<'c> {
    catalogue: &'c Catalogue,
    told: Arc<Told>,
}

/// What a story comes to.
#[derive(Debug, Default)]
struct Told {
    /// Every exchange reached, in the order reached.
    names: Vec<String>,
    spoiled_by: HashMap<String, BTreeSet<String>>,
}

/// Stories that were told once: plan and judge ask for the same ones, and so does every trial of a self-test.
#[derive(Debug, Default)]
pub(super) struct Stories(Mutex<HashMap<Vec<String>, Arc<Told>>>);

impl<'c> Story<'c> {
    /// The story of the exchanges that a check names.
    #[must_use]
    pub fn of(catalogue: &'c Catalogue, names: &[String]) -> Self {
        let stories = || catalogue.stories.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = stories().get(names) {
            return Self { catalogue, told: Arc::clone(told) };
        }
        let mut teller = Teller { catalogue, names: Vec::new() };
        for name in names {
            teller.reach(name);
        }
        let mut spoiled_by = HashMap::new();
        for name in &teller.names {
            teller.spoilers(name, &mut spoiled_by);
        }
        let told = Arc::new(Told { names: teller.names, spoiled_by });
        stories().insert(names.to_vec(), Arc::clone(&told));
        Self { catalogue, told }
    }

    /// Every exchange of the story with its definition.
    pub fn exchanges(&self) -> impl Iterator<Item = &'c Exchange> + '_ {
        self.told.names.iter().filter_map(|name| self.catalogue.exchanges.get(name))
    }

    /// The key of the instance of `name`; what can be used once has one for each consumer.
    #[must_use]
    pub fn key(&self, name: &str, consumer: Option<&str>) -> String {
        let mut key = self.catalogue.representative(name).to_owned();
        if let Some(spoilers) = self.told.spoiled_by.get(name).filter(|spoilers| !spoilers.is_empty()) {
            key.push('~');
            key.push_str(&spoilers.iter().map(String::as_str).collect::<Vec<_>>().join("+"));
        }
        if let Some(consumer) = consumer
            && self.catalogue.exchanges.get(name).is_some_and(|exchange| exchange.file.single_use)
        {
            key.push('<');
            key.push_str(consumer);
        }
        key
    }

    /// Whether `from` draws in `name`, directly or through others.
    #[must_use]
    pub fn draws_in(&self, from: &str, name: &str) -> bool {
        let mut seen = HashSet::new();
        let mut left = vec![from.to_owned()];
        while let Some(next) = left.pop() {
            if next == name {
                return true;
            }
            if let Some(exchange) = self.catalogue.exchanges.get(&next).filter(|_| seen.insert(next.clone())) {
                left.extend(needed_by(exchange));
            }
        }
        false
    }
}

/// Works a story out.
struct Teller<'c> {
    catalogue: &'c Catalogue,
    names: Vec<String>,
}

impl Teller<'_> {
    fn reach(&mut self, name: &str) {
        if self.names.iter().any(|known| known == name) {
            return;
        }
        if let Some(exchange) = self.catalogue.exchanges.get(name) {
            self.names.push(name.to_owned());
            for needed in needed_by(exchange) {
                self.reach(&needed);
            }
        }
    }

    /// The spoilers of `name` and of everything it is made from.
    fn spoilers(&self, name: &str, known: &mut HashMap<String, BTreeSet<String>>) -> BTreeSet<String> {
        if let Some(spoilers) = known.get(name) {
            return spoilers.clone();
        }
        // A cycle ends here; the loader refuses those that cannot be sent.
        known.insert(name.to_owned(), BTreeSet::new());
        let mut spoilers = self.downstream(name, &mut HashSet::new());
        if let Some(exchange) = self.catalogue.exchanges.get(name) {
            for from in exchange.takes_from.iter().chain(&exchange.file.spoils) {
                spoilers.extend(self.spoilers(from, known));
            }
        }
        known.insert(name.to_owned(), spoilers.clone());
        spoilers
    }

    fn downstream(&self, name: &str, seen: &mut HashSet<String>) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for exchange in self.names.iter().filter_map(|name| self.catalogue.exchanges.get(name)) {
            if exchange.file.spoils.iter().any(|spoiled| spoiled == name) && seen.insert(exchange.id.clone()) {
                all.insert(exchange.id.clone());
                all.extend(self.downstream(&exchange.id, seen));
            }
        }
        all
    }
}

/// What must be there before an exchange can be sent.
fn needed_by(exchange: &Exchange) -> Vec<String> {
    exchange.takes_from.iter().chain(&exchange.file.after).chain(&exchange.file.spoils).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::Values;
    use super::*;
    use serde_json::{Value, json};

    fn catalogue() -> Catalogue {
        let Value::Object(files) = json!({
            "token": {}, "use": {"params": {"t": "${token/x}"}},
            "revoke": {"params": {"t": "${token/x}"}, "spoils": ["token"]},
            "after": {"params": {"t": "${revoke/request/params/t}"}, "after": ["revoke"]},
            "code": {"single_use": true}, "redeem": {"params": {"c": "${code/x}"}},
        }) else {
            panic!("a map")
        };
        Catalogue::build(&Values::from([("exchanges".to_owned(), files)])).unwrap()
    }

    #[test]
    fn an_instance_is_shared_unless_something_in_the_story_spoils_it() {
        let catalogue = catalogue();
        let plain = Story::of(&catalogue, &["use".into()]);
        let spoiled = Story::of(&catalogue, &["use".into(), "revoke".into()]);
        assert_eq!(plain.key("token", None), "token");
        assert_eq!(spoiled.key("token", None), "token~revoke");
        assert_eq!(spoiled.key("use", None), "use~revoke");
        assert!(spoiled.draws_in("after", "revoke") && !spoiled.draws_in("use", "revoke"));
    }

    #[test]
    fn what_can_be_used_once_is_made_for_each_consumer() {
        let catalogue = catalogue();
        let story = Story::of(&catalogue, &["redeem".into()]);
        assert_eq!(story.key("code", Some("redeem")), "code<redeem");
        assert_eq!(story.key("code", None), "code");
    }
}
