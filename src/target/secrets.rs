//! Where the secrets of a target file come from: the environment, a file, a command; never the file itself.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use super::Reading;
use crate::oauth::Secret;
use crate::yaml::escape;

/// Members whose values are secrets.
const SECRET_MEMBERS: [&str; 2] = ["client_secret", "password"];

/// Takes the secrets out of an entry, and fills `${env:…}`, `${file:…}` and `${command:…}` in every text.
pub(super) fn take(
    value: &mut Value,
    place: &str,
    tell: &mut dyn FnMut(&str, String, Option<String>),
    folder: &Path,
    reading: Reading,
) -> Vec<(String, Secret)> {
    let mut secrets = Vec::new();
    walk(value, place, "", &mut secrets, tell, folder, reading);
    secrets
}

fn walk(
    value: &mut Value,
    place: &str,
    name: &str,
    secrets: &mut Vec<(String, Secret)>,
    tell: &mut dyn FnMut(&str, String, Option<String>),
    folder: &Path,
    reading: Reading,
) {
    match value {
        Value::Object(members) => {
            let mut taken = Vec::new();
            for (key, member) in members.iter_mut() {
                let place = format!("{place}/{}", escape(key));
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                let is_secret = SECRET_MEMBERS.contains(&key.as_str());
                if is_secret
                    && !reading.allow_literal_secrets
                    && member.as_str().is_some_and(|text| !text.contains("${"))
                {
                    let help = "write `${env:NAME}`, `${file:PATH}` or `${command:…}`; such files get committed. `--allow-literal-secrets` takes it all the same".to_owned();
                    tell(&place, format!("a secret stands in the file: `{name}`"), Some(help));
                }
                walk(member, &place, &name, secrets, tell, folder, reading);
                if is_secret && let Some(text) = member.as_str() {
                    secrets.push((name, Secret::new(text)));
                    taken.push(key.clone());
                }
            }
            taken.iter().for_each(|key| drop(members.shift_remove(key)));
        }
        Value::Array(items) => {
            for (nth, item) in items.iter_mut().enumerate() {
                walk(item, &format!("{place}/{nth}"), name, secrets, tell, folder, reading);
            }
        }
        Value::String(_) if reading.verbatim => {}
        Value::String(text) => match fill(text, folder) {
            Ok(filled) => *text = filled,
            Err((message, help)) => tell(place, message, help),
        },
        _ => {}
    }
}

fn fill(text: &str, folder: &Path) -> Result<String, (String, Option<String>)> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(end) = rest[start..].find('}').map(|end| start + end) else {
            return Err(("`${` without its `}`".into(), None));
        };
        out.push_str(&rest[..start]);
        out.push_str(&from(&rest[start + 2..end], folder)?);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn from(source: &str, folder: &Path) -> Result<String, (String, Option<String>)> {
    match source.split_once(':') {
        Some(("env", name)) => env::var(name)
            .map_err(|_| (format!("the environment has no `{name}`"), Some(format!("run `export {name}=…` first")))),
        Some(("file", path)) => {
            let path = folder.join(path);
            let text = fs::read_to_string(&path)
                .map_err(|error| (format!("cannot read `{}`: {error}", path.display()), None))?;
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
