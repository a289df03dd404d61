//! What users read is true: commands are run, samples and tables are generated, keys are all named.
//!
//! `GRANTLINT_BLESS=1 cargo test --test docs` writes the generated parts again; `TRYCMD=overwrite` those of `tests/cmd`.

mod book;
mod commands;
mod generated;
mod language;
mod parity;
mod support;
mod tables;
mod walkthrough;
