//! `grantlint init`: a target file for a start. Asks a person at a terminal; elsewhere flags say everything.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::output::tell;
use super::send_args::SendArgs;
use super::target_args::Auth;
use super::{output, pipeline};
use crate::report::write;
use crate::run;
use crate::target::{self, Draft, Target};
use crate::yaml;

/// `init`.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// File to write
    #[arg(value_name = "FILE", default_value = "grantlint.yaml")]
    pub(super) file: PathBuf,
    /// Name of the target in it
    #[arg(long, value_name = "NAME", default_value = "test")]
    pub(super) name: String,
    /// Issuer; its metadata is asked for the endpoints
    #[arg(long, value_name = "URL")]
    pub(super) issuer: Option<String>,
    /// Token endpoint
    #[arg(long, value_name = "URL")]
    pub(super) token_endpoint: Option<String>,
    /// Client identifier
    #[arg(long, value_name = "ID")]
    pub(super) client_id: Option<String>,
    /// Variable that will hold the client secret [GRANTLINT_CLIENT_SECRET]
    ///
    /// The secret itself is asked for by nobody, and stands in no file.
    #[arg(long, value_name = "NAME", default_value = "GRANTLINT_CLIENT_SECRET", hide_default_value = true, value_parser = variable)]
    pub(super) secret_variable: String,
    /// How the client authenticates
    ///
    /// By default what the metadata lists, or basic.
    #[arg(long, value_name = "METHOD")]
    pub(super) auth: Option<Auth>,
    /// Scope to ask for: words separated by spaces
    #[arg(long, value_name = "SCOPE")]
    pub(super) scope: Option<String>,
    /// Protected resource to use the token at
    #[arg(long, value_name = "URL")]
    pub(super) resource: Option<String>,
    /// Suite to run; may be repeated
    #[arg(long = "suite", value_name = "NAME")]
    pub(super) suites: Vec<String>,
    /// Send nothing, not even for metadata
    #[arg(long)]
    pub(super) offline: bool,
    /// Write over a file that is there, without asking
    #[arg(long)]
    pub(super) force: bool,
}

/// A name that a shell takes.
fn variable(text: &str) -> Result<String, String> {
    let sound = !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    sound.then(|| text.to_owned()).ok_or_else(|| "a variable has letters, digits and underscores".to_owned())
}

pub(super) fn run(args: &InitArgs) -> Result<u8, Failure> {
    let taken = || {
        let help = "name another file, or say --force to write over it".to_owned();
        Failure::usage(format!("`{}` is there already", args.file.display()), help)
    };
    let mut replaces = args.force;
    if !replaces && args.file.symlink_metadata().is_ok() {
        if !somebody_is_there() || !agreed(&format!("`{}` is there already; write over it?", args.file.display()))? {
            return Err(taken());
        }
        replaces = true;
    }
    output::has_directory(&args.file)?;
    let catalogue = pipeline::catalogue(None)?;
    let known: Vec<&str> = catalogue.suites.keys().collect();
    if let Some(name) = args.suites.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Failure::usage(format!("no suite is called `{name}`"), yaml::did_you_mean(name, &known)));
    }
    let asked = Asked::of(args)?;
    let entry = asked.entry(args);
    // What is wrong with a URL is said before anything is sent or written.
    let target = target::from_entry(&args.name, entry)?;
    let draft = if args.offline || asked.issuer.is_none() {
        asked.draft(args, &target, None)
    } else {
        let (target, from) = discovered(&target)?;
        asked.draft(args, &target, from)
    };
    let text = draft.render();
    if replaces {
        write::write(&args.file, text.as_bytes())?;
    } else {
        write::create(&args.file, text.as_bytes())?;
    }
    let config = if args.file.as_os_str() == "grantlint.yaml" {
        String::new()
    } else {
        format!(" --config {}", args.file.display())
    };
    output::print(&format!(
        "wrote {}\n\nnext:\n  read -rs {variable} && export {variable}   # type the client secret; it is not shown\n  \
         grantlint check {}{config} --safe\n",
        args.file.display(),
        args.name,
        variable = args.secret_variable,
    ))?;
    Ok(0)
}

/// What flags and answers say.
struct Asked {
    issuer: Option<String>,
    token_endpoint: Option<String>,
    client_id: String,
    scope: Option<String>,
    resource: Option<String>,
}

impl Asked {
    fn of(args: &InitArgs) -> Result<Self, Failure> {
        let mut asked = Self {
            issuer: args.issuer.clone(),
            token_endpoint: args.token_endpoint.clone(),
            client_id: args.client_id.clone().unwrap_or_default(),
            scope: args.scope.clone(),
            resource: args.resource.clone(),
        };
        let unnamed = asked.issuer.is_none() && asked.token_endpoint.is_none();
        if !somebody_is_there() {
            if unnamed {
                let help = "say --issuer URL or --token-endpoint URL; at a terminal you would be asked".to_owned();
                return Err(Failure::usage("no endpoint is named", help));
            }
            if asked.client_id.is_empty() {
                let help = "say --client-id ID; at a terminal you would be asked".to_owned();
                return Err(Failure::usage("no client is named", help));
            }
            return Ok(asked);
        }
        if unnamed {
            asked.issuer = ask("issuer URL (empty if there is none): ", false, |url| right(json!({ "issuer": url })))?;
            if asked.issuer.is_none() {
                let sound = |url: &str| right(json!({ "token_endpoint": url }));
                asked.token_endpoint = ask("token endpoint URL: ", true, sound)?;
            }
        }
        if asked.client_id.is_empty() {
            asked.client_id = ask("client id: ", true, |_| Ok(()))?.unwrap_or_default();
        }
        if asked.scope.is_none() {
            asked.scope = ask("scope (empty for none): ", false, |scope| right(json!({ "scope": scope })))?;
        }
        if asked.resource.is_none() {
            let sound = |url: &str| right(json!({ "resource": { "url": url, "method": "GET" } }));
            asked.resource = ask("URL of a protected resource (empty for none): ", false, sound)?;
        }
        Ok(asked)
    }

    /// As an entry of a target file; the secret is none yet.
    fn entry(&self, args: &InitArgs) -> Value {
        let mut entry = json!({});
        let texts = [("issuer", &self.issuer), ("token_endpoint", &self.token_endpoint), ("scope", &self.scope)];
        for (key, text) in texts {
            if let Some(text) = text {
                entry[key] = text.as_str().into();
            }
        }
        if let Some(auth) = args.auth {
            entry["token_endpoint_auth_methods"] = json!([method(auth)]);
        }
        if let Some(url) = &self.resource {
            entry["resource"] = json!({"url": url, "method": "GET"});
        }
        entry
    }

    fn draft(&self, args: &InitArgs, target: &Target, learned_from: Option<String>) -> Draft {
        let named =
            ["issuer", "token_endpoint", "revocation_endpoint", "introspection_endpoint", "authorization_endpoint"];
        let endpoints = named.iter().filter_map(|name| Some(((*name).to_owned(), target.text(name)?))).collect();
        let listed = target.public["token_endpoint_auth_methods"][0].as_str().map(str::to_owned);
        Draft {
            name: args.name.clone(),
            suites: args.suites.clone(),
            endpoints,
            method: args.auth.map(|auth| method(auth).to_owned()).or(listed.filter(|_| learned_from.is_some())),
            learned_from,
            scope: self.scope.clone(),
            client_id: self.client_id.clone(),
            variable: args.secret_variable.clone(),
            resource: self.resource.clone(),
        }
    }
}

fn method(auth: Auth) -> &'static str {
    match auth {
        Auth::Basic => "client_secret_basic",
        Auth::Post => "client_secret_post",
    }
}

/// The target with what the issuer's metadata says, and where that was; asked without credentials.
fn discovered(target: &Target) -> Result<(Target, Option<String>), Failure> {
    if !target.is_undiscovered() {
        return Ok((target.clone(), None));
    }
    let settings = pipeline::settings(&SendArgs::sparing(), Arc::new(run::Quiet))?;
    let catalogue = pipeline::catalogue(None)?;
    let (target, found) =
        pipeline::runtime()?.block_on(run::discover(catalogue, target, &settings, pipeline::asked_to_stop()))?;
    if let Some((says, next)) = found.stopped() {
        return Err(Failure::usage(says, format!("{next}; --offline asks nothing")));
    }
    let from = target.public["discovered"]["from"].as_str().map(str::to_owned);
    if let Some(from) = &from {
        tell(&format!("metadata found at {from}"));
    }
    Ok((target, from))
}

/// Whether there is a person who can be asked.
fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether a member of an entry would be understood, the rest of which is not known yet.
fn right(mut member: Value) -> Result<(), Failure> {
    if member["issuer"].is_null() && member["token_endpoint"].is_null() {
        member["token_endpoint"] = "https://as.example/token".into();
    }
    target::from_entry("target", member)?;
    Ok(())
}

/// Asks a person, on standard error, until the answer is right; `None` is an empty answer.
fn ask(question: &str, needed: bool, right: impl Fn(&str) -> Result<(), Failure>) -> Result<Option<String>, Failure> {
    loop {
        let Some(line) = answered(question)? else {
            tell("");
            return Err(Failure::usage(
                "the answers ended; nothing was written",
                "flags can say everything: see --help".to_owned(),
            ));
        };
        let text = line.trim();
        if text.is_empty() && !needed {
            return Ok(None);
        }
        if !text.is_empty() {
            match right(text) {
                Ok(()) => return Ok(Some(text.to_owned())),
                Err(failure) => failure.print(),
            }
        }
    }
}

/// Whether a person says yes; anything else is no.
fn agreed(question: &str) -> Result<bool, Failure> {
    let answer = answered(&format!("{question} [y/N] "))?;
    Ok(answer.is_some_and(|answer| ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())))
}

/// A line that a person typed; `None` at the end of input.
fn answered(question: &str) -> Result<Option<String>, Failure> {
    let mut line = String::new();
    let read = write!(io::stderr(), "{question}").and_then(|()| io::stderr().flush());
    let read = read.and_then(|()| io::stdin().read_line(&mut line));
    let bytes = read.map_err(|error| Failure::usage(format!("cannot read the answer: {error}"), None))?;
    Ok((bytes > 0).then_some(line))
}
