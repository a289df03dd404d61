//! The pages of the authorization endpoint.

use serde_json::{Map, Value};
use url::Url;

use super::super::message::{Body, Reply};
use super::super::setup::{ERROR, LOGIN, Setup};
use super::super::{Policy, Rule};

/// A text that stands in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn page(setup: &Setup, name: &str, status: u16, title: &str, content: &str) -> Reply {
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head><body><h1>{title}</h1>{content}</body></html>\n"
    );
    let mut reply = Reply { body: Body::Bytes(text.into_bytes()), ..Reply::new(name, status) }
        .with("content-type", "text/html; charset=utf-8")
        .with("cache-control", "no-store");
    if setup.keeps(Rule::PagesNotFramable) {
        reply = reply.with("content-security-policy", "frame-ancestors 'none'").with("x-frame-options", "DENY");
    }
    if setup.keeps(Rule::PagesNoReferrer) {
        reply = reply.with("referrer-policy", "no-referrer");
    }
    reply
}

/// The login page of a request that waits; `again` after credentials that were wrong.
pub(super) fn login(setup: &Setup, waiting: &str, again: bool) -> Reply {
    if setup.makes(Policy::LoginNeedsScript) {
        return login_by_script(setup, waiting, again);
    }
    let said = if again { "<p role=\"alert\">The name or the password is wrong.</p>" } else { "" };
    let content = format!(
        "{said}<form method=\"post\" action=\"/login\"><input type=\"hidden\" name=\"request\" value=\"{waiting}\">\
         <label for=\"username\">Name</label> <input id=\"username\" name=\"username\" autocomplete=\"username\">\
         <label for=\"password\">Password</label> <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\">\
         <button>Log in</button></form>"
    );
    page(setup, "page.login", 200, "Log in", &content)
}

/// The same without a form: a script makes the fields, sends what is typed, and goes on.
fn login_by_script(setup: &Setup, waiting: &str, again: bool) -> Reply {
    let content = format!(
        "<main></main><noscript>Please switch JavaScript on.</noscript><script>\
         const main = document.querySelector('main'), make = (tag, more) => main.appendChild(Object.assign(document.createElement(tag), more));\
         const said = make('p', {{ textContent: {again} ? 'The name or the password is wrong.' : '' }});\
         const name = make('input', {{ placeholder: 'User name' }}), password = make('input', {{ type: 'password', placeholder: 'Password' }});\
         make('button', {{ textContent: 'Log in', onclick: async () => {{\
         const body = new URLSearchParams({{ request: '{waiting}', username: name.value, password: password.value }});\
         const answer = await fetch('{LOGIN}', {{ method: 'POST', body, redirect: 'manual' }});\
         const next = '{LOGIN}?request={waiting}';\
         if (answer.type === 'opaqueredirect') location.href = next; else said.textContent = 'The name or the password is wrong.';\
         }} }});</script>"
    );
    page(setup, "page.login", 200, "Log in", &content)
}

/// The page that asks whether the client may have the scope.
pub(super) fn consent(setup: &Setup, waiting: &str, client: &str, scope: &str) -> Reply {
    let content = format!(
        "<p>{} asks for: {}</p><form method=\"post\" action=\"/consent\"><input type=\"hidden\" name=\"request\" value=\"{waiting}\">\
         <button name=\"decision\" value=\"allow\">Allow</button><button name=\"decision\" value=\"deny\">Deny</button></form>",
        escaped(client),
        escaped(scope)
    );
    page(setup, "page.consent", 200, "Allow access", &content)
}

/// What a person is told when nobody may be sent anywhere. Source: RFC 6749 §4.1.2.1.
pub(super) fn error(setup: &Setup, what: &str) -> Reply {
    if setup.makes(Policy::ErrorPageElsewhere) {
        return Reply::new("page.error", 303).with("location", format!("{}{ERROR}", setup.origin));
    }
    error_page(setup, what)
}

/// The page itself.
pub(super) fn error_page(setup: &Setup, what: &str) -> Reply {
    let what = if setup.keeps(Rule::PagesEscaped) { escaped(what) } else { what.to_owned() };
    page(setup, "page.error", 400, "This request cannot be served", &format!("<p>Error: {what}</p>"))
}

/// A page that leads to the client by itself. Source: RFC 6749 §1.7.
pub(super) fn refresh(setup: &Setup, name: &str, place: &str) -> Reply {
    let content = format!("<meta http-equiv=\"refresh\" content=\"0;url={}\">", escaped(place));
    page(setup, name, 200, "One moment", &content)
}

/// The same by a script. Source: RFC 6749 §1.7.
pub(super) fn script(setup: &Setup, name: &str, place: &str) -> Reply {
    // `<` would end the script.
    let place = Value::from(place).to_string().replace('<', "\\u003c");
    page(setup, name, 200, "One moment", &format!("<script>location.replace({place})</script>"))
}

/// A page that hands the answer to the window that opened it. Source: RFC 9700 §4.17.2.
pub(super) fn web_message(setup: &Setup, redirect_uri: &str, pairs: &[(String, String)]) -> Reply {
    let origin = Url::parse(redirect_uri).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let to = if setup.keeps(Rule::WebMessageTargeted) { origin } else { "*".to_owned() };
    let members: Map<String, Value> = pairs.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    // `<` would end the script.
    let message = Value::from(members).to_string().replace('<', "\\u003c");
    let content = format!("<p>One moment</p><script>window.opener.postMessage({message}, \"{to}\")</script>");
    page(setup, "redirect.web_message", 200, "One moment", &content)
}

/// A page that posts the answer to the client. Source: OAuth 2.0 Form Post Response Mode §2.
pub(super) fn form_post(setup: &Setup, redirect_uri: &str, pairs: &[(String, String)]) -> Reply {
    let fields: String = pairs
        .iter()
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value)))
        .collect();
    let content = format!(
        "<form method=\"post\" action=\"{}\">{fields}<noscript><button>Continue</button></noscript></form>\
         <script>document.forms[0].submit()</script>",
        escaped(redirect_uri)
    );
    page(setup, "redirect.form_post", 200, "One moment", &content)
}
