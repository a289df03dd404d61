//! Ordinary requests that were sent once more after refused ones: how they ended then, as a run asks at its end.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::assign::Keys;
use super::candidates::Candidates;
use super::facts::Facts;
use super::several::worked;
use crate::exchange::{Recorded, control};

/// Lays `/control` into the documents that others are like, where the recording has the same request again, with a refusal between
/// them. What rests on an answer may fail for reasons of its own, and is left alone.
pub(super) fn controls(candidates: &Candidates<'_>, keys: &Keys, exchanges: &mut IndexMap<String, Recorded>) {
    let catalogue = candidates.catalogue();
    let bases: HashSet<&str> = catalogue.exchanges.values().filter_map(|exchange| exchange.like.as_deref()).collect();
    for (key, (name, nth)) in keys {
        let Some((exchange, first)) = catalogue.exchanges.get(name).zip(*nth) else { continue };
        let alone = exchange.takes_from.is_empty() && exchange.file.repeat.is_none() && !candidates.is_walk(name);
        if !alone || !bases.contains(name.as_str()) {
            continue;
        }
        let again = |nth: &usize| *nth > first && is_repeated(&candidates.facts[first], &candidates.facts[*nth]);
        let Some(last) = candidates.of(name).iter().map(|candidate| candidate.nth).rfind(again) else { continue };
        let refused = candidates.facts[first..last].iter().any(|facts| facts.answer() == "error");
        if let Some(Recorded::Sent(document)) = exchanges.get_mut(key).filter(|_| refused) {
            let again = candidates.facts[last].document(Some(exchange), Some(candidates.world.target));
            document["control"] = control(&again, worked(exchange, &again));
        }
    }
}

/// Whether one request is the other once more, with the same credentials in the same way.
fn is_repeated(one: &Facts<'_>, other: &Facts<'_>) -> bool {
    let said = |facts: &Facts<'_>| {
        let asked = facts.heard.asked.as_ref()?;
        let authorization = asked.field("authorization").map(str::to_owned);
        Some((asked.method.clone(), asked.url.clone(), authorization, asked.body.clone()))
    };
    said(one).is_some() && said(one) == said(other)
}
