//! Where messages are read back from.

use std::time::Duration;

use ringback_wire::api::CatchUpPage;

/// Where messages are read back from: with the feature `catch-up`, a `ringback_client::Client`.
pub trait PullSource: Send + Sync {
    /// What can go wrong.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The account's messages after a number, in sequence, `limit` at most: `GET /accounts/{a}/messages`. With `wait`, if there
    /// is none, those that come within that time, in whole seconds and 60 s at most.
    fn page(
        &self,
        account: &str,
        after: u64,
        limit: u32,
        wait: Option<Duration>,
    ) -> impl Future<Output = Result<CatchUpPage, Self::Error>> + Send;

    /// Counts every pending message through this number as delivered: `POST /accounts/{a}/ack`.
    fn acknowledge(
        &self,
        account: &str,
        through: u64,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

impl<S: PullSource> PullSource for &S {
    type Error = S::Error;

    fn page(
        &self,
        account: &str,
        after: u64,
        limit: u32,
        wait: Option<Duration>,
    ) -> impl Future<Output = Result<CatchUpPage, Self::Error>> + Send {
        S::page(self, account, after, limit, wait)
    }

    fn acknowledge(
        &self,
        account: &str,
        through: u64,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send {
        S::acknowledge(self, account, through)
    }
}
