//! What can't be done is said in one line, and the exit code tells scripts what it was.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

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
    assert_eq!(code, 3, "nothing was sent: {line}");
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

#[test]
fn what_a_setting_should_be_is_said_and_a_cause_is_said_once() {
    let folder = tempdir().unwrap();
    let (pair, other) = (certificate(), certificate());
    std::fs::write(folder.path().join("a.pem"), pair.cert.pem()).unwrap();
    std::fs::write(folder.path().join("b.key"), other.signing_key.serialize_pem()).unwrap();
    let not_mine = ["--listen", "203.0.113.9:8085", "--insecure-http"];
    let not_a_pair = ["--listen", "127.0.0.1:0", "--tls-cert", "a.pem", "--tls-key", "b.key"];
    for (args, code, says) in [
        (&["--listen", "localhost:8085"][..], 2, "an IP address and a port, such as 127.0.0.1:8085"),
        (&["--connections", "0"], 2, "at least 1"),
        (&["--connections", "many"], 2, "a whole number, 0 or more"),
        (&["--connections=-5"], 2, "a whole number, 0 or more"),
        (&not_mine, 3, "Cannot assign requested address"),
        (&not_a_pair, 3, "KeyMismatch"),
    ] {
        let (ended, line) = failure(&run(folder.path(), &[&["serve"], args].concat()));
        assert_eq!(ended, code, "{line}");
        assert_eq!(line.matches(says).count(), 1, "{line}");
    }
}

#[test]
fn an_account_of_another_form_is_a_matter_of_the_command_line_in_every_command() {
    let folder = tempdir().unwrap();
    let variables = [
        ("RINGBACK_URL", "http://127.0.0.1:9"),
        ("RINGBACK_CLIENT_ID", "a"),
        ("RINGBACK_CLIENT_SECRET", "b"),
        ("RINGBACK_USERNAME", "c"),
        ("RINGBACK_PASSWORD", "d"),
    ];
    for args in [
        &["callbacks", "list", "02"][..],
        &["messages", "list", "--account", "02"],
        &["messages", "replay", "--account", "02"],
        &["listen", "--port", "0", "--account", "02"],
        &["listen", "--pull", "02"],
    ] {
        let (code, line) = failure(&run_with(folder.path(), args, &variables, ""));
        assert_eq!(code, 2, "{line}");
        assert!(line.contains("##########-#####"), "{line}");
    }
}

#[test]
fn a_server_that_shows_an_authority_s_certificate_is_told_what_is_wrong_with_it() {
    let folder = tempdir().unwrap();
    let mut params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(folder.path().join("a.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(folder.path().join("a.key"), key.serialize_pem()).unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", "a.pem", "--tls-key", "a.key"];
    let mut tls = Program::start(folder.path(), &serve);
    let url = tls.line_with("listening on https://").split_whitespace().last().unwrap().to_owned();
    let client = [("RINGBACK_CLIENT_ID", "a"), ("RINGBACK_CLIENT_SECRET", "b")];
    let list = ["messages", "list", "--url", &url, "--ca-file", "a.pem"];
    let (code, line) = failure(&run_with(folder.path(), &list, &client, ""));
    assert_eq!(code, 6, "{line}");
    assert!(line.contains("has to issue another for the server"), "{line}");
}

#[test]
fn a_server_that_speaks_otherwise_than_the_url_says_is_told_in_plain_words() {
    let folder = tempdir().unwrap();
    let pair = certificate();
    std::fs::write(folder.path().join("a.pem"), pair.cert.pem()).unwrap();
    std::fs::write(folder.path().join("a.key"), pair.signing_key.serialize_pem()).unwrap();
    let mut plain = Program::start(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    let over_tls = ["serve", "--listen", "127.0.0.1:0", "--store", "sqlite:b.db", "--tls-cert", "a.pem"];
    let mut tls = Program::start(folder.path(), &[&over_tls[..], &["--tls-key", "a.key"]].concat());
    let plain_url = plain.url();
    let tls_url = tls.line_with("listening on https://").split_whitespace().last().unwrap().to_owned();
    let client = [("RINGBACK_CLIENT_ID", "a"), ("RINGBACK_CLIENT_SECRET", "b")];
    for (url, says) in [
        (plain_url.replace("http:", "https:"), "does it speak http, not https?"),
        (tls_url.replace("https:", "http:"), "does it want https, not http?"),
        (tls_url.clone(), "nor from one of --ca-file"),
    ] {
        let (code, line) =
            failure(&run_with(folder.path(), &["messages", "list", "--url", &url], &client, ""));
        assert_eq!(code, 6, "{line}");
        assert!(line.contains(says), "{line}");
    }

    // With that file it is another matter: who asks is not known.
    let profile = format!(
        "[own]\nurl = {tls_url:?}\nclient-id = \"a\"\nclient-secret = \"b\"\nusername = \"c\"\npassword = \"d\"\nca-file = \"a.pem\"\n"
    );
    // Beside the profile, wherever the command is run.
    let own = folder.path().join("own");
    std::fs::create_dir(&own).unwrap();
    std::fs::rename(folder.path().join("a.pem"), own.join("a.pem")).unwrap();
    let file = own.join("profiles.toml");
    std::fs::write(&file, profile).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let list = ["messages", "list"];
    let by_url = [&list[..], &["--url", &tls_url]].concat();
    let by_profile = [&list[..], &["--profiles", "own/profiles.toml", "--profile", "own"]].concat();
    let by_variable = [&client[..], &[("RINGBACK_CA_FILE", "own/a.pem")]].concat();
    let with_flag = |file| [&by_url[..], &["--ca-file", file]].concat();
    for (args, variables, ends, says) in [
        (with_flag("own/a.pem"), &client[..], 4, "client"),
        (by_url.clone(), &by_variable[..], 4, "client"),
        (by_profile, &[][..], 4, "client"),
        (
            with_flag("a.key"),
            &client[..],
            3,
            "a.key: the root certificates can't be used: there is no certificate",
        ),
        (with_flag("none.pem"), &client[..], 3, "none.pem: it can't be read: No such file"),
    ] {
        let (code, line) = failure(&run_with(folder.path(), &args, variables, ""));
        assert_eq!(code, ends, "{args:?}: {line}");
        assert!(line.contains(says), "{args:?}: {line}");
    }
}

fn certificate() -> rcgen::CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap()
}
