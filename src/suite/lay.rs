//! How one exchange is laid over another, before either becomes a type.

use serde_json::{Map, Value};

/// What does not come from a `like`.
const OWN: [&str; 8] = ["title", "works", "spoils", "after", "repeat", "wait", "variants", "risk"];

/// The content of an exchange with what it is like laid under it.
pub(super) fn laid(
    id: &str,
    value: &Value,
    raw: &Map<String, Value>,
    depth: usize,
) -> Result<Map<String, Value>, String> {
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
pub(super) fn lay(under: &mut Map<String, Value>, over: &Map<String, Value>, at: &str) {
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
