//! A page as the browser shows it, and what is done there.

use serde_json::Value;

use super::webdriver::{Session, Trouble, element};
use crate::agent::{Act, Field, Filled, Form, Page, Submit};

const SCRIPT: &str = include_str!("screen.js");
/// The key Enter. Source: W3C WebDriver §17.4.2.
const ENTER: &str = "\u{e007}";

/// A page, and which element of the browser each of its parts is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Look {
    pub(super) page: Page,
    /// It has been loaded.
    pub(super) ready: bool,
    /// It says that it goes elsewhere by itself.
    pub(super) leaves: bool,
    forms: Vec<Parts>,
    links: Vec<String>,
}

/// Elements of a form, in the order of its fields and buttons.
#[derive(Debug, Clone, Default, PartialEq)]
struct Parts {
    fields: Vec<String>,
    /// Fields that nobody can type into.
    fixed: Vec<bool>,
    submits: Vec<String>,
}

impl Look {
    pub(super) async fn take(session: &Session) -> Result<Self, Trouble> {
        Ok(Self::read(&session.script(SCRIPT, &[]).await?))
    }

    fn read(value: &Value) -> Self {
        let (page, elements) = (&value[0], &value[1]);
        let handle = |part: &Value| {
            let at = part["at"].as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX);
            elements.get(at).and_then(element).unwrap_or_default().to_owned()
        };
        let mut look = Self { ready: page["ready"] == true, leaves: page["leaves"] == true, ..Self::default() };
        look.page.title = text(page, "title");
        look.page.text = text(page, "text").split_whitespace().collect::<Vec<_>>().join(" ");
        for form in list(page, "forms") {
            let mut parts = Parts::default();
            let fields = list(form, "fields").map(|field| {
                parts.fields.push(handle(field));
                parts.fixed.push(field["fixed"] == true);
                Field {
                    name: text(field, "name"),
                    kind: text(field, "kind"),
                    value: text(field, "value"),
                    on: field["on"] == true,
                    hints: text(field, "hints"),
                }
            });
            let fields = fields.collect();
            // Buttons that send by themselves stand before those that leave it to a script.
            let submits = list(form, "submits").chain(list(form, "others")).map(|submit| {
                parts.submits.push(handle(submit));
                Submit {
                    name: text(submit, "name"),
                    value: text(submit, "value"),
                    label: text(submit, "label"),
                    action: None,
                }
            });
            let submits = submits.collect();
            look.page.forms.push(Form { fields, submits, ..Form::default() });
            look.forms.push(parts);
        }
        for link in list(page, "links") {
            look.page.links.push((text(link, "text"), text(link, "href")));
            look.links.push(handle(link));
        }
        look
    }

    /// Does at this page what was decided.
    pub(super) async fn perform(&self, act: &Act, session: &Session) -> Result<(), Trouble> {
        match act {
            Act::End(_) => Ok(()),
            Act::Follow(link) => session.click(self.links.get(*link).map_or("", String::as_str)).await,
            Act::Submit { form, filled, .. } => match self.page.forms.get(*form).zip(self.forms.get(*form)) {
                Some((form, parts)) => fill(form, parts, filled, session).await,
                None => Ok(()),
            },
        }
    }
}

async fn fill(form: &Form, parts: &Parts, filled: &Filled, session: &Session) -> Result<(), Trouble> {
    let mut typed = None;
    for (at, (before, after)) in form.fields.iter().zip(&filled.fields).enumerate() {
        let element = &parts.fields[at];
        if matches!(after.kind.as_str(), "checkbox" | "radio") {
            // A choice goes out by itself when another one comes on. What is drawn over the box does not matter to a script.
            if before.on != after.on && (after.on || after.kind == "checkbox") {
                session.script("arguments[0].click()", &[element]).await?;
            }
        } else if before.value != after.value && !parts.fixed[at] {
            session.write(element, &after.value).await?;
            typed = Some(element);
        }
    }
    match filled.submit.and_then(|at| parts.submits.get(at)) {
        Some(button) => session.click(button).await,
        None => match typed.or(parts.fields.last()) {
            Some(field) => session.keys(field, ENTER).await,
            None => Ok(()),
        },
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value[name].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_keep_the_elements_that_they_are() {
        let element = |id: &str| json!({"element-6066-11e4-a52e-4f735466cecf": id});
        let page = json!({"title": "T", "text": " a \n b ", "ready": true, "leaves": false,
            "forms": [{"fields": [{"name": "", "kind": "password", "value": "", "on": true, "fixed": false, "hints": "pass", "at": 1}],
                "submits": [], "others": [{"name": "", "value": "", "label": "Go", "at": 0}]}],
            "links": [{"text": "Help", "href": "https://as.example/help", "at": 2}]});
        let look = Look::read(&json!([page, [element("e0"), element("e1"), element("e2")]]));
        assert_eq!((look.page.text.as_str(), look.ready), ("a b", true));
        assert_eq!((look.forms[0].fields[0].as_str(), look.forms[0].submits[0].as_str()), ("e1", "e0"));
        assert_eq!((look.links[0].as_str(), look.page.forms[0].submits[0].label.as_str()), ("e2", "Go"));
    }
}
