//! Other people's tools that some tests ask for their opinion. `./test` installs them where it can.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A tool, if it is here. With `CI=true` one that is missing fails the test; elsewhere the test says so and ends.
pub(crate) fn tool(name: &str) -> Option<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{name} is missing");
        eprintln!("NOT CHECKED: {name} is missing");
    }
    found.map(Command::new)
}

/// Asserts that a tool finds nothing; gives what it said.
#[track_caller]
pub(crate) fn content(command: &mut Command, stdin: &str) -> String {
    let output = run(command, stdin);
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    said
}

fn run(command: &mut Command, stdin: &str) -> Output {
    use std::io::Write as _;
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // Who reads no stdin may be gone before it is written.
    drop(input.write_all(stdin.as_bytes()));
    drop(input);
    child.wait_with_output().unwrap()
}

/// The folder of the deployment's examples.
pub(crate) fn deploy(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(path)
}
