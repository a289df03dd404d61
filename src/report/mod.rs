//! Reports: verdicts joined with waivers and counts (`model`), then one file for each format.
//!
//! Every writer is a pure function of [`model::RunReport`], so all formats show the same counts.

pub mod assemble;
pub mod console;
pub mod coverage;
mod evidence;
mod fold;
pub mod html;
pub mod json;
pub mod junit;
pub mod model;
pub mod text;
pub mod waivers;
pub mod wrap;
pub mod write;
