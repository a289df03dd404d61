//! What could not be sent, because the answer that it rests on held nothing to send on: a run says the same then.

use super::assign::Keys;
use super::candidates::Candidates;
use super::several::worked;
use crate::exchange::{NotSent, Why, find};
use crate::suite::Exchange;
use crate::suite::reference::{self, Source};

/// Why nobody can have sent an exchange that others share; `None` where the recording might have it.
///
/// An answer that had to work and did not is no reason: somebody may have tried again, and recorded less.
pub(super) fn blocked(candidates: &Candidates<'_>, keys: &Keys, name: &str) -> Option<NotSent> {
    looked_for(candidates, keys, name, 0)
}

fn looked_for(candidates: &Candidates<'_>, keys: &Keys, name: &str, depth: usize) -> Option<NotSent> {
    let catalogue = candidates.catalogue();
    let exchange = catalogue.exchanges.get(catalogue.representative(name)).filter(|_| depth < MOST_DEPTH)?;
    places(exchange).into_iter().find_map(|(source, place)| {
        let source = catalogue.representative(&source).to_owned();
        let Some((_, Some(nth))) = keys.get(&source) else {
            let before = looked_for(candidates, keys, &source, depth + 1)?;
            return Some(gone(&source, format!("`{source}` was not sent: {}", before.reason)));
        };
        let document = candidates.document(&source, *nth)?;
        let lacks = find(document, &place).is_none_or(|found| found.value().is_null());
        (lacks && worked(catalogue.exchanges.get(&source)?, document))
            .then(|| gone(&source, format!("`{source}` has no `{place}`")))
    })
}

fn gone(key: &str, reason: String) -> NotSent {
    NotSent { why: Why::Prerequisite, reason, blocked_by: Some(key.to_owned()) }
}

/// What an exchange takes from answers: from which, and where it stands.
fn places(exchange: &Exchange) -> Vec<(String, String)> {
    let file = &exchange.file;
    let mut all = Vec::new();
    let texts = [&file.raw, &file.url].into_iter().flatten().map(|text| text.as_str().into());
    let values = file.params.values().chain(file.query.values()).chain(file.headers.values());
    for value in values.cloned().chain(texts) {
        reference::each(&value, &mut |reference| {
            if let Source::Place { name, place } = &reference.source
                && !reference.optional
                && (place.starts_with("/response/") || place.starts_with("/redirect/"))
            {
                all.push((name.clone(), place.clone()));
            }
        });
    }
    all
}

/// Exchanges that rest on exchanges that rest on exchanges.
const MOST_DEPTH: usize = 4;
