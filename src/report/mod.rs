//! Reports: verdicts joined with waivers and counts (`model`), then one file for each format.
//!
//! Every writer is a pure function of [`model::RunReport`], so all formats show the same counts.

pub mod assemble;
pub mod baseline;
pub mod compare;
pub mod conclude;
pub mod console;
pub mod coverage;
mod evidence;
mod facts;
mod fold;
pub mod github;
pub mod gitlab;
pub mod har;
pub mod html;
pub mod json;
pub mod junit;
mod link;
pub mod markdown;
pub mod merge;
pub mod model;
pub mod sarif;
pub mod saved;
pub mod text;
pub mod waivers;
pub mod wrap;
pub mod write;
