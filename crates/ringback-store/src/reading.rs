//! Looking at what the store holds: messages, their attempts, accounts, the ledger.
//!
//! Every call walks a bounded number of rows. A page that walked as far as it may gives a cursor even when it found
//! nothing: the caller goes on from there.

use async_trait::async_trait;
use bytes::Bytes;
use ringback_delivery::{
    AccountId, Death, Health, LaneRecord, MessageId, MessageKind, MessageState, Sequence, Standing, Timestamp,
};

use crate::closed::{self, Closed};
use crate::{Attempt, Content, Reach, StoreError, Trace};

/// What a search looks for. What is `None` does not matter.
#[derive(Debug, Clone)]
pub struct MessageFilter {
    /// Only these accounts, whatever else is asked for.
    pub reach: Reach,
    /// One account.
    pub account: Option<AccountId>,
    /// One state.
    pub state: Option<MessageState>,
    /// One kind.
    pub kind: Option<MessageKind>,
    /// Accepted at or after this.
    pub since: Option<Timestamp>,
    /// Accepted before this.
    pub until: Option<Timestamp>,
    /// Whether the bodies are wanted too.
    pub with_bodies: bool,
}

/// Where a page ended: what comes next is before it. Within an account it is a sequence number, else a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub u64);

/// A part of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// What was found.
    pub items: Vec<T>,
    /// Where to go on; `None` at the end of the list.
    pub next: Option<Cursor>,
}

/// A message as it stands.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// What it tells.
    pub kind: MessageKind,
    /// Its state. A message that its account cancelled or acknowledged is in that state at once, though its row follows.
    pub state: MessageState,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it came to its state, if it is not pending.
    pub finished_at: Option<Timestamp>,
    /// Attempts so far.
    pub attempts: u32,
    /// Why it is dead, if it is.
    pub death: Option<Death>,
    /// When it may be tried again, if it was tried and waits.
    pub due: Option<Timestamp>,
    /// The first pending message with the same ordering key, if this one is pending behind it.
    pub behind: Option<MessageId>,
    /// What keeps all of its account's messages waiting, if it is pending.
    pub closed: Option<Closed>,
    /// Its body, where that was asked for.
    pub body: Option<Bytes>,
    /// The trace that it was published in, if it was in one, and its body was asked for.
    pub trace: Option<Trace>,
}

impl Message {
    /// The message with what is sent of it.
    pub(crate) fn with(self, content: Option<Content>) -> Self {
        let (body, trace) = content.map_or((None, None), |content| (Some(content.body), content.trace));
        Self { body, trace, ..self }
    }
}

/// An account as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSummary {
    /// Which.
    pub account: AccountId,
    /// What it decided.
    pub standing: Standing,
    /// What its endpoint has shown.
    pub lane: LaneRecord,
    /// Its ledger.
    pub counts: Counts,
    /// When the message was accepted that has been pending for the longest.
    pub oldest_pending: Option<Timestamp>,
    /// The last attempt of that message.
    pub last_attempt: Option<Attempt>,
    /// When it was registered, if it is.
    pub registered_at: Option<Timestamp>,
}

impl AccountSummary {
    /// An account that nothing was done for yet.
    pub fn untouched(account: AccountId) -> Self {
        Self {
            account,
            standing: Standing::default(),
            lane: LaneRecord::default(),
            counts: Counts::default(),
            oldest_pending: None,
            last_attempt: None,
            registered_at: None,
        }
    }

    /// The endpoint's health, as far as nothing has released the lane since that was recorded.
    pub fn health(&self) -> Health {
        closed::health(&self.standing, &self.lane)
    }

    /// What keeps all of its messages waiting, if something does.
    pub fn closed(&self) -> Option<Closed> {
        Closed::of(&self.standing, &self.lane)
    }
}

impl Counts {
    /// Adds another ledger to this one.
    pub fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.pending += other.pending;
        self.delivered += other.delivered;
        self.dead += other.dead;
        self.cancelled += other.cancelled;
        self.dropped_delivered += other.dropped_delivered;
        self.dropped_dead += other.dropped_dead;
        self.dropped_cancelled += other.dropped_cancelled;
    }
}

/// An account's ledger: `accepted` is the sum of all the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Accepted, ever.
    pub accepted: u64,
    /// Waiting.
    pub pending: u64,
    /// Delivered and still kept.
    pub delivered: u64,
    /// Dead and still kept.
    pub dead: u64,
    /// Cancelled and still kept.
    pub cancelled: u64,
    /// Delivered, and gone by the retention.
    pub dropped_delivered: u64,
    /// Dead, and gone by the retention.
    pub dropped_dead: u64,
    /// Cancelled, and gone by the retention.
    pub dropped_cancelled: u64,
}

/// A part of an account's own messages, by sequence number.
#[derive(Debug, Clone)]
pub struct Reel {
    /// The lowest sequence number that is kept; one more than the last when none is.
    pub first: Sequence,
    /// Messages behind the number that was asked for, with bodies, in order.
    pub messages: Vec<Message>,
    /// The highest sequence number that was given.
    pub last: Sequence,
}

/// Looking.
#[async_trait]
pub trait Reading {
    /// One message with all its attempts that are kept; `None` when there is none of that id.
    async fn message(&self, id: MessageId) -> Result<Option<(Message, Vec<Attempt>)>, StoreError>;

    /// Messages, the newest first, before `before`; at most `limit` found, and a bounded number of rows walked.
    async fn search(
        &self,
        filter: MessageFilter,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Message>, StoreError>;

    /// An account's messages behind a sequence number, at most `limit` and `bytes` of bodies (but one at least).
    async fn reel(
        &self,
        account: AccountId,
        after: Sequence,
        limit: usize,
        bytes: usize,
    ) -> Result<Reel, StoreError>;

    /// One account, whether anything was done for it or not.
    async fn account(&self, account: AccountId) -> Result<AccountSummary, StoreError>;

    /// Accounts within `reach`, by number, behind `after`; at most `limit`, and 1,000 whatever the limit. Of all accounts
    /// ([`Reach::Every`]) those that a credential names, or named before it was revoked, and those that something was done
    /// for.
    async fn accounts(
        &self,
        reach: Reach,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountSummary>, StoreError>;
}
