//! The fence before what only a shard's owner may write, and the news that go to an owner elsewhere.

use ringback_delivery::AccountId;

use super::fault::Fault;
use super::lease::LOCK_CLASS;
use super::link::{Link, args};
use super::rows;
use super::tenure::Tenure;
use crate::StoreError;

/// Until the transaction ends nobody takes a shard away from this node. Whoever locks an account's row too stands first, as who
/// accepts does: somebody who waits to take shards away would come between.
pub(super) async fn stand(tx: &Link, tenure: &Tenure) -> Result<(), Fault> {
    if tenure.node() > 0 {
        tx.run("SELECT pg_advisory_xact_lock_shared($1, $2)", args![INT4 LOCK_CLASS, INT4 tenure.node()])
            .await?;
    }
    Ok(())
}

/// Goes on only where this node owns the account's shard, on the server on which it renewed its lease, and then as long as the
/// transaction lasts.
pub(super) async fn as_owner(
    tx: &Link,
    tenure: &Tenure,
    server: Option<String>,
    account: AccountId,
) -> Result<(), Fault> {
    stand(tx, tenure).await?;
    let shard = account.shard();
    let held = tx
        .maybe(
            "SELECT 1 FROM ringback.shard WHERE shard = $1 AND owner = $2 AND token = $3
                 AND coalesce(ringback.timeline_1() = $4, true)",
            args![INT2 rows::shard_column(shard), INT4 tenure.node(), INT8 tenure.token(shard), TEXT server],
        )
        .await?;
    match held {
        Some(_) => Ok(()),
        None => Err(StoreError::NotOwner(vec![shard]).into()),
    }
}

/// Leaves word for the shard's owner, if that is another node: that the account's standing changed, or else that something
/// new waits. Whether it did. The transaction began with [`stand`].
pub(super) async fn tell_owner(
    tx: &Link,
    tenure: &Tenure,
    account: AccountId,
    standing: bool,
) -> Result<bool, Fault> {
    let (shard, number) = rows::key(account);
    let told = tx
        .run(
            "INSERT INTO ringback.news (shard, account, standing) SELECT $1, $2, $3
             WHERE NOT EXISTS (SELECT FROM ringback.shard WHERE shard = $1 AND owner = $4)",
            args![INT2 shard, INT8 number, BOOL standing, INT4 tenure.node()],
        )
        .await?;
    Ok(told > 0)
}
