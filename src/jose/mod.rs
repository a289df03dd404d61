//! Keys that sign JSON Web Tokens: no judgement, no clock.
//!
//! Target files name such keys, the runner signs client assertions and JWT grants with them, and a recording is asked which of them
//! they have signed. The reference server verifies with code of its own, so that one misreading of a standard cannot hide itself on both
//! sides.

mod algorithm;
mod der;
mod jwk;
mod key;

pub use algorithm::Algorithm;
pub use key::{KeyError, SigningKey};

/// A private key as a JWK that nobody registers, always the same, so that two runs send the same header.
pub const MADE_UP: &str = concat!(
    r#"{"kty":"EC","crv":"P-256","x":"Ka45m5jDC-jJb45H-TSdJu2piW5o2fnXQUlMDjDbG7I","#,
    r#""y":"N0MlQA6N1w9hsVZ11aPD4UWgGb7nAFFXDkADe5K9ItI","#,
    r#""d":"0GKqn538tLxFGwwJhpMkZKDOwQSAM9vkvlqqXKJWmGk"}"#,
);
