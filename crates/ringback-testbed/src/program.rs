//! The programs of the servers: where they are, and as whom they run.

use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// Debian keeps PostgreSQL's programs here, a folder for each version, and off the path.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The oldest PostgreSQL that Ringback works with.
const OLDEST: u32 = 15;
/// Where else a server's program may be than on a user's path.
const MORE_PLACES: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];
/// Servers refuse to run as root; root runs them as the first of these that there is.
const SERVANTS: [&str; 2] = ["postgres", "nobody"];

/// A program on the path, or `None`, which was said: `package` is the name of Debian's package that has it.
pub(crate) fn find(name: &str, package: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(MORE_PLACES.map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|place| place.is_file());
    found.or_else(|| missing(name, package))
}

/// The folder of PostgreSQL's programs, of the newest version that there is.
pub(crate) fn postgres() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|version: &u32| *version >= OLDEST)
        .filter(|version| Path::new(DEBIAN).join(version.to_string()).join("bin/initdb").is_file())
        .max();
    match newest {
        Some(version) => Some(Path::new(DEBIAN).join(version.to_string()).join("bin")),
        None => find("initdb", "postgresql").and_then(|initdb| Some(initdb.parent()?.to_owned())),
    }
}

fn missing(name: &str, package: &str) -> Option<PathBuf> {
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{name} is not installed (Debian: {package}); with CI=true nothing is skipped"
    );
    eprintln!("SKIPPED: {name} is not installed (Debian: {package})");
    None
}

/// The user and the group that servers run as, where that is not who runs the tests.
pub(crate) fn servant() -> Option<(u32, u32)> {
    static SERVANT: LazyLock<Option<(u32, u32)>> = LazyLock::new(|| {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let users = std::fs::read_to_string("/etc/passwd").unwrap();
        let numbers = SERVANTS.iter().find_map(|name| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        });
        Some(numbers.expect("a user without privileges, to run the servers"))
    });
    *SERVANT
}

/// A server's program: unprivileged, without this machine's settings, in a process group of its own, so that what ends a
/// test from outside does not end a server that others use.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.process_group(0).stdin(Stdio::null()).env_clear().env("LC_ALL", "C");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    if let Some((user, group)) = servant() {
        command.uid(user).gid(group);
    }
    command
}

/// Runs a program that ends by itself and must end well; gives what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
