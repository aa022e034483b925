//! What the store tells of its commits, until the dispatcher takes it.
//!
//! The store's thread puts it here and never waits. What is here is bounded: past [`INBOX_BYTES`] bodies are left out,
//! and read back when they are needed; past [`INBOX_MESSAGES`] fresh messages are dropped, and the dispatcher is told to
//! look for everything that waits instead.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ringback_delivery::{AccountId, EmptyLane, Standing, Turn, Waiting};
use ringback_store::{CommitListener, Content, Fresh, Lease};
use tokio::sync::Notify;

use super::endpoints::Endpoints;

/// Fresh messages that wait here at most.
const INBOX_MESSAGES: usize = 65_536;

/// Bytes of their bodies.
const INBOX_BYTES: usize = 4 << 20;

/// One piece of news, in the order of the commits. What was accepted comes with when this was told.
pub(super) enum News {
    Accepted(Instant, Vec<Arrived>),
    /// Other nodes had accepted these, as this node's next commit for their accounts told.
    Brought(Instant, Vec<Arrived>),
    Standing(AccountId, Standing),
    /// Other nodes took messages in for these: their queues go up to there.
    Reaches(Instant, Vec<(AccountId, Turn)>),
    /// Something may wait for these that was not told of: another node took it in and did not say how far, or its commit was in
    /// doubt.
    Missed(Instant, Vec<AccountId>),
    /// These shards are this node's now.
    Gained(Vec<Lease>),
    /// These are not any more; one that was gained anew since, with another token, is.
    Lost(Vec<Lease>),
    /// Some shards are to be given back.
    Drain,
}

/// A fresh message.
pub(super) struct Arrived {
    pub(super) account: AccountId,
    pub(super) waiting: Waiting,
    /// Its lane before it, where the store told of that.
    pub(super) lane: Option<Box<EmptyLane>>,
    /// What is sent of it; nothing where it is to be read back.
    pub(super) content: Option<Content>,
}

#[derive(Default)]
struct Unheard {
    news: Vec<News>,
    messages: usize,
    bytes: usize,
    overflowed: bool,
}

impl Unheard {
    fn arrived(&mut self, fresh: Fresh) -> Arrived {
        let Fresh { account, waiting, content, lane } = fresh;
        let fits = self.bytes + content.body.len() <= INBOX_BYTES;
        if fits {
            self.bytes += content.body.len();
        }
        Arrived { account, waiting, lane, content: fits.then_some(content) }
    }
}

/// See the module. It is to listen to the store's commits before the dispatcher that it is given to starts.
#[derive(Default)]
pub struct Inbox {
    endpoints: Arc<Endpoints>,
    unheard: Mutex<Unheard>,
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
        let mut unheard = self.unheard.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut *unheard);
        (taken.news, taken.overflowed)
    }

    /// Has the dispatcher hear of something.
    pub(super) fn tell(&self, news: News) {
        self.put(|unheard| unheard.news.push(news));
    }

    fn arrive(&self, fresh: Vec<Fresh>, news: impl FnOnce(Instant, Vec<Arrived>) -> News) {
        self.put(|unheard| {
            if unheard.messages + fresh.len() > INBOX_MESSAGES {
                unheard.overflowed = true;
                return;
            }
            unheard.messages += fresh.len();
            let arrived = fresh.into_iter().map(|fresh| unheard.arrived(fresh)).collect();
            unheard.news.push(news(Instant::now(), arrived));
        });
    }

    fn put(&self, add: impl FnOnce(&mut Unheard)) {
        add(&mut self.unheard.lock().unwrap_or_else(PoisonError::into_inner));
        // A permit is kept when nobody waits yet, so no news wait unheard.
        self.arrived.notify_one();
    }
}

impl CommitListener for Inbox {
    fn accepted(&self, fresh: Vec<Fresh>) {
        self.arrive(fresh, News::Accepted);
    }

    fn brought_along(&self, brought: Vec<Fresh>) {
        self.arrive(brought, News::Brought);
    }

    fn standing_changed(&self, account: AccountId, standing: Standing) {
        // First the fence, which holds before the change is answered; the lane may hear of it a little later.
        self.endpoints.changed(account, standing);
        self.put(|unheard| unheard.news.push(News::Standing(account, standing)));
    }

    fn missed(&self, accounts: Vec<AccountId>) {
        // The standing may be another too.
        accounts.iter().for_each(|account| self.endpoints.doubted(*account));
        self.tell(News::Missed(Instant::now(), accounts));
    }
}
