//! How one exchange is laid over another, before either becomes a type. `build.rs` shares this file: what is embedded is laid out
//! when it is built, a user's folder when it is read.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// Exchanges with `like` and `variants` laid out.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Id and content, variants one by one. `like` names what an exchange is like or sends again.
    pub(super) exchanges: Vec<(String, Map<String, Value>)>,
    /// Exchange with variants → the ids of its variants.
    pub(super) variants: Vec<(String, Vec<String>)>,
    /// Exchange → the exchange that stands for all that are equal on the wire; only those that do not stand for themselves.
    pub(super) same: Vec<(String, String)>,
}

impl Layout {
    /// Lays all exchanges out.
    ///
    /// # Errors
    /// `exchanges/id: reason` for each that cannot be laid.
    pub(super) fn of(raw: &Map<String, Value>) -> Result<Self, Vec<String>> {
        let mut layout = Self::default();
        let mut errors = Vec::new();
        for (id, value) in raw {
            if let Err(error) = layout.add(id, value, raw) {
                errors.push(format!("exchanges/{id}: {error}"));
            }
        }
        layout.same = layout.merged();
        if errors.is_empty() { Ok(layout) } else { Err(errors) }
    }

    fn add(&mut self, id: &str, value: &Value, raw: &Map<String, Value>) -> Result<(), String> {
        let mut base = laid(id, value, raw, 0)?;
        if let Some(like) = ["like", "resend"].iter().find_map(|key| value.get(key)) {
            base.insert("like".into(), like.clone());
        }
        let Some(variants) = value.get("variants").and_then(Value::as_object) else {
            self.exchanges.push((id.to_owned(), base));
            return Ok(());
        };
        base.remove("variants");
        let mut ids = Vec::new();
        for (name, changes) in variants {
            let mut own = base.clone();
            lay(&mut own, changes.as_object().ok_or("a variant is a map of changes")?, "");
            ids.push(format!("{id}[{name}]"));
            self.exchanges.push((format!("{id}[{name}]"), own));
        }
        self.variants.push((id.to_owned(), ids));
        Ok(())
    }

    fn merged(&self) -> Vec<(String, String)> {
        let mut all: Vec<(&str, &Map<String, Value>)> =
            self.exchanges.iter().map(|(id, content)| (id.as_str(), content)).collect();
        // Those with `works` stand for the rest: they are the ones that others are like.
        all.sort_by_key(|(id, content)| (!content.contains_key("works"), content.contains_key("like"), *id));
        let mut first: HashMap<String, &str> = HashMap::new();
        let mut same = Vec::new();
        for (id, content) in all.into_iter().filter(|(_, content)| !is_alone(content)) {
            let mut sent = content.clone();
            ["title", "works", "risk", "like"].iter().for_each(|key| drop(sent.shift_remove(*key)));
            sent.sort_keys();
            let representative = *first.entry(Value::Object(sent).to_string()).or_insert(id);
            if representative != id {
                same.push((id.to_owned(), representative.to_owned()));
            }
        }
        same
    }
}

/// Whether an exchange is one of its own, even if another has the same content.
fn is_alone(content: &Map<String, Value>) -> bool {
    let fills = |key: &str| content.get(key).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    ["repeat", "wait", "session"].iter().any(|key| content.contains_key(*key))
        || ["after", "spoils"].iter().any(|key| fills(key))
        || content.get("single_use") == Some(&Value::Bool(true))
        || content.get("kind").is_some_and(|kind| kind.as_str() != Some("request"))
        || content.iter().any(|(key, value)| !matches!(key.as_str(), "works" | "title") && makes_values(value))
}

/// What references to values begin with that each exchange makes for itself.
const OWN_VALUES: [&str; 4] = ["random.", "let.", "jwt.", "/"];

fn makes_values(value: &Value) -> bool {
    match value {
        Value::String(text) => text
            .split("${")
            .skip(1)
            .any(|reference| OWN_VALUES.iter().any(|start| reference.trim_start().starts_with(start))),
        Value::Array(items) => items.iter().any(makes_values),
        Value::Object(members) => members.values().any(makes_values),
        _ => false,
    }
}

/// What does not come from a `like`.
const OWN: [&str; 8] = ["title", "works", "spoils", "after", "repeat", "wait", "variants", "risk"];

/// The content of an exchange with what it is like laid under it.
fn laid(id: &str, value: &Value, raw: &Map<String, Value>, depth: usize) -> Result<Map<String, Value>, String> {
    let own = value.as_object().ok_or("not a map")?;
    let name = |key: &str| own.get(key).and_then(Value::as_str);
    let Some(base) = name("like").or_else(|| name("resend")) else {
        let mut own = own.clone();
        strip_absent(&mut own);
        return Ok(own);
    };
    if depth > 32 {
        return Err(format!("`{id}` is like itself"));
    }
    let below = raw.get(base).ok_or_else(|| format!("unknown exchange `{base}`"))?;
    let mut under = laid(base, below, raw, depth + 1)?;
    OWN.iter().for_each(|key| drop(under.remove(*key)));
    if own.contains_key("resend") {
        resend(base, &mut under);
    }
    let mut over = own.clone();
    over.remove("resend");
    lay(&mut under, &over, "");
    Ok(under)
}

/// Every value that the base makes anew becomes the value that was sent.
fn resend(base: &str, under: &mut Map<String, Value>) {
    for part in ["params", "query"] {
        for (name, value) in under.get_mut(part).and_then(Value::as_object_mut).into_iter().flatten() {
            // What is optional is left out alike in both, and has no place to point at when it is.
            if !value.to_string().contains("?}") {
                let name = name.replace('~', "~0").replace('/', "~1");
                *value = Value::String(format!("${{{base}/request/{part}/{name}}}"));
            }
        }
    }
    under.remove("let");
}

/// Members whose `absent` is said to whoever builds the request: it takes away what no file holds.
const OVERRIDES: [&str; 2] = ["claims", "header"];

/// Lays `over` onto `under`, both at a member `at`; `absent` takes a member away. Names of header fields have no case.
fn lay(under: &mut Map<String, Value>, over: &Map<String, Value>, at: &str) {
    for (name, value) in over {
        let name = match (at == "headers")
            .then(|| under.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned())
            .flatten()
        {
            // The later spelling counts: a probe may ask for another letter case.
            Some(known) if known != *name => {
                under.remove(&known);
                name
            }
            _ => name,
        };
        if value.as_str() == Some("absent") && name != "works" && !OVERRIDES.contains(&at) {
            under.shift_remove(name);
        } else if let (Some(Value::Object(below)), Value::Object(above)) = (under.get_mut(name), value)
            && !matches!(name.as_str(), "works" | "variants" | "repeat")
        {
            lay(below, above, name);
        } else {
            let mut value = value.clone();
            if let Value::Object(members) = &mut value
                && !matches!(name.as_str(), "works" | "variants" | "repeat")
                && !OVERRIDES.contains(&name.as_str())
            {
                strip_absent(members);
            }
            under.insert(name.clone(), value);
        }
    }
}

fn strip_absent(members: &mut Map<String, Value>) {
    members.retain(|name, value| name == "works" || value.as_str() != Some("absent"));
    for (name, value) in members.iter_mut() {
        if let Value::Object(members) = value
            && !matches!(name.as_str(), "works" | "variants" | "repeat")
            && !OVERRIDES.contains(&name.as_str())
        {
            strip_absent(members);
        }
    }
}
