//! Instances of stories in which one exchange spoils what another gave: all of a story was recorded, or none of it counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::assign::Keys;
use super::candidates::{Candidate, Candidates};
use crate::suite::{Exchange, Member, Story};
use crate::target::duration;

/// Tells every story, the longest first: what others share of it is then the same in all of them.
pub(super) fn stories(candidates: &Candidates<'_>, members: &[Member], keys: &mut Keys) {
    let catalogue = candidates.catalogue();
    let mut all: Vec<(Vec<String>, Story<'_>)> = Vec::new();
    for member in members {
        let names = member.names(catalogue);
        let story = Story::of(catalogue, &names);
        let spoilt = names.iter().any(|name| story.key(name, None).contains('~'));
        if spoilt && !all.iter().any(|(known, _)| *known == names) {
            all.push((names, story));
        }
    }
    all.sort_by_key(|(_, story)| std::cmp::Reverse(story.exchanges().count()));
    // What was told already, by instance; also of exchanges that no check names.
    let mut known: HashMap<String, usize> = HashMap::new();
    known.extend(keys.iter().filter_map(|(key, (_, nth))| Some((key.clone(), (*nth)?))));
    for (names, story) in &all {
        let own: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        // What can be used once is made for each who uses it, and for the check only if the check names it.
        let wanted = |exchange: &&Exchange| !exchange.file.single_use || own.contains(exchange.id.as_str());
        let mut left: Vec<&str> = story.exchanges().filter(wanted).map(|exchange| exchange.id.as_str()).collect();
        // Who takes comes before who gives, so that there is little to try.
        let taken =
            |name: &&str| story.exchanges().filter(|other| other.takes_from.iter().any(|from| from == name)).count();
        left.sort_by_key(taken);
        let mut telling = Telling { candidates, story, known: &known, steps: 0 };
        let Some(found) = telling.rest(&left, &BTreeMap::new()) else { continue };
        for name in names {
            let key = story.key(name, None);
            let nth = found.get(&key).map(|(_, candidate)| candidate.nth);
            if let Some((_, place)) = keys.get_mut(&key).filter(|(_, place)| place.is_none()) {
                *place = nth;
            }
        }
        known.extend(found.into_iter().map(|(key, (_, candidate))| (key, candidate.nth)));
    }
}

/// Instance → its exchange and the request taken for it.
type Chosen = BTreeMap<String, (String, Candidate)>;

struct Telling<'t> {
    candidates: &'t Candidates<'t>,
    story: &'t Story<'t>,
    known: &'t HashMap<String, usize>,
    steps: usize,
}

impl Telling<'_> {
    /// One way to tell the story with what was recorded.
    fn rest(&mut self, left: &[&str], chosen: &Chosen) -> Option<Chosen> {
        let Some((name, left)) = left.split_first() else { return self.holds(chosen).then(|| chosen.clone()) };
        let all = self.candidates.of(name);
        let mut all: Vec<&Candidate> = all.iter().collect();
        // A run makes a token of its own for what uses one up; where the recording has one, that is meant.
        let shared = |nth: &usize| self.known.iter().any(|(key, known)| known == nth && !key.contains(['~', '<']));
        all.sort_by_key(|candidate| candidate.from.values().filter(|nth| shared(nth)).count());
        for candidate in all {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return None;
            }
            let mut more = chosen.clone();
            if self.takes(&mut more, self.story.key(name, None), name, candidate)
                && let Some(found) = self.rest(left, &more)
            {
                return Some(found);
            }
        }
        None
    }

    /// Lays a request and what it takes from into the story; `false` if that contradicts it.
    fn takes(&self, chosen: &mut Chosen, key: String, name: &str, candidate: &Candidate) -> bool {
        if self.known.get(&key).is_some_and(|known| *known != candidate.nth) {
            return false;
        }
        if let Some((_, known)) = chosen.get(&key) {
            return known.nth == candidate.nth;
        }
        chosen.insert(key.clone(), (name.to_owned(), candidate.clone()));
        candidate.from.iter().all(|(source, nth)| {
            let found = self.candidates.of(source).iter().find(|found| found.nth == *nth).cloned();
            found.is_some_and(|found| self.takes(chosen, self.story.key(source, Some(&key)), source, &found))
        })
    }

    fn holds(&self, chosen: &Chosen) -> bool {
        let own: BTreeSet<usize> =
            chosen.values().flat_map(|(_, found)| found.all.iter().copied().chain([found.nth])).collect();
        let fresh =
            |(name, found): &(String, Candidate)| self.candidates.is_untouched(name, found, &|nth| own.contains(&nth));
        self.apart(chosen) && self.in_order(chosen) && chosen.values().all(fresh)
    }

    /// Whether no request stands for two exchanges that rest on walks.
    fn apart(&self, chosen: &Chosen) -> bool {
        let walked: Vec<usize> = chosen
            .values()
            .filter(|(name, _)| self.candidates.rests_on_walk(name))
            .map(|(_, found)| found.nth)
            .collect();
        // A walk of one request may end where nothing else does.
        walked.iter().collect::<BTreeSet<_>>().len() == walked.len()
    }

    /// Whether what goes after another came after it, and every reader before what spoils its source.
    fn in_order(&self, chosen: &Chosen) -> bool {
        let at = |name: &str| chosen.get(&self.story.key(name, None)).map(|(_, found)| found.nth);
        self.story.exchanges().all(|exchange| {
            let own = at(&exchange.id);
            exchange.file.after.iter().all(|before| at(before) < own)
                && self.was_given_time(exchange, chosen)
                && exchange.file.spoils.iter().all(|spoiled| {
                    self.story.exchanges().all(|other| {
                        let reads = other.id != exchange.id && other.takes_from.contains(spoiled);
                        !reads || self.story.draws_in(&other.id, &exchange.id) || at(&other.id) < own
                    })
                })
        })
    }

    /// What did not come true has to have had its time, counted from what went before.
    fn was_given_time(&self, exchange: &Exchange, chosen: &Chosen) -> bool {
        let Some((_, found)) = chosen.get(&self.story.key(&exchange.id, None)) else { return true };
        let Some(within) = exchange.file.repeat.as_ref().filter(|repeat| repeat.until.is_some() && !found.settled)
        else {
            return true;
        };
        let within = within.within.as_deref().and_then(duration).unwrap_or(Duration::from_secs(30));
        let before = exchange.file.after.iter().filter_map(|name| chosen.get(&self.story.key(name, None)));
        let since = self
            .candidates
            .since_sources(before.map(|(_, before)| before.nth).chain(found.from.values().copied()), found.nth);
        since.is_some_and(|since| u128::from(since) + 2_000_000 >= within.as_micros())
    }
}

/// Tries for one story.
const MOST_STEPS: usize = 20_000;
