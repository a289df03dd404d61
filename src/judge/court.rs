//! A recording as judges look at it: laid out once for all checks.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Bench, Judgement, Verdict, unanswered};
use crate::exchange::{Recorded, Recording};
use crate::suite::files::Everywhere;
use crate::suite::{Catalogue, Member, Story};

/// A recording laid out for judging: what many checks look at is looked up once.
#[derive(Debug)]
pub struct Court<'c> {
    catalogue: &'c Catalogue,
    recording: &'c Recording,
    pub(super) parts: Vec<Part<'c>>,
    /// The target where clauses look for it: below `/target` of any document.
    pub(super) target: Value,
}

/// One request and its answer: a document, an attempt of a repeated one, or a step of a walk.
#[derive(Debug)]
pub(super) struct Part<'c> {
    pub(super) key: &'c str,
    pub(super) document: &'c Value,
    endpoint: Option<&'c str>,
    pub(super) answered: bool,
    /// What it is a part of.
    of: Of,
    /// The first part that tells of the same request: what was sent once may stand under several keys.
    pub(super) first: usize,
}

/// What a part is a part of: a sentence about an endpoint's answers speaks of whole walks, one about pages of their steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Exchange,
    Walk,
    Step,
}

impl Part<'_> {
    pub(super) fn is_meant(&self, everywhere: Everywhere) -> bool {
        match everywhere {
            Everywhere::Page => self.of == Of::Step,
            Everywhere::Any => self.of != Of::Walk,
            one => self.of != Of::Step && one.takes(self.endpoint),
        }
    }
}

impl<'c> Court<'c> {
    /// Lays a recording out.
    #[must_use]
    pub fn new(catalogue: &'c Catalogue, recording: &'c Recording) -> Self {
        let mut all: Vec<Part<'c>> = Vec::new();
        // Most requests differ in one of these: only those that do not are compared member by member.
        let mut alike: HashMap<(Option<&str>, [usize; 2]), Vec<usize>> = HashMap::new();
        for (key, recorded) in &recording.exchanges {
            let Recorded::Sent(document) = recorded else { continue };
            // A TLS hello is no request, and what came back is no answer of the endpoint.
            let walk = document.get("steps").is_some();
            let whole = walk.then_some((Of::Walk, document));
            let of = if walk { Of::Step } else { Of::Exchange };
            let each = parts(document).into_iter().map(|one| (of, one));
            for (of, one) in whole.into_iter().chain(each).filter(|(_, one)| one.get("handshake").is_none()) {
                let same = |known: &Part<'_>| known.of == of && same_request(known.document, one);
                let text = |place: &str| one.pointer(place).and_then(Value::as_str);
                let length = |place: &str| text(place).map_or(0, str::len);
                let lengths = ["/request/body", "/response/body/text"].map(length);
                let alike = alike.entry((text("/request/url"), lengths)).or_default();
                let first = alike.iter().copied().find(|nth| same(&all[*nth])).unwrap_or(all.len());
                alike.push(all.len());
                let endpoint = text("/request/endpoint");
                all.push(Part { key, document: one, endpoint, answered: unanswered(one).is_none(), of, first });
            }
        }
        Self { catalogue, recording, parts: all, target: json!({"target": recording.target}) }
    }

    /// Judges one member of a check.
    #[must_use]
    pub fn judge(&self, member: &Member) -> Judgement {
        let Some(check) = self.catalogue.checks.get(&member.check) else {
            return Judgement::new(Verdict::NotTestable, format!("unknown check `{}`", member.check));
        };
        let names = member.names(self.catalogue);
        let story = Story::of(self.catalogue, &names);
        let bench = Bench { catalogue: self.catalogue, recording: self.recording, court: self, story, check, member };
        let own = bench.own(&names);
        if member.everywhere { bench.everywhere(own) } else { own }
    }
}

/// Whether two documents tell of one request: what was sent once may stand under several keys.
fn same_request(one: &Value, other: &Value) -> bool {
    std::ptr::eq(one, other)
        || (one.get("timing") == other.get("timing")
            && one.get("request") == other.get("request")
            && one.get("response") == other.get("response"))
}

/// The document itself, or its attempts or steps.
pub(super) fn parts(document: &Value) -> Vec<&Value> {
    let list = |name: &str| document.get(name).and_then(Value::as_array);
    match list("all").or_else(|| list("steps")) {
        Some(items) => items.iter().collect(),
        None => vec![document],
    }
}
