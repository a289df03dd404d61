//! The reference authorization server: named rules, faults that skip them, and a listener. It knows no checks.
//!
//! Without a fault it conforms to RFC 6749 (client credentials, codes and refresh tokens), 6750, 7009, 7521, 7523, 7617, 7636, 7662,
//! 8414, 8693, 8707, 9068, 9207 and 9700, and takes what Coupa call-outs send besides. From [`Request`] to [`Answer`] everything is pure; [`start`] puts a listener on loopback before
//! it. It shares no parser with the judge, so that one misreading of a standard cannot hide itself on both sides.

mod assertion;
mod authenticate;
mod authorize;
mod codes;
mod cors;
mod dialect;
mod endpoints;
mod errors;
mod fault;
mod flow;
mod grants;
mod indicators;
mod introspect;
mod keys;
mod listen;
mod message;
mod metadata;
mod names;
mod parameters;
mod policies;
mod raw;
mod register;
mod resource;
mod revoke;
mod rewrite;
mod rules;
mod setup;
mod shape;
mod signer;
mod state;
mod tls;
mod token;
mod token_exchange;
mod user_grants;

pub use dialect::Dialect;
pub use endpoints::{Answer, AuthorizationServer};
pub use fault::{Break, Certificate, Fault, Overrides, Rewrite, TlsOverride, Variation, Wire};
pub use keys::KeyKind;
pub use listen::{Running, start};
pub use message::{Body, Reply, Request};
pub use names::UnknownName;
pub use policies::Policy;
pub use rules::Rule;
pub use setup::{Settings, Tls};
pub use shape::{Base64Bytes, Delays, LONGEST_DELAY_MS, Many, fits};

/// Names of the replies that faults can speak of in `to`, besides `error.` and `redirect.error.` with any other code.
///
/// The errors of the revocation and of the introspection endpoint have `revoke.` or `introspect.` before that, so that a
/// defect of the token endpoint stays there.
pub const REPLY_NAMES: &[&str] = &[
    "token.issued",
    "token.exchanged",
    "error.invalid_request",
    "error.invalid_client",
    "error.invalid_grant",
    "error.invalid_scope",
    "error.invalid_target",
    "error.exchange",
    "error.unauthorized_client",
    "error.unsupported_grant_type",
    "metadata",
    "jwks",
    "page.login",
    "page.logged_in",
    "page.consent",
    "page.error",
    "page.moved",
    "redirect.code",
    "redirect.error.access_denied",
    "redirect.error.invalid_request",
    "redirect.error.invalid_scope",
    "redirect.error.invalid_target",
    "redirect.error.unauthorized_client",
    "redirect.error.unsupported_response_type",
    "redirect.form_post",
    "redirect.token",
    "redirect.web_message",
    "registration.created",
    "registration.deleted",
    "registration.refused",
    "introspection.active",
    "introspection.inactive",
    "introspect.error.invalid_client",
    "introspect.error.invalid_request",
    "revoked",
    "revoked.refresh_token",
    "revoke.error.invalid_client",
    "revoke.error.invalid_request",
    "revoke.preflight",
    "revoke.script",
    "cors.preflight",
    "content",
    "challenge",
    "challenge.invalid_request",
    "challenge.invalid_token",
    "challenge.insufficient_scope",
    "http.308",
    "http.400",
    "http.401",
    "http.404",
    "http.405",
    "http.406",
    "http.413",
    "http.415",
    "http.429",
    "http.431",
    "http.500",
];

/// Why the reference server could not be started.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is taken, or may not be bound.
    #[error("cannot listen on 127.0.0.1:{port}, another port or 0 may be free")]
    Bind {
        /// The port that was asked for.
        port: u16,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The operating system gave no random bytes for the seed of the tokens.
    #[error("no random bytes to be had from the operating system")]
    Random(#[source] getrandom::Error),
    /// Certificate or key cannot be used.
    #[error("certificate or key of the server cannot be used: {0}")]
    Tls(String),
    /// A fault asks for what cannot be done.
    #[error("fault cannot be played: {0}")]
    Fault(String),
}

#[cfg(test)]
mod tests;
