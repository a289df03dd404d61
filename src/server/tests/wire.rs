//! Broken transports.
