//! What `serve` can be told, and how it says what it was told.

use tempfile::tempdir;

use crate::program::{failure, printed, run, run_with};

#[test]
fn the_configuration_in_force_is_shown_with_its_origins_and_without_secrets() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("r.toml"), "request-timeout = '3s'\negress = 'private'\n").unwrap();
    let key = "5a".repeat(32);
    let variables = [("RINGBACK_SERVER_EGRESS", "any"), ("RINGBACK_KEY", key.as_str())];
    let args = ["serve", "--config", "r.toml", "--listen", "127.0.0.1:0", "--print-config"];
    let shown = printed(&run_with(folder.path(), &args, &variables, ""));
    let table: toml::Table = shown.parse().unwrap();
    assert_eq!(table["listen"].as_str(), Some("127.0.0.1:0"));
    assert_eq!(table["egress"].as_str(), Some("any"));
    assert_eq!(table["request-timeout"].as_str(), Some("3s"));
    assert!(shown.contains("# RINGBACK_SERVER_EGRESS"), "{shown}");
    assert!(shown.contains("hidden") && !shown.contains(&key), "{shown}");
    assert!(!folder.path().join("ringback.db").exists(), "nothing is opened");
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("r.toml"), "listn = '127.0.0.1:0'\n").unwrap();
    let (code, line) = failure(&run(folder.path(), &["serve", "--config", "r.toml"]));
    assert_eq!(code, 3);
    assert!(line.contains("\"listn\"") && line.contains("r.toml"), "{line}");
}

#[test]
fn an_unknown_variable_is_refused_by_name() {
    let folder = tempdir().unwrap();
    let variables = [("RINGBACK_SERVER_LISTN", "127.0.0.1:0")];
    let (code, line) = failure(&run_with(folder.path(), &["serve"], &variables, ""));
    assert_eq!(code, 3);
    assert!(line.contains("RINGBACK_SERVER_LISTN"), "{line}");
}

#[test]
fn an_address_that_others_reach_is_refused_without_a_word_about_tls() {
    let folder = tempdir().unwrap();
    let (code, line) = failure(&run(folder.path(), &["serve", "--listen", "0.0.0.0:0"]));
    assert_eq!(code, 3);
    assert!(line.contains("--behind-proxy") && line.contains("--insecure-http"), "{line}");
}

#[test]
fn a_retention_under_the_life_of_an_idempotency_key_is_refused() {
    let folder = tempdir().unwrap();
    for name in ["retain-finished", "retain-dead"] {
        let (code, line) = failure(&run(folder.path(), &["serve", &format!("--{name}"), "47h"]));
        assert_eq!(code, 3);
        assert!(line.contains(&format!("{name} is 1day 23h, but must be at least 2days")), "{line}");
    }
}

#[test]
fn a_password_in_an_argument_is_refused_without_being_shown() {
    let folder = tempdir().unwrap();
    let (code, line) =
        failure(&run(folder.path(), &["serve", "--store", "postgres://u:hunter2@db/ringback"]));
    assert_eq!(code, 3);
    assert!(line.contains("PGPASSWORD") && !line.contains("hunter2"), "{line}");
}

#[test]
fn with_postgres_the_key_must_be_given() {
    let folder = tempdir().unwrap();
    let (code, line) =
        failure(&run(folder.path(), &["serve", "--store", "postgres://u@127.0.0.1:1/ringback"]));
    assert_eq!(code, 3);
    assert!(line.contains("--key-file") && line.contains("RINGBACK_KEY"), "{line}");
}

#[test]
fn a_database_that_can_not_be_reached_is_named() {
    let folder = tempdir().unwrap();
    let key = [("RINGBACK_KEY", "ab".repeat(32))];
    let key: Vec<_> = key.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let args = ["verify", "--store", "postgres://u@127.0.0.1:1/ringback"];
    let (code, line) = failure(&run_with(folder.path(), &args, &key, ""));
    assert_eq!(code, 6);
    assert!(line.contains("postgres://u@127.0.0.1:1/ringback"), "{line}");
}

#[test]
fn a_secret_that_a_group_can_read_is_refused_unless_systemd_handed_it_over() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "5a".repeat(32)).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o440)).unwrap();
    let store = "postgres://u@127.0.0.1:1/ringback";
    let args = ["verify", "--store", store, "--key-file", key.to_str().unwrap()];
    let (code, line) = failure(&run(folder.path(), &args));
    assert_eq!(code, 3);
    assert!(line.contains("chmod 600"), "{line}");
    let handed_over = [("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap())];
    let (code, line) = failure(&run_with(folder.path(), &args, &handed_over, ""));
    assert_eq!(code, 6, "the key was read, and nobody is at that address: {line}");
}
