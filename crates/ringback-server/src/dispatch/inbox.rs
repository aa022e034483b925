//! What the store tells of its commits, until the dispatcher takes it.
//!
//! The store's thread puts it here and never waits. What is here is bounded: past [`INBOX_BYTES`] bodies are left out,
//! and read back when they are needed; past [`INBOX_MESSAGES`] fresh messages are dropped, and the dispatcher is told to
//! look for everything that waits instead.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use ringback_delivery::{AccountId, Standing};
use ringback_store::{CommitListener, Fresh, Lease};
use tokio::sync::Notify;

use super::endpoints::Endpoints;

/// Fresh messages that wait here at most.
const INBOX_MESSAGES: usize = 65_536;

/// Bytes of their bodies.
const INBOX_BYTES: usize = 4 << 20;

/// One piece of news, in the order of the commits. What was accepted comes with when that was committed.
pub(super) enum News {
    Accepted(Instant, Vec<Fresh>),
    Standing(AccountId, Standing),
    /// Something may wait for these that was not told of: another node took it in, or its commit was in doubt.
    Missed(Vec<AccountId>),
    /// These shards are this node's now.
    Gained(Vec<Lease>),
    /// These are not any more; one that was gained anew since, with another token, is.
    Lost(Vec<Lease>),
    /// Some shards are to be given back.
    Drain,
}

#[derive(Default)]
struct Waiting {
    news: Vec<News>,
    messages: usize,
    bytes: usize,
    overflowed: bool,
}

/// See the module. It is to listen to the store's commits before the dispatcher that it is given to starts.
#[derive(Default)]
pub struct Inbox {
    endpoints: Arc<Endpoints>,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

impl Inbox {
    pub(super) fn endpoints(&self) -> Arc<Endpoints> {
        self.endpoints.clone()
    }

    /// Waits until there may be something.
    pub(super) async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// Takes all there is, and whether messages were dropped since the last time.
    pub(super) fn take(&self) -> (Vec<News>, bool) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut *waiting);
        (taken.news, taken.overflowed)
    }

    /// Has the dispatcher hear of something.
    pub(super) fn tell(&self, news: News) {
        self.put(|waiting| waiting.news.push(news));
    }

    fn put(&self, add: impl FnOnce(&mut Waiting)) {
        add(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        // A permit is kept when nobody waits yet, so no news wait unheard.
        self.arrived.notify_one();
    }
}

impl CommitListener for Inbox {
    fn accepted(&self, mut fresh: Vec<Fresh>) {
        self.put(|waiting| {
            for message in &mut fresh {
                let body = &mut message.content.body;
                if waiting.bytes + body.len() > INBOX_BYTES {
                    *body = Bytes::new();
                }
                waiting.bytes += body.len();
            }
            if waiting.messages + fresh.len() > INBOX_MESSAGES {
                waiting.overflowed = true;
            } else {
                waiting.messages += fresh.len();
                waiting.news.push(News::Accepted(Instant::now(), fresh));
            }
        });
    }

    fn standing_changed(&self, account: AccountId, standing: Standing) {
        // First the fence, which holds before the change is answered; the lane may hear of it a little later.
        self.endpoints.changed(account, standing);
        self.put(|waiting| waiting.news.push(News::Standing(account, standing)));
    }

    fn missed(&self, accounts: Vec<AccountId>) {
        // The standing may be another too.
        accounts.iter().for_each(|account| self.endpoints.doubted(*account));
        self.tell(News::Missed(accounts));
    }
}
