//! A `.http` file. Its tools encode nothing, so what has to be encoded is a variable of its own, with the line that makes it.

use std::cell::RefCell;

use super::expect;
use super::stand_ins::{endpoints, url};
use super::{Basic, Handed, StandIns, comment, expected, headers, text};
use crate::run::Prepared;

pub(super) fn render(handed: Handed<'_>, stand_ins: &StandIns) -> String {
    let endpoints = endpoints(handed);
    // Variable of the file, variable of the environment, and how that is made if it is no plain secret.
    let variables: RefCell<Vec<(String, String, Option<String>)>> = RefCell::default();
    let mut requests = String::new();
    for request in handed.requests {
        requests.push_str(&one(handed, request, stand_ins, &endpoints, &variables));
    }
    let mut file = format!(
        "# Ordinary requests to {}, written by grantlint, for the REST Client of VS Code and for httpYac.\n\
         # Secrets come from the environment. A request that needs a token takes it from the one before it: send that first.\n\n",
        comment(handed.name)
    );
    for (name, url) in &endpoints {
        file.push_str(&format!("@{name} = {url}\n"));
    }
    for (name, variable, made) in variables.borrow().iter() {
        if let Some(made) = made {
            file.push_str(&format!("# export {variable}=\"{made}\"\n"));
        }
        file.push_str(&format!("@{name} = {{{{$processEnv {variable}}}}}\n"));
    }
    file + &requests
}

fn one(
    handed: Handed<'_>,
    request: &Prepared,
    stand_ins: &StandIns,
    endpoints: &[(&str, &str)],
    variables: &RefCell<Vec<(String, String, Option<String>)>>,
) -> String {
    let document = &request.document["request"];
    let use_of = |variable: String, made: Option<String>| {
        let name = variable.to_ascii_lowercase();
        let mut all = variables.borrow_mut();
        if !all.iter().any(|(known, ..)| *known == name) {
            all.push((name.clone(), variable, made));
        }
        format!("{{{{{name}}}}}")
    };
    let written = |text: &str, encoded: bool| {
        stand_ins.replaced(text, &|variable| {
            if let Some(taken) = stand_ins.taken.iter().find(|one| one.variable == variable) {
                return format!("{{{{{}.response.body.$.{}}}}}", name(&taken.from), taken.member);
            }
            if encoded {
                let made = format!("$(printf %s \"${variable}\" | jq -sRr @uri)");
                return use_of(format!("{variable}_ENCODED"), Some(made));
            }
            use_of(variable.to_owned(), None)
        })
    };
    let mut out = format!("\n### {}\n# @name {}\n# @no-redirect\n", comment(&request.title), name(&request.key));
    let alternatives = expected(handed, request);
    if !alternatives.is_empty() {
        out.push_str(&format!("# expected: {}\n", expect::words(&alternatives)));
    }
    let encoded = matches!(document["encode"].as_str(), Some("form" | "query"));
    out.push_str(&format!("{} {}\n", text(document, "method"), written(&url(document, endpoints), true)));
    let basic = Basic::of(document);
    for (field, value) in headers(document) {
        let value = match basic.as_ref().filter(|_| field.eq_ignore_ascii_case("authorization")) {
            Some(basic) if basic.is_plain() && !basic.client_id.contains([' ', ':']) => {
                format!("Basic {} {}", basic.client_id, use_of(basic.secret.to_owned(), None))
            }
            Some(basic) => {
                let (variable, made) = pair(basic);
                format!("{} {}", basic.scheme, use_of(variable, Some(made)))
            }
            None => written(&value, false),
        };
        out.push_str(&format!("{field}: {value}\n"));
    }
    if !text(document, "body").is_empty() {
        out.push_str(&format!("\n{}\n", written(text(document, "body"), encoded)));
    }
    out
}

/// The variable of a pair that these tools cannot make, and the shell's way to make it.
fn pair(basic: &Basic<'_>) -> (String, String) {
    let mut name = format!("{}_PAIR", basic.secret);
    let plain =
        |text: &str| text.chars().filter(|c| c.is_ascii_alphanumeric() || "-._~".contains(*c)).collect::<String>();
    let id = plain(basic.client_id);
    let mut made = format!("printf '%s:%s' '{id}' \"${}\"", basic.secret);
    if basic.form_encoded {
        name.push_str("_FORM");
        made = format!("printf '%s:%s' '{id}' \"$(printf %s \"${}\" | jq -sRr @uri)\"", basic.secret);
    }
    let mut made = format!("$({made} | base64 | tr -d '\\n'");
    if basic.url_safe {
        name.push_str("_URL_SAFE");
        made.push_str(" | tr '+/' '-_'");
    }
    (name, made + ")")
}

/// A name that these tools take: letters, digits and underscores.
fn name(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
