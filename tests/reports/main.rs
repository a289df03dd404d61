//! Every report format, written from one awkward run.

mod arbitrary;
mod console;
mod exchanges;
mod fixture;
mod formats;
mod hostile;
mod html;
mod json;
mod junit;
mod merge;
