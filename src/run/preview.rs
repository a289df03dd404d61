//! What would be sent: requests built without answers, masked.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::Value;

use super::credentials::Joined;
use super::request;
use super::values::Values;
use super::{Settings, Task};
use crate::exchange::{Outcome, Recorded, Recording, curl, document};
use crate::suite::files::{Kind, Risk};
use crate::suite::reference::{Missing, Source};

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
    let documents = RefCell::new(HashMap::new());
    let mut lines: Vec<Preview> = Vec::new();
    let mut exchanges = IndexMap::new();
    for instance in task.plan.instances.values() {
        let Some(exchange) = task.catalogue.exchanges.get(&instance.exchange) else { continue };
        let values = Values {
            catalogue: task.catalogue,
            target: task.target,
            instance,
            documents: &documents,
            clock: settings.clock.as_ref(),
            seed: settings.seed,
            drawn: Cell::new(0),
            lets: RefCell::default(),
            jwts: RefCell::default(),
            sensitive: RefCell::default(),
        };
        let mut remark = String::new();
        if exchange.file.risk != Risk::None {
            remark.push_str(&format!("; risk: {}", exchange.file.risk.word()));
        }
        if let Some(repeat) = &exchange.file.repeat {
            remark.push_str(
                &repeat.times.map_or_else(|| "; until it holds".to_owned(), |times| format!("; {times} times")),
            );
        }
        let built = request::build(exchange, task.target, Joined::default(), &mut |reference| {
            values.resolve(reference).or_else(|missing| match (&missing, &reference.source) {
                (Missing::Prerequisite { .. }, Source::Place { .. }) => {
                    Ok(Value::String(format!("${{{}}}", reference.text)))
                }
                _ => Err(missing),
            })
        });
        let title = exchange.file.title.clone().unwrap_or_else(|| instance.key.clone());
        lines.push(Preview { key: instance.key.clone(), title, remark, curl: String::new() });
        if exchange.file.kind == Some(Kind::Handshake) {
            continue;
        }
        if let Ok(ready) = built {
            let document = document(Outcome::Answered, &ready.sent, None, None, 1);
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
