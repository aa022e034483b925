//! The program from outside: run as its users run it, on ports from the system, in a folder of its own.

#![allow(clippy::unwrap_used, missing_docs)]

mod api;
mod commands;
mod configuration;
mod crash;
mod credentials;
mod dev;
mod endpoint;
mod program;
mod refusals;
mod stopping;
