//! `ringback dev` from its first start on.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::tempdir;

use crate::api::message;
use crate::program::{Program, printed, run, run_with};

const ARGS: [&str; 5] = ["dev", "--port", "0", "--listener-port", "0"];
const ACCOUNT: &str = "0242078689-00001";

/// What the file of credentials says, but for the URL, whose port is another each time.
fn secrets(folder: &Path) -> toml::Table {
    let text = std::fs::read_to_string(folder.join("ringback-data/credentials.toml")).unwrap();
    let mut table: toml::Table = text.parse().unwrap();
    table["dev"].as_table_mut().unwrap().remove("url").unwrap();
    table
}

#[track_caller]
fn samples_arrive(dev: &mut Program) {
    for (headline, detail) in [
        ("New firmware is available", "SampleFirmwareVersion-01 → SampleFirmwareVersion-02"),
        ("An upgrade has been scheduled", "SampleFirmwareVersion-01 → SampleFirmwareVersion-02"),
        ("An upgrade is under way", "device 990003425730535"),
        ("An upgrade has finished", "device 990000473475989  UpgradeFailed  Device unreachable"),
    ] {
        dev.line_with(headline);
        dev.line_with("signature verified ✓");
        dev.line_with(detail);
    }
}

#[track_caller]
fn ends_with_ctrl_c(dev: &mut Program) {
    dev.signal(Signal::INT);
    let (status, printed) = dev.ended();
    assert_eq!(status.code(), Some(0), "{printed:?}");
}

#[test]
fn dev_shows_four_verified_samples_and_a_curl_line_that_works_and_goes_on_where_it_was() {
    let folder = tempdir().unwrap();
    let mut dev = Program::start(folder.path(), &ARGS);
    dev.url();
    dev.line_with("go to the built-in listener");
    samples_arrive(&mut dev);
    dev.line_with("server:      http://127.0.0.1:");
    dev.line_with("/console (log in with the username and the password of the credentials)");
    dev.line_with(ACCOUNT);
    dev.line_with("ringback-data/credentials.toml");
    let curl = dev.line_with("curl ");
    let listed = printed(&run(folder.path(), &["callbacks", "list", ACCOUNT, "--profile", "dev"]));
    assert!(listed.contains("/ringback-dev-listener"), "{listed}");
    dev.line_with("Ctrl-C stops");
    ends_with_ctrl_c(&mut dev);
    let first = secrets(folder.path());

    // A second start: the same credentials, the built-in listener registered anew at its new port.
    let mut dev = Program::start(folder.path(), &ARGS);
    dev.url();
    dev.line_with("go to the built-in listener");
    samples_arrive(&mut dev);
    assert_eq!(secrets(folder.path()), first);
    let curl_again = dev.line_with("curl ");
    assert_ne!(curl, curl_again, "the tokens are live ones");
    let pasted = format!("{} -o /dev/null -w '%{{http_code}}'", curl_again.trim());
    assert_eq!(printed(&Command::new("sh").args(["-c", &pasted]).output().unwrap()), "200");
    ends_with_ctrl_c(&mut dev);

    // A third: what the pasted line registered is a person's, and stays.
    let mut dev = Program::start(folder.path(), &ARGS);
    dev.url();
    dev.line_with("go to http://127.0.0.1:3000/callbacks, which was registered earlier and is left as it is");
    let listed = printed(&run(folder.path(), &["callbacks", "list", ACCOUNT, "--profile", "dev"]));
    assert!(listed.contains("http://127.0.0.1:3000/callbacks"), "{listed}");
    dev.line_with("Ctrl-C stops");
    ends_with_ctrl_c(&mut dev);
    assert_eq!(secrets(folder.path()), first);
}

#[cfg(unix)]
#[test]
fn what_dev_keeps_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempdir().unwrap();
    let mut dev = Program::start(folder.path(), &[&ARGS[..], &["--no-samples"]].concat());
    dev.line_with("Ctrl-C stops");
    for entry in std::fs::read_dir(folder.path().join("ringback-data")).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
    ends_with_ctrl_c(&mut dev);
}

#[test]
fn a_lost_file_of_credentials_and_a_lost_database_are_made_up_for() {
    let folder = tempdir().unwrap();
    let args = [&ARGS[..], &["--no-samples"]].concat();
    let start = || {
        let mut dev = Program::start(folder.path(), &args);
        dev.line_with("Ctrl-C stops");
        ends_with_ctrl_c(&mut dev);
        secrets(folder.path())
    };
    let first = start();
    std::fs::remove_file(folder.path().join("ringback-data/credentials.toml")).unwrap();
    let second = start();
    assert_eq!(second["dev"]["client-id"], first["dev"]["client-id"], "new secrets of the same credential");
    assert_ne!(second["dev"]["client-secret"], first["dev"]["client-secret"]);
    for entry in std::fs::read_dir(folder.path().join("ringback-data")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("ringback.db") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let third = start();
    assert_ne!(third["dev"]["client-id"], second["dev"]["client-id"]);
}

#[test]
fn dev_ends_at_once_though_callbacks_are_under_way() {
    /// After this a delivery gives its callback up.
    const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
    let folder = tempdir().unwrap();
    let mut dev = Program::start(folder.path(), &[&ARGS[..], &["--no-samples"]].concat());
    dev.line_with("Ctrl-C stops");
    let messages: String =
        (0..600).map(|number| format!("{}\n", message(ACCOUNT, &number.to_string()))).collect();
    let publish = ["messages", "publish", "--profile", "dev"];
    printed(&run_with(folder.path(), &publish, &[], &messages));
    dev.line_with("signature verified");
    dev.signal(Signal::TERM);
    let asked = Instant::now();
    let (status, printed) = dev.ended();
    assert_eq!(status.code(), Some(0), "{printed:?}");
    assert!(asked.elapsed() < REQUEST_TIMEOUT, "{:?}", asked.elapsed());
}
