#![allow(clippy::unwrap_used)]
use ringback_delivery::{MessageKind, Sequence, Verdict};
use ringback_store::sqlite::{Limits, SqliteOptions, SqliteStore};
use ringback_store::{Content, NewMessage, Publishing as _, Registration, Registrations as _, Secret};

use super::*;

fn settled(account: AccountId, turn: u64) -> Settled {
    let (sequence, turn) = (Sequence(turn), Turn(turn));
    let settlement = Settlement { account, turn, sequence, attempts: 1, verdict: Verdict::Delivered };
    Settled { settlement, attempt: None }
}

fn settle(recorder: &mut Recorder, count: usize) {
    for number in 0..count {
        recorder.settle(settled(AccountId::from_number(7).unwrap(), number as u64 + 1));
    }
}

fn next(recorder: &mut Recorder, is_shared: bool, now: Instant) -> Option<usize> {
    let ownership = Ownership::new(is_shared, Duration::from_secs(1));
    recorder.next(&ownership, now).map(|batch| batch.settled.len())
}

#[test]
fn a_batch_grows_in_a_shared_store_until_it_is_large_or_the_last_one_was_long_ago() {
    let (mut recorder, mut now) = (Recorder::default(), Instant::now());
    settle(&mut recorder, 1);
    assert_eq!(next(&mut recorder, true, now), Some(1), "none came before");
    settle(&mut recorder, 1);
    assert_eq!(next(&mut recorder, true, now + GATHER), None, "one is under way");
    recorder.done(Refused::default(), now);
    assert_eq!(recorder.gathers_for(now), Some(GATHER));
    assert_eq!(next(&mut recorder, true, now), None);
    now += GATHER;
    assert_eq!(recorder.gathers_for(now), None);
    assert_eq!(next(&mut recorder, true, now), Some(1));
    recorder.done(Refused::default(), now);
    assert_eq!(recorder.gathers_for(now), None, "there is nothing");
    settle(&mut recorder, ENOUGH - 1);
    assert_eq!(next(&mut recorder, true, now), None);
    settle(&mut recorder, 1);
    assert_eq!(next(&mut recorder, true, now), Some(ENOUGH));
}

#[test]
fn nothing_is_waited_for_in_a_store_of_one_process() {
    let (mut recorder, now) = (Recorder::default(), Instant::now());
    for _ in 0..2 {
        settle(&mut recorder, 1);
        assert_eq!(next(&mut recorder, false, now), Some(1));
        recorder.done(Refused::default(), now);
    }
}

/// A store with three messages of each of some accounts, and one's outcomes of them all.
struct Scene {
    _folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
    database: rusqlite::Connection,
    accounts: Vec<AccountId>,
    recorder: Recorder,
    ownership: Arc<Ownership>,
}

impl Scene {
    async fn of(accounts: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let limits = Limits { free_space_reserve: 0, ..Limits::default() };
        let options = SqliteOptions { limits, ..SqliteOptions::server(path.clone()) };
        let store = Arc::new(SqliteStore::open(options).unwrap());
        let now = Clock::system().now();
        let accounts: Vec<AccountId> =
            (1..=accounts).map(|number| AccountId::from_number(number).unwrap()).collect();
        let mut recorder = Recorder::default();
        for &account in &accounts {
            let url = Secret::new("http://127.0.0.1:9/");
            let registration = Registration { url, username: None, password: None };
            store.register(now, account, registration).await.unwrap();
            let message = NewMessage {
                account,
                kind: MessageKind::FirmwareList,
                key: None,
                idempotency: None,
                content: Content { body: "{}".into(), trace: None },
            };
            store.accept(now, vec![message.clone(), message.clone(), message]).await.unwrap();
            for turn in 1..=3 {
                recorder.settle(settled(account, turn));
            }
            let record = LaneRecord { successes: 3, ..LaneRecord::default() };
            recorder.keep(LaneUpdate { account, record });
        }
        let database = rusqlite::Connection::open(path).unwrap();
        let ownership = Arc::new(Ownership::new(false, Duration::from_secs(1)));
        Self { _folder: folder, store, database, accounts, recorder, ownership }
    }

    /// Damages a message, or puts it right.
    fn rename(&self, account: AccountId, from: u64, to: u64) {
        let sql = "UPDATE message SET sequence = ?3 WHERE account = ?1 AND sequence = ?2";
        assert_eq!(self.database.execute(sql, [account.number(), from, to]).unwrap(), 1);
    }

    /// Nothing can be recorded.
    fn damage(&self) {
        let triggers = "CREATE TRIGGER no_insert BEFORE INSERT ON lane BEGIN SELECT RAISE(ABORT, 'no'); END;
            CREATE TRIGGER no_update BEFORE UPDATE ON lane BEGIN SELECT RAISE(ABORT, 'no'); END;";
        self.database.execute_batch(triggers).unwrap();
    }

    fn put_right(&self) {
        self.database.execute_batch("DROP TRIGGER no_insert; DROP TRIGGER no_update").unwrap();
    }

    fn pending(&self) -> u64 {
        self.database.query_row("SELECT count(*) FROM pending", [], |row| row.get(0)).unwrap()
    }

    fn record(&mut self, now: Instant) -> impl Future<Output = Recorded> + use<> {
        let batch = self.recorder.next(&self.ownership, now).unwrap();
        let (store, ownership) = (self.store.clone(), self.ownership.clone());
        batch.record(store, Clock::system(), None, Events::default(), ownership)
    }
}

#[tokio::test]
async fn what_the_store_refuses_for_good_is_set_aside_alone_and_recorded_when_it_can_be() {
    let mut scene = Scene::of(3).await;
    let (damaged, other) = (scene.accounts[1], scene.accounts[2]);
    scene.rename(damaged, 2, 1002);

    let now = Instant::now();
    let recorded = scene.record(now).await;
    assert_eq!(scene.pending(), 1, "one can't be recorded, and eight are");
    assert_eq!((recorded.settlements.len(), recorded.lanes.len()), (8, 3));
    assert!(!recorded.settlements.contains(&(damaged, Turn(2))));
    assert_eq!(scene.recorder.done(recorded.refused, now), [(damaged, true)]);
    assert!(scene.recorder.is_empty(), "nobody waits for it");

    // What comes for the account goes behind it, and for others as ever.
    scene.recorder.settle(settled(damaged, 3));
    scene.recorder.settle(settled(other, 3));
    assert_eq!(scene.recorder.next(&scene.ownership, now).unwrap().settled.len(), 1);
    assert!(scene.recorder.done(Refused::default(), now).is_empty());

    // After a while it is tried again; and once more, when it has been put right.
    let recorded = scene.record(now + ASIDE_FOR).await;
    assert_eq!(recorded.settlements, [(damaged, Turn(3))]);
    assert_eq!(scene.recorder.done(recorded.refused, now), [(damaged, true)]);
    scene.rename(damaged, 1002, 2);
    let recorded = scene.record(now + ASIDE_FOR).await;
    assert_eq!(recorded.settlements, [(damaged, Turn(2))]);
    assert_eq!(scene.recorder.done(recorded.refused, now), [(damaged, false)]);
    assert_eq!(scene.pending(), 0);
}

#[tokio::test]
async fn what_is_refused_for_a_moment_is_not_set_aside() {
    let mut scene = Scene::of(1).await;
    let account = scene.accounts[0];
    scene.rename(account, 2, 1002);
    let recording = scene.record(Instant::now());
    let put_right = async {
        // By then there have been refusals: nothing of this account was kept.
        tokio::time::sleep(FIRST_RETRY / 2).await;
        scene.rename(account, 1002, 2);
    };
    let (recorded, ()) = tokio::join!(recording, put_right);
    assert_eq!((recorded.settlements.len(), recorded.lanes.len()), (3, 1));
    assert!(scene.recorder.done(recorded.refused, Instant::now()).is_empty());
    assert_eq!(scene.pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn where_all_is_refused_the_store_is_waited_for() {
    let mut scene = Scene::of(20).await;
    scene.damage();
    let recording = scene.record(Instant::now());
    let put_right = async {
        tokio::time::sleep(LAST_RETRY * 4).await;
        scene.put_right();
    };
    let (recorded, ()) = tokio::join!(recording, put_right);
    assert_eq!((recorded.settlements.len(), recorded.lanes.len()), (60, 20));
    assert!(scene.recorder.done(recorded.refused, Instant::now()).is_empty());
    assert_eq!(scene.pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn where_all_is_refused_for_long_all_is_set_aside_and_tried_again_little_by_little() {
    let (mut scene, mut now) = (Scene::of(20).await, Instant::now());
    scene.damage();
    let recorded = scene.record(now).await;
    assert!(recorded.settlements.is_empty() && recorded.lanes.is_empty());
    assert_eq!(scene.recorder.done(recorded.refused, now).len(), 20);
    now += ASIDE_FOR;
    let recorded = scene.record(now).await;
    assert_eq!(scene.recorder.done(recorded.refused, now).len(), ASIDE_AT_ONCE);
    assert!(scene.recorder.next(&scene.ownership, now).is_none());
    scene.put_right();
    now += ASIDE_FOR;
    for goes_on in [ASIDE_AT_ONCE, 20 - ASIDE_AT_ONCE] {
        let recorded = scene.record(now).await;
        let told = scene.recorder.done(recorded.refused, now);
        assert_eq!(told.iter().filter(|(_, is_aside)| !is_aside).count(), goes_on);
    }
    assert_eq!(scene.pending(), 0);
}

#[test]
fn what_was_set_aside_is_tried_before_the_rest() {
    let (mut recorder, now) = (Recorder::default(), Instant::now());
    let account = AccountId::from_number(9).unwrap();
    recorder.done(Refused { settled: vec![settled(account, 1)], ..Refused::default() }, now);
    settle(&mut recorder, BATCH);
    let ownership = Ownership::new(false, Duration::from_secs(1));
    let batch = recorder.next(&ownership, now + ASIDE_FOR).unwrap();
    assert_eq!(batch.settled.len(), BATCH);
    assert_eq!(batch.settled[0].settlement.account, account);
}

#[test]
fn what_was_set_aside_goes_with_its_shard() {
    let ownership = Ownership::new(true, Duration::from_secs(1));
    let account = AccountId::from_number(7).unwrap();
    let mut recorder = Recorder::default();
    let refused = || Refused {
        settled: vec![settled(account, 1)],
        tokens: BTreeMap::from([(account.shard(), 5)]),
        ..Refused::default()
    };
    ownership.gain(account.shard(), 5);
    recorder.done(refused(), Instant::now());
    assert!(recorder.refuse_outdated(&ownership).is_none());
    assert!(!recorder.has(account.shard()), "it keeps no shard from being given back");
    assert_eq!(recorder.refuse(|of| of == account).settlements, [(account, Turn(1))]);
    // The shard was lost, and is the node's anew, while that was being recorded.
    ownership.gain(account.shard(), 6);
    recorder.done(refused(), Instant::now());
    assert_eq!(recorder.refuse_outdated(&ownership).unwrap().settlements, [(account, Turn(1))]);
    assert!(recorder.refuse_outdated(&ownership).is_none());
}
