//! Which member of an object is wrong, where a schema speaks of its members.

use serde_json::Value;

use super::words;
use crate::schema::Compiled;
use crate::yaml::escape;

/// Place, what is accepted and what is there, for each member that a schema without a `title` of its own does not accept; empty when
/// the fault is not that of a member.
pub(super) fn members(place: &str, schema: &Value, value: &Value) -> Vec<(String, String, String)> {
    let Some(object) = value.as_object().filter(|_| schema.get("title").is_none()) else { return Vec::new() };
    let mut all = Vec::new();
    for (name, value) in object {
        let own = schema.get("properties").and_then(|own| own.get(name)).or_else(|| schema.get("additionalProperties"));
        let Some(own) = own.filter(|own| own.is_object()) else { continue };
        if !Compiled::default().holds(own, value) {
            let at = format!("{place}/{}", escape(name));
            let inner = members(&at, own, value);
            if inner.is_empty() {
                all.push((at, words::expected(own), words::actual_for(own, value)));
            }
            all.extend(inner);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_member_is_named_and_not_the_whole() {
        let schema = json!({"type": "object", "required": [], "properties": {"a": {"type": "array"}},
            "additionalProperties": {"not": {"const": []}}});
        let told = members("/x", &schema, &json!({"a": "1", "b": [], "c": 1}));
        assert_eq!(told[0], ("/x/a".to_owned(), "a list".to_owned(), "the text `1`".to_owned()));
        assert_eq!(told[1], ("/x/b".to_owned(), "anything but an empty list".to_owned(), "an empty list".to_owned()));
        assert_eq!(told.len(), 2);
        let titled = json!({"title": "of its own", "properties": {"a": {"type": "array"}}});
        assert_eq!(members("", &titled, &json!({"a": "1"})), []);
    }
}
