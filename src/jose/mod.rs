//! Keys that sign JSON Web Tokens, and nothing else: no verification, no judgement, no clock.
//!
//! Target files name such keys, and the runner signs client assertions and JWT grants with them. The reference server verifies
//! with code of its own, so that one misreading of a standard cannot hide itself on both sides.

mod algorithm;
mod der;
mod jwk;
mod key;

pub use algorithm::Algorithm;
pub use key::{KeyError, SigningKey};
