//! Ringback's client as a source.

use std::time::Duration;

use ringback_client::{Accounts, Client, Error};
use ringback_wire::api::CatchUpPage;

use super::PullSource;

impl PullSource for Accounts {
    type Error = Error;

    async fn page(
        &self,
        account: &str,
        after: u64,
        limit: u32,
        wait: Option<Duration>,
    ) -> Result<CatchUpPage, Error> {
        Ok(self.catch_up(account, after, Some(limit), wait).await?.into_result())
    }

    async fn acknowledge(&self, account: &str, through: u64) -> Result<(), Error> {
        self.ack(account, through).await.map(drop)
    }
}

impl PullSource for Client {
    type Error = Error;

    async fn page(
        &self,
        account: &str,
        after: u64,
        limit: u32,
        wait: Option<Duration>,
    ) -> Result<CatchUpPage, Error> {
        self.accounts().page(account, after, limit, wait).await
    }

    async fn acknowledge(&self, account: &str, through: u64) -> Result<(), Error> {
        self.accounts().acknowledge(account, through).await
    }
}
