//! A conformance harness and linter for OAuth endpoints that are running.
//!
//! An exchange is data; a check is a sentence about exchanges; a verdict is a check applied to exchanges, with its
//! evidence. See `docs/design.md` for the map of the house.

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod agent;
pub mod cli;
pub mod clock;
pub mod exchange;
pub mod export;
pub mod jose;
pub mod judge;
pub mod mutation;
pub mod oauth;
pub mod plan;
pub mod replay;
pub mod report;
pub mod run;
pub mod schema;
pub mod server;
pub mod suite;
pub mod target;
pub mod yaml;
