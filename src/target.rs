//! The target file: which endpoints, which clients, and what the target claims to support.
//!
//! Secrets come from the environment, a file or a command; they are kept apart from everything that is shown.

mod complete;
mod discovered;
mod draft;
mod entry;
mod hide;
mod keys;
mod mistakes;
mod secrets;
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use serde_json::{Map, Value};
use url::Url;

use crate::jose::SigningKey;
use crate::oauth::Secret;
use crate::schema::FileKind;
use crate::yaml::{self, Document, FileProblems, Problem};
use complete::{claims, complete, note_odd_secrets};
pub use discovered::Untrusted;
pub use draft::Draft;
pub use entry::{
    AssertionGrant, Bounds, BoundsEntry, Claim, Client, ContentType, Entry, Login, Resource, TargetFile, TokenExchange,
};
use keys::Keys;
use mistakes::Mistake;
pub use source::{Place, Source};

/// The schema of target files, generated from [`TargetFile`].
const SCHEMA: &str = include_str!("../specs/schema/target.schema.json");

/// A target, ready to be asked.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name in the file, or the host of its token endpoint.
    pub name: String,
    /// Suites that are run when none is asked for.
    pub suites: Vec<String>,
    /// The entry without secrets: what reports and checks see.
    pub public: Value,
    /// Bounds of every exchange.
    pub bounds: Bounds,
    /// Certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy.
    pub proxy: Option<String>,
    /// Header fields added to every request.
    pub headers: Vec<(String, String)>,
    /// What in it may be a mistake and may be meant: lower-case sentences without secrets, to be told before anything is sent.
    pub hints: Vec<String>,
    /// Where it stands in its file; `None` without one.
    pub source: Option<Source>,
    secrets: Vec<(String, Secret)>,
    keys: Keys,
    claims: BTreeSet<String>,
}

/// Why there is no target. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("cannot read target file `{path}`: {source}")]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file has mistakes.
    #[error("the target file has mistakes")]
    Mistakes(Box<FileProblems>),
    /// No target has the name.
    #[error("no target is called `{name}`{}", .help.as_ref().map(|help| format!(": {help}")).unwrap_or_default())]
    Unknown {
        /// As given.
        name: String,
        /// The nearest, or all.
        help: Option<String>,
    },
    /// The flags do not make a target.
    #[error("{0}")]
    Flags(String),
}

impl Error {
    /// What the user can do about it.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable { .. } => Some(
                "name the file with `--config`, write one with `grantlint init`, or say `--token-endpoint URL --client-id ID` or `--issuer URL` without a file",
            ),
            _ => None,
        }
    }
}

/// How a target file is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// Take secrets that stand in the file itself.
    pub allow_literal_secrets: bool,
    /// `${…}` is no reference but text: the values come from elsewhere than a file.
    pub verbatim: bool,
}

impl Reading {
    /// Of an entry that is no file's: everything in it is meant as it stands.
    const AS_IT_IS: Self = Self { allow_literal_secrets: true, verbatim: true };
}

/// Reads the targets of a file; `names` picks some, in the order given, and none picks all.
///
/// # Errors
/// All mistakes of the file at once.
pub fn read(path: &Path, names: &[String], reading: Reading) -> Result<Vec<Target>, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
    from_text(&path.display().to_string(), &text, path.parent().unwrap_or(Path::new(".")), names, reading)
}

/// The same from a text; `folder` is what paths in it are relative to.
///
/// # Errors
/// All mistakes of the file at once.
pub fn from_text(
    path: &str,
    text: &str,
    folder: &Path,
    names: &[String],
    reading: Reading,
) -> Result<Vec<Target>, Error> {
    let kind = FileKind::new(SCHEMA).map_err(Error::Flags)?;
    let (document, mut file) = kind.read(path, text);
    let Some(mut document) = document else {
        hide::apply(&mut file, &hide::found(text, None));
        return Err(Error::Mistakes(Box::new(file)));
    };
    let known: Vec<String> = document.value["targets"].as_object().into_iter().flat_map(Map::keys).cloned().collect();
    let mut wanted: Vec<&String> = Vec::new();
    for name in if names.is_empty() { &known } else { names } {
        if !known.contains(name) && file.problems.is_empty() {
            let all: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(Error::Unknown { name: name.clone(), help: yaml::did_you_mean(name, &all) });
        }
        if !wanted.contains(&name) {
            wanted.push(name);
        }
    }
    let mut targets = Vec::new();
    for name in wanted {
        let place = format!("/targets/{}", yaml::escape(name));
        let Some(value) = document.value.pointer_mut(&place).map(Value::take) else { continue };
        let (taken, mut mistakes) = Taken::of(value, folder, reading);
        if mistakes.is_empty() && file.problems.is_empty() {
            match taken.resolved(name, folder) {
                Ok(target) => {
                    let source = Some(Source::new(path, text, &document.positions, &place));
                    targets.push(Target { source, ..target });
                }
                Err(mistake) => mistakes.push(mistake),
            }
        }
        file.problems.extend(mistakes.into_iter().map(|mistake| problem(&document, &place, mistake)));
    }
    if file.problems.is_empty() {
        return Ok(targets);
    }
    file.problems.sort_by_key(|problem| problem.at.start);
    // By now the entries are taken out of the document.
    hide::apply(&mut file, &hide::found(text, yaml::parse(text).ok().as_ref()));
    Err(Error::Mistakes(Box::new(file)))
}

fn problem(document: &Document, place: &str, Mistake { at, message, help }: Mistake) -> Problem {
    let position = document.positions.get(&format!("{place}{at}"));
    // What is missing is missing below the key; a whole entry would only be marked at its first line.
    let at = position
        .map(|position| if at.is_empty() { position.key.clone() } else { position.value.clone() })
        .unwrap_or_default();
    Problem { message, at, help }
}

/// Makes a target from an entry that is no file's: flags of the command line, or a server that describes itself. Secrets in it are
/// taken as they are.
///
/// # Errors
/// What does not make sense, in words.
pub fn from_entry(name: &str, value: Value) -> Result<Target, Error> {
    let folder = Path::new(".");
    let (taken, mut mistakes) = Taken::of(value, folder, Reading::AS_IT_IS);
    let target = if mistakes.is_empty() { taken.resolved(name, folder) } else { Err(mistakes.remove(0)) };
    target.map_err(|Mistake { message, help, .. }| {
        Error::Flags(help.map_or(message.clone(), |help| format!("{message}: {help}")))
    })
}

/// Makes a target from what a recording tells. Nothing is sent to it, so nothing about it has to make sense: a scope with commas, or
/// no endpoint at all, is what was recorded. Secrets in the entry are only used to hide them.
#[must_use]
pub fn of_recording(name: &str, mut value: Value) -> Target {
    let folder = Path::new(".");
    let secrets = secrets::take(&mut value, &mut Vec::new(), folder, Reading::AS_IT_IS);
    let keys = keys::read(&value, &secrets, &mut Vec::new());
    let nothing = || Taken { value: serde_json::json!({}), secrets: Vec::new(), keys: Keys::default() };
    let target = Taken { value, secrets, keys }.resolved(name, folder);
    let mut target = target.or_else(|_| nothing().resolved(name, folder)).expect("an entry may say nothing");
    // What it does not say, its owner may.
    target.public["deduced_from"] = "a recording".into();
    target
}

/// An entry that its secrets and keys are taken out of.
struct Taken {
    value: Value,
    secrets: Vec<(String, Secret)>,
    keys: Keys,
}

impl Taken {
    /// Takes them out, and looks at what is wrong with the entry.
    fn of(mut value: Value, folder: &Path, reading: Reading) -> (Self, Vec<Mistake>) {
        let mut mistakes = Vec::new();
        let secrets = secrets::take(&mut value, &mut mistakes, folder, reading);
        mistakes.extend(mistakes::all(&mut value, folder));
        let keys = keys::read(&value, &secrets, &mut mistakes);
        (Self { value, secrets, keys }, mistakes)
    }

    fn resolved(self, name: &str, folder: &Path) -> Result<Target, Mistake> {
        let Self { mut value, mut secrets, keys } = self;
        let mut shape = value.clone();
        if let Some(login) = shape.get_mut("login").and_then(Value::as_object_mut) {
            // The password is among the secrets by now.
            login.entry("password").or_insert_with(|| "".into());
        }
        let entry: Entry = serde_json::from_value(shape).map_err(|error| Mistake::new("", error.to_string(), None))?;
        let time = |text: &Option<String>, default: Duration| text.as_deref().and_then(duration).unwrap_or(default);
        let own = entry.bounds.clone().unwrap_or_default();
        let mut bounds = Bounds::default();
        bounds.connect = time(&own.connect, bounds.connect);
        bounds.first_byte = time(&own.first_byte, bounds.first_byte);
        bounds.whole = time(&entry.timeout, bounds.whole);
        bounds.body = own.body.unwrap_or(bounds.body);
        bounds.head = own.head.unwrap_or(bounds.head);
        bounds.json_depth = own.json_depth.unwrap_or(bounds.json_depth);
        // Before defaults are filled in, which would repeat one.
        let hints = mistakes::hints(&value);
        complete(&mut value, &secrets);
        note_odd_secrets(&mut value, &secrets);
        if let Some(mut url) = entry.proxy.as_deref().and_then(|proxy| Url::parse(proxy).ok()) {
            // What is shown of a proxy is where it is, not who asks it.
            if let Some(password) = url.password().map(str::to_owned) {
                secrets.push(("proxy.password".to_owned(), Secret::new(password)));
            }
            if url.set_password(None).is_ok() && url.set_username("").is_ok() {
                value["proxy"] = url.as_str().into();
            }
        }
        Ok(Target {
            name: name.to_owned(),
            suites: entry.suites.clone(),
            claims: claims(&value, &secrets),
            hints,
            public: value,
            bounds,
            ca_file: entry.ca_file.map(|path| folder.join(path)),
            proxy: entry.proxy,
            headers: entry.headers.into_iter().collect(),
            source: None,
            secrets,
            keys,
        })
    }
}

/// `500ms`, `30s`, `2m`, `1h`, or a number of seconds.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..split].parse().ok()?;
    let milliseconds = match text[split..].trim() {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

impl Target {
    /// Whether the target claims a feature: a word of `needs`.
    #[must_use]
    pub fn claims(&self, word: &str) -> bool {
        self.claims.contains(word)
    }

    /// The target with more claimed for it than it says: words of `needs`.
    #[must_use]
    pub fn claiming(mut self, words: &[String]) -> Self {
        self.claims.extend(words.iter().cloned());
        // Checks may ask, too, what is claimed.
        let mut all: Vec<Value> = self.public["claims"].as_array().cloned().unwrap_or_default();
        for word in words {
            if !all.iter().any(|known| known == word.as_str()) {
                all.push(word.as_str().into());
            }
        }
        if !words.is_empty() {
            self.public["claims"] = all.into();
        }
        self
    }

    /// A value of the entry, secrets included: only for building requests.
    #[must_use]
    pub fn value(&self, path: &[String]) -> Option<Value> {
        let joined = path.join(".");
        if let Some((_, secret)) = self.secrets.iter().find(|(name, _)| *name == joined) {
            return Some(Value::String(secret.expose().to_owned()));
        }
        let value = path.iter().try_fold(&self.public, |value, name| match value {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            other => other.get(name),
        })?;
        (!value.is_null() && value.as_str() != Some("")).then(|| value.clone())
    }

    /// A text of the entry, secrets included.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        self.value(&path)?.as_str().map(str::to_owned)
    }

    /// The key of a member: `client`, `second_client`, `assertion_grant`, ….
    #[must_use]
    pub fn key(&self, member: &str) -> Option<&Arc<SigningKey>> {
        self.keys.get(member)
    }

    /// The URL of an endpoint by its name in RFC 8414, or of the resource.
    #[must_use]
    pub fn url_of(&self, endpoint: &str) -> Option<String> {
        self.text(if endpoint == "resource" { "resource.url" } else { endpoint })
    }

    /// Name and value of everything that must be masked, longest first.
    #[must_use]
    pub fn to_mask(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = self
            .secrets
            .iter()
            .map(|(name, secret)| (name.strip_prefix("client.").unwrap_or(name).to_owned(), secret.expose().to_owned()))
            .collect();
        all.sort_by_key(|(name, value)| (std::cmp::Reverse(value.len()), name.clone()));
        all
    }
}
