//! JSON Pointers (RFC 6901) into an exchange document, with `*` for every item of a list.

use serde_json::Value;

/// What stands at a place.
#[derive(Debug, Clone, PartialEq)]
pub enum Found<'d> {
    /// One value.
    One(&'d Value),
    /// What `*` collected: items that lack the rest of the place are left out.
    Many(Value),
}

impl Found<'_> {
    /// The value itself.
    #[must_use]
    pub fn value(&self) -> &Value {
        match self {
            Self::One(value) => value,
            Self::Many(value) => value,
        }
    }
}

/// What of `place` lies below `top`, which may be all of it; `None` when it lies elsewhere.
#[must_use]
pub fn below<'p>(place: &'p str, top: &str) -> Option<&'p str> {
    place.strip_prefix(top).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Follows `place` into `document`; `None` when there is nothing.
#[must_use]
pub fn find<'d>(document: &'d Value, place: &str) -> Option<Found<'d>> {
    if place.is_empty() {
        return Some(Found::One(document));
    }
    let rest = place.strip_prefix('/')?;
    let (head, tail) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    if head == "*" {
        let items = document.as_array()?;
        let all = items.iter().filter_map(|item| find(item, tail).map(|found| found.value().clone())).collect();
        return Some(Found::Many(Value::Array(all)));
    }
    let next = match document {
        Value::Object(members) if !head.contains('~') => members.get(head)?,
        Value::Object(members) => members.get(&head.replace("~1", "/").replace("~0", "~"))?,
        Value::Array(items) => items.get(head.parse::<usize>().ok()?)?,
        _ => return None,
    };
    find(next, tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_star_collects_what_is_there() {
        let document = json!({"all": [{"a": 1}, {"b": 2}, {"a": 3}]});
        assert_eq!(find(&document, "/all/*/a").unwrap().value(), &json!([1, 3]));
        assert!(find(&document, "/nothing/*").is_none());
    }

    #[test]
    fn escapes_and_indices_are_followed() {
        let document = json!({"a/b": [{"~": 7}]});
        assert_eq!(find(&document, "/a~1b/0/~0").unwrap().value(), &json!(7));
        assert!(find(&document, "/a~1b/1").is_none());
    }
}
