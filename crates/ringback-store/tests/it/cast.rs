//! Who plays in the stories: accounts, messages, a clock that is told, and someone who listens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ringback_delivery::{
    AccountId, Death, LaneRead, LaneRows, MessageId, MessageKind, MessageState, OrderingKey, Outcome,
    Settlement, Standing, Timestamp, Turn, Verdict, Waiting,
};
use ringback_store::{
    Admission, Attempt, Commit, CommitListener, Content, Fresh, Idempotency, Movements, NewMessage,
    Registration, ReplayCount, ReplayJob, Secret, Settled, Store, Trace,
};
use tokio::sync::Notify;

/// A moment of the stories, in seconds after their beginning.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_750_000_000_000 + seconds * 1000)
}

pub fn account(number: u64) -> AccountId {
    AccountId::from_number(number).unwrap()
}

pub const ONE: u64 = 25_201_234_500_001;
pub const TWO: u64 = 25_201_234_500_002;
pub const THREE: u64 = 25_201_234_500_003;

pub fn message(to: u64, body: &str) -> NewMessage {
    NewMessage {
        account: account(to),
        kind: MessageKind::UpgradeFinished,
        key: None,
        idempotency: None,
        content: Bytes::copy_from_slice(body.as_bytes()).into(),
    }
}

/// A message that keeps order with others of the key.
pub fn ordered(to: u64, key: i64, body: &str) -> NewMessage {
    NewMessage { key: Some(OrderingKey(key)), ..message(to, body) }
}

/// A message that was published in a trace.
pub fn traced(to: u64, body: &str, trace: Trace) -> NewMessage {
    let message = message(to, body);
    NewMessage { content: Content { trace: Some(trace), ..message.content }, ..message }
}

/// A message with an idempotency key; both stand for their hashes.
pub fn named(to: u64, key: u8, content: u8) -> NewMessage {
    let idempotency = Some(Idempotency { key: [key; 32], message: [content; 32] });
    NewMessage { idempotency, ..message(to, &format!("{{\"message\":{content}}}")) }
}

pub fn registration(host: &str) -> Registration {
    Registration {
        url: Secret::new(format!("https://{host}.example.com/callbacks")),
        username: Some(Secret::new("fota")),
        password: Some(Secret::new("opens the door")),
    }
}

/// A registered account, ready for messages.
pub async fn register(store: &dyn Store, number: u64) {
    store.register(at(0), account(number), registration("listener")).await.unwrap();
}

/// Accepts one message that nothing speaks against.
pub async fn accept(store: &dyn Store, now: Timestamp, message: NewMessage) -> MessageId {
    match store.accept(now, vec![message]).await.unwrap().as_slice() {
        [Admission::Queued(id)] => *id,
        other => panic!("not queued: {other:?}"),
    }
}

/// The state of the message that [`named`] made of these.
pub async fn state(store: &dyn Store, now: Timestamp, to: u64, key: u8, content: u8) -> MessageState {
    match store.accept(now, vec![named(to, key, content)]).await.unwrap().as_slice() {
        [Admission::Duplicate(_, state)] => *state,
        other => panic!("not a duplicate: {other:?}"),
    }
}

/// A request for the head of a queue.
pub fn from_the_head(number: u64) -> LaneRead {
    LaneRead {
        account: account(number),
        opening: true,
        after: Turn(0),
        limit: 100,
        due_by: None,
        followers: Vec::new(),
    }
}

pub async fn load(store: &dyn Store, read: LaneRead) -> LaneRows {
    store.load(vec![read]).await.unwrap().remove(0)
}

/// What waits for an account, in the order of the queue.
pub async fn waiting(store: &dyn Store, number: u64) -> Vec<Waiting> {
    load(store, from_the_head(number)).await.queue.into_iter().map(|(waiting, _)| waiting).collect()
}

/// The sequence numbers of what waits.
pub async fn queue(store: &dyn Store, number: u64) -> Vec<u64> {
    waiting(store, number).await.into_iter().map(|waiting| waiting.sequence.0).collect()
}

/// An attempt's end and what follows from it.
pub fn settled(number: u64, waiting: &Waiting, verdict: Verdict, outcome: Outcome) -> Settled {
    let attempts = waiting.attempts + 1;
    Settled {
        settlement: Settlement {
            account: account(number),
            turn: waiting.turn,
            sequence: waiting.sequence,
            attempts,
            verdict,
        },
        attempt: Some(Attempt {
            number: attempts,
            started_at: at(1),
            duration: Duration::from_millis(20),
            outcome,
            error: None,
            excerpt: None,
        }),
    }
}

pub fn delivered(number: u64, waiting: &Waiting) -> Settled {
    settled(number, waiting, Verdict::Delivered, answered(204))
}

pub fn retry(number: u64, waiting: &Waiting, due: Timestamp) -> Settled {
    settled(number, waiting, Verdict::Retry { due, charged: 1, successes: 7 }, answered(500))
}

pub fn dead(number: u64, waiting: &Waiting) -> Settled {
    settled(number, waiting, Verdict::Dead(Death::Attempts), answered(500))
}

pub fn answered(status: u16) -> Outcome {
    Outcome::Answered { status, retry_after: None }
}

/// A replay that was begun, of so many messages.
pub fn kept(messages: u64) -> ReplayJob {
    ReplayJob::Kept(ReplayCount::exactly(messages))
}

/// What a listener heard.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    Accepted(Vec<(AccountId, u64, Bytes)>),
    Standing(AccountId, Standing),
    Missed(Vec<AccountId>),
}

/// A listener that remembers.
#[derive(Default)]
pub struct Ear(Mutex<Vec<Heard>>, Mutex<Movements>, Notify);

impl Ear {
    pub fn at(store: &dyn Store) -> Arc<Self> {
        let ear = Arc::new(Self::default());
        store.listen(Arc::clone(&ear) as Arc<dyn CommitListener>);
        ear
    }

    /// What was heard since this was asked last.
    pub fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// The same, once there is something.
    pub async fn hears(&self) -> Vec<Heard> {
        loop {
            let heard = self.heard();
            if !heard.is_empty() {
                return heard;
            }
            // What was heard between the two lines is kept for who waits.
            self.2.notified().await;
        }
    }

    fn hear(&self, heard: Heard) {
        self.0.lock().unwrap().push(heard);
        self.2.notify_one();
    }
}

impl Ear {
    /// What all commits since then moved.
    pub fn moved(&self) -> Movements {
        *self.1.lock().unwrap()
    }
}

impl CommitListener for Ear {
    fn accepted(&self, fresh: Vec<Fresh>) {
        let heard =
            fresh.into_iter().map(|fresh| (fresh.account, fresh.waiting.sequence.0, fresh.content.body));
        self.hear(Heard::Accepted(heard.collect()));
    }

    fn standing_changed(&self, account: AccountId, standing: Standing) {
        self.hear(Heard::Standing(account, standing));
    }

    fn missed(&self, accounts: Vec<AccountId>) {
        self.hear(Heard::Missed(accounts));
    }

    fn committed(&self, Commit { moved, .. }: Commit) {
        let mut sum = self.1.lock().unwrap();
        sum.accepted += moved.accepted;
        sum.replayed += moved.replayed;
        sum.delivered += moved.delivered;
        sum.dead += moved.dead;
        sum.cancelled += moved.cancelled;
        sum.outcomes += moved.outcomes;
    }
}
