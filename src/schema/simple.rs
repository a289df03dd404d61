//! Schemas that are decided as they stand: most clauses compare one value, and compiling takes a hundred times longer than that.

use serde_json::{Map, Number, Value};

use super::{FORMATS, OWN_KEYWORDS};

/// A schema, and how it is read.
#[derive(Debug, Clone, Copy)]
struct Simple<'s> {
    /// Where `$ref` leads in a file kind; clauses have none.
    root: Option<&'s Value>,
    schema: &'s Value,
}

/// Whether a value satisfies the schema of a clause; `None` when only the library can tell, mistakes of the schema among it.
///
/// Source: JSON Schema 2020-12, Validation §6; the keywords that clauses use most.
pub(super) fn clause(schema: &Value, instance: &Value) -> Option<bool> {
    Simple { root: None, schema }.holds(instance)
}

/// The same for the schema of a file kind: with references to `$defs`, and formats that only describe.
pub(super) fn file(schema: &Value, instance: &Value) -> Option<bool> {
    Simple { root: Some(schema), schema }.holds(instance)
}

impl<'s> Simple<'s> {
    fn below(self, schema: &'s Value) -> Self {
        Self { schema, ..self }
    }

    fn holds(self, instance: &Value) -> Option<bool> {
        let members = match self.schema {
            Value::Bool(all) => return Some(*all),
            Value::Object(members) => members,
            _ => return None,
        };
        // Every keyword is looked at: one that cannot be decided here decides nothing, whatever the others say.
        members.iter().try_fold(true, |before, (name, value)| {
            let holds = match name.as_str() {
                "$schema" | "$defs" | "default" | "$ref" | "additionalProperties" | "oneOf" | "format"
                    if self.root.is_some() =>
                {
                    self.of_file(name, value, members, instance)
                }
                _ => self.keyword(name, value, instance),
            };
            Some(holds? && before)
        })
    }

    fn of_file(self, name: &str, value: &'s Value, siblings: &'s Map<String, Value>, instance: &Value) -> Option<bool> {
        match name {
            "$ref" => {
                let referred = self.root?.get("$defs")?.get(value.as_str()?.strip_prefix("#/$defs/")?)?;
                self.below(referred).holds(instance)
            }
            "additionalProperties" => {
                let Value::Object(members) = instance else { return Some(true) };
                if siblings.contains_key("patternProperties") {
                    return None;
                }
                let named = siblings.get("properties").and_then(Value::as_object);
                let additional =
                    members.iter().filter(|(name, _)| !named.is_some_and(|named| named.contains_key(*name)));
                additional
                    .map(|(_, member)| member)
                    .try_fold(true, |before, member| Some(self.below(value).holds(member)? && before))
            }
            "oneOf" => {
                let all = value.as_array().filter(|all| !all.is_empty())?;
                let holding = all
                    .iter()
                    .try_fold(0, |before, one| Some(before + usize::from(self.below(one).holds(instance)?)))?;
                Some(holding == 1)
            }
            _ => Some(true),
        }
    }

    fn keyword(self, name: &str, value: &'s Value, instance: &Value) -> Option<bool> {
        match name {
            "title" | "description" => value.is_string().then_some(true),
            "type" => match value {
                Value::String(one) => of_type(one, instance),
                Value::Array(names) => any(names, |one| of_type(one.as_str()?, instance)),
                _ => None,
            },
            "const" => equal(value, instance),
            "enum" => any(value.as_array()?, |one| equal(one, instance)),
            "not" => self.below(value).holds(instance).map(|holds| !holds),
            "anyOf" => any(value.as_array().filter(|all| !all.is_empty())?, |one| self.below(one).holds(instance)),
            "minimum" | "maximum" => {
                let limit = whole(value.as_number()?)?;
                let Value::Number(number) = instance else { return Some(true) };
                let number = whole(number)?;
                Some(if name == "minimum" { number >= limit } else { number <= limit })
            }
            "minLength" | "maxLength" => {
                let length = instance.as_str().map(|text| text.chars().count());
                within(name == "minLength", value, length)
            }
            "minItems" | "maxItems" => within(name == "minItems", value, instance.as_array().map(Vec::len)),
            "minProperties" | "maxProperties" => {
                within(name == "minProperties", value, instance.as_object().map(Map::len))
            }
            "items" | "contains" => {
                let below = self.below(value);
                // What the empty list leaves open is asked of `null`: a schema with a mistake is not decided here.
                below.holds(&Value::Null)?;
                let Value::Array(items) = instance else { return Some(true) };
                let turned = name == "items";
                any(items, |item| below.holds(item).map(|holds| holds != turned)).map(|any| any != turned)
            }
            "uniqueItems" => {
                let unique = value.as_bool()?;
                let Value::Array(items) = instance else { return Some(true) };
                let texts: Vec<&str> = items.iter().map(Value::as_str).collect::<Option<_>>()?;
                Some(!unique || texts.iter().enumerate().all(|(nth, text)| !texts[..nth].contains(text)))
            }
            "properties" => value.as_object()?.iter().try_fold(true, |before, (name, schema)| {
                let below = self.below(schema);
                match instance.get(name) {
                    Some(member) => Some(below.holds(member)? && before),
                    // As above: also what a missing member would be held against has to be a schema. Those of files are, and may
                    // lead back to themselves.
                    None if self.root.is_none() => below.holds(&Value::Null).map(|_| before),
                    None => Some(before),
                }
            }),
            "propertyNames" => {
                let names = instance.as_object().into_iter().flat_map(Map::keys).cloned().map(Value::String);
                let below = self.below(value);
                below.holds(&Value::Null)?;
                names.map(|name| below.holds(&name)).try_fold(true, |before, holds| Some(holds? && before))
            }
            "required" => {
                let names: Vec<&str> = value.as_array()?.iter().map(Value::as_str).collect::<Option<_>>()?;
                Some(instance.as_object().is_none_or(|members| names.iter().all(|name| members.contains_key(*name))))
            }
            "format" => {
                let wanted = value.as_str()?;
                let (_, grammar) = FORMATS.iter().find(|(name, _)| *name == wanted)?;
                Some(instance.as_str().is_none_or(grammar))
            }
            _ => {
                let (_, compare) = OWN_KEYWORDS.iter().find(|(own, _)| *own == name)?;
                let given = value.as_str()?;
                Some(instance.as_str().is_none_or(|text| compare(text, given)))
            }
        }
    }
}

/// Whether it holds of any; `None` as soon as one cannot be decided.
fn any<T>(all: &[T], holds: impl Fn(&T) -> Option<bool>) -> Option<bool> {
    all.iter().try_fold(false, |before, one| Some(holds(one)? || before))
}

fn of_type(name: &str, instance: &Value) -> Option<bool> {
    Some(match name {
        "string" => instance.is_string(),
        "object" => instance.is_object(),
        "array" => instance.is_array(),
        "boolean" => instance.is_boolean(),
        "null" => instance.is_null(),
        "number" => instance.is_number(),
        "integer" => match instance {
            Value::Number(number) => whole(number).map(|_| true)?,
            _ => false,
        },
        _ => return None,
    })
}

/// Numbers with a fraction or an exponent are left to the library: 1.0 is 1.
fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn equal(one: &Value, other: &Value) -> Option<bool> {
    Some(match (one, other) {
        (Value::String(one), Value::String(other)) => one == other,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Number(one), Value::Number(other)) => whole(one)? == whole(other)?,
        (Value::Null, Value::Null) => true,
        (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => return None,
        _ => false,
    })
}

/// `actual` is nothing where the keyword does not speak of the value.
fn within(least: bool, limit: &Value, actual: Option<usize>) -> Option<bool> {
    let limit = usize::try_from(limit.as_u64()?).ok()?;
    Some(actual.is_none_or(|actual| if least { actual >= limit } else { actual <= limit }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::compile;
    use serde_json::json;

    #[test]
    fn what_is_decided_here_is_what_the_library_says() {
        let schemas: Value = serde_json::from_str(
            r##"[
            true, false, {}, {"title": "x"}, {"title": 1}, {"type": "string"}, {"type": "integer"}, {"type": "number"},
            {"type": ["string", "null"]}, {"type": "text"}, {"type": "boolean"}, {"type": "null"}, {"type": "array"},
            {"const": "a"}, {"const": 1}, {"const": 1.0}, {"const": null}, {"const": ["a"]}, {"const": true},
            {"enum": ["a", 1]}, {"enum": []}, {"enum": "a"}, {"enum": [{"a": 1}]}, {"not": {"const": "a"}},
            {"not": {"type": "integer", "minimum": 1}}, {"not": 1}, {"anyOf": [{"const": "a"}, {"minimum": 2}]},
            {"anyOf": []}, {"minimum": 1}, {"maximum": 1}, {"minimum": "1"}, {"maximum": 1.5},
            {"minLength": 2}, {"maxLength": 1}, {"minLength": -1}, {"maxLength": 1.0}, {"minItems": 1}, {"maxItems": 1},
            {"minProperties": 1}, {"maxProperties": 0}, {"items": {"const": "a"}}, {"items": {"minimum": "x"}},
            {"items": [{"const": "a"}]}, {"contains": {"const": "a"}}, {"contains": {"pattern": "("}},
            {"contains": {"const": "a"}, "minContains": 2}, {"uniqueItems": true}, {"uniqueItems": false},
            {"uniqueItems": "yes"}, {"required": ["a"]}, {"required": "a"}, {"required": [1]},
            {"format": "vschar"}, {"format": "uri"}, {"format": "date"}, {"format": 1}, {"pattern": "^a$"},
            {"contains-text": "a"}, {"contains-text": 1}, {"within-scope-of": "a b"}, {"same-scope-as": "a"},
            {"type": "string", "minimum": "x"}, {"$ref": "#"}, {"unknown": 1},
            {"properties": {"a": {"const": 1}}}, {"properties": {"a": {"const": 2}, "b": {"type": "null"}}},
            {"properties": {"c": {"minimum": "x"}}}, {"properties": {"c": 1}}, {"properties": 1},
            {"propertyNames": {"const": "a"}}, {"propertyNames": {"minLength": "x"}}, {"propertyNames": false}
        ]"##,
        )
        .unwrap();
        let values = json!([
            null, true, false, 0, 1, 2, -1, 1.0, 1.5, 1e300, "", "a", "b", "a b", "é", "éé", "x\n", "https://x/y",
            [], ["a"], ["a", "a"], ["a", "b"], ["b"], [1, 1], [1, 1.0], [["a"]], {}, {"a": 1}, {"b": null},
            18_446_744_073_709_551_615_u64,
        ]);
        let mut decided = 0;
        for schema in schemas.as_array().unwrap() {
            let compiled = compile(schema).ok();
            for value in values.as_array().unwrap() {
                if let Some(holds) = clause(schema, value) {
                    decided += 1;
                    let said = compiled.as_ref().map(|validator| validator.is_valid(value));
                    assert_eq!(Some(holds), said, "{schema} of {value}");
                }
            }
        }
        assert!(decided > 1000, "only {decided} decided");
    }

    /// Every value that a document becomes when one place of it becomes something else.
    fn spoilt(document: &Value) -> Vec<Value> {
        fn places(value: &Value, at: &str, all: &mut Vec<String>) {
            all.push(at.to_owned());
            match value {
                Value::Object(members) => {
                    members
                        .iter()
                        .for_each(|(name, value)| places(value, &format!("{at}/{}", name.replace('/', "~1")), all));
                }
                Value::Array(items) => {
                    items.iter().enumerate().for_each(|(nth, value)| places(value, &format!("{at}/{nth}"), all));
                }
                _ => {}
            }
        }
        let mut all = Vec::new();
        places(document, "", &mut all);
        let odd = json!([null, true, 0, -1, 70_000, "", "x", "absent", "form", [], ["x"], [1], {}, {"x": 1}]);
        let odd = odd.as_array().unwrap().iter();
        odd.flat_map(|value| all.iter().map(move |place| (place, value)))
            .map(|(place, value)| {
                let mut spoilt = document.clone();
                *spoilt.pointer_mut(place).unwrap() = value.clone();
                spoilt
            })
            .collect()
    }

    #[test]
    fn a_file_is_right_here_only_when_the_library_says_so() {
        let check = json!({
            "title": "t", "level": "MUST", "source": ["s"], "covers": ["c"], "exchange": "e", "also_every": "token_endpoint",
            "when": {"/answer": "present"}, "expect": [{"/answer": {"const": "token"}}], "why": "w", "fix": "f",
        });
        let target = json!({"targets": {"a": {
            "token_endpoint": "https://x/y", "scope": "a b", "client": {"client_id": "i", "client_secret": "s"},
            "token_endpoint_auth_methods": ["client_secret_basic"], "headers": {"X-A": "b"}, "bounds": {"body": 2048},
            "resource": {"url": "https://x/z"},
        }}});
        let suite = json!({"title": "t", "checks": ["**"], "levels": {"c": {"level": "MAY", "because": "b"}}});
        let kinds = [
            (include_str!("../../specs/schema/check.schema.json"), check),
            (include_str!("../../specs/schema/target.schema.json"), target),
            (include_str!("../../specs/schema/suite.schema.json"), suite),
        ];
        for (schema, document) in kinds {
            let schema: Value = serde_json::from_str(schema).unwrap();
            let library = jsonschema::draft202012::new(&schema).unwrap();
            let mistakes: Vec<String> = library.iter_errors(&document).map(|error| error.to_string()).collect();
            assert_eq!(mistakes, Vec::<String>::new());
            for value in spoilt(&document).iter().chain([&document]) {
                if let Some(holds) = file(&schema, value) {
                    assert_eq!(holds, library.is_valid(value), "{value}");
                }
            }
        }
    }
}
