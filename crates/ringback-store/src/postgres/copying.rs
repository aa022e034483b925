//! The way up: a whole SQLite store, copied into a PostgreSQL database that holds nothing yet.
//!
//! The cast: the *source* is opened as its one server would open it, so that no server writes there meanwhile. A *stage* is
//! one of the target's tables and what fills it. The *bookmark* is a table in the target that says how far each stage is, and
//! of which state of the source its rows are; it is written in the transaction of the rows that it tells of.
//!
//! The promise: a copy that breaks off goes on where it stopped when it is asked for again, and begins anew where the source
//! has changed since. Until it is whole, no node and no command opens the target; and it is whole when it was compared with
//! the source. So the last thing of all is that the bookmark goes. What is sealed or digested goes as it is, since the keys and
//! the pepper go along.

mod bookmark;
mod finish;
mod lines;
mod source;
mod stages;

use std::sync::Arc;

use super::connector::Connector;
use super::fault::Fault;
use super::link::{Link, args};
use super::migrate;
use super::options::PostgresOptions;
use crate::{LedgerReport, OpenError, Role, SqliteOptions, SqliteStore, StoreError};
use bookmark::Found;
pub(super) use bookmark::is_under_way;
use source::Source;
use stages::{STAGES, Stage};

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    /// Rows that are there.
    pub copied: u64,
    /// Of so many.
    pub of: u64,
}

/// A store is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copied {
    /// It was before, and the source has not changed since.
    Before,
    /// It is now.
    Now {
        /// What was copied before was of another state of the source, and everything was copied anew.
        anew: bool,
        /// What a check of the source found. Where something is wrong there, the target need not say the same.
        source: LedgerReport,
        /// What a check of the target found.
        target: LedgerReport,
    },
}

/// A store could not be copied. What is there already stays, and is not copied again unless the source changes.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source can't be opened, or a server uses it.
    #[error("the source can't be copied")]
    Source(#[source] OpenError),
    /// The source can't be read.
    #[error("the source can't be read: {0}")]
    Read(String),
    /// Somebody wrote to the source beside the copy.
    #[error("a command changed the source while it was copied; begin again, and all of it is copied anew")]
    Changed,
    /// The target can't be opened.
    #[error("the target can't be used")]
    Target(#[source] OpenError),
    /// There is something in the target that no copy of this source, as it is, has put there.
    #[error("{store} holds something already: a store is copied into a database that holds none")]
    NotEmpty {
        /// The target, without its password.
        store: String,
    },
    /// The target can't be written now. It is safe to begin again.
    #[error("the target can't be written; begin again, and the copy goes on where it stopped")]
    Write(#[source] StoreError),
    /// The copy says something else than the source.
    #[error(
        "the copy is not as its source is, and the target stays closed: {0}; DROP SCHEMA ringback CASCADE there, and copy again"
    )]
    Differs(String),
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
) -> Result<Copied, CopyError> {
    let to = PostgresOptions { role: Role::Server, ..to };
    let options = SqliteOptions { role: Role::Server, ..from };
    let path = options.path.clone();
    // It is held until the end: no server gets in.
    let held = tokio::task::spawn_blocking(move || SqliteStore::open(options)).await;
    let held = held.map_err(|error| CopyError::Read(error.to_string()))?.map_err(CopyError::Source)?;
    let source = Source::open(path).await?;

    let connector = connector(&to)?;
    let mut link = connect(&connector, &to).await?;
    let found = bookmark::find(&link, &source).await?;
    match found {
        Found::Whole => return Ok(Copied::Before),
        Found::Foreign => return Err(CopyError::NotEmpty { store: to.to_string() }),
        // Before anything is opened: its sealing key may be another by now.
        Found::Outdated => bookmark::begin_anew(&link, &source).await?,
        Found::Nothing | Found::Begun => {}
    }
    migrate::bring_up_to_date(&link, &to).await.map_err(CopyError::Target)?;
    if found == Found::Nothing {
        bookmark::begin(&link, &source, &to).await?;
    }
    let of = source.count().await?;
    let mut copied = 0;
    for (number, stage) in (bookmark::FIRST_STAGE..).zip(STAGES) {
        copied += copy_stage(&link, &source, number, stage, |rows| {
            progress(CopyProgress { copied: (copied + rows).min(of), of });
        })
        .await?;
    }
    finish::settle(&mut link).await?;
    let (checked, target) = finish::compare(&held, connector, &source, &to).await?;
    bookmark::close(&link).await?;
    Ok(Copied::Now { anew: found == Found::Outdated, source: checked, target })
}

fn connector(to: &PostgresOptions) -> Result<Arc<Connector>, CopyError> {
    let unsuitable = |reason| CopyError::Target(OpenError::Unsuitable { store: to.to_string(), reason });
    Connector::new(to).map(Arc::new).map_err(unsuitable)
}

async fn connect(connector: &Connector, to: &PostgresOptions) -> Result<Link, CopyError> {
    connector.connect(None).await.map_err(|fault| {
        let reason = fault.into_error().to_string();
        CopyError::Target(OpenError::Unreachable { store: to.to_string(), reason })
    })
}

/// Copies what is left of a stage; gives how many rows it has.
async fn copy_stage(
    link: &Link,
    source: &Source,
    number: i16,
    stage: &'static Stage,
    progress: impl Fn(u64),
) -> Result<u64, CopyError> {
    let (mut after, mut copied) = bookmark::of_stage(link, number).await?;
    loop {
        let page = source.page(stage, after.take()).await?;
        let Some(last) = page.last else { break };
        link.script("BEGIN").await?;
        for day in page.days {
            link.run("SELECT ringback.make_day_1($1)", args![INT8 day]).await?;
        }
        link.copy_in(&stage.copy_in(), page.lines).await?;
        copied += page.rows;
        bookmark::put(link, source, number, &last, copied).await?;
        commit(link).await?;
        progress(copied);
        after = Some(last);
    }
    Ok(copied)
}

async fn commit(link: &Link) -> Result<(), CopyError> {
    link.script("COMMIT").await?;
    Ok(link.settled()?)
}
