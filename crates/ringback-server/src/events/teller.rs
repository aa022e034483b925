//! Writes events and sends them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringback_delivery::{Outcome, Sequence};
use ringback_store::Store;
use ringback_wire::event::{EventData, EventKind, OperatorEvent};
use ringback_wire::signature::SigningKey;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::throttle::Throttle;
use super::{Happening, What, reason};
use crate::clock::Clock;
use crate::metrics::{Metrics, Told};
use crate::send::{CallbackUrl, Sender, signed};

/// How long to wait before each attempt; after the last, an event is given up.
const ATTEMPTS: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_secs(2),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(300),
];
/// Events that are being sent, or wait for their next attempt, at once; the others wait in the queue.
const AT_ONCE: usize = 64;

/// Where events go, and what they are signed with.
#[derive(Clone)]
pub struct TellerSettings {
    /// Where to.
    pub url: Arc<CallbackUrl>,
    /// The events' own key.
    pub key: SigningKey,
}

/// Tells what happened.
pub struct Teller {
    pub(crate) settings: TellerSettings,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sender: Sender,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
}

impl Teller {
    /// Tells until `stop` is ready, or nothing can come any more; what is not told by then is given up.
    pub(crate) async fn tell(self, mut queue: mpsc::Receiver<Happening>, stop: impl Future<Output = ()>) {
        let teller = Arc::new(self);
        let mut throttle = Throttle::default();
        let mut sending = JoinSet::new();
        tokio::pin!(stop);
        loop {
            let happening = tokio::select! {
                () = &mut stop => break,
                _ = sending.join_next(), if sending.len() >= AT_ONCE => continue,
                happening = queue.recv(), if sending.len() < AT_ONCE => happening,
            };
            let Some(happening) = happening else { break };
            while sending.try_join_next().is_some() {}
            let kind = kind(happening.what);
            if let Some(suppressed) = throttle.pass(teller.clock.now(), happening.account, kind) {
                let teller = teller.clone();
                sending.spawn(async move { teller.send(&happening, kind, suppressed).await });
            } else {
                teller.metrics.told(Told::Suppressed);
            }
        }
        while sending.try_join_next().is_some() {}
        if !sending.is_empty() {
            tracing::warn!(events = sending.len(), "events were not told before the stop");
        }
    }

    async fn send(&self, happening: &Happening, kind: EventKind, suppressed: u64) {
        let event = self.event(happening, kind, suppressed).await;
        // Writing one of the wire's models into memory can't fail.
        let body = Bytes::from(serde_json::to_vec(&event).unwrap_or_default());
        let id = format!("evt_{}", Uuid::new_v4().simple());
        let origin = self.settings.url.origin_for_logs();
        for wait in ATTEMPTS {
            tokio::time::sleep(wait).await;
            let timestamp = self.clock.now().as_seconds();
            let callback = signed(&self.settings.url, &self.settings.key, &id, timestamp, body.clone());
            let report = self.sender.send(callback).await;
            match report.outcome {
                Outcome::Answered { status: 200..=299, .. } => return self.metrics.told(Told::Sent),
                Outcome::Answered { status, .. } => {
                    tracing::debug!(%id, origin, status, "an event was refused")
                }
                _ => tracing::debug!(%id, origin, error = report.error, "an event did not arrive"),
            }
        }
        self.metrics.told(Told::Failed);
        tracing::warn!(%id, origin, account = %happening.account, "an event is given up: nobody took it");
    }

    async fn event(&self, happening: &Happening, kind: EventKind, suppressed: u64) -> OperatorEvent {
        let Happening { account, what, at } = *happening;
        let mut data = EventData { account_name: account.to_string(), suppressed, ..EventData::default() };
        match what {
            What::OnHold(trouble) => data.reason = Some(trouble.to_string()),
            What::Recovered => {}
            What::Suspended => data.reason = Some("it answered 410".to_owned()),
            What::Dead(sequence, death) => {
                data.reason = Some(reason(death).to_owned());
                data.sequence = Some(sequence.0);
                data.message_id = self.id_of(happening, sequence).await;
            }
        }
        let timestamp = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::MAX);
        OperatorEvent { kind, timestamp: timestamp.to_string(), data }
    }

    /// The dead message's id, which only the store knows.
    async fn id_of(&self, happening: &Happening, sequence: Sequence) -> Option<String> {
        let before = Sequence(sequence.0.saturating_sub(1));
        let reel = self.store.reel(happening.account, before, 1, 1).await.ok()?;
        let message = reel.messages.first().filter(|message| message.id.sequence == sequence)?;
        Some(message.id.to_string())
    }
}

fn kind(what: What) -> EventKind {
    match what {
        What::OnHold(_) => EventKind::LaneOnHold,
        What::Recovered => EventKind::LaneRecovered,
        What::Suspended => EventKind::LaneSuspended,
        What::Dead(..) => EventKind::MessageDead,
    }
}
