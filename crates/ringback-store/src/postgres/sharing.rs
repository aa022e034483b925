//! [`Sharing`] for PostgreSQL.

use async_trait::async_trait;
use ringback_delivery::AccountId;

use super::lease::Word;
use super::link::args;
use super::{PostgresStore, lease, load, nodes, tidings};
use crate::{Beat, Lease, Node, Sharing, StoreError, Tidings};

#[async_trait]
impl Sharing for PostgresStore {
    fn is_shared(&self) -> bool {
        true
    }

    async fn beat(&self) -> Result<Beat, StoreError> {
        let beat = lease::beat(&self.pool, &self.tenure, &self.word(), &self.cursor, &self.heard).await;
        beat.map_err(|fault| fault.into_error())
    }

    async fn claim(&self, most: usize) -> Result<Vec<Lease>, StoreError> {
        lease::claim(&self.pool, &self.tenure, most).await.map_err(|fault| fault.into_error())
    }

    async fn give_back(&self, leases: Vec<Lease>) -> Result<(), StoreError> {
        let given_back = lease::give_back(&self.pool, &self.tenure, &leases).await;
        self.hints.give();
        given_back.map_err(|fault| fault.into_error())
    }

    fn let_go(&self, leases: &[Lease]) {
        leases.iter().for_each(|lease| self.tenure.lose(*lease));
    }

    fn be_leaving(&self) {
        self.tenure.be_leaving();
    }

    async fn leave(&self) -> Result<(), StoreError> {
        lease::leave(&self.pool, &self.tenure).await.map_err(|fault| fault.into_error())?;
        // Who leaves may be gone before the hints' own task comes to it. A hint may be lost.
        if let Ok(link) = self.pool.link().await {
            let _ = self.hints.give_by(&link).await;
        }
        Ok(())
    }

    async fn tidings(&self) -> Result<Tidings, StoreError> {
        let read = tidings::read(&self.pool, &self.cursor, &self.heard, self.tenure.node());
        read.await.map_err(|fault| fault.into_error())
    }

    async fn say_behind(&self, behind: bool) -> Result<(), StoreError> {
        self.run(
            "UPDATE ringback.node SET behind_until = CASE WHEN $2 THEN clock_timestamp() + interval '0.5 s' END
             WHERE node = $1",
            args![INT4 self.tenure.node(), BOOL behind],
        )
        .await
    }

    async fn hint(&self) {
        self.hints.notified().await;
    }

    async fn lanes_waiting_in(
        &self,
        shards: &[u16],
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, StoreError> {
        let read = async {
            let link = self.pool.link().await?;
            load::lanes_waiting(&link, shards, after, limit).await
        };
        read.await.map_err(|fault| fault.into_error())
    }

    async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        let read = async {
            let link = self.pool.soon().await?;
            nodes::list(&link, self.tenure.node()).await
        };
        read.await.map_err(|fault| fault.into_error())
    }

    async fn synchronous_standbys(&self) -> Result<Option<u64>, StoreError> {
        let read = async {
            let link = self.pool.soon().await?;
            let row = link
                .row(
                    // Who lacks the grant sees that there are standbys, and nothing of them.
                    "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), count(*) FILTER (
                         WHERE sync_state IN ('sync', 'quorum') AND state = 'streaming')
                     FROM pg_stat_replication",
                    args![],
                )
                .await?;
            let may_see: bool = row.try_get(0)?;
            may_see.then(|| super::rows::number(&row, 1)).transpose()
        };
        read.await.map_err(|fault| fault.into_error())
    }
}

impl PostgresStore {
    /// What this node says of itself.
    fn word(&self) -> Word<'_> {
        Word {
            name: &self.node_name,
            term: self.lease_term,
            listening: self.hints.is_listening(),
            leaving: self.tenure.is_leaving(),
        }
    }
}
