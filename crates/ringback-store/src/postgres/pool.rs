//! A few connections for many tasks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use deadpool::managed::{self, Metrics, PoolError, RecycleError, RecycleResult, Timeouts};
use tokio::time::Instant;

use super::connector::Connector;
use super::fault::Fault;
use super::link::{Link, PATIENCE, Patience, args};
use super::opening::Openings;

/// How long to wait for a connection that is free.
const WAIT: Duration = Duration::from_secs(1);
/// How long an answer may take that a request waits for, with the connection for it.
const SOON: Duration = Duration::from_millis(900);
/// How long a statement may take that goes over all that there is.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// What is asked for is found by an index, whatever the planner takes the tables for: it is mistaken where they have grown
/// since somebody looked, and its plans are kept. Compiling one takes longer than any of these statements.
pub(super) const WRITING: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL jit = off;
    SET LOCAL idle_in_transaction_session_timeout = '5s'; SET LOCAL lock_timeout = '5s'";
pub(super) const READING: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_seqscan = off;
    SET LOCAL enable_sort = off; SET LOCAL jit = off";
const READING_ALL: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off";

/// Makes the pool's connections.
pub(super) struct Maker {
    pub(super) connector: Arc<Connector>,
    /// The mark by which a database is known again.
    pub(super) mark: OnceLock<Vec<u8>>,
    pub(super) openings: Openings<Link>,
}

impl Maker {
    /// A connection to the very store that was opened. It goes on coming about, should nobody wait for it.
    pub(super) async fn make(self: &Arc<Self>) -> Result<Link, Fault> {
        let anew = || Arc::clone(self).anew();
        self.openings.get(anew, Link::is_usable).await
    }

    async fn anew(self: Arc<Self>) -> Result<Link, Fault> {
        let link = self.connector.connect(None).await?;
        if let Some(mark) = self.mark.get() {
            let found: Vec<u8> = link.row("SELECT mark FROM ringback.store", args![]).await?.try_get(0)?;
            if found != *mark {
                return Err(Fault::unavailable("another database stands in the place of this one"));
            }
        }
        Ok(link)
    }
}

/// The pool's way of making and looking after connections.
pub(super) struct Manager(pub(super) Arc<Maker>);

impl managed::Manager for Manager {
    type Type = Link;
    type Error = Fault;

    async fn create(&self) -> Result<Link, Fault> {
        self.0.make().await
    }

    async fn recycle(&self, link: &mut Link, _: &Metrics) -> RecycleResult<Fault> {
        if link.is_usable() { Ok(()) } else { Err(RecycleError::message("it broke")) }
    }
}

/// A connection that goes back to the pool.
pub(super) type Lent = managed::Object<Manager>;

/// See the module.
pub(super) struct Pool {
    links: managed::Pool<Manager>,
    /// Transactions that changed something, and were committed.
    commits: Arc<AtomicU64>,
}

impl Pool {
    pub(super) fn new(
        maker: Arc<Maker>,
        connections: usize,
        commits: Arc<AtomicU64>,
    ) -> Result<Self, String> {
        let timeouts = Timeouts { wait: Some(WAIT), create: None, recycle: None };
        managed::Pool::builder(Manager(maker))
            .max_size(connections.max(2))
            .timeouts(timeouts)
            // The one that was used last: its server process has plans and pages at hand.
            .queue_mode(managed::QueueMode::Lifo)
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map(|links| Self { links, commits })
            .map_err(|error| error.to_string())
    }

    /// A connection whose statements may take long.
    pub(super) async fn link(&self) -> Result<Lent, Fault> {
        self.within(PATIENCE).await
    }

    /// A connection whose statements have to be answered soon, all together, the time until it is there included.
    pub(super) async fn soon(&self) -> Result<Lent, Fault> {
        let by = Instant::now() + SOON;
        let got = tokio::time::timeout_at(by, self.get()).await;
        let mut link = got.unwrap_or_else(|_| Err(Fault::unavailable("the database can't be reached")))?;
        link.hurry(Patience::Until(by));
        Ok(link)
    }

    /// A connection whose statements may take `patience` each.
    async fn within(&self, patience: Duration) -> Result<Lent, Fault> {
        let mut link = self.get().await?;
        link.hurry(Patience::Each(patience));
        Ok(link)
    }

    async fn get(&self) -> Result<Lent, Fault> {
        self.links.get().await.map_err(|error| match error {
            PoolError::Backend(fault) => fault,
            _ => Fault::unavailable("no connection to the database is free"),
        })
    }

    /// A transaction. Should this process stop in the middle, nobody waits for its locks for longer than five seconds.
    pub(super) async fn begin(&self) -> Result<Tx, Fault> {
        Tx::begin(self.link().await?, WRITING, Some(Arc::clone(&self.commits))).await
    }

    /// A transaction that reads from one snapshot.
    pub(super) async fn begin_reading(&self) -> Result<Tx, Fault> {
        Tx::begin(self.link().await?, READING, None).await
    }

    /// The same, whose statements have to be answered soon.
    pub(super) async fn begin_reading_soon(&self) -> Result<Tx, Fault> {
        Tx::begin(self.soon().await?, READING, None).await
    }

    /// The same, for statements that go over all that there is.
    pub(super) async fn begin_long_reading(&self) -> Result<Tx, Fault> {
        Tx::begin(self.within(LONG).await?, READING_ALL, None).await
    }
}

/// A transaction on a connection of the pool. What is not committed is rolled back: with the connection, should nobody
/// say otherwise.
pub(super) struct Tx {
    link: Lent,
    open: bool,
    /// Where its commit is to be counted, if it is.
    commits: Option<Arc<AtomicU64>>,
}

impl Tx {
    async fn begin(link: Lent, begin: &str, commits: Option<Arc<AtomicU64>>) -> Result<Self, Fault> {
        let tx = Self { link, open: true, commits };
        tx.link.script(begin).await?;
        Ok(tx)
    }

    /// Makes it last.
    pub(super) async fn commit(mut self) -> Result<(), Fault> {
        let committed = self.link.script("COMMIT").await;
        self.open = committed.is_err();
        committed?;
        self.link.settled()?;
        if let Some(commits) = &self.commits {
            commits.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Makes it last where what was done in it succeeded; else leaves everything as it was, and nothing locked: a server says
    /// what failed before it lets go.
    pub(super) async fn end<T>(self, done: Result<T, Fault>) -> Result<T, Fault> {
        match done {
            Ok(done) => self.commit().await.map(|()| done),
            Err(fault) => {
                if !fault.breaks_connection() {
                    // What failed first is what is told.
                    let _ = self.roll_back().await;
                }
                Err(fault)
            }
        }
    }

    /// Leaves everything as it was.
    pub(super) async fn roll_back(mut self) -> Result<(), Fault> {
        let rolled_back = self.link.script("ROLLBACK").await;
        self.open = rolled_back.is_err();
        rolled_back
    }
}

impl std::ops::Deref for Tx {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.link
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if self.open {
            self.link.give_up();
        }
    }
}
