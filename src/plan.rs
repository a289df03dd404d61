//! Checks and a target become the smallest ordered set of exchange instances.
//!
//! Pure. Every check asks for the instances of its story (`suite::Story`); equal keys are one instance. What the target does not
//! claim and what an option leaves out is decided here, before anything is sent.

mod claims;
mod count;
mod episodes;
mod instance;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

use crate::exchange::{NotSent, Why};
use crate::suite::files::{Absentable, Endpoint, Kind, Risk};
use crate::suite::{Catalogue, Exchange, Member, Story, Suite, unclaimed_words};
use crate::target::{Target, duration};
use claims::{rests_on_a_walk, unclaimed};
pub use count::Count;
pub use episodes::Episode;
pub use instance::Instance;
use instance::is_plain;

/// What the command line leaves out.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only what a real client sends every day: exchanges without risk.
    pub safe: bool,
    /// The longest wait that is waited.
    pub patience: Duration,
}

/// What a run sends, and what it does not.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// By key, in the order of the checks that asked.
    pub instances: IndexMap<String, Instance>,
    /// Not claimed or left out, by key.
    pub not_sent: IndexMap<String, NotSent>,
    /// Ordinary exchanges to ask again when everything else is done.
    pub controls: Vec<String>,
    /// What preflight asks first: the caller's request, if there is a caller, and the standard's.
    pub first: Vec<String>,
    /// What preflight looks at beside them, without credentials: metadata and the TLS certificate.
    pub look: Vec<String>,
}

impl Plan {
    /// For each instance how many requests, one after the other, start with it: what has most behind it goes first.
    #[must_use]
    pub fn urgency(&self) -> HashMap<&str, usize> {
        self.urgency_within(&|_| true)
    }

    /// The same where only what `counts` is behind anything.
    fn urgency_within(&self, counts: &dyn Fn(&Instance) -> bool) -> HashMap<&str, usize> {
        let mut behind: HashMap<&str, Vec<&Instance>> = HashMap::new();
        for instance in self.instances.values().filter(|instance| !instance.guess && counts(instance)) {
            for key in instance.needs.iter().chain(&instance.after).chain(&instance.like) {
                behind.entry(key).or_default().push(instance);
            }
        }
        let mut known = HashMap::new();
        for instance in self.instances.values() {
            urgency_of(instance, &behind, &mut known);
        }
        known
    }
}

fn urgency_of<'p>(
    instance: &'p Instance,
    behind: &HashMap<&str, Vec<&'p Instance>>,
    known: &mut HashMap<&'p str, usize>,
) -> usize {
    if let Some(urgency) = known.get(instance.key.as_str()) {
        return *urgency;
    }
    // A cycle ends here; it cannot be sent anyway.
    known.insert(&instance.key, instance.requests);
    let longest =
        behind.get(instance.key.as_str()).into_iter().flatten().map(|next| urgency_of(next, behind, known)).max();
    let urgency = instance.requests + longest.unwrap_or(0);
    known.insert(&instance.key, urgency);
    urgency
}

/// Most requests with wrong credentials for each client and run: more may lock it.
const GUESSES: usize = 2;

/// The same for forged client assertions. Secrets can be found by trying and keys cannot, so servers that count these are few.
const FORGERIES: usize = 5;

/// Plans the members' stories against a target.
#[must_use]
pub fn plan(catalogue: &Catalogue, target: &Target, members: &[Member], options: &Options) -> Plan {
    let mut planner = Planner { catalogue, target, options, plan: Plan::default() };
    for member in members {
        planner.member(member);
    }
    planner.limit_guesses();
    planner.leave_out_dependents();
    planner.controls();
    planner.first(members);
    planner.plan
}

struct Planner<'p> {
    catalogue: &'p Catalogue,
    target: &'p Target,
    options: &'p Options,
    plan: Plan,
}

impl Planner<'_> {
    fn member(&mut self, member: &Member) {
        let names = member.names(self.catalogue);
        let story = Story::of(self.catalogue, &names);
        // One exchange that the target does not claim makes the whole check not applicable: the others are not sent for it.
        let unclaimed: Vec<(String, NotSent)> = names
            .iter()
            .filter_map(|name| Some((story.key(name, None), self.unclaimed_below(name, &mut HashSet::new())?)))
            .collect();
        if !unclaimed.is_empty() {
            for (key, not_sent) in unclaimed {
                self.plan.not_sent.entry(key).or_insert(not_sent);
            }
            return;
        }
        for name in &names {
            self.add(name, &story, None);
        }
    }

    /// Adds the instance of `name` and everything it rests on; answers its key.
    fn add(&mut self, name: &str, story: &Story<'_>, consumer: Option<&str>) -> String {
        let key = story.key(name, consumer);
        let Some(exchange) = self.catalogue.exchanges.get(self.catalogue.representative(name)) else { return key };
        if self.plan.not_sent.contains_key(&key) {
            return key;
        }
        let known = self.plan.instances.contains_key(&key);
        if !known {
            if let Some(reason) = self.left_out(exchange) {
                let not_sent = NotSent { why: Why::LeftOut, reason, blocked_by: None };
                self.plan.not_sent.insert(key.clone(), not_sent);
                return key;
            }
            // It stands in the plan before what it rests on, so that a cycle ends; order comes from `needs` and `after`.
            self.plan.instances.insert(key.clone(), Instance::new(key.clone(), exchange));
        }
        self.connect(&key, exchange, story);
        key
    }

    /// Adds what an instance rests on, and notes it there.
    fn connect(&mut self, key: &str, exchange: &Exchange, story: &Story<'_>) {
        let mut from = BTreeMap::new();
        let mut needs = Vec::new();
        let mut after = Vec::new();
        for name in &exchange.takes_from {
            let source = self.add(name, story, Some(key));
            needs.push(source.clone());
            from.insert(name.clone(), source);
        }
        for name in &exchange.file.after {
            after.push(self.add(name, story, Some(key)));
        }
        for spoiled in &exchange.file.spoils {
            needs.push(self.add(spoiled, story, Some(key)));
            // A spoiler goes after all other readers of what it spoils, except those that come after it.
            for other in story.exchanges().filter(|other| other.id != exchange.id) {
                if other.takes_from.contains(spoiled) && !story.draws_in(&other.id, &exchange.id) {
                    after.push(self.add(&other.id, story, None));
                }
            }
        }
        let like = self.base(exchange);
        if let Some(instance) = self.plan.instances.get_mut(key) {
            instance.from.extend(from);
            for (list, more) in [(&mut instance.needs, needs), (&mut instance.after, after)] {
                for key in more {
                    if key != instance.key && !list.contains(&key) {
                        list.push(key);
                    }
                }
            }
            // What has `works` of its own is its own control.
            if exchange.works.is_none() {
                instance.like = like;
            }
        }
    }

    /// The shared instance of what an exchange is like, planned as well: verdicts need it.
    fn base(&mut self, exchange: &Exchange) -> Option<String> {
        let mut base = exchange.like.clone()?;
        // One that changes nothing may stand for what it is like; it rests on what that is like then.
        while self.catalogue.representative(&base) == exchange.id {
            base = self.catalogue.exchanges.get(&base)?.like.clone()?;
        }
        if self.unclaimed_below(&base, &mut HashSet::new()).is_some() {
            return None;
        }
        let story = Story::of(self.catalogue, std::slice::from_ref(&base));
        Some(self.add(&base, &story, None))
    }

    /// What of an exchange, or of what it takes values from, the target does not claim.
    fn unclaimed_below(&self, name: &str, seen: &mut HashSet<String>) -> Option<NotSent> {
        if !seen.insert(name.to_owned()) {
            return None;
        }
        let exchange = self.catalogue.exchanges.get(name)?;
        if let Some(word) = unclaimed(exchange, self.target) {
            let reason = unclaimed_words(&word);
            return Some(NotSent { why: Why::NotClaimed, reason, blocked_by: None });
        }
        exchange.takes_from.iter().chain(&exchange.file.spoils).find_map(|name| self.unclaimed_below(name, seen))
    }

    fn left_out(&self, exchange: &Exchange) -> Option<String> {
        let risk = exchange.file.risk;
        if self.options.safe && risk != Risk::None {
            return Some(format!("--safe leaves out what has the risk `{}`", risk.word()));
        }
        let wait = exchange.file.wait.as_ref().and_then(Value::as_str).and_then(duration)?;
        (wait > self.options.patience).then(|| {
            format!("waits {} s, longer than --patience {} s", wait.as_secs(), self.options.patience.as_secs())
        })
    }

    fn limit_guesses(&mut self) {
        let mut count: BTreeMap<(String, bool), usize> = BTreeMap::new();
        let keys: Vec<String> = self
            .plan
            .instances
            .values()
            .filter(|instance| instance.guess)
            .map(|instance| instance.key.clone())
            .collect();
        for key in keys {
            let exchange =
                self.plan.instances.get(&key).and_then(|instance| self.catalogue.exchanges.get(&instance.exchange));
            let client = match exchange.and_then(|exchange| exchange.file.authenticate.as_ref()) {
                Some(Absentable::Is(authenticate)) => format!("{:?}", authenticate.who),
                _ => "Client".into(),
            };
            let forged = exchange.is_some_and(Exchange::asserts_client);
            let most = if forged { FORGERIES } else { GUESSES };
            let count = count.entry((client, forged)).or_default();
            *count += 1;
            if *count > most {
                self.plan.instances.shift_remove(&key);
                let reason = format!("more than {most} requests with wrong credentials may lock the client");
                self.plan.not_sent.insert(key, NotSent { why: Why::LeftOut, reason, blocked_by: None });
            }
        }
    }

    /// What needs something that is left out is left out too.
    fn leave_out_dependents(&mut self) {
        loop {
            let found = self.plan.instances.values().find_map(|instance| {
                let lacking = instance
                    .needs
                    .iter()
                    .chain(&instance.like)
                    .find_map(|key| Some((key.clone(), self.plan.not_sent.get(key)?.clone())))?;
                Some((instance.key.clone(), lacking))
            });
            let Some((key, (lacking, why))) = found else { return };
            self.plan.instances.shift_remove(&key);
            self.plan.not_sent.insert(key, NotSent { blocked_by: Some(lacking), ..why });
        }
    }

    fn controls(&mut self) {
        let bases: HashSet<&String> =
            self.plan.instances.values().filter_map(|instance| instance.like.as_ref()).collect();
        let controls = self
            .plan
            .instances
            .values()
            .filter(|instance| bases.contains(&instance.key))
            .filter(|instance| {
                self.catalogue.exchanges.get(&instance.exchange).is_some_and(|exchange| {
                    // Asking a resource again would post the document once more.
                    let posts = exchange.file.endpoint == Some(Endpoint::Resource) && self.method(exchange) != "GET";
                    exchange.works.is_some()
                        && !exchange.file.single_use
                        && !posts
                        && !rests_on_a_walk(self.catalogue, &exchange.id)
                })
            })
            .map(|instance| instance.key.clone())
            .collect();
        self.plan.controls = controls;
    }

    fn method(&self, exchange: &Exchange) -> String {
        let own = exchange.file.method.clone();
        own.or_else(|| self.target.text("resource.method")).unwrap_or_else(|| "GET".into()).to_uppercase()
    }

    /// The first request of each caller, and the standard's own.
    fn first(&mut self, members: &[Member]) {
        let suites: HashSet<&str> = members.iter().map(|member| member.suite.as_str()).collect();
        let ids = self.catalogue.suites.keys().filter(|id| suites.contains(id));
        let callers = ids.filter_map(|id| self.catalogue.suites.get(id));
        let mut first: Vec<String> = Vec::new();
        let planned = |key: &&String| self.plan.instances.get(*key).is_some_and(|instance| instance.ordinary);
        for suite in callers.filter(|suite: &&Suite| suite.file.caller.is_some()) {
            first.extend(suite.file.sends.values().filter_map(|sent| sent.iter().find(planned)).cloned());
        }
        let standard = self.plan.instances.values().find(|instance| {
            instance.ordinary
                && self.catalogue.exchanges.get(&instance.exchange).is_some_and(|exchange| exchange.like.is_none())
        });
        first.extend(standard.map(|instance| instance.key.clone()));
        if first.is_empty() {
            first.extend(
                self.plan.instances.values().find(|instance| instance.ordinary).map(|instance| instance.key.clone()),
            );
        }
        first.dedup();
        self.plan.first = first;
        let looks = |exchange: &Exchange| {
            let certificate = exchange.file.kind == Some(Kind::Handshake) && exchange.file.offer.is_none();
            let metadata = exchange.file.endpoint == Some(Endpoint::MetadataUrl) && is_plain(exchange);
            (certificate || metadata) && exchange.takes_from.is_empty() && exchange.file.risk == Risk::None
        };
        let planned = self.plan.instances.values();
        let look = planned.filter(|instance| self.catalogue.exchanges.get(&instance.exchange).is_some_and(looks));
        self.plan.look = look.map(|instance| instance.key.clone()).collect();
    }
}
