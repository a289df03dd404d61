//! A walk through the authorization endpoint: the user agent says what to ask for, and this sends it (DESIGN 3.1, `kind: authorize`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Map, Value, json};
use tokio::sync::MutexGuard;
use url::{Url, form_urlencoded};

use super::execute::Runner;
use super::person;
use super::request::{self, Ready};
use super::send::lets;
use super::values::Values;
use crate::agent::{Answer, Ask, Cause, End, Ended, Jar, Next, Person, Redirect, Seen, Walk, embedded_origins};
use crate::exchange::{Outcome, Received, Sent, document, finish};
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

impl Runner<'_> {
    /// Walks from a request that is ready to where it ends. One walk at a time uses the session of the run, so that there is one login.
    pub(super) async fn walk(
        &self,
        instance: &Instance,
        exchange: &Exchange,
        first: Ready,
        values: &Values<'_>,
    ) -> Value {
        let target = self.task.target;
        if let Some(person) = &self.settings.person {
            let end = person::walk(person, &first.sent.url, &ends(&first.sent, target), person::PATIENCE).await;
            return self.told_by_person(&first, &end, values);
        }
        let person = person(target, exchange);
        let mut cookies = match exchange.file.session {
            Some(Session::New) => Cookies::Own(Jar::default()),
            None => Cookies::Shared(self.session.lock().await),
        };
        let mut walk = Walk::new(&person, ends(&first.sent, target), &inside(target, &first.sent));
        let (mut ready, mut cause) = (first, Cause::Asked);
        let mut steps = Vec::new();
        let end = loop {
            let Ok(url) = Url::parse(&ready.sent.url) else {
                break ended(Ended::Elsewhere, format!("{:?} is not a URL", ready.sent.url));
            };
            if let Some(header) = cookies.jar().header(&url) {
                // Cookies that the target file adds to every request stand behind those of the session.
                match ready.sent.headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
                    Some((_, own)) => *own = format!("{header}; {own}"),
                    None => ready.sent.headers.push(("cookie".into(), header.clone())),
                }
                note(values, header.split("; ").filter_map(|pair| pair.split_once('=')).map(|(_, value)| value));
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
            note(
                values,
                fields.filter_map(|field| field.split(';').next()?.split_once('=')).map(|(_, value)| value.trim()),
            );
            let body = String::from_utf8_lossy(&received.body);
            match walk.next(&Seen { url: &url, status: received.status, headers: &headers, body: &body }) {
                Next::End(end) => break end,
                Next::Ask(ask) => {
                    cause = ask.cause;
                    ready = page_request(ask, &url, target);
                }
            }
        };
        drop(cookies);
        told(steps, &end, walk.logged_in(), values)
    }
}

impl Runner<'_> {
    /// The document of a walk that somebody else went: no page was seen.
    fn told_by_person(&self, first: &Ready, end: &End, values: &Values<'_>) -> Value {
        let target = self.task.target;
        let mut step = document(Outcome::Answered, &first.sent, None, None, target.bounds.json_depth);
        let now = self.settings.clock.now_ms();
        finish(&mut step, &target.public, lets(values), json!({"at": now, "elapsed_ms": 0}));
        step["cause"] = Cause::Asked.word().into();
        told(vec![step], end, false, values)
    }
}

/// The values of cookies are credentials of a session: they are masked like what a server issues.
fn note<'v>(values: &Values<'_>, texts: impl Iterator<Item = &'v str>) {
    // Shorter ones are settings such as a language.
    values.sensitive.borrow_mut().extend(texts.filter(|text| text.len() >= 12).map(str::to_owned));
}

fn ended(ended: Ended, reason: String) -> End {
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
    }
}

/// Redirect URIs that end the walk: those that are asked for, and the registered one.
fn ends(sent: &Sent, target: &Target) -> Vec<String> {
    let pairs = sent.query.iter().chain(&sent.params);
    let mut ends: Vec<String> =
        pairs.filter(|(name, _)| name == "redirect_uri").map(|(_, value)| value.clone()).collect();
    ends.extend(target.text("redirect_uri").filter(|registered| !ends.contains(registered)));
    ends
}

/// URLs of the authorization server: what the target file names of it, and what it calls hosts of the login.
fn inside(target: &Target, sent: &Sent) -> Vec<Url> {
    let names = ["issuer", "token_endpoint", "authorization_endpoint", "metadata_url"];
    let named = names.into_iter().filter_map(|name| target.text(name));
    let hosts = target.public.pointer("/login/hosts").and_then(Value::as_array).into_iter().flatten();
    let hosts = hosts
        .filter_map(Value::as_str)
        .map(|host| if host.contains("://") { host.to_owned() } else { format!("https://{host}") });
    named.chain(hosts).chain([sent.url.clone()]).filter_map(|url| Url::parse(&url).ok()).collect()
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
    let headers = request::complete(headers, &url, method, content_type, body.len(), target, false);
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

/// The document of the walk: the request that was asked for, the last answer, where it ended, and every step.
fn told(steps: Vec<Value>, end: &End, logged_in: bool, values: &Values<'_>) -> Value {
    let (first, last) = (steps.first().unwrap_or(&Value::Null), steps.last().unwrap_or(&Value::Null));
    let mut document = json!({
        "outcome": last["outcome"], "request": first["request"], "target": first["target"], "let": first["let"],
        "timing": first["timing"], "ended": end.ended.word(), "reason": end.reason, "logged_in": logged_in,
    });
    for name in ["response", "error", "bound"] {
        if let Some(value) = last.get(name) {
            document[name] = value.clone();
        }
    }
    if let Some(redirect) = &end.redirect {
        document["redirect"] = redirect_facts(redirect);
        // Masks take codes away before a check can look into them.
        let challenge = first.pointer("/request/query/code_challenge").and_then(Value::as_str);
        document["redirect"]["shows_challenge"] = challenge.is_some_and(|own| shows(redirect, own)).into();
    }
    if last["outcome"] == "answered" {
        document["answer"] = answer(end).into();
    }
    let sensitive = values.sensitive.borrow();
    if !sensitive.is_empty() {
        document["sensitive"] = json!(*sensitive);
    }
    document["steps"] = steps.into();
    document
}

/// Whether what the server added to a redirect tells the challenge, as it is or in base64url, as in the parts of a JWT.
fn shows(redirect: &Redirect, challenge: &str) -> bool {
    let pairs = [&redirect.query, &redirect.fragment, &redirect.form].into_iter().flatten();
    pairs.filter(|(name, _)| name != "state").any(|(_, value)| {
        let told = |part: &str| {
            let bytes = BASE64URL.decode(part.trim_end_matches('='));
            bytes.is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(challenge))
        };
        value.contains(challenge) || value.split('.').any(told)
    })
}

/// One word for how a walk ended (DESIGN 3.2).
fn answer(end: &End) -> &'static str {
    let has = |redirect: &Redirect, name: &str| {
        [&redirect.query, &redirect.fragment, &redirect.form].into_iter().flatten().any(|(known, _)| known == name)
    };
    match (&end.redirect, end.ended) {
        (Some(redirect), _) if has(redirect, "error") => "error",
        (Some(redirect), _) if has(redirect, "code") => "code",
        (Some(redirect), _) if has(redirect, "access_token") || has(redirect, "id_token") => "token",
        (Some(_), _) | (None, Ended::Redirected | Ended::Elsewhere) => "redirect",
        (None, Ended::ErrorPage) => "error_page",
        (None, Ended::Login) => "login",
        (None, Ended::Consent | Ended::Page | Ended::Loop) => "page",
    }
}

fn redirect_facts(redirect: &Redirect) -> Value {
    let all: Vec<(String, String)> =
        [&redirect.query, &redirect.fragment, &redirect.form].into_iter().flatten().cloned().collect();
    let object = |pairs: &[(String, String)]| -> Map<String, Value> {
        let mut members = Map::new();
        for (name, value) in pairs {
            let value = Value::from(value.as_str());
            match members.get_mut(name) {
                None => drop(members.insert(name.clone(), value)),
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        members
    };
    let via = match redirect.via {
        crate::agent::Via::Status(status) => status.into(),
        via => Value::from(via.word()),
    };
    let base = redirect.url.split(['?', '#']).next().unwrap_or_default();
    json!({
        "to": redirect.base, "base": base, "url": redirect.url, "via": via, "parameters": object(&all),
        "query": object(&redirect.query), "fragment": object(&redirect.fragment), "form": object(&redirect.form),
    })
}
