//! What can't be done is said in one line, and the exit code tells scripts what it was.

use std::net::TcpListener;

use tempfile::tempdir;

use crate::program::{Program, failure, run, run_with};

const DEV: [&str; 6] = ["dev", "--port", "0", "--listener-port", "0", "--no-samples"];

#[test]
fn a_taken_port_names_the_flag_that_would_change_it() {
    let folder = tempdir().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let address = format!("127.0.0.1:{port}");
    for (args, flag) in [
        (vec!["dev", "--port", &port, "--listener-port", "0"], "--port"),
        (vec!["dev", "--port", "0", "--listener-port", &port], "--listener-port"),
        (vec!["serve", "--listen", &address], "--listen"),
        (vec!["listen", "--port", &port], "--port"),
    ] {
        let (code, line) = failure(&run(folder.path(), &args));
        assert_eq!(code, 7, "{line}");
        assert!(line.contains(&address) && line.ends_with(&format!("with {flag}")), "{line}");
    }
}

#[test]
fn a_folder_that_can_not_be_written_is_a_matter_of_the_store() {
    let folder = tempdir().unwrap();
    // Below a file nobody can make a folder, root neither.
    std::fs::write(folder.path().join("file"), "").unwrap();
    let (code, line) = failure(&run(folder.path(), &["dev", "--data", "file/data", "--port", "0"]));
    assert_eq!(code, 8, "{line}");
    assert!(line.contains("file/data"), "{line}");
    let args = ["serve", "--listen", "127.0.0.1:0", "--store", "sqlite:file/ringback.db"];
    let (code, line) = failure(&run(folder.path(), &args));
    assert_eq!(code, 8, "{line}");
    assert!(line.contains("file/ringback.db"), "{line}");
}

#[test]
fn a_database_in_use_by_another_server_is_refused() {
    let folder = tempdir().unwrap();
    let mut first = Program::start(folder.path(), &DEV);
    first.url();
    let (code, line) = failure(&run(folder.path(), &DEV));
    assert_eq!(code, 8, "{line}");
    assert!(line.contains("in use by another server"), "{line}");
    let args = ["serve", "--listen", "127.0.0.1:0", "--store", "sqlite:ringback-data/ringback.db"];
    let (code, line) = failure(&run(folder.path(), &args));
    assert_eq!(code, 8, "{line}");
    assert!(first.stop().success());
}

#[test]
fn a_server_that_is_not_there_is_unreachable() {
    let folder = tempdir().unwrap();
    // A port that was free a moment ago.
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let client = [("RINGBACK_CLIENT_ID", "a"), ("RINGBACK_CLIENT_SECRET", "b")];
    let user = [("RINGBACK_USERNAME", "c"), ("RINGBACK_PASSWORD", "d")];
    let args = ["callbacks", "list", "0242078689-00001", "--url", &url];
    let (code, line) = failure(&run_with(folder.path(), &args, &[client, user].concat(), ""));
    assert_eq!(code, 6, "{line}");
    assert!(line.contains(&port.to_string()), "{line}");
    let (code, line) = failure(&run_with(folder.path(), &args, &client, ""));
    assert_eq!(code, 4, "{line}");
    assert!(line.contains("RINGBACK_USERNAME"), "{line}");
}

#[test]
fn no_server_is_a_default() {
    let folder = tempdir().unwrap();
    let (code, line) = failure(&run(folder.path(), &["callbacks", "list", "0242078689-00001"]));
    assert_eq!(code, 3, "{line}");
    assert!(line.contains("none is a default"), "{line}");
}

#[cfg(unix)]
#[test]
fn a_profile_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempdir().unwrap();
    let config = folder.path().join(".config/ringback");
    std::fs::create_dir_all(&config).unwrap();
    let file = config.join("profiles.toml");
    let text = "[acme]\nurl = 'http://127.0.0.1:1'\nclient-id = 'a'\nclient-secret = 'hunter2'\n";
    std::fs::write(&file, text).unwrap();
    let args = ["credentials", "list", "--profile", "acme"];
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let (code, line) = failure(&run(folder.path(), &args));
    assert_eq!(code, 3, "{line}");
    assert!(line.contains("others can read it"), "{line}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (code, line) = failure(&run(folder.path(), &args));
    assert_eq!(code, 6, "now it is used: {line}");
    std::fs::write(&file, format!("{text}wrong = 'hunter2'\n")).unwrap();
    let (code, line) = failure(&run(folder.path(), &args));
    assert_eq!(code, 3, "{line}");
    assert!(!line.contains("hunter2"), "{line}");
}

#[test]
fn a_secret_can_not_be_given_as_an_argument() {
    let folder = tempdir().unwrap();
    for flag in ["--client-secret", "--password"] {
        let output = run(folder.path(), &["callbacks", "list", "0242078689-00001", flag, "x"]);
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn what_belongs_to_an_option_is_refused_where_its_opposite_stands() {
    let folder = tempdir().unwrap();
    for args in [
        &["callbacks", "list", "0242078689-00001", "--url", "http://127.0.0.1:9", "--profiles", "f"][..],
        &["credentials", "list", "--url", "http://127.0.0.1:9", "--key-file", "f"],
        &["credentials", "list", "--store", "sqlite:a.db", "--profiles", "f"],
    ] {
        assert_eq!(run(folder.path(), args).status.code(), Some(2), "{args:?}");
    }
}
