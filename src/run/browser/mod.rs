//! A real browser walks through the authorization endpoint: Chromium, driven by ChromeDriver.
//!
//! It loads nothing but what the authorization server has: every other host has no address for it, so that a redirect URI is never
//! reached and a walk ends in the browser's log. What it loaded becomes evidence as in the other drivers.

mod arguments;
mod evidence;
mod loaded;
mod look;
mod webdriver;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use url::Url;

pub use self::webdriver::WebDriver;

use self::loaded::{Load, Loads};
use self::look::Look;
use self::webdriver::{Service, Session, Trouble};
use super::execute::Runner;
use super::places::{ends, inside};
use super::request::Ready;
use super::values::Values;
use super::walk::{Walked, ended};
use super::{Driver, Error};
use crate::agent::{Act, Cause, End, Ended, MOST_STEPS, Person, Redirect, Screen, Via, elsewhere, ended_at};
use crate::exchange::{NotSent, Outcome, Why};
use crate::suite::files::Kind;

/// Between two looks at the browser.
const LOOK: Duration = Duration::from_millis(40);
/// How long a page stays as it is, with nothing on its way, before something is done.
const STILL: Duration = Duration::from_millis(250);
/// The same before it is taken for the last one: scripts may wait a moment before they go on.
const LAST: Duration = Duration::from_millis(1_000);
/// The same for pages whose requests never end.
const BUSY: Duration = Duration::from_secs(3);
/// Looks that wait for the rest of the log after the end.
const REST: usize = 10;

/// The browser of a run.
#[derive(Debug, Default)]
pub(super) struct Browser {
    service: Option<Service>,
    /// What keeps the login.
    shared: Option<Session>,
    arguments: Vec<String>,
}

impl Runner<'_> {
    /// Starts the browser, if one was asked for and something is there to walk through.
    ///
    /// # Errors
    /// There is none, or it cannot be used for this target.
    pub(super) async fn open_browser(&self) -> Result<(), Error> {
        let Driver::Browser(driver) = &self.settings.driver else { return Ok(()) };
        let walks = self.task.plan.instances.values().filter_map(|instance| self.exchange(instance));
        if !walks.into_iter().any(|exchange| exchange.file.kind == Some(Kind::Authorize)) {
            return Ok(());
        }
        let mut browser = self.walkers.browser.lock().await;
        browser.arguments = self.browser_arguments().await?;
        let mut service = Service::start(driver).await?;
        let opened = service.open(&browser.arguments).await;
        browser.shared = Some(opened.map_err(|trouble| Error::Browser(trouble.words().to_owned()))?);
        browser.service = Some(service);
        Ok(())
    }

    /// Ends it.
    pub(super) async fn close_browser(&self) {
        let Browser { service, shared, .. } = std::mem::take(&mut *self.walkers.browser.lock().await);
        if let Some((mut service, session)) = service.zip(shared) {
            service.quit(&session).await;
        }
    }

    /// One walk at a time, in the browser that keeps the login or in a fresh one.
    ///
    /// # Errors
    /// The browser is gone.
    pub(super) async fn walk_in_browser(
        &self,
        first: &Ready,
        fresh: bool,
        person: &mut Person,
        values: &Values<'_>,
    ) -> Result<Walked, NotSent> {
        let mut browser = self.walkers.browser.lock().await;
        // What the walk before has learned while this one waited.
        self.hope()?;
        person.refused = self.refused();
        let gone = |trouble: &Trouble| {
            let reason = format!("the browser is gone ({})", trouble.words());
            self.give_up(&reason);
            NotSent { why: Why::Prerequisite, reason, blocked_by: None }
        };
        let Browser { service, shared, arguments } = &mut *browser;
        let (Some(service), Some(shared)) = (service, shared) else {
            return Err(gone(&Trouble::Gone("it was not opened".into())));
        };
        self.keep_rate().await;
        let (done, all) = (self.settled.borrow().len(), self.task.plan.instances.len());
        self.settings.progress.sending(&first.sent.url, done, all);
        let own = if fresh { Some(service.open(arguments).await.map_err(|trouble| gone(&trouble))?) } else { None };
        let visit = Visit {
            session: own.as_ref().unwrap_or(shared),
            ends: ends(&first.sent, self.task.target),
            inside: inside(self.task.target, &first.sent).iter().map(Url::origin).collect(),
            headers: &self.task.target.public["headers"],
            longest: self.longest_walk(),
            page: self.task.target.bounds.first_byte,
            body: self.task.target.bounds.body,
        };
        let mut loads = Loads::default();
        // ChromeDriver does not answer while the first page is on its way.
        let outcome = timeout(visit.longest, visit.walk(&first.sent.url, person, &mut loads)).await;
        if let Some(own) = &own {
            service.quit(own).await;
        }
        let (end, logged_in) = match outcome {
            Err(_) => (self.endless(loads.pages().count(), ""), false),
            Ok(Err(trouble)) => return Err(gone(&trouble)),
            Ok(Ok((Some(end), logged_in, _))) => (end, logged_in),
            Ok(Ok((None, logged_in, said))) => (self.endless(loads.pages().count(), &said), logged_in),
        };
        self.learn_of(&end, logged_in);
        let mut steps = self.browser_steps(first, &loads, &visit.inside, values);
        if steps.is_empty() {
            let mut asked = self.shown(first, Outcome::TimedOut, values);
            asked["error"] = end.reason.as_str().into();
            steps.push(asked);
        }
        self.sent.set(self.sent.get() + steps.len());
        Ok(Walked { steps, end, logged_in })
    }
}

/// What one walk goes by.
struct Visit<'v> {
    session: &'v Session,
    ends: Vec<String>,
    inside: Vec<url::Origin>,
    /// Of the target file, for every request.
    headers: &'v Value,
    /// Longest time of the walk.
    longest: Duration,
    /// Longest time that requests under way are waited for.
    page: Duration,
    /// Most bytes of a body.
    body: usize,
}

impl Visit<'_> {
    /// How the walk ended, if its time had not run out; whether credentials were sent; and what the last page said.
    async fn walk(
        &self,
        url: &str,
        person: &Person,
        loads: &mut Loads,
    ) -> Result<(Option<End>, bool, String), Trouble> {
        if self.headers.as_object().is_some_and(|headers| !headers.is_empty()) {
            self.session.devtools("Network.setExtraHTTPHeaders", &json!({"headers": self.headers})).await?;
        }
        // What an earlier walk left.
        self.session.log().await?;
        self.session.go(url).await?;
        let began = Instant::now();
        let mut screen = Screen::new(person);
        let (mut shown, mut since) = (Look::default(), Instant::now());
        let end = loop {
            // A little before the walk is broken off, so that the page can be told of.
            if began.elapsed() + LAST >= self.longest {
                break None;
            }
            self.listen(loads).await?;
            if let Some(end) = self.over(loads).or_else(|| screen.tired(loads.pages().count(), &shown.page)) {
                self.rest(loads).await?;
                break Some(self.over(loads).unwrap_or(end));
            }
            match Look::take(self.session).await {
                Ok(look) if look == shown => {}
                Ok(look) => (shown, since) = (look, Instant::now()),
                Err(Trouble::Passing(_)) => since = Instant::now(),
                Err(trouble) => return Err(trouble),
            }
            let still = since.elapsed();
            let loaded = loads.pages().next_back().is_some_and(|page| page.whole);
            let calm = loaded && shown.ready && (loads.idle() && still >= STILL || still >= BUSY);
            if calm && !shown.leaves {
                let status = loads.pages().next_back().and_then(|page| page.status);
                let act = match status {
                    Some(status) => screen.decide(&shown.page, status),
                    None => Act::End(ended(Ended::Page, "the browser gave the page up".into())),
                };
                let status = status.unwrap_or(200);
                if let Act::End(end) = act {
                    let last = if status >= 400 { STILL * 2 } else { LAST };
                    if loads.idle() && still >= last || still >= self.page {
                        break Some(explained(end, loads));
                    }
                } else {
                    loads.pressed = Some(if let Act::Submit { cause, .. } = &act { *cause } else { Cause::Consent });
                    screen.did(&act, &shown.page);
                    match shown.perform(&act, self.session).await {
                        Err(trouble @ Trouble::Gone(_)) => return Err(trouble),
                        _ => since = Instant::now(),
                    }
                }
            }
            sleep(LOOK).await;
        };
        Ok((end, screen.logged_in(), shown.page.quoted()))
    }

    /// Takes what the browser logged, and the bodies of pages before they are forgotten.
    async fn listen(&self, loads: &mut Loads) -> Result<(), Trouble> {
        for event in self.session.log().await? {
            loads.take(&event);
        }
        // While the first page leads on and on, ChromeDriver does not answer; then hundreds may be there at once, and the walk is over.
        if loads.pages().count() >= MOST_STEPS {
            return Ok(());
        }
        let redirect = |load: &Load| load.status.is_some_and(|status| (300..400).contains(&status));
        let wanting = |load: &&mut Load| load.whole && load.failed.is_none() && load.body.is_none() && !redirect(load);
        for load in loads.all.iter_mut().filter(wanting) {
            let body = self.session.devtools("Network.getResponseBody", &json!({"requestId": load.id})).await;
            load.body = Some(match body {
                Ok(body) => evidence::body(&body, self.body),
                Err(Trouble::Passing(_)) => Vec::new(),
                Err(trouble) => return Err(trouble),
            });
        }
        Ok(())
    }

    /// After the end: fields of the last answer may come behind the request that followed it.
    async fn rest(&self, loads: &mut Loads) -> Result<(), Trouble> {
        for _ in 0..REST {
            let missing = |load: &Load| load.headers.is_empty() && load.failed.is_none() && self.is_inside(&load.url);
            if !loads.all.iter().any(missing) {
                break;
            }
            sleep(LOOK).await;
            self.listen(loads).await?;
        }
        Ok(())
    }

    fn is_inside(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| self.inside.contains(&url.origin()))
    }

    /// Whether the browser was sent to a redirect URI, or to where it does not go.
    fn over(&self, loads: &Loads) -> Option<End> {
        let mut before: Option<&Load> = None;
        for load in loads.pages() {
            // As the server wrote it, if it is known, and not as the browser does.
            let written = before.filter(|_| matches!(load.via, Via::Status(_))).and_then(|before| {
                before
                    .headers
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case("location"))
                    .map(|(_, value)| value.as_str())
            });
            let found = written.and_then(|url| ended_at(&self.ends, url, load.via));
            if let Some(redirect) = found.or_else(|| ended_at(&self.ends, &load.url, load.via)) {
                let form = load.posted.as_deref().filter(|_| load.via == Via::FormPost).unwrap_or_default();
                let form = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
                return Some(Redirect { form, ..redirect }.into());
            }
            if let Ok(url) = Url::parse(&load.url)
                && !self.inside.contains(&url.origin())
            {
                return Some(ended(Ended::Elsewhere, elsewhere(&url)));
            }
            if let Some(failed) = &load.failed {
                return Some(ended(Ended::Page, format!("the page did not come: {failed}{}", hint(failed))));
            }
            before = Some(load);
        }
        // What a browser hands to an app is asked for and not requested. Of all else its log tells in a moment, and better.
        let wanted = loads.wanted().filter(|url| !url.starts_with("http"))?;
        ended_at(&self.ends, wanted, Via::Script).map(End::from)
    }
}

fn hint(failed: &str) -> &'static str {
    if failed.contains("ERR_CERT") { "; name the file of its authority with `ca_file` or --cacert" } else { "" }
}

/// A page that leads nowhere may want files that the browser does not load.
fn explained(end: End, loads: &Loads) -> End {
    if end.ended != Ended::Page || loads.missed.is_empty() {
        return end;
    }
    let missed = loads.missed.join(", ");
    let reason = format!(
        "{}; files of {missed} were not loaded, name these hosts under `login.hosts` if the page needs them",
        end.reason
    );
    End { reason, ..end }
}
