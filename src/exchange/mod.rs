//! One HTTP request and its outcome, as the JSON document that checks see, and a Recording of many.
//!
//! All parsing happens here, so that checks stay declarative: header values are split and case-folded where HTTP compares
//! without case, bodies are read as strict JSON, token shapes become facts. Nothing is repaired. Pure: no network, no clock.

mod answer;
mod curl;
mod document;
mod fields;
pub mod forge;
mod json;
mod jwt;
mod mask;
mod place;
mod recording;
mod wording;

pub use answer::answer;
pub use curl::{FORM, JSON, curl};
pub use document::{Authorization, Bound, Outcome, Received, Sent, control, document, finish, many};
pub use json::{JSON_DEPTH, read as read_json};
pub use jwt::parts as jwt_parts;
pub use mask::{Masks, SHELL_NAMES};
pub use place::{Found, below, find};
pub use recording::{NotSent, Recorded, Recording, Why};
