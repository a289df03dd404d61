//! What a browser loaded, read from its log. Pure.
//!
//! Events come in the words of the Chrome DevTools Protocol, domains Network and Page.

use std::collections::HashSet;

use serde_json::Value;
use url::Url;

use crate::agent::{Cause, Via};

/// The fields of a request as they went out.
const SENT: &str = "Network.requestWillBeSentExtraInfo";
/// Most events that are kept for requests to come; those of images and the like never do.
const MOST_EARLY: usize = 200;

/// A request for a page, or the first one that a script sent after something was pressed.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) id: String,
    /// With its fragment.
    pub(super) url: String,
    pub(super) method: String,
    pub(super) posted: Option<String>,
    pub(super) sent_headers: Vec<(String, String)>,
    pub(super) status: Option<u16>,
    pub(super) headers: Vec<(String, String)>,
    /// `net::ERR_…`.
    pub(super) failed: Option<String>,
    /// All of it has come.
    pub(super) whole: bool,
    pub(super) body: Option<Vec<u8>>,
    pub(super) cause: Cause,
    /// How the browser was sent there.
    pub(super) via: Via,
    /// A page, and not what a script asked for.
    pub(super) page: bool,
    /// Milliseconds since the Unix epoch.
    pub(super) at_ms: u64,
    pub(super) elapsed_ms: u64,
    began: f64,
    /// The fields as they came over the wire are known.
    exact: bool,
}

/// What one walk loaded, in order.
#[derive(Debug, Default)]
pub(super) struct Loads {
    pub(super) all: Vec<Load>,
    /// The cause of the next request, after something was pressed.
    pub(super) pressed: Option<Cause>,
    /// Hosts whose files the page asked for in vain.
    pub(super) missed: Vec<String>,
    frame: Option<String>,
    under_way: HashSet<String>,
    /// What the network told of requests that no page has told of.
    early: Vec<Value>,
    /// The last navigation that a page asked for: why, and where to.
    wanted: Option<(String, String)>,
}

impl Load {
    /// Whether what the network tells of a request or an answer is still missing here.
    fn wants(&self, event: &Value) -> bool {
        if event["method"] == SENT { self.sent_headers.is_empty() } else { !self.exact }
    }

    /// Notes the answer that led to another request, which began then.
    fn led_on(&mut self, answer: &Value, began: f64) {
        self.whole = true;
        self.elapsed_ms = millis(began - self.began);
        self.status = self.status.or(status(&answer["status"]));
        if !self.exact {
            self.headers = fields(&answer["headers"]);
        }
    }

    fn add(&mut self, event: &Value) {
        let what = &event["params"];
        if event["method"] == SENT {
            self.sent_headers = fields(&what["headers"]);
            return;
        }
        self.exact = true;
        self.status = status(&what["statusCode"]).or(self.status);
        let written = what["headersText"].as_str().map(as_written);
        self.headers = written.unwrap_or_else(|| fields(&what["headers"]));
    }
}

impl Loads {
    /// Whether nothing is on its way.
    pub(super) fn idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// The pages, in order.
    pub(super) fn pages(&self) -> impl DoubleEndedIterator<Item = &Load> {
        self.all.iter().filter(|load| load.page)
    }

    /// Where a page wanted to go, if the browser has not asked for it.
    pub(super) fn wanted(&self) -> Option<&str> {
        let (_, url) = self.wanted.as_ref()?;
        self.pages().next_back().is_none_or(|page| page.url != *url).then_some(url)
    }

    /// Takes one event of the log; whether it changed anything.
    pub(super) fn take(&mut self, event: &Value) {
        let what = &event["params"];
        let id = what["requestId"].as_str().unwrap_or_default().to_owned();
        match event["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => self.begun(what, id),
            "Network.requestWillBeSentExtraInfo" | "Network.responseReceivedExtraInfo" => {
                let known = self.all.iter_mut().find(|load| load.id == id && load.wants(event));
                match known {
                    Some(load) => load.add(event),
                    // The network tells of it before the page does.
                    None if self.early.len() < MOST_EARLY => self.early.push(event.clone()),
                    None => {}
                }
            }
            "Network.responseReceived" => {
                if let Some(load) = self.all.iter_mut().rfind(|load| load.id == id) {
                    load.status = load.status.or_else(|| status(&what["response"]["status"]));
                    if !load.exact {
                        load.headers = fields(&what["response"]["headers"]);
                    }
                }
            }
            name @ ("Network.loadingFinished" | "Network.loadingFailed") => {
                self.under_way.remove(&id);
                if let Some(load) = self.all.iter_mut().rfind(|load| load.id == id) {
                    load.whole = true;
                    load.elapsed_ms = millis(what["timestamp"].as_f64().unwrap_or(load.began) - load.began);
                    if name == "Network.loadingFailed" && what["canceled"] != true {
                        load.failed = what["errorText"].as_str().map(str::to_owned);
                    }
                }
            }
            "Page.frameRequestedNavigation" if self.is_main(what) => {
                let word = |name: &str| what[name].as_str().unwrap_or_default().to_owned();
                self.wanted = Some((word("reason"), word("url")));
            }
            _ => {}
        }
    }

    fn is_main(&self, what: &Value) -> bool {
        self.frame.is_none() || self.frame.as_deref() == what["frameId"].as_str()
    }

    fn begun(&mut self, what: &Value, id: String) {
        let request = &what["request"];
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let url = text("url");
        if !url.starts_with("data:") && !url.starts_with("blob:") {
            self.under_way.insert(id.clone());
        }
        let page = what["type"] == "Document" && self.is_main(what);
        let called = matches!(what["type"].as_str(), Some("XHR" | "Fetch"));
        if !page {
            self.miss(&url, what);
        }
        // Of what scripts ask for, only the request counts that sends what was typed or pressed.
        if !page && (!called || self.pressed.is_none()) {
            return;
        }
        if page {
            self.frame = self.frame.take().or_else(|| what["frameId"].as_str().map(str::to_owned));
        }
        let began = what["timestamp"].as_f64().unwrap_or_default();
        let before = &what["redirectResponse"];
        if let Some(load) = self.all.iter_mut().rfind(|load| load.id == id) {
            load.led_on(before, began);
        }
        let method = text("method");
        let (via, cause) = self.why(&url, &method, status(&before["status"]));
        let mut load = Load {
            id,
            url: format!("{url}{}", text("urlFragment")),
            posted: request["postData"].as_str().map(str::to_owned),
            method,
            sent_headers: Vec::new(),
            status: None,
            headers: Vec::new(),
            failed: None,
            whole: false,
            body: None,
            cause,
            via,
            page,
            at_ms: millis(what["wallTime"].as_f64().unwrap_or_default()),
            elapsed_ms: 0,
            began,
            exact: false,
        };
        let early = self.early.extract_if(.., |event| event["params"]["requestId"] == load.id.as_str());
        for event in early.collect::<Vec<_>>() {
            if load.wants(&event) {
                load.add(&event);
            }
        }
        self.all.push(load);
    }

    /// What made the browser ask for a page. What was pressed counts once, unless an answer led on.
    fn why(&mut self, url: &str, method: &str, redirected: Option<u16>) -> (Via, Cause) {
        let pressed = if redirected.is_none() { self.pressed.take() } else { Some(Cause::Redirect) };
        let cause = if self.all.is_empty() { Cause::Asked } else { pressed.unwrap_or(Cause::Redirect) };
        (redirected.map_or_else(|| self.sent_by(url, method), Via::Status), cause)
    }

    /// How a page sent the browser on without a redirect.
    fn sent_by(&self, url: &str, method: &str) -> Via {
        let reason = self.wanted.as_ref().filter(|(_, wanted)| wanted.split('#').next() == url.split('#').next());
        match reason.map(|(reason, _)| reason.as_str()) {
            _ if method == "POST" => Via::FormPost,
            Some("metaTagRefresh" | "httpHeaderRefresh") => Via::Meta,
            Some("scriptInitiated") => Via::Script,
            _ => Via::Link,
        }
    }

    /// Files of other hosts are not loaded; a page may be nothing without them.
    fn miss(&mut self, url: &str, what: &Value) {
        let own = self.pages().next_back().and_then(|page| Some(Url::parse(&page.url).ok()?.origin()));
        let wanted = matches!(what["type"].as_str(), Some("Script" | "XHR" | "Fetch" | "Stylesheet" | "Document"));
        let Some(url) = Url::parse(url).ok().filter(|url| wanted && url.has_host()) else { return };
        let host = url.host_str().unwrap_or_default().to_owned();
        if own.is_some_and(|own| own != url.origin()) && !self.missed.contains(&host) {
            self.missed.push(host);
        }
    }
}

fn status(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|status| u16::try_from(status).ok()).filter(|status| *status >= 100)
}

/// Seconds as milliseconds.
fn millis(seconds: f64) -> u64 {
    u64::try_from(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// Fields from an object; what came in several fields stands in lines there.
fn fields(headers: &Value) -> Vec<(String, String)> {
    let members = headers.as_object().into_iter().flatten();
    members
        .flat_map(|(name, value)| {
            let lines = value.as_str().unwrap_or_default().split('\n');
            lines.map(|line| (name.clone(), line.to_owned())).collect::<Vec<_>>()
        })
        .collect()
}

/// Fields of a head as it came.
fn as_written(head: &str) -> Vec<(String, String)> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(name: &str, params: Value) -> Value {
        json!({"method": name, "params": params})
    }

    fn page(id: &str, url: &str, more: Value) -> Value {
        let mut params = json!({"requestId": id, "frameId": "F", "type": "Document", "timestamp": 1.0, "wallTime": 5.0,
            "request": {"url": url, "method": "GET"}});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event("Network.requestWillBeSent", params)
    }

    /// The order in which Chromium 15x tells of a redirect: the next request before the fields of the answer.
    #[test]
    fn the_hops_of_a_redirect_are_loads_of_their_own() {
        let mut loads = Loads::default();
        loads.take(&page("1", "https://as.example/a", json!({})));
        loads.take(&page(
            "1",
            "https://client.example/cb?code=1",
            json!({"timestamp": 1.25,
            "request": {"url": "https://client.example/cb?code=1", "urlFragment": "#x=y", "method": "GET"},
            "redirectResponse": {"status": 303, "headers": {"location": "…"}}}),
        ));
        let head = "HTTP/1.1 303 See Other\r\nLocation: https://client.example/cb?code=1\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n";
        loads.take(&event(
            "Network.responseReceivedExtraInfo",
            json!({"requestId": "1", "statusCode": 303, "headersText": head, "headers": {}}),
        ));
        loads.take(&event(
            "Network.loadingFailed",
            json!({"requestId": "1", "timestamp": 1.5, "errorText": "net::ERR_NAME_NOT_RESOLVED", "canceled": false}),
        ));
        let [first, second] = &loads.all[..] else { panic!("{loads:?}") };
        assert_eq!((first.status, first.headers.len(), first.elapsed_ms, first.at_ms), (Some(303), 3, 250, 5000));
        assert_eq!((first.cause, second.cause, second.via), (Cause::Asked, Cause::Redirect, Via::Status(303)));
        assert_eq!(second.url, "https://client.example/cb?code=1#x=y");
        assert_eq!(second.failed.as_deref(), Some("net::ERR_NAME_NOT_RESOLVED"));
        assert!(loads.idle());
    }

    #[test]
    fn what_was_pressed_is_the_cause_of_one_request() {
        let mut loads = Loads::default();
        loads.take(&page("1", "https://as.example/login", json!({})));
        loads.take(&page("2", "https://as.example/i.json", json!({"type": "Fetch"})));
        loads.pressed = Some(Cause::Credentials);
        loads.take(&page("3", "https://as.example/login", json!({"type": "Fetch"})));
        loads.take(&event(
            "Page.frameRequestedNavigation",
            json!({"frameId": "F", "reason": "scriptInitiated", "url": "https://as.example/next"}),
        ));
        assert_eq!(loads.wanted(), Some("https://as.example/next"));
        loads.take(&page("4", "https://as.example/next", json!({})));
        let causes: Vec<_> = loads.all.iter().map(|load| (load.id.as_str(), load.cause, load.via)).collect();
        assert_eq!(
            causes,
            [("1", Cause::Asked, Via::Link), ("3", Cause::Credentials, Via::Link), ("4", Cause::Redirect, Via::Script)]
        );
        assert_eq!(loads.wanted(), None);
    }

    #[test]
    fn what_the_network_tells_first_is_kept() {
        let mut loads = Loads::default();
        loads.take(&event(SENT, json!({"requestId": "1", "headers": {"cookie": "a=b"}})));
        loads.take(&event(
            "Network.responseReceivedExtraInfo",
            json!({"requestId": "1", "statusCode": 303, "headers": {"x": "1\n2"}}),
        ));
        loads.take(&page("1", "https://as.example/a", json!({})));
        let load = &loads.all[0];
        assert_eq!((load.status, load.headers.len(), load.sent_headers.len()), (Some(303), 2, 1));
    }

    #[test]
    fn frames_are_no_pages_and_files_of_other_hosts_are_missed() {
        let mut loads = Loads::default();
        loads.take(&page("1", "https://as.example/a", json!({})));
        loads.take(&page("2", "https://ads.example/f", json!({"frameId": "G"})));
        loads.take(&page("3", "https://cdn.example/app.js", json!({"type": "Script"})));
        loads.take(&page("4", "https://cdn.example/logo.png", json!({"type": "Image"})));
        assert_eq!(loads.pages().count(), 1);
        assert_eq!(loads.missed, ["ads.example", "cdn.example"]);
    }
}
