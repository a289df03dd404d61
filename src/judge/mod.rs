//! One check applied to one recording gives one verdict, with its evidence.
//!
//! Pure: no clock, no network, no files. Reads the masked recording only, so a replay gives the verdicts of the live run.

mod court;
pub mod diagnose;
mod roles;

use std::collections::HashSet;

use serde_json::Value;

use crate::exchange::{NotSent, Recorded, Recording, Why};
use crate::suite::{Catalogue, Check, Clauses, Difference, Judged, Member, Story, Truth, words};
pub use court::Court;
use court::{Part, parts};
use roles::Roles;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every clause held.
    Pass,
    /// A clause did not hold.
    Violation,
    /// The rule does not bind this target, or was not exercised.
    NotApplicable,
    /// A prerequisite failed, or the answer proves nothing.
    NotTestable,
    /// Left out by choice.
    LeftOut,
}

/// A verdict with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// What is wrong, place by place; empty unless violated.
    pub differences: Vec<Difference>,
    /// Keys of the exchanges it rests on: for a violation those where it was seen, first.
    pub exchanges: Vec<String>,
    /// Why there is no pass and no violation.
    pub reason: Option<String>,
    /// The exchange that stood in the way.
    pub blocked_by: Option<String>,
}

impl Judgement {
    fn new(verdict: Verdict, reason: impl Into<Option<String>>) -> Self {
        Self { verdict, differences: Vec::new(), exchanges: Vec::new(), reason: reason.into(), blocked_by: None }
    }

    /// One sentence: what is wrong, or why there is no verdict; empty for a pass.
    #[must_use]
    pub fn message(&self) -> String {
        if self.verdict != Verdict::Violation {
            return self.reason.clone().unwrap_or_default();
        }
        let mut said: Vec<String> = Vec::new();
        for difference in &self.differences {
            let sentence = match difference.at.as_str() {
                "/answer" => format!("{}; expected {}", difference.actual, difference.expected),
                at if difference.actual == "nothing" => {
                    format!("{} is missing; expected {}", words::place(at), difference.expected)
                }
                at => format!("{} is {}; expected {}", words::place(at), difference.actual, difference.expected),
            };
            if !said.contains(&sentence) {
                said.push(sentence);
            }
        }
        let rest = said.len().saturating_sub(2);
        said.truncate(2);
        let more = if rest > 0 { format!(" (and {rest} more)") } else { String::new() };
        format!("{}{more}", said.join("; "))
    }
}

/// Judges one member of a check; for many members of one recording, build a [`Court`] once.
#[must_use]
pub fn judge(catalogue: &Catalogue, recording: &Recording, member: &Member) -> Judgement {
    Court::new(catalogue, recording).judge(member)
}

struct Bench<'b> {
    catalogue: &'b Catalogue,
    recording: &'b Recording,
    court: &'b Court<'b>,
    story: Story<'b>,
    check: &'b Check,
    member: &'b Member,
}

impl<'b> Bench<'b> {
    fn not_sent(&self, key: &str) -> Option<&'b NotSent> {
        match self.recording.exchanges.get(key)? {
            Recorded::NotSent(not_sent) => Some(not_sent),
            Recorded::Sent(_) => None,
        }
    }

    /// The check on the exchanges that it names.
    fn own(&self, names: &[String]) -> Judgement {
        let keys: Vec<String> = names.iter().map(|name| self.story.key(name, None)).collect();
        let mut judgement = self.own_verdict(names, &keys);
        let seen: Vec<String> = judgement.differences.iter().map(|difference| difference.exchange.clone()).collect();
        for key in seen.into_iter().chain(keys) {
            if self.recording.document(&key).is_some() && !judgement.exchanges.contains(&key) {
                judgement.exchanges.push(key);
            }
        }
        judgement
    }

    fn own_verdict(&self, names: &[String], keys: &[String]) -> Judgement {
        for (why, verdict) in [
            (Why::NotClaimed, Verdict::NotApplicable),
            (Why::NotRecorded, Verdict::NotApplicable),
            (Why::LeftOut, Verdict::LeftOut),
        ] {
            let found = keys.iter().filter_map(|key| self.not_sent(key)).find(|not_sent| not_sent.why == why);
            if let Some(not_sent) = found {
                return Judgement::new(verdict, not_sent.reason.clone());
            }
        }
        for (role, name) in &self.member.roles {
            if let Some(judgement) = self.unproven(role, name) {
                return judgement;
            }
        }
        let named =
            |clauses: &Option<Clauses>| clauses.as_ref().is_some_and(|clauses| self.speaks_of(clauses, "/outcome"));
        if !named(&self.check.given) && !self.speaks_of(&self.check.expect, "/outcome") {
            for name in names.iter().filter(|name| self.member.roles.values().any(|named| named == *name)) {
                let key = self.story.key(name, None);
                let Some(document) = self.recording.document(&key) else { continue };
                if let Some(outcome) = unanswered(document) {
                    let mut judgement = Judgement::new(Verdict::NotTestable, format!("`{key}`: {outcome}"));
                    judgement.blocked_by = Some(key);
                    return judgement;
                }
            }
        }
        self.clauses(&Roles { bench: self, one: None })
    }

    /// Whether a clause speaks of a place, whatever role stands before it.
    fn speaks_of(&self, clauses: &Clauses, place: &str) -> bool {
        self.member.roles.keys().any(|role| {
            let place = if role.is_empty() { place.to_owned() } else { format!("/{role}{place}") };
            clauses.speak_of(&place)
        })
    }

    /// An exchange that did not work, or that is like one that did not, proves nothing (DESIGN 3.1).
    fn unproven(&self, role: &str, name: &str) -> Option<Judgement> {
        let exchange = self.catalogue.exchanges.get(name)?;
        let key = self.story.key(name, None);
        let stopped = |reason: String, by: &str| {
            let mut judgement = Judgement::new(Verdict::NotTestable, reason);
            judgement.blocked_by = Some(by.to_owned());
            Some(judgement)
        };
        if let (Some(works), Some(document)) = (&exchange.works, self.recording.document(&key)) {
            if self.works(works, &key, document) {
                return None;
            }
            if let Some(untold) = works.judge(&Roles { bench: self, one: Some((&key, document)) }, false).unclaimed {
                return Some(Judgement::new(Verdict::NotApplicable, untold));
            }
            let spoken = works.all().any(|clause| {
                let all = [Some(&self.check.expect), self.check.given.as_ref(), self.check.when.as_ref()];
                let place = if role.is_empty() { clause.place.clone() } else { format!("/{role}{}", clause.place) };
                all.into_iter().flatten().any(|clauses| clauses.speak_of(&place))
            });
            if !spoken {
                return stopped(format!("`{key}` did not work: {}", ended(document)), &key);
            }
        }
        let mut base = exchange.like.as_deref();
        while let Some(name) = base {
            let below = self.catalogue.exchanges.get(name)?;
            let key = Story::of(self.catalogue, &[name.to_owned()]).key(name, None);
            if let Some(not_sent) = self.not_sent(&key) {
                if not_sent.why == Why::NotClaimed {
                    return Some(Judgement::new(Verdict::NotApplicable, not_sent.reason.clone()));
                }
                if not_sent.why == Why::NotRecorded {
                    return self.uncontrolled(role, &key);
                }
                return stopped(format!("`{key}` was not sent: {}", not_sent.reason), &key);
            }
            let document = self.recording.document(&key)?;
            if let Some(works) = &below.works {
                if !self.works(works, &key, document) {
                    return stopped(
                        format!("`{key}` does not work ({}), so nothing like it proves anything", ended(document)),
                        &key,
                    );
                }
                if document.pointer("/control/works") == Some(&Value::Bool(false)) {
                    let control = document.get("control").map(ended).unwrap_or_default();
                    return stopped(format!("`{key}` did not work any more after the negatives ({control})"), &key);
                }
                return None;
            }
            base = below.like.as_deref();
        }
        None
    }

    /// A recording without the ordinary exchange: a token was granted, so the client is known and the endpoint works; anything
    /// else may have a cause of its own.
    fn uncontrolled(&self, role: &str, base: &str) -> Option<Judgement> {
        let name = self.member.roles.get(role)?;
        let document = self.recording.document(&self.story.key(name, None));
        let granted = document.and_then(|document| document.get("answer")).is_some_and(|answer| answer == "token");
        (!granted).then(|| {
            let reason = format!("the recording lacks `{base}`, and unless that works this answer proves nothing");
            Judgement::new(Verdict::NotApplicable, reason)
        })
    }

    fn works(&self, works: &Clauses, key: &str, document: &Value) -> bool {
        let roles = Roles { bench: self, one: Some((key, document)) };
        works.truth(&roles, false) == Truth::Holds
    }

    fn clauses(&self, world: &Roles<'_>) -> Judgement {
        if let Some(when) = &self.check.when {
            match (when.truth(world, true), &self.check.file.otherwise) {
                (Truth::Holds, _) => {}
                (Truth::Fails, otherwise) => {
                    let reason = otherwise.clone().unwrap_or_else(|| unmet(&when.judge(world, true)));
                    return Judgement::new(Verdict::NotApplicable, reason);
                }
                (Truth::Undecided, _) => return undecided(when.judge(world, true)),
            }
        }
        if let Some(given) = &self.check.given {
            let judged = given.judge(world, false);
            match judged.truth {
                Truth::Holds => {}
                Truth::Fails => {
                    let mut judgement =
                        Judgement::new(Verdict::NotTestable, format!("the answer proves nothing: {}", unmet(&judged)));
                    judgement.blocked_by = judged.differences.first().map(|difference| difference.exchange.clone());
                    return judgement;
                }
                Truth::Undecided => return undecided(judged),
            }
        }
        let judged = self.check.expect.judge(world, false);
        match judged.truth {
            Truth::Holds => Judgement::new(Verdict::Pass, None),
            Truth::Fails => Judgement { differences: judged.differences, ..Judgement::new(Verdict::Violation, None) },
            Truth::Undecided => undecided(judged),
        }
    }

    /// The sentence applied to whatever else was answered there. Only a violation or a pass counts: an answer that the sentence
    /// does not speak of was not asked for.
    fn everywhere(&self, mut own: Judgement) -> Judgement {
        let Some(everywhere) = self.check.file.also_every else { return own };
        let names_outcome = self.check.expect.speak_of("/outcome")
            || self.check.given.as_ref().is_some_and(|given| given.speak_of("/outcome"));
        let mut passed = false;
        let own_documents: Vec<&Value> = own.exchanges.iter().filter_map(|key| self.recording.document(key)).collect();
        let parts = &self.court.parts;
        let is_own = |part: &Part<'_>| own_documents.iter().any(|document| std::ptr::eq(*document, part.document));
        let mut seen: HashSet<usize> = parts.iter().filter(|part| is_own(part)).map(|part| part.first).collect();
        for part in parts {
            let Part { key, document: one, answered, first, .. } = part;
            if !part.is_meant(everywhere) || (!answered && !names_outcome) || !seen.insert(*first) {
                continue;
            }
            let world = Roles { bench: self, one: Some((key, one)) };
            let holds = |clauses: &Option<Clauses>, guard: bool| {
                clauses.as_ref().is_none_or(|clauses| clauses.truth(&world, guard) == Truth::Holds)
            };
            if !holds(&self.check.when, true) || !holds(&self.check.given, false) {
                continue;
            }
            match self.check.expect.truth(&world, false) {
                Truth::Fails => {
                    if own.verdict != Verdict::Violation {
                        own.exchanges.clear();
                        own.reason = None;
                        own.blocked_by = None;
                    }
                    own.verdict = Verdict::Violation;
                    own.differences.extend(self.check.expect.judge(&world, false).differences);
                    if !own.exchanges.iter().any(|known| known == key) {
                        own.exchanges.push((*key).to_owned());
                    }
                }
                // What was not answered can show a defect, but nothing is right about it.
                Truth::Holds => passed |= *answered,
                Truth::Undecided => {}
            }
        }
        if passed && own.verdict == Verdict::NotApplicable {
            own.verdict = Verdict::Pass;
            own.reason = None;
        }
        own
    }
}

/// How an exchange without an answer ended; `None` when every part was answered.
fn unanswered(document: &Value) -> Option<String> {
    let outcome = |one: &Value| one.get("outcome").and_then(Value::as_str).map(str::to_owned);
    let one = parts(document).into_iter().find(|one| outcome(one).as_deref() != Some("answered"))?;
    let error = one.get("error").and_then(Value::as_str).map(|error| format!(" ({error})")).unwrap_or_default();
    Some(format!("{}{error}", outcome(one).unwrap_or_else(|| "no outcome".into()).replace('_', " ")))
}

/// One phrase on how an exchange ended.
fn ended(document: &Value) -> String {
    if let Some(outcome) = unanswered(document) {
        return outcome;
    }
    // A walk says in words where it ended and what the page said.
    if let Some(reason) = document.get("reason").and_then(Value::as_str) {
        let answer = document.get("answer").and_then(Value::as_str).map_or("answered", words::answer);
        return format!("{answer}; {reason}");
    }
    let status = document.pointer("/response/status").or_else(|| document.get("status"));
    let code = document
        .pointer("/response/json/error")
        .and_then(Value::as_str)
        .map(|code| format!(" `{code}`"))
        .unwrap_or_default();
    let answer = document.get("answer").and_then(Value::as_str).map_or("answered", words::answer);
    format!("{}{answer}{code}", status.map(|status| format!("{status}, ")).unwrap_or_default())
}

fn unmet(judged: &Judged) -> String {
    match judged.differences.first() {
        Some(difference) if difference.at == "/answer" => difference.actual.clone(),
        Some(difference) => format!("{} is {}", words::place(&difference.at), difference.actual),
        None => judged.undecided.first().cloned().unwrap_or_else(|| "its condition does not hold".into()),
    }
}

fn undecided(judged: Judged) -> Judgement {
    let reason = judged.undecided.first().cloned();
    let verdict = if judged.unclaimed.is_some() { Verdict::NotApplicable } else { Verdict::NotTestable };
    Judgement { blocked_by: judged.blocked_by, ..Judgement::new(verdict, reason) }
}
