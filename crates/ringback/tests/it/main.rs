//! The program from outside: run as its users run it, on ports from the system, in a folder of its own.

#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code, reason = "shared with the torture tests; not all of it is used here")]
mod api;
mod application;
mod backup;
mod bench;
mod callbacks;
mod commands;
mod configuration;
mod console;
mod crash;
mod credentials;
mod deploy;
mod deploy_several;
mod dev;
mod endpoint;
mod events;
#[cfg(unix)]
mod faults;
mod guides;
mod house;
mod keys;
#[cfg(unix)]
mod leaving;
mod listen;
mod listen_registered;
mod logs;
mod manual;
mod messages;
mod metrics;
#[cfg(unix)]
mod postgres;
mod program;
mod publishing;
mod readme;
mod receiver;
mod refusals;
mod sdk;
mod stopping;
mod tools;
mod traces;
#[cfg(target_os = "linux")]
mod unprinted;
mod verify;
