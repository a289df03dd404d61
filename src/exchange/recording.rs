//! A Recording: the exchanges of a run by instance, and for each one that was not sent, why.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::Masks;

/// Why an exchange was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The target does not claim what it needs.
    NotClaimed,
    /// What it needs from another exchange is not there.
    Prerequisite,
    /// An option of the run left it out.
    LeftOut,
    /// The run ended at its preflight.
    Preflight,
    /// The run was interrupted.
    Interrupted,
    /// Nobody asked: what is judged was recorded by somebody else.
    NotRecorded,
}

impl Why {
    const ALL: [(Self, &'static str); 6] = [
        (Self::NotClaimed, "not_claimed"),
        (Self::Prerequisite, "prerequisite"),
        (Self::LeftOut, "left_out"),
        (Self::Preflight, "preflight"),
        (Self::Interrupted, "interrupted"),
        (Self::NotRecorded, "not_recorded"),
    ];

    /// The word in saved recordings.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(why, _)| *why == self).map_or("", |(_, word)| word)
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(why, _)| *why)
    }
}

/// An exchange that was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotSent {
    /// What kind of reason.
    pub why: Why,
    /// The reason in words.
    pub reason: String,
    /// The exchange that stood in the way, if one did.
    pub blocked_by: Option<String>,
}

/// One exchange of a recording.
#[derive(Debug, Clone, PartialEq)]
pub enum Recorded {
    /// It was sent; the exchange document.
    Sent(Value),
    /// It was not.
    NotSent(NotSent),
}

/// The exchanges of one run against one target, masked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    /// By instance key, in plan order.
    pub exchanges: IndexMap<String, Recorded>,
    /// The target's entry without secrets.
    pub target: Value,
}

impl Recording {
    /// The document of an instance that was sent.
    #[must_use]
    pub fn document(&self, key: &str) -> Option<&Value> {
        match self.exchanges.get(key)? {
            Recorded::Sent(document) => Some(document),
            Recorded::NotSent(_) => None,
        }
    }

    /// Masks every document; nothing that goes in leaves unmasked.
    #[must_use]
    pub fn sealed(self, secrets: &[(String, String)]) -> Self {
        self.sealed_with(secrets, &mut [])
    }

    /// The same, with texts beside the documents that repeat what is in them.
    #[must_use]
    pub fn sealed_with(mut self, secrets: &[(String, String)], texts: &mut [&mut String]) -> Self {
        let mut masks = Masks::new(secrets);
        for recorded in self.exchanges.values_mut() {
            if let Recorded::Sent(document) = recorded {
                masks.note_echoes(document);
                masks.collect(document);
            }
        }
        let masks = masks.ready();
        for recorded in self.exchanges.values_mut() {
            match recorded {
                Recorded::Sent(document) => masks.apply(document),
                Recorded::NotSent(not_sent) => not_sent.reason = masks.text(&not_sent.reason),
            }
        }
        masks.apply(&mut self.target);
        for text in texts {
            **text = masks.text(text);
        }
        self
    }

    /// The exchanges as they stand in a saved run.
    #[must_use]
    pub fn into_documents(self) -> IndexMap<String, Value> {
        let saved = |recorded| match recorded {
            Recorded::Sent(document) => document,
            Recorded::NotSent(not_sent) => json!({"not_sent": {
                "why": not_sent.why.word(), "reason": not_sent.reason, "blocked_by": not_sent.blocked_by,
            }}),
        };
        self.exchanges.into_iter().map(|(key, recorded)| (key, saved(recorded))).collect()
    }

    /// The other way round: what `into_documents` wrote.
    #[must_use]
    pub fn from_documents(target: Value, documents: IndexMap<String, Value>) -> Self {
        let read = |document: Value| match document.get("not_sent").and_then(Value::as_object) {
            None => Recorded::Sent(document),
            Some(not_sent) => Recorded::NotSent(read_not_sent(not_sent)),
        };
        let exchanges = documents.into_iter().map(|(key, document)| (key, read(document))).collect();
        Self { exchanges, target }
    }
}

fn read_not_sent(saved: &Map<String, Value>) -> NotSent {
    let text = |name: &str| saved.get(name).and_then(Value::as_str).map(str::to_owned);
    NotSent {
        why: text("why").and_then(|word| Why::from_word(&word)).unwrap_or(Why::Prerequisite),
        reason: text("reason").unwrap_or_default(),
        blocked_by: text("blocked_by"),
    }
}
