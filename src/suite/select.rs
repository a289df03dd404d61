//! Which checks a run judges, on which exchanges, for whom.

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};

use super::catalogue::{Catalogue, Check, Suite};

/// A check applied to one member of its exchange list, on the standard's own requests or on a caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Id of the check.
    pub check: String,
    /// The suite that selected it.
    pub suite: String,
    /// The member of the exchange list, for checks with a list; the name of the variant if it has one.
    pub variant: Option<String>,
    /// The caller whose request stands in the place of the standard's.
    pub caller: Option<String>,
    /// Role → exchange; a check with one exchange has the empty role.
    pub roles: IndexMap<String, String>,
    /// Whether the sentence is applied to other answers too: on one member of a check only, so that nothing counts twice.
    pub everywhere: bool,
}

impl Member {
    /// Every exchange name of this member's story: its roles, and what its clauses refer to.
    #[must_use]
    pub fn names(&self, catalogue: &Catalogue) -> Vec<String> {
        let mut names: Vec<String> = self.roles.values().cloned().collect();
        for name in catalogue.checks.get(&self.check).into_iter().flat_map(|check| &check.refers_to) {
            if !self.roles.contains_key(name) && !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

/// Whether a pattern (`*` within a segment, `**` across segments) takes an id.
#[must_use]
pub fn matches(pattern: &str, id: &str) -> bool {
    match pattern.find('*') {
        None => pattern == id,
        Some(at) => {
            let Some(rest) = id.strip_prefix(&pattern[..at]) else { return false };
            let (tail, across) = match pattern[at..].strip_prefix("**") {
                Some(tail) => (tail, true),
                None => (&pattern[at + 1..], false),
            };
            let mut ends = rest.char_indices().map(|(at, c)| (at, Some(c))).chain([(rest.len(), None)]);
            ends.find_map(|(at, c)| {
                if matches(tail, &rest[at..]) {
                    return Some(true);
                }
                (!across && c == Some('/')).then_some(false)
            })
            .unwrap_or(false)
        }
    }
}

/// What was asked for on the command line.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Ids of suites.
    pub suites: Vec<String>,
    /// Patterns of checks; empty takes all of the suites.
    pub only: Vec<String>,
    /// Patterns of checks to leave out.
    pub skip: Vec<String>,
}

/// Every member of every selected check, in order: suites as given, checks by id, the standard's own requests before a caller's.
#[must_use]
pub fn select(catalogue: &Catalogue, wanted: &Wanted) -> Vec<Member> {
    let mut members = Vec::new();
    let mut seen = HashSet::new();
    let (only, skip) = (Patterns::of(&wanted.only), Patterns::of(&wanted.skip));
    for suite in wanted.suites.iter().filter_map(|id| catalogue.suites.get(id)) {
        let own = Patterns::of(&suite.file.checks);
        let chosen = catalogue
            .checks
            .keys()
            .filter(|id| own.any(id) && (wanted.only.is_empty() || only.any(id)) && !skip.any(id));
        for check in chosen.filter_map(|id| catalogue.checks.get(id)) {
            if seen.insert(check.id.clone()) {
                members.extend(of_check(catalogue, check, suite));
            }
            members.extend(of_caller(catalogue, check, suite));
        }
    }
    members
}

/// The members of every `of`th check, beginning with the `index`th, counted from 1: all parts together are all of them, and the members of a
/// check stay together. A sentence about other answers too is in every part, since each part has answers of its own.
#[must_use]
pub fn part(members: Vec<Member>, index: usize, of: usize) -> Vec<Member> {
    let mut checks: IndexSet<String> = members.iter().map(|member| member.check.clone()).collect();
    checks.sort();
    let mine = |member: &Member| checks.get_index_of(&member.check).is_some_and(|nth| nth % of.max(1) + 1 == index);
    members.into_iter().filter(|member| member.everywhere || mine(member)).collect()
}

/// A list of patterns. A suite may name a hundred checks, and each is looked up among hundreds.
struct Patterns<'p> {
    ids: HashSet<&'p str>,
    open: Vec<&'p str>,
}

impl<'p> Patterns<'p> {
    fn of(list: &'p [String]) -> Self {
        let (open, ids): (Vec<_>, Vec<_>) = list.iter().map(String::as_str).partition(|pattern| pattern.contains('*'));
        Self { ids: ids.into_iter().collect(), open }
    }

    fn any(&self, id: &str) -> bool {
        self.ids.contains(id) || self.open.iter().any(|pattern| matches(pattern, id))
    }
}

fn of_check(catalogue: &Catalogue, check: &Check, suite: &Suite) -> Vec<Member> {
    let named: Vec<(String, Vec<&str>)> = match (&check.file.exchange, &check.file.exchanges) {
        (Some(one), _) => vec![(String::new(), one.list())],
        (None, Some(roles)) => roles.iter().map(|(role, names)| (role.clone(), names.list())).collect(),
        (None, None) => Vec::new(),
    };
    let expanded: Vec<(String, Vec<String>)> = named
        .into_iter()
        .map(|(role, names)| (role, names.into_iter().flat_map(|name| catalogue.expand(name)).collect()))
        .collect();
    let list = expanded.iter().find(|(_, names)| names.len() > 1);
    let choices: Vec<Option<&String>> = match list {
        Some((_, names)) => names.iter().map(Some).collect(),
        None => vec![None],
    };
    // `odd[x]` is `x` to a reader who knows the check, as long as all of the list are of one exchange: another one may have an `x` too.
    let base = |name: &str| name.split_once('[').map_or(name, |(base, _)| base).to_owned();
    let of_one = choices.iter().flatten().map(|name| base(name)).collect::<HashSet<_>>().len() == 1;
    choices
        .into_iter()
        .enumerate()
        .map(|(nth, choice)| Member {
            check: check.id.clone(),
            suite: suite.id.clone(),
            variant: choice.map(|name| if of_one { variant(name) } else { name.clone() }),
            caller: None,
            roles: expanded
                .iter()
                .filter_map(|(role, names)| {
                    let name = if names.len() > 1 { choice } else { names.first() };
                    Some((role.clone(), name?.clone()))
                })
                .collect(),
            everywhere: nth == 0 && check.file.also_every.is_some(),
        })
        .collect()
}

fn of_caller(catalogue: &Catalogue, check: &Check, suite: &Suite) -> Vec<Member> {
    let Some(caller) = &suite.file.caller else { return Vec::new() };
    let mut members = Vec::new();
    for member in of_check(catalogue, check, suite) {
        for (base, sent) in &suite.file.sends {
            if !member.roles.values().any(|name| name == base) {
                continue;
            }
            for name in sent {
                let mut own = member.clone();
                own.roles.values_mut().filter(|named| *named == base).for_each(|named| name.clone_into(named));
                own.caller = Some(caller.clone());
                own.variant = Some(match &member.variant {
                    Some(variant) => format!("{variant}, {name}"),
                    None => name.clone(),
                });
                own.everywhere = false;
                members.push(own);
            }
        }
    }
    members
}

/// `x` of `odd[x]`; an exchange without variants keeps its name.
fn variant(name: &str) -> String {
    name.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']')).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stays_in_its_segment_and_two_do_not() {
        assert!(matches("rfc6749/token-*", "rfc6749/token-by-get"));
        assert!(!matches("rfc6749/*", "rfc6749/a/b"));
        assert!(matches("coupa/**", "coupa/call-out/x"));
        assert!(matches("**", "a/b"));
        assert!(matches("**/x-*-y", "a/b/x-1-y"));
        assert!(!matches("rfc6749", "rfc6749/x"));
    }
}
