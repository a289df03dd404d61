//! The user agent: what a browser, and the person before it, do with the page that came.
//!
//! Pure: it is told of a page and says what to ask for next, or that the walk has ended. Who sends is the runner's business, and so
//! is judging what was seen.

mod choose;
mod embeds;
mod jar;
mod page;
mod redirect;
mod screen;
mod told;
mod witness;

use std::collections::HashMap;

use url::Url;

use crate::oauth::Secret;
pub use choose::Filled;
pub use embeds::embedded_origins;
pub use jar::Jar;
pub use page::{Field, Form, Page, Submit};
pub use redirect::{Redirect, Via, elsewhere};
pub use screen::{Act, Screen};
pub use told::told;
pub use witness::{Pressed, leads, pressed};

/// Most requests of one walk; real ones take three to eight.
pub const MOST_STEPS: usize = 25;
/// Times that the same page may come before the walk goes in circles.
const MOST_SIGHTS: usize = 3;
/// Characters of a page that are quoted where a walk ended.
const QUOTED: usize = 300;

/// What the person does when asked for consent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Answer {
    /// Logs in and consents.
    #[default]
    Consents,
    /// Logs in and denies.
    Denies,
    /// There is nobody: no form is filled.
    Absent,
}

/// The person at the user agent.
#[derive(Debug, Clone)]
pub struct Person {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// Name of the field for the name, if it is not to be found.
    pub username_field: Option<String>,
    /// Name of the field for the password, likewise.
    pub password_field: Option<String>,
    /// What is done when consent is asked for.
    pub answer: Answer,
    /// How an earlier walk ended in which the credentials were not taken. They are not sent again: servers count, and lock accounts.
    pub refused: Option<String>,
}

/// Why a request of a walk was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The exchange asked for it.
    Asked,
    /// A redirect, a refresh or a form that sends itself.
    Redirect,
    /// A login form.
    Credentials,
    /// A form that asks for consent, or to go on.
    Consent,
}

impl Cause {
    /// The word in the document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Redirect => "redirect",
            Self::Credentials => "credentials",
            Self::Consent => "consent",
        }
    }
}

/// The next request of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// POST, or else GET.
    pub post: bool,
    /// Where to; a GET has its fields in the query already.
    pub url: Url,
    /// The pairs of the body of a POST.
    pub fields: Vec<(String, String)>,
    /// Why.
    pub cause: Cause,
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// At a redirect URI.
    Redirected,
    /// At a page with an error status, or one that leads nowhere and says error.
    ErrorPage,
    /// At a login page: nobody logs in, or the credentials were not taken.
    Login,
    /// At a page that asks for consent, and nobody answers.
    Consent,
    /// At another page that leads nowhere.
    Page,
    /// In circles, or after too many pages.
    Loop,
    /// At a host that is none of the authorization server's.
    Elsewhere,
}

impl Ended {
    /// The word in the document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Redirected => "redirected",
            Self::ErrorPage => "error_page",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::Page => "page",
            Self::Loop => "loop",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// The end of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// How.
    pub ended: Ended,
    /// Where the browser was sent, if it was sent to a redirect URI.
    pub redirect: Option<Redirect>,
    /// In words: what the page said, or why the walk did not go on.
    pub reason: String,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Send this.
    Ask(Ask),
    /// It is over.
    End(End),
}

/// An answer as the user agent sees it.
#[derive(Debug, Clone)]
pub struct Seen<'s> {
    /// What was asked for.
    pub url: &'s Url,
    /// Status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: &'s [(String, String)],
    /// The text of the body.
    pub body: &'s str,
}

impl Seen<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn is_html(&self) -> bool {
        self.header("content-type").is_some_and(|value| {
            let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            matches!(essence.as_str(), "text/html" | "application/xhtml+xml")
        })
    }
}

/// One walk through the authorization endpoint.
#[derive(Debug)]
pub struct Walk<'w> {
    person: &'w Person,
    /// Redirect URIs that end it: those asked for and those registered.
    ends: Vec<String>,
    /// Origins of the authorization server.
    inside: Vec<url::Origin>,
    sights: HashMap<(String, String, usize), usize>,
    steps: usize,
    named: bool,
    logged_in: bool,
}

impl<'w> Walk<'w> {
    /// `inside`: URLs of the authorization server, whose origins may be visited.
    #[must_use]
    pub fn new(person: &'w Person, ends: Vec<String>, inside: &[Url]) -> Self {
        let inside = inside.iter().map(Url::origin).collect();
        Self { person, ends, inside, sights: HashMap::new(), steps: 0, named: false, logged_in: false }
    }

    /// Whether credentials were sent in this walk.
    #[must_use]
    pub fn logged_in(&self) -> bool {
        self.logged_in
    }

    /// What to do with what came.
    pub fn next(&mut self, seen: &Seen<'_>) -> Next {
        self.steps += 1;
        let leads = seen.header("location").unwrap_or_default().to_owned();
        let sight = (seen.url.as_str().to_owned(), leads, seen.body.len());
        let sights = self.sights.entry(sight).or_default();
        *sights += 1;
        if *sights >= MOST_SIGHTS || self.steps >= MOST_STEPS {
            let text = if seen.is_html() { Page::read(seen.url, seen.body).quoted() } else { quoted(seen.body) };
            return end(Ended::Loop, in_circles(self.steps, &text));
        }
        if (300..400).contains(&seen.status)
            && let Some(location) = seen.header("location")
        {
            return self.sent_to(seen.url, location, Via::Status(seen.status));
        }
        if let Some(refresh) = seen.header("refresh").and_then(page::refresh_target) {
            return self.sent_to(seen.url, &refresh, Via::Meta);
        }
        if !seen.is_html() {
            let ended = if seen.status >= 400 { Ended::ErrorPage } else { Ended::Page };
            return end(ended, quoted(seen.body));
        }
        let page = Page::read(seen.url, seen.body);
        self.page(seen, &page)
    }

    fn page(&mut self, seen: &Seen<'_>, page: &Page) -> Next {
        if let Some(form) = page.forms.iter().find(|form| form.sends_itself) {
            if let Some(redirect) = redirect::posted(&self.ends, form) {
                return reached(redirect);
            }
            return self.submit(form, form.values(None), Cause::Redirect);
        }
        if let Some(target) = &page.refresh {
            return self.sent_to(seen.url, target, Via::Meta);
        }
        // A script may stand on any page; it counts only where there is nothing that a person could do.
        if page.forms.is_empty()
            && let Some(target) = &page.script_target
        {
            return self.sent_to(seen.url, target, Via::Script);
        }
        if let Some(form) = page.forms.iter().find(|form| choose::asks_for_password(form)) {
            return self.log_in(page, form);
        }
        if seen.status >= 400 {
            return end(Ended::ErrorPage, page.quoted());
        }
        if !self.named
            && !self.logged_in
            && let Some(form) = page.forms.iter().find(|form| choose::name_field(form, self.person).is_some())
        {
            if let Some(reason) = stays_out(self.person, page) {
                return end(Ended::Login, reason);
            }
            self.named = true;
            return self.submit(form, choose::credentials(form, self.person).values(form), Cause::Credentials);
        }
        self.answer(seen, page)
    }

    fn log_in(&mut self, page: &Page, form: &Form) -> Next {
        if self.logged_in {
            return end(Ended::Login, not_taken(page));
        }
        if let Some(reason) = stays_out(self.person, page) {
            return end(Ended::Login, reason);
        }
        self.logged_in = true;
        self.submit(form, choose::credentials(form, self.person).values(form), Cause::Credentials)
    }

    fn answer(&mut self, seen: &Seen<'_>, page: &Page) -> Next {
        match choose::decision(page, self.person.answer) {
            choose::Decision::Submit(form, filled) => self.submit(form, filled.values(form), Cause::Consent),
            choose::Decision::Follow(link) => self.sent_to(seen.url, &page.links[link].1, Via::Link),
            choose::Decision::Nobody => end(Ended::Consent, page.quoted()),
            choose::Decision::Nothing if page.says_error() => end(Ended::ErrorPage, page.quoted()),
            choose::Decision::Nothing if page.scripts => {
                let said = page.quoted();
                let said = if said.is_empty() { "it shows nothing".to_owned() } else { format!("it says: {said}") };
                end(
                    Ended::Page,
                    format!("the page has no form, and a script that does not run here; --browser runs it; {said}"),
                )
            }
            choose::Decision::Nothing => end(Ended::Page, page.quoted()),
        }
    }

    /// Where a redirect, a refresh or a link leads.
    fn sent_to(&self, from: &Url, target: &str, via: Via) -> Next {
        if let Some(redirect) = redirect::matched(&self.ends, target, via) {
            return reached(redirect);
        }
        let Ok(mut url) = from.join(target.trim()) else {
            return end(Ended::Elsewhere, format!("the browser is sent to {target:?}, which is no URL"));
        };
        url.set_fragment(None);
        if let Some(redirect) = redirect::matched(&self.ends, url.as_str(), via) {
            return reached(redirect);
        }
        let cause = if via == Via::Link { Cause::Consent } else { Cause::Redirect };
        self.visit(Ask { post: false, url, fields: Vec::new(), cause })
    }

    fn submit(&self, form: &Form, values: Vec<(String, String)>, cause: Cause) -> Next {
        let Some(mut url) = form.action.clone() else {
            return end(Ended::Page, "the form leads to no URL".to_owned());
        };
        url.set_fragment(None);
        if let Some(redirect) = redirect::matched(&self.ends, url.as_str(), Via::Link) {
            return reached(Redirect { via: Via::FormPost, form: values, ..redirect });
        }
        if form.post {
            return self.visit(Ask { post: true, url, fields: values, cause });
        }
        url.query_pairs_mut().clear().extend_pairs(values);
        self.visit(Ask { post: false, url, fields: Vec::new(), cause })
    }

    fn visit(&self, ask: Ask) -> Next {
        if self.inside.contains(&ask.url.origin()) {
            return Next::Ask(ask);
        }
        end(Ended::Elsewhere, elsewhere(&ask.url))
    }
}

/// Whether a URL is one of the redirect URIs with something added, and what was added.
#[must_use]
pub fn ended_at(ends: &[String], url: &str, via: Via) -> Option<Redirect> {
    redirect::matched(ends, url, via)
}

fn reached(redirect: Redirect) -> Next {
    Next::End(redirect.into())
}

/// Why a login form is not filled, if it is not.
fn stays_out(person: &Person, page: &Page) -> Option<String> {
    match (person.answer, &person.refused) {
        (Answer::Absent, _) => Some(page.quoted()),
        (_, Some(earlier)) => Some(format!("{earlier} (in an earlier walk; they are not sent again)")),
        (_, None) => None,
    }
}

fn not_taken(page: &Page) -> String {
    format!("the credentials were not taken: {}", page.quoted())
}

fn in_circles(pages: usize, text: &str) -> String {
    let said = if text.is_empty() { String::new() } else { format!("; the last one says: {text}") };
    format!("the same pages come again and again, {pages} so far{said}")
}

fn end(ended: Ended, reason: String) -> Next {
    Next::End(End { ended, redirect: None, reason })
}

/// The beginning of a text, in one line.
fn quoted(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= QUOTED { line } else { line.chars().take(QUOTED).chain(['…']).collect() }
}

#[cfg(test)]
mod tests;
