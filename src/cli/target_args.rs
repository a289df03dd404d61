//! The target: from a file, or from flags with no file at all.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::failure::Failure;
use super::output::tell;
use super::pipeline;
use super::send_args::SendArgs;
use crate::target::{self, Reading, Target};

/// Where the target comes from.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Target", group = clap::ArgGroup::new("by_flags").multiple(true))]
pub(super) struct TargetArgs {
    /// Targets of the target file; all of them by default
    #[arg(value_name = "TARGET", conflicts_with = "by_flags")]
    pub(super) targets: Vec<String>,
    /// Target file
    #[arg(long, value_name = "FILE", default_value = "grantlint.yaml", conflicts_with = "by_flags")]
    pub(super) config: PathBuf,
    /// Take a target file with secrets in it
    #[arg(long, hide_short_help = true)]
    pub(super) allow_literal_secrets: bool,
    /// Token endpoint to check without a target file
    #[arg(long, value_name = "URL", requires = "client_id", group = "by_flags")]
    pub(super) token_endpoint: Option<String>,
    /// Issuer to check without a target file
    ///
    /// Without --token-endpoint, its metadata names the endpoints.
    #[arg(long, value_name = "URL", group = "by_flags")]
    pub(super) issuer: Option<String>,
    /// Its client; GRANTLINT_CLIENT_SECRET has the secret, or it is asked for
    ///
    /// --client-secret-file takes it from a file. It is never an argument, since others can read those.
    #[arg(long, value_name = "ID", requires = "by_flags")]
    pub(super) client_id: Option<String>,
    /// File that holds the client secret
    #[arg(long, hide_short_help = true, value_name = "FILE", requires = "client_id")]
    pub(super) client_secret_file: Option<PathBuf>,
    /// How the client authenticates
    ///
    /// By default basic, or what the metadata lists.
    #[arg(long, value_name = "METHOD", requires = "by_flags")]
    pub(super) auth: Option<Auth>,
    /// Scope to ask for: words separated by spaces
    #[arg(long, value_name = "SCOPE", requires = "by_flags")]
    pub(super) scope: Option<String>,
    /// Request bodies that the endpoint promises to take: form, json, or form,json
    #[arg(
        long,
        hide_short_help = true,
        value_name = "TYPE",
        requires = "by_flags",
        value_delimiter = ',',
        default_value = "form"
    )]
    pub(super) content_type: Vec<ContentType>,
    /// Protected resource to use the token at
    #[arg(long, value_name = "URL", requires = "by_flags")]
    pub(super) resource: Option<String>,
    /// File to post to the resource; without it, GET
    #[arg(long, hide_short_help = true, value_name = "FILE", requires = "resource")]
    pub(super) resource_body: Option<PathBuf>,
    /// Media type of that file
    #[arg(
        long,
        hide_short_help = true,
        value_name = "TYPE",
        requires = "resource_body",
        default_value = "application/json"
    )]
    pub(super) resource_content_type: String,
}

/// `--auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Auth {
    /// HTTP Basic.
    Basic,
    /// Secret in the body.
    Post,
}

/// `--content-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ContentType {
    /// Form-encoded.
    Form,
    /// JSON.
    Json,
}

/// The variable that the secret of a run without a file comes from.
const SECRET: &str = "GRANTLINT_CLIENT_SECRET";

impl TargetArgs {
    /// The targets that are meant, with the flags of sending laid over them.
    pub(super) fn read(&self, sending: &SendArgs) -> Result<Vec<Target>, Failure> {
        let mut targets = match self.token_endpoint.as_ref().or(self.issuer.as_ref()) {
            Some(url) => vec![self.by_flags(url)?],
            None => {
                let reading = Reading { allow_literal_secrets: self.allow_literal_secrets, ..Reading::default() };
                target::read(&self.config, &self.targets, reading)?
            }
        };
        for target in &mut targets {
            lay_over(target, sending)?;
            target.hints.iter().for_each(|hint| tell(&format!("hint: target `{}`: {hint}", target.name)));
        }
        Ok(targets)
    }

    /// The file whose line a report can point at.
    pub(super) fn file(&self) -> Option<String> {
        (self.token_endpoint.is_none() && self.issuer.is_none()).then(|| self.config.display().to_string())
    }

    /// How the same targets are asked again, without the secret.
    pub(super) fn again(&self) -> String {
        let mut command = "grantlint check".to_owned();
        if self.file().is_some() {
            self.targets.iter().for_each(|target| command.push_str(&format!(" {target}")));
            if self.config != Path::new("grantlint.yaml") {
                command.push_str(&format!(" --config {}", self.config.display()));
            }
            if self.allow_literal_secrets {
                command.push_str(" --allow-literal-secrets");
            }
            return command;
        }
        for (flag, value) in
            [("token-endpoint", &self.token_endpoint), ("issuer", &self.issuer), ("client-id", &self.client_id)]
        {
            if let Some(value) = value {
                command.push_str(&format!(" --{flag} {value}"));
            }
        }
        if let Some(scope) = &self.scope {
            command.push_str(&format!(" --scope '{scope}'"));
        }
        if let Some(auth) = self.auth {
            command.push_str(if auth == Auth::Post { " --auth post" } else { " --auth basic" });
        }
        if self.content_type.contains(&ContentType::Json) {
            let form = if self.content_type.contains(&ContentType::Form) { "form," } else { "" };
            command.push_str(&format!(" --content-type {form}json"));
        }
        if let Some(url) = &self.resource {
            command.push_str(&format!(" --resource {url}"));
        }
        if let Some(path) = &self.resource_body {
            command.push_str(&format!(" --resource-body {}", path.display()));
        }
        command
    }

    /// `url` names the target: its token endpoint, or its issuer.
    fn by_flags(&self, url: &str) -> Result<Target, Failure> {
        let types: Vec<&str> =
            self.content_type.iter().map(|kind| if *kind == ContentType::Form { "form" } else { "json" }).collect();
        let mut entry = json!({ "request_content_types": types });
        for (key, value) in [("token_endpoint", &self.token_endpoint), ("issuer", &self.issuer)] {
            if let Some(value) = value {
                entry[key] = value.as_str().into();
            }
        }
        if let Some(auth) = self.auth {
            let method = if auth == Auth::Basic { "client_secret_basic" } else { "client_secret_post" };
            entry["token_endpoint_auth_methods"] = json!([method]);
        }
        if let Some(scope) = &self.scope {
            entry["scope"] = scope.as_str().into();
        }
        if let Some(url) = &self.resource {
            entry["resource"] = json!({"url": url, "method": "GET"});
            if let Some(path) = &self.resource_body {
                let body = fs::read_to_string(path).map_err(|error| unreadable("resource-body", path, &error))?;
                entry["resource"] =
                    json!({"url": url, "method": "POST", "content_type": self.resource_content_type, "body": body});
            }
        }
        let name = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
        // The URL is looked at before anybody is asked for a secret.
        target::from_entry("target", entry.clone())?;
        if let Some(id) = &self.client_id {
            entry["client"] = json!({"client_id": id, "client_secret": Value::String(self.secret()?)});
        }
        Ok(target::from_entry(name.as_deref().unwrap_or("target"), entry)?)
    }

    fn secret(&self) -> Result<String, Failure> {
        if let Some(path) = &self.client_secret_file {
            let text = fs::read_to_string(path).map_err(|error| unreadable("client-secret-file", path, &error))?;
            let secret = text.trim_end_matches(['\n', '\r']);
            if secret.is_empty() {
                return Err(Failure::usage(format!("no client secret in `{}`: it is empty", path.display()), None));
            }
            return Ok(secret.to_owned());
        }
        match std::env::var(SECRET) {
            Ok(secret) if secret.is_empty() => {
                // What a CI server does with a secret that it does not know, or keeps from a fork.
                let help = "set it to the client secret, or leave it unset and name a file with --client-secret-file";
                return Err(Failure::usage(format!("{SECRET} is set, but empty"), help.to_owned()));
            }
            Ok(secret) => return Ok(secret),
            Err(std::env::VarError::NotUnicode(_)) => {
                let help = "name a file with --client-secret-file".to_owned();
                return Err(Failure::usage(format!("{SECRET} is not UTF-8"), help));
            }
            Err(std::env::VarError::NotPresent) => {}
        }
        if io::stdin().is_terminal() {
            return typed_secret();
        }
        let help = format!(
            "set {SECRET}, or name a file with --client-secret-file; it is never an argument, since others can read those"
        );
        Err(Failure::usage("no client secret", help))
    }
}

/// A file that a flag names, and that cannot be read.
fn unreadable(flag: &str, path: &Path, error: &io::Error) -> Failure {
    let help = format!("look at the path behind --{flag}, which is relative to where you are, and at who may read it");
    Failure::usage(format!("cannot read `{}` (--{flag}): {error}", path.display()), help)
}

/// The secret as somebody types it, which is not shown.
fn typed_secret() -> Result<String, Failure> {
    // Ctrl-C comes as a signal, which would end the process before the terminal shows again what is typed. A process that listens
    // outlives it, and is told by an error.
    #[cfg(unix)]
    let _listening = {
        use tokio::signal::unix::{SignalKind, signal};
        let runtime = pipeline::runtime()?;
        let _within = runtime.enter();
        (signal(SignalKind::interrupt()), runtime)
    };
    let other = || format!("set {SECRET}, or name a file with --client-secret-file");
    match rpassword::prompt_password("client secret (not shown): ") {
        Ok(secret) if secret.is_empty() => Err(Failure::usage("the client secret is empty; nothing was sent", other())),
        Ok(secret) => Ok(secret),
        Err(error) => {
            tell("");
            if error.kind() == io::ErrorKind::Interrupted {
                return Err(Failure::interrupted());
            }
            Err(Failure::usage(format!("cannot read the client secret: {error}"), other()))
        }
    }
}

pub(super) fn lay_over(target: &mut Target, sending: &SendArgs) -> Result<(), Failure> {
    if let Some(text) = &sending.timeout {
        // Without any time nothing could be answered.
        let time = target::duration(text).filter(|time| !time.is_zero()).ok_or_else(|| {
            Failure::usage(format!("`{text}` is not a time"), "for example 500ms, 30s or 2m".to_owned())
        })?;
        target.bounds.whole = time;
        target.bounds.first_byte = target.bounds.first_byte.min(time);
        target.bounds.connect = target.bounds.connect.min(time);
    }
    if let Some(proxy) = &sending.proxy {
        target.proxy = Some(proxy.clone());
    }
    if let Some(path) = &sending.cacert {
        // Also where nothing needs it: a wrong path is found today and not on the day the endpoint gets TLS.
        fs::File::open(path).map_err(|error| unreadable("cacert", path, &error))?;
        target.ca_file = Some(path.clone());
    }
    Ok(())
}
