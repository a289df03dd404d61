//! OAuth error answers.

use serde_json::{Map, Value};

use super::message::Reply;
use super::setup::Setup;
use super::{Policy, Rule};

/// An error with status 400. `description` is only told by a server that describes its errors.
///
/// Source: RFC 6749 §5.2.
pub(super) fn error(setup: &Setup, code: &str, description: &str) -> Reply {
    let mut members = Map::new();
    members.insert("error".to_owned(), Value::from(code));
    if setup.makes(Policy::ErrorDescribed) {
        members.insert("error_description".to_owned(), Value::from(description));
        members.insert("error_uri".to_owned(), Value::from(format!("{}/errors#{code}", setup.origin)));
    }
    Reply::json(format!("error.{code}"), 400, members)
}

/// A failed client authentication: 401 with a challenge if the client used the Authorization header, else 400 or 401.
///
/// Source: RFC 6749 §5.2.
pub(super) fn invalid_client(setup: &Setup, by_header: bool, description: &str) -> Reply {
    let mut reply = error(setup, "invalid_client", description);
    if by_header || setup.makes(Policy::ErrorPost401) {
        reply.status = 401;
        if setup.keeps(Rule::BasicChallenge) {
            reply = reply.with("www-authenticate", challenge(setup, "Basic"));
        }
    }
    reply
}

/// Another method than those in `allow`. Source: RFC 9110 §15.5.6.
pub(super) fn method_not_allowed(allow: &str) -> Reply {
    Reply::text("http.405", 405, "method not allowed\n").with("allow", allow)
}

/// The challenge of a scheme, `parameters` included, and of the other scheme too where the server has several.
pub(super) fn challenge(setup: &Setup, challenge: &str) -> String {
    let (scheme, parameters) = challenge.split_once(' ').unwrap_or((challenge, ""));
    let own = format!("{scheme} realm=\"grantlint\"{}{parameters}", if parameters.is_empty() { "" } else { ", " });
    match scheme {
        "Bearer" if setup.makes(Policy::ResourceChallengesSeveral) => {
            format!("Basic realm=\"grantlint\", {own}")
        }
        _ if !setup.makes(Policy::ChallengesSeveral) => own,
        "Basic" => format!("Bearer realm=\"grantlint\", {own}"),
        _ => format!("Basic realm=\"grantlint\", {own}"),
    }
}
