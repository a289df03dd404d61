//! The language of checks: exchanges, checks, suites and diagnoses as data, loaded with positions, and the clauses that judge.
//!
//! Pure but for reading a user's folder. Plan, judge and the reports all ask the [`Catalogue`].

mod catalogue;
mod clause;
pub mod files;
mod lay;
pub mod ledger;
mod lint;
mod load;
mod place_words;
pub mod reference;
mod select;
mod shelf;
mod story;
mod unclaimed;
mod within;
pub mod words;

pub use catalogue::{Catalogue, Check, Exchange, Registry, Suite, Values};
pub use clause::{Clause, Clauses, Difference, Judged, Matcher, Truth, World};
pub use load::{Error, embedded, fixtures, fixtures_in, folder_alone, requirements, with_folder};
pub use select::{Member, Wanted, matches, part, select};
pub use shelf::Shelf;
pub use story::Story;
pub use unclaimed::unclaimed_words;
