//! A process of this same program, started for a run. It never outlives the run.

use std::process::Stdio;

use anyhow::{Context as _, anyhow};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child as Process, ChildStdin, ChildStdout, Command};

use super::usage::Usage;
use crate::failure::Outcome;

/// What a server's settings from the environment begin with: a run has its own.
const SETTINGS_PREFIX: &str = "RINGBACK_SERVER_";

/// The process, and what it prints.
pub(super) struct Child {
    process: Process,
    lines: Lines<BufReader<ChildStdout>>,
    /// Its end is the end of the sink.
    _stdin: Option<ChildStdin>,
}

impl Child {
    /// Starts it.
    pub(super) fn start(arguments: &[&str]) -> Outcome<Self> {
        let program = std::env::current_exe().context("this program does not know where it is")?;
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with(SETTINGS_PREFIX) {
                command.env_remove(name);
            }
        }
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().context("this program could not be started once more")?;
        let stdin = process.stdin.take();
        let stdout = process.stdout.take().context("a child has no stdout")?;
        Ok(Self { process, lines: BufReader::new(stdout).lines(), _stdin: stdin })
    }

    /// The next line that it prints.
    pub(super) async fn line(&mut self) -> Outcome<String> {
        let line = self.lines.next_line().await.context("a child's stdout can't be read")?;
        Ok(line.ok_or_else(|| anyhow!("a process of the benchmark ended before it was ready"))?)
    }

    /// What it has used so far; none where the system does not tell.
    pub(super) fn usage(&self) -> Option<Usage> {
        Usage::of(self.process.id()?)
    }

    /// Asks it to stop in order, and waits until it has.
    pub(super) async fn stop(mut self) -> Outcome {
        let pid = self.process.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            // It may have ended by itself just now.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let ended = self.process.wait().await.context("a child could not be waited for")?;
        if ended.success() {
            Ok(())
        } else {
            Err(anyhow!("a process of the benchmark ended badly: {ended}").into())
        }
    }
}
