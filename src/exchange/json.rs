//! A response body as JSON, read strictly: what a lenient parser would forgive is told.
//!
//! `serde_json` keeps the last of repeated members without a word, so the visitor here remembers the names of each object.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, json};

/// Deepest nesting that is read, unless told otherwise; `serde_json` itself stops at 128.
pub const JSON_DEPTH: usize = 100;

/// Most values that are read: each takes many times the bytes of its text, and every exchange of a run is kept.
pub const JSON_VALUES: usize = 10_000;

const TOO_DEEP: &str = "nested too deep";
const TOO_MANY: &str = "too many values";

/// The value, if one can be told, and the problem, if there is one: `{ kind, at }` as DESIGN 3.5 has it.
///
/// A repeated member keeps its last value and a byte order mark is passed over; all other problems leave no value.
#[must_use]
pub fn read(body: &[u8], depth: usize) -> (Option<Value>, Option<Value>) {
    let mut left = JSON_VALUES;
    read_within(body, depth, &mut left)
}

/// The same where `left` values may be read, of which those that are read are taken away.
pub(super) fn read_within(body: &[u8], depth: usize, left: &mut usize) -> (Option<Value>, Option<Value>) {
    let (text, marked) = match body.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) => (rest, true),
        None => (body, false),
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return (None, Some(json!({"kind": "encoding"})));
    };
    let mut repeated = Vec::new();
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { depth: depth.min(120), left, repeated: &mut repeated }.deserialize(&mut reader);
    match value {
        Err(error) => {
            let says = error.to_string();
            let kind = if says.contains(TOO_DEEP) || says.contains("recursion limit") {
                "depth"
            } else if says.contains(TOO_MANY) {
                "size"
            } else if says.contains("out of range") {
                "range"
            } else {
                "syntax"
            };
            let at = json!({"kind": kind, "at": {"line": error.line(), "column": error.column()}});
            (None, Some(at))
        }
        Ok(value) => match reader.end() {
            Err(error) => {
                let at = json!({"line": error.line(), "column": error.column()});
                (None, Some(json!({"kind": "trailing", "at": at})))
            }
            Ok(()) if !repeated.is_empty() => {
                (Some(value), Some(json!({"kind": "duplicate_member", "members": repeated})))
            }
            Ok(()) => (Some(value), marked.then(|| json!({"kind": "byte_order_mark"}))),
        },
    }
}

struct Strict<'r> {
    depth: usize,
    left: &'r mut usize,
    repeated: &'r mut Vec<String>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(&mut self) -> Result<Strict<'_>, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom(TOO_DEEP))?;
        *self.left = self.left.checked_sub(1).ok_or_else(|| E::custom(TOO_MANY))?;
        Ok(Strict { depth, left: self.left, repeated: self.repeated })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        let mut seen = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.deeper()?)?;
            if !seen.insert(name.clone()) && !self.repeated.contains(&name) {
                self.repeated.push(name.clone());
            }
            all.insert(name, value);
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(body: &[u8]) -> Option<String> {
        read(body, JSON_DEPTH).1.map(|problem| problem["kind"].as_str().unwrap().to_owned())
    }

    #[test]
    fn each_problem_has_its_own_kind() {
        assert_eq!(kind(br#"{"a":1}"#), None);
        assert_eq!(kind(b" {\"a\":1}\n"), None);
        assert_eq!(kind(br#"{"a":1"#).as_deref(), Some("syntax"));
        assert_eq!(kind(br#"{"a":1}x"#).as_deref(), Some("trailing"));
        assert_eq!(kind(br#"{"a":1,"a":1}"#).as_deref(), Some("duplicate_member"));
        assert_eq!(kind(b"\xEF\xBB\xBF{}").as_deref(), Some("byte_order_mark"));
        assert_eq!(kind(b"{\"a\":\"\xFF\"}").as_deref(), Some("encoding"));
        assert_eq!(kind(b"[1e999]").as_deref(), Some("range"));
        assert_eq!(kind("[".repeat(100_000).as_bytes()).as_deref(), Some("depth"));
        assert_eq!(kind(format!("[{}0]", "0,".repeat(JSON_VALUES - 2)).as_bytes()), None);
        assert_eq!(kind(format!("[{}0]", "0,".repeat(JSON_VALUES)).as_bytes()).as_deref(), Some("size"));
    }

    #[test]
    fn a_repeated_member_keeps_its_last_value() {
        let (value, problem) = read(br#"{"a":1,"b":{"c":1,"c":2}}"#, JSON_DEPTH);
        assert_eq!(value.unwrap()["b"]["c"], 2);
        assert_eq!(problem.unwrap()["members"], json!(["c"]));
    }
}
