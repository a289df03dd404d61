//! Shapes of fault files that serde does not know: one value or a list of them, a number or a map, bytes as base64.

use std::borrow::Cow;

use base64::Engine as _;
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One value or a list of them; absent is the empty list.
#[derive(Debug, Clone, PartialEq)]
pub struct Many<T>(pub Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = match Value::deserialize(deserializer)? {
            Value::Array(values) => values,
            one => vec![one],
        };
        let read = values.into_iter().map(|value| serde_json::from_value(value).map_err(D::Error::custom));
        read.collect::<Result<_, _>>().map(Self)
    }
}

impl<T: JsonSchema> JsonSchema for Many<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Many_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

/// How long answers are held back: one number for all of them, or a number for each pattern of reply names.
///
/// Milliseconds, at most ten minutes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delays(pub Vec<(String, u64)>);

/// The longest delay that a fault may ask for.
pub const LONGEST_DELAY_MS: u64 = 600_000;

impl<'de> Deserialize<'de> for Delays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let delays: Vec<(String, u64)> = if value.is_object() {
            let each: IndexMap<String, u64> = serde_json::from_value(value).map_err(D::Error::custom)?;
            each.into_iter().collect()
        } else {
            vec![("*".to_owned(), serde_json::from_value(value).map_err(D::Error::custom)?)]
        };
        match delays.iter().find(|(_, ms)| *ms > LONGEST_DELAY_MS) {
            Some((to, ms)) => {
                Err(D::Error::custom(format!("a delay of {ms} ms for `{to}`: at most {LONGEST_DELAY_MS} are possible")))
            }
            None => Ok(Self(delays)),
        }
    }
}

impl JsonSchema for Delays {
    fn schema_name() -> Cow<'static, str> {
        "Delays".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let number = json_schema!({ "type": "integer", "minimum": 0, "maximum": LONGEST_DELAY_MS });
        json_schema!({
            "description": "milliseconds for every answer, or for each pattern of reply names",
            "anyOf": [number, { "type": "object", "additionalProperties": number }]
        })
    }
}

/// Bytes written as standard base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base64Bytes(pub Vec<u8>);

impl<'de> Deserialize<'de> for Base64Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        base64::engine::general_purpose::STANDARD
            .decode(&text)
            .map(Self)
            .map_err(|error| D::Error::custom(format!("`{text}` is not base64: {error}")))
    }
}

impl JsonSchema for Base64Bytes {
    fn schema_name() -> Cow<'static, str> {
        "Base64Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "bytes as standard base64 with padding" })
    }
}

/// Whether `name` fits `pattern`, in which every `*` stands for any run of characters, also an empty one.
#[must_use]
pub fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, name) in [
            ("*", "token.issued"),
            ("error.*", "error.invalid_scope"),
            ("*.i*", "token.issued"),
            ("metadata", "metadata"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("error.*", "token.issued"), ("challenge", "challenge.invalid_token"), ("a*a", "a"), ("", "x")]
        {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_delay_beyond_ten_minutes_is_refused() {
        let error = serde_json::from_str::<Delays>("{\"*\": 600001}").unwrap_err();
        assert_eq!(error.to_string(), "a delay of 600001 ms for `*`: at most 600000 are possible");
    }
}
