//! The vocabulary of the OAuth documents as types: no parser, no grammar, no judgement.
//!
//! Judge and reference server share these words, so nothing here may decide anything.

mod secret;

pub use secret::Secret;
