//! The model of an account: a few lines that say what the store should.

use std::collections::{BTreeMap, HashMap};

use ringback_delivery::{MessageState, OrderingKey, Sequence, Standing, Timestamp, Turn, Verdict, Waiting};
use ringback_store::{NewMessage, Replayed};

/// How many messages may wait for an account.
pub(super) const PENDING_PER_ACCOUNT: u64 = 12;

/// What an account should look like.
#[derive(Default)]
pub(super) struct Account {
    pub(super) standing: Standing,
    pub(super) pending: BTreeMap<Turn, Waiting>,
    /// By sequence number, from 1: the state, and the attempts.
    pub(super) messages: Vec<(MessageState, u32, Timestamp, Option<OrderingKey>)>,
    pub(super) names: HashMap<u8, (u8, Sequence)>,
}

impl Account {
    pub(super) fn admit(
        &mut self,
        now: Timestamp,
        message: &NewMessage,
        name: Option<(u8, u8)>,
    ) -> &'static str {
        if let Some((key, content)) = name
            && let Some((before, _)) = self.names.get(&key)
        {
            return if *before == content { "duplicate" } else { "conflict" };
        }
        if !self.standing.registered && !self.standing.pull {
            return "unregistered";
        }
        if self.pending.len() as u64 >= PENDING_PER_ACCOUNT {
            return "full";
        }
        self.standing.last_sequence.0 += 1;
        self.standing.last_turn.0 += 1;
        let waiting = Waiting {
            turn: self.standing.last_turn,
            sequence: self.standing.last_sequence,
            position: 0,
            key: message.key,
            accepted_at: now,
            born: self.standing.pause.lane_time(now),
            attempts: 0,
            charged: 0,
            due: None,
            successes: 0,
            replay: false,
        };
        self.pending.insert(waiting.turn, waiting);
        self.messages.push((MessageState::Pending, 0, now, message.key));
        if let Some((key, content)) = name {
            self.names.insert(key, (content, waiting.sequence));
        }
        "queued"
    }

    pub(super) fn replay(&mut self, now: Timestamp, sequence: Sequence) -> Replayed {
        if !self.standing.registered {
            return Replayed::NotRegistered;
        }
        self.standing.releases += 1;
        let waits = self.pending.values().find(|waiting| waiting.sequence == sequence).copied();
        if let Some(waiting) = waits {
            let Some(state) = self.overtaken(&waiting) else { return Replayed::Pending };
            self.end(waiting.turn, state);
        }
        self.standing.last_turn.0 += 1;
        let message = &mut self.messages[usize::try_from(sequence.0).unwrap() - 1];
        message.0 = MessageState::Pending;
        let (_, attempts, accepted_at, key) = *message;
        let waiting = Waiting {
            turn: self.standing.last_turn,
            sequence,
            position: 0,
            key,
            accepted_at,
            born: self.standing.pause.lane_time(now),
            attempts,
            charged: 0,
            due: None,
            successes: 0,
            replay: true,
        };
        self.pending.insert(waiting.turn, waiting);
        Replayed::Queued
    }

    pub(super) fn end(&mut self, turn: Turn, state: MessageState) {
        let waiting = self.pending.remove(&turn).unwrap();
        let index = usize::try_from(waiting.sequence.0).unwrap() - 1;
        self.messages[index].0 = state;
    }

    pub(super) fn overtaken(&self, waiting: &Waiting) -> Option<MessageState> {
        if self.standing.acknowledges(waiting.turn, waiting.sequence) {
            Some(MessageState::Delivered)
        } else if waiting.turn <= self.standing.cancelled_through {
            Some(MessageState::Cancelled)
        } else {
            None
        }
    }

    pub(super) fn settle(&mut self, turn: Turn, verdict: Verdict) {
        let Some(waiting) = self.pending.get(&turn).copied() else { return };
        let index = usize::try_from(waiting.sequence.0).unwrap() - 1;
        self.messages[index].1 = waiting.attempts + 1;
        match (verdict, self.overtaken(&waiting)) {
            (Verdict::Delivered, _) => self.end(turn, MessageState::Delivered),
            (_, Some(MessageState::Delivered)) => self.end(turn, MessageState::Delivered),
            // Its lane sweeps it, if it was cancelled.
            (Verdict::Retry { due, charged, successes }, _) => {
                let attempts = waiting.attempts + 1;
                self.pending
                    .insert(turn, Waiting { attempts, charged, due: Some(due), successes, ..waiting });
            }
            (_, Some(state)) => self.end(turn, state),
            (Verdict::Dead(_), None) => self.end(turn, MessageState::Dead),
            (Verdict::Cancelled, None) => self.end(turn, MessageState::Cancelled),
        }
    }

    pub(super) fn count(&self, state: MessageState) -> i64 {
        self.messages.iter().filter(|message| message.0 == state).count().try_into().unwrap()
    }
}
