//! Access for web pages of other origins, where a server offers it.

use super::message::{Reply, Request};
use super::setup::{Setup, TOKEN};
use super::{Policy, Rule, metadata};

/// The answer to a browser that asks before a page may send its request; `None` where it is no such question, or not offered.
///
/// Source: RFC 9700 §2.6, and the Fetch standard of WHATWG.
pub(super) fn preflight(request: &Request, setup: &Setup) -> Option<Reply> {
    let asked = request.method == "OPTIONS" && request.header("access-control-request-method").next().is_some();
    (asked && offered(request, setup)).then(|| {
        Reply::new("cors.preflight", 204)
            .with("access-control-allow-origin", "*")
            .with("access-control-allow-methods", "GET, POST")
            .with("access-control-allow-headers", "authorization, content-type")
    })
}

/// Lets the page that sent a request read the answer.
pub(super) fn dress(request: &Request, reply: &mut Reply, setup: &Setup) {
    let known = reply.headers.iter().any(|(name, _)| name == "access-control-allow-origin");
    if !known && offered(request, setup) && setup.keeps(Rule::CorsOnAnswers) {
        reply.headers.push(("access-control-allow-origin".to_owned(), "*".to_owned()));
    }
}

fn offered(request: &Request, setup: &Setup) -> bool {
    let place = request.path == TOKEN || metadata::serves(setup, &request.path);
    place && setup.makes(Policy::CorsOffered) && request.header("origin").next().is_some()
}
