//! The real thing: the program under crashes, full disks, bad endpoints and large backlogs, watched from outside.
//!
//! Every story runs the program as a child and keeps its own books: what was answered, and what arrived. They are small
//! enough for every day; `RINGBACK_TORTURE=n` makes them n times as large, and `RINGBACK_TORTURE_SEED` repeats a run's
//! choices (the moments of the kills stay the machine's). One story runs at a time, so that none disturbs another's
//! figures.

#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code, reason = "shared with the other tests of the program; not all of it is used here")]
#[path = "../it/api.rs"]
mod api;
mod attacks;
mod backlog;
mod bad_endpoints;
mod books;
#[cfg(unix)]
mod cluster;
mod crashes;
mod disk;
mod hostile;
mod injection;
mod isolation;
mod listener;
mod memory;
mod neighbours;
mod outage;
#[allow(dead_code, reason = "shared with the other tests of the program; not all of it is used here")]
#[path = "../it/program.rs"]
mod program;
mod publishers;
mod refused;
mod smuggling;
mod soak;
mod stage;
mod stories;
#[cfg(target_os = "linux")]
mod write_errors;
