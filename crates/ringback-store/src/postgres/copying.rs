//! The way up: a whole SQLite store, copied into a PostgreSQL database that holds nothing yet.
//!
//! The cast: the *source* is opened as its one server would open it, so that nobody else writes there meanwhile. A *stage* is
//! one of the target's tables and what fills it. The *bookmark* is a table in the target that says how far each stage is; it
//! is written in the transaction of the rows that it tells of.
//!
//! The promise: a copy that breaks off goes on where it stopped when it is asked for again. Until it is whole, no node and no
//! command opens the target. What is sealed or digested goes as it is, since the keys
//! and the pepper go along.

mod lines;
mod source;
mod stages;

use super::connector::Connector;
use super::fault::Fault;
use super::link::{Link, args};
use super::migrate;
use super::options::PostgresOptions;
use crate::{OpenError, Role, SqliteOptions, SqliteStore, StoreError};
use source::Source;
use stages::{SEALING_KEYS, STAGES, Stage};

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    /// Rows that are there.
    pub copied: u64,
    /// Of so many.
    pub of: u64,
}

/// A store could not be copied. What is there already stays, and is not copied again.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source can't be opened, or a server uses it.
    #[error("the source can't be copied")]
    Source(#[source] OpenError),
    /// The source can't be read.
    #[error("the source can't be read: {0}")]
    Read(String),
    /// The target can't be opened.
    #[error("the target can't be used")]
    Target(#[source] OpenError),
    /// There is something in the target that no copy of this source has put there.
    #[error("{store} holds something already: a store is copied into a database that holds none")]
    NotEmpty {
        /// The target, without its password.
        store: String,
    },
    /// The target can't be written now. It is safe to begin again.
    #[error("the target can't be written; begin again, and the copy goes on where it stopped")]
    Write(#[source] StoreError),
}

impl From<Fault> for CopyError {
    fn from(fault: Fault) -> Self {
        Self::Write(fault.into_error())
    }
}

/// Copies a store. Both must have the same sealing key: the target is opened with it as soon as something is there.
///
/// # Errors
///
/// See [`CopyError`].
pub async fn copy_sqlite(
    from: SqliteOptions,
    to: PostgresOptions,
    progress: impl Fn(CopyProgress) + Send,
) -> Result<(), CopyError> {
    let options = SqliteOptions { role: Role::Server, ..from };
    let path = options.path.clone();
    // It is held until the end: no server gets in.
    let held = tokio::task::spawn_blocking(move || SqliteStore::open(options)).await;
    let _held = held.map_err(|error| CopyError::Read(error.to_string()))?.map_err(CopyError::Source)?;
    let source = Source::open(path).await?;

    let link = reach(&to).await?;
    begin(&link, &source, &to).await?;
    let of = source.count().await?;
    let mut copied = 0;
    for (number, stage) in (0_i16..).zip(STAGES) {
        copied += copy_stage(&link, &source, number, stage, |rows| {
            progress(CopyProgress { copied: (copied + rows).min(of), of });
        })
        .await?;
    }
    end(&link).await?;
    Ok(())
}

/// The target with its tables.
async fn reach(to: &PostgresOptions) -> Result<Link, CopyError> {
    let options = PostgresOptions { role: Role::Server, ..to.clone() };
    let unreachable =
        |reason: String| CopyError::Target(OpenError::Unreachable { store: to.to_string(), reason });
    let connector = Connector::new(&options)
        .map_err(|reason| CopyError::Target(OpenError::Unsuitable { store: to.to_string(), reason }))?;
    let link = connector.connect(None).await.map_err(|fault| unreachable(fault.into_error().to_string()))?;
    migrate::bring_up_to_date(&link, &options).await.map_err(CopyError::Target)?;
    Ok(link)
}

/// Whether a copy into this database has begun and is not whole.
pub(super) async fn is_under_way(link: &Link) -> Result<bool, Fault> {
    Ok(link.row("SELECT to_regclass('ringback.copying') IS NOT NULL", args![]).await?.try_get(0)?)
}

async fn begin(link: &Link, source: &Source, to: &PostgresOptions) -> Result<(), CopyError> {
    let foreign = || CopyError::NotEmpty { store: to.to_string() };
    link.script("BEGIN").await?;
    if is_under_way(link).await? {
        let row = link.row("SELECT mark FROM ringback.store", args![]).await?;
        if row.try_get::<_, Vec<u8>>(0).map_err(Fault::from)? != source.mark {
            return Err(foreign());
        }
    } else {
        let row = link
            .row(
                "SELECT EXISTS (SELECT FROM ringback.account) OR EXISTS (SELECT FROM ringback.credential)
                     OR EXISTS (SELECT FROM ringback.node WHERE leased_until > clock_timestamp())",
                args![],
            )
            .await?;
        if row.try_get(0).map_err(Fault::from)? {
            return Err(foreign());
        }
        link.script("CREATE TABLE ringback.copying (stage smallint PRIMARY KEY, after text NOT NULL, copied bigint NOT NULL)")
            .await?;
        link.run("UPDATE ringback.store SET mark = $1", args![BYTEA source.mark]).await?;
        link.script("DELETE FROM ringback.sealing_key").await?;
        let keys = source.page(&SEALING_KEYS, None).await?;
        link.copy_in(&SEALING_KEYS.copy_in(), keys.lines).await?;
    }
    commit(link).await
}

/// Copies what is left of a stage; gives how many rows it has.
async fn copy_stage(
    link: &Link,
    source: &Source,
    number: i16,
    stage: &'static Stage,
    progress: impl Fn(u64),
) -> Result<u64, CopyError> {
    let bookmark = link
        .maybe("SELECT after, copied FROM ringback.copying WHERE stage = $1", args![INT2 number])
        .await?
        .map(|row| Ok::<_, Fault>((row.try_get::<_, String>(0)?, row.try_get::<_, i64>(1)?)))
        .transpose()?;
    let (mut after, mut copied) = bookmark.map_or((None, 0), |(after, copied)| (Some(after), copied));
    loop {
        let page = source.page(stage, after.take()).await?;
        let Some(last) = page.last else { break };
        link.script("BEGIN").await?;
        for day in page.days {
            link.run("SELECT ringback.make_day_1($1)", args![INT8 day]).await?;
        }
        link.copy_in(&stage.copy_in(), page.lines).await?;
        copied += i64::try_from(page.rows).unwrap_or(i64::MAX);
        link.run(
            "INSERT INTO ringback.copying (stage, after, copied) VALUES ($1, $2, $3)
             ON CONFLICT (stage) DO UPDATE SET after = excluded.after, copied = excluded.copied",
            args![INT2 number, TEXT last, INT8 copied],
        )
        .await?;
        commit(link).await?;
        progress(u64::try_from(copied).unwrap_or(0));
        after = Some(last);
    }
    Ok(u64::try_from(copied).unwrap_or(0))
}

/// What nodes go by: new messages come behind all that was copied, new credentials too; and the target is open.
async fn end(link: &Link) -> Result<(), CopyError> {
    link.script(
        "BEGIN;
         UPDATE ringback.tape SET cut = greatest(cut, k.last), floor = greatest(floor, k.last)
             FROM (SELECT coalesce(max(position), -1) AS last FROM ringback.kept) k;
         UPDATE ringback.store SET credentials_version = credentials_version + 1;
         SELECT setval(pg_get_serial_sequence('ringback.credential', 'id'), greatest(max(id), 1)) FROM ringback.credential;
         SELECT setval(pg_get_serial_sequence('ringback.act', 'number'), greatest(max(number), 1)) FROM ringback.act;
         DROP TABLE ringback.copying",
    )
    .await?;
    commit(link).await?;
    // What plans are made by.
    Ok(link
        .script(
            "ANALYZE ringback.account, ringback.kept, ringback.pending, ringback.lane, ringback.idempotency",
        )
        .await?)
}

async fn commit(link: &Link) -> Result<(), CopyError> {
    link.script("COMMIT").await?;
    Ok(link.settled()?)
}
