//! Masks: nothing secret leaves the model, in any encoding.
//!
//! What the target file keeps secret is replaced whole. What a server issued keeps shape and identity (letters become `x` or
//! `X`, digits `0`, the rest stays, unequal values stay unequal), so that a replay of a masked run gives the live verdicts.
//! Values that are found in every word (short ones, and words of the protocol) are replaced where they are meant.

mod forms;
mod loose;
mod search;
mod shape;
mod walk;
mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use indexmap::IndexSet;
use serde_json::{Value, json};

use super::document::SIGNED;
use forms::{Pair, form_encode, issued_forms, named, pair_ends, secret_forms};
use search::{Finder, Form};
use shape::unlike;
use walk::{each_part, each_string, each_text};
use words::{is_word, names_issued, names_issued_number};

/// What stands for a secret in documents, and the shell variable that stands for it in `curl` lines.
pub const SHELL_NAMES: [(&str, &str); 9] = [
    ("***client_assertion***", "CLIENT_ASSERTION"),
    ("***assertion***", "ASSERTION"),
    ("***client_secret***", "CLIENT_SECRET"),
    ("***second_client.client_secret***", "SECOND_CLIENT_SECRET"),
    ("***login.password***", "PASSWORD"),
    ("***resource_server.client_secret***", "RESOURCE_SERVER_SECRET"),
    ("***resource.foreign_issuer_token***", "FOREIGN_ISSUER_TOKEN"),
    ("***resource.foreign_audience_token***", "FOREIGN_AUDIENCE_TOKEN"),
    ("***resource.foreign_type_token***", "FOREIGN_TYPE_TOKEN"),
];

/// Shorter values are only found as words of their own.
const SHORT: usize = 6;

/// Shorter ones only where a name, a quote or a sign says what they are.
const TINY: usize = 3;

/// Values of letters or of digits alone are words of their own up to here: longer ones are found inside of others too.
const PLAIN_WORD: usize = 16;

/// Members of a document that hold our own words, never a peer's.
const OWN: [&str; 10] = [
    "/outcome",
    "/answer",
    "/title",
    "/timing",
    "/bound",
    "/control",
    "/request/method",
    "/request/encode",
    "/request/endpoint",
    "/response/http_version",
];

/// Names in front of short values, as texts write them.
const SECRET_NAMES: [&str; 2] = ["client_secret", "password"];
const ISSUED_NAMES: [&str; 4] = ["access_token", "refresh_token", "id_token", "token"];

/// Collects what must be masked, document by document.
#[derive(Debug)]
pub struct Masks {
    /// Name → value of what the target file keeps secret.
    secrets: Vec<(String, String)>,
    /// Finds what counts as repeating a secret.
    echoes: Finder,
    /// For each form of `echoes` the secret.
    echoed: Vec<usize>,
    /// For each secret what a Basic pair with it ends with.
    ends: Vec<[String; 3]>,
    /// Basic pairs that were sent → the secret in it.
    pairs: BTreeMap<String, usize>,
    /// What was signed for a request → the parameter that it was sent in.
    signed: BTreeMap<String, &'static str>,
    issued: Vec<String>,
    known: HashSet<String>,
}

/// Masks that are complete and can be applied.
#[derive(Debug)]
pub struct ReadyMasks {
    finder: Finder,
    whole: HashMap<String, String>,
    /// How long these are, in order: of most texts the length tells already that they are none of them.
    lengths: Vec<usize>,
    /// Values that are words of the protocol: replaced only in members that hold secrets or tokens.
    worded: HashMap<String, String>,
    /// Masks that a shell variable stands for in `curl` lines.
    tokens: HashSet<String>,
}

impl Masks {
    /// Masks for the secrets of a target: name and value of each.
    #[must_use]
    pub fn new(secrets: &[(String, String)]) -> Self {
        let secrets: Vec<_> = secrets.iter().filter(|(_, value)| !value.is_empty()).cloned().collect();
        let (mut forms, mut echoed) = (Vec::new(), Vec::new());
        for (index, (name, value)) in secrets.iter().enumerate() {
            if can_be_echoed(value) {
                let all = of_secret(value, &mask_of(name));
                echoed.extend(all.iter().map(|_| index));
                forms.extend(all);
            }
        }
        Self {
            echoes: Finder::new(forms),
            echoed,
            ends: secrets.iter().map(|(_, value)| pair_ends(value)).collect(),
            secrets,
            pairs: BTreeMap::new(),
            signed: BTreeMap::new(),
            issued: Vec::new(),
            known: HashSet::new(),
        }
    }

    /// Writes the names of secrets that the answer repeats into `/response/echoes`.
    pub fn note_echoes(&self, document: &mut Value) {
        each_part(document, &mut |one| {
            let Some(response) = one.get_mut("response") else { return };
            let mut names = BTreeSet::new();
            each_text(response, &mut |text| {
                let mut from = 0;
                while let Some(found) = self.echoes.find(text, from) {
                    names.insert(self.secrets[self.echoed[found.nth]].0.clone());
                    from = found.end;
                }
            });
            response["echoes"] = json!(names);
        });
    }

    /// Remembers every value that the server issued, wherever in the document it stands, and the Basic pairs that were sent.
    pub fn collect(&mut self, document: &mut Value) {
        each_part(document, &mut |one| {
            let sensitive = one.as_object_mut().and_then(|members| members.remove("sensitive"));
            for text in sensitive.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str) {
                self.note(text);
            }
            let sent = one.pointer("/request/headers/authorization").and_then(Value::as_array);
            sent.into_iter().flatten().filter_map(Value::as_str).for_each(|header| self.note_pair(header));
            for name in SIGNED {
                if let Some(sent) = one.pointer(&format!("/request/params/{name}")) {
                    each_string(sent, &mut |text| self.note_signed(name, text));
                }
            }
            for part in ["response", "redirect"] {
                if let Some(part) = one.get(part) {
                    self.walk(part);
                }
            }
        });
    }

    fn note_pair(&mut self, header: &str) {
        let Some((_, encoded)) = header.split_once(' ') else { return };
        let Some(pair) = Pair::of(encoded) else { return };
        for (index, _) in self.ends.iter().enumerate().filter(|(_, ends)| pair.ends_with(ends)) {
            for form in pair.forms() {
                self.pairs.insert(form, index);
            }
        }
    }

    /// A JWT is a credential, and so is its signature alone beside what a reader can guess of the rest.
    fn note_signed(&mut self, name: &'static str, text: &str) {
        for one in text.split_whitespace().filter(|one| one.contains('.') && one.len() >= PLAIN_WORD) {
            let signature = one.rsplit('.').next().filter(|signature| signature.len() >= PLAIN_WORD);
            self.signed.extend(signature.into_iter().chain([one]).map(|text| (text.to_owned(), name)));
        }
    }

    fn note(&mut self, value: &str) {
        if !value.is_empty() && self.known.insert(value.to_owned()) {
            self.issued.push(value.to_owned());
        }
    }

    fn walk(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    // Below `jwt` the same names hold the decoded claims, which are facts and stay.
                    if names_issued(name) && !value.is_object() {
                        each_string(value, &mut |text| self.note(text));
                    }
                    if let Value::Number(number) = value
                        && names_issued_number(name)
                    {
                        self.note(&number.to_string());
                    }
                    self.walk(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            Value::String(text) => {
                let mut found: Vec<String> = Vec::new();
                for text in loose::issued(text) {
                    let decoded = url::form_urlencoded::parse(format!("x={text}").as_bytes())
                        .next()
                        .map(|(_, value)| value.into_owned());
                    found.extend(decoded.filter(|decoded| text.contains('%') && !decoded.contains('\u{fffd}')));
                    found.push(serde_json::from_str(&format!("\"{text}\"")).unwrap_or_else(|_| text.to_owned()));
                }
                found.iter().for_each(|text| self.note(text));
            }
            _ => {}
        }
    }

    /// No more documents: unequal values get unequal masks, in the order they were seen.
    #[must_use]
    pub fn ready(self) -> ReadyMasks {
        let mut forms: Vec<Form> = self.echoes.into_forms();
        let (mut whole, mut worded): (HashMap<_, _>, HashMap<_, _>) = Default::default();
        let (mut taken, mut tokens) = (HashSet::new(), HashSet::new());
        for (name, value) in &self.secrets {
            if !can_be_echoed(value) {
                forms.extend(of_secret(value, &mask_of(name)));
            }
            if is_word(value) { &mut worded } else { &mut whole }.insert(value.clone(), mask_of(name));
        }
        for (pair, index) in self.pairs {
            forms.push(Form { text: pair, mask: mask_of(&self.secrets[index].0), bounded: false });
        }
        for (text, name) in &self.signed {
            let encoded = form_encode(text);
            let more = (encoded != *text).then_some(encoded);
            let all = more.into_iter().chain([text.clone()]);
            forms.extend(all.map(|text| Form { text, mask: mask_of(name), bounded: false }));
            whole.insert(text.clone(), mask_of(name));
        }
        for value in &self.issued {
            // Two of our secrets are not to be taken apart by a server that issues one of them.
            if self.signed.contains_key(value) || self.secrets.iter().any(|(_, secret)| secret == value) {
                continue;
            }
            let mask = unlike(value, &mut taken);
            if is_word(value) || value.chars().count() < TINY {
                forms.extend(named(value, &mask, &ISSUED_NAMES));
            } else {
                let bounded = short(value)
                    || value.len() < PLAIN_WORD
                        && (all_digits(value) || value.bytes().all(|byte| byte.is_ascii_alphabetic()));
                for (form, encode) in issued_forms(value) {
                    forms.push(Form { text: form, mask: encode(&mask), bounded });
                }
                tokens.insert(mask.clone());
            }
            if is_word(value) { &mut worded } else { &mut whole }.entry(value.clone()).or_insert(mask);
        }
        let finder = Finder::new(forms);
        let mut lengths: Vec<usize> = whole.keys().map(String::len).collect();
        lengths.sort_unstable();
        lengths.dedup();
        ReadyMasks { finder, whole, lengths, worded, tokens }
    }
}

impl ReadyMasks {
    /// A text with everything secret replaced.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.masked(text, &mut |_| {}).unwrap_or_else(|| text.to_owned())
    }

    /// The same where something is replaced; else `None`. `put` is told each mask that stands there now.
    fn masked(&self, text: &str, put: &mut dyn FnMut(&str)) -> Option<String> {
        let whole = self.lengths.binary_search(&text.len()).is_ok().then(|| self.whole.get(text)).flatten();
        let Some(mask) = whole else { return self.finder.replace(text, put) };
        put(mask);
        Some(mask.clone())
    }

    /// Masks every text and member name of a document, and notes for `curl` which shell variables a request needs.
    pub fn apply(&self, value: &mut Value) {
        let own: Vec<(&str, Value)> =
            OWN.iter().filter_map(|place| Some((*place, value.pointer_mut(place)?.take()))).collect();
        let mut parts: Vec<(&str, Value)> = Vec::new();
        for list in ["all", "steps"] {
            if let Some(items) = value.get_mut(list).filter(|items| items.is_array()) {
                parts.push((list, items.take()));
            }
        }
        let mut request = value.get_mut("request").filter(|request| request.is_object()).map(Value::take);
        self.replace(value, "", &mut |_| {});
        if let Some(request) = &mut request {
            self.replace_in_request(request);
        }
        if let Some((place, request)) = value.get_mut("request").zip(request) {
            *place = request;
        }
        for (list, mut items) in parts {
            items.as_array_mut().into_iter().flatten().for_each(|item| self.apply(item));
            value[list] = items;
        }
        for (place, word) in own {
            if let Some(member) = value.pointer_mut(place) {
                *member = word;
            }
        }
    }

    /// The masks of tokens in it are what a `curl` line has variables for.
    fn replace_in_request(&self, request: &mut Value) {
        let mut used: IndexSet<&str> = IndexSet::new();
        self.replace(request, "", &mut |mask| used.extend(self.tokens.get(mask).map(String::as_str)));
        if !used.is_empty() {
            request["masked"] = used.into_iter().map(|mask| json!({"value": mask, "variable": "TOKEN"})).collect();
        }
    }

    /// Replaces everything secret below a member of this name; `put` is told each mask that stands in a text.
    fn replace(&self, value: &mut Value, name: &str, put: &mut dyn FnMut(&str)) {
        match value {
            Value::String(text) => {
                let meant = |_: &&String| names_issued(name) || SECRET_NAMES.contains(&name);
                let any = !self.worded.is_empty();
                let worded = any.then(|| self.worded.get(text)).flatten().filter(meant).cloned();
                if let Some(masked) = worded.or_else(|| self.masked(text, put)) {
                    *text = masked;
                }
            }
            Value::Number(number) => {
                let text = number.to_string();
                if (names_issued_number(name) || !short(&text))
                    && let Some(mask) = self.whole.get(&text)
                {
                    // What was a number stays one: that it is one is what checks look at.
                    *value = mask.parse().map_or_else(|_| json!(1), Value::Number);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.replace(item, name, put)),
            Value::Object(members) => {
                if members
                    .keys()
                    .any(|name| !is_word(name) && self.masked(name, &mut |_| {}).is_some_and(|masked| masked != *name))
                {
                    // Member by member, so that their order stays.
                    let mut masked = |name: String| {
                        let found = if is_word(&name) { None } else { self.masked(&name, put) };
                        found.unwrap_or(name)
                    };
                    *members = std::mem::take(members).into_iter().map(|(name, value)| (masked(name), value)).collect();
                }
                members.iter_mut().for_each(|(name, value)| self.replace(value, name, put));
            }
            _ => {}
        }
    }
}

fn mask_of(name: &str) -> String {
    format!("***{name}***")
}

fn short(value: &str) -> bool {
    value.chars().count() < SHORT
}

/// Of a value that stands in every text it cannot be said that a server repeats it.
fn can_be_echoed(value: &str) -> bool {
    !is_word(value) && value.chars().count() >= TINY && !(short(value) && all_digits(value))
}

fn all_digits(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_digit())
}

fn of_secret(value: &str, mask: &str) -> Vec<Form> {
    if is_word(value) || value.chars().count() < TINY {
        return named(value, mask, &SECRET_NAMES);
    }
    let bounded = short(value);
    secret_forms(value).into_iter().map(|text| Form { text, mask: mask.to_owned(), bounded }).collect()
}

#[cfg(test)]
mod tests;
