//! The ring of sealing keys, as rows.

use rusqlite::{Connection, Row, params};

use super::fault::Fault;
use crate::{KeyId, KeyRecord, StoreError, Vault};

/// The keys' records, the oldest first: one or two.
pub(super) fn records(connection: &Connection) -> rusqlite::Result<Vec<KeyRecord>> {
    connection
        .prepare_cached("SELECT number, id, pepper, other FROM sealing_key ORDER BY number")?
        .query_map([], record)?
        .collect()
}

fn record(row: &Row<'_>) -> rusqlite::Result<KeyRecord> {
    let id = row.get::<_, Option<Vec<u8>>>(1)?;
    Ok(KeyRecord {
        number: row.get(0)?,
        id: id.and_then(|id| KeyId::from_bytes(&id)),
        pepper: row.get(2)?,
        other: row.get(3)?,
    })
}

/// Keeps a record, in place of the one with its number.
pub(super) fn keep(connection: &Connection, record: &KeyRecord) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO sealing_key (number, id, pepper, other) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            record.number,
            record.id.as_ref().map(|id| id.as_bytes().as_slice()),
            record.pepper,
            record.other
        ])?;
    Ok(())
}

/// Has the vault know the keys of this write transaction; says whether it didn't. Who seals calls this first: so nothing
/// is sealed with a key that is not the present one, nor with one whose transaction came to nothing.
pub(super) fn follow(connection: &Connection, vault: &Vault) -> Result<bool, Fault> {
    if kept(connection)? == vault.keys_known() {
        return Ok(false);
    }
    vault.follow(&records(connection)?).map_err(|_| {
        Fault::Store(StoreError::Unavailable(
            "the store's sealing key was rotated: start again with the new one".to_owned(),
        ))
    })?;
    Ok(true)
}

/// The same for who only opens. Its snapshot may be from before what the vault knows; the vault opens that too.
pub(super) fn catch_up(connection: &Connection, vault: &Vault) -> Result<bool, Fault> {
    if kept(connection)?.0 < vault.keys_known().0 { Ok(false) } else { follow(connection, vault) }
}

fn kept(connection: &Connection) -> Result<(i64, usize), Fault> {
    Ok(connection
        .prepare_cached("SELECT coalesce(max(number), 0), count(*) FROM sealing_key")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
}
