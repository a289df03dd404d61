//! How much a plan asks of a target: logins and authorizations are what people and rate limits feel.

use super::{Instance, Plan};
use crate::suite::Catalogue;
use crate::suite::files::{Endpoint, ExchangeFile, Kind, Risk, Session, User};

/// How often what is asked for; at most, since a request that is equal byte for byte to one before is not sent again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Times that somebody logs in: once for the session that is shared, and once for each walk without it.
    pub logins: usize,
    /// Walks through the authorization endpoint.
    pub authorizations: usize,
    /// Requests to the token endpoint, controls included; `repeat: until` counts as one.
    pub token_requests: usize,
    /// Requests to all other endpoints, and TLS hellos.
    pub others: usize,
    /// Of these, requests with wrong credentials of a real client.
    pub guesses: usize,
    /// Of these, requests that revoke or rotate.
    pub changes: usize,
    /// Requests of the longest chain that wait for each other.
    pub longest_chain: usize,
}

impl Plan {
    /// Counts what is planned.
    #[must_use]
    pub fn count(&self, catalogue: &Catalogue) -> Count {
        let mut count = Count { longest_chain: self.longest_chain(catalogue), ..Count::default() };
        let mut session_is_shared = false;
        for instance in self.instances.values() {
            let Some(exchange) = catalogue.exchanges.get(&instance.exchange) else { continue };
            let file = &exchange.file;
            let times = times(instance, file) + usize::from(self.controls.contains(&instance.key));
            match (file.kind.unwrap_or_default(), file.endpoint) {
                (Kind::Authorize, _) => {
                    count.authorizations += times;
                    match file.session {
                        _ if file.user == Some(User::Nobody) => {}
                        Some(Session::New) => count.logins += times,
                        None => session_is_shared = true,
                    }
                }
                (Kind::Request, Some(Endpoint::TokenEndpoint)) => count.token_requests += times,
                _ => count.others += times,
            }
            match file.risk {
                Risk::Guess => count.guesses += times,
                Risk::Change => count.changes += times,
                Risk::None | Risk::Load | Risk::Leak => {}
            }
        }
        count.logins += usize::from(session_is_shared);
        count
    }
}

/// Requests of one instance, those at the same moment counted each.
fn times(instance: &Instance, file: &ExchangeFile) -> usize {
    let at_once = file.repeat.as_ref().filter(|repeat| repeat.at_once && repeat.until.is_none());
    at_once.and_then(|repeat| repeat.times).unwrap_or(instance.requests)
}
