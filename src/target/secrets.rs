//! Where the secrets of a target file come from: the environment, a file, a command; never the file itself.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use super::Reading;
use super::mistakes::Mistake;
use crate::oauth::Secret;
use crate::yaml::escape;

/// Members whose values are secrets.
pub(super) const MEMBERS: [&str; 6] = [
    "client_secret",
    "password",
    "private_key",
    "foreign_issuer_token",
    "foreign_audience_token",
    "foreign_type_token",
];

/// Whether a header field of this name holds credentials by its name.
pub(super) fn holds_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["authorization", "cookie", "key", "token", "secret", "password"].iter().any(|word| lower.contains(word))
}

/// Takes the secrets out of an entry, and fills `${env:…}`, `${file:…}` and `${command:…}` in every text.
pub(super) fn take(
    value: &mut Value,
    mistakes: &mut Vec<Mistake>,
    folder: &Path,
    reading: Reading,
) -> Vec<(String, Secret)> {
    let mut walk = Walk { secrets: Vec::new(), mistakes, folder, reading };
    walk.walk(value, "", "");
    walk.secrets
}

struct Walk<'w> {
    secrets: Vec<(String, Secret)>,
    mistakes: &'w mut Vec<Mistake>,
    folder: &'w Path,
    reading: Reading,
}

impl Walk<'_> {
    fn tell(&mut self, place: &str, message: String, help: Option<String>) {
        self.mistakes.push(Mistake::new(place, message, help));
    }

    fn walk(&mut self, value: &mut Value, place: &str, name: &str) {
        match value {
            Value::Object(members) => {
                let mut taken = Vec::new();
                for (key, member) in members.iter_mut() {
                    let place = format!("{place}/{}", escape(key));
                    let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                    let is_secret = MEMBERS.contains(&key.as_str());
                    let given = member.as_str().unwrap_or_default().to_owned();
                    if is_secret && !self.reading.allow_literal_secrets && member.is_string() && !given.contains("${") {
                        let help = "write `${env:NAME}`, `${file:PATH}` or `${command:…}`; such files get committed. \
                                    `--allow-literal-secrets` takes it all the same";
                        self.tell(&place, format!("a secret stands in the file: `{name}`"), Some(help.to_owned()));
                    }
                    let before = self.mistakes.len();
                    self.walk(member, &place, &name);
                    let Some(text) = member.as_str() else { continue };
                    if is_secret {
                        if text.is_empty() && !self.reading.verbatim && self.mistakes.len() == before {
                            let help = format!("a client without one has no `{key}` member");
                            self.tell(&place, format!("`{name}` is empty"), Some(help));
                        }
                        self.secrets.push((name, Secret::new(member.as_str().unwrap_or_default())));
                        taken.push(key.clone());
                    } else if name.starts_with("headers.") && (given.contains("${") || holds_secret(key)) {
                        // A credential of another kind: sent as it is, and shown nowhere.
                        let credentials = text.split_once(' ').map(|(_, credentials)| credentials.to_owned());
                        self.secrets.push((name.clone(), Secret::new(text)));
                        self.secrets.extend(credentials.map(|credentials| (name, Secret::new(credentials))));
                    }
                }
                taken.iter().for_each(|key| drop(members.shift_remove(key)));
            }
            Value::Array(items) => {
                for (nth, item) in items.iter_mut().enumerate() {
                    self.walk(item, &format!("{place}/{nth}"), name);
                }
            }
            Value::String(_) if self.reading.verbatim => {}
            Value::String(text) => match fill(text, self.folder) {
                Ok(filled) => *text = filled,
                Err((message, help)) => self.tell(place, message, help),
            },
            _ => {}
        }
    }
}

fn fill(text: &str, folder: &Path) -> Result<String, (String, Option<String>)> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(end) = closing(&rest[start + 2..]).map(|end| start + 2 + end) else {
            return Err(("`${` without its `}`".into(), None));
        };
        out.push_str(&rest[..start]);
        out.push_str(&from(&rest[start + 2..end], folder)?);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// The `}` that closes what is open; a command may hold pairs of its own.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn from(source: &str, folder: &Path) -> Result<String, (String, Option<String>)> {
    match source.split_once(':') {
        Some(("env", name)) => env::var(name).map_err(|error| match error {
            env::VarError::NotPresent => {
                (format!("the environment has no `{name}`"), Some(format!("run `export {name}=…` first")))
            }
            env::VarError::NotUnicode(_) => (format!("`{name}` of the environment is not UTF-8"), None),
        }),
        Some(("file", path)) => {
            let path = folder.join(path);
            let text = fs::read_to_string(&path).map_err(|error| {
                let help = "the path is relative to the target file".to_owned();
                (format!("cannot read `{}`: {error}", path.display()), Some(help))
            })?;
            Ok(text.trim_end_matches(['\n', '\r']).to_owned())
        }
        Some(("command", command)) => {
            let output = Command::new("sh")
                .args(["-c", command])
                .output()
                .map_err(|error| (format!("cannot run `{command}`: {error}"), None))?;
            if !output.status.success() {
                // What it printed may be the secret, so only that it failed is told.
                return Err((format!("`{command}` failed: {}", output.status), None));
            }
            let text = String::from_utf8(output.stdout).map_err(|_| (format!("`{command}` printed no UTF-8"), None))?;
            Ok(text.trim_end_matches(['\n', '\r']).to_owned())
        }
        _ => Err((
            format!("unknown source `{source}`"),
            Some("known: `${env:NAME}`, `${file:PATH}`, `${command:…}`".into()),
        )),
    }
}
