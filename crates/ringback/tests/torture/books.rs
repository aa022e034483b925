//! What the outside knows after the crashes, and what must be true of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use ringback_delivery::{AccountId, MessageState};
use ringback_store::{Counts, MessageFilter, Reach, Store};
use ringback_testbed::looking;
use serde_json::json;

use crate::listener::{Arrival, Listener};
use crate::publishers::{Accepted, Fence, Lives, Published};
use crate::stage::account;

/// For an answer to get from the listener to the server's writer.
const UNDER_WAY: Duration = Duration::from_millis(50);
/// For the listener to read what the server sent before it was gone.
const READ_LATE: Duration = Duration::from_millis(100);
/// Within this, whatever happened before, a message comes that nothing is in the way of: a dead node's lease is over, and those
/// whose commits were in doubt are looked at.
const BY_ITSELF: Duration = Duration::from_secs(30);
/// For an attempt that had begun to arrive: it may have to connect first, on a machine that is busy.
const BEGUN: Duration = Duration::from_millis(400);

/// Something was done to a server, after which it may repeat what it had not recorded: it was killed, for example.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kill {
    /// From when on outcomes may be lost.
    pub(crate) at: Instant,
    /// When nothing more is lost: it is gone, or whole again.
    pub(crate) gone: Instant,
    /// Whether what it had begun may arrive behind what another did since.
    pub(crate) writes_late: bool,
}

/// See the module.
pub(crate) struct Books {
    accepted: Vec<Accepted>,
    answered_again: usize,
    slowest: Duration,
    kills: Vec<Kill>,
    fences: Vec<Fence>,
    /// Whether some attempts were made elsewhere, and not seen.
    some_unseen: bool,
}

impl Books {
    pub(crate) fn new(published: Vec<Published>, kills: Vec<Kill>, fences: Vec<Fence>) -> Self {
        let answered_again = published.iter().map(|one| one.duplicates).sum();
        let slowest = published.iter().map(|one| one.slowest).max().unwrap_or_default();
        let accepted = published.into_iter().flat_map(|one| one.accepted).collect();
        Self { accepted, answered_again, slowest, kills, fences, some_unseen: false }
    }

    /// Some attempts were made elsewhere: that their number grows by one is not to be seen.
    pub(crate) fn with_attempts_unseen(self) -> Self {
        Self { some_unseen: true, ..self }
    }

    /// The ids of what was accepted for accounts that never deregister: those below `leaving`.
    fn stable(&self, leaving: usize) -> impl Iterator<Item = &str> {
        self.accepted.iter().filter(move |one| one.message.account < leaving).map(|one| &*one.id)
    }

    /// Waits until everything that was accepted for accounts that never deregister has arrived and was welcomed. What nothing
    /// stands in the way of has to come by itself. What was refused waits for its next attempt; that is hastened, as the
    /// schedule is not what is proven here.
    pub(crate) async fn until_all_arrived(&self, listener: &Listener, lives: &mut Lives, accounts: usize) {
        self.until_the_unhindered_arrived(listener, lives, accounts).await;
        let mut open: HashSet<&str> = self.stable(accounts - 1).collect();
        let mut looked_at = 0;
        let hasten = async || {
            for number in 0..accounts {
                let path = format!("/api/ringback/v1/accounts/{}/resume", account(number));
                let (status, answer) = lives.insist(Method::POST, &path, Some(&json!({}))).await;
                assert_eq!(status, StatusCode::OK, "{answer}");
            }
            let arrivals = listener.arrivals();
            for arrival in arrivals[looked_at..].iter().filter(|arrival| arrival.welcome()) {
                open.remove(&*arrival.id);
            }
            looked_at = arrivals.len();
            if open.is_empty() { Ok(()) } else { Err(format!("{} are open: {open:?}", open.len())) }
        };
        looking::until("all that was accepted to arrive", hasten).await;
    }

    /// Nobody is asked for anything meanwhile but how accounts are: an act such as a resume makes a lane look again at what
    /// waits, and so heals what is to be found here, such as news that were lost.
    async fn until_the_unhindered_arrived(&self, listener: &Listener, lives: &mut Lives, accounts: usize) {
        let look = async || {
            let mut late = self.unhindered(&listener.arrivals(), accounts - 1);
            let whose: BTreeSet<usize> = late.iter().map(|one| one.message.account).collect();
            for number in whose {
                let path = format!("/api/ringback/v1/accounts/{}", account(number));
                let (status, shown) = lives.insist(Method::GET, &path, None).await;
                assert_eq!(status, StatusCode::OK, "{shown}");
                if shown["state"] != "active" {
                    late.retain(|one| one.message.account != number);
                }
            }
            if late.is_empty() { Ok(()) } else { Err(format!("{} don't come: {late:?}", late.len())) }
        };
        looking::within(BY_ITSELF, "what nothing is in the way of to arrive by itself", look).await;
    }

    /// What has not been welcomed, was never refused, and is not behind something of its key that was: of accounts below
    /// `leaving`.
    fn unhindered(&self, arrivals: &[Arrival], leaving: usize) -> Vec<&Accepted> {
        let ids = |welcome: bool| -> HashSet<&str> {
            arrivals.iter().filter(|one| one.welcome() == welcome).map(|one| &*one.id).collect()
        };
        let (welcomed, refused) = (ids(true), ids(false));
        let mut open: Vec<&Accepted> =
            self.accepted.iter().filter(|one| one.message.account < leaving).collect();
        open.retain(|one| !welcomed.contains(&*one.id));
        open.sort_by_key(|one| one.sequence);
        let mut blocked = HashSet::new();
        open.retain(|one| {
            let waits = one.message.key.is_some_and(|key| blocked.contains(&(one.message.account, key)));
            let is_refused = refused.contains(&*one.id);
            if let Some(key) = one.message.key.filter(|_| is_refused) {
                blocked.insert((one.message.account, key));
            }
            !waits && !is_refused
        });
        open
    }

    /// Everything that can be told from outside. A fence holds so long after it was answered for.
    pub(crate) fn check(&self, arrivals: &[Arrival], fences_hold_after: Duration) {
        self.the_numbers_are_consecutive();
        let mut by_id: HashMap<&str, Vec<&Arrival>> = HashMap::new();
        for arrival in arrivals {
            by_id.entry(&arrival.id).or_default().push(arrival);
        }
        let known: HashSet<&str> = self.accepted.iter().map(|one| &*one.id).collect();
        let unknown: Vec<_> = arrivals.iter().filter(|one| !known.contains(&*one.id)).collect();
        assert!(unknown.is_empty(), "something was delivered and not accepted: {unknown:?}");
        self.little_is_repeated(&by_id);
        self.each_key_is_in_order(&by_id);
        self.the_fences_hold(arrivals, fences_hold_after);
        eprintln!(
            "{} accepted, {} answered again, {} callbacks, {} kills",
            self.accepted.len(),
            self.answered_again,
            arrivals.len(),
            self.kills.len()
        );
    }

    fn the_numbers_are_consecutive(&self) {
        let mut numbers: BTreeMap<usize, BTreeMap<u64, &str>> = BTreeMap::new();
        for one in &self.accepted {
            let before = numbers.entry(one.message.account).or_default().insert(one.sequence, &one.id);
            assert_eq!(before, None, "a number was given twice: {one:?}");
        }
        for (number, sequences) in numbers {
            let last = *sequences.keys().last().unwrap();
            assert_eq!(sequences.len() as u64, last, "{} has gaps", account(number));
        }
    }

    /// Promise 2: after a message was welcomed it comes again only if a kill follows at once, before the outcome can have
    /// been committed.
    fn little_is_repeated(&self, by_id: &HashMap<&str, Vec<&Arrival>>) {
        // See the crash test of `tests/it`: three rounds of the writer, each no longer than the slowest publish.
        let uncommitted = self.slowest * 3 + UNDER_WAY;
        let (mut repeated, mut oldest) = (vec![0; self.kills.len()], Duration::ZERO);
        for (id, arrivals) in by_id {
            for pair in arrivals.windows(2) {
                let (before, after) = (pair[0], pair[1]);
                let between = |kill: &Kill| before.at <= kill.gone + READ_LATE && kill.at <= after.at;
                assert!(
                    self.some_unseen || after.attempt <= before.attempt + 1,
                    "{id}: an attempt was counted that was not made"
                );
                assert!(
                    after.attempt >= before.attempt
                        || self.kills.iter().any(|kill| kill.writes_late && between(kill)),
                    "{id}: an attempt was forgotten that was recorded"
                );
                if !before.welcome() {
                    continue;
                }
                let kill = self.kills.iter().position(between);
                let Some(kill) = kill else {
                    panic!("{id} was repeated without a crash: {before:?} {after:?}")
                };
                repeated[kill] += 1;
                oldest = oldest.max(self.kills[kill].at.saturating_duration_since(before.at));
            }
        }
        eprintln!(
            "repeated after each kill: {repeated:?}; the oldest was welcomed {oldest:?} before its kill; the slowest \
             publish took {:?}",
            self.slowest
        );
        assert!(oldest <= uncommitted, "an outcome was not committed within {uncommitted:?}");
    }

    /// Promise 3, on first arrivals: a message first comes after the one before it with its key was welcomed.
    fn each_key_is_in_order(&self, by_id: &HashMap<&str, Vec<&Arrival>>) {
        let mut lines: BTreeMap<(usize, u8), BTreeMap<u64, &str>> = BTreeMap::new();
        for one in &self.accepted {
            if let Some(key) = one.message.key {
                lines.entry((one.message.account, key)).or_default().insert(one.sequence, &one.id);
            }
        }
        for ((number, key), line) in lines {
            let mut welcomed: Option<(Instant, &str)> = None;
            for id in line.values() {
                // What never came was cancelled; what came and was not welcomed was cancelled after it.
                let Some(arrivals) = by_id.get(id) else { continue };
                if let Some((at, before)) = welcomed {
                    let account = account(number);
                    assert!(at <= arrivals[0].at, "{account} k{key}: {id} overtook {before}");
                }
                if let Some(first) = arrivals.iter().find(|arrival| arrival.welcome()) {
                    welcomed = Some((first.at, id));
                }
            }
        }
    }

    /// Promise 5: after a deregistration is answered nothing starts, after a replacement nothing at the old URL.
    fn the_fences_hold(&self, arrivals: &[Arrival], after: Duration) {
        for fence in &self.fences {
            let name = account(fence.account);
            let held = fence.from + after + BEGUN..fence.to;
            for arrival in arrivals.iter().filter(|arrival| arrival.path.starts_with(&name)) {
                let allowed = fence.path.as_ref() == Some(&arrival.path);
                assert!(allowed || !held.contains(&arrival.at), "behind a fence: {arrival:?}");
            }
        }
    }

    /// Promise 6, when the server has stopped: the ledger is right, and says what the outside knows.
    pub(crate) async fn check_the_store(&self, store: &dyn Store, accounts: usize, leaving: usize) {
        let report = store.verify().await.unwrap();
        assert_eq!(report.discrepancies, []);
        let mut sum = Counts::default();
        for number in 0..accounts {
            let name = account(number);
            let id: AccountId = name.parse().unwrap();
            let counts = store.account(id).await.unwrap().counts;
            let rows = count(store, id).await;
            let counted = [counts.pending, counts.delivered, counts.dead, counts.cancelled];
            assert_eq!(counted, rows, "{name}: pending, delivered, dead, cancelled");
            assert_eq!(counts.accepted, rows.iter().sum::<u64>(), "{name}");
            let known: BTreeSet<u64> = self
                .accepted
                .iter()
                .filter(|one| one.message.account == number)
                .map(|one| one.sequence)
                .collect();
            assert_eq!(counts.accepted, known.len() as u64, "{name}: as many as were answered for");
            assert!(number == leaving || counts.delivered == counts.accepted, "{name}: {counts:?}");
            assert_eq!(counts.dead, 0);
            sum.accepted += counts.accepted;
            sum.delivered += counts.delivered;
            sum.cancelled += counts.cancelled;
        }
        eprintln!("{} delivered, {} cancelled", sum.delivered, sum.cancelled);
    }
}

/// How many of an account's messages are pending, delivered, dead and cancelled, by their rows.
async fn count(store: &dyn Store, account: AccountId) -> [u64; 4] {
    let filter = MessageFilter {
        reach: Reach::Every,
        account: Some(account),
        state: None,
        kind: None,
        since: None,
        until: None,
        with_bodies: false,
    };
    let mut counts = [0; 4];
    let mut before = None;
    loop {
        let page = store.search(filter.clone(), before, 500).await.unwrap();
        for message in page.items {
            let place = match message.state {
                MessageState::Pending => 0,
                MessageState::Delivered => 1,
                MessageState::Dead => 2,
                MessageState::Cancelled => 3,
            };
            counts[place] += 1;
        }
        match page.next {
            None => return counts,
            next => before = next,
        }
    }
}
