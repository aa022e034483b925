//! Keeps this node's shards: renews its lease, takes its share, gives back what is more than that, and hears what other
//! nodes did. Only where a store is shared.
//!
//! What it learns reaches the dispatcher in the order in which it happened, by the inbox. It never adds a shard by a renewal:
//! what was lost by the clock is claimed anew, with another token.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringback_delivery::{AccountId, Turn};
use ringback_store::{Beat, CommitListener as _, LEASE_TERM, Lease, Store};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use crate::clock::Clock;

use super::inbox::{Inbox, News};
use super::lease_clock::Moment;
use super::ownership::Ownership;

/// How often a lease is renewed in its term.
const RENEWALS: u32 = 6;
/// How soon it is tried again after a failure.
const AFTER_FAILURE: Duration = Duration::from_millis(500);
/// The least time between two renewals, should shards be free or this node about to stop.
const RENEW_NOT_WITHIN: Duration = Duration::from_millis(200);
/// How often it is asked what other nodes did, and the least time between two such questions.
const ASK_EVERY: Duration = Duration::from_millis(250);
const ASK_NOT_WITHIN: Duration = Duration::from_millis(10);
/// How long a question that is under way may take as this ends, until it is broken off: a pooler has to cancel that, and some end by it.
const END_WITHIN: Duration = Duration::from_secs(1);

/// The tasks; they end when this is dropped.
pub(super) struct Keeper {
    tasks: JoinSet<()>,
    give_back: mpsc::UnboundedSender<Vec<Lease>>,
    store: Arc<dyn Store>,
    /// Told when the next renewal should not wait for its time.
    wanted: Arc<Notify>,
    /// Says that the tasks are to end, between two questions.
    over: watch::Sender<bool>,
}

impl Keeper {
    /// Starts to keep shards, where the store is shared.
    pub(super) fn start(
        store: Arc<dyn Store>,
        ownership: Arc<Ownership>,
        inbox: Arc<Inbox>,
        clock: Clock,
    ) -> Self {
        let (give_back, to_give_back) = mpsc::unbounded_channel();
        let (mut tasks, wanted, over) = (JoinSet::new(), Arc::<Notify>::default(), watch::Sender::new(false));
        if ownership.is_shared() {
            let leases = Leases {
                store: store.clone(),
                ownership: ownership.clone(),
                inbox: inbox.clone(),
                clock,
                wanted: wanted.clone(),
            };
            tasks.spawn(leases.keep(to_give_back, over.subscribe()));
            tasks.spawn(listen(store.clone(), ownership, inbox, wanted.clone(), over.subscribe()));
        }
        Self { tasks, give_back, store, wanted, over }
    }

    /// Waits until one of its tasks has ended. None does by itself: it has panicked, and says so here.
    pub(super) async fn ended(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::error!(%error, "what keeps the node's shards ended badly"),
            None => std::future::pending().await,
        }
    }

    /// From now on this node takes no shards, and has each given back once nothing is under way for it.
    pub(super) fn leave(&self) {
        self.store.be_leaving();
        self.wanted.notify_one();
    }

    /// Has shards given back for which nothing is under way.
    pub(super) fn give_back(&self, leases: Vec<Lease>) {
        // Nobody is there when the keeper has ended.
        let _ = self.give_back.send(leases);
    }

    /// Takes no more, and renews no more.
    pub(super) async fn stop(mut self) {
        self.over.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // What takes longer is broken off.
        let _ = tokio::time::timeout(END_WITHIN, ended).await;
        self.tasks.shutdown().await;
    }
}

#[cfg(test)]
impl Keeper {
    /// One whose only task is this.
    pub(super) fn of(store: Arc<dyn Store>, task: impl Future<Output = ()> + Send + 'static) -> Self {
        let (give_back, _) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(task);
        Self { tasks, give_back, store, wanted: Arc::default(), over: watch::Sender::new(false) }
    }
}

struct Leases {
    store: Arc<dyn Store>,
    ownership: Arc<Ownership>,
    inbox: Arc<Inbox>,
    clock: Clock,
    wanted: Arc<Notify>,
}

impl Leases {
    async fn keep(
        self,
        mut to_give_back: mpsc::UnboundedReceiver<Vec<Lease>>,
        mut over: watch::Receiver<bool>,
    ) {
        let mut in_trouble = false;
        loop {
            let wait = match self.renew().await {
                Ok(wait) => {
                    in_trouble = false;
                    wait
                }
                Err(error) => {
                    if !std::mem::replace(&mut in_trouble, true) {
                        tracing::error!(%error, "the lease can't be renewed; trying on");
                    }
                    AFTER_FAILURE
                }
            };
            let now = Instant::now();
            let (mut next, soonest) = (now + wait, now + wait.min(RENEW_NOT_WITHIN));
            loop {
                tokio::select! {
                    () = is_over(&mut over) => return,
                    () = tokio::time::sleep_until(next.into()) => break,
                    () = self.wanted.notified() => next = next.min(soonest),
                    leases = to_give_back.recv() => {
                        let Some(mut leases) = leases else { return };
                        while let Ok(more) = to_give_back.try_recv() {
                            leases.extend(more);
                        }
                        self.give_back(leases).await;
                    }
                }
            }
        }
    }

    async fn give_back(&self, leases: Vec<Lease>) {
        tracing::info!(shards = leases.len(), "giving shards back");
        if let Err(error) = self.store.give_back(leases).await {
            // The next renewal gives them back.
            tracing::warn!(%error, "shards could not be given back yet");
        }
    }

    /// Renews, and takes or gives up what the share says; when to come again.
    async fn renew(&self) -> Result<Duration, ringback_store::StoreError> {
        let sent = Moment::now();
        let beat = self.store.beat().await?;
        self.clock.follow(beat.now);
        let lacking =
            take_in(&self.ownership, &self.inbox, sent, &beat).saturating_sub(beat.taken_anew.len());
        let is_anew = !beat.taken_anew.is_empty();
        self.took(beat.taken_anew);
        if lacking > 0 {
            self.claim(lacking).await?;
        }
        // The next renewal says what of it is more than the share.
        Ok(if is_anew { RENEW_NOT_WITHIN } else { beat.term.min(LEASE_TERM) / RENEWALS })
    }

    async fn claim(&self, most: usize) -> Result<(), ringback_store::StoreError> {
        let claimed = self.store.claim(most).await?;
        self.took(claimed);
        Ok(())
    }

    fn took(&self, leases: Vec<Lease>) {
        if leases.is_empty() {
            return;
        }
        tracing::info!(shards = leases.len(), "took shards");
        // First what came before: a shard may be among them that was lost a moment ago.
        self.ownership.claimed(&leases);
        self.inbox.tell(News::Gained(leases));
    }
}

/// Takes in what a renewal came to, and gives up what is more than the share; how many shards are lacking. What is lost is
/// closed before the lease counts anew: the dispatcher may hear of it much later.
fn take_in(ownership: &Ownership, inbox: &Inbox, sent: Moment, beat: &Beat) -> usize {
    ownership.renewed(&beat.held, sent + beat.term);
    let (kept, lost) = ownership.kept_and_lost();
    if !lost.is_empty() {
        inbox.tell(News::Lost(lost));
    }
    for (at, lease) in kept.iter().enumerate() {
        ownership.set_draining(lease.shard, at >= beat.share);
    }
    if kept.len() > beat.share {
        inbox.tell(News::Drain);
    }
    beat.share.saturating_sub(kept.len())
}

/// Hears what other nodes did, several times a second.
async fn listen(
    store: Arc<dyn Store>,
    ownership: Arc<Ownership>,
    inbox: Arc<Inbox>,
    wanted: Arc<Notify>,
    mut over: watch::Receiver<bool>,
) {
    let mut in_trouble = false;
    loop {
        let asked = Moment::now();
        match store.tidings().await {
            Ok(tidings) if tidings.are_of_another_server => wanted.notify_one(),
            Ok(tidings) => {
                in_trouble = false;
                // Each cell knows of the change before it counts that this was heard.
                for (account, standing) in tidings.standings {
                    inbox.standing_changed(account, standing);
                }
                hear_of(&inbox, tidings.accepted);
                ownership.heard(asked);
                if tidings.shards_are_free {
                    wanted.notify_one();
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut in_trouble, true) {
                    tracing::error!(%error, "it can't be heard what other nodes do; nothing starts meanwhile");
                }
            }
        }
        let pause = async {
            tokio::time::sleep(ASK_NOT_WITHIN).await;
            // A hint may come too early or not at all.
            let _ = tokio::time::timeout(ASK_EVERY, store.hint()).await;
        };
        tokio::select! {
            () = is_over(&mut over) => return,
            () = pause => {}
        }
    }
}

/// Comes when the tasks are to end.
async fn is_over(over: &mut watch::Receiver<bool>) {
    // Where the keeper has gone, they are ended with it.
    let _ = over.wait_for(|is_over| *is_over).await;
}

/// Other nodes took messages in for these, up to those places in their queues where that was said.
fn hear_of(inbox: &Inbox, accepted: Vec<(AccountId, Option<Turn>)>) {
    let (reaching, missed): (Vec<_>, Vec<_>) =
        accepted.into_iter().partition(|(_, through)| through.is_some());
    if !missed.is_empty() {
        let missed = missed.into_iter().map(|(account, _)| account).collect();
        inbox.tell(News::Missed(Instant::now(), missed));
    }
    if !reaching.is_empty() {
        let reaching = reaching.into_iter().filter_map(|(account, through)| Some((account, through?)));
        inbox.tell(News::Reaches(Instant::now(), reaching.collect()));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use ringback_delivery::{SHARDS, Timestamp};

    const TERM: Duration = Duration::from_secs(30);
    const TIMEOUT: Duration = Duration::from_secs(15);

    fn account() -> AccountId {
        AccountId::from_number(7).unwrap()
    }

    fn mine(token: u64) -> Lease {
        Lease { shard: account().shard(), token }
    }

    /// A renewal after which the node holds these, and should hold so many.
    fn beat(held: &[Lease], share: usize) -> Beat {
        Beat {
            held: held.to_vec(),
            taken_anew: Vec::new(),
            term: TERM,
            share,
            now: Timestamp::from_millis(1),
        }
    }

    /// A node that has its one shard with this token, and whose dispatcher has heard of that.
    fn holding(token: u64) -> (Ownership, Inbox) {
        let ownership = Ownership::new(true, TIMEOUT);
        ownership.claimed(&[mine(token)]);
        ownership.gain(account().shard(), token);
        ownership.heard(Moment::now());
        (ownership, Inbox::default())
    }

    fn news(inbox: &Inbox) -> Vec<News> {
        inbox.take().0
    }

    #[test]
    fn nothing_starts_by_a_renewal_in_a_shard_that_it_takes_away_though_nobody_has_heard_of_it_yet() {
        let (ownership, inbox) = holding(3);
        for held in [vec![], vec![mine(4)]] {
            take_in(&ownership, &inbox, Moment::now(), &beat(&[mine(3)], 1));
            assert!(ownership.may_start(account(), 3) && news(&inbox).is_empty());
            // After a suspension: another node was there meanwhile, and may have gone again.
            let lacking = take_in(&ownership, &inbox, Moment::now(), &beat(&held, 1));
            assert!(!ownership.is_over(), "the lease counts");
            assert!(!ownership.may_start(account(), 3) && !ownership.is_open(account().shard()));
            assert!(!ownership.holds(account().shard(), 3), "nor is anything recorded");
            assert_eq!(lacking, 1, "what is lost is no part of the share");
            assert!(matches!(&news(&inbox)[..], [News::Lost(lost)] if lost[..] == [mine(3)]));
        }
    }

    #[test]
    fn a_renewal_that_loses_a_shard_opens_it_neither_as_part_of_the_share_nor_with_the_next() {
        let (ownership, inbox) = holding(3);
        let others: Vec<Lease> = (0..SHARDS)
            .filter(|shard| *shard != account().shard())
            .map(|shard| Lease { shard, token: 1 })
            .collect();
        ownership.claimed(&others);
        others.iter().for_each(|lease| ownership.gain(lease.shard, lease.token));
        for _ in 0..2 {
            // What is left is the share exactly: nothing of it is to be given back.
            let lacking = take_in(&ownership, &inbox, Moment::now(), &beat(&others, others.len()));
            assert_eq!(lacking, 0);
            assert!(!ownership.may_start(account(), 3));
            assert!(others.iter().all(|lease| ownership.is_open(lease.shard)));
        }
    }

    #[test]
    fn a_shard_that_is_lost_and_at_once_claimed_again_opens_with_its_new_token() {
        let (ownership, inbox) = holding(3);
        assert_eq!(take_in(&ownership, &inbox, Moment::now(), &beat(&[], 1)), 1);
        ownership.claimed(&[mine(5)]);
        inbox.tell(News::Gained(vec![mine(5)]));
        assert!(!ownership.may_start(account(), 3) && !ownership.may_start(account(), 5));
        // Before the dispatcher hears of either, the next renewal finds the old token once more.
        assert_eq!(take_in(&ownership, &inbox, Moment::now(), &beat(&[mine(5)], 1)), 1);
        let [News::Lost(first), News::Gained(gained), News::Lost(again)] = &news(&inbox)[..] else {
            panic!("what happened is told in its order");
        };
        // As the dispatcher does: only what still has the token that was lost is lost.
        assert_eq!((&first[..], &gained[..], &again[..]), (&[mine(3)][..], &[mine(5)][..], &[mine(3)][..]));
        ownership.gain(account().shard(), 5);
        assert_ne!(ownership.token_of(again[0].shard), again[0].token);
        assert!(ownership.may_start(account(), 5) && !ownership.may_start(account(), 3));
    }

    #[test]
    fn what_is_more_than_the_share_starts_nothing_until_the_share_grows() {
        let (ownership, inbox) = holding(3);
        assert_eq!(take_in(&ownership, &inbox, Moment::now(), &beat(&[mine(3)], 0)), 0);
        assert!(matches!(&news(&inbox)[..], [News::Drain]));
        assert!(!ownership.may_start(account(), 3) && ownership.holds(account().shard(), 3));
        assert_eq!(take_in(&ownership, &inbox, Moment::now(), &beat(&[mine(3)], 1)), 0);
        assert!(ownership.may_start(account(), 3));
        // Another node has gone meanwhile, and what is kept is less than the share at once.
        take_in(&ownership, &inbox, Moment::now(), &beat(&[mine(3)], 0));
        assert!(!ownership.may_start(account(), 3));
        assert_eq!(take_in(&ownership, &inbox, Moment::now(), &beat(&[mine(3)], 2)), 1);
        assert!(ownership.may_start(account(), 3));
    }
}
