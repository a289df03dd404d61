//! References: `${…}` in exchanges, clauses and schemas.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;

use crate::exchange::forge;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `${target.…}`: the path below the target's entry.
    Target(Vec<String>),
    /// `${let.name}`: a value of this instance.
    Let(String),
    /// `${jwt.name}`: a JWT that this exchange signs.
    Jwt(String),
    /// `${random.kind:length}`: new at each occurrence.
    Random {
        /// `hex32`, `verifier`, `b64token`, `filler` or `unique`.
        kind: String,
        /// Characters.
        length: usize,
    },
    /// `${registry.name}`: a registered list of words.
    Registry(String),
    /// `${now}`: seconds since the Unix epoch.
    Now,
    /// `${/place}`: this exchange.
    Own(String),
    /// `${name/place}`: another exchange, or a role of the check.
    Place {
        /// Exchange id or role.
        name: String,
        /// JSON Pointer.
        place: String,
    },
}

/// One `${…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where the value comes from.
    pub source: Source,
    /// `?` after a target path: left out when the target has none.
    pub optional: bool,
    /// `| name argument`, applied from left to right.
    pub transforms: Vec<(String, Option<String>)>,
    /// As it stands in the file, without `${}`.
    pub text: String,
}

/// Why a reference has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// The target does not claim it.
    Claim(String),
    /// What it points at is not there; the exchange that lacks it, if any, and the reason.
    Prerequisite {
        /// The exchange that stands in the way.
        blocked_by: Option<String>,
        /// In words.
        reason: String,
    },
    /// Somebody else recorded the exchange, and the recording does not tell it; the sentence that says so.
    Unrecorded(String),
}

/// Every transform with what it takes.
pub const TRANSFORMS: [&str; 21] = [
    "s256",
    "upper",
    "reversed",
    "percent",
    "with-offline",
    "without-offline",
    "origin",
    "scheme",
    "host",
    "path",
    "bare-path",
    "flip",
    "plus",
    "jwt-unsigned",
    "jwt-altered",
    "jwt-flipped",
    "jwt-stripped",
    "jwt-resigned",
    "jwt-unknown-key",
    "jwt-own-key",
    "jwt-public-key",
];

/// The scope word that asks for a refresh token. Source: OpenID Connect Core §11.
const OFFLINE_ACCESS: &str = "offline_access";

/// Every kind of random value with its default length. All but `unique` are the same in every run.
///
/// `filler` is one letter over and over: it only has to be long.
pub const RANDOM: [(&str, usize); 5] =
    [("hex32", 32), ("verifier", 43), ("b64token", 43), ("filler", 64), ("unique", 22)];

/// Reads what stands between `${` and `}`.
///
/// # Errors
/// A lower-case fragment that names the mistake.
pub fn read(text: &str) -> Result<Reference, String> {
    let mut parts = text.split('|').map(str::trim);
    let base = parts.next().unwrap_or_default();
    let (base, optional) = match base.strip_suffix('?') {
        Some(base) if base.starts_with("target.") => (base, true),
        Some(_) => return Err("only a reference to the target may be optional".into()),
        None => (base, false),
    };
    let source = if base == "now" {
        Source::Now
    } else if base.starts_with('/') {
        Source::Own(base.to_owned())
    } else if let Some(path) = base.strip_prefix("target.") {
        Source::Target(path.split('.').map(str::to_owned).collect())
    } else if let Some(name) = base.strip_prefix("let.") {
        Source::Let(name.to_owned())
    } else if let Some(name) = base.strip_prefix("jwt.") {
        Source::Jwt(name.to_owned())
    } else if let Some(name) = base.strip_prefix("registry.") {
        Source::Registry(name.to_owned())
    } else if let Some(kind) = base.strip_prefix("random.") {
        let (kind, length) = kind.split_once(':').map_or((kind, None), |(kind, length)| (kind, Some(length)));
        let Some((_, default)) = RANDOM.iter().find(|(known, _)| *known == kind) else {
            return Err(format!("unknown kind of random value `{kind}`"));
        };
        let length = match length {
            None => *default,
            Some(length) => length
                .parse()
                .ok()
                .filter(|length| (1..=100_000).contains(length))
                .ok_or_else(|| format!("`{length}` is not a length between 1 and 100000"))?,
        };
        Source::Random { kind: kind.to_owned(), length }
    } else if let Some((name, place)) = base.split_once('/') {
        Source::Place { name: name.to_owned(), place: format!("/{place}") }
    } else {
        return Err(format!("unknown reference `{base}`"));
    };
    let transforms = parts.map(read_transform).collect::<Result<_, _>>()?;
    Ok(Reference { source, optional, transforms, text: text.trim().to_owned() })
}

fn read_transform(text: &str) -> Result<(String, Option<String>), String> {
    let (name, argument) = text.split_once(' ').map_or((text, None), |(name, argument)| (name, Some(argument.trim())));
    if !TRANSFORMS.contains(&name) {
        return Err(format!("unknown transform `{name}`"));
    }
    match (name, argument) {
        ("plus", Some(number)) if number.parse::<i64>().is_err() => {
            Err(format!("`plus` takes a whole number, not `{number}`"))
        }
        ("plus", None) => Err("`plus` takes a whole number".into()),
        ("plus" | "jwt-unsigned", argument) => Ok((name.to_owned(), argument.map(str::to_owned))),
        (_, Some(_)) => Err(format!("`{name}` takes no argument")),
        (_, None) => Ok((name.to_owned(), None)),
    }
}

/// The references in a text, in order; a `Err` names the mistake in one of them.
pub fn of_text(text: &str) -> impl Iterator<Item = Result<Reference, String>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find("${")?;
        let after = &rest[start + 2..];
        match after.find('}') {
            None => {
                rest = "";
                Some(Err("`${` without its `}`".into()))
            }
            Some(end) => {
                rest = &after[end + 1..];
                Some(read(&after[..end]))
            }
        }
    })
}

/// Visits every reference in every text of a value; mistakes are passed over.
pub fn each(value: &Value, with: &mut impl FnMut(&Reference)) {
    match value {
        Value::String(text) => of_text(text).flatten().for_each(|reference| with(&reference)),
        Value::Array(items) => items.iter().for_each(|item| each(item, with)),
        Value::Object(members) => members.values().for_each(|value| each(value, with)),
        _ => {}
    }
}

/// Whether anything in the value has to be filled.
#[must_use]
pub fn any(value: &Value) -> bool {
    let mut found = false;
    each(value, &mut |_| found = true);
    found
}

/// Fills every reference. A text that is one whole reference keeps the type of its value; an optional one without a value
/// leaves `null` there, and nothing inside a longer text.
///
/// # Errors
/// The first reference that has no value.
pub fn fill(value: &Value, resolve: &mut dyn FnMut(&Reference) -> Result<Value, Missing>) -> Result<Value, Missing> {
    fill_with(value, &mut |reference| reference.transformed(resolve(reference)?))
}

/// The same where `made` brings the value of a reference with its transforms applied.
///
/// # Errors
/// The first reference that has no value.
pub fn fill_with(value: &Value, made: &mut dyn FnMut(&Reference) -> Result<Value, Missing>) -> Result<Value, Missing> {
    Ok(match value {
        Value::String(text) => fill_text(text, made)?,
        Value::Array(items) => Value::Array(items.iter().map(|item| fill_with(item, made)).collect::<Result<_, _>>()?),
        Value::Object(members) => {
            let mut filled = Map::with_capacity(members.len());
            for (name, value) in members {
                filled.insert(name.clone(), fill_with(value, made)?);
            }
            Value::Object(filled)
        }
        other => other.clone(),
    })
}

fn fill_text(text: &str, made: &mut dyn FnMut(&Reference) -> Result<Value, Missing>) -> Result<Value, Missing> {
    if !text.contains("${") {
        return Ok(Value::String(text.to_owned()));
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(end) = rest[start..].find('}') else { break };
        out.push_str(&rest[..start]);
        let Ok(reference) = read(&rest[start + 2..start + end]) else { break };
        let value = made(&reference)?;
        rest = &rest[start + end + 1..];
        if start == 0 && out.is_empty() && rest.is_empty() {
            return Ok(value);
        }
        match value {
            Value::Null => {}
            Value::String(text) => out.push_str(&text),
            other => out.push_str(&other.to_string()),
        }
    }
    out.push_str(rest);
    Ok(Value::String(out))
}

impl Reference {
    /// A value with every transform of this reference applied.
    ///
    /// # Errors
    /// One of them cannot be applied to what the value is.
    pub fn transformed(&self, mut value: Value) -> Result<Value, Missing> {
        for (name, argument) in &self.transforms {
            if value.is_null() && self.optional {
                return Ok(value);
            }
            value = transform(&value, name, argument.as_deref()).ok_or_else(|| Missing::Prerequisite {
                blocked_by: match &self.source {
                    Source::Place { name, .. } => Some(name.clone()),
                    _ => None,
                },
                reason: format!("`{name}` cannot be applied to what `{}` is here", self.text),
            })?;
        }
        Ok(value)
    }

    /// Whether a transform makes another token of a token: whoever reads a report could undo it.
    #[must_use]
    pub fn forges(&self) -> bool {
        self.transforms.iter().any(|(name, _)| name.starts_with("jwt-") || matches!(name.as_str(), "flip" | "upper"))
    }
}

/// One transform; `None` when it cannot be applied to this value.
fn transform(value: &Value, name: &str, argument: Option<&str>) -> Option<Value> {
    if name == "plus" {
        return Some(Value::from(value.as_i64()?.checked_add(argument?.parse().ok()?)?));
    }
    let text = value.as_str()?;
    let url = || Url::parse(text).ok();
    let online = || text.split(' ').filter(|word| !word.is_empty() && *word != OFFLINE_ACCESS).collect::<Vec<_>>();
    Some(Value::String(match name {
        "with-offline" => [online(), vec![OFFLINE_ACCESS]].concat().join(" "),
        // Nothing else was asked for: then nothing is, which is no empty text (RFC 6749 §3.3).
        "without-offline" if online().is_empty() => return Some(Value::Null),
        "without-offline" => online().join(" "),
        // RFC 7636 §4.2.
        "s256" => URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes())),
        "upper" => text.to_uppercase(),
        "reversed" => text.split(' ').rev().collect::<Vec<_>>().join(" "),
        "percent" => percent(text),
        "origin" => url()?.origin().ascii_serialization(),
        "scheme" => url()?.scheme().to_owned(),
        "host" => url()?.host_str()?.to_owned(),
        "path" => url()?.path().to_owned(),
        "bare-path" => url()?.path().trim_end_matches('/').to_owned(),
        "flip" => flip(text)?,
        "jwt-unsigned" => forge::unsigned(text, argument.unwrap_or("none"))?,
        "jwt-altered" => forge::altered(text)?,
        "jwt-flipped" => forge::flipped(text)?,
        "jwt-stripped" => forge::stripped(text)?,
        "jwt-resigned" => forge::resigned(text)?,
        "jwt-unknown-key" => forge::of_unknown_key(text)?,
        "jwt-own-key" => forge::of_own_key(text)?,
        "jwt-public-key" => forge::by_public_key(text)?,
        _ => return None,
    }))
}

/// Every byte but unreserved characters as a percent escape, a space too.
///
/// Source: RFC 3986 §2.1 and §2.3.
fn percent(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escaped).collect()
}

/// One character in the middle of the text replaced by another of the same alphabet.
fn flip(text: &str) -> Option<String> {
    if !text.is_ascii() || text.is_empty() {
        return None;
    }
    // The last character of a base64 part may carry unused bits, so the middle is taken.
    let mut bytes = text.as_bytes().to_vec();
    let middle = (bytes.len() / 2..bytes.len()).find(|at| bytes[*at].is_ascii_alphanumeric())?;
    bytes[middle] = if bytes[middle] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_whole_reference_keeps_its_type_and_a_part_becomes_text() {
        let mut resolve = |_: &Reference| Ok(json!(3600));
        let filled = fill(&json!({"a": "${x/y}", "b": "in ${x/y | plus 1}s"}), &mut resolve).unwrap();
        assert_eq!(filled, json!({"a": 3600, "b": "in 3601s"}));
    }

    #[test]
    fn what_a_transform_cannot_take_is_missing() {
        let missing = fill(&json!("${x/y | jwt-unsigned}"), &mut |_| Ok(json!("opaque"))).unwrap_err();
        assert!(matches!(missing, Missing::Prerequisite { blocked_by: Some(name), .. } if name == "x"));
    }

    #[test]
    fn words_are_turned_round_and_escaped() {
        let filled = |text: &str| fill(&json!(text), &mut |_| Ok(json!("a b:c"))).unwrap();
        assert_eq!(filled("${target.scope | reversed}"), "b:c a");
        assert_eq!(filled("${target.scope | percent}"), "a%20b%3Ac");
    }

    #[test]
    fn a_scope_is_asked_for_with_and_without_a_refresh_token() {
        for (scope, with, without) in [
            ("a  b", "a b offline_access", json!("a b")),
            ("offline_access a", "a offline_access", json!("a")),
            ("offline_access", "offline_access", Value::Null),
        ] {
            assert_eq!(transform(&json!(scope), "with-offline", None), Some(json!(with)));
            assert_eq!(transform(&json!(scope), "without-offline", None), Some(without));
        }
    }

    #[test]
    fn mistakes_in_references_are_named() {
        assert_eq!(read("random.hex33").unwrap_err(), "unknown kind of random value `hex33`");
        assert_eq!(read("target.x | uper").unwrap_err(), "unknown transform `uper`");
        assert_eq!(read("token").unwrap_err(), "unknown reference `token`");
        assert_eq!(of_text("${target.x").next().unwrap().unwrap_err(), "`${` without its `}`");
    }

    #[test]
    fn the_challenge_of_rfc_7636_appendix_b_comes_out() {
        let filled = fill(&json!("${let.v | s256}"), &mut |_| Ok(json!("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
        assert_eq!(filled.unwrap(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
