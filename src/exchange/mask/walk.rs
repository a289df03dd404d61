//! Ways through a document.

use serde_json::Value;

/// The document itself, then each attempt of a repeated exchange and each step of a walk.
pub(super) fn each_part(document: &mut Value, with: &mut dyn FnMut(&mut Value)) {
    with(document);
    for list in ["all", "steps"] {
        if let Some(items) = document.get_mut(list).and_then(Value::as_array_mut) {
            items.iter_mut().for_each(&mut *with);
        }
    }
}

pub(super) fn each_string(value: &Value, with: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => with(text),
        Value::Array(items) => items.iter().for_each(|item| each_string(item, with)),
        Value::Object(members) => members.values().for_each(|value| each_string(value, with)),
        _ => {}
    }
}

pub(super) fn each_text(value: &Value, with: &mut impl FnMut(&str)) {
    if let Value::Object(members) = value {
        members.keys().for_each(|name| with(name));
        members.values().for_each(|value| each_text(value, with));
    } else if let Value::Array(items) = value {
        items.iter().for_each(|item| each_text(item, with));
    } else if let Value::String(text) = value {
        with(text);
    }
}
