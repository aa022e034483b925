//! Whether a file is a database of ours, and the one that it was.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rusqlite::{Connection, Error, ErrorCode};

use super::connection::APPLICATION_ID;
use crate::OpenError;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Where the header holds the application id, as four bytes (SQLite's file format, section 1.3).
const APPLICATION_ID_AT: std::ops::Range<usize> = 68..72;
const HEADER_BYTES: usize = 100;

/// Looks at the file's header, before SQLite touches it: a database of somebody else stays as it is.
pub(super) fn refuse_foreign(path: &Path) -> Result<(), OpenError> {
    let damaged = |reason: &str| OpenError::Damaged { path: path.to_owned(), reason: reason.to_owned() };
    let mut header = Vec::with_capacity(HEADER_BYTES);
    File::open(path)
        .and_then(|file| file.take(HEADER_BYTES as u64).read_to_end(&mut header))
        .map_err(|error| OpenError::Unwritable { path: path.to_owned(), reason: error.to_string() })?;
    if header.is_empty() {
        return Err(damaged("the file is empty; where there is no file, a new database is made"));
    }
    if !header.starts_with(MAGIC) {
        return Err(damaged("it is not an SQLite database"));
    }
    if header.get(APPLICATION_ID_AT) != Some(APPLICATION_ID.to_be_bytes().as_slice()) {
        return Err(damaged("it is another program's database"));
    }
    Ok(())
}

/// Whether the database can be read and written.
pub(super) fn refuse_unusable(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    // The whole schema is read for this, and with it the first pages and what a crash left in the log.
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
        .map_err(|error| refusal(path, &error))?;
    if connection.is_readonly("main").map_err(|error| refusal(path, &error))? {
        return Err(OpenError::Unwritable { path: path.to_owned(), reason: "it is read-only".to_owned() });
    }
    Ok(())
}

/// The mark by which a database is known again.
pub(super) fn mark(connection: &Connection) -> rusqlite::Result<Vec<u8>> {
    connection.query_row("SELECT mark FROM store", [], |row| row.get(0))
}

/// What an error at opening means.
pub(super) fn refusal(path: &Path, error: &Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => {
            OpenError::Damaged { path, reason: error.to_string() }
        }
        Some(_) => OpenError::Unwritable { path, reason: error.to_string() },
    }
}
