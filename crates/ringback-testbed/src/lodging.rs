//! A folder for the servers of a test or of a whole run, and their end.
//!
//! A watchman sees to that end, a shell in a process group of its own: he waits until whoever lodges there is gone. A
//! test is gone when his standard input ends, whose other end the [`Lodging`] holds: it is dropped, or its process ends,
//! whichever way. So it holds through a panic, a time-out and a SIGKILL, and for a server that many processes use after one
//! of them started it.
//!
//! PostgreSQL leaves the session and the process group of whoever starts it, under Patroni too, and may be killed before it
//! has written its number down. What all that a lodging's servers start has in common is where it works: in the folder.

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
/// Waits for the end of what a test holds.
const UNTIL_LET_GO: &str = "read -r _";
/// Waits for the end of process $2. It is nobody's child here, and holds nothing of ours: it is looked at again. One that was
/// killed and that nobody has asked for its status has ended too.
const UNTIL_GONE: &str = r#"
    lives() {
        if [ -d /proc/self ]; then
            case "$(sed 's/.*) //' "/proc/$1/stat")" in '' | Z* | X*) return 1 ;; esac
        else
            kill -0 "$1"
        fi
    }
    while lives "$2"; do sleep 1; done
"#;
/// Kills the servers of folder $1 that were started directly, ends every PostgreSQL in it, kills whoever else works there,
/// and removes it.
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
    tries=10
    while [ "$tries" -gt 0 ]; do
        workers=$(find /proc/[0-9]*/cwd -maxdepth 0 \( -lname "$1" -o -lname "$1/*" \) | cut -d / -f 3)
        [ -n "$workers" ] || break
        kill -KILL $workers
        tries=$((tries - 1))
    done
    rm -rf "$1"
"#;

/// See the module.
pub(crate) struct Lodging {
    path: PathBuf,
    /// Who waits for this value's end; of a lodging that many processes use he waits for the run's.
    watchman: Option<Child>,
}

impl Lodging {
    /// One that ends when this value is dropped.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("rb-").tempdir_in(base()).unwrap();
        let path = folder.keep();
        hand_over(&path);
        let watchman = Some(watch(&path));
        Self { path, watchman }
    }

    /// The one of this test run, made by whoever comes first, and kept until the run ends: nextest runs each test in a
    /// process of its own, and is the parent of all; `cargo test` runs all tests of a binary in one process. `furnish`
    /// makes what has to be there, once; nobody gets in before it has.
    pub(crate) fn of_this_run(furnish: impl FnOnce(&Self)) -> Self {
        let run = std::env::var("NEXTEST_RUN_ID").ok();
        let name = run.clone().unwrap_or_else(|| std::process::id().to_string());
        let mut lodging = Self { path: base().join(format!("rb-run-{name}")), watchman: None };
        std::fs::create_dir_all(&lodging.path).unwrap();
        let lock = OpenOptions::new().create(true).append(true).open(lodging.path.join("lock")).unwrap();
        lock.lock().unwrap();
        let furnished = lodging.path.join("furnished");
        if !furnished.exists() {
            hand_over(&lodging.path);
            match run {
                Some(_) => watch_run(&lodging.path, std::os::unix::process::parent_id()),
                None => lodging.watchman = Some(watch(&lodging.path)),
            }
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
        command.current_dir(&self.path);
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
}

impl Drop for Lodging {
    fn drop(&mut self) {
        if let Some(mut watchman) = self.watchman.take() {
            drop(watchman.stdin.take());
            drop(watchman.wait());
        }
    }
}

/// A watchman who waits until his caller lets go of his standard input.
fn watch(folder: &Path) -> Child {
    shell(&format!("{UNTIL_LET_GO}\n{END}"), folder).stdin(Stdio::piped()).spawn().unwrap()
}

/// One who waits for the end of a process.
#[expect(clippy::zombie_processes, reason = "the watchman outlives who calls him: that is what he is for")]
fn watch_run(folder: &Path, owner: u32) {
    shell(&format!("{UNTIL_GONE}\n{END}"), folder).arg(owner.to_string()).spawn().unwrap();
}

fn shell(script: &str, folder: &Path) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script, "lodging"]).arg(folder).current_dir("/");
    shell.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell
}

fn base() -> PathBuf {
    let has_room = rustix::fs::statvfs(MEMORY).is_ok_and(|space| space.f_bavail * space.f_frsize >= ROOM);
    let base = if has_room { MEMORY.into() } else { std::env::temp_dir() };
    // As the system writes it, for who looks for those that work there.
    base.canonicalize().unwrap()
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
