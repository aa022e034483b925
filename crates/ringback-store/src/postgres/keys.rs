//! The ring of sealing keys, as rows.

use super::fault::Fault;
use super::link::{Link, args};
use crate::{KeyId, KeyRecord};

/// The keys' records, the oldest first: one or two.
pub(super) async fn records(link: &Link) -> Result<Vec<KeyRecord>, Fault> {
    let rows = link
        .rows("SELECT number, id, pepper, other FROM ringback.sealing_key ORDER BY number", args![])
        .await?;
    rows.iter()
        .map(|row| {
            let id: Vec<u8> = row.try_get(1)?;
            Ok(KeyRecord {
                number: row.try_get(0)?,
                id: KeyId::from_bytes(&id),
                pepper: row.try_get(2)?,
                other: row.try_get(3)?,
            })
        })
        .collect()
}

/// Keeps a record, in place of the one with its number.
pub(super) async fn keep(link: &Link, record: &KeyRecord) -> Result<(), Fault> {
    let KeyRecord { number, id, pepper, other } = record;
    let id = id.as_ref().map(|id| id.as_bytes().to_vec());
    link.run(
        "INSERT INTO ringback.sealing_key (number, id, pepper, other) VALUES ($1, $2, $3, $4)
         ON CONFLICT (number) DO UPDATE SET id = excluded.id, pepper = excluded.pepper, other = excluded.other",
        args![INT8 number, BYTEA id, BYTEA pepper, BYTEA other],
    )
    .await?;
    Ok(())
}
