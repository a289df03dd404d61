//! A `.http` file. The REST Client of VS Code encodes nothing, so what has to be encoded is a variable of its own, with the line that makes it.
//! httpYac calls what an answer holds by other names, runs scripts and has tests, so its file is another one.

use std::cell::RefCell;

use serde_json::Value;

use super::expect::{self, Expected};
use super::stand_ins::{endpoints, url};
use super::{Basic, Handed, StandIns, comment, expected, headers, text};
use crate::run::Prepared;

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    RestClient,
    HttpYac,
}

/// A variable of the file: its name, the environment's, and how that is made in a shell and in JavaScript if it is no plain secret.
struct Variable {
    name: String,
    environment: String,
    shell: Option<String>,
    script: String,
}

pub(super) fn render(handed: Handed<'_>, stand_ins: &StandIns, tool: Tool) -> String {
    let endpoints = endpoints(handed);
    let file = File { handed, stand_ins, endpoints: &endpoints, tool, variables: RefCell::default() };
    let requests: String = handed.requests.iter().map(|request| file.one(request)).collect();
    let head = match tool {
        Tool::RestClient => file.head_of_rest_client(),
        Tool::HttpYac => file.head_of_httpyac(),
    };
    head + &requests
}

struct File<'h> {
    handed: Handed<'h>,
    stand_ins: &'h StandIns,
    endpoints: &'h [(&'h str, &'h str)],
    tool: Tool,
    variables: RefCell<Vec<Variable>>,
}

/// How a secret stands where it is used.
#[derive(Clone, Copy)]
enum As {
    Plain,
    Form,
    Json,
}

impl File<'_> {
    fn head_of_rest_client(&self) -> String {
        let mut head = format!(
            "# Ordinary requests to {}, written by grantlint, for the REST Client of VS Code.\n\
             # Secrets come from the environment. A request that needs a token takes it from the one before it: send that first.\n\n",
            comment(self.handed.name)
        );
        self.endpoints.iter().for_each(|(name, url)| head.push_str(&format!("@{name} = {url}\n")));
        for variable in self.variables.borrow().iter() {
            if let Some(made) = &variable.shell {
                head.push_str(&format!("# export {}=\"{made}\"\n", variable.environment));
            }
            head.push_str(&format!("@{} = {{{{$processEnv {}}}}}\n", variable.name, variable.environment));
        }
        head
    }

    fn head_of_httpyac(&self) -> String {
        let mut head = format!(
            "# Ordinary requests to {}, written by grantlint, for httpYac: httpyac send FILE --all --bail\n\
             # Secrets come from the environment. A request that needs a token sends the one that yields it first.\n\n",
            comment(self.handed.name)
        );
        self.endpoints.iter().for_each(|(name, url)| head.push_str(&format!("@{name} = {url}\n")));
        head.push_str(SCRIPT);
        for variable in self.variables.borrow().iter() {
            head.push_str(&format!("exports.{} = {};\n", variable.name, variable.script));
        }
        head + "}}\n"
    }

    fn use_of(&self, variable: Variable) -> String {
        let name = variable.name.clone();
        let mut all = self.variables.borrow_mut();
        if !all.iter().any(|known| known.name == name) {
            all.push(variable);
        }
        format!("{{{{{name}}}}}")
    }

    fn secret(&self, variable: &str, written: As) -> String {
        let lower = variable.to_ascii_lowercase();
        let plain = format!("environment({})", Value::from(variable));
        let (end, shell, script) = match written {
            As::Plain => ("", None, plain),
            As::Form => {
                let shell = format!("$(printf %s \"${variable}\" | jq -sRr @uri)");
                ("_ENCODED", Some(shell), format!("form({plain})"))
            }
            As::Json => {
                let shell = format!("$(printf %s \"${variable}\" | jq -sR . | sed 's/^.//; s/.$//')");
                ("_JSON", Some(shell), format!("json({plain})"))
            }
        };
        let (name, environment) = (format!("{lower}{}", end.to_ascii_lowercase()), format!("{variable}{end}"));
        self.use_of(Variable { name, environment, shell, script })
    }

    fn written(&self, text: &str, secret: As) -> String {
        self.stand_ins.replaced(text, &|variable| {
            let Some(taken) = self.stand_ins.taken.iter().find(|one| one.variable == variable) else {
                return self.secret(variable, secret);
            };
            match self.tool {
                Tool::RestClient => format!("{{{{{}.response.body.$.{}}}}}", name(&taken.from), taken.member),
                Tool::HttpYac => format!("{{{{{}[{}]}}}}", name(&taken.from), Value::from(taken.member.as_str())),
            }
        })
    }

    fn one(&self, request: &Prepared) -> String {
        let document = &request.document["request"];
        let mut out = format!("\n### {}\n# @name {}\n# @no-redirect\n", comment(&request.title), name(&request.key));
        let alternatives = expected(self.handed, request);
        if self.tool == Tool::HttpYac {
            let mut sources: Vec<String> = request.taken.iter().map(|taken| name(&taken.from)).collect();
            sources.dedup();
            sources.iter().for_each(|source| out.push_str(&format!("# @ref {source}\n")));
        } else if !alternatives.is_empty() {
            out.push_str(&format!("# expected: {}\n", expect::words(&alternatives)));
        }
        out.push_str(&format!(
            "{} {}\n",
            text(document, "method"),
            self.written(&url(document, self.endpoints), As::Form)
        ));
        let basic = Basic::of(document);
        for (field, value) in headers(document) {
            let value = match basic.as_ref().filter(|_| field.eq_ignore_ascii_case("authorization")) {
                Some(basic)
                    if self.tool == Tool::RestClient && basic.is_plain() && !basic.client_id.contains([' ', ':']) =>
                {
                    format!("Basic {} {}", basic.client_id, self.secret(basic.secret, As::Plain))
                }
                Some(basic) => format!("{} {}", basic.scheme, self.use_of(pair(basic))),
                None => self.written(&value, As::Plain),
            };
            out.push_str(&format!("{field}: {value}\n"));
        }
        if !text(document, "body").is_empty() {
            let secret = match document["encode"].as_str() {
                Some("form" | "query") => As::Form,
                Some("json") => As::Json,
                _ => As::Plain,
            };
            out.push_str(&format!("\n{}\n", self.written(text(document, "body"), secret)));
        }
        if self.tool == Tool::HttpYac && !alternatives.is_empty() {
            let title = Value::from(expect::words(&alternatives));
            let held = condition(&alternatives);
            out.push_str(&format!("\n{{{{\ntest({title}, () => {{\n  if (!({held})) throw new Error(`got ${{response.statusCode}}`);\n}});\n}}}}\n"));
        }
        out
    }
}

/// JavaScript that is true if one of the alternatives holds.
fn condition(alternatives: &[Vec<Expected>]) -> String {
    let one = |expected: &Expected| match expected {
        Expected::Status(from, to) => format!("response.statusCode >= {from} && response.statusCode <= {to}"),
        Expected::OneOf(all) => format!("{}.includes(response.statusCode)", Value::from(all.clone())),
        Expected::Member(name) => format!("{} in Object(response.parsedBody)", Value::from(name.as_str())),
        Expected::Says(name, text) => {
            let (name, text) = (Value::from(name.as_str()), Value::from(text.as_str()));
            format!("Object(response.parsedBody)[{name}] === {text}")
        }
    };
    let all = alternatives.iter().map(|said| said.iter().map(one).collect::<Vec<_>>().join(" && "));
    all.map(|one| format!("({one})")).collect::<Vec<_>>().join(" || ")
}

/// The variable of a pair that these tools cannot make by themselves.
fn pair(basic: &Basic<'_>) -> Variable {
    let mut environment = format!("{}_PAIR", basic.secret);
    let plain =
        |text: &str| text.chars().filter(|c| c.is_ascii_alphanumeric() || "-._~".contains(*c)).collect::<String>();
    let id = plain(basic.client_id);
    let mut shell = format!("printf '%s:%s' '{id}' \"${}\"", basic.secret);
    let (client_id, secret) = (Value::from(basic.client_id), format!("environment({})", Value::from(basic.secret)));
    let mut script = format!("{client_id} + \":\" + {secret}");
    if basic.form_encoded {
        environment.push_str("_FORM");
        shell = format!("printf '%s:%s' '{id}' \"$(printf %s \"${}\" | jq -sRr @uri)\"", basic.secret);
        script = format!("form({client_id}) + \":\" + form({secret})");
    }
    let mut shell = format!("$({shell} | base64 | tr -d '\\n'");
    script = format!("Buffer.from({script}).toString(\"base64\")");
    if basic.url_safe {
        environment.push_str("_URL_SAFE");
        shell.push_str(" | tr '+/' '-_'");
        script.push_str(".replace(/\\+/g, \"-\").replace(/\\//g, \"_\")");
    }
    Variable { name: environment.to_ascii_lowercase(), environment, shell: Some(shell + ")"), script }
}

/// A name that these tools take: letters, digits and underscores.
fn name(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// What httpYac runs before the first request.
const SCRIPT: &str = r#"
{{
const environment = (name) => {
  if (!process.env[name]) throw new Error(`${name} is not set`);
  return process.env[name];
};
// As application/x-www-form-urlencoded has it (RFC 6749 section 2.3.1).
const form = (text) => encodeURIComponent(text).replace(/%20/g, "+")
  .replace(/[!'()~]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());
// Within a text of JSON; what stands in two braces would be run.
const json = (text) => JSON.stringify(text).slice(1, -1).replace(/\{\{/g, "\\u007b{");
"#;
