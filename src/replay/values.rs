//! Values that an exchange would have sent, with signs for what it makes up, and what it made up as far as the request says it.

use serde_json::{Map, Value, json};

use super::facts::Facts;
use super::fit::{Taken, World, text};
use super::form::{ANY, JWT, LONG, ONE, SIGNS, like};
use crate::suite::Exchange;
use crate::suite::reference::{self, Missing, Reference, Source};

impl World<'_> {
    pub(super) fn filled(&self, exchange: &Exchange, value: &Value, taken: Taken<'_>) -> Option<Value> {
        // Nobody can take the hash of what is not known.
        if let Some(Ok(reference)) = value.as_str().and_then(|text| reference::of_text(text).next())
            && reference.transforms.iter().any(|(name, _)| name == "s256")
            && let Ok(Value::String(text)) = self.resolved(exchange, &reference, taken)
            && text.contains(SIGNS)
        {
            return Some(ANY.to_string().into());
        }
        let made = &mut |reference: &Reference| self.made(reference, self.resolved(exchange, reference, taken)?);
        reference::fill_with(value, made).ok()
    }

    /// What the transforms of a reference make of a value. A token is forged once for all the requests that it is compared with.
    fn made(&self, reference: &Reference, value: Value) -> Result<Value, Missing> {
        if !reference.forges() {
            return reference.transformed(value);
        }
        let name = (reference.text.clone(), value.to_string());
        if let Some(known) = self.forged.borrow().get(&name) {
            return Ok(known.clone());
        }
        let forged = reference.transformed(value)?;
        self.forged.borrow_mut().insert(name, forged.clone());
        Ok(forged)
    }

    pub(super) fn resolved(
        &self,
        exchange: &Exchange,
        reference: &Reference,
        taken: Taken<'_>,
    ) -> Result<Value, Missing> {
        let gone = || Missing::Unrecorded(String::new());
        match &reference.source {
            Source::Target(path) => match self.target.value(path) {
                Some(value) => Ok(value),
                None if reference.optional => Ok(Value::Null),
                None => Err(gone()),
            },
            // However long it is: that is what tells one of these from another.
            Source::Random { kind, length } if kind == "filler" => Ok("a".repeat(*length).into()),
            Source::Random { length, .. } if *length >= LONG => Ok(ONE.to_string().repeat(*length).into()),
            Source::Random { .. } => Ok(ANY.to_string().into()),
            Source::Jwt(_) => Ok(JWT.to_string().into()),
            Source::Let(name) => {
                let value = exchange.file.lets.get(name).ok_or_else(gone)?;
                self.filled(exchange, value, taken).ok_or_else(gone)
            }
            Source::Place { name, place } => {
                taken(name, place).filter(|value| value.is_string() || value.is_number()).ok_or_else(gone)
            }
            Source::Registry(name) => {
                self.catalogue.registries.get(name).map(|registry| registry.values.clone()).ok_or_else(gone)
            }
            Source::Own(_) | Source::Now => Err(gone()),
        }
    }

    /// Puts what was made up into the document, and says of the rest that it is not told.
    pub(super) fn tell_lets(&self, exchange: &Exchange, facts: &Facts<'_>, document: &mut Value) {
        let told: Map<String, Value> = exchange
            .file
            .lets
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), self.made_up(exchange, facts, name, value)?.into())))
            .collect();
        let Some(unrecorded) = document["unrecorded"].as_array_mut().filter(|_| !told.is_empty()) else { return };
        unrecorded.retain(|place| place != "/let");
        let lacking = exchange.file.lets.keys().filter(|name| !told.contains_key(*name));
        unrecorded.extend(lacking.map(|name| json!(format!("/let/{name}"))));
        document["let"] = told.into();
    }

    /// The value of one `let`: its text where nothing in it is made up, else what stands in its place in the request.
    fn made_up(&self, exchange: &Exchange, facts: &Facts<'_>, name: &str, value: &Value) -> Option<String> {
        let filled = |value: &Value| self.filled(exchange, value, &|_, _| None).map(text);
        let form = filled(value)?;
        if !form.contains(SIGNS) {
            return Some(form);
        }
        let body = || facts.heard.asked.as_ref()?.body.as_deref().map(String::from_utf8_lossy);
        let file = &exchange.file;
        let raw = file.raw.as_ref().and_then(|raw| Some((raw.as_str(), body()?.into_owned())));
        let pairs = file.params.iter().chain(&file.query);
        let pairs = pairs.filter_map(|(name, value)| Some((value.as_str()?, facts.pair(name)?.to_owned())));
        let mut places = raw.into_iter().chain(pairs);
        places.find_map(|(template, there)| {
            let (before, behind) = template.split_once(&format!("${{let.{name}}}"))?;
            let before = filled(&json!(before))?;
            let rest = filled(&json!(behind))?;
            // Nobody can tell where one made-up text ends and the next begins.
            let apart = !before.ends_with(SIGNS) && !rest.starts_with(SIGNS);
            let parts = like(&format!("{before}{form}{rest}"), &there).filter(|_| apart)?;
            let own = parts.get(signs(&before)..)?;
            put_in(&form, own)
        })
    }
}

/// How many made-up texts stand in a form.
fn signs(form: &str) -> usize {
    let follows = |(before, c): &(Option<char>, char)| SIGNS.contains(c) && *before != Some(*c);
    let before = std::iter::once(None).chain(form.chars().map(Some));
    before.zip(form.chars()).filter(follows).count()
}

/// The form with the texts in the places of its signs.
fn put_in(form: &str, mut texts: &[&str]) -> Option<String> {
    let (mut out, mut last) = (String::new(), None);
    for c in form.chars() {
        if !SIGNS.contains(&c) {
            out.push(c);
        } else if last != Some(c) {
            let (first, rest) = texts.split_first()?;
            out.push_str(first);
            texts = rest;
        }
        last = Some(c);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::form::{ANY, ONE};

    #[test]
    fn made_up_texts_are_counted_and_put_back() {
        let form = |text: &str| text.replace('*', &ANY.to_string()).replace('?', &ONE.to_string());
        for (text, count) in [("", 0), ("a", 0), ("*", 1), ("a??b*", 2), ("?*", 2), ("*a*", 2)] {
            assert_eq!(signs(&form(text)), count, "{text}");
        }
        assert_eq!(put_in(&form("a??b*"), &["xy", "z"]), Some("axybz".to_owned()));
        assert_eq!(put_in(&form("*a*"), &["x"]), None);
    }
}
