//! The catalogue: exchanges after `like` and `variants`, checks, suites and diagnoses, ready to plan and to judge.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::clause::Clauses;
use super::files::{Absentable, By, CheckFile, DiagnosisFile, ExchangeFile, SuiteFile, Who};
use super::lay::Layout;
use super::reference::{self, Source};
use super::shelf::{Packed, Shelf, Unpack};
use super::story::Stories;

/// An exchange as it is sent: `like` laid under it, one for each variant.
#[derive(Debug)]
pub struct Exchange {
    /// `token.client_credentials`, or `id[name]` for a variant.
    pub id: String,
    /// What it says after laying.
    pub file: ExchangeFile,
    /// The exchange it is like: its control.
    pub like: Option<String>,
    /// What its answer is when all is well.
    pub works: Option<Clauses>,
    /// Exchanges that it takes values from, in order, each once.
    pub takes_from: Vec<String>,
}

impl Exchange {
    /// Whether it authenticates as the target's client, and not as another one or as nobody.
    #[must_use]
    pub fn plays_client(&self) -> bool {
        matches!(&self.file.authenticate, Some(Absentable::Is(authenticate)) if authenticate.who == Who::Client)
    }

    /// Whether it authenticates with a client assertion and says so itself.
    #[must_use]
    pub fn asserts_client(&self) -> bool {
        matches!(&self.file.authenticate, Some(Absentable::Is(own)) if own.by.is_some_and(By::is_assertion))
    }
}

/// A check, ready to judge.
#[derive(Debug)]
pub struct Check {
    /// Its path below `specs/checks`.
    pub id: String,
    /// As it stands in its file, but for the clauses, which are here.
    pub file: CheckFile,
    /// Does the rule bind here?
    pub when: Option<Clauses>,
    /// Can this answer prove anything?
    pub given: Option<Clauses>,
    /// The rule.
    pub expect: Clauses,
    /// Names (exchanges or roles) that its clauses refer to.
    pub refers_to: Vec<String>,
}

/// A suite.
#[derive(Debug)]
pub struct Suite {
    /// Its path below `specs/suites`.
    pub id: String,
    /// As it stands in its file.
    pub file: SuiteFile,
}

/// A registered list of words.
#[derive(Debug, Deserialize)]
pub struct Registry {
    /// The words, as a list.
    #[serde(default)]
    pub values: Value,
}

/// Everything below `specs/` but the ledger. What is embedded is read when it is asked for.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// By id, variants one by one.
    pub exchanges: Shelf<Exchange>,
    /// By id.
    pub checks: Shelf<Check>,
    /// By id.
    pub suites: Shelf<Suite>,
    /// By id.
    pub diagnoses: Shelf<DiagnosisFile>,
    /// By name.
    pub registries: Shelf<Registry>,
    /// Exchange with variants → the ids of its variants.
    variants: HashMap<Cow<'static, str>, Vec<String>>,
    /// Exchange → the first exchange that is equal on the wire.
    same: HashMap<Cow<'static, str>, Cow<'static, str>>,
    /// What was worked out of these.
    pub(super) stories: Stories,
}

/// Files as values, by folder and id.
pub type Values = indexmap::IndexMap<String, Map<String, Value>>;

/// What the build made of the files below `specs/`.
#[derive(Debug)]
pub(super) struct Embedded {
    pub(super) exchanges: &'static [Packed],
    pub(super) checks: &'static [Packed],
    pub(super) suites: &'static [Packed],
    pub(super) diagnoses: &'static [Packed],
    pub(super) registries: &'static [Packed],
    pub(super) variants: &'static [(&'static str, &'static [&'static str])],
    pub(super) same: &'static [(&'static str, &'static str)],
}

impl Catalogue {
    /// Builds the catalogue from values that satisfy the schemas of their kinds. Everything is read at once.
    ///
    /// # Errors
    /// `folder/id: reason` for each file that cannot be read: the loader tells mistakes with positions before it comes to this.
    pub fn build(values: &Values) -> Result<Self, Vec<String>> {
        let mut errors = Vec::new();
        let layout = values.get("exchanges").map_or_else(|| Ok(Layout::default()), Layout::of);
        let layout = layout.unwrap_or_else(|wrong| {
            errors.extend(wrong);
            Layout::default()
        });
        let mut exchanges = Vec::new();
        for (id, content) in layout.exchanges {
            match exchange(&id, content) {
                Ok(exchange) => exchanges.push((id, exchange)),
                Err(error) => errors.push(format!("exchanges/{id}: {error}")),
            }
        }
        let checks: Vec<(String, CheckFile)> = typed(values, "checks", &mut errors);
        let suites: Vec<(String, SuiteFile)> = typed(values, "suites", &mut errors);
        let suite = |(id, file): (String, SuiteFile)| (id.clone(), Suite { id, file });
        let built = Self {
            exchanges: Shelf::read(exchanges),
            checks: Shelf::read(checks.into_iter().map(|(id, file)| (id.clone(), check(id, file)))),
            suites: Shelf::read(suites.into_iter().map(suite)),
            diagnoses: Shelf::read(typed(values, "diagnoses", &mut errors)),
            registries: Shelf::read(typed(values, "registries", &mut errors)),
            variants: layout.variants.into_iter().map(|(id, variants)| (id.into(), variants)).collect(),
            same: layout.same.into_iter().map(|(id, first)| (id.into(), first.into())).collect(),
            stories: Stories::default(),
        };
        if errors.is_empty() { Ok(built) } else { Err(errors) }
    }

    /// The catalogue that the build laid out: nothing is read before it is asked for.
    pub(super) fn embedded(embedded: &Embedded) -> Self {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        Self {
            exchanges: Shelf::packed(embedded.exchanges),
            checks: Shelf::packed(embedded.checks),
            suites: Shelf::packed(embedded.suites),
            diagnoses: Shelf::packed(embedded.diagnoses),
            registries: Shelf::packed(embedded.registries),
            variants: embedded.variants.iter().map(|(id, variants)| ((*id).into(), owned(variants))).collect(),
            same: embedded.same.iter().map(|(id, first)| ((*id).into(), (*first).into())).collect(),
            stories: Stories::default(),
        }
    }

    /// Id, level and title of every check, in order.
    pub fn headings(&self) -> impl Iterator<Item = [&str; 3]> {
        self.checks.notes().map(|(id, noted)| match noted {
            Ok(packed) => [id, packed.level, packed.title],
            Err(check) => [id, check.file.level.word(), &check.file.title],
        })
    }

    /// The ids that a name stands for: its variants, itself, or none.
    #[must_use]
    pub fn expand(&self, name: &str) -> Vec<String> {
        match self.variants.get(name) {
            Some(variants) => variants.clone(),
            None if self.exchanges.contains_key(name) => vec![name.to_owned()],
            None => Vec::new(),
        }
    }

    /// The exchange that stands for all that are equal on the wire.
    #[must_use]
    pub fn representative<'n>(&'n self, name: &'n str) -> &'n str {
        self.same.get(name).map_or(name, Cow::as_ref)
    }
}

impl Unpack for Exchange {
    fn unpack(id: &str, text: &str) -> Result<Self, serde_json::Error> {
        exchange(id, serde_json::from_str(text)?)
    }
}

impl Unpack for Check {
    fn unpack(id: &str, text: &str) -> Result<Self, serde_json::Error> {
        Ok(check(id.to_owned(), serde_json::from_str(text)?))
    }
}

impl Unpack for Suite {
    fn unpack(id: &str, text: &str) -> Result<Self, serde_json::Error> {
        Ok(Self { id: id.to_owned(), file: serde_json::from_str(text)? })
    }
}

impl Unpack for DiagnosisFile {
    fn unpack(_id: &str, text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl Unpack for Registry {
    fn unpack(_id: &str, text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

fn exchange(id: &str, laid: Map<String, Value>) -> Result<Exchange, serde_json::Error> {
    let mut takes_from: Vec<String> = Vec::new();
    for (_, value) in laid.iter().filter(|(key, _)| !matches!(key.as_str(), "works" | "title")) {
        reference::each(value, &mut |reference| match &reference.source {
            Source::Place { name, .. } if !takes_from.contains(name) => takes_from.push(name.clone()),
            _ => {}
        });
    }
    let mut file = ExchangeFile::deserialize(Value::Object(laid))?;
    let works = file.works.take().map(Clauses::read);
    Ok(Exchange { id: id.to_owned(), like: file.like.take(), file, works, takes_from })
}

/// The files of a folder in their type; what does not fit is told in `errors`.
fn typed<T: DeserializeOwned>(values: &Values, folder: &str, errors: &mut Vec<String>) -> Vec<(String, T)> {
    let mut all = Vec::new();
    for (id, value) in values.get(folder).into_iter().flatten() {
        match T::deserialize(value) {
            Ok(file) => all.push((id.clone(), file)),
            Err(error) => errors.push(format!("{folder}/{id}: {error}")),
        }
    }
    all
}

fn check(id: String, mut file: CheckFile) -> Check {
    let (when, given, expect) = (file.when.take(), file.given.take(), file.expect.take());
    let mut refers_to = Vec::new();
    for clauses in [when.as_ref(), given.as_ref(), Some(&expect)].into_iter().flatten() {
        reference::each(clauses, &mut |reference| {
            if let Source::Place { name, .. } = &reference.source
                && !refers_to.contains(name)
            {
                refers_to.push(name.clone());
            }
        });
    }
    let expect = Clauses::read(expect);
    Check { id, when: when.map(Clauses::read), given: given.map(Clauses::read), expect, refers_to, file }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn exchanges(values: Value) -> Catalogue {
        let Value::Object(files) = values else { panic!("a map") };
        Catalogue::build(&Values::from([("exchanges".to_owned(), files)])).unwrap()
    }

    #[test]
    fn own_keys_are_laid_over_and_absent_takes_away() {
        let built = exchanges(json!({
            "base": {"title": "b", "params": {"a": "1", "b": "2"}, "headers": {"Accept": "x"}, "works": {"/answer": {"const": "token"}}},
            "less": {"like": "base", "params": {"b": "absent", "c": "3"}, "headers": {"accept": "absent"}},
        }));
        let less = &built.exchanges["less"];
        assert_eq!(Value::Object(less.file.params.clone()), json!({"a": "1", "c": "3"}));
        assert!(less.file.headers.is_empty() && less.works.is_none());
        assert_eq!(less.like.as_deref(), Some("base"));
    }

    #[test]
    fn absent_claims_are_kept_for_whoever_signs() {
        let built = exchanges(json!({
            "base": {"authenticate": {"by": "assertion", "jwt": {"claims": {"aud": "x"}}}},
            "less": {"like": "base", "authenticate": {"jwt": {"claims": {"exp": "absent"}, "header": {"typ": "absent"}}}},
        }));
        let Some(Absentable::Is(own)) = &built.exchanges["less"].file.authenticate else { panic!("kept") };
        assert_eq!(json!(own.jwt.as_ref().unwrap().claims), json!({"aud": "x", "exp": "absent"}));
    }

    #[test]
    fn variants_are_exchanges_of_their_own() {
        let built = exchanges(json!({
            "base": {"params": {"a": "1"}},
            "odd": {"like": "base", "variants": {"x": {"params": {"a": "2"}}, "y": {"params": {"a": "absent"}}}},
        }));
        assert_eq!(built.expand("odd"), ["odd[x]", "odd[y]"]);
        assert_eq!(built.exchanges["odd[x]"].file.params["a"], "2");
    }

    #[test]
    fn a_resend_points_at_what_was_sent() {
        let built = exchanges(json!({
            "base": {"params": {"code": "${other/x}", "scope": "${target.scope?}"}},
            "again": {"resend": "base"}, "other": {},
        }));
        let again = &built.exchanges["again"];
        assert_eq!(again.file.params["code"], "${base/request/params/code}");
        assert_eq!(again.file.params["scope"], "${target.scope?}");
        assert_eq!(again.takes_from, ["base"]);
    }

    #[test]
    fn exchanges_that_are_equal_on_the_wire_have_one_representative() {
        let built = exchanges(json!({
            "b": {"params": {"a": "1"}, "works": {"/answer": {"const": "token"}}}, "a": {"like": "b"},
            "random": {"params": {"a": "${random.hex32}"}}, "random2": {"like": "random"},
        }));
        assert_eq!(built.representative("a"), "b");
        assert_eq!(built.representative("random2"), "random2");
    }

    #[test]
    fn an_exchange_that_is_like_itself_is_refused() {
        let values = json!({"a": {"like": "b"}, "b": {"like": "a"}});
        let Value::Object(files) = values else { panic!("a map") };
        assert!(Catalogue::build(&Values::from([("exchanges".to_owned(), files)])).is_err());
    }
}
