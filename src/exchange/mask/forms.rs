//! The forms in which one value turns up in texts: each encoding that servers, libraries and frameworks write.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::search::Form;
use super::words::is_word;

/// Every form in which a secret may turn up.
pub(super) fn secret_forms(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([secret.to_owned()]);
    let once: [fn(&str) -> String; 10] = [
        form_encode,
        percent_encode,
        component_encode,
        percent_all,
        json_escape,
        json_slash,
        json_ascii,
        json_html,
        json_all,
        percent_latin1,
    ];
    for encode in once {
        let form = encode(secret);
        forms.insert(form.replace('+', "%20"));
        forms.insert(lower_hex(&form));
        forms.insert(upper_units(&form));
        forms.insert(percent_encode(&form));
        forms.insert(lower_hex(&percent_encode(&form)));
        // A JSON text inside of a JSON text.
        forms.insert(json_escape(&form));
        forms.insert(form);
    }
    forms.extend(html(secret));
    // Octets that were read as ISO 8859-1, and then written again; and such octets where UTF-8 was expected.
    forms.insert(secret.bytes().map(char::from).collect());
    forms.insert(
        secret
            .chars()
            .map(|c| if ('\u{80}'..='\u{ff}').contains(&c) { char::REPLACEMENT_CHARACTER } else { c })
            .collect(),
    );
    for text in [secret.to_owned(), form_encode(secret), percent_encode(secret)] {
        forms.extend(base64_cores(&text));
    }
    forms
}

/// A value that would be found in every text: where a name or a quote says what it is.
pub(super) fn named(value: &str, mask: &str, names: &[&str]) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut add = |text: String, mask: String, bounded: bool| forms.push(Form { text, mask, bounded });
    for encode in [form_encode, percent_encode] {
        for name in names {
            add(format!("{name}={}", encode(value)), format!("{name}={mask}"), true);
        }
    }
    let value = json_escape(value);
    for name in names {
        for colon in [":", ": ", " : "] {
            add(format!("\"{name}\"{colon}\"{value}\""), format!("\"{name}\"{colon}\"{mask}\""), false);
            add(format!("\"{name}\"{colon}{value}"), format!("\"{name}\"{colon}{mask}"), true);
        }
    }
    if !is_word(&value) {
        for scheme in ["Bearer", "bearer"] {
            add(format!("{scheme} {value}"), format!("{scheme} {mask}"), true);
        }
        add(format!("\"{value}\""), format!("\"{mask}\""), false);
    }
    forms
}

/// A way to write a text.
type Encode = fn(&str) -> String;

/// The forms of what a server issued, each with the way to write a mask likewise.
pub(super) fn issued_forms(value: &str) -> Vec<(String, Encode)> {
    // Most tokens are made of characters that no encoding touches, and there may be a hundred of them.
    if value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) {
        let (tilde, raw): (Encode, Encode) = (form_encode, str::to_owned);
        let mut forms = vec![(value.to_owned(), raw)];
        if value.contains('~') {
            forms.push((form_encode(value), tilde));
            forms.push((lower_hex(&form_encode(value)), |text| lower_hex(&form_encode(text))));
        }
        return forms;
    }
    let all: [Encode; 10] = [
        str::to_owned,
        form_encode,
        percent_encode,
        |text| lower_hex(&form_encode(text)),
        |text| lower_hex(&percent_encode(text)),
        json_escape,
        json_slash,
        json_ascii,
        json_html,
        |text| html(text).into_iter().next().unwrap_or_default(),
    ];
    let mut forms: Vec<(String, Encode)> = Vec::new();
    for encode in all {
        let form = encode(value);
        if forms.iter().all(|(known, _)| *known != form) {
            forms.push((form, encode));
        }
    }
    forms
}

/// What a Basic pair may end with, if its secret is this one.
pub(super) fn pair_ends(secret: &str) -> [String; 3] {
    [secret.to_owned(), form_encode(secret), percent_encode(secret)]
}

/// What a Basic header was made of.
pub(super) struct Pair(Vec<u8>);

impl Pair {
    /// From base64 in either alphabet; `None` for anything else.
    pub(super) fn of(encoded: &str) -> Option<Self> {
        let core = encoded.trim().trim_end_matches('=');
        STANDARD_NO_PAD.decode(core).or_else(|_| URL_SAFE_NO_PAD.decode(core)).ok().map(Self)
    }

    /// Whether one of these is its secret.
    pub(super) fn ends_with(&self, ends: &[String; 3]) -> bool {
        ends.iter().any(|end| self.0.strip_suffix(end.as_bytes()).is_some_and(|id| id.ends_with(b":")))
    }

    /// In both alphabets, without padding.
    pub(super) fn forms(&self) -> [String; 2] {
        [STANDARD_NO_PAD.encode(&self.0), URL_SAFE_NO_PAD.encode(&self.0)]
    }
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

pub(super) fn form_encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn escape_bytes(text: &[u8], keep: &str) -> String {
    // A key has two thousand characters and each form of it is made here: no text for each of them.
    let mut out = String::with_capacity(3 * text.len());
    for byte in text {
        if (byte.is_ascii_alphanumeric() && !keep.is_empty()) || keep.as_bytes().contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push('%');
            out.extend([byte >> 4, byte & 15].map(|digit| hex(digit.into()).to_ascii_uppercase()));
        }
    }
    out
}

/// The last digit of a number in hexadecimal, in small letters.
fn hex(number: u32) -> char {
    char::from_digit(number & 15, 16).unwrap_or('0')
}

/// RFC 3986 §2.3: everything but the unreserved characters.
fn percent_encode(text: &str) -> String {
    escape_bytes(text.as_bytes(), "-._~")
}

/// As `encodeURIComponent` of ECMAScript does it.
fn component_encode(text: &str) -> String {
    escape_bytes(text.as_bytes(), "-._~!'()*")
}

/// The unreserved characters too.
fn percent_all(text: &str) -> String {
    escape_bytes(text.as_bytes(), "")
}

/// From ISO 8859-1 instead of UTF-8, where the text can be written so.
fn percent_latin1(text: &str) -> String {
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    bytes.map_or_else(|| percent_encode(text), |bytes| escape_bytes(&bytes, "-._~"))
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

/// `\u00e9` as `\u00E9`.
fn upper_units(text: &str) -> String {
    let mut parts = text.split("\\u");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.char_indices().nth(4).map_or(part.len(), |(at, _)| at);
        out.push_str("\\u");
        out.push_str(&part[..digits].to_ascii_uppercase());
        out.push_str(&part[digits..]);
    }
    out
}

pub(super) fn json_escape(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&quoted).to_owned()
}

fn json_slash(text: &str) -> String {
    json_escape(text).replace('/', "\\/")
}

fn add_units(out: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.push_str("\\u");
        out.extend([12, 8, 4, 0].map(|shift| hex(u32::from(*unit) >> shift)));
    }
}

fn json_ascii(text: &str) -> String {
    let mut out = String::new();
    json_escape(text).chars().for_each(|c| if c.is_ascii() { out.push(c) } else { add_units(&mut out, c) });
    out
}

/// As writers do that put JSON into HTML: Go, Jackson, PHP with its flags.
fn json_html(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            c if !c.is_ascii() || "<>&'+\"".contains(c) => add_units(&mut out, c),
            c if c == '\\' || c.is_control() => out.push_str(&json_escape(c.encode_utf8(&mut [0; 4]))),
            c => out.push(c),
        }
    }
    out
}

fn json_all(text: &str) -> String {
    let mut out = String::with_capacity(6 * text.len());
    text.chars().for_each(|c| add_units(&mut out, c));
    out
}

/// Named and numbered references; the first form is the most usual one.
fn html(text: &str) -> Vec<String> {
    let base = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut all = Vec::new();
    let ways = |all: &'static [&'static str], sign: char| if text.contains(sign) { all } else { &all[..1] };
    for quote in ways(&["&quot;", "&#34;", "&#x22;", "\""], '"') {
        for apostrophe in ways(&["'", "&#39;", "&#x27;", "&#039;", "&apos;"], '\'') {
            let quoted = base.replace('"', quote).replace('\'', apostrophe);
            let numbered = |write: fn(u32) -> String| -> String {
                let mut out = String::with_capacity(quoted.len());
                let mut add = |c: char| if c.is_ascii() { out.push(c) } else { out.push_str(&write(u32::from(c))) };
                quoted.chars().for_each(&mut add);
                out
            };
            let decimal = numbered(|code| format!("&#{code};"));
            let more = [numbered(|code| format!("&#x{code:x};")), numbered(|code| format!("&#x{code:X};"))];
            all.extend([quoted.clone(), decimal.clone(), decimal.replace('+', "&#43;")]);
            all.extend(more);
        }
    }
    all
}
