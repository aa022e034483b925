//! A copy of a database that is in use: what it held at one moment, whole, on stable storage, for its owner alone.
//!
//! A read transaction holds the moment, however long the copying takes, so that a busy server neither waits for it nor
//! makes it begin anew; its write-ahead log grows meanwhile by what is written. The sealing key is not in the database,
//! and is not copied.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, Progress, StepResult};

use super::connection::{self, APPLICATION_ID, beside};
use super::key_file;

/// Pages that are copied at a time: 1 or 2 MiB.
const STEP: i32 = 256;
/// How long to wait where the database does not let itself be read at the moment.
const BUSY: Duration = Duration::from_millis(100);

/// Why there is no back-up. Nothing is left of it then.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something at the place for the back-up.
    #[error("{} is there already; a back-up never replaces a file", .0.display())]
    Exists(PathBuf),
    /// The database is none of Ringback's.
    #[error("{} is no database of Ringback's", .0.display())]
    NotOurs(PathBuf),
    /// The database can't be read.
    #[error("{} can't be read: {source}", database.display())]
    Read {
        /// The database.
        database: PathBuf,
        /// SQLite's words.
        source: rusqlite::Error,
    },
    /// The back-up can't be written.
    #[error("{} can't be written: {source}", to.display())]
    Write {
        /// Where to.
        to: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}

/// Copies the database to a new file, mode 0600, and gives its bytes. `copied` is told how many bytes are there, of how
/// many. Blocks until the copy, its name included, is on stable storage.
///
/// # Errors
///
/// See [`BackupError`].
pub fn back_up(database: &Path, to: &Path, mut copied: impl FnMut(u64, u64)) -> Result<u64, BackupError> {
    let unread = |source| BackupError::Read { database: database.to_owned(), source };
    let unwritten = |source| BackupError::Write { to: to.to_owned(), source };
    if to.try_exists().map_err(unwritten)? {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let source = connection::reader(database).map_err(unread)?;
    let id: i32 = source.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(unread)?;
    if id != APPLICATION_ID {
        return Err(BackupError::NotOurs(database.to_owned()));
    }
    let page: u64 = source.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(unread)?;
    let draft = beside(to, ".part");
    let made = create(&draft).map_err(unwritten).and_then(|()| {
        copy(&source, &draft, |progress| {
            let pages = |count: i32| u64::try_from(count).unwrap_or_default() * page;
            copied(pages(progress.pagecount - progress.remaining), pages(progress.pagecount));
        })
        .map_err(unread)?;
        settle(&draft, to).map_err(unwritten)
    });
    if made.is_err() {
        let _ = fs::remove_file(&draft);
    }
    made
}

fn create(draft: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    key_file::owner_only(&mut options);
    options.open(draft).map(drop)
}

fn copy(source: &Connection, draft: &Path, mut told: impl FnMut(Progress)) -> rusqlite::Result<()> {
    // The first read fixes the moment.
    source.execute_batch("BEGIN; SELECT count(*) FROM store")?;
    let mut target = Connection::open(draft)?;
    // The file is flushed as a whole before it gets its name.
    target.pragma_update(None, "synchronous", "off")?;
    let backup = Backup::new(source, &mut target)?;
    loop {
        match backup.step(STEP)? {
            StepResult::Done => break,
            StepResult::More => {}
            _ => wait(),
        }
        told(backup.progress());
    }
    told(backup.progress());
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "SQLite tells nobody when a lock is let go")]
fn wait() {
    std::thread::sleep(BUSY);
}

/// Gives the draft its name, without replacing anything, once it is on stable storage.
fn settle(draft: &Path, to: &Path) -> io::Result<u64> {
    let file = File::open(draft)?;
    file.sync_all()?;
    let bytes = file.metadata()?.len();
    fs::hard_link(draft, to)?;
    fs::remove_file(draft)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(bytes)
}
