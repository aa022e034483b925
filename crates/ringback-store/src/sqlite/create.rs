//! Making a database that is not there yet.
//!
//! It is made whole under another name, schema, key and all, and gets its own name in one step. So there
//! is no half-made database after a crash, and two processes that start at once end up with the same one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::connection::{APPLICATION_ID, beside};
use super::key_file;
use super::keys;
use super::migrate;
use super::options::KeySource;
use crate::vault::{self, KeyError};
use crate::{KeyRecord, OpenError, Vault};

/// Makes the database, unless another process is quicker.
pub(super) fn create(path: &Path, source: &KeySource) -> Result<(), OpenError> {
    let unwritable = |error: &dyn std::fmt::Display| OpenError::Unwritable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let draft = draft_of(path)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    key_file::owner_only(&mut options);
    // First of all, so that a folder that can't be written is told as such, and no key is left in it.
    options.open(&draft).map_err(|error| unwritable(&error))?;
    let made = key_file::for_new(source, path).map_err(OpenError::from).and_then(|key| {
        let (_, record) = Vault::create(&key)?;
        let mark: [u8; 16] = vault::random()?;
        fill(&draft, &mark, &record).map_err(|error| unwritable(&error))
    });
    let published = made.and_then(|()| match publish(&draft, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(unwritable(&error)),
        _ => Ok(()),
    });
    let _ = fs::remove_file(&draft);
    published
}

fn fill(draft: &Path, mark: &[u8], record: &KeyRecord) -> Result<(), Box<dyn std::error::Error>> {
    let mut connection = Connection::open_with_flags(draft, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrate::run(&mut connection)?;
    connection.execute("INSERT INTO store (only, mark) VALUES (1, ?1)", [mark])?;
    keys::keep(&connection, record)?;
    // Here, where nobody else is: of several connections that switch a file over at once, all but one may be told at
    // once that it is locked, whatever their patience.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// A name for a file that is not whole yet; nobody else has it.
pub(super) fn draft_of(path: &Path) -> Result<PathBuf, KeyError> {
    let number = u64::from_le_bytes(vault::random()?);
    Ok(beside(path, &format!(".{number:016x}.new")))
}

/// Gives a whole file its name, where nothing has it yet (`AlreadyExists` otherwise), and makes that last.
pub(super) fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
        // A file system without hard links. What is lost is only the protection against another one starting just now.
        Err(_) if !path.exists() => fs::rename(draft, path)?,
        Err(error) => return Err(error),
    }
    sync_folder(path)
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
