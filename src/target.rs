//! The target file: which endpoints, which clients, and what the target claims to support.
//!
//! Secrets come from the environment, a file or a command; they are kept apart from everything that is shown.

mod secrets;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::oauth::Secret;
use crate::schema::FileKind;
use crate::yaml::{self, Document, FileProblems, Problem};

/// The schema of target files, generated from [`TargetFile`].
const SCHEMA: &str = include_str!("../specs/schema/target.schema.json");

/// A target file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    /// Targets by name.
    #[schemars(extend("minProperties" = 1))]
    pub targets: IndexMap<String, Entry>,
}

/// One target.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Entry {
    /// Suites that are run when none is asked for.
    pub suites: Vec<String>,
    /// The issuer identifier (RFC 8414 §2).
    pub issuer: Option<String>,
    /// RFC 6749 §3.2.
    pub token_endpoint: Option<String>,
    /// RFC 6749 §3.1.
    pub authorization_endpoint: Option<String>,
    /// RFC 7009.
    pub revocation_endpoint: Option<String>,
    /// RFC 7662.
    pub introspection_endpoint: Option<String>,
    /// RFC 8628 §3.1.
    pub device_authorization_endpoint: Option<String>,
    /// Only if the metadata is not at the well-known place.
    pub metadata_url: Option<String>,
    /// What the client may ask for: words separated by spaces.
    pub scope: Option<String>,
    /// The same for the code flow; default: `scope`.
    pub authorization_scope: Option<String>,
    /// A scope that exists and that this client may not have.
    pub ungranted_scope: Option<String>,
    /// What the target promises to take; default `[client_credentials]`.
    pub grant_types: Option<Vec<String>>,
    /// In the words of RFC 8414; default `[client_secret_basic]`. The first is used for ordinary requests.
    pub token_endpoint_auth_methods: Option<Vec<String>>,
    /// Which bodies the token endpoint promises to take; default `[form]`.
    pub request_content_types: Option<Vec<ContentType>>,
    /// The client that the checks play.
    pub client: Option<Client>,
    /// Another client; enables cross-client checks.
    pub second_client: Option<Client>,
    /// A client without a secret.
    pub public_client: Option<Client>,
    /// Who asks the introspection endpoint; default: `client`.
    pub resource_server: Option<Client>,
    /// A registered redirect URI.
    pub redirect_uri: Option<String>,
    /// A protected resource that takes the tokens.
    pub resource: Option<Resource>,
    /// The user who logs in.
    pub login: Option<Login>,
    /// A file with certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy.
    pub proxy: Option<String>,
    /// Header fields added to every request to this target.
    pub headers: IndexMap<String, String>,
    /// Longest time for a whole exchange, for example `30s`.
    pub timeout: Option<String>,
    /// The other bounds.
    pub bounds: Option<BoundsEntry>,
}

/// A body that a token endpoint takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContentType {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/json`.
    Json,
}

/// A registered client.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// RFC 6749 §2.2.
    pub client_id: String,
    /// RFC 6749 §2.3.1: `${env:NAME}`, `${file:PATH}` or `${command:…}`.
    pub client_secret: Option<String>,
}

/// A protected resource.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Where it is.
    pub url: String,
    /// Default GET.
    pub method: Option<String>,
    /// Of the body.
    pub content_type: Option<String>,
    /// What is posted to it.
    pub body: Option<String>,
    /// A file with what is posted to it, relative to the target file.
    pub body_file: Option<PathBuf>,
    /// The scope that it asks for.
    pub scope: Option<String>,
}

/// The user who logs in.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The name.
    pub username: String,
    /// `${env:NAME}`, `${file:PATH}` or `${command:…}`.
    pub password: String,
}

/// Bounds of an exchange.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BoundsEntry {
    /// To the established connection, TLS included; default `10s`.
    pub connect: Option<String>,
    /// From the request to the end of the response's head; default `20s`.
    pub first_byte: Option<String>,
    /// Bytes of the body; default 1048576.
    #[schemars(range(min = 1024))]
    pub body: Option<usize>,
    /// Bytes of status line and header fields; default 65536.
    #[schemars(range(min = 1024))]
    pub head: Option<usize>,
    /// Nesting of JSON; default 100.
    #[schemars(range(min = 4, max = 120))]
    pub json_depth: Option<usize>,
}

/// Bounds of an exchange, all set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// To the established connection, TLS included.
    pub connect: Duration,
    /// From the request to the end of the response's head.
    pub first_byte: Duration,
    /// The whole exchange.
    pub whole: Duration,
    /// Bytes of the body.
    pub body: usize,
    /// Bytes of status line and header fields.
    pub head: usize,
    /// Nesting of JSON.
    pub json_depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(20),
            whole: Duration::from_secs(30),
            body: 1 << 20,
            head: 64 << 10,
            json_depth: 100,
        }
    }
}

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
    secrets: Vec<(String, Secret)>,
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
            Self::Unreadable { .. } => {
                Some("name the file with `--config`, or say `--token-endpoint URL --client-id ID` without a file")
            }
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
    let Some(mut document) = document.filter(|_| file.problems.is_empty()) else {
        return Err(Error::Mistakes(Box::new(file)));
    };
    let known: Vec<String> = document.value["targets"].as_object().into_iter().flat_map(Map::keys).cloned().collect();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        let all: Vec<&str> = known.iter().map(String::as_str).collect();
        return Err(Error::Unknown { name: name.clone(), help: yaml::did_you_mean(name, &all) });
    }
    let wanted = if names.is_empty() { known } else { names.to_vec() };
    let mut targets = Vec::new();
    for name in wanted {
        let place = format!("/targets/{}", yaml::escape(&name));
        let mut value = document.value["targets"][&name].take();
        let secrets = secrets::take(
            &mut value,
            &place,
            &mut |place, message, help| {
                file.problems.push(problem(&document, place, message, help));
            },
            folder,
            reading,
        );
        match resolve(&name, value, secrets, folder) {
            Ok(target) => targets.push(target),
            Err((at, message, help)) => file.problems.push(problem(&document, &format!("{place}{at}"), message, help)),
        }
    }
    if file.problems.is_empty() { Ok(targets) } else { Err(Error::Mistakes(Box::new(file))) }
}

fn problem(document: &Document, place: &str, message: String, help: Option<String>) -> Problem {
    let at = document.positions.get(place).map(|position| position.value.clone()).unwrap_or_default();
    Problem { message, at, help }
}

/// Makes a target from an entry that is no file's: flags of the command line, or a server that describes itself. Secrets in it are
/// taken as they are.
///
/// # Errors
/// What does not make sense, in words.
pub fn from_entry(name: &str, mut value: Value) -> Result<Target, Error> {
    let mut wrong = None;
    let reading = Reading { allow_literal_secrets: true, verbatim: true };
    let folder = Path::new(".");
    let secrets = secrets::take(&mut value, "", &mut |_, message, _| wrong = Some(message), folder, reading);
    if let Some(message) = wrong {
        return Err(Error::Flags(message));
    }
    resolve(name, value, secrets, folder)
        .map_err(|(_, message, help)| Error::Flags(help.map_or(message.clone(), |help| format!("{message}: {help}"))))
}

type Wrong = (String, String, Option<String>);

fn resolve(name: &str, mut value: Value, secrets: Vec<(String, Secret)>, folder: &Path) -> Result<Target, Wrong> {
    let entry: Entry =
        serde_json::from_value(value.clone()).map_err(|error| (String::new(), error.to_string(), None))?;
    for endpoint in [
        "token_endpoint",
        "authorization_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "metadata_url",
        "issuer",
    ] {
        if let Some(text) = value.get(endpoint).and_then(Value::as_str) {
            valid_url(text).map_err(|(message, help)| (format!("/{endpoint}"), message, help))?;
        }
    }
    if entry.token_endpoint.is_none() {
        let help = Some("add `token_endpoint: https://…`".to_owned());
        return Err((String::new(), "`token_endpoint` is missing".into(), help));
    }
    if let Some(resource) = &entry.resource {
        valid_url(&resource.url).map_err(|(message, help)| ("/resource/url".to_owned(), message, help))?;
        if let Some(path) = &resource.body_file {
            let path = folder.join(path);
            let body = fs::read_to_string(&path).map_err(|error| {
                ("/resource/body_file".to_owned(), format!("cannot read `{}`: {error}", path.display()), None)
            })?;
            value["resource"]["body"] = body.into();
        }
    }
    if let Some(scope) = entry.scope.as_deref().filter(|scope| scope.contains(',')) {
        let help =
            format!("scopes are separated by spaces (RFC 6749 §3.3): `{}`", scope.replace(',', " ").replace("  ", " "));
        return Err(("/scope".into(), "a scope with commas".into(), Some(help)));
    }
    let mut bounds = Bounds::default();
    let own = entry.bounds.clone().unwrap_or_default();
    let time = |place: &str, text: &Option<String>, default: Duration| match text {
        None => Ok(default),
        Some(text) => duration(text).ok_or_else(|| {
            (place.to_owned(), format!("`{text}` is not a time"), Some("for example 500ms, 30s or 2m".to_owned()))
        }),
    };
    bounds.connect = time("/bounds/connect", &own.connect, bounds.connect)?;
    bounds.first_byte = time("/bounds/first_byte", &own.first_byte, bounds.first_byte)?;
    bounds.whole = time("/timeout", &entry.timeout, bounds.whole)?;
    bounds.body = own.body.unwrap_or(bounds.body);
    bounds.head = own.head.unwrap_or(bounds.head);
    bounds.json_depth = own.json_depth.unwrap_or(bounds.json_depth);
    complete(&mut value, &entry);
    Ok(Target {
        name: name.to_owned(),
        suites: entry.suites.clone(),
        claims: claims(&value, &entry, &secrets),
        public: value,
        bounds,
        ca_file: entry.ca_file.map(|path| folder.join(path)),
        proxy: entry.proxy,
        headers: entry.headers.into_iter().collect(),
        secrets,
    })
}

fn valid_url(text: &str) -> Result<(), (String, Option<String>)> {
    let url = Url::parse(text).map_err(|error| {
        let help = (!text.contains("://")).then(|| format!("did you mean `https://{text}`?"));
        (format!("`{text}` is not a URL: {error}"), help)
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err((format!("`{text}` is neither http nor https"), None));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(("credentials do not belong into a URL".into(), Some("use `client:`".into())));
    }
    Ok(())
}

/// What is not said but follows.
fn complete(value: &mut Value, entry: &Entry) {
    if entry.metadata_url.is_none()
        && let Some(url) = entry.issuer.as_deref().and_then(|issuer| Url::parse(issuer).ok())
    {
        // RFC 8414 §3.1: the well-known part stands between host and path.
        let path = url.path().trim_end_matches('/');
        let origin = url.origin().ascii_serialization();
        value["metadata_url"] = format!("{origin}/.well-known/oauth-authorization-server{path}").into();
    }
    if entry.authorization_scope.is_none()
        && let Some(scope) = &entry.scope
    {
        value["authorization_scope"] = scope.as_str().into();
    }
    for (key, default) in [
        ("grant_types", json!(["client_credentials"])),
        ("token_endpoint_auth_methods", json!(["client_secret_basic"])),
        ("request_content_types", json!(["form"])),
    ] {
        if value.get(key).is_none_or(Value::is_null) {
            value[key] = default;
        }
    }
}

fn claims(value: &Value, entry: &Entry, secrets: &[(String, Secret)]) -> BTreeSet<String> {
    let mut claims = BTreeSet::new();
    for list in ["grant_types", "token_endpoint_auth_methods", "request_content_types"] {
        claims.extend(value[list].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    }
    for (key, member) in value.as_object().into_iter().flatten() {
        if !member.is_null() && !member.is_array() && member.as_str() != Some("") {
            claims.insert(key.clone());
        }
    }
    if entry.scope.as_deref().is_some_and(|scope| scope.split(' ').filter(|word| !word.is_empty()).count() > 1) {
        claims.insert("scope_list".into());
    }
    if entry.token_endpoint.as_deref().is_some_and(|url| url.starts_with("https:")) {
        claims.insert("https".into());
    }
    if secrets.iter().any(|(name, _)| name == "client.client_secret") {
        claims.insert("client_secret".into());
    }
    claims
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

    /// A value of the entry, secrets included: only for building requests.
    #[must_use]
    pub fn value(&self, path: &[String]) -> Option<Value> {
        let joined = path.join(".");
        if let Some((_, secret)) = self.secrets.iter().find(|(name, _)| *name == joined) {
            return Some(Value::String(secret.expose().to_owned()));
        }
        let value = path.iter().try_fold(&self.public, |value, name| value.get(name))?;
        (!value.is_null() && value.as_str() != Some("")).then(|| value.clone())
    }

    /// A text of the entry, secrets included.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        self.value(&path)?.as_str().map(str::to_owned)
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
