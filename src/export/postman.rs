//! A Postman collection of format 2.1, with a test for each answer; Newman runs it.

use serde_json::{Map, Value, json};

use super::expect::{self, Expected};
use super::stand_ins::{endpoints, url};
use super::{Basic, Handed, StandIns, expected, headers, text};
use crate::run::Prepared;

const SCHEMA: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

pub(super) fn render(handed: Handed<'_>, stand_ins: &StandIns) -> String {
    let endpoints = endpoints(handed);
    let items: Vec<Value> =
        handed.requests.iter().map(|request| item(handed, request, stand_ins, &endpoints)).collect();
    let urls = endpoints.iter().map(|(name, url)| json!({"key": name, "value": url, "type": "string"}));
    // Empty, so that nobody finds a secret here: they are set in an environment, or by `newman --env-var`.
    let secrets = stand_ins
        .secrets
        .iter()
        .map(|(_, variable)| json!({"key": variable.to_ascii_lowercase(), "value": "", "type": "string"}));
    let mut taken: Vec<&str> = stand_ins.taken.iter().map(|one| one.variable.as_str()).collect();
    taken.dedup();
    let taken = taken.iter().map(|name| json!({"key": name.to_ascii_lowercase(), "value": "", "type": "string"}));
    let names: Vec<String> =
        stand_ins.secrets.iter().map(|(_, name)| format!("`{}`", name.to_ascii_lowercase())).collect();
    let about = if names.is_empty() {
        "Written by grantlint.".to_owned()
    } else {
        format!("Written by grantlint. Set {} in an environment; nothing secret is in this file.", names.join(", "))
    };
    let mut collection = json!({
        "info": { "name": format!("{}: ordinary OAuth requests", handed.name), "description": about, "schema": SCHEMA },
        "item": items,
        "variable": urls.chain(secrets).chain(taken).collect::<Vec<_>>(),
    });
    let escaped: Vec<String> = stand_ins.secrets.iter().filter(|(mask, _)| in_json(handed, mask)).map(escape).collect();
    if !escaped.is_empty() {
        collection["event"] = json!([script("prerequest", escaped)]);
    }
    format!("{collection:#}\n")
}

/// Whether a secret stands in a body of JSON.
fn in_json(handed: Handed<'_>, mask: &str) -> bool {
    let mut requests = handed.requests.iter().map(|request| &request.document["request"]);
    requests.any(|request| request["encode"] == "json" && text(request, "body").contains(mask))
}

/// Sets the variable that holds a secret as it stands within a text of JSON. What stands in two braces would be taken for a variable.
fn escape((_, variable): &(String, String)) -> String {
    let name = variable.to_ascii_lowercase();
    let (of, to) = (Value::from(name.as_str()), Value::from(format!("{name}_json")));
    format!(
        "pm.variables.set({to}, JSON.stringify(pm.variables.get({of}) || \"\").slice(1, -1).replace(/\\{{\\{{/g, \"\\\\u007b{{\"));"
    )
}

fn item(handed: Handed<'_>, request: &Prepared, stand_ins: &StandIns, endpoints: &[(&str, &str)]) -> Value {
    let document = &request.document["request"];
    let written =
        |text: &str| stand_ins.replaced(text, &|variable| format!("{{{{{}}}}}", variable.to_ascii_lowercase()));
    let basic = Basic::of(document);
    let mut fields = headers(document);
    if basic.is_some() {
        fields.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
    }
    let fields: Vec<Value> = fields.iter().map(|(name, value)| json!({"key": name, "value": written(value)})).collect();
    let auth = match &basic {
        Some(basic) if basic.is_plain() => {
            let variable = format!("{{{{{}}}}}", basic.secret.to_ascii_lowercase());
            json!({"type": "basic", "basic": [
                {"key": "username", "value": basic.client_id, "type": "string"},
                {"key": "password", "value": variable, "type": "string"},
            ]})
        }
        _ => json!({"type": "noauth"}),
    };
    let mut own = json!({
        "method": text(document, "method"), "auth": auth, "header": fields,
        "url": written(&url(document, endpoints)), "description": request.key,
    });
    let in_json = |text: &str| {
        let is_secret = |variable: &str| stand_ins.secrets.iter().any(|(_, known)| known == variable);
        stand_ins.replaced(text, &|variable| {
            let end = if is_secret(variable) { "_json" } else { "" };
            format!("{{{{{}{end}}}}}", variable.to_ascii_lowercase())
        })
    };
    let body = if document["encode"] == "json" { body(document, &in_json) } else { body(document, &written) };
    if let Some(body) = body {
        own["body"] = body;
    }
    let mut events = Vec::new();
    if let Some(basic) = basic.as_ref().filter(|basic| !basic.is_plain()) {
        events.push(script("prerequest", pair(basic)));
    }
    let tests = tests(handed, request, stand_ins);
    if !tests.is_empty() {
        events.push(script("test", tests));
    }
    json!({
        "name": request.title, "event": events, "request": own,
        "protocolProfileBehavior": {"followRedirects": false},
    })
}

fn script(listen: &str, lines: Vec<String>) -> Value {
    json!({"listen": listen, "script": {"type": "text/javascript", "exec": lines}})
}

/// A form as its pairs, which Postman encodes itself; anything else as it is sent.
fn body(request: &Value, written: &dyn Fn(&str) -> String) -> Option<Value> {
    let whole = text(request, "body");
    if whole.is_empty() {
        return None;
    }
    if request["encode"] != "form" {
        return Some(json!({"mode": "raw", "raw": written(whole)}));
    }
    let mut pairs: Vec<Value> = Vec::new();
    for (name, value) in request["params"].as_object().into_iter().flat_map(Map::iter) {
        let values = match value {
            Value::Array(values) => values.iter().collect(),
            one => vec![one],
        };
        for value in values.into_iter().filter_map(Value::as_str) {
            pairs.push(json!({"key": name, "value": written(value), "type": "text"}));
        }
    }
    Some(json!({"mode": "urlencoded", "urlencoded": pairs}))
}

/// The header of a pair that Postman cannot make: both form-encoded first (RFC 6749 §2.3.1), or in the URL-safe alphabet.
fn pair(basic: &Basic<'_>) -> Vec<String> {
    let id = Value::from(basic.client_id);
    let secret = Value::from(basic.secret.to_ascii_lowercase());
    let mut lines = vec![
        "const { enc } = require(\"crypto-js\");".to_owned(),
        format!("const secret = pm.variables.get({secret});"),
    ];
    if basic.form_encoded {
        lines.extend([
            "// RFC 6749 section 2.3.1: both are form-encoded before they are joined.".to_owned(),
            "const form = (text) => encodeURIComponent(text).replace(/%20/g, \"+\")".to_owned(),
            "  .replace(/[!'()~]/g, (c) => \"%\" + c.charCodeAt(0).toString(16).toUpperCase());".to_owned(),
            format!("const pair = form({id}) + \":\" + form(secret);"),
        ]);
    } else {
        lines.push(format!("const pair = {id} + \":\" + secret;"));
    }
    lines.push("let encoded = enc.Base64.stringify(enc.Utf8.parse(pair));".to_owned());
    if basic.url_safe {
        lines.push("encoded = encoded.replace(/\\+/g, \"-\").replace(/\\//g, \"_\");".to_owned());
    }
    let scheme = Value::from(format!("{} ", basic.scheme));
    lines.push(format!("pm.request.headers.upsert({{ key: \"Authorization\", value: {scheme} + encoded }});"));
    lines
}

fn tests(handed: Handed<'_>, request: &Prepared, stand_ins: &StandIns) -> Vec<String> {
    let alternatives = expected(handed, request);
    let taken = stand_ins.from(&request.key);
    if alternatives.is_empty() && taken.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![
        "let answer = null;".to_owned(),
        "try { answer = pm.response.json(); } catch (e) { /* no JSON */ }".to_owned(),
        "const has = (name) => answer !== null && typeof answer === \"object\" && name in answer;".to_owned(),
    ];
    if !alternatives.is_empty() {
        let name = Value::from(expect::words(&alternatives));
        let all: Vec<String> =
            alternatives.iter().map(|said| said.iter().map(condition).collect::<Vec<_>>().join(" && ")).collect();
        lines.push(format!("pm.test({name}, () => {{"));
        lines.push(format!(
            "  pm.expect({}, `got ${{pm.response.code}}`).to.be.true;",
            all.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(" || ")
        ));
        lines.push("});".to_owned());
    }
    for (variable, member) in taken {
        let (variable, member) = (Value::from(variable.to_ascii_lowercase()), Value::from(member));
        lines.push(format!("if (has({member})) pm.collectionVariables.set({variable}, answer[{member}]);"));
    }
    lines
}

fn condition(expected: &Expected) -> String {
    match expected {
        Expected::Status(from, to) => format!("pm.response.code >= {from} && pm.response.code <= {to}"),
        Expected::OneOf(all) => format!("{}.includes(pm.response.code)", Value::from(all.clone())),
        Expected::Member(name) => format!("has({})", Value::from(name.as_str())),
        Expected::Says(name, text) => {
            let (name, text) = (Value::from(name.as_str()), Value::from(text.as_str()));
            format!("has({name}) && answer[{name}] === {text}")
        }
    }
}
