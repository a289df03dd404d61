//! Offline: what somebody else recorded becomes a Recording, which is judged like a run of our own.
//!
//! A reader for each format turns files into [`Heard`] exchanges; [`suppose`] says which target they were recorded from;
//! [`recording`] finds for each exchange of the catalogue the one that was recorded, if any was. What was not recorded says so
//! and is held against nobody. Pure: no network, no clock, no files; the Recording that leaves is masked.

mod assign;
mod blocked;
mod candidates;
mod client;
mod control;
mod curl;
mod facts;
mod fit;
mod form;
mod fresh;
mod har;
mod heard;
mod http;
mod path;
mod place;
mod proof;
mod read;
mod seal;
mod secrets;
mod several;
mod signed;
mod stories;
mod suppose;
mod values;
mod walks;

pub use assign::{Replayed, Told, completed, recording};
pub use fit::shows;
pub use heard::{Answered, Asked, Head, Heard, Part};
pub use read::{File, Mistake, Read, read};
pub use suppose::{Hints, suppose};
