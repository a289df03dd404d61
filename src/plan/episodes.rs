//! What a server may answer by taking back everything that a user granted, and what has to be kept apart from it.
//!
//! RFC 6749 §4.1.2 lets a replayed code end the tokens that came of it, and servers that keep one grant for each user and client end all
//! of that: the tokens of other codes, and the codes that still wait to be redeemed. RFC 7009 §2.1 says the like of revocation, and
//! RFC 9700 §4.14.2 of a refresh token that is used twice. So each request of that sort makes an episode, with the walk and the tokens
//! that it needs; a run holds them one after the other when everything else that rests on a user is done.

use std::collections::HashSet;

use super::{Instance, Plan};
use crate::suite::Catalogue;
use crate::suite::files::{Kind, Risk};

/// Instances that belong together, and are under way without any other that rests on a user.
#[derive(Debug, Clone, Default)]
pub struct Episode<'p> {
    /// Everything of the episode.
    pub keys: HashSet<&'p str>,
    /// Of these, what may end a user's grant: it replays, races or revokes.
    pub ends: HashSet<&'p str>,
}

impl Plan {
    /// The episodes of a run, in the order of the checks that asked.
    #[must_use]
    pub fn episodes(&self, catalogue: &Catalogue) -> Vec<Episode<'_>> {
        let walked = self.walked(catalogue);
        let ends = |instance: &&Instance| {
            let file = catalogue.exchanges.get(&instance.exchange).map(|exchange| &exchange.file);
            let races = file.is_some_and(|file| file.repeat.as_ref().is_some_and(|repeat| repeat.at_once));
            let changes = file.is_some_and(|file| file.risk == Risk::Change);
            walked.contains(instance.key.as_str()) && (races || changes)
        };
        let mut episodes: Vec<Episode<'_>> = Vec::new();
        for instance in self.instances.values().filter(ends) {
            let known = episodes.iter_mut().find(|episode| episode.keys.contains(instance.key.as_str()));
            if let Some(episode) = known {
                episode.ends.insert(&instance.key);
            } else {
                let keys = self.together(&instance.key, &walked);
                episodes.push(Episode { keys, ends: HashSet::from([instance.key.as_str()]) });
            }
        }
        episodes
    }

    /// The longest chain of requests that wait for each other, with episodes, guesses and controls: what a run's time cannot go below.
    #[must_use]
    pub fn longest_chain(&self, catalogue: &Catalogue) -> usize {
        let episodes = self.episodes(catalogue);
        let apart: HashSet<&str> = episodes.iter().flat_map(|episode| episode.keys.iter().copied()).collect();
        let usual = |instance: &Instance| !instance.guess && !apart.contains(instance.key.as_str());
        let longest = |counts: &dyn Fn(&Instance) -> bool| {
            let urgency = self.urgency_within(counts);
            let own = self.instances.values().filter(|instance| counts(instance));
            own.filter_map(|instance| urgency.get(instance.key.as_str()).copied()).max().unwrap_or(0)
        };
        let of_episodes = episodes.iter().map(|episode| longest(&|one| episode.keys.contains(one.key.as_str())));
        let guesses = self.instances.values().filter(|instance| instance.guess).map(|guess| guess.requests);
        longest(&usual) + of_episodes.sum::<usize>() + guesses.sum::<usize>() + usize::from(!self.controls.is_empty())
    }

    /// Walks, and what takes values from one, directly or through others.
    fn walked(&self, catalogue: &Catalogue) -> HashSet<&str> {
        let walk = |instance: &Instance| {
            let exchange = catalogue.exchanges.get(&instance.exchange);
            exchange.is_some_and(|exchange| exchange.file.kind == Some(Kind::Authorize))
        };
        let mut walked = HashSet::new();
        loop {
            let before = walked.len();
            for instance in self.instances.values() {
                if walk(instance) || instance.needs.iter().any(|key| walked.contains(key.as_str())) {
                    walked.insert(instance.key.as_str());
                }
            }
            if walked.len() == before {
                return walked;
            }
        }
    }

    /// What of `within` hangs together with `key`, by values or by order.
    fn together<'p>(&'p self, key: &'p str, within: &HashSet<&'p str>) -> HashSet<&'p str> {
        let mut found = HashSet::from([key]);
        loop {
            let before = found.len();
            for instance in self.instances.values().filter(|instance| within.contains(instance.key.as_str())) {
                let others = || {
                    let keys = instance.needs.iter().chain(&instance.after).map(String::as_str);
                    keys.filter(|key| within.contains(key))
                };
                if found.contains(instance.key.as_str()) {
                    found.extend(others());
                } else if others().any(|key| found.contains(key)) {
                    found.insert(&instance.key);
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::plan::{Options, plan};
    use crate::suite::{self, Wanted};
    use crate::target;

    #[test]
    fn what_may_end_a_grant_stands_apart_with_its_own_code() {
        let catalogue = suite::embedded();
        let entry: Value = json!({
            "token_endpoint": "http://127.0.0.1:1/token", "authorization_endpoint": "http://127.0.0.1:1/authorize",
            "grant_types": ["client_credentials", "authorization_code", "refresh_token"], "redirect_uri": "https://client.example/cb",
            "revocation_endpoint": "http://127.0.0.1:1/revoke", "introspection_endpoint": "http://127.0.0.1:1/introspect",
            "client": { "client_id": "gl", "client_secret": "a secret" }, "login": { "username": "alice", "password": "a password" },
        });
        let target = target::from_entry("one", entry).unwrap();
        let members = suite::select(&catalogue, &Wanted { suites: vec!["all".into()], ..Wanted::default() });
        let plan = plan(&catalogue, &target, &members, &Options::default());
        let episodes = plan.episodes(&catalogue);
        let all: Vec<&str> = episodes.iter().flat_map(|episode| episode.keys.iter().copied()).collect();
        let ending: BTreeSet<&str> = episodes.iter().flat_map(|episode| episode.ends.iter().copied()).collect();
        for exchange in ["token.code-replayed", "token.code-raced", "token.refresh-raced", "revoke.refresh_token"] {
            assert!(ending.iter().any(|key| key.split('~').next() == Some(exchange)), "{exchange}: {ending:?}");
        }
        assert_eq!(all.len(), all.iter().collect::<HashSet<_>>().len(), "no instance is in two episodes");
        assert!(episodes.iter().all(|episode| episode.keys.len() < 10), "{episodes:#?}");
        assert!(!all.contains(&"token.authorization_code") && !ending.contains("revoke.access_token"));
    }
}
