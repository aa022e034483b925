//! How a connection to the database is set up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// `Ring` in ASCII: marks a database as Ringback's. It is part of the stored format.
pub(super) const APPLICATION_ID: i32 = 0x5269_6e67;

/// How long a writer waits for another process's transaction.
pub(super) const WRITER_PATIENCE: Duration = Duration::from_secs(5);
/// How long a reader waits while the database is being recovered.
const READER_PATIENCE: Duration = Duration::from_secs(2);
/// Pages at which a commit moves them itself: 128 MiB.
const LAST_RESORT_PAGES: i64 = 32_768;
/// The size that the log is cut down to whenever it starts anew.
pub(super) const LOG_LIMIT: u64 = 256 * 1024 * 1024;
/// The writer's page cache, in KiB.
const WRITER_CACHE_KIB: i64 = 6 * 1024;
/// A reader's page cache, in KiB.
const READER_CACHE_KIB: i64 = 1024;
/// The checkpointer's, in KiB.
const CHECKPOINTER_CACHE_KIB: i64 = 64;
/// Statements that a connection keeps compiled: more than there are.
const STATEMENTS: usize = 256;

/// A path with something behind it: how the files beside a database are named.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A connection that writes. The file must be there.
pub(super) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, WRITER_PATIENCE, WRITER_CACHE_KIB)?;
    durable(&connection)?;
    connection.pragma_update(None, "wal_autocheckpoint", LAST_RESORT_PAGES)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_LIMIT, |_| Ok(()))?;
    Ok(connection)
}

/// A connection that moves the log into the database, beside the writer. It reads no pages, so it needs no cache.
pub(super) fn checkpointer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, READER_PATIENCE, CHECKPOINTER_CACHE_KIB)?;
    durable(&connection)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

/// Has everything be on stable storage when it is said to be.
fn durable(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
            Some("the file system can't hold a write-ahead log; use a local one".to_owned()),
        ));
    }
    connection.pragma_update(None, "synchronous", "full")?;
    // Where fsync leaves it in the drive's cache (macOS), the stronger call; elsewhere without effect.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)
}

/// A connection that reads. The file must be there.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, READER_PATIENCE, READER_CACHE_KIB)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn connect(path: &Path, patience: Duration, cache_kib: i64) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(patience)?;
    // A plan does not depend on the values that are bound: statements would be compiled anew for each other value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))?;
    Ok(connection)
}
