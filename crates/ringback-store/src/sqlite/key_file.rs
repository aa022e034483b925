//! The sealing key's file beside the database.
//!
//! It is made once, before the database, and never over one that exists: a lost key must be noticed, not replaced.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use zeroize::Zeroizing;

use super::connection::beside;
use super::options::KeySource;
use crate::{KeyError, SealingKey};

/// A key's text is 64 digits; nothing longer is read.
const LONGEST: u64 = 256;

/// The key of a database that exists.
pub(super) fn of_existing(source: &KeySource, database: &Path) -> Result<SealingKey, KeyError> {
    match source {
        KeySource::Given(key) => Ok(key.clone()),
        KeySource::Beside => match read(&beside(database, ".key"))? {
            Some(key) => Ok(key),
            None => Err(KeyError::File {
                path: beside(database, ".key"),
                reason:
                    "it is missing, and without it the database can't be read: put it back, or give the key"
                        .to_owned(),
            }),
        },
    }
}

/// The key for a new database: the one that stands there already, or a new one.
pub(super) fn for_new(source: &KeySource, database: &Path) -> Result<SealingKey, KeyError> {
    let path = beside(database, ".key");
    match source {
        KeySource::Given(key) => Ok(key.clone()),
        KeySource::Beside => match read(&path)? {
            Some(key) => Ok(key),
            None => make(&path),
        },
    }
}

fn read(path: &Path) -> Result<Option<SealingKey>, KeyError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(path, error.to_string())),
    };
    refuse_if_others_can_read(path, &file)?;
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST).read_to_string(&mut text).map_err(|error| unusable(path, error.to_string()))?;
    SealingKey::from_hex(&text)
        .map(Some)
        .map_err(|_| unusable(path, "it does not hold 64 hexadecimal digits".to_owned()))
}

/// Writes a new key where none is. It gets its name only when it is whole and on stable storage; should another process
/// be quicker, its key counts.
fn make(path: &Path) -> Result<SealingKey, KeyError> {
    let fail = |error: std::io::Error| unusable(path, error.to_string());
    let key = SealingKey::generate()?;
    let draft = super::create::draft_of(path)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    owner_only(&mut options);
    let mut file = options.open(&draft).map_err(fail)?;
    let mut text = key.to_hex();
    text.push('\n');
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)?;
    let published = super::create::publish(&draft, path);
    let _ = fs::remove_file(&draft);
    match published {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| unusable(path, "it vanished".to_owned()))
        }
        Err(error) => Err(fail(error)),
    }
}

fn unusable(path: &Path, reason: String) -> KeyError {
    KeyError::File { path: path.to_owned(), reason }
}

#[cfg(unix)]
fn refuse_if_others_can_read(path: &Path, file: &File) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_err(|error| unusable(path, error.to_string()))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(unusable(path, "others than its owner can use it: make its mode 0600".to_owned()));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_if_others_can_read(_: &Path, _: &File) -> Result<(), KeyError> {
    Ok(())
}

/// What is made with these options belongs to its owner alone (0600).
#[cfg(unix)]
pub(super) fn owner_only(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

/// What is made with these options has the folder's permissions: there is nothing else to set here.
#[cfg(not(unix))]
pub(super) fn owner_only(_: &mut OpenOptions) {}
