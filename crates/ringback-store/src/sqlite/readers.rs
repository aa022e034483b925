//! Readers: a few threads with a connection each that only read, each read in one short transaction of its own.
//!
//! Who comes when all are at work waits for one. (Not the runtime's threads for blocking work: under load those grow to
//! a hundred, for three connections, and each keeps its stack and its share of the allocator.)

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::connection;
use super::fault::Fault;
use crate::StoreError;

/// Connections that read.
const READERS: usize = 3;

type Job = Box<dyn FnOnce(&mut Reader) + Send>;

/// The threads, from outside. Dropping it waits for the reads that are under way, and closes the connections.
pub(super) struct Readers {
    path: PathBuf,
    /// No more jobs are in the queue than there are places.
    jobs: Option<Sender<Job>>,
    free: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn start(path: PathBuf) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let mut readers =
            Self { path, jobs: Some(jobs), free: Arc::new(Semaphore::new(READERS)), threads: Vec::new() };
        for number in 1..=READERS {
            let (path, queue) = (readers.path.clone(), queue.clone());
            let thread = std::thread::Builder::new().name(format!("ringback-read-{number}"));
            readers.threads.push(thread.spawn(move || Reader { path, connection: None }.serve(&queue))?);
        }
        Ok(readers)
    }

    /// The database's file.
    pub(super) fn database(&self) -> &Path {
        &self.path
    }

    /// Runs a read in one snapshot. What it does must be bounded: the log can't be cut while it runs.
    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let closed = || StoreError::Unavailable("the store is closed".to_owned());
        let place = Arc::clone(&self.free).acquire_owned().await.map_err(|_| closed())?;
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |reader| {
            let result = reader.read(read);
            drop(place);
            // Whoever asked may have gone.
            let _ = answer.send(result);
        });
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or_else(closed)?;
        match answered.await {
            Ok(result) => result.map_err(Fault::into_error),
            Err(_) => Err(StoreError::Unavailable("a read did not end".to_owned())),
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A thread, from inside. It opens its connection for its first read, and again after one that broke it.
struct Reader {
    path: PathBuf,
    connection: Option<Connection>,
}

impl Reader {
    fn serve(mut self, queue: &Mutex<Receiver<Job>>) {
        loop {
            // Who waits for a job holds the lock meanwhile, and the others wait for that.
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = next else { return };
            if catch_unwind(AssertUnwindSafe(|| job(&mut self))).is_err() {
                tracing::error!("a read of the store panicked");
                self.connection = None;
            }
        }
    }

    fn read<T>(&mut self, read: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connection::reader(&self.path)?,
        };
        let result = snapshot(&connection, read);
        if !result.as_ref().is_err_and(Fault::breaks_connection) && connection.is_autocommit() {
            self.connection = Some(connection);
        }
        result
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
