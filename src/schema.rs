//! JSON Schema (2020-12) with OAuth's grammars as formats and the few keywords of our own; the only user of `jsonschema`.
//!
//! A leaf beside `yaml`: clauses are compiled here, and every file kind (specs, target files, faults) is checked here against the
//! schema that was generated from its type, so that all mistakes of a file are told at once and in place.

mod fault;
mod simple;

use std::collections::BTreeSet;
use std::sync::{LazyLock, OnceLock};

use jsonschema::paths::Location;
use jsonschema::{Draft, Keyword, ValidationError, ValidationOptions, Validator};
use serde_json::Value;
use url::Url;

use crate::yaml::{self, Document, FileProblems};
use fault::{Fault, fault, in_place};

/// Whether a text is to the text that a keyword was given as the keyword says.
type Compare = fn(&str, &str) -> bool;

/// Own keywords: each takes a text, and compares with it the text that is there.
const OWN_KEYWORDS: [(&str, Compare); 3] = [
    ("within-scope-of", |text, given| words(text).is_subset(&words(given))),
    ("same-scope-as", |text, given| words(text) == words(given)),
    ("contains-text", |text, given| text.contains(given)),
];

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

/// A schema of a clause: most are decided as they stand, the others are compiled at first use.
#[derive(Debug, Default)]
pub struct Compiled(OnceLock<Option<Box<Validator>>>);

impl Compiled {
    /// Whether a value satisfies `schema`, which has to be the same at each call. One that does not compile is not satisfied.
    #[must_use]
    pub fn holds(&self, schema: &Value, value: &Value) -> bool {
        simple::clause(schema, value).unwrap_or_else(|| {
            let compiled = self.0.get_or_init(|| compile(schema).ok().map(Box::new));
            compiled.as_ref().is_some_and(|validator| validator.is_valid(value))
        })
    }
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
    for (name, compare) in OWN_KEYWORDS {
        options = options.with_keyword(name, move |_, value, path| own(value, path, compare));
    }
    options
});

fn words(scope: &str) -> BTreeSet<&str> {
    scope.split(' ').filter(|word| !word.is_empty()).collect()
}

struct Own {
    given: String,
    holds: Compare,
}

fn own<'a>(
    value: &'a Value,
    _path: Location,
    holds: Compare,
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

/// A file kind: its schema, compiled when a file has a mistake.
#[derive(Debug)]
pub struct FileKind {
    schema: Value,
    validator: OnceLock<Result<Validator, String>>,
}

impl FileKind {
    /// Reads the schema of a file kind.
    ///
    /// # Errors
    /// It is no JSON.
    pub fn new(schema: &str) -> Result<Self, String> {
        let schema: Value = serde_json::from_str(schema).map_err(|error| error.to_string())?;
        Ok(Self { schema, validator: OnceLock::new() })
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

    /// What is wrong with a value: JSON Pointer and message; nothing if it is as the schema says.
    #[must_use]
    pub fn mistakes(&self, value: &Value) -> Vec<(String, String)> {
        self.faults(value).into_iter().map(Fault::told).collect()
    }

    fn faults(&self, value: &Value) -> Vec<Fault> {
        if simple::file(&self.schema, value) == Some(true) {
            return Vec::new();
        }
        let compiled = self.validator.get_or_init(|| {
            let options = jsonschema::options().with_draft(Draft::Draft202012);
            options.build(&self.schema).map_err(|error| error.masked().to_string())
        });
        let mut all = Vec::new();
        match compiled {
            Ok(validator) => validator.iter_errors(value).for_each(|error| fault(&self.schema, &error, &mut all)),
            Err(message) => all.push(Fault::whole(message.clone())),
        }
        all
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

    #[test]
    fn one_wrong_word_among_many_names_the_nearest() {
        let words: Vec<Value> = (0..30).map(|n| json!({"const": format!("rule.n{n}")})).collect();
        let mut all = words.clone();
        all.push(json!({"const": "token.checked"}));
        let schema = json!({"properties": {"skip": {"items": {"oneOf": all}}}});
        let kind = FileKind::new(&schema.to_string()).unwrap();
        let problems = kind.read("fault.yaml", "skip: [token.chekced]\n").1.problems;
        assert_eq!(problems[0].message, "`token.chekced` is not a word that is known here");
        assert_eq!(problems[0].help.as_deref(), Some("did you mean `token.checked`?"));
    }
}
