//! The schema's versions: which one a database has, and the way up while older nodes serve.
//!
//! All steps that are missing run in one transaction, behind a lock that is the transaction's: so it works through a
//! pooler, two nodes that start at once take turns, and a step that fails changes nothing. (A migration tool would hold
//! its lock by the session.) A step only adds: what an older release still uses stays until a later release, and each
//! version names the oldest release that may stand beside it.

use super::fault::Fault;
use super::keys;
use super::link::{Link, args};
use super::options::PostgresOptions;
use crate::vault::{self, Vault};
use crate::{OpenError, Role, SealingKey};

/// The release that this is.
pub(super) const RELEASE: &str = env!("CARGO_PKG_VERSION");
/// The name of the lock: `ringback` in letters.
const LOCK: i64 = 0x7269_6e67_6261_636b;

struct Step {
    version: i32,
    name: &'static str,
    /// The oldest release that may use the schema from here on.
    oldest_release: &'static str,
    sql: &'static str,
}

macro_rules! step {
    ($version:literal, $name:literal, $oldest:literal) => {
        Step {
            version: $version,
            name: $name,
            oldest_release: $oldest,
            sql: include_str!(concat!("../../migrations/postgres/V", $version, "__", $name, ".sql")),
        }
    };
}

const STEPS: &[Step] = &[
    step!(1, "lay_the_tables", "0.1.0"),
    step!(2, "take_in_and_record", "0.1.0"),
    step!(3, "list_accounts_and_nodes", "0.1.0"),
    step!(4, "keep_traces", "0.1.0"),
    step!(5, "keep_the_newest_lane", "0.1.0"),
    step!(6, "wait_no_longer", "0.1.0"),
    step!(7, "take_in_by_one_pass", "0.1.0"),
    step!(8, "tell_a_duplicates_state", "0.1.0"),
    step!(9, "record_row_by_row", "0.1.0"),
    step!(10, "take_back_row_by_row", "0.1.0"),
    step!(11, "forget_row_by_row", "0.1.0"),
    step!(12, "let_the_lane_cancel", "0.1.0"),
    step!(13, "hear_of_other_nodes", "0.1.0"),
    step!(14, "know_the_server", "0.1.0"),
    step!(15, "take_in_with_less", "0.1.0"),
];

/// Brings the database up to what this release knows, and makes a new one; gives its vault, and its mark.
pub(super) async fn bring_up_to_date(
    link: &Link,
    options: &PostgresOptions,
) -> Result<(Vault, Vec<u8>), OpenError> {
    let unreachable = |fault: Fault| OpenError::Unreachable {
        store: options.to_string(),
        reason: fault.into_error().to_string(),
    };
    link.script("BEGIN; SET LOCAL lock_timeout = '10s'").await.map_err(unreachable)?;
    let opened = within(link, options).await;
    match &opened {
        Ok(_) => link.script("COMMIT").await.and_then(|()| link.settled()).map_err(unreachable)?,
        Err(_) => link.script("ROLLBACK").await.map_err(unreachable)?,
    }
    opened
}

async fn within(link: &Link, options: &PostgresOptions) -> Result<(Vault, Vec<u8>), OpenError> {
    let unsuitable = |fault: Fault| OpenError::Unsuitable {
        store: options.to_string(),
        reason: fault.into_error().to_string(),
    };
    link.run("SELECT pg_advisory_xact_lock($1)", args![INT8 LOCK]).await.map_err(unsuitable)?;
    let found = version(link).await.map_err(unsuitable)?;
    let known = STEPS.iter().map(|step| step.version).max().unwrap_or(0);
    if let Some((_, oldest)) = found.as_ref().filter(|(_, oldest)| is_older(RELEASE, oldest)) {
        let (store, ours) = (options.to_string(), RELEASE.to_owned());
        return Err(OpenError::Outdated { store, oldest: oldest.clone(), ours });
    }
    let has = found.map_or(0, |(version, _)| version);
    if options.role == Role::Admin && has == 0 && !options.makes_store {
        return Err(OpenError::NoStore { store: options.to_string() });
    }
    if options.role == Role::Admin && has > 0 && has < known {
        let path = options.to_string().into();
        return Err(OpenError::TooOld { path, found: has.into(), known: known.into() });
    }
    for step in STEPS.iter().filter(|step| step.version > has) {
        apply(link, step).await.map_err(unsuitable)?;
    }
    vault_of(link, &options.key, has == 0).await.map_err(|error| match error {
        Broken::Key(error) => error.into(),
        Broken::Fault(fault) => unsuitable(fault),
    })
}

/// The schema's version, and the oldest release that may use it; none for a database without one.
async fn version(link: &Link) -> Result<Option<(i32, String)>, Fault> {
    let exists: bool =
        link.row("SELECT to_regclass('ringback.schema_version') IS NOT NULL", args![]).await?.try_get(0)?;
    if !exists {
        return Ok(None);
    }
    let newest = link
        .maybe(
            "SELECT version, oldest_release FROM ringback.schema_version ORDER BY version DESC LIMIT 1",
            args![],
        )
        .await?;
    newest.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}

async fn apply(link: &Link, step: &Step) -> Result<(), Fault> {
    tracing::info!(version = step.version, name = step.name, "bringing the database's schema up");
    link.script(
        "CREATE SCHEMA IF NOT EXISTS ringback;
         CREATE TABLE IF NOT EXISTS ringback.schema_version (
             version integer PRIMARY KEY, name text NOT NULL, oldest_release text NOT NULL,
             applied_at timestamptz NOT NULL DEFAULT now(), applied_by text NOT NULL)",
    )
    .await?;
    link.script(step.sql).await?;
    link.run(
        "INSERT INTO ringback.schema_version (version, name, oldest_release, applied_by)
         VALUES ($1, $2, $3, $4)",
        args![INT4 step.version, TEXT step.name, TEXT step.oldest_release, TEXT RELEASE],
    )
    .await?;
    Ok(())
}

enum Broken {
    Key(crate::KeyError),
    Fault(Fault),
}

async fn vault_of(link: &Link, key: &SealingKey, is_new: bool) -> Result<(Vault, Vec<u8>), Broken> {
    if is_new {
        let (vault, record) = Vault::create(key).map_err(Broken::Key)?;
        let mark = vault::random::<16>().map_err(Broken::Key)?.to_vec();
        link.run("INSERT INTO ringback.store (mark) VALUES ($1)", args![BYTEA mark])
            .await
            .map_err(Broken::Fault)?;
        keys::keep(link, &record).await.map_err(Broken::Fault)?;
        return Ok((vault, mark));
    }
    let row = link.row("SELECT mark FROM ringback.store", args![]).await.map_err(Broken::Fault)?;
    let mark: Vec<u8> = row.try_get(0).map_err(|error| Broken::Fault(error.into()))?;
    let records = keys::records(link).await.map_err(Broken::Fault)?;
    Ok((Vault::open(key, &records).map_err(Broken::Key)?, mark))
}

/// Whether a release comes before another: numbers between dots, from the left.
fn is_older(release: &str, than: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        let core = text.split(['-', '+']).next().unwrap_or_default();
        core.split('.').map(|number| number.parse().unwrap_or(0)).collect()
    };
    numbers(release) < numbers(than)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_their_numbers() {
        assert!(is_older("0.9.0", "0.10.0"));
        assert!(is_older("0.9.9", "1.0.0-rc.1"));
        assert!(!is_older("1.2.3", "1.2.3"));
        assert!(!is_older("2.0.0", "1.99.99"));
    }

    #[test]
    fn the_steps_are_numbered_one_after_another() {
        let versions: Vec<i32> = STEPS.iter().map(|step| step.version).collect();
        assert_eq!(versions, (1..).take(STEPS.len()).collect::<Vec<i32>>());
    }
}
