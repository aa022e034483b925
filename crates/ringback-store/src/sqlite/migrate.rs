//! The schema's versions: which one a database has, and the way up.

use std::fs::{self, OpenOptions};
use std::path::Path;

use refinery::Runner;
use rusqlite::Connection;

use super::connection::beside;
use super::options::Role;
use super::{identity, key_file};
use crate::OpenError;

mod embedded {
    #![allow(missing_docs, unreachable_pub)]
    refinery::embed_migrations!("migrations/sqlite");
}

/// The migrations that this release has built in.
pub(super) fn runner() -> Runner {
    embedded::migrations::runner()
}

/// Brings a new database up to the newest version.
pub(super) fn run(connection: &mut Connection) -> Result<(), refinery::Error> {
    runner().run(connection).map(|_| ())
}

/// Brings a database up to the newest version that `runner` knows, after a copy to `PATH.before-VN`; refuses a newer
/// one, and an older one to all but the server.
pub(super) fn bring_up_to_date(
    connection: &mut Connection,
    path: &Path,
    role: Role,
    runner: &Runner,
) -> Result<(), OpenError> {
    let known =
        runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0);
    let found = version(connection).map_err(|error| identity::refusal(path, &error))?;
    let damaged = |reason: String| OpenError::Damaged { path: path.to_owned(), reason };
    match found {
        None => Err(damaged("it has no schema".to_owned())),
        Some(found) if found > known => Err(OpenError::TooNew { path: path.to_owned(), found, known }),
        Some(found) if found == known => Ok(()),
        Some(found) if role == Role::Admin => Err(OpenError::TooOld { path: path.to_owned(), found, known }),
        Some(found) => {
            let copy = beside(path, &format!(".before-V{known}"));
            keep_copy(connection, &copy)
                .map_err(|error| OpenError::Unwritable { path: copy.clone(), reason: error.to_string() })?;
            tracing::info!(from = found, to = known, copy = %copy.display(), "bringing the database up to date");
            runner.run(connection).map(|_| ()).map_err(|error| {
                damaged(format!("its schema could not be brought from version {found} to {known}: {error}"))
            })
        }
    }
}

fn version(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    if !connection.table_exists(None, "refinery_schema_history")? {
        return Ok(None);
    }
    connection.query_row("SELECT max(version) FROM refinery_schema_history", [], |row| row.get(0))
}

fn keep_copy(connection: &Connection, copy: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let draft = beside(copy, ".new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    key_file::owner_only(&mut options);
    options.open(&draft)?;
    connection.backup("main", &draft, None::<fn(rusqlite::backup::Progress)>)?;
    fs::rename(&draft, copy)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use refinery::Migration;

    use super::*;
    use crate::sqlite::{SqliteOptions, SqliteStore, connection};

    fn next_release() -> Runner {
        let mut migrations = runner().get_migrations().clone();
        migrations.push(Migration::unapplied("V999__add_a_table", "CREATE TABLE added (x INTEGER)").unwrap());
        Runner::new(&migrations)
    }

    #[test]
    fn a_server_brings_an_older_database_up_after_a_copy_and_a_command_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringback.db");
        drop(SqliteStore::open(SqliteOptions::server(&path)).unwrap());
        let mut writer = connection::writer(&path).unwrap();
        writer.execute("INSERT INTO account (account) VALUES (7)", []).unwrap();

        let refused = bring_up_to_date(&mut writer, &path, Role::Admin, &next_release());
        assert!(matches!(refused, Err(OpenError::TooOld { known: 999, .. })));
        assert!(!writer.table_exists(None, "added").unwrap());

        bring_up_to_date(&mut writer, &path, Role::Server, &next_release()).unwrap();
        assert!(writer.table_exists(None, "added").unwrap());
        let copy = connection::reader(&beside(&path, ".before-V999")).unwrap();
        assert!(!copy.table_exists(None, "added").unwrap());
        let accounts: i64 = copy.query_row("SELECT count(*) FROM account", [], |row| row.get(0)).unwrap();
        assert_eq!(accounts, 1);
        assert!(matches!(
            SqliteStore::open(SqliteOptions::server(&path)),
            Err(OpenError::TooNew { found: 999, .. })
        ));
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringback.db");
        drop(SqliteStore::open(SqliteOptions::server(&path)).unwrap());
        let mut migrations = runner().get_migrations().clone();
        let sql = "CREATE TABLE added (x INTEGER); INSERT INTO nowhere VALUES (1)";
        migrations.push(Migration::unapplied("V999__fail", sql).unwrap());
        let mut writer = connection::writer(&path).unwrap();
        let failed = bring_up_to_date(&mut writer, &path, Role::Server, &Runner::new(&migrations));
        assert!(matches!(failed, Err(OpenError::Damaged { .. })));
        drop(writer);
        SqliteStore::open(SqliteOptions::server(&path)).unwrap();
    }

    #[tokio::test]
    async fn a_database_from_before_keys_had_ids_opens_with_its_key_and_is_resealed() {
        use crate::vault::Purpose;
        use crate::{KeySource, Registrations as _, Resealing as _, Rotation, SealingKey, Vault};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringback.db");
        let key = SealingKey::generate().unwrap();
        let (vault, _) = Vault::create(&key).unwrap();
        let registration = crate::Registration {
            url: crate::Secret::new("https://listener.example.com/"),
            username: None,
            password: None,
        };
        {
            let mut old = Connection::open(&path).unwrap();
            let mut migrations = runner().get_migrations().clone();
            migrations.retain(|migration| migration.version() < 3);
            Runner::new(&migrations).run(&mut old).unwrap();
            old.pragma_update(None, "application_id", connection::APPLICATION_ID).unwrap();
            let pepper = vault.seal_without_id(Purpose::Store, &[7; 32]);
            old.execute("INSERT INTO store (only, pepper) VALUES (1, ?1)", [pepper]).unwrap();
            let plain = crate::sealed::encode(&registration);
            let sealed = vault.seal_without_id(Purpose::Registration(7), &plain);
            old.execute("INSERT INTO account (account, registered) VALUES (7, 1)", []).unwrap();
            old.execute("INSERT INTO registration (account, sealed) VALUES (7, ?1)", [sealed]).unwrap();
        }
        let open = |key: &SealingKey| {
            let options = SqliteOptions::server(&path);
            SqliteStore::open(SqliteOptions { key: KeySource::Given(key.clone()), ..options })
        };
        let account = ringback_delivery::AccountId::from_number(7).unwrap();
        let new = SealingKey::generate().unwrap();
        assert!(matches!(open(&new), Err(OpenError::Key(crate::KeyError::Wrong))));
        let store = open(&key).unwrap();
        assert_eq!(store.registration(account).await.unwrap(), Some(registration.clone()));
        assert_eq!(store.begin_key_rotation(new.clone()).await.unwrap(), Rotation::Begun);
        assert_eq!(store.reseal_step(None).await.unwrap().values, 1);
        assert!(store.end_key_rotation().await.unwrap());
        drop(store);
        let store = open(&new).unwrap();
        assert_eq!(store.registration(account).await.unwrap(), Some(registration));
    }
}
