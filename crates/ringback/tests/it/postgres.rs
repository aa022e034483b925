//! The program on PostgreSQL: over TLS, with a given key.

use std::path::Path;
use std::process::Output;

use ringback_testbed::{Database, Postgres};
use tempfile::tempdir;

use crate::program::{Program, failure, run_with};

const KEY: &str = "1212121212121212121212121212121212121212121212121212121212121212";
const OTHER_KEY: &str = "3434343434343434343434343434343434343434343434343434343434343434";
const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--egress", "any"];

fn with_key(folder: &Path, args: &[&str], key: &str) -> Output {
    run_with(folder, args, &[("RINGBACK_KEY", key)], "")
}

fn serve(folder: &Path, store: &str) -> Program {
    Program::start_with(folder, &[&SERVE[..], &["--store", store]].concat(), &[("RINGBACK_KEY", KEY)])
}

/// By the name that the server's certificate is for.
fn by_name(database: &Database<'_>, parameters: &str) -> String {
    let port = database.server().port();
    format!("postgres://ringback@localhost:{port}/{}?sslmode=verify-full{parameters}", database.name())
}

#[test]
fn a_server_that_does_not_prove_its_name_is_not_spoken_to() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempdir().unwrap());
    // Its authority is not among those that browsers trust, and its certificate is for another name.
    let by_address = by_name(&database, &format!("&sslrootcert={}", postgres.ca_file().display()))
        .replace("localhost", "127.0.0.1");
    for store in [by_name(&database, ""), by_address] {
        let (code, line) = failure(&with_key(folder.path(), &["verify", "--store", &store], KEY));
        assert_eq!(code, 6, "{line}");
        assert!(line.to_lowercase().contains("certificate"), "{line}");
    }
    let missing = by_name(&database, "&sslrootcert=/nowhere/ca.crt");
    let (code, line) = failure(&with_key(folder.path(), &["verify", "--store", &missing], KEY));
    assert_eq!(code, 3, "{line}");
    assert!(line.contains("/nowhere/ca.crt"), "{line}");
}

#[test]
fn a_database_opens_with_the_key_that_sealed_it_only() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempdir().unwrap());
    let store = database.url();
    let mut server = serve(folder.path(), &store);
    server.url();
    assert!(server.stop().success());
    let (code, line) = failure(&with_key(folder.path(), &["verify", "--store", &store], OTHER_KEY));
    assert_eq!(code, 3, "{line}");
    assert!(line.contains("sealing key"), "{line}");
}

#[test]
fn a_server_refuses_a_database_that_could_forget_what_it_answered_for() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempdir().unwrap());
    database.psql(&format!("ALTER DATABASE {} SET synchronous_commit = off", database.name()));
    let store = database.url();
    let args = [&SERVE[..], &["--store", &store]].concat();
    let (code, line) = failure(&with_key(folder.path(), &args, KEY));
    assert!(code == 8 || code == 6, "{code} {line}");
    assert!(line.contains("synchronous_commit"), "{line}");
}
