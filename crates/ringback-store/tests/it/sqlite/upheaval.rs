//! Whatever happens in whatever order, replays and retention too: the ledger adds up, and every message that is kept is
//! found, with its own body.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use ringback_delivery::{Death, MessageId, MessageState, Sequence, Timestamp, Verdict, Waiting};
use ringback_store::{
    Dispatching, MessageFilter, Publishing, Reading, Registrations, ReplayFilter, ReplayJob, Replayed,
    Replaying, Retention, Settled, SqliteOptions, SqliteStore, Upkeep,
};
use tempfile::TempDir;

use super::{database, new_store};
use crate::cast::*;
use crate::looking::*;

const ACCOUNTS: u64 = 3;

/// SplitMix64: the same seed, the same history.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

struct Upheaval {
    dice: Dice,
    folder: TempDir,
    store: Option<SqliteStore>,
    now: Timestamp,
    /// All that was ever accepted.
    bodies: HashMap<MessageId, String>,
}

impl Upheaval {
    fn new(seed: u64) -> Self {
        let (folder, store) = new_store();
        Self { dice: Dice(seed), folder, store: Some(store), now: at(0), bodies: HashMap::new() }
    }

    fn store(&self) -> &SqliteStore {
        self.store.as_ref().unwrap()
    }

    fn anyone(&mut self) -> u64 {
        ONE + self.dice.throw(ACCOUNTS)
    }

    fn any_id(&mut self) -> Option<MessageId> {
        let mut ids: Vec<_> = self.bodies.keys().copied().collect();
        ids.sort_unstable();
        let count = ids.len() as u64;
        (count > 0).then(|| ids[usize::try_from(self.dice.throw(count)).unwrap()])
    }

    fn retention(&mut self) -> Retention {
        let minutes = |minutes| Duration::from_secs(minutes * 60);
        let bytes = (self.dice.throw(4) == 0).then(|| 200_000 + 1000 * self.dice.throw(300));
        Retention { finished: minutes(self.dice.throw(60)), dead: minutes(self.dice.throw(200)), bytes }
    }

    async fn happen(&mut self) {
        self.now = self.now.after(Duration::from_secs(self.dice.throw(600)));
        let (now, whose) = (self.now, self.anyone());
        match self.dice.throw(16) {
            0..=3 => self.accept().await,
            4..=6 => self.answer(whose).await,
            7 => {
                self.store().register(now, account(whose), registration("x")).await.unwrap();
            }
            8 => {
                if self.dice.throw(2) == 0 {
                    self.store().deregister(now, account(whose)).await.unwrap();
                }
            }
            9 => {
                let through = self.dice.throw(40);
                self.store().acknowledge(now, account(whose), through).await.unwrap();
            }
            10 => sweep_all(self.store(), now, whose).await,
            11 | 12 => {
                if let Some(id) = self.any_id() {
                    self.replay(id).await;
                }
            }
            13 => {
                let states = [None, Some(MessageState::Dead), Some(MessageState::Delivered)];
                let state = states[usize::try_from(self.dice.throw(3)).unwrap()];
                let filter = ReplayFilter { state, since: None, until: None };
                let count = self.store().count_replay(account(whose), filter).await.unwrap();
                let begun = self.store().begin_replay(now, account(whose), filter).await.unwrap();
                if let ReplayJob::Kept(begun) = begun {
                    assert_eq!(begun, count);
                }
                if self.dice.throw(2) == 0 {
                    self.store().replay_step(now).await.unwrap();
                }
            }
            14 => {
                let retention = self.retention();
                if self.dice.throw(2) == 0 {
                    self.store().retire(now, retention).await.unwrap();
                } else {
                    retire_all(self.store(), now, retention).await;
                }
            }
            _ => {
                self.store = None;
                let options = SqliteOptions::server(database(self.folder.path()));
                self.store = Some(SqliteStore::open(options).unwrap());
            }
        }
    }

    async fn accept(&mut self) {
        let mut batch = Vec::new();
        for _ in 0..=self.dice.throw(9) {
            let (to, n, length) = (self.anyone(), self.dice.throw(u64::MAX), self.dice.throw(6000));
            let body = format!("{n}{}", "x".repeat(usize::try_from(length).unwrap()));
            let key = i64::try_from(self.dice.throw(4)).unwrap();
            batch.push(if key == 0 { message(to, &body) } else { ordered(to, key, &body) });
        }
        let admissions = self.store().accept(self.now, batch.clone()).await.unwrap();
        for (message, admission) in batch.iter().zip(admissions) {
            if let ringback_store::Admission::Queued(id) = admission {
                self.bodies.insert(id, text(Some(&message.content.body)).to_owned());
            }
        }
    }

    async fn answer(&mut self, whose: u64) {
        let mut settled_now: Vec<Settled> = Vec::new();
        let rows: Vec<Waiting> = waiting(self.store(), whose).await;
        for row in &rows {
            let due = self.now.after(Duration::from_secs(60));
            settled_now.push(match self.dice.throw(8) {
                0 => dead(whose, row),
                1 => settled(whose, row, Verdict::Dead(Death::Age), answered(500)),
                2 => retry(whose, row, due),
                3 => settled(whose, row, Verdict::Cancelled, answered(500)),
                4 | 5 => delivered(whose, row),
                _ => continue,
            });
        }
        self.store().record(self.now, settled_now, Vec::new()).await.unwrap();
    }

    async fn replay(&mut self, id: MessageId) {
        let before = self.store().message(id).await.unwrap().map(|(message, _)| message.state);
        let registered = self.store().standing(id.account).await.unwrap().registered;
        let replayed = self.store().replay(self.now, id).await.unwrap();
        let expected = match before {
            None => Replayed::Unknown,
            Some(_) if !registered => Replayed::NotRegistered,
            Some(MessageState::Pending) => Replayed::Pending,
            Some(_) => Replayed::Queued,
        };
        assert_eq!(replayed, expected);
        if replayed == Replayed::Queued {
            assert_eq!(seen(self.store(), id).await.state, MessageState::Pending);
        }
    }

    async fn check(&self) {
        let store = self.store();
        verified(store).await;
        let filter = MessageFilter { with_bodies: true, ..everything() };
        let mut all = BTreeMap::new();
        for page in pages(store, &filter, 7).await {
            for message in page.items {
                let body = text(message.body.as_ref());
                assert_eq!(Some(body), self.bodies.get(&message.id).map(String::as_str));
                assert!(all.insert(message.id, message.state).is_none());
            }
        }
        for number in (0..ACCOUNTS).map(|n| ONE + n) {
            let reel = store.reel(account(number), Sequence(0), 10_000, usize::MAX).await.unwrap();
            let told: Vec<_> = reel.messages.iter().map(|message| (message.id, message.state)).collect();
            let mine = all.iter().filter(|(id, _)| id.account == account(number));
            assert_eq!(told, mine.map(|(id, state)| (*id, *state)).collect::<Vec<_>>());
            let summary = store.account(account(number)).await.unwrap();
            for (state, left) in [
                (MessageState::Delivered, summary.counts.delivered),
                (MessageState::Dead, summary.counts.dead),
                (MessageState::Cancelled, summary.counts.cancelled),
                (MessageState::Pending, summary.counts.pending),
            ] {
                assert_eq!(told.iter().filter(|(_, told)| *told == state).count() as u64, left, "{state:?}");
            }
        }
        for (id, state) in &all {
            let (message, attempts) = store.message(*id).await.unwrap().unwrap();
            assert_eq!((message.id, message.state), (*id, *state));
            assert_eq!(attempts.len(), usize::try_from(message.attempts).unwrap());
        }
        let positions: Vec<_> = {
            let mut positions = Vec::new();
            for number in (0..ACCOUNTS).map(|n| ONE + n) {
                positions.extend(waiting(store, number).await.iter().map(|row| row.position));
            }
            positions
        };
        assert!(store.contents(positions).await.unwrap().iter().all(Option::is_some));
    }
}

#[tokio::test]
async fn every_upheaval_leaves_a_ledger_that_adds_up() {
    for seed in 0..24 {
        let mut upheaval = Upheaval::new(seed);
        for number in 0..ACCOUNTS {
            register(upheaval.store(), ONE + number).await;
        }
        for _ in 0..6 {
            for _ in 0..15 {
                upheaval.happen().await;
            }
            verified(upheaval.store()).await;
        }
        for number in 0..ACCOUNTS {
            sweep_all(upheaval.store(), upheaval.now, ONE + number).await;
        }
        upheaval.check().await;
    }
}
