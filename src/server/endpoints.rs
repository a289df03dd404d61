//! From a request to its answer, without input or output: which endpoint is meant, and what every answer has in common.

use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;
use time::macros::format_description;

use crate::clock::Clock;

use super::fault::Break;
use super::message::{Body, Reply, Request};
use super::setup::{
    AUTHORIZE, CONSENT, ERROR, INTROSPECT, JWKS, LOGIN, MOVED, RESOURCE, REVOKE, Settings, Setup, TOKEN,
};
use super::state::State;
use super::{
    Policy, Rule, authorize, cors, errors, grants, introspect, metadata, register, resource, revoke, rewrite, token,
};

/// The reference authorization server and its resource, without a listener.
pub struct AuthorizationServer {
    pub(super) setup: Setup,
    pub(super) clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// An answer, and what befalls it on its way.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The answer itself, rewritten by the faults of the server.
    pub reply: Reply,
    /// Milliseconds by which it is held back.
    pub delay_ms: u64,
    /// What breaks on the wire, if anything.
    pub wire: Option<Break>,
}

/// One request being answered.
pub(super) struct Turn<'a> {
    pub(super) setup: &'a Setup,
    pub(super) state: &'a mut State,
    pub(super) now_ms: u64,
    /// The client secret that came with the request, for faults that repeat it.
    pub(super) received_secret: Option<String>,
}

impl AuthorizationServer {
    /// A server that speaks of itself as `origin`; `seed` is what its tokens follow from.
    #[must_use]
    pub fn new(settings: &Settings, origin: String, seed: [u8; 32]) -> Self {
        Self {
            setup: Setup::new(settings, origin, &seed),
            clock: Arc::clone(&settings.clock),
            state: Mutex::new(State::new(seed)),
        }
    }

    /// The entry for a target file: endpoints, claims and credentials of this server.
    #[must_use]
    pub fn target(&self) -> serde_json::Value {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.setup.target(&token::foreign(&self.setup, &state, self.clock.now_ms()))
    }

    /// Answers a request at the time that the clock tells.
    #[must_use]
    pub fn answer(&self, request: &Request) -> Answer {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = self.clock.now_ms();
        let mut turn = Turn { setup: &self.setup, state: &mut state, now_ms, received_secret: None };
        let mut reply = route(request, &mut turn).unwrap_or_else(|refusal| refusal);
        dress(&self.setup, &mut reply, now_ms);
        cors::dress(request, &mut reply, &self.setup);
        let secret = turn.received_secret.as_deref();
        if let Some(secret) = secret
            && request.path == TOKEN
            && !self.setup.keeps(Rule::SecretNotEchoed)
        {
            reply = reply.with_member("received", secret);
        }
        rewrite::apply(&self.setup.dialect.rewrites, &mut reply, secret);
        if self.setup.makes(Policy::BodyPretty) && matches!(reply.body, Body::Members(_)) {
            reply.body = Body::Bytes(reply.body.render(true));
        }
        let delay_ms = self.setup.dialect.delay_ms(&reply.name).saturating_add(self.setup.latency_ms);
        let wire = self.setup.dialect.wire_break(&reply.name);
        Answer { reply, delay_ms, wire }
    }
}

/// `Err` is an answer too: the refusal that ended the work early.
fn route(request: &Request, turn: &mut Turn<'_>) -> Result<Reply, Reply> {
    let setup = turn.setup;
    if request.headers.iter().any(|(_, value)| value.len() > setup.max_header) {
        return Err(Reply::text("http.431", 431, "request header fields too large\n"));
    }
    if request.in_clear && !setup.keeps(Rule::HttpNoPasswordAsked) {
        let challenge = errors::challenge(setup, "Basic");
        return Err(Reply::text("http.401", 401, "log in first\n").with("www-authenticate", challenge));
    }
    if request.in_clear && setup.makes(Policy::HttpRedirected) {
        let place = format!("{}{}", setup.origin, request.path);
        return Ok(Reply::new("http.308", 308).with("location", place));
    }
    if setup.dialect.overrides.max_body.is_some_and(|most| request.body.len() > most) {
        return Err(Reply::text("http.413", 413, "content too large\n"));
    }
    if let Some(reply) = cors::preflight(request, setup) {
        return Ok(reply);
    }
    match request.path.as_str() {
        TOKEN => grants::answer(request, turn),
        AUTHORIZE | LOGIN | CONSENT | MOVED | ERROR => authorize::answer(request, turn),
        REVOKE => revoke::answer(request, turn).map_err(|refusal| refusal.of("revoke")),
        INTROSPECT => introspect::answer(request, turn).map_err(|refusal| refusal.of("introspect")),
        RESOURCE => resource::answer(request, turn),
        JWKS => metadata::keys(request, turn),
        path if register::serves(setup, path) => {
            register::answer(request, turn).map_err(|refusal| refusal.of("registration"))
        }
        path if metadata::serves(setup, path) => metadata::answer(request, turn),
        _ => Err(Reply::text("http.404", 404, "not found\n")),
    }
}

/// Adds what answers have in common: caching rules, the date, and the lawful peculiarities of the server.
fn dress(setup: &Setup, reply: &mut Reply, now_ms: u64) {
    let names = ["token.", "error.", "introspection", "introspect.error.", "revoke.error.", "registration.created"];
    if names.iter().any(|name| reply.name.starts_with(name)) {
        // RFC 6749 §5.1; the examples of §5.2 have it on errors too.
        let extra = setup.makes(Policy::CacheExtra);
        let directives = if extra { "no-cache, no-store, max-age=0, must-revalidate" } else { "no-store" };
        reply.headers.push(("cache-control".to_owned(), directives.to_owned()));
        if !setup.makes(Policy::PragmaAbsent) {
            reply.headers.push(("pragma".to_owned(), "no-cache".to_owned()));
        }
        if extra {
            reply.headers.push(("expires".to_owned(), "0".to_owned()));
        }
    }
    // Of an inactive token nothing else may be said (RFC 7662 §2.2), hence not here.
    if setup.makes(Policy::ExtraMembers) && !reply.name.starts_with("introspection") {
        let now = now_ms / 1000;
        *reply = std::mem::replace(reply, Reply::new("", 200))
            .with_member("trace_id", format!("{now:x}"))
            .with_member("server_details", serde_json::json!({ "node": 1, "region": ["eu"] }));
    }
    if setup.makes(Policy::MediaTypeCharset) {
        for (name, value) in &mut reply.headers {
            if name == "content-type" && value == "application/json" {
                value.push_str(";charset=UTF-8");
            }
        }
    }
    // RFC 9110 §6.6.1; by the server's own clock, so that a test that stands still sees the same bytes.
    reply.headers.push(("date".to_owned(), http_date(now_ms)));
    if setup.makes(Policy::KeepaliveClosed) {
        reply.headers.push(("connection".to_owned(), "close".to_owned()));
    }
}

/// Source: RFC 9110 §5.6.7.
fn http_date(now_ms: u64) -> String {
    let format =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    let seconds = i64::try_from(now_ms / 1000).unwrap_or_default();
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::http_date;

    #[test]
    fn dates_are_written_as_http_wants_them() {
        assert_eq!(http_date(784_111_777_123), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
