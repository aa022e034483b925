//! Which files are opened, and by whom.

use std::fs;
use std::path::Path;

use ringback_store::{
    CredentialOutcome, Credentials, Dispatching, KeyError, KeySource, OpenError, PasswordHash, Reach,
    Registrations, Role, Scopes, SealingKey, SqliteOptions, SqliteStore, Store,
};
use rusqlite::Connection;

use super::{database, look, new_store, number};
use crate::cast::*;

fn server(folder: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(SqliteOptions::server(database(folder)))
}

fn admin(folder: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(SqliteOptions::admin(database(folder)))
}

fn key_file(folder: &Path) -> std::path::PathBuf {
    folder.join("ringback.db.key")
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_was_kept_is_there_when_it_is_opened_again() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    for key in 1..=3 {
        accept(&store, at(1), named(ONE, key, key)).await;
    }
    let rows = waiting(&store, ONE).await;
    store
        .record(at(2), vec![delivered(ONE, &rows[0]), retry(ONE, &rows[1], at(9))], Vec::new())
        .await
        .unwrap();
    let secrets = store.signing_secrets(at(2), account(ONE)).await.unwrap();
    let standing = store.pause(at(3), account(ONE)).await.unwrap();
    let digest = store.vault().digest("token", "abc");
    let rows = waiting(&store, ONE).await;
    drop(store);

    let store = server(folder.path()).unwrap();
    assert_eq!(waiting(&store, ONE).await, rows);
    assert_eq!(store.standing(account(ONE)).await.unwrap(), standing);
    assert_eq!(store.registration(account(ONE)).await.unwrap(), Some(registration("listener")));
    assert_eq!(store.signing_secrets(at(4), account(ONE)).await.unwrap(), secrets);
    assert_eq!(store.vault().digest("token", "abc"), digest);
    assert_eq!(accept(&store, at(5), message(ONE, "next")).await.sequence.0, 4);
    // A position that was given is not given again.
    let rows = waiting(&store, ONE).await;
    assert!(rows[2].position > rows[1].position);
}

#[tokio::test]
async fn a_second_server_is_refused_until_the_first_has_gone() {
    let (folder, store) = new_store();
    let refused = server(folder.path()).unwrap_err();
    assert!(matches!(&refused, OpenError::InUse { path } if path.ends_with("ringback.db")), "{refused}");
    drop(store);
    server(folder.path()).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_the_database_leads_to_the_same_lock() {
    let (folder, _store) = new_store();
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(database(folder.path()), &link).unwrap();
    assert!(matches!(SqliteStore::open(SqliteOptions::server(link)), Err(OpenError::InUse { .. })));
}

#[tokio::test]
async fn a_command_works_beside_a_server_and_each_sees_the_others_changes() {
    let (folder, store) = new_store();
    let version = store.credentials_version().await.unwrap();
    let command = admin(folder.path()).unwrap();
    let credential = ringback_store::Credential {
        id: 0,
        name: "made by a command".to_owned(),
        client_id: "client".to_owned(),
        client_secret: command.vault().digest("secret", "s"),
        previous_secret: None,
        username: "user".to_owned(),
        password: PasswordHash::Keyed([2; 32]),
        previous_password: None,
        scopes: Scopes::default(),
        reach: Reach::Every,
        created_at: at(0),
        revoked_at: None,
        locked_until: None,
    };
    assert_eq!(command.create_credential(credential).await.unwrap(), CredentialOutcome::Done);
    assert!(store.credentials_version().await.unwrap() > version);
    let seen = store.credential_of_client("client").await.unwrap().unwrap();
    assert_eq!(seen.client_secret, store.vault().digest("secret", "s"));

    // Should it write messages too, no position is given twice.
    register(&store, ONE).await;
    accept(&store, at(0), message(ONE, "by the server")).await;
    accept(&command, at(1), message(ONE, "by the command")).await;
    accept(&store, at(2), message(ONE, "by the server again")).await;
    let positions = waiting(&store, ONE).await.iter().map(|row| row.position).collect();
    let bodies = store.contents(positions).await.unwrap();
    let texts: Vec<_> = bodies.into_iter().flatten().map(|content| content.body).collect();
    assert_eq!(texts, ["by the server", "by the command", "by the server again"]);
}

#[tokio::test]
async fn a_command_makes_a_new_database_which_a_server_then_serves() {
    let folder = tempfile::tempdir().unwrap();
    let command = admin(folder.path()).unwrap();
    let digest = command.vault().digest("token", "abc");
    let store = server(folder.path()).unwrap();
    assert_eq!(store.vault().digest("token", "abc"), digest);
}

#[test]
fn many_that_start_at_once_make_one_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let digests: Vec<_> = std::thread::scope(|scope| {
        let openers: Vec<_> = (0..8).map(|_| scope.spawn(move || admin(path).unwrap())).collect();
        openers.into_iter().map(|opener| opener.join().unwrap().vault().digest("token", "abc")).collect()
    });
    assert!(digests.iter().all(|digest| *digest == digests[0]));
    assert_eq!(files(path), ["ringback.db", "ringback.db.key"]);
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_made_belongs_to_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, store) = new_store();
    register(&store, ONE).await;
    let names = files(folder.path());
    assert_eq!(
        names,
        ["ringback.db", "ringback.db-lock", "ringback.db-shm", "ringback.db-wal", "ringback.db.key"]
    );
    for name in names {
        let mode = fs::metadata(folder.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_database_whose_key_is_missing_is_refused_and_gets_no_new_one() {
    let (folder, store) = new_store();
    drop(store);
    fs::remove_file(key_file(folder.path())).unwrap();
    let refused = server(folder.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Key(KeyError::File { .. })), "{refused}");
    assert!(refused.to_string().contains("missing"), "{refused}");
    assert!(!key_file(folder.path()).exists());
}

#[test]
fn a_wrong_key_is_refused_and_the_right_one_may_be_given() {
    let (folder, store) = new_store();
    let digest = store.vault().digest("token", "abc");
    drop(store);
    let with = |key| {
        let options = SqliteOptions::server(database(folder.path()));
        SqliteStore::open(SqliteOptions { key: KeySource::Given(key), ..options })
    };
    let wrong = with(SealingKey::generate().unwrap()).unwrap_err();
    assert!(matches!(wrong, OpenError::Key(KeyError::Wrong)), "{wrong}");

    let text = fs::read_to_string(key_file(folder.path())).unwrap();
    fs::write(key_file(folder.path()), SealingKey::generate().unwrap().to_hex().as_bytes()).unwrap();
    let wrong = server(folder.path()).unwrap_err();
    assert!(matches!(wrong, OpenError::Key(KeyError::Wrong)), "{wrong}");
    let store = with(SealingKey::from_hex(&text).unwrap()).unwrap();
    assert_eq!(store.vault().digest("token", "abc"), digest);
}

#[test]
fn a_given_key_is_written_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions {
        path: database(folder.path()),
        key: KeySource::Given(SealingKey::generate().unwrap()),
        role: Role::Admin,
        limits: Default::default(),
    };
    drop(SqliteStore::open(options).unwrap());
    assert_eq!(files(folder.path()), ["ringback.db"]);
}

#[test]
fn a_key_that_stood_there_before_the_database_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let key = SealingKey::generate().unwrap();
    fs::write(key_file(folder.path()), key.to_hex().as_bytes()).unwrap();
    owner_only(&key_file(folder.path()));
    let digest = server(folder.path()).unwrap().vault().digest("token", "abc");
    let options = SqliteOptions::server(database(folder.path()));
    let given = SqliteStore::open(SqliteOptions { key: KeySource::Given(key), ..options }).unwrap();
    assert_eq!(given.vault().digest("token", "abc"), digest);
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, store) = new_store();
    drop(store);
    for mode in [0o640, 0o604] {
        fs::set_permissions(key_file(folder.path()), fs::Permissions::from_mode(mode)).unwrap();
        let refused = server(folder.path()).unwrap_err();
        assert!(matches!(refused, OpenError::Key(KeyError::File { .. })), "{refused}");
        assert!(refused.to_string().contains("0600"), "{refused}");
    }
}

#[test]
fn a_file_that_is_no_database_of_ours_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |expected: &str| {
        let before = fs::read(database(folder.path())).unwrap();
        let error = server(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(fs::read(database(folder.path())).unwrap(), before);
        assert!(!key_file(folder.path()).exists());
    };
    fs::write(database(folder.path()), "").unwrap();
    refused("empty");
    fs::write(database(folder.path()), "A letter to grandmother.").unwrap();
    refused("not an SQLite database");
    fs::remove_file(database(folder.path())).unwrap();
    look(folder.path()).execute_batch("CREATE TABLE recipe (name TEXT)").unwrap();
    refused("another program's");
}

#[test]
fn a_database_cut_off_or_overwritten_is_refused() {
    let (folder, store) = new_store();
    drop(store);
    let whole = fs::read(database(folder.path())).unwrap();
    // The first page stays, the rest of the schema is gone or rubbish.
    fs::write(database(folder.path()), &whole[..4096]).unwrap();
    let error = server(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    let mut overwritten = whole;
    overwritten[4096..].fill(0x5a);
    overwritten[100..4096].fill(0x5a);
    fs::write(database(folder.path()), &overwritten).unwrap();
    let error = server(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

fn set_schema(folder: &Path, version: i64) {
    let connection: Connection = look(folder);
    connection.execute("DELETE FROM refinery_schema_history WHERE version > 1", []).unwrap();
    connection.execute("UPDATE refinery_schema_history SET version = ?1", [version]).unwrap();
}

#[test]
fn a_database_of_a_newer_release_is_refused_by_its_versions() {
    let (folder, store) = new_store();
    drop(store);
    set_schema(folder.path(), 1000);
    for error in [server(folder.path()).unwrap_err(), admin(folder.path()).unwrap_err()] {
        assert!(matches!(error, OpenError::TooNew { found: 1000, known: 1.., .. }), "{error}");
    }
}

#[test]
fn a_command_leaves_an_older_database_to_the_server() {
    let (folder, store) = new_store();
    drop(store);
    set_schema(folder.path(), 0);
    let error = admin(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::TooOld { found: 0, .. }), "{error}");
    assert!(error.to_string().contains("start the server"), "{error}");
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for role in [Role::Server, Role::Admin] {
        let options = SqliteOptions::server(folder.path().join("nowhere").join("ringback.db"));
        let error = SqliteStore::open(SqliteOptions { role, ..options }).unwrap_err();
        assert!(matches!(error, OpenError::Unwritable { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_database_that_was_closed_well_is_one_file() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    accept(&store, at(0), message(ONE, "x")).await;
    drop(store);
    assert_eq!(files(folder.path()), ["ringback.db", "ringback.db-lock", "ringback.db.key"]);
    assert_eq!(number(&look(folder.path()), "SELECT count(*) FROM message"), 1);
}

#[tokio::test]
async fn no_secret_stands_in_the_file_in_the_clear() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    let secrets = store.signing_secrets(at(0), account(ONE)).await.unwrap();
    drop(store);
    let file = fs::read(database(folder.path())).unwrap();
    let holds = |needle: &[u8]| file.windows(needle.len()).any(|window| window == needle);
    assert!(!holds(b"listener.example.com"));
    assert!(!holds(b"opens the door"));
    assert!(!holds(&secrets[0].hmac));
    assert!(!holds(&secrets[0].ed25519_seed));
}

#[cfg(unix)]
fn owner_only(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn owner_only(_: &Path) {}
