//! What stands for what must not be written: masks become variables.

use std::collections::HashSet;

use regex::{Captures, Regex};
use serde_json::Value;

use super::Handed;
use crate::exchange::SHELL_NAMES;

/// Every mask of the requests, with the variable that stands for it.
pub(super) struct StandIns {
    /// Mask and variable of secrets, in the order of their first use.
    pub(super) secrets: Vec<(String, String)>,
    /// Mask, variable, key of the request and member of what answers hold.
    pub(super) taken: Vec<FromAnswer>,
    mask: Option<Regex>,
}

/// A value that an answer holds.
pub(super) struct FromAnswer {
    pub(super) mask: String,
    pub(super) variable: String,
    pub(super) from: String,
    pub(super) member: String,
}

impl StandIns {
    pub(super) fn of(handed: Handed<'_>) -> Self {
        let mut all = Self { secrets: Vec::new(), taken: Vec::new(), mask: Regex::new(MASK).ok() };
        let mut names: HashSet<String> = HashSet::new();
        for request in handed.requests {
            for taken in &request.taken {
                let known = all.taken.iter().find(|one| one.from == taken.from && one.member == taken.member);
                let variable = match known {
                    Some(known) => known.variable.clone(),
                    None => unique(&mut names, &format!("{} {}", taken.from, taken.member)),
                };
                let (mask, from, member) = (taken.mask.clone(), taken.from.clone(), taken.member.clone());
                all.taken.push(FromAnswer { mask, variable, from, member });
            }
        }
        for request in handed.requests {
            all.collect(&request.document["request"]);
        }
        all
    }

    fn collect(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                let Some(regex) = self.mask.clone() else { return };
                for found in regex.find_iter(text) {
                    let mask = found.as_str();
                    let known = self.secrets.iter().map(|(mask, _)| mask).chain(self.taken.iter().map(|one| &one.mask));
                    if !known.into_iter().any(|known| known == mask) {
                        self.secrets.push((mask.to_owned(), variable_of(mask)));
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            Value::Object(members) => {
                // A pair that is made anew has its secret in the facts only.
                if let Some(variable) = members.get("secret").and_then(Value::as_str)
                    && let Some((mask, variable)) = SHELL_NAMES.iter().find(|(_, known)| *known == variable)
                    && !self.secrets.iter().any(|(known, _)| known == mask)
                {
                    self.secrets.push(((*mask).to_owned(), (*variable).to_owned()));
                }
                members.values().for_each(|value| self.collect(value));
            }
            _ => {}
        }
    }

    /// The variable of a mask.
    pub(super) fn variable(&self, mask: &str) -> Option<&str> {
        let taken = self.taken.iter().find(|one| one.mask == mask).map(|one| one.variable.as_str());
        taken.or_else(|| self.secrets.iter().find(|(known, _)| known == mask).map(|(_, variable)| variable.as_str()))
    }

    /// A text with every mask replaced by what `written` makes of its variable.
    pub(super) fn replaced(&self, text: &str, written: &dyn Fn(&str) -> String) -> String {
        let Some(regex) = &self.mask else { return text.to_owned() };
        let one = |found: &Captures<'_>| self.variable(&found[0]).map_or_else(|| found[0].to_owned(), written);
        regex.replace_all(text, one).into_owned()
    }

    /// Variable and member of everything that the answer to a request is asked for, each once.
    pub(super) fn from(&self, key: &str) -> Vec<(&str, &str)> {
        let mut all: Vec<(&str, &str)> = Vec::new();
        for one in self.taken.iter().filter(|one| one.from == key) {
            if !all.contains(&(&one.variable, &one.member)) {
                all.push((&one.variable, &one.member));
            }
        }
        all
    }
}

/// As masks are written: names in letters that no encoding changes.
const MASK: &str = r"\*\*\*[A-Za-z0-9_.\-]+\*\*\*";

fn variable_of(mask: &str) -> String {
    let known = SHELL_NAMES.iter().find(|(known, _)| *known == mask).map(|(_, variable)| (*variable).to_owned());
    known.unwrap_or_else(|| plain(mask.trim_matches('*')))
}

/// Capital letters, digits and underscores.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

fn unique(names: &mut HashSet<String>, text: &str) -> String {
    let name = plain(text);
    let more = (2_usize..).map(|nth| format!("{name}_{nth}"));
    let free = std::iter::once(name.clone()).chain(more).find(|name| !names.contains(name)).unwrap_or(name);
    names.insert(free.clone());
    free
}

/// The endpoints that requests go to, by their names in the target file: each once.
pub(super) fn endpoints<'h>(handed: Handed<'h>) -> Vec<(&'h str, &'h str)> {
    let mut all: Vec<(&str, &str)> = Vec::new();
    for request in handed.requests {
        let Some(name) = request.document["request"]["endpoint"].as_str() else { continue };
        let url = if name == "resource" { &handed.target["resource"]["url"] } else { &handed.target[name] };
        if let Some(url) = url.as_str().filter(|url| super::text(&request.document["request"], "url").starts_with(url))
            && !all.iter().any(|(known, _)| *known == name)
        {
            all.push((name, url));
        }
    }
    all
}

/// A URL with its endpoint as a variable in braces.
pub(super) fn url(request: &Value, endpoints: &[(&str, &str)]) -> String {
    let url = super::text(request, "url");
    let own = endpoints.iter().find(|(name, base)| request["endpoint"] == *name && url.starts_with(base));
    own.map_or_else(|| url.to_owned(), |(name, base)| format!("{{{{{name}}}}}{}", &url[base.len()..]))
}
