//! Where the clauses of a check look: the documents of its roles, or one document alone.

use serde_json::Value;

use super::Bench;
use crate::exchange::{Recorded, Why, below, find};
use crate::suite::reference::{Missing, Reference, Source};
use crate::suite::{World, words};

/// The documents of a member's roles, or one document alone.
pub(super) struct Roles<'r> {
    pub(super) bench: &'r Bench<'r>,
    pub(super) one: Option<(&'r str, &'r Value)>,
}

impl Roles<'_> {
    fn recorded(&self, name: &str) -> Result<(&Value, &str), Missing> {
        let key = self.bench.story.key(name, None);
        match self.bench.recording.exchanges.get_key_value(&key).map(|(key, recorded)| (key.as_str(), recorded)) {
            Some((key, Recorded::Sent(document))) => Ok((document, key)),
            Some((_, Recorded::NotSent(not_sent))) if not_sent.why == Why::NotClaimed => {
                Err(Missing::Claim(not_sent.reason.clone()))
            }
            Some((_, Recorded::NotSent(not_sent))) if not_sent.why == Why::NotRecorded => {
                Err(Missing::Unrecorded(not_sent.reason.clone()))
            }
            Some((_, Recorded::NotSent(not_sent))) => Err(Missing::Prerequisite {
                blocked_by: not_sent.blocked_by.clone().or(Some(key.clone())),
                reason: format!("`{key}` was not sent: {}", not_sent.reason),
            }),
            None => Err(Missing::Prerequisite {
                reason: format!("`{key}` is not in this recording"),
                blocked_by: Some(key),
            }),
        }
    }

    /// The same, unless it is somebody else's recording that leaves the place out: what is not known is neither there nor absent.
    /// The target stands in the recording, where all its documents see it.
    fn told<'t>(
        &'t self,
        document: &'t Value,
        place: &'t str,
        key: &'t str,
    ) -> Result<(&'t Value, &'t str, &'t str), Missing> {
        let unrecorded = document.get("unrecorded").and_then(Value::as_array);
        if unrecorded.into_iter().flatten().filter_map(Value::as_str).any(|left_out| below(place, left_out).is_some()) {
            let reason = format!("the recording does not tell {} of `{key}`", words::place(place));
            return Err(Missing::Unrecorded(reason));
        }
        let of_target = below(place, "/target").is_some() && document.get("target").is_none();
        Ok((if of_target { &self.bench.court.target } else { document }, place, key))
    }
}

impl World for Roles<'_> {
    fn document<'w>(&'w self, place: &'w str) -> Result<(&'w Value, &'w str, &'w str), Missing> {
        if let Some((key, document)) = self.one {
            return self.told(document, place, key);
        }
        let roles = &self.bench.member.roles;
        if let Some(name) = roles.get("") {
            let (document, key) = self.recorded(name)?;
            return self.told(document, place, key);
        }
        let rest = place.trim_start_matches('/');
        let (role, below) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let name = roles.get(role).ok_or_else(|| Missing::Prerequisite {
            blocked_by: None,
            reason: format!("`{role}` is no role of this check"),
        })?;
        let (document, key) = self.recorded(name)?;
        self.told(document, below, key)
    }

    fn resolve(&self, reference: &Reference) -> Result<Value, Missing> {
        let gone = |blocked_by: Option<String>| Missing::Prerequisite {
            blocked_by,
            reason: format!("`{}` is not there", reference.text),
        };
        let at = |document: &Value, place: &str, key: &str| {
            let (document, place, key) = self.told(document, place, key)?;
            find(document, place).map(|found| found.value().clone()).ok_or_else(|| gone(Some(key.to_owned())))
        };
        match &reference.source {
            Source::Target(path) => {
                let found = path.iter().try_fold(&self.bench.recording.target, |value, name| value.get(name));
                match found.filter(|value| !value.is_null()) {
                    Some(value) => Ok(value.clone()),
                    None if reference.optional => Ok(Value::Null),
                    None => Err(Missing::Claim(path.join("."))),
                }
            }
            Source::Own(place) => {
                let (document, place, key) = self.document(place)?;
                at(document, place, key)
            }
            Source::Place { name, place } => {
                let name = self.bench.member.roles.get(name).unwrap_or(name);
                let (document, key) = self.recorded(name)?;
                at(document, place, key)
            }
            Source::Registry(name) => {
                let registry = self.bench.catalogue.registries.get(name);
                registry.map(|registry| registry.values.clone()).ok_or_else(|| gone(None))
            }
            Source::Let(_) | Source::Jwt(_) | Source::Random { .. } | Source::Now => Err(gone(None)),
        }
    }
}
