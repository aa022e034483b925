//! Ringback, the one program: a server, and the commands that talk to one.
//!
//! All of it is here, and the binary is one line that calls [`main`]. So the same code can be fuzzed; it is nobody's API.
//!
//! `args` says what can be typed, `config` what a server can be told, `commands` does it. Everything else is a noun that
//! one or several commands need: the client of a server, the listener, profiles, tables. A command ends with an `Outcome`;
//! only here does that become one line on stderr and an exit code.

#![forbid(unsafe_code)]

mod args;
#[cfg(unix)]
mod bench;
mod commands;
mod config;
mod exit_code;
mod failure;
mod listener;
mod logging;
mod narrator;
mod open_store;
mod output;
mod private_file;
mod process;
mod profiles;
mod serving;
mod signals;
mod signing_keys;
mod span;
mod table;
mod target;
mod unconnected;

use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use ringback_server::dispatch::serving_runtime;
use tokio::runtime::Runtime;

use args::{Cli, Command};
use failure::Outcome;

/// How long is waited for what still runs when a command is done.
const LAST_TASKS: Duration = Duration::from_secs(1);

/// The program: reads its arguments, does what they say, and gives the exit code.
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => exit_code::ExitCode::Ok.into(),
        Err(failure) => {
            output::complain(&failure);
            failure.code().into()
        }
    }
}

/// What `serve --config` and `--print-config` do with a file of this text, but for the work that follows: gives the
/// settings in force as text, or why they are refused. For the fuzzer.
#[doc(hidden)]
pub fn print_config(text: &str) -> Result<String, String> {
    config::shown_from(text).map_err(|failure| failure.to_string())
}

fn run(cli: Cli) -> Outcome {
    // Other commands print as they go, and who reads that may be slow: it must hold up nothing else.
    let runtime = if matches!(cli.command, Command::Serve(_)) { serving_runtime() } else { Runtime::new() };
    let runtime = runtime.context("the threads to work on could not be started")?;
    let outcome = runtime.block_on(commands::run(cli));
    end(runtime);
    outcome
}

/// Ends the runtime. What has not ended after a while (a disk that hangs, a name's resolution) is left to the process's end.
fn end(runtime: Runtime) {
    let (tell, told) = mpsc::channel::<()>();
    let ending = move || {
        runtime.shutdown_timeout(LAST_TASKS);
        drop(tell);
    };
    if thread::Builder::new().spawn(ending).is_ok() {
        let _ = told.recv_timeout(LAST_TASKS);
    }
}
