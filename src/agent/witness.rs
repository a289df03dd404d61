//! A walk that somebody else went: where a page leads by itself, and what a person did with it to come to the next request.

use url::Url;

use super::choose::{asks_for_password, says_no};
use super::page::{Form, Page};
use super::{Answer, Next, Person, Seen, Walk};
use crate::oauth::Secret;

/// What somebody did with a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pressed {
    /// Sent a form that asks for who it is; what was typed into its password fields.
    Credentials(Vec<String>),
    /// Sent another form, or followed a link.
    Consent,
    /// The same with a button that turns the client away.
    Denial,
}

/// Where a page leads without a person: the next request, or why somebody has to do something.
///
/// `ends` are redirect URIs, `inside` are URLs of origins that may be visited.
#[must_use]
pub fn leads(seen: &Seen<'_>, ends: &[String], inside: &[Url]) -> Next {
    let nobody = Person {
        username: String::new(),
        password: Secret::new(String::new()),
        username_field: None,
        password_field: None,
        answer: Answer::Absent,
        refused: None,
    };
    Walk::new(&nobody, ends.to_vec(), inside).next(seen)
}

/// What a person did with a page to send this request; `None` if nothing on the page leads to it.
#[must_use]
pub fn pressed(page: &Page, post: bool, url: &Url, pairs: &[(String, String)]) -> Option<Pressed> {
    let sent = |name: &str| pairs.iter().any(|(known, _)| known == name);
    let bare = |url: &Url| {
        let mut url = url.clone();
        url.set_fragment(None);
        if !post {
            url.set_query(None);
        }
        url
    };
    for form in page.forms.iter().filter(|form| form.post == post) {
        let buttons = form.submits.iter().filter_map(|submit| submit.action.as_ref());
        if !form.action.iter().chain(buttons).any(|action| bare(action) == bare(url)) {
            continue;
        }
        // What a page fills in itself tells its form from the same form of another walk; a script may write it anew.
        let mut hidden = form.fields.iter().filter(|field| field.kind == "hidden" && !field.name.is_empty());
        let same = |name: &str, value: &str| pairs.iter().any(|(known, own)| known == name && own == value);
        if !hidden.all(|field| same(&field.name, &field.value) || page.scripts && sent(&field.name)) {
            continue;
        }
        if asks_for_password(form) {
            return Some(Pressed::Credentials(typed(form, pairs)));
        }
        let button = form.submits.iter().find(|submit| {
            let by_name = !submit.name.is_empty() && same(&submit.name, &submit.value);
            by_name
                || submit.action.as_ref().is_some_and(|action| form.action.as_ref() != Some(action) && action == url)
        });
        let button = button.or_else(|| form.submits.first().filter(|_| form.submits.len() == 1));
        return Some(if button.is_some_and(says_no) { Pressed::Denial } else { Pressed::Consent });
    }
    let without = |url: &str| url.split('#').next().unwrap_or_default().to_owned();
    let followed = page.links.iter().find(|(_, target)| !post && without(target) == without(url.as_str()));
    followed.map(|_| Pressed::Consent)
}

/// What was typed where nobody should see it.
fn typed(form: &Form, pairs: &[(String, String)]) -> Vec<String> {
    let secret = form.fields.iter().filter(|field| field.kind == "password");
    let values = secret.flat_map(|field| pairs.iter().filter(|(name, _)| *name == field.name));
    values.map(|(_, value)| value.clone()).filter(|value| !value.is_empty()).collect()
}
