//! The store, in memory: what the trait documentation of `ringback-store` and its SQLite schema say, and nothing more.
//!
//! Every function is one commit, or one snapshot.

use std::collections::BTreeMap;
use std::time::Duration;

use ringback_delivery::{
    AccountId, EmptyLane, LaneRead, LaneRecord, LaneRows, LaneUpdate, MessageState, OrderingKey, Sequence,
    Settlement, Standing, Timestamp, Turn, Verdict, Waiting,
};

/// A message, from its acceptance on.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) key: Option<OrderingKey>,
    pub(crate) accepted_at: Timestamp,
    pub(crate) state: MessageState,
    pub(crate) turn: Turn,
    pub(crate) attempts: u32,
}

/// All the rows of one account.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) standing: Standing,
    /// Raised by every commit that changes the standing.
    pub(crate) version: u64,
    pub(crate) record: LaneRecord,
    pub(crate) delivered: u64,
    pub(crate) dead: u64,
    pub(crate) cancelled: u64,
    pub(crate) messages: Vec<Message>,
    pub(crate) pending: BTreeMap<Turn, Waiting>,
}

/// Who owns a group of shards, by the store's own clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    /// The node and its life: one that starts anew is another owner.
    pub(crate) owner: Option<(usize, u64)>,
    pub(crate) token: u64,
    pub(crate) until: Timestamp,
}

/// See the module.
pub(crate) struct Store {
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) leases: Vec<Lease>,
    pub(crate) chore_step: usize,
    pub(crate) followers_at_once: usize,
    pub(crate) replayed: u64,
}

impl Account {
    pub(crate) fn overtaken(&self, turn: Turn, sequence: Sequence) -> bool {
        let standing = &self.standing;
        turn <= standing.cancelled_through
            || (sequence <= standing.acknowledged_through && turn <= standing.acknowledged_turn)
    }

    fn acknowledged(&self, turn: Turn, sequence: Sequence) -> bool {
        sequence <= self.standing.acknowledged_through && turn <= self.standing.acknowledged_turn
    }

    pub(crate) fn message(&self, sequence: Sequence) -> &Message {
        &self.messages[sequence.0 as usize - 1]
    }

    fn finish(&mut self, turn: Turn, state: MessageState) {
        let Some(waiting) = self.pending.remove(&turn) else { return };
        let message = &mut self.messages[waiting.sequence.0 as usize - 1];
        message.state = state;
        message.attempts = waiting.attempts;
        *self.counter(state) += 1;
    }

    fn counter(&mut self, state: MessageState) -> &mut u64 {
        match state {
            MessageState::Delivered => &mut self.delivered,
            MessageState::Dead => &mut self.dead,
            MessageState::Cancelled => &mut self.cancelled,
            MessageState::Pending => panic!("pending is not counted"),
        }
    }

    fn next_turn(&mut self) -> Turn {
        self.standing.last_turn.0 += 1;
        self.standing.last_turn
    }

    /// The message of the same key that waits immediately before it.
    pub(crate) fn predecessor(&self, waiting: &Waiting) -> Option<Turn> {
        let key = waiting.key?;
        self.pending.range(..waiting.turn).rev().find(|(_, row)| row.key == Some(key)).map(|(turn, _)| *turn)
    }
}

impl Store {
    pub(crate) fn account(&self, account: AccountId) -> &Account {
        &self.accounts[&account]
    }

    fn rows(&mut self, account: AccountId) -> &mut Account {
        self.accounts.get_mut(&account).expect("every account is made at the start")
    }

    // ---- The API's side ------------------------------------------------------------------------------------------

    /// Takes a message in; none where nothing is registered and pull is off.
    pub(crate) fn accept(
        &mut self,
        now: Timestamp,
        account: AccountId,
        key: Option<OrderingKey>,
    ) -> Option<Waiting> {
        let rows = self.rows(account);
        if !rows.standing.registered && !rows.standing.pull {
            return None;
        }
        let turn = rows.next_turn();
        rows.standing.last_sequence.0 += 1;
        rows.version += 1;
        let sequence = rows.standing.last_sequence;
        rows.messages.push(Message {
            key,
            accepted_at: now,
            state: MessageState::Pending,
            turn,
            attempts: 0,
        });
        let waiting = Waiting {
            turn,
            sequence,
            position: 0,
            key,
            accepted_at: now,
            born: rows.standing.pause.lane_time(now),
            attempts: 0,
            charged: 0,
            due: None,
            successes: 0,
            replay: false,
        };
        rows.pending.insert(turn, waiting);
        Some(waiting)
    }

    /// The account's lane with its version, if nothing waits there.
    pub(crate) fn empty_lane(&self, account: AccountId) -> Option<(u64, EmptyLane)> {
        let rows = self.account(account);
        let lane = EmptyLane { standing: rows.standing, record: rows.record };
        rows.pending.is_empty().then_some((rows.version, lane))
    }

    fn stand(&mut self, account: AccountId, change: impl FnOnce(&mut Standing)) {
        let rows = self.rows(account);
        change(&mut rows.standing);
        rows.version += 1;
    }

    pub(crate) fn register(&mut self, account: AccountId) {
        self.stand(account, |standing| {
            standing.generation += 1;
            standing.registered = true;
            standing.releases += 1;
            standing.reinstatements += 1;
        });
    }

    pub(crate) fn deregister(&mut self, account: AccountId) {
        self.stand(account, |standing| {
            if standing.registered {
                standing.generation += 1;
                standing.registered = false;
                standing.cancelled_through = standing.last_turn;
            }
        });
    }

    pub(crate) fn pause(&mut self, now: Timestamp, account: AccountId) {
        self.stand(account, |standing| standing.pause.pause(now));
    }

    pub(crate) fn resume(&mut self, now: Timestamp, account: AccountId) {
        self.stand(account, |standing| {
            standing.pause.resume(now);
            standing.releases += 1;
            standing.reinstatements += 1;
        });
    }

    pub(crate) fn release(&mut self, account: AccountId) {
        self.stand(account, |standing| standing.releases += 1);
    }

    pub(crate) fn set_pull(&mut self, account: AccountId, enabled: bool) {
        self.stand(account, |standing| standing.pull = enabled);
    }

    pub(crate) fn acknowledge(&mut self, account: AccountId, through: Sequence) {
        self.stand(account, |standing| {
            if through >= standing.acknowledged_through {
                standing.acknowledged_through = through.min(standing.last_sequence);
                standing.acknowledged_turn = standing.last_turn;
            }
        });
    }

    /// Sends a message again; whether there was something to do.
    pub(crate) fn replay(&mut self, now: Timestamp, account: AccountId, sequence: Sequence) -> bool {
        let rows = self.rows(account);
        if !rows.standing.registered {
            return false;
        }
        let Message { key, accepted_at, state, attempts, .. } = rows.message(sequence).clone();
        if state != MessageState::Pending {
            *rows.counter(state) -= 1;
            let turn = rows.next_turn();
            let message = &mut rows.messages[sequence.0 as usize - 1];
            message.state = MessageState::Pending;
            message.turn = turn;
            let born = rows.standing.pause.lane_time(now);
            rows.pending.insert(
                turn,
                Waiting {
                    turn,
                    sequence,
                    position: 0,
                    key,
                    accepted_at,
                    born,
                    attempts,
                    charged: 0,
                    due: None,
                    successes: 0,
                    replay: true,
                },
            );
            self.replayed += 1;
        }
        self.release(account);
        true
    }

    // ---- The dispatcher's side -----------------------------------------------------------------------------------

    /// Accounts of these groups with something pending.
    pub(crate) fn lanes_waiting(&self, owned: impl Fn(AccountId) -> bool) -> Vec<AccountId> {
        let waiting = self.accounts.iter().filter(|(_, rows)| !rows.pending.is_empty());
        waiting.map(|(account, _)| *account).filter(|account| owned(*account)).collect()
    }

    pub(crate) fn load(&self, read: &LaneRead) -> LaneRows {
        let rows = self.account(read.account);
        let limit = read.limit as usize;
        let behind = || rows.pending.range(Turn(read.after.0 + 1)..).map(|(_, waiting)| *waiting);
        let queue: Vec<_> =
            behind().take(limit).map(|waiting| (waiting, rows.predecessor(&waiting))).collect();
        let end = behind().nth(limit).is_none();
        let mut tried: Vec<(Timestamp, Waiting)> =
            rows.pending.values().filter_map(|waiting| waiting.due.map(|due| (due, *waiting))).collect();
        tried.sort_by_key(|(due, waiting)| (*due, waiting.turn));
        let (due, later): (Vec<_>, Vec<_>) =
            tried.into_iter().partition(|(due, _)| read.due_by.is_some_and(|by| *due <= by));
        let mut followers: Vec<Waiting> = Vec::new();
        for (key, turn) in &read.followers {
            let next = rows.pending.range(Turn(turn.0 + 1)..).map(|(_, waiting)| *waiting);
            followers.extend(next.filter(|waiting| waiting.key == Some(*key)).take(self.followers_at_once));
        }
        followers.sort_by_key(|waiting| waiting.turn);
        LaneRows {
            account: read.account,
            opening: read.opening.then_some((rows.standing, rows.record)),
            queue,
            end,
            more_due: due.len() > limit,
            due: due.into_iter().map(|(_, waiting)| waiting).take(limit).collect(),
            next_due: later.first().map(|(due, _)| *due),
            followers,
        }
    }

    pub(crate) fn record(&mut self, settlements: &[Settlement], lanes: &[LaneUpdate]) {
        for settlement in settlements {
            let Settlement { account, turn, sequence, attempts, verdict } = *settlement;
            let rows = self.rows(account);
            let overtaken = rows.overtaken(turn, sequence);
            let acknowledged = rows.acknowledged(turn, sequence);
            let Some(row) = rows.pending.get_mut(&turn) else { continue };
            row.attempts = attempts;
            match verdict {
                Verdict::Delivered => rows.finish(turn, MessageState::Delivered),
                _ if acknowledged => rows.finish(turn, MessageState::Delivered),
                // The lane goes by the standing that it knows, and sweeps what waits once it knows better.
                Verdict::Retry { due, charged, successes } => {
                    row.due = Some(due);
                    row.charged = charged;
                    row.successes = successes;
                }
                Verdict::Dead(_) if overtaken => rows.finish(turn, MessageState::Cancelled),
                Verdict::Dead(_) => rows.finish(turn, MessageState::Dead),
                Verdict::Cancelled => rows.finish(turn, MessageState::Cancelled),
            }
        }
        for LaneUpdate { account, record } in lanes {
            self.rows(*account).record = *record;
        }
    }

    /// Whether there may be more.
    pub(crate) fn sweep(&mut self, account: AccountId, by: &Standing, under_way: &[Turn]) -> bool {
        let step = self.chore_step;
        let rows = self.rows(account);
        let acknowledged =
            |row: &Waiting| row.sequence <= by.acknowledged_through && row.turn <= by.acknowledged_turn;
        let all: Vec<(Turn, bool)> = rows
            .pending
            .values()
            .filter(|row| row.turn <= by.cancelled_through || acknowledged(row))
            .filter(|row| !under_way.contains(&row.turn))
            .map(|row| (row.turn, acknowledged(row)))
            .take(step)
            .collect();
        for (turn, acknowledged) in &all {
            rows.finish(*turn, if *acknowledged { MessageState::Delivered } else { MessageState::Cancelled });
        }
        all.len() == step
    }

    /// Whether there may be more.
    pub(crate) fn hasten(&mut self, now: Timestamp, account: AccountId) -> bool {
        let step = self.chore_step;
        let later =
            self.rows(account).pending.values_mut().filter(|row| row.due.is_some_and(|due| due > now));
        later.take(step).map(|row| row.due = Some(now)).count() == step
    }

    // ---- Leases --------------------------------------------------------------------------------------------------

    /// Extends what a node asks for, as far as it is its own; which groups those are, with their tokens. What a node
    /// has given up by its own clock it does not ask for: it runs out, and is claimed anew.
    pub(crate) fn renew(
        &mut self,
        now: Timestamp,
        node: (usize, u64),
        held: &[(usize, u64)],
        term: Duration,
    ) -> Vec<(usize, u64)> {
        let mut renewed = Vec::new();
        for (group, token) in held {
            let lease = &mut self.leases[*group];
            if lease.owner == Some(node) && lease.token == *token {
                lease.until = now.after(term);
                renewed.push((*group, *token));
            }
        }
        renewed
    }

    /// Takes one group that is free for a node.
    pub(crate) fn claim(
        &mut self,
        now: Timestamp,
        node: (usize, u64),
        term: Duration,
    ) -> Option<(usize, u64)> {
        let (group, lease) = self
            .leases
            .iter_mut()
            .enumerate()
            .find(|(_, lease)| lease.owner.is_none() || lease.until <= now)?;
        *lease = Lease { owner: Some(node), token: lease.token + 1, until: now.after(term) };
        Some((group, lease.token))
    }
}
