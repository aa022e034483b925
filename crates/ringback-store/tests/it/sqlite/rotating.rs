//! A rotation beside a running server, broken off, and finished.

use std::fs;
use std::path::Path;

use ringback_store::{
    KeyError, KeySource, OpenError, Registrations, Resealing, Role, Rotation, SealingKey, SqliteOptions,
    SqliteStore, Store,
};
use rusqlite::Connection;

use super::{database, look, number};
use crate::cast::*;
use crate::story::resealing::walk;

fn open(folder: &Path, role: Role, key: &SealingKey) -> Result<SqliteStore, OpenError> {
    let options = SqliteOptions::server(database(folder));
    SqliteStore::open(SqliteOptions { role, key: KeySource::Given(key.clone()), ..options })
}

#[tokio::test]
async fn a_server_goes_on_through_a_rotation_that_another_process_makes() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (SealingKey::generate().unwrap(), SealingKey::generate().unwrap());
    let server = open(folder.path(), Role::Server, &old).unwrap();
    register(&server, ONE).await;

    let admin = open(folder.path(), Role::Admin, &old).unwrap();
    assert_eq!(admin.begin_key_rotation(new.clone()).await.unwrap(), Rotation::Begun);
    // It has not looked yet, and still seals with the new key.
    server.register(at(1), account(TWO), registration("meanwhile")).await.unwrap();
    assert!(server.vault().present_key() == new);
    walk(&admin).await;
    assert_eq!(walk(&admin).await, 0);
    assert!(admin.end_key_rotation().await.unwrap());
    assert!(server.follow_keys().await.unwrap());
    assert!(!server.follow_keys().await.unwrap());

    assert_eq!(server.registration(account(ONE)).await.unwrap(), Some(registration("listener")));
    server.register(at(2), account(ONE), registration("after")).await.unwrap();
    drop((server, admin));
    assert!(matches!(open(folder.path(), Role::Server, &old), Err(OpenError::Key(KeyError::Wrong))));
    let server = open(folder.path(), Role::Server, &new).unwrap();
    assert_eq!(server.registration(account(ONE)).await.unwrap(), Some(registration("after")));
    assert_eq!(server.registration(account(TWO)).await.unwrap(), Some(registration("meanwhile")));
}

#[tokio::test]
async fn a_rotation_that_was_broken_off_is_resumed_with_either_key() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (SealingKey::generate().unwrap(), SealingKey::generate().unwrap());
    let store = open(folder.path(), Role::Server, &old).unwrap();
    for number in 1..=300 {
        store.register(at(0), account(number), registration("many")).await.unwrap();
    }
    store.begin_key_rotation(new.clone()).await.unwrap();
    store.reseal_step(None).await.unwrap();
    drop(store);

    for key in [&old, &new] {
        let store = open(folder.path(), Role::Server, key).unwrap();
        assert!(store.vault().present_key() == new, "whichever it was opened with");
        for number in [1, 300] {
            assert_eq!(store.registration(account(number)).await.unwrap(), Some(registration("many")));
        }
    }
    let store = open(folder.path(), Role::Server, &old).unwrap();
    assert_eq!(store.begin_key_rotation(SealingKey::generate().unwrap()).await.unwrap(), Rotation::UnderWay);
    assert!(walk(&store).await > 0);
    assert!(store.end_key_rotation().await.unwrap());
    drop(store);
    let store = open(folder.path(), Role::Server, &new).unwrap();
    assert_eq!(store.registration(account(300)).await.unwrap(), Some(registration("many")));
}

#[tokio::test]
async fn a_server_that_missed_a_whole_rotation_says_that_it_needs_the_new_key() {
    let folder = tempfile::tempdir().unwrap();
    let old = SealingKey::generate().unwrap();
    let server = open(folder.path(), Role::Server, &old).unwrap();
    register(&server, ONE).await;
    let admin = open(folder.path(), Role::Admin, &old).unwrap();
    admin.begin_key_rotation(SealingKey::generate().unwrap()).await.unwrap();
    walk(&admin).await;
    admin.end_key_rotation().await.unwrap();
    let refused = server.follow_keys().await.unwrap_err().to_string();
    assert!(refused.contains("rotated") && refused.contains("the new one"), "{refused}");
    assert!(server.registration(account(ONE)).await.is_err());
    assert!(server.register(at(1), account(ONE), registration("x")).await.is_err());
}

/// Neither the values that the old key sealed, nor the new key sealed with it, are left anywhere in the files.
#[tokio::test]
async fn the_old_key_opens_nothing_of_the_files_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (SealingKey::generate().unwrap(), SealingKey::generate().unwrap());
    let store = open(folder.path(), Role::Server, &old).unwrap();
    for number in 1..=30 {
        store.register(at(0), account(number), registration("many")).await.unwrap();
        store.signing_secrets(at(0), account(number)).await.unwrap();
    }
    store.begin_key_rotation(new).await.unwrap();
    let sealed: Vec<Vec<u8>> = {
        let connection = look(folder.path());
        let all = "SELECT sealed FROM registration UNION ALL SELECT sealed FROM signing_secret
                   UNION ALL SELECT pepper FROM sealing_key WHERE number = 1
                   UNION ALL SELECT other FROM sealing_key";
        column(&connection, all)
    };
    assert_eq!(sealed.len(), 63);
    walk(&store).await;
    store.end_key_rotation().await.unwrap();
    drop(store);

    let connection = look(folder.path());
    assert_eq!(number(&connection, "SELECT count(*) FROM sealing_key"), 1);
    assert_eq!(number(&connection, "SELECT count(*) FROM sealing_key WHERE other IS NOT NULL"), 0);
    drop(connection);
    let files: Vec<Vec<u8>> =
        fs::read_dir(folder.path()).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    for value in sealed {
        // Its nonce is random: nothing else begins like it.
        let beginning = &value[..40];
        assert!(
            !files.iter().any(|file| file.windows(beginning.len()).any(|window| window == beginning)),
            "a value of the old key is still there"
        );
    }
}

fn column(connection: &Connection, query: &str) -> Vec<Vec<u8>> {
    let mut statement = connection.prepare(query).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}
