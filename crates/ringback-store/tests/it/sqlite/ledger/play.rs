//! A history, played to the store and to its model.

use std::path::Path;

use ringback_delivery::{
    AccountId, Death, LaneRead, MessageId, MessageState, OrderingKey, Sequence, Timestamp, Turn, Verdict,
    Waiting,
};
use ringback_store::{
    Admission, Dispatching, Limits, NewMessage, Publishing, Registrations, Replaying, SqliteOptions,
    SqliteStore, Swept,
};

use super::model::{Account, PENDING_PER_ACCOUNT};
use super::{ACCOUNTS, Act, Letter, the_rows_agree};
use crate::cast::*;
use crate::sqlite::{database, look, number};

/// The store and its model, side by side.
pub(super) struct Play<'f> {
    folder: &'f Path,
    store: Option<SqliteStore>,
    accounts: Vec<Account>,
    now: Timestamp,
}

fn id(to: u64) -> AccountId {
    account(ONE + to)
}

impl<'f> Play<'f> {
    pub(super) fn open(folder: &'f Path) -> Self {
        let accounts = (0..ACCOUNTS).map(|_| Account::default()).collect();
        let mut play = Self { folder, store: None, accounts, now: at(0) };
        play.reopen();
        play
    }

    fn reopen(&mut self) {
        self.store = None;
        let limits = Limits { pending_per_account: PENDING_PER_ACCOUNT, ..Limits::default() };
        let options = SqliteOptions { limits, ..SqliteOptions::server(database(self.folder)) };
        self.store = Some(SqliteStore::open(options).unwrap());
    }

    pub(super) fn store(&self) -> &SqliteStore {
        self.store.as_ref().unwrap()
    }

    fn account(&mut self, to: u64) -> &mut Account {
        &mut self.accounts[usize::try_from(to).unwrap()]
    }

    /// The `pick`th of what waits, in the store's own words.
    async fn pick(&self, to: u64, pick: usize) -> Option<Waiting> {
        let rows = waiting(self.store(), ONE + to).await;
        (!rows.is_empty()).then(|| rows[pick % rows.len()])
    }

    pub(super) async fn act(&mut self, act: Act) {
        self.now = self.now.after(std::time::Duration::from_secs(1));
        let now = self.now;
        match act {
            Act::Accept(messages) => self.accept(now, messages).await,
            Act::Record(outcomes) => self.record(now, outcomes).await,
            Act::Register(to) => {
                self.store().register(now, id(to), registration("listener")).await.unwrap();
                let standing = &mut self.account(to).standing;
                standing.generation += 1;
                standing.registered = true;
                standing.releases += 1;
                standing.reinstatements += 1;
            }
            Act::Deregister(to) => {
                let answer = self.store().deregister(now, id(to)).await.unwrap();
                let standing = &mut self.account(to).standing;
                assert_eq!(answer.is_some(), standing.registered);
                if standing.registered {
                    standing.generation += 1;
                    standing.registered = false;
                    standing.cancelled_through = standing.last_turn;
                }
            }
            Act::Pull(to, on) => {
                self.store().set_pull(now, id(to), on).await.unwrap();
                self.account(to).standing.pull = on;
            }
            Act::Pause(to) => {
                self.store().pause(now, id(to)).await.unwrap();
                self.account(to).standing.pause.pause(now);
            }
            Act::Resume(to) => {
                self.store().resume(now, id(to)).await.unwrap();
                let standing = &mut self.account(to).standing;
                standing.pause.resume(now);
                standing.releases += 1;
                standing.reinstatements += 1;
            }
            Act::Acknowledge(to, through) => {
                self.store().acknowledge(now, id(to), through).await.unwrap();
                let standing = &mut self.account(to).standing;
                let through = Sequence(through).min(standing.last_sequence);
                if through >= standing.acknowledged_through {
                    standing.acknowledged_through = through;
                    standing.acknowledged_turn = standing.last_turn;
                }
            }
            Act::Sweep(to, spare) => self.sweep(now, to, spare).await,
            Act::Hasten(to) => {
                assert_eq!(self.store().hasten(now, id(to)).await.unwrap(), Swept::Done);
                for waiting in self.account(to).pending.values_mut() {
                    waiting.due = waiting.due.map(|due| due.min(now));
                }
            }
            Act::Replay(to, pick) => self.replay(now, to, pick).await,
            Act::Reopen => self.reopen(),
        }
        for to in 0..ACCOUNTS {
            let standing = self.store().standing(id(to)).await.unwrap();
            assert_eq!(standing, self.account(to).standing);
        }
    }

    async fn accept(&mut self, now: Timestamp, messages: Vec<Letter>) {
        let mut batch = Vec::new();
        let mut expected = Vec::new();
        for (to, key, name) in messages {
            let plain = match name {
                Some((key, content)) => named(ONE + to, key, content),
                None => message(ONE + to, "x"),
            };
            let message = NewMessage { key: key.map(OrderingKey), ..plain };
            expected.push(self.account(to).admit(now, &message, name));
            batch.push(message);
        }
        let admissions = self.store().accept(now, batch).await.unwrap();
        let found: Vec<_> = admissions
            .iter()
            .map(|admission| match admission {
                Admission::Queued(_) => "queued",
                Admission::Duplicate(..) => "duplicate",
                Admission::Conflict => "conflict",
                Admission::Unregistered => "unregistered",
                Admission::AccountFull => "full",
                Admission::StoreFull => "store full",
            })
            .collect();
        assert_eq!(found, expected);
    }

    async fn record(&mut self, now: Timestamp, outcomes: Vec<(u64, usize, u8)>) {
        let mut batch = Vec::new();
        for (to, pick, verdict) in outcomes {
            let Some(waiting) = self.pick(to, pick).await else { continue };
            let verdict = match verdict {
                0 | 1 => Verdict::Delivered,
                2 => Verdict::Dead(Death::Attempts),
                3 => Verdict::Cancelled,
                _ => Verdict::Retry {
                    due: now.after(std::time::Duration::from_secs(3)),
                    charged: 1,
                    successes: 2,
                },
            };
            let outcome = if verdict == Verdict::Delivered { answered(200) } else { answered(500) };
            batch.push(settled(ONE + to, &waiting, verdict, outcome));
        }
        for settled in &batch {
            let to = settled.settlement.account.number() - ONE;
            let (turn, verdict) = (settled.settlement.turn, settled.settlement.verdict);
            let before = self.account(to).pending.get(&turn).copied();
            // A retry may be in the batch twice: the second is of the same attempt.
            let attempts = settled.settlement.attempts;
            if before.is_some_and(|waiting| waiting.attempts + 1 != attempts) {
                self.account(to).pending.get_mut(&turn).unwrap().attempts = attempts - 1;
            }
            self.account(to).settle(turn, verdict);
        }
        self.store().record(now, batch, Vec::new()).await.unwrap();
    }

    async fn sweep(&mut self, now: Timestamp, to: u64, spare: Vec<usize>) {
        let mut under_way = Vec::new();
        for pick in spare {
            under_way.extend(self.pick(to, pick).await.map(|waiting| waiting.turn));
        }
        let standing = self.store().standing(id(to)).await.unwrap();
        let swept = self.store().sweep(now, id(to), standing, under_way.clone()).await.unwrap();
        assert_eq!(swept, Swept::Done);
        let account = self.account(to);
        let overtaken: Vec<_> = account
            .pending
            .values()
            .filter(|waiting| !under_way.contains(&waiting.turn))
            .filter_map(|waiting| Some((waiting.turn, account.overtaken(waiting)?)))
            .collect();
        for (turn, state) in overtaken {
            account.end(turn, state);
        }
    }

    async fn replay(&mut self, now: Timestamp, to: u64, pick: usize) {
        let account = self.account(to);
        let Some((_, _, accepted_at, _)) = account.messages.get(pick).copied() else { return };
        let sequence = Sequence(pick as u64 + 1);
        let expected = account.replay(now, sequence);
        let message = MessageId::new(id(to), sequence, accepted_at);
        assert_eq!(self.store().replay(now, message).await.unwrap(), expected);
    }

    pub(super) async fn compare(&mut self) {
        let now = self.now;
        let mut lanes = Vec::new();
        for to in 0..ACCOUNTS {
            let followers: Vec<_> = (0..3).map(|key| (OrderingKey(key), Turn(2))).collect();
            let read = LaneRead {
                due_by: Some(now),
                followers: followers.clone(),
                limit: 1000,
                ..from_the_head(ONE + to)
            };
            let rows = load(self.store(), read).await;
            let all: Vec<Waiting> = self.account(to).pending.values().copied().collect();
            let bare = |waiting: &Waiting| Waiting { position: 0, ..*waiting };
            let expected: Vec<_> = all
                .iter()
                .map(|waiting| {
                    let before = |other: &&Waiting| other.key == waiting.key && other.turn < waiting.turn;
                    let before = waiting.key.and_then(|_| all.iter().rfind(before));
                    (*waiting, before.map(|before| before.turn))
                })
                .collect();
            let found: Vec<_> = rows.queue.iter().map(|(waiting, before)| (bare(waiting), *before)).collect();
            assert_eq!(found, expected);
            assert!(rows.end);

            let mut due: Vec<_> =
                all.iter().filter(|waiting| waiting.due.is_some_and(|due| due <= now)).copied().collect();
            due.sort_by_key(|waiting| (waiting.due, waiting.turn));
            assert_eq!(rows.due.iter().map(bare).collect::<Vec<_>>(), due);
            let next = all.iter().filter_map(|waiting| waiting.due).filter(|due| *due > now).min();
            assert_eq!(rows.next_due, next);
            let mut expected: Vec<_> = (0..3)
                .flat_map(|key| {
                    let follows = move |waiting: &&Waiting| {
                        waiting.key == Some(OrderingKey(key)) && waiting.turn > Turn(2)
                    };
                    all.iter().filter(follows).take(8).copied()
                })
                .collect();
            expected.sort_by_key(|waiting| waiting.turn);
            assert_eq!(rows.followers.iter().map(bare).collect::<Vec<_>>(), expected);
            if !all.is_empty() {
                lanes.push(id(to));
            }
            let database = look(self.folder);
            for (name, state) in [
                ("delivered", MessageState::Delivered),
                ("dead", MessageState::Dead),
                ("cancelled", MessageState::Cancelled),
            ] {
                let query = format!(
                    "SELECT coalesce((SELECT {name} FROM lane WHERE account = {}), 0)",
                    id(to).number()
                );
                assert_eq!(number(&database, &query), self.account(to).count(state), "{name}");
            }
        }
        assert_eq!(self.store().lanes_waiting(None, 10).await.unwrap(), lanes);
        the_rows_agree(&look(self.folder));
    }
}
