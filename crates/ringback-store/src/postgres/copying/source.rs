//! The SQLite side of a copy: a page of a stage at a time, in the order of its key.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ringback_delivery::AccountId;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::stages::{STAGES, Stage};
use super::{CopyError, lines};

/// A page has at most so many rows,
const PAGE_ROWS: u64 = 2000;
/// and ends behind the row with which its lines have more bytes than this.
const PAGE_BYTES: usize = 8 << 20;

/// See the module.
pub(super) struct Source {
    connection: Arc<Mutex<Connection>>,
    /// What it is known again by.
    pub(super) mark: Vec<u8>,
    /// The stamp of the state that is copied.
    pub(super) state: Vec<u8>,
}

/// Rows on their way.
#[derive(Default)]
pub(super) struct Page {
    pub(super) rows: u64,
    pub(super) lines: String,
    /// The days whose partitions they need.
    pub(super) days: BTreeSet<i64>,
    /// The key of the last of them, for the bookmark; none behind the end.
    pub(super) last: Option<String>,
}

impl Source {
    pub(super) async fn open(path: PathBuf) -> Result<Self, CopyError> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let (mark, state) = connection
            .query_row("SELECT mark, stamp FROM store", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), mark, state })
    }

    /// Refuses what a command has changed beside the copy.
    pub(super) async fn must_be_as_it_was(&self) -> Result<(), CopyError> {
        let stamp: Vec<u8> = self
            .read(|connection| connection.query_row("SELECT stamp FROM store", [], |row| row.get(0)))
            .await?;
        if stamp == self.state { Ok(()) } else { Err(CopyError::Changed) }
    }

    /// How many rows there are to copy.
    pub(super) async fn count(&self) -> Result<u64, CopyError> {
        self.read(|connection| {
            STAGES.iter().try_fold(0, |sum, stage| {
                let sql = format!("SELECT count(*) FROM {}", stage.from);
                Ok(sum + connection.query_row(&sql, [], |row| row.get::<_, u64>(0))?)
            })
        })
        .await
    }

    /// The next page behind a key.
    pub(super) async fn page(&self, stage: &'static Stage, after: Option<String>) -> Result<Page, CopyError> {
        self.read(move |connection| {
            let after = after.as_deref().map(key_of);
            let mut statement = connection.prepare_cached(&stage.select(after.is_some()))?;
            let mut rows = statement.query(params_from_iter(after.unwrap_or_default()))?;
            let (keys, mut page) = (stage.keys.len(), Page::default());
            while page.rows < PAGE_ROWS && page.lines.len() < PAGE_BYTES {
                let Some(row) = rows.next()? else { break };
                let mut key = String::new();
                for column in 0..keys {
                    put_key(&mut key, row.get_ref(column)?);
                }
                if let Some(column) = stage.account {
                    let number: u64 = row.get(column)?;
                    let shard = AccountId::from_number(number).map_or(0, AccountId::shard);
                    lines::put(&mut page.lines, ValueRef::Integer(shard.into()));
                }
                for column in keys..keys + stage.columns.len() {
                    lines::put(&mut page.lines, row.get_ref(column)?);
                }
                lines::end(&mut page.lines);
                if let Some(column) = stage.day {
                    page.days.insert(row.get(column)?);
                }
                page.rows += 1;
                page.last = Some(key);
            }
            Ok(page)
        })
        .await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, CopyError> {
        let connection = Arc::clone(&self.connection);
        let reading = tokio::task::spawn_blocking(move || {
            read(&connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Ok(reading.await.map_err(|error| CopyError::Read(error.to_string()))??)
    }
}

impl From<rusqlite::Error> for CopyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Read(error.to_string())
    }
}

/// A key's column as the bookmark has it: a number, or `x` and the bytes.
fn put_key(key: &mut String, value: ValueRef<'_>) {
    if !key.is_empty() {
        key.push(' ');
    }
    match value {
        ValueRef::Integer(number) => key.push_str(&number.to_string()),
        ValueRef::Blob(bytes) => {
            key.push('x');
            lines::hex(key, bytes);
        }
        // No key has another type.
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Text(_) => key.push('0'),
    }
}

fn key_of(text: &str) -> Vec<Value> {
    text.split(' ')
        .map(|column| match column.strip_prefix('x') {
            Some(digits) => Value::Blob(bytes_of(digits)),
            None => Value::Integer(column.parse().unwrap_or(i64::MIN)),
        })
        .collect()
}

fn bytes_of(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2)
        .filter_map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bookmark_reads_as_the_key_that_it_was_made_of() {
        let mut key = String::new();
        put_key(&mut key, ValueRef::Integer(-3));
        put_key(&mut key, ValueRef::Blob(&[0, 0xab]));
        put_key(&mut key, ValueRef::Blob(&[]));
        assert_eq!(key_of(&key), [Value::Integer(-3), Value::Blob(vec![0, 0xab]), Value::Blob(Vec::new())]);
    }
}
