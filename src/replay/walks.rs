//! Walks through the authorization endpoint: the pages that belong together, as they led from one to the next.
//!
//! A page leads on by itself (a redirect, a refresh, a form that sends itself), or somebody sent a form or followed a link on it. What
//! the browser asked for next is in the recording; where it was sent last need not be, since `Location` tells it.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::facts::Facts;
use super::path::{Known, Path, document, ends, headers};
use crate::agent::{Cause, End, Ended, Jar, MOST_STEPS, Next, Page, Pressed, Seen, Via, ended_at, leads, pressed};
use crate::suite::Exchange;
use crate::suite::files::User;
use crate::target::Target;

/// A walk that was recorded.
#[derive(Debug)]
pub(super) struct Trip {
    /// Where its first request stands in the recording.
    pub(super) first: usize,
    /// Where its last one stands.
    pub(super) last: usize,
    /// All of them.
    pub(super) steps: Vec<usize>,
    /// What the person did: `Nobody` if nothing had to be done, or nothing was.
    user: User,
    /// It came to where a walk ends.
    pub(super) whole: bool,
    /// The last answer is known.
    seen: bool,
    /// The browser had no cookies, as far as the recording shows any.
    new_session: bool,
    /// What the challenge was made from, if it was told afterwards.
    pub(super) verifier: Option<String>,
    /// The challenge is a hash of it, and not itself.
    pub(super) is_hashed: bool,
    /// The document of the walk.
    pub(super) document: Value,
}

impl Trip {
    /// Whether the person did what an exchange is about.
    pub(super) fn goes_like(&self, exchange: &Exchange) -> bool {
        let did = match exchange.file.user.unwrap_or_default() {
            User::Nobody => self.user == User::Nobody && self.seen,
            User::Consents => self.user != User::Denies && self.whole,
            // Whoever is not asked can deny nothing.
            User::Denies => self.user != User::Consents && self.whole,
        };
        did && (exchange.file.session.is_none() || self.new_session)
    }
}

/// Every walk of a recording, in the order of their ends.
pub(super) fn trips(facts: &[Facts<'_>], target: &Target, exchange: Option<&Exchange>) -> Vec<Trip> {
    let Some(endpoint) = target.url_of("authorization_endpoint").and_then(|url| bare(&url)) else { return Vec::new() };
    let inside: Vec<Url> = facts.iter().filter_map(|facts| facts.url.clone()).collect();
    let shows_cookies =
        facts.iter().any(|facts| facts.heard.asked.as_ref().is_some_and(|asked| asked.field("cookie").is_some()));
    let mut taken = HashSet::new();
    let mut all = Vec::new();
    for first in 0..facts.len() {
        if taken.contains(&first) || !begins(&facts[first], &endpoint) {
            continue;
        }
        let mut walker = Walker { facts, target, exchange, inside: &inside, taken: &mut taken, shows_cookies };
        walker.walk(first, &mut all);
    }
    all.sort_by_key(|trip| (trip.last, !trip.whole));
    // A request may end one walk only.
    let mut ends = HashSet::new();
    all.retain(|trip| ends.insert(trip.last));
    all
}

/// Whether a request may begin a walk: it goes to the endpoint and says something that only authorization requests say.
fn begins(facts: &Facts<'_>, endpoint: &str) -> bool {
    let own = facts.base().as_deref() == Some(endpoint) && !facts.heard.is_masked;
    let names = ["client_id", "response_type", "redirect_uri"];
    let pairs = facts.query.iter().chain(facts.params.iter().flatten());
    own && pairs.filter(|(name, _)| names.contains(&name.as_str())).count() > 0
}

fn bare(url: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url.into())
}

struct Walker<'w, 'h> {
    facts: &'w [Facts<'h>],
    target: &'w Target,
    exchange: Option<&'w Exchange>,
    inside: &'w [Url],
    taken: &'w mut HashSet<usize>,
    shows_cookies: bool,
}

impl Walker<'_, '_> {
    fn walk(&mut self, first: usize, all: &mut Vec<Trip>) {
        let facts = &self.facts[first];
        let ends = ends(facts, self.target);
        let mut pairs = facts.query.iter().chain(facts.params.iter().flatten());
        let state = pairs.find(|(name, _)| name == "state").map(|(_, value)| value.clone());
        let mut path = Path {
            steps: vec![first],
            causes: vec![Cause::Asked],
            typed: Vec::new(),
            logged_in: false,
            user: User::Nobody,
            bridged: false,
        };
        let mut jar = Jar::default();
        self.taken.insert(first);
        loop {
            let at = path.steps.last().copied().unwrap_or(first);
            let facts = &self.facts[at];
            let Some(url) = &facts.url else { return };
            let Some(head) = &facts.heard.answered.head else { return };
            let headers = headers(head);
            jar.take(url, headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str()));
            let body = facts.heard.answered.body.as_deref().map(String::from_utf8_lossy);
            let seen = Seen { url, status: head.status, headers: &headers, body: body.as_deref().unwrap_or_default() };
            let next = if path.steps.len() >= MOST_STEPS { None } else { Some(leads(&seen, &ends, self.inside)) };
            let (more, cause) = match next {
                None => return,
                Some(Next::Ask(ask)) => (self.asked(at, &ask.url, &jar), ask.cause),
                Some(Next::End(end)) => {
                    let page = Page::read(url, seen.body);
                    let stays = !matches!(end.ended, Ended::Redirected | Ended::Elsewhere | Ended::Loop);
                    let (next, did) = if stays { self.sent(at, &page, &jar) } else { None }.unzip();
                    if let Some(did) = &did {
                        self.halt(&path, &end, body.is_some(), all);
                        match did {
                            Pressed::Credentials(typed) => {
                                path.logged_in |= !typed.is_empty();
                                path.typed.extend(typed.iter().cloned());
                            }
                            Pressed::Consent | Pressed::Denial => {}
                        }
                        if path.user != User::Denies {
                            path.user = if *did == Pressed::Denial { User::Denies } else { User::Consents };
                        }
                    } else if let Some((over, next)) =
                        self.by_script(at, &page, body.is_some(), &ends, state.as_deref())
                    {
                        // Scripts asked for what lies between; what the browser saw last is known again.
                        let denied = over.reason.contains("`access_denied`");
                        path.user = if denied { User::Denies } else { User::Consents };
                        path.bridged = true;
                        path.steps.push(next);
                        path.causes.push(Cause::Redirect);
                        self.taken.insert(next);
                        return self.finish(&path, &over, true, all);
                    } else {
                        return self.finish(&path, &end, body.is_some() || !stays, all);
                    }
                    let credentials = matches!(did, Some(Pressed::Credentials(_)));
                    (next, if credentials { Cause::Credentials } else { Cause::Consent })
                }
            };
            // The browser was sent on, and the recording does not say to what answer.
            let Some(more) = more else { return };
            self.taken.insert(more);
            path.steps.push(more);
            path.causes.push(cause);
        }
    }

    /// The walk as it would have been if nobody had done anything on this page.
    fn halt(&self, path: &Path, end: &End, seen: bool, all: &mut Vec<Trip>) {
        if path.user == User::Nobody {
            self.finish(path, end, seen, all);
        }
    }

    /// The request of a URL that follows; of several the first that has the cookies of this walk.
    fn asked(&self, after: usize, url: &Url, jar: &Jar) -> Option<usize> {
        let mut plain = url.clone();
        plain.set_fragment(None);
        self.best(after, jar, |facts| facts.url.as_ref() == Some(&plain))
    }

    fn sent(&self, after: usize, page: &Page, jar: &Jar) -> Option<(usize, Pressed)> {
        let did = |facts: &Facts<'_>| {
            let post = facts.method() == "POST";
            let pairs = if post { facts.params.as_deref().unwrap_or_default() } else { &facts.query };
            pressed(page, post, facts.url.as_ref()?, pairs)
        };
        let next = self.best(after, jar, |facts| did(facts).is_some())?;
        Some((next, did(&self.facts[next])?))
    }

    fn best(&self, after: usize, jar: &Jar, fits: impl Fn(&Facts<'_>) -> bool) -> Option<usize> {
        let all: Vec<usize> =
            (after + 1..self.facts.len()).filter(|nth| !self.taken.contains(nth) && fits(&self.facts[*nth])).collect();
        let with_cookies = |nth: &&usize| {
            let facts = &self.facts[**nth];
            let wanted = facts.url.as_ref().and_then(|url| jar.header(url)).unwrap_or_default();
            let sent = facts.heard.asked.as_ref().and_then(|asked| asked.field("cookie")).unwrap_or_default();
            let sent: Vec<&str> = sent.split("; ").collect();
            wanted.split("; ").filter(|pair| !pair.is_empty()).all(|pair| sent.contains(&pair))
        };
        all.iter().find(with_cookies).or_else(|| all.first().filter(|_| !self.shows_cookies || all.len() == 1)).copied()
    }

    /// Where a page of scripts led in the end: the next redirect to the redirect URI with the state of this walk.
    fn by_script(
        &self,
        after: usize,
        page: &Page,
        has_body: bool,
        ends: &[String],
        state: Option<&str>,
    ) -> Option<(End, usize)> {
        let state = state.filter(|_| page.scripts || !has_body)?;
        (after + 1..self.facts.len()).filter(|nth| !self.taken.contains(nth)).find_map(|nth| {
            let head = self.facts[nth].heard.answered.head.as_ref()?;
            let via = (300..400).contains(&head.status).then_some(Via::Status(head.status))?;
            let redirect = ended_at(ends, head.field("location")?, via)?;
            let mut pairs = [&redirect.query, &redirect.fragment].into_iter().flatten();
            pairs.any(|(name, value)| name == "state" && value == state).then(|| (redirect.clone().into(), nth))
        })
    }

    fn finish(&self, path: &Path, end: &End, seen: bool, all: &mut Vec<Trip>) {
        let (Some(first), Some(last)) = (path.steps.first().copied(), path.steps.last().copied()) else { return };
        let whole = seen
            && match end.ended {
                Ended::Login => path.logged_in,
                Ended::Consent => false,
                // A page without a form, unless a script stands there that does not run here; of some the script is the answer.
                Ended::Page => !self.scripts(last) || self.facts[first].pair("response_mode") == Some("web_message"),
                Ended::Redirected | Ended::ErrorPage | Ended::Loop | Ended::Elsewhere => true,
            };
        let cookie = self.facts[first].heard.asked.as_ref().and_then(|asked| asked.field("cookie"));
        let verifier = self.verifier(first, end);
        let mut trip = Trip {
            first,
            last,
            steps: path.steps.clone(),
            user: path.user,
            whole,
            seen,
            new_session: self.shows_cookies && cookie.is_none(),
            is_hashed: verifier.as_ref().is_some_and(|(_, is_hashed)| *is_hashed),
            verifier: verifier.map(|(verifier, _)| verifier),
            document: Value::Null,
        };
        let known = Known { target: self.target, exchange: self.exchange };
        trip.document = document(self.facts, &known, path, end, trip.verifier.as_deref());
        all.push(trip);
    }

    fn scripts(&self, nth: usize) -> bool {
        let facts = &self.facts[nth];
        let body = facts.heard.answered.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        facts.url.as_ref().is_some_and(|url| Page::read(url, &body).scripts)
    }

    /// What the challenge was made from: it was told to the token endpoint, or is the challenge itself.
    ///
    /// Source: RFC 7636 §4.2 and §4.6.
    fn verifier(&self, first: usize, end: &End) -> Option<(String, bool)> {
        let asked = |wanted: &str| {
            let pairs = self.facts[first].query.iter().chain(self.facts[first].params.iter().flatten());
            pairs.clone().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
        };
        let challenge = asked("code_challenge")?;
        if asked("code_challenge_method").is_none_or(|method| method == "plain") {
            return Some((challenge, false));
        }
        let redirect = end.redirect.as_ref()?;
        let mut pairs = [&redirect.query, &redirect.fragment, &redirect.form].into_iter().flatten();
        let (_, code) = pairs.find(|(name, _)| name == "code")?;
        let tells = self.facts.iter().filter(|facts| facts.pair("code") == Some(code));
        let mut told = tells.filter_map(|facts| facts.pair("code_verifier"));
        let proves = |verifier: &&str| BASE64URL.encode(Sha256::digest(verifier.as_bytes())) == challenge;
        told.find(proves).map(|verifier| (verifier.to_owned(), true))
    }
}
