//! A test, or a whole run, is killed from outside: what it started ends with it.

use std::io::{BufRead as _, BufReader};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ringback_testbed::looking;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

const GUEST: &str = env!("CARGO_BIN_EXE_guest");
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that works in a folder: its name, and what tells of its end.
struct Worker {
    name: String,
    end: OwnedFd,
}

impl Worker {
    /// `None` if it has just ended.
    fn at(process: &Path) -> Option<Self> {
        let pid = Pid::from_raw(process.file_name()?.to_str()?.parse().ok()?)?;
        let end = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        let name = std::fs::read_to_string(process.join("comm")).ok()?.trim().to_owned();
        Some(Self { name, end })
    }

    fn ends(&self, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap();
        let ended = poll(&mut [PollFd::new(&self.end, PollFlags::IN)], Some(&left)).unwrap();
        assert_eq!(ended, 1, "{} goes on after {PATIENCE:?}", self.name);
    }
}

/// All that work in a folder, or below it.
fn workers(folder: &Path) -> Vec<Worker> {
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let work_there = |process: &PathBuf| {
        std::fs::read_link(process.join("cwd")).is_ok_and(|place| place.starts_with(folder))
    };
    processes.filter(work_there).filter_map(|process| Worker::at(&process)).collect()
}

/// Has a guest start its servers; `None` where they are missing, which was said.
fn start(command: &mut Command) -> Option<(Child, PathBuf)> {
    let mut guest = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut folder = String::new();
    BufReader::new(guest.stdout.as_mut().unwrap()).read_line(&mut folder).unwrap();
    if folder.is_empty() {
        assert!(guest.wait().unwrap().success());
        return None;
    }
    Some((guest, folder.trim().into()))
}

/// Kills a process that has such servers, and sees them end. Nobody asks for its status meanwhile: what was killed is not
/// always waited for at once, nor always by somebody.
async fn kill(mut killed: Child, folder: &Path, expected: &[(&str, usize)]) {
    let workers = workers(folder);
    for (name, count) in expected {
        let found = workers.iter().filter(|worker| worker.name == *name).count();
        assert!(found >= *count, "{found} times {name}");
    }
    kill_process(Pid::from_child(&killed), Signal::KILL).unwrap();
    let until = Instant::now() + PATIENCE;
    workers.iter().for_each(|worker| worker.ends(until));
    let is_gone = async || if folder.exists() { Err(format!("{folder:?} is there")) } else { Ok(()) };
    looking::until("the folder to be removed", is_gone).await;
    let left: Vec<String> = self::workers(folder).into_iter().map(|worker| worker.name).collect();
    assert_eq!(left, [""; 0]);
    killed.wait().unwrap();
}

#[tokio::test]
async fn all_of_a_patroni_cluster_ends_with_a_test_that_is_killed() {
    let Some((guest, folder)) = start(Command::new(GUEST).arg("patroni")) else { return };
    kill(guest, &folder, &[("etcd", 3), ("patroni", 3), ("postgres", 3 * 6)]).await;
}

#[tokio::test]
async fn a_server_whose_processes_stand_still_ends_with_a_test_that_is_killed() {
    let Some((guest, folder)) = start(Command::new(GUEST).arg("frozen")) else { return };
    kill(guest, &folder, &[("postgres", 6)]).await;
}

#[tokio::test]
async fn the_server_that_the_tests_of_a_process_share_ends_with_it() {
    let mut command = Command::new(GUEST);
    let Some((guest, folder)) = start(command.env_remove("NEXTEST_RUN_ID")) else { return };
    kill(guest, &folder, &[("postgres", 6)]).await;
}

#[tokio::test]
async fn the_server_of_a_run_ends_with_the_run_and_not_with_the_test_that_started_it() {
    // The shell is the run: its child is a test, which ends before the folder is said.
    let run = format!("killed-{}", std::process::id());
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "folder=$(\"$1\" shared </dev/null); echo \"$folder\"; read -r _", "run", GUEST])
        .env("NEXTEST_RUN_ID", run);
    let Some((run, folder)) = start(&mut command) else { return };
    kill(run, &folder, &[("postgres", 6)]).await;
}
