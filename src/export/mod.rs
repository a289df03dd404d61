//! Ordinary requests for other tools: a shell script with `curl`, a Postman collection, a `.http` file.
//!
//! Pure. What comes in is masked, so nothing secret can go out: what a mask stands for is a variable that the user sets.

mod expect;
mod http_file;
mod postman;
mod script;
mod stand_ins;

use crate::run::Prepared;
use crate::suite::Catalogue;
use serde_json::Value;

use expect::Expected;
use http_file::Tool;
use stand_ins::StandIns;

/// What is handed on.
#[derive(Debug, Clone, Copy)]
pub struct Handed<'h> {
    /// Definitions, for what is expected of the answers.
    pub catalogue: &'h Catalogue,
    /// The requests, each after those that it takes values from.
    pub requests: &'h [Prepared],
    /// The target's entry without secrets.
    pub target: &'h Value,
    /// Its name.
    pub name: &'h str,
}

/// For which tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A POSIX shell script.
    Curl,
    /// A collection of format 2.1, for Postman and Newman.
    Postman,
    /// A `.http` file for the REST Client of VS Code.
    HttpFile,
    /// A `.http` file with tests, for httpYac.
    HttpYac,
}

/// The requests as a text that ends with a line break.
#[must_use]
pub fn render(handed: Handed<'_>, form: Form) -> String {
    let stand_ins = StandIns::of(handed);
    match form {
        Form::Curl => script::render(handed, &stand_ins),
        Form::Postman => postman::render(handed, &stand_ins),
        Form::HttpFile => http_file::render(handed, &stand_ins, Tool::RestClient),
        Form::HttpYac => http_file::render(handed, &stand_ins, Tool::HttpYac),
    }
}

/// What is expected of the answer to a request; empty if that cannot be said in the words of other tools.
fn expected(handed: Handed<'_>, request: &Prepared) -> Vec<Vec<Expected>> {
    let exchange = handed.catalogue.exchanges.get(&request.exchange);
    exchange.and_then(|exchange| exchange.works.as_ref()).map(expect::of).unwrap_or_default()
}

/// One line of text for a comment, which nothing in it can end.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A field of a request as a text.
fn text<'d>(request: &'d Value, name: &str) -> &'d str {
    request.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Header fields in the order in which they are sent, but for those that every tool writes itself.
fn headers(request: &Value) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for name in request["header_order"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let lower = name.to_ascii_lowercase();
        if matches!(lower.as_str(), "host" | "content-length" | "user-agent") {
            continue;
        }
        let nth = fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).count();
        let value = request["headers"][&lower].get(nth).and_then(Value::as_str).unwrap_or_default();
        fields.push((name.to_owned(), value.to_owned()));
    }
    fields
}

/// The pair of a Basic header, if it is made of a configured secret.
struct Basic<'d> {
    /// As it is sent.
    scheme: &'d str,
    client_id: &'d str,
    /// The shell variable of the secret.
    secret: &'d str,
    url_safe: bool,
    form_encoded: bool,
}

impl<'d> Basic<'d> {
    fn of(request: &'d Value) -> Option<Self> {
        let facts = request.get("authorization")?;
        let word = |name: &str| facts.get(name).and_then(Value::as_str);
        let value = request["headers"]["authorization"][0].as_str()?;
        Some(Self {
            scheme: value.split_once(' ').map_or("Basic", |(scheme, _)| scheme),
            client_id: word("client_id")?,
            secret: word("secret")?,
            url_safe: word("alphabet") == Some("url-safe"),
            form_encoded: word("encoding") == Some("form"),
        })
    }

    /// Whether every tool makes it from the two by itself.
    fn is_plain(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("basic") && !self.url_safe && !self.form_encoded
    }
}
