//! Masks: nothing secret leaves the model, in any encoding.
//!
//! What the target file keeps secret is replaced whole. What a server issued keeps shape and identity (letters become `x` or
//! `X`, digits `0`, the rest stays, unequal values stay unequal), so that a replay of a masked run gives the live verdicts.

use std::collections::{BTreeSet, HashMap, HashSet};

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::Regex;
use serde_json::{Value, json};

/// What stands for a secret in documents, and the shell variable that stands for it in `curl` lines.
pub(super) const SHELL_NAMES: [(&str, &str); 4] = [
    ("***client_secret***", "CLIENT_SECRET"),
    ("***second_client.client_secret***", "SECOND_CLIENT_SECRET"),
    ("***login.password***", "PASSWORD"),
    ("***resource_server.client_secret***", "RESOURCE_SERVER_SECRET"),
];

/// Members and parameters whose values a server issues.
const ISSUED: [&str; 7] =
    ["access_token", "refresh_token", "id_token", "code", "device_code", "user_code", "assertion"];

/// Shorter values are only replaced where they are the whole value: they would be found in every word.
const SHORT: usize = 6;

/// How much of a long value is searched for, in characters; the rest is compared where its beginning is found.
const BEGINNING: usize = 256;

/// Collects what must be masked, document by document.
#[derive(Debug)]
pub struct Masks {
    /// Name → value of what the target file keeps secret.
    secrets: Vec<(String, String)>,
    secret_finder: Option<AhoCorasick>,
    secret_names: Vec<usize>,
    issued: Vec<String>,
    known: HashSet<String>,
    loose: Regex,
}

/// Masks that are complete and can be applied.
#[derive(Debug)]
pub struct ReadyMasks {
    finder: Option<AhoCorasick>,
    /// For each pattern: the whole form, of which the pattern is the beginning, and what stands for it.
    forms: Vec<(String, String)>,
    whole: HashMap<String, String>,
    /// Masked value → shell variable, for `curl` lines.
    variables: Vec<(String, &'static str)>,
}

impl Masks {
    /// Masks for the secrets of a target: name and value of each.
    #[must_use]
    pub fn new(secrets: &[(String, String)]) -> Self {
        let secrets: Vec<_> = secrets.iter().filter(|(_, value)| !value.is_empty()).cloned().collect();
        let mut patterns = Vec::new();
        let mut secret_names = Vec::new();
        for (index, (_, value)) in secrets.iter().enumerate() {
            for form in secret_forms(value) {
                patterns.push(form);
                secret_names.push(index);
            }
        }
        Self {
            secret_finder: build(&patterns),
            secret_names,
            secrets,
            issued: Vec::new(),
            known: HashSet::new(),
            loose: Regex::new(&format!(
                r#"(?:"(?:{names})"\s*:\s*"((?:[^"\\]|\\.)+)|\b(?:{names})=([^&\s"'<>]+)|(eyJ[A-Za-z0-9_-]{{8,}}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+))"#,
                names = ISSUED.join("|")
            ))
            .expect("the pattern is constant"),
        }
    }

    /// Writes the names of secrets that the answer repeats into `/response/echoes`.
    pub fn note_echoes(&self, document: &mut Value) {
        each_part(document, &mut |one| {
            let Some(response) = one.get_mut("response") else { return };
            let mut names = BTreeSet::new();
            each_text(response, &mut |text| {
                for found in self.secret_finder.iter().flat_map(|finder| finder.find_iter(text)) {
                    names.insert(self.secrets[self.secret_names[found.pattern().as_usize()]].0.clone());
                }
            });
            response["echoes"] = json!(names);
        });
    }

    /// Remembers every value that the server issued, wherever in the document it stands.
    pub fn collect(&mut self, document: &mut Value) {
        each_part(document, &mut |one| {
            let sensitive = one.as_object_mut().and_then(|members| members.remove("sensitive"));
            for text in sensitive.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str) {
                self.note(text);
            }
            if let Some(response) = one.get("response") {
                self.walk(response);
            }
            if let Some(redirect) = one.get("redirect") {
                self.walk(redirect);
            }
        });
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
                    if ISSUED.contains(&name.as_str()) && !value.is_object() {
                        each_string(value, &mut |text| self.note(text));
                    }
                    self.walk(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            Value::String(text) => {
                let found: Vec<String> = self
                    .loose
                    .captures_iter(text)
                    .filter_map(|groups| {
                        let text = (1..=3).find_map(|group| groups.get(group))?.as_str();
                        Some(serde_json::from_str(&format!("\"{text}\"")).unwrap_or_else(|_| text.to_owned()))
                    })
                    .collect();
                found.iter().for_each(|text| self.note(text));
            }
            _ => {}
        }
    }

    /// No more documents: unequal values get unequal masks, in the order they were seen.
    #[must_use]
    pub fn ready(self) -> ReadyMasks {
        let mut forms: Vec<(String, String)> = Vec::new();
        let (mut whole, mut taken, mut variables) = (HashMap::new(), HashSet::new(), Vec::new());
        for (name, value) in &self.secrets {
            let mask = format!("***{name}***");
            forms.extend(secret_forms(value).into_iter().map(|form| (form, mask.clone())));
            whole.insert(value.clone(), mask);
        }
        for value in &self.issued {
            let mask = unlike(value, &mut taken);
            if value.chars().count() >= SHORT {
                let mut seen = Vec::new();
                for encode in [|text: &str| text.to_owned(), form_encode, percent_encode, json_escape, json_slash] {
                    let form = encode(value);
                    if !seen.contains(&form) {
                        forms.push((form.clone(), encode(&mask)));
                        seen.push(form);
                    }
                }
                variables.push((mask.clone(), "TOKEN"));
            } else {
                for (before, after) in [("\"", "\""), ("Bearer ", ""), ("=", "")] {
                    forms.push((format!("{before}{value}{after}"), format!("{before}{mask}{after}")));
                }
            }
            whole.entry(value.clone()).or_insert(mask);
        }
        let patterns: Vec<String> = forms.iter().map(|(form, _)| form.chars().take(BEGINNING).collect()).collect();
        ReadyMasks { finder: build(&patterns), forms, whole, variables }
    }
}

impl ReadyMasks {
    /// A text with everything secret replaced.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        if let Some(mask) = self.whole.get(text) {
            return mask.clone();
        }
        let Some(finder) = &self.finder else { return text.to_owned() };
        let (mut out, mut from) = (String::new(), 0);
        while let Some(found) = finder.find(Input::new(text).range(from..)) {
            let (form, mask) = &self.forms[found.pattern().as_usize()];
            out.push_str(&text[from..found.start()]);
            // A long value may be cut: what stands there of it is masked as far as it goes.
            let same = |(a, b): &(char, char)| a == b;
            let length: usize =
                text[found.start()..].chars().zip(form.chars()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
            if length < form.len() {
                let kept = form[..length].chars().count();
                out.extend(mask.chars().take(kept));
            } else {
                out.push_str(mask);
            }
            from = found.start() + length.max(1);
        }
        out.push_str(&text[from..]);
        out
    }

    /// Masks every text and member name of a document, and notes for `curl` which shell variables a request needs.
    pub fn apply(&self, value: &mut Value) {
        self.replace(value);
        each_part(value, &mut |one| {
            let Some(request) = one.get_mut("request") else { return };
            let mut used = Vec::new();
            each_text(request, &mut |text| {
                for (mask, variable) in &self.variables {
                    if text.contains(mask) && !used.iter().any(|(known, _)| known == mask) {
                        used.push((mask.clone(), *variable));
                    }
                }
            });
            if !used.is_empty() {
                request["masked"] =
                    used.into_iter().map(|(value, variable)| json!({"value": value, "variable": variable})).collect();
            }
        });
    }

    fn replace(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.replace(item)),
            Value::Object(members) => {
                let names: Vec<String> = members.keys().filter(|name| self.text(name) != **name).cloned().collect();
                for name in names {
                    if let Some(value) = members.remove(&name) {
                        members.insert(self.text(&name), value);
                    }
                }
                members.values_mut().for_each(|value| self.replace(value));
            }
            _ => {}
        }
    }
}

/// The document itself, then each attempt of a repeated exchange and each step of a walk.
fn each_part(document: &mut Value, with: &mut dyn FnMut(&mut Value)) {
    with(document);
    for list in ["all", "steps"] {
        if let Some(items) = document.get_mut(list).and_then(Value::as_array_mut) {
            items.iter_mut().for_each(&mut *with);
        }
    }
}

fn each_string(value: &Value, with: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => with(text),
        Value::Array(items) => items.iter().for_each(|item| each_string(item, with)),
        Value::Object(members) => members.values().for_each(|value| each_string(value, with)),
        _ => {}
    }
}

fn each_text(value: &Value, with: &mut impl FnMut(&str)) {
    if let Value::Object(members) = value {
        members.keys().for_each(|name| with(name));
        members.values().for_each(|value| each_text(value, with));
    } else if let Value::Array(items) = value {
        items.iter().for_each(|item| each_text(item, with));
    } else if let Value::String(text) = value {
        with(text);
    }
}

fn build(patterns: &[String]) -> Option<AhoCorasick> {
    if patterns.is_empty() {
        return None;
    }
    // Leftmost-longest: a form that holds another one wins, so nothing of it is left standing.
    // A DFA would search faster, but building one for a hundred tokens takes longer than the search.
    let mut builder = AhoCorasick::builder();
    builder.match_kind(MatchKind::LeftmostLongest).kind(Some(AhoCorasickKind::ContiguousNFA));
    builder.build(patterns).ok()
}

/// Every form in which a secret may turn up in a text.
fn secret_forms(secret: &str) -> Vec<String> {
    let mut forms = BTreeSet::from([secret.to_owned()]);
    if secret.chars().count() < SHORT {
        // Found in every word: only its unmistakable forms.
        forms = BTreeSet::from([format!("\"{secret}\""), format!("client_secret={secret}")]);
    }
    for encode in [form_encode, percent_encode, component_encode, json_escape, json_slash, json_ascii, json_html, html]
    {
        let form = encode(secret);
        forms.insert(form.replace('+', "%20"));
        forms.insert(lower_hex(&form));
        forms.insert(percent_encode(&form));
        forms.insert(form);
    }
    // Octets that were read as ISO 8859-1, and then written again.
    forms.insert(secret.bytes().map(char::from).collect());
    for text in [secret.to_owned(), form_encode(secret), percent_encode(secret)] {
        forms.extend(base64_cores(&text));
    }
    forms.into_iter().filter(|form| form.chars().count() >= SHORT.min(secret.chars().count())).collect()
}

/// The characters of base64 that are the same whatever stands before and after: found in the encoding of any text that holds
/// the secret, `id:secret` among them.
fn base64_cores(text: &str) -> Vec<String> {
    let mut cores = Vec::new();
    for offset in 0..3 {
        let padded = [&vec![0; offset][..], text.as_bytes()].concat();
        let lead = if offset == 0 { 0 } else { offset + 1 };
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            let whole = padded.len() / 3 * 4;
            let core = encoded.get(lead..whole.max(lead).min(encoded.len())).unwrap_or_default();
            if core.len() >= 8 {
                cores.push(core.to_owned());
            }
        }
    }
    cores
}

fn form_encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn escape_bytes(text: &str, keep: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || keep.as_bytes().contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// RFC 3986 §2.3: everything but the unreserved characters.
fn percent_encode(text: &str) -> String {
    escape_bytes(text, "-._~")
}

/// As `encodeURIComponent` of ECMAScript does it.
fn component_encode(text: &str) -> String {
    escape_bytes(text, "-._~!'()*")
}

fn lower_hex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut left = 0;
    for c in text.chars() {
        out.push(if left > 0 { c.to_ascii_lowercase() } else { c });
        left = if c == '%' { 2_u8 } else { left.saturating_sub(1) };
    }
    out
}

fn json_escape(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.trim_start_matches('"').strip_suffix('"').unwrap_or(&quoted).to_owned()
}

fn json_slash(text: &str) -> String {
    json_escape(text).replace('/', "\\/")
}

fn json_units(text: &str, escaped: impl Fn(char) -> bool) -> String {
    json_escape(text)
        .chars()
        .map(|c| {
            if escaped(c) {
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            } else {
                c.to_string()
            }
        })
        .collect()
}

fn json_ascii(text: &str) -> String {
    json_units(text, |c| !c.is_ascii())
}

fn json_html(text: &str) -> String {
    json_units(text, |c| !c.is_ascii() || "<>&'+".contains(c))
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A mask of the same shape that no other value has.
fn unlike(value: &str, taken: &mut HashSet<String>) -> String {
    let plain: Vec<char> = value
        .chars()
        .map(|c| match c {
            c if c.is_uppercase() => 'X',
            c if c.is_alphabetic() => 'x',
            c if c.is_numeric() => '0',
            c => c,
        })
        .collect();
    for attempt in 0..100_000_usize {
        let mut mask = plain.clone();
        let mut left = attempt;
        for c in mask.iter_mut().rev() {
            if left == 0 {
                break;
            }
            let alphabet = match *c {
                'X' => "XYZ",
                'x' => "xyz",
                '0' => "0123456789",
                _ => continue,
            };
            let base = alphabet.len();
            *c = alphabet.chars().nth(left % base).unwrap_or(*c);
            left /= base;
        }
        if left > 0 {
            // No letter or digit is left to tell this value from others.
            break;
        }
        let mask: String = mask.into_iter().collect();
        if taken.insert(mask.clone()) {
            return mask;
        }
    }
    plain.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "p+ / % & \" < é~~?";

    fn sealed(mut document: Value) -> String {
        let mut masks = Masks::new(&[("client_secret".into(), SECRET.into())]);
        masks.note_echoes(&mut document);
        masks.collect(&mut document);
        masks.ready().apply(&mut document);
        document.to_string()
    }

    #[test]
    fn a_secret_is_masked_in_every_encoding() {
        for (n, form) in secret_forms(SECRET).into_iter().enumerate() {
            let shown = sealed(json!({"response": {"body": {"text": format!("<{form}>")}}}));
            assert!(!shown.contains(json_escape(&form).as_str()), "form {n}: {shown}");
            assert!(shown.contains(r#""echoes":["client_secret"]"#), "form {n}: {shown}");
        }
    }

    #[test]
    fn the_basic_pair_is_masked_in_both_alphabets() {
        for id in ["g", "gl", "gl1", "a-longer-id"] {
            for encoded in
                [STANDARD_NO_PAD.encode(format!("{id}:{SECRET}")), URL_SAFE_NO_PAD.encode(format!("{id}:{SECRET}"))]
            {
                let shown = sealed(json!({"request": {"headers": {"authorization": [format!("Basic {encoded}=")]}}}));
                assert!(!shown.contains(&encoded[8..20]), "{shown}");
            }
        }
    }

    #[test]
    fn issued_values_keep_shape_and_identity() {
        let document = json!({"all": [
            {"response": {"json": {"access_token": "Abc-123456"}}}, {"response": {"json": {"access_token": "Xyz-654321"}}},
            {"request": {"headers": {"authorization": ["Bearer Abc-123456"]}}},
        ]});
        let shown: Value = serde_json::from_str(&sealed(document)).unwrap();
        let first = shown.pointer("/all/0/response/json/access_token").unwrap().as_str().unwrap();
        let second = shown.pointer("/all/1/response/json/access_token").unwrap().as_str().unwrap();
        assert_eq!(first, "Xxx-000000");
        assert_ne!(first, second);
        assert_eq!(shown.pointer("/all/2/request/headers/authorization/0").unwrap(), &format!("Bearer {first}"));
    }

    #[test]
    fn a_token_in_a_body_that_is_no_json_is_masked_too() {
        let shown = sealed(json!({"response": {"body": {"text": r#"{"access_token":"q7d8f9s0","token_ty"#}}}));
        assert!(!shown.contains("q7d8f9s0"), "{shown}");
    }

    proptest! {
        #[test]
        fn no_issued_token_survives(token in "[A-Za-z0-9._~+/-]{8,40}") {
            let text = format!("echo {token} {}", form_encode(&token));
            let shown = sealed(json!({"response": {"json": {"access_token": token, "x": text}}}));
            prop_assume!(unlike(&token, &mut HashSet::new()) != token);
            prop_assert!(!shown.contains(&token), "{}", shown);
        }
    }
}
