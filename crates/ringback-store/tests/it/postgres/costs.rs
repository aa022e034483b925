//! What accepting, claiming and recording read, in rows and blocks: as much among many idle accounts and behind many
//! waiting messages as among few. Counted by the database, never timed.

use std::fmt::Write as _;

use ringback_delivery::{AccountId, LaneRead, LaneUpdate, Turn};
use ringback_store::{Dispatching as _, PostgresStore, Publishing as _, Role, Sharing as _};
use ringback_testbed::{Database, Postgres, Reads};

use super::{options, own_everything};
use crate::cast::*;

/// Accounts that get and wait for messages.
pub(super) const BUSY: u64 = 10;
/// How often each act is done.
const ROUNDS: u64 = 10;
/// Messages that are accepted at once while the table fills.
const CHUNK: usize = 512;
/// Accounts in one statement: arguments have a bound.
const ACCOUNTS: usize = 4000;
/// As large as most are.
const BODY_BYTES: usize = 1000;
/// So many of each are few: so many that reading all of them is not the best way.
const FEW: u64 = 4000;

/// Of each busy account, the turn that was delivered last: a lane that is in memory reads behind it.
pub(super) type Gone = [Turn; BUSY as usize];

/// What one act reads.
#[derive(Debug)]
pub(super) struct Costs {
    accept: Reads,
    claim: Reads,
    record: Reads,
    look: Reads,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_reads_more_among_many_idle_accounts_and_waiting_messages() {
    compare(FEW, 30_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes most of a minute: the same with a million of each, for the figures"]
async fn nothing_reads_more_among_a_million_idle_accounts_and_waiting_messages() {
    compare(FEW, 1_000_000).await;
}

async fn compare(few: u64, many: u64) {
    let Some(postgres) = Postgres::shared() else { return };
    let mut found = Vec::new();
    for (idle, waiting) in [(few, few), (many, few), (few, many)] {
        let database = postgres.database();
        let costs = measure(&database, idle, waiting).await;
        costs.print(&format!("{idle} idle accounts, {waiting} waiting messages"));
        found.push(costs);
    }
    for costs in &found[1..] {
        for ((act, reads), (_, before)) in costs.each().into_iter().zip(found[0].each()) {
            assert!(reads.rows <= before.rows * 3 / 2 + 2, "{act}: {before:?}, then {reads:?}");
            // An index of more rows is a level or two higher.
            assert!(reads.blocks <= before.blocks * 2 + 4, "{act}: {before:?}, then {reads:?}");
        }
    }
}

/// What each act reads in a database with so much in it.
async fn measure(database: &Database<'_>, idle: u64, waiting: u64) -> Costs {
    fill(database, idle, waiting).await;
    // As autovacuum would, but not in the middle of it.
    database.psql(
        "DO $$ DECLARE t regclass; BEGIN
             FOR t IN SELECT c.oid FROM pg_class c
                      WHERE c.relnamespace = 'ringback'::regnamespace AND c.relkind = 'r'
             LOOP EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', t); END LOOP;
         END $$",
    );
    database.psql("VACUUM ANALYZE");
    Costs::of(database, 0, &Gone::default()).await
}

/// Lays so many idle accounts, and so many messages that wait for the busy ones.
pub(super) async fn fill(database: &Database<'_>, idle: u64, waiting: u64) {
    let store = open(database).await;
    for number in busy() {
        register(&store, number).await;
    }
    add_idle(database, idle);
    let (body, numbers) = ("x".repeat(BODY_BYTES), (0..waiting).collect::<Vec<u64>>());
    for chunk in numbers.chunks(CHUNK) {
        let messages: Vec<_> = chunk.iter().map(|number| message(ONE + number % BUSY, &body)).collect();
        // On a machine with much else to do one may be given up that was kept all the same: a few more wait then.
        while store.accept(at(1), messages.clone()).await.is_err() {}
    }
}

impl Costs {
    /// What each act reads now, of lanes whose messages up to these turns are gone. Each `series` has keys of its own, and
    /// ends a few dozen messages.
    pub(super) async fn of(database: &Database<'_>, series: u8, gone: &Gone) -> Self {
        let read = |number: u64| LaneRead {
            after: gone[(number - ONE) as usize],
            limit: 32,
            due_by: Some(at(60)),
            ..from_the_head(number)
        };
        let accepting = async |store: &PostgresStore, round: u64| {
            let key = series * 64 + u8::try_from(round).unwrap();
            accept(store, at(2 + i64::from(key)), named(ONE + round % BUSY, key, key)).await;
        };
        let claiming = async |store: &PostgresStore, round: u64| {
            let rows = load(store, read(ONE + round % BUSY)).await;
            let positions = rows.queue.iter().map(|(waiting, _)| waiting.position).collect();
            assert_eq!(store.contents(positions).await.unwrap().len(), 32);
        };
        let recording = async |store: &PostgresStore, round: u64| {
            let number = ONE + round % BUSY;
            let rows = load(store, read(number)).await.queue;
            let outcomes = vec![
                delivered(number, &rows[0].0),
                retry(number, &rows[1].0, at(100)),
                dead(number, &rows[2].0),
            ];
            let lanes = vec![LaneUpdate { account: account(number), record: Default::default() }];
            store.record(at(50), outcomes, lanes).await.unwrap();
        };
        let looking = async |store: &PostgresStore, _| {
            store.tidings().await.unwrap();
            let shards: Vec<u16> = busy().map(|number| account(number).shard()).collect();
            assert_eq!(store.lanes_waiting_in(&shards, None, 100).await.unwrap().len(), BUSY as usize);
        };
        Self {
            accept: act(database, accepting).await,
            claim: act(database, claiming).await,
            record: act(database, recording).await,
            look: act(database, looking).await,
        }
    }

    pub(super) fn each(&self) -> [(&'static str, Reads); 4] {
        [("accept", self.accept), ("claim", self.claim), ("record", self.record), ("look", self.look)]
    }

    pub(super) fn print(&self, of: &str) {
        let each =
            self.each().map(|(act, reads)| format!("{act} {} rows, {} blocks", reads.rows, reads.blocks));
        eprintln!("{of}: {}", each.join("; "));
    }
}

/// What one round of an act reads.
async fn act(database: &Database<'_>, done: impl AsyncFn(&PostgresStore, u64)) -> Reads {
    // What is done once in a day is no round's.
    during(database, 0..1, &done).await;
    let opening = during(database, 0..0, &done).await;
    let all = during(database, 1..1 + ROUNDS, &done).await;
    let each = |all: u64, opening: u64| all.saturating_sub(opening) / ROUNDS;
    Reads { rows: each(all.rows, opening.rows), blocks: each(all.blocks, opening.blocks) }
}

async fn during(
    database: &Database<'_>,
    rounds: std::ops::Range<u64>,
    done: &impl AsyncFn(&PostgresStore, u64),
) -> Reads {
    database.until_left_alone().await;
    let before = reads(database);
    let store = open(database).await;
    for round in rounds {
        done(&store, round).await;
    }
    drop(store);
    database.until_left_alone().await;
    reads(database) - before
}

/// What was read, but for what keeps nodes and shards: those are few, and are read as each store is opened.
pub(super) fn reads(database: &Database<'_>) -> Reads {
    database.reads("ringback", &["node", "shard"])
}

pub(super) async fn open(database: &Database<'_>) -> PostgresStore {
    let store = PostgresStore::connect(options(database, Role::Server)).await.unwrap();
    // The node before has not left: its shards are free all the same.
    database.psql("UPDATE ringback.shard SET owner = NULL");
    own_everything(&store).await;
    store
}

fn busy() -> std::ops::Range<u64> {
    ONE..ONE + BUSY
}

/// Accounts that have had messages once and have none.
pub(super) fn add_idle(database: &Database<'_>, count: u64) {
    let accounts: Vec<AccountId> = (1..=count).map(account).collect();
    for accounts in accounts.chunks(ACCOUNTS) {
        let (mut shards, mut numbers) = (String::new(), String::new());
        for account in accounts {
            write!(shards, "{},", account.shard()).unwrap();
            write!(numbers, "{},", account.number()).unwrap();
        }
        let (shards, numbers) = (shards.trim_end_matches(','), numbers.trim_end_matches(','));
        database.psql(&format!(
            "WITH i AS MATERIALIZED (
                 SELECT * FROM unnest('{{{shards}}}'::smallint[], '{{{numbers}}}'::bigint[]) AS i (shard, account)),
             a AS (INSERT INTO ringback.account (shard, account, registered, base_sequence)
                   SELECT shard, account, true, 1 FROM i)
             INSERT INTO ringback.lane SELECT shard, account, 1, 1, 0, 0, 0, 0, NULL, NULL, NULL, 1, 0, 0, 0, 0, 0 FROM i"
        ));
    }
}
