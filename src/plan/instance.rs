//! One exchange of a plan.

use std::collections::BTreeMap;

use crate::suite::Exchange;
use crate::suite::files::{Endpoint, Kind, Risk};

/// One exchange that is to be sent.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its key in the recording.
    pub key: String,
    /// The exchange's id.
    pub exchange: String,
    /// Exchange named in references → instance that the value comes from.
    pub from: BTreeMap<String, String>,
    /// Instances that must have been sent before.
    pub needs: Vec<String>,
    /// Instances that go first, sent or not.
    pub after: Vec<String>,
    /// The ordinary exchange that has to work before this one is worth sending.
    pub like: Option<String>,
    /// Requests that it sends one after the other: more than one for `repeat: times`.
    pub requests: usize,
    /// Whether it is sent last and alone.
    pub guess: bool,
    /// Whether it revokes or rotates, and is sent when everything that it might disturb is done.
    pub change: bool,
    /// Whether preflight may ask it: a request to the token endpoint that works without anything before it.
    pub ordinary: bool,
    /// Whether another instance may stand for it when both are equal byte for byte.
    pub shareable: bool,
}

impl Instance {
    /// One that rests on nothing yet.
    #[must_use]
    pub fn new(key: String, exchange: &Exchange) -> Self {
        Self {
            exchange: exchange.id.clone(),
            from: BTreeMap::new(),
            needs: Vec::new(),
            after: Vec::new(),
            like: None,
            requests: match &exchange.file.repeat {
                Some(repeat) if !repeat.at_once && repeat.until.is_none() => repeat.times.unwrap_or(2),
                _ => 1,
            },
            guess: exchange.file.risk == Risk::Guess,
            change: exchange.file.risk == Risk::Change,
            ordinary: is_ordinary(exchange),
            shareable: key == exchange.id && is_plain(exchange),
            key,
        }
    }
}

/// Asked without anything before it, and with a known right answer.
fn is_ordinary(exchange: &Exchange) -> bool {
    exchange.works.is_some()
        && exchange.takes_from.is_empty()
        && exchange.file.endpoint == Some(Endpoint::TokenEndpoint)
        && is_plain(exchange)
        && exchange.file.risk == Risk::None
}

/// Whether it is one request that rests on nothing but values.
pub(super) fn is_plain(exchange: &Exchange) -> bool {
    let file = &exchange.file;
    !file.single_use
        && file.wait.is_none()
        && file.repeat.is_none()
        && file.after.is_empty()
        && file.spoils.is_empty()
        && file.kind.unwrap_or_default() == Kind::Request
}
