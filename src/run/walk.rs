//! A walk through the authorization endpoint: the user agent says what to ask for, and this sends it (DESIGN 3.1, `kind: authorize`).

use std::cell::RefCell;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::browser::Browser;
use super::execute::Runner;
use super::places::{ends, inside};
use super::request::{self, Outline, Ready};
use super::send::lets;
use super::values::Values;
use super::{Driver, person};
use crate::agent::{Answer, Ask, Cause, End, Ended, Jar, Next, Page, Person, Seen, Walk, embedded_origins, told};
use crate::exchange::{NotSent, Outcome, Received, Sent, Why, document, finish};
use crate::oauth::Secret;
use crate::plan::Instance;
use crate::suite::Exchange;
use crate::suite::files::{Session, User};
use crate::target::Target;

/// What a person's browser takes.
const ACCEPT: &str = "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8";

/// The cookies that a walk uses: those of the run, which keep the login, or its own.
enum Cookies<'c> {
    Shared(MutexGuard<'c, Jar>),
    Own(Jar),
}

impl Cookies<'_> {
    fn jar(&mut self) -> &mut Jar {
        match self {
            Self::Shared(jar) => jar,
            Self::Own(jar) => jar,
        }
    }
}

/// A walk that is over.
pub(super) struct Walked {
    /// Documents of the requests.
    pub(super) steps: Vec<Value>,
    pub(super) end: End,
    /// Whether credentials were sent.
    pub(super) logged_in: bool,
}

/// What the walks of a run share.
#[derive(Debug, Default)]
pub(super) struct Walkers {
    /// The user agent's cookies.
    session: Mutex<Jar>,
    /// The real browser, if one walks.
    pub(super) browser: Mutex<Browser>,
    /// How the walk ended in which the credentials were not taken.
    refused: RefCell<Option<String>>,
    /// Why no walk comes to an end.
    hopeless: RefCell<Option<String>>,
}

impl Runner<'_> {
    /// Walks from a request that is ready to where it ends, by the driver that was asked for.
    ///
    /// # Errors
    /// Earlier walks have shown that nothing would come of it.
    pub(super) async fn walk(
        &self,
        instance: &Instance,
        exchange: &Exchange,
        first: Ready,
        values: &Values<'_>,
    ) -> Result<Value, NotSent> {
        self.hope()?;
        let target = self.task.target;
        let mut person = person(target, exchange);
        let walked = match &self.settings.driver {
            Driver::Person { at, patience } => {
                let end = person::walk(at, &first.sent.url, &ends(&first.sent, target), *patience).await;
                if end.ended != Ended::Redirected {
                    self.give_up(&end.reason);
                }
                Walked { steps: vec![self.shown(&first, Outcome::Answered, values)], end, logged_in: false }
            }
            // What no browser sends by itself goes out as it stands.
            Driver::Browser(_) if first.sent.method == "GET" && exchange.file.headers.is_empty() => {
                let fresh = exchange.file.session == Some(Session::New);
                self.walk_in_browser(&first, fresh, &mut person, values).await?
            }
            Driver::Browser(_) | Driver::Scripted => {
                self.walk_by_script(instance, exchange, first, &mut person, values).await?
            }
        };
        let sensitive = values.sensitive.borrow();
        Ok(told(walked.steps, &walked.end, walked.logged_in, &sensitive))
    }

    /// How the walk ended in which the credentials were refused, if they were.
    pub(super) fn refused(&self) -> Option<String> {
        self.walkers.refused.borrow().clone()
    }

    /// Where the credentials were refused, other walks do not send them again.
    pub(super) fn learn_of(&self, end: &End, logged_in: bool) {
        if logged_in && end.ended == Ended::Login {
            self.walkers.refused.borrow_mut().get_or_insert_with(|| end.reason.clone());
        }
    }

    /// # Errors
    /// Earlier walks have shown that nothing would come of another one.
    pub(super) fn hope(&self) -> Result<(), NotSent> {
        self.walkers.hopeless.borrow().as_ref().map_or(Ok(()), |why| {
            let reason = format!("{why}; no other walk was begun");
            Err(NotSent { why: Why::Prerequisite, reason, blocked_by: None })
        })
    }

    /// No walk after this one would come to an end either.
    pub(super) fn give_up(&self, why: &str) {
        self.walkers.hopeless.borrow_mut().get_or_insert_with(|| why.to_owned());
    }

    /// Longest time of a walk by a program: four times what one exchange may take.
    pub(super) fn longest_walk(&self) -> Duration {
        self.task.target.bounds.whole.saturating_mul(4)
    }

    /// One walk at a time uses the session of the run, so that there is one login.
    async fn walk_by_script(
        &self,
        instance: &Instance,
        exchange: &Exchange,
        first: Ready,
        person: &mut Person,
        values: &Values<'_>,
    ) -> Result<Walked, NotSent> {
        let target = self.task.target;
        let mut cookies = match exchange.file.session {
            Some(Session::New) => Cookies::Own(Jar::default()),
            None => Cookies::Shared(self.walkers.session.lock().await),
        };
        // What the walk before has learned while this one waited.
        self.hope()?;
        person.refused = self.refused();
        let due = Instant::now() + self.longest_walk();
        let mut walk = Walk::new(person, ends(&first.sent, target), &inside(target, &first.sent));
        let (mut ready, mut cause) = (first, Cause::Asked);
        let mut steps = Vec::new();
        let end = loop {
            if Instant::now() >= due {
                break self.endless(steps.len(), &last_text(&steps));
            }
            let Ok(url) = Url::parse(&ready.sent.url) else {
                break ended(Ended::Elsewhere, format!("{:?} is not a URL", ready.sent.url));
            };
            if let Some(header) = cookies.jar().header(&url) {
                note(values, cookie_values(&header));
                add_cookies(&mut ready, header);
            }
            let (mut step, received) = self.send(instance, &ready, values, None).await;
            step["cause"] = cause.word().into();
            let answered = step["outcome"] == "answered";
            if step.pointer("/response/media_type/essence").is_some_and(|essence| essence == "text/html") {
                let body = received.as_ref().map(|received| String::from_utf8_lossy(&received.body).into_owned());
                step["embeds"] = embedded_origins(&url, &body.unwrap_or_default()).into();
            }
            steps.push(step);
            let Some(received) = received.filter(|_| answered) else {
                break ended(Ended::Page, "the page did not come".into());
            };
            let headers = headers(&received);
            let fields = headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str());
            cookies.jar().take(&url, fields.clone());
            note(values, fields.filter_map(set_value));
            let body = String::from_utf8_lossy(&received.body);
            match walk.next(&Seen { url: &url, status: received.status, headers: &headers, body: &body }) {
                Next::End(end) => break end,
                Next::Ask(ask) => {
                    cause = ask.cause;
                    ready = page_request(ask, &url, target);
                }
            }
        };
        let logged_in = walk.logged_in();
        // Before the next walk gets the session.
        self.learn_of(&end, logged_in);
        drop(cookies);
        Ok(Walked { steps, end, logged_in })
    }

    /// The end of a walk that had none in time; the walks after it are spared.
    pub(super) fn endless(&self, pages: usize, text: &str) -> End {
        let limit = self.longest_walk().as_secs_f64();
        let why = format!("the login did not come to an end within {limit} s, {pages} pages so far");
        self.give_up(&why);
        let said = if text.is_empty() { String::new() } else { format!("; the last one says: {text}") };
        ended(Ended::Loop, format!("{why}{said}"))
    }

    /// The request of a walk that somebody else went: no page was seen.
    pub(super) fn shown(&self, first: &Ready, outcome: Outcome, values: &Values<'_>) -> Value {
        let target = self.task.target;
        let mut step = document(outcome, &first.sent, None, None, target.bounds.json_depth);
        let now = self.settings.clock.now_ms();
        finish(&mut step, lets(values), json!({"at": now, "elapsed_ms": 0}));
        step["cause"] = Cause::Asked.word().into();
        step
    }
}

/// Cookies that the target file adds to every request stand behind those of the session.
fn add_cookies(ready: &mut Ready, header: String) {
    match ready.sent.headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
        Some((_, own)) => *own = format!("{header}; {own}"),
        None => ready.sent.headers.push(("cookie".into(), header)),
    }
}

/// What the last page said.
fn last_text(steps: &[Value]) -> String {
    let text = |place: &str| steps.last()?.pointer(place)?.as_str();
    let url = text("/request/url").and_then(|url| Url::parse(url).ok());
    url.zip(text("/response/body/text")).map(|(url, body)| Page::read(&url, body).quoted()).unwrap_or_default()
}

/// The values in a `Cookie` field.
pub(super) fn cookie_values(header: &str) -> impl Iterator<Item = &str> {
    header.split("; ").filter_map(|pair| pair.split_once('=')).map(|(_, value)| value)
}

/// The value in a `Set-Cookie` field.
pub(super) fn set_value(field: &str) -> Option<&str> {
    Some(field.split(';').next()?.split_once('=')?.1.trim())
}

/// The values of cookies are credentials of a session: they are masked like what a server issues.
pub(super) fn note<'v>(values: &Values<'_>, texts: impl Iterator<Item = &'v str>) {
    // Shorter ones are settings such as a language.
    values.sensitive.borrow_mut().extend(texts.filter(|text| text.len() >= 12).map(str::to_owned));
}

pub(super) fn ended(ended: Ended, reason: String) -> End {
    End { ended, redirect: None, reason }
}

fn person(target: &Target, exchange: &Exchange) -> Person {
    Person {
        username: target.text("login.username").unwrap_or_default(),
        password: Secret::new(target.text("login.password").unwrap_or_default()),
        username_field: target.text("login.username_field"),
        password_field: target.text("login.password_field"),
        answer: match exchange.file.user.unwrap_or_default() {
            User::Consents => Answer::Consents,
            User::Denies => Answer::Denies,
            User::Nobody => Answer::Absent,
        },
        refused: None,
    }
}

fn headers(received: &Received) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    received.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), text(value))).collect()
}

/// A request for a page, as a browser sends it from the page before.
fn page_request(ask: Ask, from: &Url, target: &Target) -> Ready {
    let method = if ask.post { "POST" } else { "GET" };
    let mut headers = vec![("accept".to_owned(), ACCEPT.to_owned())];
    let (mut body, mut content_type) = (Vec::new(), None);
    if ask.post {
        // Servers check one of the two against forged requests.
        headers.push(("origin".into(), from.origin().ascii_serialization()));
        let mut page = from.clone();
        page.set_fragment(None);
        headers.push(("referer".into(), page.into()));
        body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&ask.fields).finish().into_bytes();
        content_type = Some("application/x-www-form-urlencoded".to_owned());
    }
    let query = ask.url.query_pairs().into_owned().collect();
    let url = String::from(ask.url);
    let outline = Outline { method, url: &url, content_type, length: body.len(), raw: false };
    let headers = request::complete(headers, outline, target);
    let encode = ask.post.then_some("form");
    let endpoint = Some("authorization_endpoint".to_owned());
    let sent = Sent {
        method: method.into(),
        url,
        endpoint,
        headers,
        query,
        params: ask.fields,
        encode,
        body,
        authorization: None,
    };
    Ready { sent, raw: false }
}
