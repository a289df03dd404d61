//! Mistakes of a file, in words: what the validator says becomes a problem at its place in the text.

use std::collections::{BTreeSet, HashMap};

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value};

use crate::yaml::{self, Document, Position, Problem};

/// Most words that are listed where one of them should stand; of more the nearest is named.
const FEW: usize = 6;

/// One thing that is wrong with a file by its schema: JSON Pointer, whether the key is meant, message, right words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// JSON Pointer of the value, or of the key that should not be there.
    at: String,
    /// The key is meant, not its value.
    key: bool,
    /// A lower-case fragment.
    message: String,
    /// What would be right there, for "did you mean".
    known: Vec<String>,
    /// The wrong word.
    word: Option<String>,
}

impl Fault {
    /// One about the whole file.
    pub(super) fn whole(message: String) -> Self {
        Self { at: String::new(), key: false, message, known: Vec::new(), word: None }
    }

    /// JSON Pointer and message, with the right word if one is near.
    pub(super) fn told(self) -> (String, String) {
        let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
        let help = self.word.as_deref().and_then(|word| yaml::did_you_mean(word, &known));
        (self.at, help.map_or(self.message.clone(), |help| format!("{}: {help}", self.message)))
    }
}

/// Adds what an error of the validator means; `schema` is the whole schema of the file kind.
pub(super) fn fault(schema: &Value, error: &ValidationError<'_>, all: &mut Vec<Fault>) {
    let at = error.instance_path().to_string();
    let instance = error.instance();
    let shown = match &**instance {
        Value::String(text) => format!("`{text}`"),
        Value::Object(_) => "a map".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        other => format!("`{other}`"),
    };
    let plain = |message: String| Fault { at: at.clone(), key: false, message, known: Vec::new(), word: None };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = properties(schema, error.schema_path().as_str());
            for name in unexpected {
                all.push(Fault {
                    at: format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                    key: true,
                    message: format!("unknown key `{name}`"),
                    known: known.clone(),
                    word: Some(name.clone()),
                });
            }
        }
        ValidationErrorKind::Required { property } => {
            all.push(plain(format!("`{}` is missing", property.as_str().unwrap_or_default())));
        }
        ValidationErrorKind::Enum { options } => {
            let known: Vec<String> =
                options.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            let word = instance.as_str().map(str::to_owned);
            all.push(Fault { known, word, ..plain(format!("{shown} is not a word that is known here")) });
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            any_of(schema, error, context, &plain, all);
        }
        ValidationErrorKind::Type { kind } => {
            all.push(plain(format!("{shown} should be {}", type_words(&format!("{kind:?}")))));
        }
        ValidationErrorKind::Minimum { limit } => all.push(plain(format!("{shown} is less than {limit}, the least"))),
        ValidationErrorKind::Maximum { limit } => all.push(plain(format!("{shown} is more than {limit}, the most"))),
        ValidationErrorKind::MinItems { .. } | ValidationErrorKind::MinLength { .. } => {
            all.push(plain("this must not be empty".into()));
        }
        ValidationErrorKind::Pattern { pattern } => {
            all.push(plain(format!("{shown} does not have the form `{pattern}`")))
        }
        ValidationErrorKind::PropertyNames { error } => {
            let name = error.instance().as_str().unwrap_or_default().to_owned();
            let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            let message = format!("a place is a JSON Pointer and begins with `/`, not `{name}`");
            all.push(Fault { at, key: true, ..plain(message) });
        }
        other => all.push(plain(format!("{shown} does not satisfy `{}`", other.keyword()))),
    }
}

/// Of several forms the one that fits best tells what is wrong; when none is near, all are named.
fn any_of(
    schema: &Value,
    error: &ValidationError<'_>,
    context: &[Vec<ValidationError<'static>>],
    plain: &dyn Fn(String) -> Fault,
    all: &mut Vec<Fault>,
) {
    let here = error.instance_path().to_string();
    let deepest = context
        .iter()
        .filter(|errors| {
            errors.iter().any(|error| {
                error.instance_path().to_string() != here
                    || matches!(
                        error.kind(),
                        ValidationErrorKind::AdditionalProperties { .. }
                            | ValidationErrorKind::Required { .. }
                            | ValidationErrorKind::PropertyNames { .. }
                    )
            })
        })
        .min_by_key(|errors| errors.len())
        // What else may stand there is a single word: then only one form is meant.
        .or_else(|| {
            let word = |errors: &&Vec<ValidationError<'static>>| {
                errors.iter().all(|error| matches!(error.kind(), ValidationErrorKind::Constant { .. }))
            };
            let mut others = context.iter().filter(|errors| !word(errors));
            others.next().filter(|_| others.next().is_none())
        });
    if let Some(errors) = deepest {
        for error in errors {
            fault(schema, error, all);
        }
        return;
    }
    if let Some(word) = error.instance().as_str()
        && let Some(known) = words_only(context)
    {
        all.push(Fault {
            known,
            word: Some(word.to_owned()),
            ..plain(format!("`{word}` is not a word that is known here"))
        });
        return;
    }
    let words: BTreeSet<String> = context
        .iter()
        .flatten()
        .map(|error| match error.kind() {
            ValidationErrorKind::Type { kind } => type_words(&format!("{kind:?}")),
            ValidationErrorKind::Constant { expected_value } => {
                format!("the word `{}`", expected_value.as_str().unwrap_or_default())
            }
            ValidationErrorKind::Enum { options } => {
                let options: Vec<&str> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                format!("one of {}", options.join(", "))
            }
            _ => "of another form".to_owned(),
        })
        .filter(|words| words != "null")
        .collect();
    all.push(plain(format!("this should be {}", words.into_iter().collect::<Vec<_>>().join(", or "))));
}

/// The words that may stand there, if more than a few words and nothing else may; few are better named all.
fn words_only(context: &[Vec<ValidationError<'static>>]) -> Option<Vec<String>> {
    let mut known = Vec::new();
    for error in context.iter().flatten() {
        match error.kind() {
            ValidationErrorKind::Constant { expected_value } => known.push(expected_value.as_str()?.to_owned()),
            ValidationErrorKind::Enum { options } => {
                known.extend(options.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            _ => return None,
        }
    }
    (known.len() > FEW).then_some(known)
}

fn type_words(kind: &str) -> String {
    let lower = kind.to_lowercase();
    for (name, words) in [
        ("string", "a text"),
        ("object", "a map"),
        ("array", "a list"),
        ("boolean", "true or false"),
        ("integer", "a whole number"),
        ("number", "a number"),
    ] {
        if lower.contains(name) {
            return words.to_owned();
        }
    }
    "null".to_owned()
}

/// The property names of the object schema that an error points into.
fn properties(schema: &Value, path: &str) -> Vec<String> {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let of = |place: &str| schema.pointer(place).and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    let mut place = parent.to_owned();
    // Below a `$ref` the path names the way taken, so the reference is followed by hand.
    let found = of(&place).or_else(|| {
        let (_, name) = place.rsplit_once("/$defs/").or_else(|| place.rsplit_once("$ref")).unwrap_or(("", ""));
        place = format!("/$defs/{}", name.split('/').next().unwrap_or_default());
        of(&place)
    });
    found.map(|members: &Map<String, Value>| members.keys().cloned().collect()).unwrap_or_default()
}

/// A fault by schema as a problem at its place in the text.
#[must_use]
pub(super) fn in_place(document: &Document, fault: Fault) -> Problem {
    let position = nearest_position(&document.positions, &fault.at);
    let known: Vec<&str> = fault.known.iter().map(String::as_str).collect();
    let help = fault.word.as_deref().and_then(|word| yaml::did_you_mean(word, &known));
    let at = match position {
        Some(position) if fault.key || position.value.is_empty() => position.key.clone(),
        Some(position) if fault.message.ends_with("is missing") && !position.key.is_empty() => position.key.clone(),
        Some(position) => position.value.clone(),
        None => 0..0,
    };
    Problem { message: fault.message, at, help }
}

fn nearest_position<'p>(positions: &'p HashMap<String, Position>, place: &str) -> Option<&'p Position> {
    let mut place = place;
    loop {
        if let Some(position) = positions.get(place) {
            return Some(position);
        }
        place = place.rsplit_once('/')?.0;
    }
}
