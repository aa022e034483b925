//! The ring of sealing keys, as rows.

use super::fault::Fault;
use super::link::{Link, args};
use crate::{KeyId, KeyRecord, StoreError, Vault};

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

/// Has the vault know the keys of this transaction, and keeps them so until it ends. Who seals calls this first: so nothing
/// is sealed with a key that is not the present one.
pub(super) async fn follow(tx: &Link, vault: &Vault) -> Result<bool, Fault> {
    tx.run(
        "SELECT 1 FROM ringback.sealing_key WHERE number = (SELECT max(number) FROM ringback.sealing_key) FOR SHARE",
        args![],
    )
    .await?;
    take_up(tx, vault).await
}

/// The same for who adds or retires a key: nobody seals meanwhile.
pub(super) async fn follow_alone(tx: &Link, vault: &Vault) -> Result<bool, Fault> {
    tx.run("SELECT 1 FROM ringback.sealing_key ORDER BY number FOR UPDATE", args![]).await?;
    take_up(tx, vault).await
}

/// The same for who only opens. Its snapshot may be from before what the vault knows; the vault opens that too.
pub(super) async fn catch_up(link: &Link, vault: &Vault) -> Result<bool, Fault> {
    if kept(link).await?.0 < vault.keys_known().0 { Ok(false) } else { take_up(link, vault).await }
}

async fn take_up(link: &Link, vault: &Vault) -> Result<bool, Fault> {
    if kept(link).await? == vault.keys_known() {
        return Ok(false);
    }
    vault.follow(&records(link).await?).map_err(|_| {
        Fault::Store(StoreError::Unavailable(
            "the store's sealing key was rotated: start again with the new one".to_owned(),
        ))
    })?;
    Ok(true)
}

/// The highest number of a key, and how many there are.
async fn kept(link: &Link) -> Result<(i64, usize), Fault> {
    let row = link.row("SELECT max(number), count(*) FROM ringback.sealing_key", args![]).await?;
    let keys = usize::try_from(row.try_get::<_, i64>(1)?).unwrap_or(0);
    Ok((row.try_get(0)?, keys))
}
