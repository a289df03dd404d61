//! JSON Schema (2020-12) with OAuth's grammars as formats and the few keywords of our own; the only user of `jsonschema`.
//!
//! A leaf beside `yaml`: clauses are compiled here, and every file kind (specs, target files, faults) is checked here against the
//! schema that was generated from its type, so that all mistakes of a file are told at once and in place.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::Location;
use jsonschema::{Draft, Keyword, ValidationError, ValidationOptions, Validator};
use serde_json::{Map, Value};
use url::Url;

use crate::yaml::{self, Document, FileProblems, Position, Problem};

/// Own keywords: each takes a text.
pub const OWN_KEYWORDS: [&str; 3] = ["within-scope-of", "same-scope-as", "contains-text"];

/// Whether a text is what a grammar produces.
pub type Grammar = fn(&str) -> bool;

/// OAuth's grammars by name.
///
/// Source: RFC 6749 appendix A; RFC 6750 §2.1; RFC 7636 §4.1; RFC 7515 §3.1; RFC 3986.
pub const FORMATS: [(&str, Grammar); 9] = [
    ("vschar", |text| !text.is_empty() && text.chars().all(|c| matches!(c, ' '..='~'))),
    ("nqchar", |text| !text.is_empty() && text.chars().all(nqchar)),
    ("nqschar", |text| !text.is_empty() && text.chars().all(|c| c == ' ' || nqchar(c))),
    ("scope", |text| text.split(' ').all(|word| !word.is_empty() && word.chars().all(nqchar))),
    ("scope-token", |text| !text.is_empty() && text.chars().all(nqchar)),
    ("b64token", b64token),
    ("pkce-verifier", |text| {
        (43..=128).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
    }),
    ("jwt", |text| {
        let part = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        text.split('.').count() == 3
            && text.split('.').all(part)
            && text.split('.').take(2).all(|part| !part.is_empty())
    }),
    ("uri", |text| Url::parse(text).is_ok()),
];

/// `%x21 / %x23-5B / %x5D-7E`.
fn nqchar(c: char) -> bool {
    matches!(c, '!' | '#'..='[' | ']'..='~')
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn b64token(text: &str) -> bool {
    let core = text.trim_end_matches('=');
    !core.is_empty() && core.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c))
}

/// Compiles a schema of a clause.
///
/// # Errors
/// What is wrong with it, in words.
pub fn compile(schema: &Value) -> Result<Validator, String> {
    OPTIONS.build(schema).map_err(|error| error.masked().to_string())
}

/// Formats and keywords, put together once: a run compiles hundreds of schemas.
static OPTIONS: LazyLock<ValidationOptions> = LazyLock::new(|| {
    let mut options: ValidationOptions = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false);
    for (name, check) in FORMATS {
        options = options.with_format(name, check);
    }
    options
        .with_keyword("within-scope-of", |_, value, path| {
            own(value, path, |text, given| words(text).is_subset(&words(given)))
        })
        .with_keyword("same-scope-as", |_, value, path| own(value, path, |text, given| words(text) == words(given)))
        .with_keyword("contains-text", |_, value, path| own(value, path, |text, given| text.contains(given)))
});

fn words(scope: &str) -> BTreeSet<&str> {
    scope.split(' ').filter(|word| !word.is_empty()).collect()
}

struct Own {
    given: String,
    holds: fn(&str, &str) -> bool,
}

fn own<'a>(
    value: &'a Value,
    _path: Location,
    holds: fn(&str, &str) -> bool,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    match value.as_str() {
        Some(given) => Ok(Box::new(Own { given: given.to_owned(), holds })),
        None => Err(ValidationError::custom("takes a text")),
    }
}

impl<'i> Keyword<'i> for Own {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) { Ok(()) } else { Err(ValidationError::custom("does not hold")) }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        // As with every keyword for texts, other types are the business of `type`.
        instance.as_str().is_none_or(|text| (self.holds)(text, &self.given))
    }
}

/// One thing that is wrong with a file by its schema: JSON Pointer, whether the key is meant, message, right words.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
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

/// A file kind: its schema, compiled once.
#[derive(Debug)]
pub struct FileKind {
    schema: Value,
    validator: Validator,
}

impl FileKind {
    /// Compiles the schema of a file kind.
    ///
    /// # Errors
    /// What is wrong with the schema, in words.
    pub fn new(schema: &str) -> Result<Self, String> {
        let schema: Value = serde_json::from_str(schema).map_err(|error| error.to_string())?;
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .build(&schema)
            .map_err(|error| error.masked().to_string())?;
        Ok(Self { schema, validator })
    }

    /// Reads a file's text; the second value has its mistakes, which may be none.
    #[must_use]
    pub fn read(&self, path: &str, text: &str) -> (Option<Document>, FileProblems) {
        let mut file = FileProblems { path: path.to_owned(), text: text.to_owned(), problems: Vec::new() };
        match yaml::parse(text) {
            Err(problems) => {
                file.problems = problems;
                (None, file)
            }
            Ok(document) => {
                let faults = self.faults(&document.value);
                file.problems = faults.into_iter().map(|fault| in_place(&document, fault)).collect();
                (Some(document), file)
            }
        }
    }

    fn faults(&self, value: &Value) -> Vec<Fault> {
        let mut all = Vec::new();
        for error in self.validator.iter_errors(value) {
            fault(&self.schema, &error, &mut all);
        }
        all
    }
}

fn fault(schema: &Value, error: &ValidationError<'_>, all: &mut Vec<Fault>) {
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
fn in_place(document: &Document, fault: Fault) -> Problem {
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

fn nearest_position<'p>(
    positions: &'p std::collections::HashMap<String, Position>,
    place: &str,
) -> Option<&'p Position> {
    let mut place = place;
    loop {
        if let Some(position) = positions.get(place) {
            return Some(position);
        }
        place = place.rsplit_once('/')?.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_format_takes_its_own_and_refuses_the_rest() {
        let table: [(&str, &[&str], &[&str]); 9] = [
            ("vschar", &["a b~"], &["", "é", "a\nb"]),
            ("nqchar", &["a!"], &["a b", "a\"", "\\"]),
            ("nqschar", &["a b"], &["a\"", "é"]),
            ("scope", &["a b"], &["", "a  b", " a", "a\"b"]),
            ("scope-token", &["a:b/c"], &["a b"]),
            ("b64token", &["aZ09-._~+/=="], &["", "=", "a=b", "a b"]),
            ("pkce-verifier", &["a234567890123456789012345678901234567890123"], &["short", "é"]),
            ("jwt", &["a.b.c", "a.b."], &["a.b", "a..c", "a.b.c.d", "a+.b.c"]),
            ("uri", &["https://x/y"], &["x y", "/relative"]),
        ];
        assert_eq!(table.len(), FORMATS.len());
        for (format, good, bad) in table {
            let validator = compile(&json!({"type": "string", "format": format})).unwrap();
            good.iter().for_each(|text| assert!(validator.is_valid(&json!(text)), "{format}: {text}"));
            bad.iter().for_each(|text| assert!(!validator.is_valid(&json!(text)), "{format}: {text}"));
        }
    }

    #[test]
    fn own_keywords_compare_scopes_as_sets() {
        let holds = |schema: Value, text: &str| compile(&schema).unwrap().is_valid(&json!(text));
        assert!(holds(json!({"within-scope-of": "a b"}), "b"));
        assert!(!holds(json!({"within-scope-of": "a b"}), "b c"));
        assert!(holds(json!({"same-scope-as": "a b"}), "b a"));
        assert!(!holds(json!({"same-scope-as": "a b"}), "b"));
        assert!(holds(json!({"contains-text": "x"}), "axb"));
    }

    #[test]
    fn an_unknown_format_does_not_compile() {
        assert!(compile(&json!({"format": "vchar"})).is_err());
    }
}
