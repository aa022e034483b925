//! Lends the API what the dispatcher sends with, to try an endpoint.

use async_trait::async_trait;
use ringback_delivery::AccountId;
use ringback_store::{StoreError, Trace};

use crate::api::{self, EndpointTester};
use crate::dispatch::{TestReport, Tester};

#[async_trait]
impl EndpointTester for Tester {
    async fn test(
        &self,
        account: AccountId,
        trace: Option<Trace>,
    ) -> Result<Option<api::TestReport>, StoreError> {
        let report = Tester::test(self, account, trace).await?;
        Ok(report.map(|report| {
            let TestReport { id, status, error, duration, tls, addresses, address_class, refused } = report;
            api::TestReport { id, status, error, duration, tls, addresses, address_class, refused }
        }))
    }
}
