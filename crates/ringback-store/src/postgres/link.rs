//! One connection: a statement at a time, each with a time by which the answer must be there.
//!
//! Nothing of what is asked here depends on the session. Statements are prepared once for each connection; where a pooler
//! may stand between, each goes out whole, with its parameters' types, and needs no other message (`pooler`).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt as _;
use futures_util::future::poll_fn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, CancelToken, Client, Connection, Row, Statement};

use super::canceller::Canceller;
use super::fault::Fault;
use crate::StoreError;

/// A parameter with its type.
pub(super) type Arg<'a> = (&'a (dyn ToSql + Sync), Type);

/// Parameters, each behind the name of its type: `args![INT2 shard, INT8 account]`.
macro_rules! args {
    ($($kind:ident $value:expr),* $(,)?) => {
        &[$((&$value as &(dyn tokio_postgres::types::ToSql + Sync), tokio_postgres::types::Type::$kind)),*]
    };
}
pub(super) use args;

/// The routine of PostgreSQL that warns when a commit stopped waiting for its standby. (Its words depend on the server's
/// language, this name does not.)
const WAITS_FOR_STANDBY: &str = "SyncRepWaitForLSN";
/// How long a statement may take, unless its caller is in a hurry.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What comes from the server without being asked for.
#[derive(Debug, Default)]
struct Heard {
    /// A commit was not waited for: it may be on the primary alone.
    in_doubt: AtomicBool,
}

/// See the module.
pub(super) struct Link {
    client: Client,
    prepares: bool,
    statements: Mutex<HashMap<&'static str, Statement>>,
    heard: Arc<Heard>,
    broken: AtomicBool,
    /// A statement was sent, and not answered.
    asking: AtomicBool,
    canceller: Canceller,
    patience: Patience,
}

/// How long statements may take.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// So long each.
    Each(Duration),
    /// Until then, all together.
    Until(Instant),
}

impl Link {
    /// Runs the connection in a task of its own, which ends with the link. `hint` is told of each notification.
    pub(super) fn new<S, T>(
        client: Client,
        mut connection: Connection<S, T>,
        prepares: bool,
        canceller: impl FnOnce(CancelToken) -> Canceller,
        hint: Option<Arc<Notify>>,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let canceller = canceller(client.cancel_token());
        let heard = Arc::new(Heard::default());
        let ear = Arc::clone(&heard);
        tokio::spawn(async move {
            // What the server says before it answers is heard before the answer is given out.
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                match message {
                    AsyncMessage::Notice(notice) if notice.routine() == Some(WAITS_FOR_STANDBY) => {
                        ear.in_doubt.store(true, Ordering::SeqCst);
                    }
                    AsyncMessage::Notification(_) => {
                        if let Some(hint) = &hint {
                            hint.notify_one();
                        }
                    }
                    _ => {}
                }
            }
            // A hint that nobody can give any more is worth a look.
            if let Some(hint) = &hint {
                hint.notify_one();
            }
        });
        Self {
            client,
            prepares,
            statements: Mutex::default(),
            heard,
            broken: AtomicBool::new(false),
            asking: AtomicBool::new(false),
            canceller,
            patience: Patience::Each(PATIENCE),
        }
    }

    /// Whether it may be used again.
    pub(super) fn is_usable(&self) -> bool {
        let is_idle = !self.asking.load(Ordering::Relaxed);
        is_idle && !self.broken.load(Ordering::Relaxed) && !self.client.is_closed()
    }

    /// It is not to be used again: nobody knows what its session is in the middle of.
    pub(super) fn give_up(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// How long statements may take from now on.
    pub(super) fn hurry(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// The rows of a statement.
    pub(super) async fn rows(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<Vec<Row>, Fault> {
        let asked = async {
            if self.prepares {
                let statement = self.statement(sql, args).await?;
                let values: Vec<&(dyn ToSql + Sync)> = args.iter().map(|(value, _)| *value).collect();
                self.client.query(&statement, &values).await
            } else {
                self.client.query_typed(sql, args).await
            }
        };
        self.in_time(asked).await
    }

    /// The rows of a statement that is a transaction of its own, which begins so. All of it goes out at once: it is waited for
    /// once, as without the transaction.
    pub(super) async fn rows_in(
        &self,
        begin: &'static str,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, Fault> {
        let asked = async {
            // What has to be prepared first is waited for before anything is begun.
            let statement = if self.prepares { Some(self.statement(sql, args).await?) } else { None };
            let values: Vec<&(dyn ToSql + Sync)> = args.iter().map(|(value, _)| *value).collect();
            let rows = async {
                match &statement {
                    Some(statement) => self.client.query(statement, &values).await,
                    None => self.client.query_typed(sql, args).await,
                }
            };
            // Each is sent as it is polled first: in this order.
            let (begun, rows, ended) = tokio::join!(biased; self.client.batch_execute(begin), rows, self.client.batch_execute("COMMIT"));
            begun?;
            let rows = rows?;
            ended.map(|()| rows)
        };
        self.in_time(asked).await
    }

    /// The row of a statement that gives one.
    pub(super) async fn row(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<Row, Fault> {
        self.maybe(sql, args).await?.ok_or_else(|| Fault::damaged("a row is missing that always is there"))
    }

    /// The first row of a statement, if there is one.
    pub(super) async fn maybe(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<Option<Row>, Fault> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// How many rows a statement changed.
    pub(super) async fn run(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<u64, Fault> {
        let asked = async {
            if self.prepares {
                let statement = self.statement(sql, args).await?;
                let values: Vec<&(dyn ToSql + Sync)> = args.iter().map(|(value, _)| *value).collect();
                self.client.execute(&statement, &values).await
            } else {
                self.client.execute_typed(sql, args).await
            }
        };
        self.in_time(asked).await
    }

    /// Statements without parameters and without answers.
    pub(super) async fn script(&self, sql: &str) -> Result<(), Fault> {
        self.in_time(self.client.batch_execute(sql)).await
    }

    /// Rows for a table, as `COPY … FROM STDIN` reads them.
    pub(super) async fn copy_in(&self, sql: &str, lines: String) -> Result<(), Fault> {
        let copied = async {
            let sink = self.client.copy_in(sql).await?;
            let mut sink = std::pin::pin!(sink);
            sink.send(Bytes::from(lines)).await?;
            sink.finish().await.map(drop)
        };
        self.in_time(copied).await
    }

    /// After a commit: whether it is where it should be. A commit that stopped waiting for its standby is none.
    pub(super) fn settled(&self) -> Result<(), Fault> {
        if self.heard.in_doubt.swap(false, Ordering::SeqCst) {
            return Err(Fault::unavailable("a commit was not waited for until a standby had it"));
        }
        Ok(())
    }

    async fn statement(
        &self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Statement, tokio_postgres::Error> {
        if let Some(known) = self.known().get(sql) {
            return Ok(known.clone());
        }
        let types: Vec<Type> = args.iter().map(|(_, kind)| kind.clone()).collect();
        let statement = self.client.prepare_typed(sql, &types).await?;
        self.known().insert(sql, statement.clone());
        Ok(statement)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<&'static str, Statement>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Fault> {
        self.asking.store(true, Ordering::Relaxed);
        let by = match self.patience {
            Patience::Each(patience) => Instant::now() + patience,
            Patience::Until(by) => by,
        };
        let answered = tokio::time::timeout_at(by, asked).await;
        // Whoever waits no more leaves this as it is.
        self.asking.store(answered.is_err(), Ordering::Relaxed);
        let fault = match answered {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Fault::Sql(error),
            Err(_) => Fault::Store(StoreError::Unavailable("the database does not answer".to_owned())),
        };
        if fault.breaks_connection() {
            self.give_up();
        }
        Err(fault)
    }
}

/// A statement that nobody waits for any more is not left to run: the server would keep its connection for it.
impl Drop for Link {
    fn drop(&mut self) {
        if *self.asking.get_mut() && !self.client.is_closed() {
            self.canceller.cancel();
        }
    }
}
