//! What a job of the writer works with, inside the transaction.

use ringback_delivery::{AccountId, Standing};
use rusqlite::Connection;

use super::options::Limits;
use super::positions::Positions;
use crate::{Fresh, Movements, StoreError};

use super::fault::Fault;

/// The open transaction, the writer's own counters, and the news for the listener.
pub(super) struct Work<'c> {
    /// The connection, with its transaction open.
    pub(super) connection: &'c Connection,
    /// How much may be kept.
    pub(super) limits: Limits,
    /// The counters.
    pub(super) counters: Counters,
    /// What the listener is to hear after the commit, in order.
    pub(super) news: Vec<News>,
}

/// One thing for the listener to hear.
pub(super) enum News {
    /// A message was accepted, or waits again.
    Fresh(Fresh),
    /// An account's standing changed.
    Standing(AccountId, Standing),
}

impl News {
    /// Whom it is of.
    pub(super) fn account(&self) -> AccountId {
        match self {
            Self::Fresh(fresh) => fresh.account,
            Self::Standing(account, _) => *account,
        }
    }
}

/// What the writer knows without asking the database. It takes effect with the commit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    /// Pending messages of all accounts.
    pub(super) pending: u64,
    /// Where the next bodies go.
    pub(super) positions: Positions,
    /// What this transaction moved.
    pub(super) moved: Movements,
}

impl<'c> Work<'c> {
    pub(super) fn new(connection: &'c Connection, limits: Limits, counters: Counters) -> Self {
        let counters = Counters { moved: Movements::default(), ..counters };
        Self { connection, limits, counters, news: Vec::new() }
    }

    /// Runs a part that may fail by itself: what it did is undone then, and the rest stays. The outer error is one
    /// after which nothing stays.
    pub(super) fn apart<T>(
        &mut self,
        part: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<Result<T, StoreError>, Fault> {
        let (counters, news) = (self.counters, self.news.len());
        self.connection.execute_batch("SAVEPOINT apart")?;
        match part(self) {
            Ok(made) => {
                self.connection.execute_batch("RELEASE apart")?;
                Ok(Ok(made))
            }
            Err(fault) if fault.breaks_connection() => Err(fault),
            Err(fault) => {
                self.connection.execute_batch("ROLLBACK TO apart; RELEASE apart")?;
                self.counters = counters;
                self.news.truncate(news);
                Ok(Err(fault.into_error()))
            }
        }
    }
}
