//! A folder for the servers of a test or of a whole run, and their end.
//!
//! Two see to that end: whoever holds the [`Lodging`] when it is dropped, and a watchman, a shell that waits until the
//! owner's process is gone. So it holds through a panic, a time-out and a SIGKILL, and for a server that many processes
//! use after one of them started it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::program;

/// Memory is as good as a disk for a server whose machine does not fail, and quicker.
const MEMORY: &str = "/dev/shm";
/// Less than this free there, and the data goes to the folder for temporary files.
const ROOM: u64 = 2 << 30;
/// Kills the servers of folder $1 that were started directly, ends every PostgreSQL in it, and removes it.
const END: &str = r#"
    for group in $(cat "$1/groups" 2>/dev/null); do kill -KILL -- "-$group"; done
    servers=$(head -qn 1 "$1"/*/postmaster.pid)
    for server in $servers; do kill -CONT "$server" $(cat "/proc/$server/task/$server/children"); done
    for server in $servers; do kill -QUIT "$server"; done
    for server in $servers; do
        tries=50
        while kill -0 "$server" && [ "$tries" -gt 0 ]; do sleep 0.1; tries=$((tries - 1)); done
        kill -KILL "$server"
    done
    rm -rf "$1"
"#;

/// See the module.
pub(crate) struct Lodging {
    path: PathBuf,
    /// Whether the end is this value's affair, or the watchman's alone.
    is_own: bool,
}

impl Lodging {
    /// One that ends when this value is dropped.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("rb-").tempdir_in(base()).unwrap();
        let lodging = Self { path: folder.keep(), is_own: true };
        hand_over(&lodging.path);
        lodging.watch(std::process::id());
        lodging
    }

    /// The one of this test run, made by whoever comes first, and kept until the run ends: nextest runs each test in a
    /// process of its own, and is the parent of all; `cargo test` runs all tests of a binary in one process. `furnish`
    /// makes what has to be there, once; nobody gets in before it has.
    pub(crate) fn of_this_run(furnish: impl FnOnce(&Self)) -> Self {
        let (owner, run) = match std::env::var("NEXTEST_RUN_ID") {
            Ok(run) => (std::os::unix::process::parent_id(), run),
            Err(_) => (std::process::id(), std::process::id().to_string()),
        };
        let lodging = Self { path: base().join(format!("rb-run-{run}")), is_own: false };
        std::fs::create_dir_all(&lodging.path).unwrap();
        let lock = OpenOptions::new().create(true).append(true).open(lodging.path.join("lock")).unwrap();
        lock.lock().unwrap();
        let furnished = lodging.path.join("furnished");
        if !furnished.exists() {
            hand_over(&lodging.path);
            lodging.watch(owner);
            furnish(&lodging);
            std::fs::write(furnished, "").unwrap();
        }
        lodging
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it that only the servers can read.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        own(&path);
        path
    }

    /// Starts a server that stays in the foreground. What it says goes to a file.
    pub(crate) fn start(&self, name: &str, command: &mut Command) -> Child {
        let log = OpenOptions::new().create(true).append(true).open(self.path.join(name)).unwrap();
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut groups = OpenOptions::new().create(true).append(true).open(self.path.join("groups")).unwrap();
        writeln!(groups, "{}", child.id()).unwrap();
        child
    }

    /// The last lines of a server's log, for who wonders why it does not do.
    pub(crate) fn log(&self, name: &str) -> String {
        let log = std::fs::read_to_string(self.path.join(name)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    #[expect(
        clippy::zombie_processes,
        reason = "the watchman outlives who calls him: that is what he is for"
    )]
    fn watch(&self, owner: u32) {
        let wait = r#"while kill -0 "$2" && [ -d "$1" ]; do sleep 1; done"#;
        shell(&format!("{wait}\n{END}"), &self.path).arg(owner.to_string()).spawn().unwrap();
    }
}

impl Drop for Lodging {
    fn drop(&mut self) {
        if self.is_own {
            drop(shell(END, &self.path).status());
        }
    }
}

fn shell(script: &str, folder: &Path) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script, "lodging"]).arg(folder);
    shell.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell
}

fn base() -> PathBuf {
    let has_room = rustix::fs::statvfs(MEMORY).is_ok_and(|space| space.f_bavail * space.f_frsize >= ROOM);
    if has_room { MEMORY.into() } else { std::env::temp_dir() }
}

fn hand_over(path: &Path) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o700)).unwrap();
    own(path);
}

fn own(path: &Path) {
    if let Some((user, group)) = program::servant() {
        std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
    }
}
