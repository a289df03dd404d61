//! What would be sent: requests built without answers, masked.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::Value;

use super::credentials::Joined;
use super::request;
use super::values::Values;
use super::{Settings, Task};
use crate::exchange::{Outcome, Recorded, Recording, curl, document};
use crate::plan::Instance;
use crate::suite::Exchange;
use crate::suite::files::{Kind, Risk};
use crate::suite::reference::{Missing, Reference, Source};

/// One exchange that would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Its instance key.
    pub key: String,
    /// What it is.
    pub title: String,
    /// What it may do, and when it would be sent: empty, or `; …`.
    pub remark: String,
    /// A shell line; values of answers are the references that they come from.
    pub curl: String,
}

/// Every exchange of the plan, in plan order.
#[must_use]
pub fn preview(task: Task<'_>, settings: &Settings) -> Vec<Preview> {
    let mut lines: Vec<Preview> = Vec::new();
    let mut exchanges = IndexMap::new();
    for instance in task.plan.instances.values() {
        let Some(exchange) = task.catalogue.exchanges.get(&instance.exchange) else { continue };
        let mut remark = String::new();
        if exchange.file.risk != Risk::None {
            remark.push_str(&format!("; risk: {}", exchange.file.risk.word()));
        }
        if let Some(repeat) = &exchange.file.repeat {
            remark.push_str(
                &repeat.times.map_or_else(|| "; until it holds".to_owned(), |times| format!("; {times} times")),
            );
        }
        lines.push(Preview {
            key: instance.key.clone(),
            title: title(exchange, instance),
            remark,
            curl: String::new(),
        });
        if exchange.file.kind == Some(Kind::Handshake) {
            continue;
        }
        let named = &mut |reference: &Reference| Some(format!("${{{}}}", reference.text));
        if let Some(document) = unanswered(task, settings, instance, named) {
            exchanges.insert(instance.key.clone(), Recorded::Sent(document));
        }
    }
    let recording = Recording { exchanges, target: Value::Null }.sealed(&task.target.to_mask());
    for line in &mut lines {
        line.curl = recording
            .document(&line.key)
            .and_then(curl)
            .unwrap_or_else(|| "# a TLS hello, or known only when the exchanges before it were answered".to_owned());
    }
    lines
}

/// A request as it can be handed on: secrets are masks, and so is what is taken from answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// Its instance key.
    pub key: String,
    /// The exchange's id.
    pub exchange: String,
    /// What it is.
    pub title: String,
    /// The exchange document without an answer, masked.
    pub document: Value,
    /// What stands in it for values of answers.
    pub taken: Vec<Taken>,
}

/// A value that an earlier request is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What stands for it, in characters that no encoding changes.
    pub mask: String,
    /// The key of the request that is answered with it.
    pub from: String,
    /// The member of the JSON object in the answer.
    pub member: String,
}

/// The ordinary requests of the plan, each after those that it takes values from: what works when all is well, costs nothing
/// and can be said in one request. With `all` the others too, but for what takes a walk, a TLS hello, a wait or a signature.
///
/// The exchanges that are left out come second.
#[must_use]
pub fn prepared(task: Task<'_>, settings: &Settings, all: bool) -> (Vec<Prepared>, Vec<String>) {
    let (seen, ready, left_out) = (HashSet::new(), IndexMap::new(), Vec::new());
    let mut preparing = Preparing { task, settings, all, seen, ready, left_out };
    // What changes something goes last, as in a run.
    let (last, first): (Vec<&Instance>, Vec<&Instance>) =
        task.plan.instances.values().partition(|instance| instance.change || instance.guess);
    first.into_iter().chain(last).for_each(|instance| preparing.prepare(instance, false));
    let Preparing { mut ready, left_out, .. } = preparing;
    let exchanges = ready.iter_mut().map(|(key, one)| (key.clone(), Recorded::Sent(one.document.take()))).collect();
    let mut recording = Recording { exchanges, target: Value::Null }.sealed(&task.target.to_mask());
    for (key, one) in &mut ready {
        if let Some(Recorded::Sent(document)) = recording.exchanges.get_mut(key) {
            one.document = document.take();
        }
    }
    (ready.into_values().collect(), left_out)
}

/// Requests on their way to be handed on.
struct Preparing<'p> {
    task: Task<'p>,
    settings: &'p Settings,
    /// Those that ought to be refused, and that change something, too.
    all: bool,
    seen: HashSet<String>,
    ready: IndexMap<String, Prepared>,
    left_out: Vec<String>,
}

impl Preparing<'_> {
    /// `needed`: by something that is handed on.
    fn prepare(&mut self, instance: &Instance, needed: bool) {
        let task = self.task;
        let Some(exchange) = task.catalogue.exchanges.get(&instance.exchange) else { return };
        let file = &exchange.file;
        let harmless = exchange.works.is_some() && file.risk == Risk::None;
        // What is asked anew for one reader, or before something is spoiled, is of interest to its reader only.
        let ordinary = harmless && (needed || instance.key == instance.exchange);
        if !(self.all || ordinary) || !self.seen.insert(instance.key.clone()) {
            return;
        }
        for (list, needed) in [(&instance.needs, true), (&instance.after, false)] {
            for before in list.iter().filter_map(|key| task.plan.instances.get(key)) {
                self.prepare(before, needed);
            }
        }
        let once = file.repeat.is_none() && file.wait.is_none();
        let one_request = file.kind.unwrap_or_default() == Kind::Request && once;
        let mut taken: Vec<Taken> = Vec::new();
        let first = self.ready.values().map(|one| one.taken.len()).sum::<usize>();
        let named = &mut |reference: &Reference| {
            let Source::Place { name, place } = &reference.source else { return None };
            let member = place.strip_prefix("/response/json/").filter(|member| !member.contains(['/', '~']))?;
            let from = instance.from.get(name).unwrap_or(name);
            if !reference.transforms.is_empty() || !self.ready.contains_key(from) {
                return None;
            }
            let mask = format!("***taken.{}***", first + taken.len());
            taken.push(Taken { mask: mask.clone(), from: from.clone(), member: member.to_owned() });
            Some(mask)
        };
        let document = one_request.then(|| unanswered(task, self.settings, instance, named)).flatten();
        match document.filter(|document| document["request"]["jwt"].is_null()) {
            Some(document) => {
                let (key, title) = (instance.key.clone(), title(exchange, instance));
                let prepared = Prepared { key: key.clone(), exchange: exchange.id.clone(), title, document, taken };
                self.ready.insert(key, prepared);
            }
            None if self.left_out.contains(&instance.exchange) => {}
            None => self.left_out.push(instance.exchange.clone()),
        }
    }
}

fn title(exchange: &Exchange, instance: &Instance) -> String {
    exchange.file.title.clone().unwrap_or_else(|| instance.key.clone())
}

/// The document of a request that nothing has answered, unmasked; what stands for a value of an answer is `named`. `None` if it
/// cannot be built without answers.
fn unanswered(
    task: Task<'_>,
    settings: &Settings,
    instance: &Instance,
    named: &mut dyn FnMut(&Reference) -> Option<String>,
) -> Option<Value> {
    let documents = RefCell::new(HashMap::new());
    let exchange = task.catalogue.exchanges.get(&instance.exchange)?;
    let values = Values::new(task, settings, instance, &documents);
    let ready = request::build(exchange, task.target, Joined::default(), &mut |reference| {
        values.resolve(reference).or_else(|missing| match (&missing, &reference.source) {
            (Missing::Prerequisite { .. }, Source::Place { .. }) => named(reference).map(Value::String).ok_or(missing),
            _ => Err(missing),
        })
    });
    ready.ok().map(|ready| document(Outcome::Answered, &ready.sent, None, None, 1))
}
