//! The program as a child process: what it prints, how it ends. It never outlives its test.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// For anything that a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program with nothing of this machine's environment but the path to its tools.
pub(crate) fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringback"));
    command.args(args).current_dir(folder).env_clear().env("HOME", folder);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Runs a command that ends by itself.
pub(crate) fn run(folder: &Path, args: &[&str]) -> Output {
    run_with(folder, args, &[], "")
}

/// The same with variables and a stdin.
pub(crate) fn run_with(folder: &Path, args: &[&str], variables: &[(&str, &str)], stdin: &str) -> Output {
    let mut command = command(folder, args);
    command
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // Who reads no stdin may be gone before it is written.
    drop(input.write_all(stdin.as_bytes()));
    drop(input);
    child.wait_with_output().unwrap()
}

/// The exit code and the one line on stderr of a command that fails.
#[track_caller]
pub(crate) fn failure(output: &Output) -> (i32, String) {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("ringback: ")).collect();
    assert_eq!(errors.len(), 1, "not one line of error: {stderr}");
    (output.status.code().unwrap(), errors[0].to_owned())
}

/// What a command printed; it must have ended well.
#[track_caller]
pub(crate) fn printed(output: &Output) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    stdout.into_owned()
}

/// A command that runs until it is told to stop.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Program {
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Self {
        Self::spawn(command(folder, args))
    }

    pub(crate) fn start_with(
        folder: &Path,
        args: &[&str],
        variables: &[(impl AsRef<OsStr>, impl AsRef<OsStr>)],
    ) -> Self {
        let mut command = command(folder, args);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        Self::spawn(command)
    }

    /// The same with a stdin that is written and closed.
    pub(crate) fn start_reading(
        folder: &Path,
        args: &[&str],
        variables: &[(&str, &str)],
        stdin: &str,
    ) -> Self {
        let mut command = command(folder, args);
        command.envs(variables.iter().copied());
        let (input, mut pipe) = std::io::pipe().unwrap();
        pipe.write_all(stdin.as_bytes()).unwrap();
        drop(pipe);
        Self::spawn_with(command, input.into(), Stdio::piped())
    }

    pub(crate) fn spawn(command: Command) -> Self {
        Self::spawn_with(command, Stdio::null(), Stdio::piped())
    }

    /// The same with another stdout; only the lines of stderr can be waited for.
    pub(crate) fn spawn_writing_to(stdout: impl Into<Stdio>, command: Command) -> Self {
        Self::spawn_with(command, Stdio::null(), stdout.into())
    }

    fn spawn_with(mut command: Command, stdin: Stdio, stdout: Stdio) -> Self {
        let mut child = command.stdin(stdin).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            forward(stdout, sender.clone());
        }
        forward(child.stderr.take().unwrap(), sender);
        Self { child, lines, seen: Vec::new() }
    }

    /// The next line that contains this; those before it are passed over.
    #[track_caller]
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => {
                    self.seen.push(line.clone());
                    return line;
                }
                Ok(line) => self.seen.push(line),
                Err(why) => panic!("{text:?} was not printed ({why}); this was:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// The lines that it has been waited through.
    pub(crate) fn seen(&self) -> &[String] {
        &self.seen
    }

    /// The URL that it listens on.
    #[track_caller]
    pub(crate) fn url(&mut self) -> String {
        let line = self.line_with("listening on http://");
        let start = line.find("http://").unwrap();
        line[start..].split_whitespace().next().unwrap().to_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Kills it as a power cut would, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended by itself; gives how, and what it printed since it was last asked.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> (ExitStatus, Vec<String>) {
        let until = Instant::now() + PATIENCE;
        let mut rest = Vec::new();
        loop {
            // The lines end when the process has closed its outputs.
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Disconnected) => return (self.child.wait().unwrap(), rest),
                Err(RecvTimeoutError::Timeout) => panic!("it did not end; it printed:\n{}", rest.join("\n")),
            }
        }
    }

    /// Asks it to stop and waits until it has.
    #[track_caller]
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().0
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn forward(output: impl Read + Send + 'static, lines: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            let Ok(line) = line else { return };
            if lines.send(line).is_err() {
                return;
            }
        }
    });
}
