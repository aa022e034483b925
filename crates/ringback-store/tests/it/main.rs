//! What a store promises, told as stories, and what the SQLite one promises beside.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod cast;
mod looking;
#[cfg(unix)]
mod postgres;
mod sqlite;
mod story;
