//! The values of references while a run goes on: from the target, from answers, made up.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::assertion::Signing;
use super::{Settings, Task};
use crate::clock::Clock;
use crate::exchange::{NotSent, Why, below, find};
use crate::plan::Instance;
use crate::suite::reference::{self, Missing, Reference, Source};
use crate::suite::{Catalogue, Clauses, Truth, World, unclaimed_words};
use crate::target::Target;

/// What the references of one instance stand for.
pub(super) struct Values<'v> {
    catalogue: &'v Catalogue,
    target: &'v Target,
    instance: &'v Instance,
    /// Documents as they came, by instance key.
    documents: &'v RefCell<HashMap<String, Value>>,
    clock: &'v dyn Clock,
    seed: u64,
    /// Made-up values so far: each occurrence gets its own.
    pub(super) drawn: Cell<u64>,
    pub(super) lets: RefCell<Map<String, Value>>,
    /// JWTs that were signed, by name: within one request a name is one JWT.
    jwts: RefCell<Map<String, Value>>,
    /// Values made from what a server issued: to be masked like it.
    pub(super) sensitive: RefCell<Vec<String>>,
}

impl<'v> Values<'v> {
    /// Nothing is made up or signed yet.
    pub(super) fn new(
        task: Task<'v>,
        settings: &'v Settings,
        instance: &'v Instance,
        documents: &'v RefCell<HashMap<String, Value>>,
    ) -> Self {
        Self {
            catalogue: task.catalogue,
            target: task.target,
            instance,
            documents,
            clock: settings.clock.as_ref(),
            seed: settings.seed,
            drawn: Cell::new(0),
            lets: RefCell::default(),
            jwts: RefCell::default(),
            sensitive: RefCell::default(),
        }
    }

    /// The value of a reference, before its transforms.
    pub(super) fn resolve(&self, reference: &Reference) -> Result<Value, Missing> {
        let value = self.found(reference)?;
        if reference.forges()
            && let Ok(Value::String(made)) = reference.transformed(value.clone())
            && made.len() > 15
        {
            // A token with one character changed is still the token to whoever reads the report.
            self.sensitive.borrow_mut().push(made);
        }
        Ok(value)
    }

    fn found(&self, reference: &Reference) -> Result<Value, Missing> {
        match &reference.source {
            Source::Target(path) => match self.target.value(path) {
                Some(value) => Ok(value),
                None if reference.optional => Ok(Value::Null),
                None => Err(Missing::Claim(path.join("."))),
            },
            Source::Let(name) => self.named(name),
            Source::Jwt(name) => self.signed(name),
            Source::Random { kind, length } => Ok(self.made_up(kind, *length)),
            Source::Registry(name) => {
                Ok(self.catalogue.registries.get(name).map(|registry| registry.values.clone()).unwrap_or_default())
            }
            Source::Now => Ok(Value::from(self.clock.now_ms() / 1000)),
            Source::Own(place) => Err(Missing::Prerequisite {
                blocked_by: None,
                reason: format!("`{place}` is only known when this exchange was sent"),
            }),
            Source::Place { name, place } => self.taken(name, place),
        }
    }

    fn named(&self, name: &str) -> Result<Value, Missing> {
        if let Some(value) = self.lets.borrow().get(name) {
            return Ok(value.clone());
        }
        let exchange = self.catalogue.exchanges.get(&self.instance.exchange);
        let Some(text) = exchange.and_then(|exchange| exchange.file.lets.get(name)) else {
            return Err(Missing::Prerequisite { blocked_by: None, reason: format!("no `let` is called `{name}`") });
        };
        let value = reference::fill(text, &mut |reference| self.resolve(reference))?;
        self.lets.borrow_mut().insert(name.to_owned(), value.clone());
        Ok(value)
    }

    fn signed(&self, name: &str) -> Result<Value, Missing> {
        if let Some(jwt) = self.jwts.borrow().get(name) {
            return Ok(jwt.clone());
        }
        let exchange = self.catalogue.exchanges.get(&self.instance.exchange);
        let Some(jwt) = exchange.and_then(|exchange| exchange.file.jwts.get(name)) else {
            return Err(Missing::Prerequisite { blocked_by: None, reason: format!("no `jwts` is called `{name}`") });
        };
        let signing = Signing::of(self.target, jwt.of.unwrap_or_default().member(), None)?;
        let signed = Value::String(signing.jwt(jwt, &mut |reference| self.resolve(reference))?);
        self.jwts.borrow_mut().insert(name.to_owned(), signed.clone());
        Ok(signed)
    }

    /// Made up from the seed, the instance and a count: the same run makes the same requests.
    fn made_up(&self, kind: &str, length: usize) -> Value {
        if kind == "filler" {
            return "a".repeat(length).into();
        }
        let nth = self.drawn.get();
        self.drawn.set(nth + 1);
        let alphabet: &[u8] = match kind {
            "hex32" => b"0123456789abcdef",
            _ => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        };
        // A server may remember it beyond this run. Where the clock stands still, so does everything else.
        let now = self.clock.now_ms();
        let run = match kind {
            "unique" if self.clock.jump_to(0) => now.to_string(),
            "unique" => format!("{now}{}", getrandom::u64().unwrap_or_default()),
            _ => String::new(),
        };
        let mut out = String::with_capacity(length);
        let mut block = 0_u64;
        while out.len() < length {
            let digest = Sha256::digest(format!("{}|{}|{nth}|{block}{run}", self.seed, self.instance.key));
            out.extend(digest.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])));
            block += 1;
        }
        out.truncate(length);
        Value::String(out)
    }

    fn taken(&self, name: &str, place: &str) -> Result<Value, Missing> {
        let key = self.instance.from.get(name).map_or(name, String::as_str);
        let gone = |reason: String| Missing::Prerequisite { blocked_by: Some(key.to_owned()), reason };
        let documents = self.documents.borrow();
        let document = documents.get(key).ok_or_else(|| gone(format!("`{key}` was not sent")))?;
        // What an exchange that did not work answered is not worth sending on.
        if !place.starts_with("/request") && !worked(self.catalogue, name, document, &self.target.public) {
            return Err(gone(format!("`{key}` did not work")));
        }
        let found = find(document, place).ok_or_else(|| gone(format!("`{key}` has no `{place}`")))?;
        let value = found.value().clone();
        if value.is_null() {
            return Err(gone(format!("`{key}` has null at `{place}`")));
        }
        if value.is_array() || value.is_object() {
            return Err(gone(format!("`{key}` has no single `{place}`")));
        }
        Ok(value)
    }
}

/// A value that is not there as the reason why an exchange was not sent.
pub(super) fn not_sent(missing: Missing) -> NotSent {
    match missing {
        Missing::Claim(what) => NotSent { why: Why::NotClaimed, reason: unclaimed_words(&what), blocked_by: None },
        Missing::Prerequisite { blocked_by, reason } => NotSent { why: Why::Prerequisite, reason, blocked_by },
        Missing::Unrecorded(reason) => NotSent { why: Why::NotRecorded, reason, blocked_by: None },
    }
}

/// Whether an exchange's own `works` holds; without one, an answer is enough.
pub(super) fn worked(catalogue: &Catalogue, exchange: &str, document: &Value, target: &Value) -> bool {
    match catalogue.exchanges.get(exchange).and_then(|exchange| exchange.works.as_ref()) {
        None => document.get("outcome").and_then(Value::as_str) == Some("answered"),
        Some(works) => holds(works, document, target),
    }
}

/// Whether clauses hold of one document of a run against this target.
pub(super) fn holds(clauses: &Clauses, document: &Value, target: &Value) -> bool {
    clauses.truth(&One { document, target }, false) == Truth::Holds
}

struct One<'d> {
    document: &'d Value,
    target: &'d Value,
}

impl World for One<'_> {
    fn document<'w>(&'w self, place: &'w str) -> Result<(&'w Value, &'w str, &'w str), Missing> {
        // As the judge has it: the target stands beside the documents.
        Ok(below(place, "/target").map_or((self.document, place, ""), |rest| (self.target, rest, "")))
    }

    fn resolve(&self, reference: &Reference) -> Result<Value, Missing> {
        match &reference.source {
            Source::Own(place) => find(self.document, place).map(|found| found.value().clone()),
            Source::Target(path) => path.iter().try_fold(self.target, |value, name| value.get(name)).cloned(),
            _ => None,
        }
        .ok_or_else(|| Missing::Prerequisite { blocked_by: None, reason: format!("`{}` is not there", reference.text) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_target_stands_beside_the_documents() {
        let clauses = Clauses::read(json!({"/target/scope": {"const": "a"}, "/response/status": {"const": 200}}));
        let document = json!({"response": {"status": 200}});
        assert!(holds(&clauses, &document, &json!({"scope": "a"})));
        assert!(!holds(&clauses, &document, &json!({"scope": "b"})));
    }
}
