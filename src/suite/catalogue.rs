//! The catalogue: exchanges after `like` and `variants`, checks, suites and diagnoses, ready to plan and to judge.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::clause::Clauses;
use super::files::{Absentable, CheckFile, DiagnosisFile, ExchangeFile, Kind, SuiteFile, Who};
use super::reference::{self, Source};

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
    /// Equal texts are equal on the wire; `None` when it must be an exchange of its own.
    content: Option<String>,
}

impl Exchange {
    /// Whether it authenticates as the target's client, and not as another one or as nobody.
    #[must_use]
    pub fn plays_client(&self) -> bool {
        matches!(&self.file.authenticate, Some(Absentable::Is(authenticate)) if authenticate.who == Who::Client)
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

/// Everything below `specs/` but the ledger.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// By id, variants one by one.
    pub exchanges: IndexMap<String, Exchange>,
    /// Exchange with variants → the ids of its variants.
    pub variants: HashMap<String, Vec<String>>,
    /// By id.
    pub checks: IndexMap<String, Check>,
    /// By id.
    pub suites: IndexMap<String, Suite>,
    /// By id.
    pub diagnoses: IndexMap<String, DiagnosisFile>,
    /// Registered lists of words, by name.
    pub registries: HashMap<String, Value>,
    /// Exchange → the first exchange that is equal on the wire.
    same: HashMap<String, String>,
}

/// Files by kind and id, before `like` and `variants` are laid out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Files {
    exchanges: Map<String, Value>,
    checks: IndexMap<String, CheckFile>,
    suites: IndexMap<String, SuiteFile>,
    diagnoses: IndexMap<String, DiagnosisFile>,
    registries: Map<String, Value>,
}

/// Files as values, by folder and id.
pub type Values = IndexMap<String, Map<String, Value>>;

/// What does not come from a `like`.
const OWN: [&str; 8] = ["title", "works", "spoils", "after", "repeat", "wait", "variants", "risk"];

impl Catalogue {
    /// Builds the catalogue from values that satisfy the schemas of their kinds.
    ///
    /// # Errors
    /// `folder/id: reason` for each file that cannot be read: the loader tells mistakes with positions before it comes to this.
    pub fn build(values: &Values) -> Result<Self, Vec<String>> {
        let mut errors = Vec::new();
        let raw = |folder: &str| values.get(folder).cloned().unwrap_or_default();
        let files = Files {
            exchanges: raw("exchanges"),
            checks: typed(values, "checks", &mut errors),
            suites: typed(values, "suites", &mut errors),
            diagnoses: typed(values, "diagnoses", &mut errors),
            registries: raw("registries"),
        };
        Self::of_files(files, errors)
    }

    /// Reads what the build made of the files: a map of folders in JSON.
    ///
    /// # Errors
    /// As for [`Catalogue::build`].
    pub fn read(text: &str) -> Result<Self, Vec<String>> {
        // Each file becomes its type at once: values in between would take as long again.
        let files = serde_json::from_str(text).map_err(|error| vec![error.to_string()])?;
        Self::of_files(files, Vec::new())
    }

    fn of_files(files: Files, mut errors: Vec<String>) -> Result<Self, Vec<String>> {
        let mut built = Self::default();
        for (id, value) in &files.exchanges {
            if let Err(error) = built.add_exchange(id, value, &files.exchanges) {
                errors.push(format!("exchanges/{id}: {error}"));
            }
        }
        built.checks = files.checks.into_iter().map(|(id, file)| (id.clone(), check(id, file))).collect();
        built.suites = files.suites.into_iter().map(|(id, file)| (id.clone(), Suite { id, file })).collect();
        built.diagnoses = files.diagnoses;
        let words = |mut file: Value| file.get_mut("values").map(Value::take).unwrap_or_default();
        built.registries = files.registries.into_iter().map(|(id, file)| (id, words(file))).collect();
        built.merge_equal();
        if errors.is_empty() { Ok(built) } else { Err(errors) }
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
        self.same.get(name).map_or(name, String::as_str)
    }

    fn add_exchange(&mut self, id: &str, value: &Value, raw: &Map<String, Value>) -> Result<(), String> {
        let laid = laid(id, value, raw, 0)?;
        let like = ["like", "resend"].iter().find_map(|key| value.get(key)?.as_str()).map(str::to_owned);
        let variants = value.get("variants").and_then(Value::as_object);
        let Some(variants) = variants else {
            let exchange = exchange(id.to_owned(), laid, like)?;
            self.exchanges.insert(id.to_owned(), exchange);
            return Ok(());
        };
        let mut ids = Vec::new();
        for (name, changes) in variants {
            let mut base = laid.clone();
            base.remove("variants");
            lay(&mut base, changes.as_object().ok_or("a variant is a map of changes")?, false);
            let id = format!("{id}[{name}]");
            self.exchanges.insert(id.clone(), exchange(id.clone(), base, like.clone())?);
            ids.push(id);
        }
        self.variants.insert(id.to_owned(), ids);
        Ok(())
    }

    fn merge_equal(&mut self) {
        let mut first: HashMap<&str, &str> = HashMap::new();
        let mut ids: Vec<&String> = self.exchanges.keys().collect();
        // Those with `works` stand for the rest: they are the ones that others are like.
        ids.sort_by_key(|id| (self.exchanges[*id].works.is_none(), self.exchanges[*id].like.is_some(), *id));
        let mut same = HashMap::new();
        for id in ids {
            if let Some(content) = &self.exchanges[id].content {
                let representative = first.entry(content).or_insert(id);
                if *representative != id {
                    same.insert(id.clone(), (*representative).to_owned());
                }
            }
        }
        self.same = same;
    }
}

/// The content of an exchange with what it is like laid under it.
fn laid(id: &str, value: &Value, raw: &Map<String, Value>, depth: usize) -> Result<Map<String, Value>, String> {
    let own = value.as_object().ok_or("not a map")?;
    let name = |key: &str| own.get(key).and_then(Value::as_str);
    let Some(base) = name("like").or_else(|| name("resend")) else {
        let mut own = own.clone();
        strip_absent(&mut own);
        return Ok(own);
    };
    if depth > 32 {
        return Err(format!("`{id}` is like itself"));
    }
    let below = raw.get(base).ok_or_else(|| format!("unknown exchange `{base}`"))?;
    let mut under = laid(base, below, raw, depth + 1)?;
    OWN.iter().for_each(|key| drop(under.remove(*key)));
    if own.contains_key("resend") {
        resend(base, &mut under);
    }
    let mut over = own.clone();
    over.remove("resend");
    lay(&mut under, &over, false);
    Ok(under)
}

/// Every value that the base makes anew becomes the value that was sent.
fn resend(base: &str, under: &mut Map<String, Value>) {
    for part in ["params", "query"] {
        for (name, value) in under.get_mut(part).and_then(Value::as_object_mut).into_iter().flatten() {
            // What is optional is left out alike in both, and has no place to point at when it is.
            if !value.to_string().contains("?}") {
                let name = name.replace('~', "~0").replace('/', "~1");
                *value = Value::String(format!("${{{base}/request/{part}/{name}}}"));
            }
        }
    }
    under.remove("let");
}

/// Lays `over` onto `under`, member by member; `absent` takes a member away. Names of header fields have no case.
fn lay(under: &mut Map<String, Value>, over: &Map<String, Value>, headers: bool) {
    for (name, value) in over {
        let name = match headers.then(|| under.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned()).flatten()
        {
            // The later spelling counts: a probe may ask for another letter case.
            Some(known) if known != *name => {
                under.remove(&known);
                name
            }
            _ => name,
        };
        if value.as_str() == Some("absent") && name != "works" {
            under.shift_remove(name);
        } else if let (Some(Value::Object(below)), Value::Object(above)) = (under.get_mut(name), value)
            && !matches!(name.as_str(), "works" | "variants" | "repeat")
        {
            lay(below, above, name == "headers");
        } else {
            let mut value = value.clone();
            if let Value::Object(members) = &mut value
                && !matches!(name.as_str(), "works" | "variants" | "repeat")
            {
                strip_absent(members);
            }
            under.insert(name.clone(), value);
        }
    }
}

fn strip_absent(members: &mut Map<String, Value>) {
    members.retain(|name, value| name == "works" || value.as_str() != Some("absent"));
    for (name, value) in members.iter_mut() {
        if let Value::Object(members) = value
            && !matches!(name.as_str(), "works" | "variants" | "repeat")
        {
            strip_absent(members);
        }
    }
}

fn exchange(id: String, laid: Map<String, Value>, like: Option<String>) -> Result<Exchange, String> {
    let mut takes_from: Vec<String> = Vec::new();
    let mut own_values = false;
    for (key, value) in &laid {
        if matches!(key.as_str(), "works" | "title") {
            continue;
        }
        reference::each(value, &mut |reference| match &reference.source {
            Source::Place { name, .. } if !takes_from.contains(name) => takes_from.push(name.clone()),
            Source::Random { .. } | Source::Let(_) | Source::Own(_) => own_values = true,
            _ => {}
        });
    }
    let mut content = laid.clone();
    ["title", "works", "risk", "like"].iter().for_each(|key| drop(content.shift_remove(*key)));
    let file: ExchangeFile = serde_json::from_value(Value::Object(laid)).map_err(|error| error.to_string())?;
    let alone = own_values
        || file.single_use
        || file.repeat.is_some()
        || file.wait.is_some()
        || file.session.is_some()
        || !file.after.is_empty()
        || !file.spoils.is_empty()
        || file.kind.unwrap_or_default() != Kind::Request;
    content.sort_keys();
    let works = file.works.clone().map(Clauses::read);
    let content = (!alone).then(|| Value::Object(content).to_string());
    Ok(Exchange { id, file, like, works, takes_from, content })
}

/// The files of a folder in their type; what does not fit is told in `errors`.
fn typed<T: DeserializeOwned>(values: &Values, folder: &str, errors: &mut Vec<String>) -> IndexMap<String, T> {
    let mut all = IndexMap::new();
    for (id, value) in values.get(folder).into_iter().flatten() {
        match T::deserialize(value) {
            Ok(file) => drop(all.insert(id.clone(), file)),
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
