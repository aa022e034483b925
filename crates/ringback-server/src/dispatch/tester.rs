//! Trying an account's endpoint when a person asks: a signed `ping`, outside of order, schedule and ledger.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringback_delivery::{AccountId, Outcome};
use ringback_store::{Store, StoreError, Trace};
use ringback_wire::publish::{ping_body, splice_credentials};
use uuid::Uuid;

use crate::clock::Clock;
use crate::send::{EgressPolicy, Inspection, Resolve, Sender, inspect, signed};
use crate::trace;

use super::attempt::{Signing, redact};
use super::endpoints::make_ready;

/// What came of a try.
#[derive(Debug, Clone)]
pub struct TestReport {
    /// The `webhook-id` that the message bore.
    pub id: String,
    /// The status of its answer, if it gave one.
    pub status: Option<u16>,
    /// Why there was no answer, in a sentence that the tenant may read.
    pub error: Option<String>,
    /// How long it took.
    pub duration: Duration,
    /// Whether the URL is `https`, and so TLS was or would have been used.
    pub tls: bool,
    /// The addresses that the host stands for; for operators only.
    pub addresses: Vec<IpAddr>,
    /// The class of the first of them that the policy lets pass, or of the first.
    pub address_class: Option<&'static str>,
    /// What the egress policy has against it, if it has; without an address.
    pub refused: Option<String>,
}

/// See the module.
pub struct Tester {
    /// Where registrations are.
    pub store: Arc<dyn Store>,
    /// What sends, within the egress policy.
    pub sender: Sender,
    /// What signs.
    pub signing: Signing,
    /// The time.
    pub clock: Clock,
    /// What is asked about the addresses that a name stands for.
    pub policy: Arc<EgressPolicy>,
    /// What resolves names for that.
    pub resolver: Arc<dyn Resolve>,
}

impl Tester {
    /// Sends a ping to the registered endpoint, in this trace if there is one, and reports; `None` when nothing is registered.
    ///
    /// # Errors
    ///
    /// When the store can't be read, or what it holds can't be used.
    pub async fn test(
        &self,
        account: AccountId,
        trace: Option<Trace>,
    ) -> Result<Option<TestReport>, StoreError> {
        let Some(read) = self.store.endpoint(self.clock.now(), account).await? else { return Ok(None) };
        let endpoint = make_ready(&read, self.signing)
            .ok_or_else(|| StoreError::Damaged("a registration can't be used".into()))?;
        let body = splice_credentials(
            &ping_body(&account.to_string()),
            endpoint.username.expose(),
            endpoint.password.expose(),
        );
        let id = format!("ping_{}", Uuid::new_v4().simple());
        let mut callback =
            signed(&endpoint.url, &endpoint.key, &id, self.clock.now().as_seconds(), Bytes::from(body));
        callback.account = Some(account);
        if let Some(span) = trace.and_then(trace::child) {
            trace::put(&span, &mut callback.headers);
        }
        let Inspection { addresses, address_class, refusal } =
            inspect(&endpoint.url, &self.policy, self.resolver.as_ref()).await;
        let report = self.sender.send(callback).await;
        let status = match report.outcome {
            Outcome::Answered { status, .. } => Some(status),
            Outcome::Failed(_) | Outcome::NotStarted => None,
        };
        let error = report.error.map(|error| {
            let hidden = redact(error.into_bytes(), &endpoint);
            String::from_utf8_lossy(&hidden).into_owned()
        });
        Ok(Some(TestReport {
            id,
            status,
            error,
            duration: report.duration,
            tls: endpoint.url.as_str().starts_with("https:"),
            addresses,
            address_class,
            refused: refusal.map(|refusal| refusal.to_string()),
        }))
    }
}
