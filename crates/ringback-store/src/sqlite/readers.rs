//! Readers: a few connections that only read, each read in one short transaction of its own.
//!
//! A read runs on a blocking thread of the runtime; who comes when all connections are at work waits for one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::connection;
use super::fault::Fault;
use crate::StoreError;

/// Connections that read.
const READERS: usize = 3;

/// The connections.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    free: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default(), free: Arc::new(Semaphore::new(READERS)) }
    }

    /// The database's file.
    pub(super) fn database(&self) -> &Path {
        &self.path
    }

    /// Runs a read in one snapshot. What it does must be bounded: the log can't be cut while it runs.
    pub(super) async fn read<T, F>(self: Arc<Self>, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let closed = || StoreError::Unavailable("the store is closed".to_owned());
        let place = Arc::clone(&self.free).acquire_owned().await.map_err(|_| closed())?;
        let reading = tokio::task::spawn_blocking(move || {
            let result = self.read_now(read);
            drop(place);
            result
        });
        match reading.await {
            Ok(result) => result.map_err(Fault::into_error),
            Err(_) => Err(StoreError::Unavailable("a read did not end".to_owned())),
        }
    }

    fn read_now<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let connection = match self.idle().pop() {
            Some(connection) => connection,
            None => connection::reader(&self.path)?,
        };
        let result = snapshot(&connection, read);
        if !result.as_ref().is_err_and(Fault::breaks_connection) && connection.is_autocommit() {
            self.idle().push(connection);
        }
        result
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn snapshot<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let result = read(connection);
    let ended = connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
    let value = result?;
    ended?;
    Ok(value)
}
