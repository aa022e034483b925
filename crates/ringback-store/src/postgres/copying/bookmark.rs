//! How far a copy is, as the target knows it: a row for each stage, in a table that is there only while the copy is not whole.
//! Then it has another name, so that whoever did not hear that it became whole can ask.

use super::source::Source;
use super::stages::{SEALING_KEYS, STAGES};
use super::{CopyError, commit};
use crate::PostgresOptions;
use crate::postgres::fault::Fault;
use crate::postgres::link::{Link, args};

/// The number of the sealing keys, which are there as soon as a copy has begun.
const OF_KEYS: i16 = 0;
/// The number of the stage behind them.
pub(super) const FIRST_STAGE: i16 = 1;

/// What a copy finds in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// No copy.
    Nothing,
    /// A copy of the source as it is, which is not whole.
    Begun,
    /// A copy that is not whole, of the source as it was.
    Outdated,
    /// A copy that is not whole, of something else.
    Foreign,
    /// A copy of the source as it is, which is whole.
    Whole,
}

/// Whether a copy into this database has begun and is not whole.
pub(in crate::postgres) async fn is_under_way(link: &Link) -> Result<bool, Fault> {
    Ok(link.row("SELECT to_regclass('ringback.copying') IS NOT NULL", args![]).await?.try_get(0)?)
}

pub(super) async fn find(link: &Link, source: &Source) -> Result<Found, Fault> {
    if is_under_way(link).await? {
        let asked = "SELECT s.mark = $1, EXISTS (SELECT FROM ringback.copying c WHERE c.state <> $2) FROM ringback.store s";
        let row = link.row(asked, args![BYTEA source.mark, BYTEA source.state]).await?;
        return Ok(match (row.try_get(0)?, row.try_get(1)?) {
            (false, _) => Found::Foreign,
            (true, true) => Found::Outdated,
            (true, false) => Found::Begun,
        });
    }
    let copied = link.row("SELECT to_regclass('ringback.copied') IS NOT NULL", args![]).await?;
    if !copied.try_get(0)? {
        return Ok(Found::Nothing);
    }
    let asked = "SELECT s.mark = $1 AND EXISTS (SELECT FROM ringback.copied c WHERE c.state = $2) FROM ringback.store s";
    let is_whole = link.row(asked, args![BYTEA source.mark, BYTEA source.state]).await?.try_get(0)?;
    Ok(if is_whole { Found::Whole } else { Found::Nothing })
}

/// Closes a target that holds nothing.
pub(super) async fn begin(link: &Link, source: &Source, to: &PostgresOptions) -> Result<(), CopyError> {
    link.script("BEGIN").await?;
    let row = link
        .row(
            "SELECT EXISTS (SELECT FROM ringback.account) OR EXISTS (SELECT FROM ringback.credential)
                 OR EXISTS (SELECT FROM ringback.node WHERE leased_until > clock_timestamp())",
            args![],
        )
        .await?;
    if row.try_get(0).map_err(Fault::from)? {
        return Err(CopyError::NotEmpty { store: to.to_string() });
    }
    link.script(
        "DROP TABLE IF EXISTS ringback.copied;
         CREATE TABLE ringback.copying (
             stage smallint PRIMARY KEY, after text NOT NULL, copied bigint NOT NULL, state bytea NOT NULL)",
    )
    .await?;
    link.run("UPDATE ringback.store SET mark = $1", args![BYTEA source.mark]).await?;
    copy_keys(link, source).await?;
    commit(link).await
}

/// Takes away what was copied of a source that has changed since.
pub(super) async fn begin_anew(link: &Link, source: &Source) -> Result<(), CopyError> {
    let tables: Vec<&str> = STAGES.iter().map(|stage| stage.to).collect();
    link.script(&format!("BEGIN; TRUNCATE {}; DELETE FROM ringback.copying", tables.join(", "))).await?;
    copy_keys(link, source).await?;
    commit(link).await
}

async fn copy_keys(link: &Link, source: &Source) -> Result<(), CopyError> {
    link.script("DELETE FROM ringback.sealing_key").await?;
    let page = source.page(&SEALING_KEYS, None).await?;
    link.copy_in(&SEALING_KEYS.copy_in(), page.lines).await?;
    Ok(put(link, source, OF_KEYS, &page.last.unwrap_or_default(), page.rows).await?)
}

/// Behind which key a stage goes on, and how many rows of it are there.
pub(super) async fn of_stage(link: &Link, number: i16) -> Result<(Option<String>, u64), Fault> {
    let asked = "SELECT after, copied FROM ringback.copying WHERE stage = $1";
    let Some(row) = link.maybe(asked, args![INT2 number]).await? else { return Ok((None, 0)) };
    Ok((Some(row.try_get(0)?), u64::try_from(row.try_get::<_, i64>(1)?).unwrap_or(0)))
}

/// Notes that a stage is there up to a key.
pub(super) async fn put(
    link: &Link,
    source: &Source,
    number: i16,
    after: &str,
    copied: u64,
) -> Result<(), Fault> {
    let copied = i64::try_from(copied).unwrap_or(i64::MAX);
    link.run(
        "INSERT INTO ringback.copying (stage, after, copied, state) VALUES ($1, $2, $3, $4)
         ON CONFLICT (stage) DO UPDATE SET after = excluded.after, copied = excluded.copied",
        args![INT2 number, TEXT after, INT8 copied, BYTEA source.state],
    )
    .await
    .map(drop)
}

/// The copy is whole: nodes and commands may open the target.
pub(super) async fn close(link: &Link) -> Result<(), CopyError> {
    link.script("BEGIN; ALTER TABLE ringback.copying RENAME TO copied").await?;
    commit(link).await
}
