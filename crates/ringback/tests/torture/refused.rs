//! A database that can't be used is refused at the start, in one clear line.

use std::path::Path;

use tempfile::tempdir;

use crate::program::{Program, failure, run};
use crate::stage::SERVE;

/// The exit code for a store that can't be used.
const STORE: i32 = 8;

/// A folder with a database that a server has made and closed.
fn served() -> tempfile::TempDir {
    let folder = tempdir().unwrap();
    let mut server = Program::start(folder.path(), &SERVE);
    server.url();
    assert!(server.stop().success());
    folder
}

fn refusal(folder: &Path) -> String {
    let (code, line) = failure(&run(folder, &SERVE));
    assert_eq!(code, STORE, "{line}");
    assert!(line.contains("ringback.db"), "{line}");
    line
}

#[test]
fn a_corrupt_database_is_refused_and_left_as_it_is() {
    let folder = served();
    let database = folder.path().join("ringback.db");
    let whole = std::fs::read(&database).unwrap();
    let mut overwritten = whole.clone();
    overwritten[100..].fill(0x5a);
    for broken in [b"A letter to grandmother.".to_vec(), whole[..4096].to_vec(), overwritten] {
        std::fs::write(&database, &broken).unwrap();
        let line = refusal(folder.path());
        assert!(line.contains("not a usable Ringback database"), "{line}");
        assert_eq!(std::fs::read(&database).unwrap(), broken);
    }
    std::fs::write(&database, &whole).unwrap();
    let mut server = Program::start(folder.path(), &SERVE);
    server.url();
    assert!(server.stop().success());
}

#[test]
fn a_database_of_a_newer_release_is_refused() {
    let folder = served();
    let connection = rusqlite::Connection::open(folder.path().join("ringback.db")).unwrap();
    let newest = "SELECT max(version) FROM refinery_schema_history";
    let renamed = format!("UPDATE refinery_schema_history SET version = 1000 WHERE version = ({newest})");
    assert_eq!(connection.execute(&renamed, []).unwrap(), 1);
    drop(connection);
    let line = refusal(folder.path());
    assert!(line.contains("newer release (schema 1000"), "{line}");
}
