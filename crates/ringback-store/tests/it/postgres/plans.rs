//! How the database goes about each statement of the busy path: from row to row by an index, whatever it knows of its tables.
//!
//! A server of the test's own tells every plan that it follows, in its log. A table that grows with the messages or with the
//! accounts is never read from end to end, nor sorted, nor merged with something as a whole, and none of its indexes is walked
//! but from a key on. That costs nothing among few messages and everything among many, and a plan is chosen by what the tables
//! were like when somebody last looked.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use ringback_delivery::{LaneRead, LaneUpdate, MessageState, OrderingKey, Sequence, Turn};
use ringback_store::{
    MessageFilter, NewMessage, PostgresStore, Reach, ReplayFilter, Retention, Role, Store, Swept, Upkeep as _,
};
use ringback_testbed::{Database, Postgres};
use serde_json::Value;

use super::costs::{add_idle, open};
use super::options;
use crate::cast::*;
use crate::looking::*;

/// Accounts beside the story's, and messages of each of them.
const ACCOUNTS: u64 = 4000;
const MESSAGES: u64 = 10;
/// Beside the story's.
const FOUR: u64 = 25_201_234_500_004;

/// What the database knows of its tables as it plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    /// That they were empty; and most plans are kept from when they almost were.
    Emptiness,
    All,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_over_a_large_table_whatever_the_planner_knows_of_it() {
    let Some(postgres) = Postgres::own() else { return };
    for known in [Known::Nothing, Known::Emptiness, Known::All] {
        let database = postgres.database();
        drop(open(&database).await);
        database.psql(
            "DO $$ DECLARE t regclass; BEGIN
                 FOR t IN SELECT c.oid FROM pg_class c
                          WHERE c.relnamespace = 'ringback'::regnamespace AND c.relkind = 'r'
                 LOOP EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', t); END LOOP;
             END $$",
        );
        let day = at(0).as_millis() / 86_400_000;
        // The next one's is empty when most plans are made.
        database.psql(&format!("SELECT ringback.make_day_1({day}), ringback.make_day_1({day} + 1)"));
        tell_plans(&database);
        let other = PostgresStore::connect(options(&database, Role::Server)).await.unwrap();
        let mut store = None;
        if known == Known::Emptiness {
            database.psql("ANALYZE");
            let first = store.insert(open(&database).await);
            live(first, &other, [THREE, FOUR]).await;
            for _ in 0..KEPT_AFTER {
                first.retire(at(20), long()).await.unwrap();
            }
        }
        fill(&database);
        if known == Known::All {
            database.psql("ANALYZE");
        }
        let before = postgres.log().len();
        let store = match store {
            Some(store) => store,
            None => open(&database).await,
        };
        // As another node leaves word of an account.
        let changed = account(THREE);
        database.psql(&format!(
            "INSERT INTO ringback.news (shard, account, standing) VALUES ({}, {}, true)",
            changed.shard(),
            changed.number()
        ));
        live(&store, &other, [ONE, TWO]).await;
        let mut indexes = indexes(&database);
        store.retire(hour(3), short()).await.unwrap();
        store.retire(hour(12), Retention { bytes: Some(1), ..short() }).await.unwrap();
        // As when all of the first day has outlived its time.
        let behind = ((day + 1) * 86_400_000) << 20;
        database.psql(&format!("UPDATE ringback.tape SET cut = {behind}, floor = {behind}"));
        while store.retire(hour(72), long()).await.unwrap() == Swept::More {}
        drop((store, other));
        database.until_left_alone().await;
        indexes.extend(self::indexes(&database));
        let plans = plans(&postgres.log()[before..]);
        assert!(plans.len() > 100, "the database tells its plans: {}", plans.len());
        let faults: BTreeSet<String> = plans.iter().flat_map(|told| faults(told, &indexes)).collect();
        let faults = faults.into_iter().collect::<Vec<_>>().join("\n");
        assert!(faults.is_empty(), "the planner knows: {known:?}\n{faults}");
    }
}

/// Uses of a prepared statement after which its plan is kept.
const KEPT_AFTER: usize = 8;

/// Nothing outlives this.
fn long() -> Retention {
    let days = Duration::from_secs(100 * 24 * 3600);
    Retention { finished: days, dead: days, bytes: None }
}

/// From now on every session has each plan in the log that is followed.
fn tell_plans(database: &Database<'_>) {
    let settings = [
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_nested_statements", "on"),
        ("auto_explain.log_format", "json"),
    ];
    database.psql("LOAD 'auto_explain'");
    for (name, value) in settings {
        database.psql(&format!("ALTER DATABASE {} SET {name} = '{value}'", database.name()));
    }
}

/// Thousands of accounts with ten messages each: delivered, dead, waiting, and set aside.
fn fill(database: &Database<'_>) {
    add_idle(database, ACCOUNTS);
    let millis = at(0).as_millis();
    let day = millis / 86_400_000;
    database.psql(&format!(
        "CREATE TEMPORARY TABLE m AS
             SELECT a.shard, a.account, s.n AS sequence, s.n % 10 AS sort, a.account % 1000 * {MESSAGES} + s.n AS key,
                 (({millis} + row_number() OVER ()) << 20) AS position, {millis} + row_number() OVER () AS accepted_at
             FROM ringback.account a, generate_series(1, {MESSAGES}) AS s (n) WHERE a.account <= {ACCOUNTS};
         INSERT INTO ringback.arrival (shard, account, sequence, position, accepted_at, kind, key, body)
             SELECT shard, account, sequence, position, accepted_at, 1, key, 'a body' FROM m;
         INSERT INTO ringback.ending (shard, account, sequence, position, turn, state, finished_at, attempts)
             SELECT shard, account, sequence, position, sequence, CASE sort WHEN 1 THEN 2 ELSE 1 END, accepted_at, 1
             FROM m WHERE sort < 7;
         INSERT INTO ringback.attempt (shard, account, sequence, number, started_at, duration, outcome)
             SELECT shard, account, sequence, 1, accepted_at, 1, 500 FROM m WHERE sort IN (1, 8);
         INSERT INTO ringback.pending (shard, account, turn, sequence, position, key, accepted_at, born, due)
             SELECT shard, account, sequence, sequence, position, key, accepted_at, accepted_at,
                 CASE sort WHEN 8 THEN accepted_at END
             FROM m WHERE sort >= 7;
         INSERT INTO ringback.kept (shard, account, sequence, position, accepted_at, kind, body, turn, state, finished_at)
             SELECT shard, account, -1, position - ({millis} << 19), accepted_at, 1, 'a body', sequence, 2, accepted_at
             FROM m WHERE sort = 1;
         INSERT INTO ringback.registration (shard, account, registered_at) SELECT shard, account, 1 FROM m WHERE sort = 1;
         INSERT INTO ringback.idempotency (period, shard, account, key, message, sequence, position, accepted_at)
             SELECT {day}, shard, account, sha256(position::text::bytea), '', sequence, position, accepted_at FROM m"
    ));
}

/// The busy path, and what looks after it.
async fn live(store: &dyn Store, other: &dyn Store, [one, two]: [u64; 2]) {
    for number in [one, two] {
        register(store, number).await;
    }
    accept_and_deliver(store, other, [one, two]).await;
    look(store, [one, two]).await;
    stop_and_send_again(store, [one, two]).await;
}

async fn accept_and_deliver(store: &dyn Store, other: &dyn Store, [one, two]: [u64; 2]) {
    let batch = (0..200_u8).map(|n| {
        let message = named(if n % 2 == 0 { one } else { two }, n, n);
        NewMessage { key: Some(OrderingKey((n / 20).into())), ..message }
    });
    let batch: Vec<_> = batch.collect();
    // Prepared statements get a plan that is kept after some uses.
    for round in 0..i64::try_from(KEPT_AFTER).unwrap() {
        store.accept(at(1), batch.clone()).await.unwrap();
        // What another node takes in comes along with the next.
        accept_many(other, at(2), one, 3).await;
        accept(store, at(2), message(one, "alone")).await;
        store.tidings().await.unwrap();
        store.beat().await.unwrap();
        let shards: Vec<u16> = [one, two].map(|number| account(number).shard()).into();
        store.lanes_waiting_in(&shards, None, 100).await.unwrap();
        let lane = |number| LaneRead {
            due_by: Some(at(60)),
            followers: vec![(OrderingKey(3), Turn(7))],
            ..from_the_head(number)
        };
        let rows = store.load(vec![lane(one), lane(two)]).await.unwrap();
        let (ones, twos) = (&rows[0].queue, &rows[1].queue);
        let positions = ones.iter().chain(twos).map(|(waiting, _)| waiting.position).collect();
        store.contents(positions).await.unwrap();
        let first = &ones[0].0;
        let outcomes = vec![
            delivered(one, first),
            retry(one, &ones[1].0, at(100 + round)),
            dead(one, &ones[2].0),
            delivered(two, &twos[0].0),
        ];
        let lanes = vec![LaneUpdate { account: account(one), record: Default::default() }];
        store.record(at(50), outcomes, lanes).await.unwrap();
        store.hasten(at(60), account(one)).await.unwrap();
    }
}

async fn look(store: &dyn Store, [one, two]: [u64; 2]) {
    let ids = accept_many(store, at(3), two, 6).await;
    for id in ids {
        store.endpoint(at(4), account(one)).await.unwrap();
        store.registration(account(one)).await.unwrap();
        store.standing(account(one)).await.unwrap();
        seen(store, id).await;
        store.account(account(two)).await.unwrap();
        store.reel(account(one), Sequence(3), 10, 1 << 20).await.unwrap();
        let states =
            [None, Some(MessageState::Pending), Some(MessageState::Dead), Some(MessageState::Delivered)];
        for state in states {
            for filter in [of(one), everything()] {
                store.search(MessageFilter { state, ..filter }, None, 10).await.unwrap();
            }
        }
        for reach in [Reach::Every, Reach::Accounts(vec![account(one), account(two)])] {
            store.accounts(reach.clone(), None, 10).await.unwrap();
            store.tally(reach.clone(), None, 100).await.unwrap();
            store.troubled(reach, 10).await.unwrap();
        }
        store.reseal_step(None).await.unwrap();
        store.reseal_step(Some(account(7))).await.unwrap();
    }
}

async fn stop_and_send_again(store: &dyn Store, [one, two]: [u64; 2]) {
    let every = ReplayFilter { state: None, since: None, until: None };
    let ids = accept_many(store, at(5), one, 8).await;
    deliver_all(store, at(6), one).await;
    for id in ids {
        store.replay(at(7), id).await.unwrap();
    }
    store.count_replay(account(one), every).await.unwrap();
    for _ in 0..6 {
        store.begin_replay(at(8), account(one), every).await.unwrap();
        replay_all(store, at(9)).await;
        store.acknowledge(at(10), account(one), 20).await.unwrap();
        sweep_all(store, at(10), one).await;
        store.pause(at(11), account(two)).await.unwrap();
        store.resume(at(12), account(two)).await.unwrap();
        store.set_pull(at(12), account(two), true).await.unwrap();
        store.deregister(at(13), account(two)).await.unwrap();
        sweep_all(store, at(14), two).await;
        store.register(at(15), account(two), registration("anew")).await.unwrap();
        accept_many(store, at(16), two, 3).await;
    }
}

/// The statements in a log, with their plans. What differs from another by nothing but numbers is left out.
fn plans(log: &str) -> Vec<Value> {
    let lines: Vec<&str> = log.lines().collect();
    let mut known = HashSet::new();
    let told = lines.iter().enumerate().filter(|(_, line)| line.trim_end().ends_with("plan:"));
    let told = told.map(|(at, _)| {
        let json = lines[at + 1..].iter().take_while(|line| line.starts_with('\t'));
        json.copied().collect::<Vec<_>>().join("\n")
    });
    told.filter(|json| known.insert(json.replace(|character: char| character.is_ascii_digit(), "")))
        .map(|json| serde_json::from_str(&json).unwrap())
        .collect()
}

/// An index: of which table, and its first column.
type Indexes = HashMap<String, (String, String)>;

fn indexes(database: &Database<'_>) -> Indexes {
    let found = database.psql(
        "SELECT i.relname, t.relname, a.attname FROM pg_index x
             JOIN pg_class i ON i.oid = x.indexrelid AND i.relnamespace = 'ringback'::regnamespace
             JOIN pg_class t ON t.oid = x.indrelid
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]",
    );
    let each = found.lines().map(|line| line.split('|').map(str::to_owned).collect::<Vec<_>>());
    each.map(|index| (index[0].clone(), (whole(&index[1]).to_owned(), index[2].clone()))).collect()
}

/// What is wrong with a plan, and whose it is.
fn faults(told: &Value, indexes: &Indexes) -> Vec<String> {
    let sql = told["Query Text"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    look_at(&told["Plan"], false, indexes, &mut found);
    found.iter().map(|fault| format!("{fault}: {}", sql.chars().take(SHOWN).collect::<String>())).collect()
}

/// Looks at a step of a plan and at those below it. It `ends early` where whoever asks takes the first rows only, and each row
/// is one of them.
fn look_at(step: &Value, ends_early: bool, indexes: &Indexes, found: &mut Vec<String>) {
    let kind = step["Node Type"].as_str().unwrap();
    if let Some(fault) = fault(step, kind, ends_early, indexes) {
        found.push(fault);
    }
    let is_early_below = match kind {
        "Limit" => true,
        // These give each row on, as it comes.
        "Append" | "Merge Append" | "LockRows" | "Subquery Scan" | "Result" | "Unique" => {
            ends_early && step.get("Filter").is_none()
        }
        // To each row on the left it gives one at least.
        "Nested Loop" => ends_early && step["Join Type"] == "Left" && step.get("Filter").is_none(),
        _ => false,
    };
    for below in step["Plans"].as_array().into_iter().flatten() {
        // What is on the right, and what is asked beside, is read for each row, or before the first.
        let is_asked_for_rows =
            ["Outer", "Member", "Subquery"].contains(&below["Parent Relationship"].as_str().unwrap_or(""));
        look_at(below, is_early_below && is_asked_for_rows, indexes, found);
    }
}

/// What is wrong with how a step goes over a large table, if it does.
fn fault(step: &Value, kind: &str, ends_early: bool, indexes: &Indexes) -> Option<String> {
    let condition = step["Index Cond"].as_str();
    let shown = condition.unwrap_or("nothing");
    // The server's own tables are not meant.
    if let Some(name) = step["Index Name"].as_str().filter(|name| !name.starts_with("pg_")) {
        let (table, first) = indexes.get(name).unwrap_or_else(|| panic!("no index is called {name}"));
        let begins_at_a_key = condition.is_some_and(|condition| names(condition, first));
        let goes_to_few = begins_at_a_key && condition.is_some_and(|condition| is_narrow(table, condition));
        // What a filter leaves out is walked over: that may be an account's, or what was cut off and goes with its day, and
        // not everybody's.
        let is_of_one = condition.is_some_and(|condition| condition.contains("(account = "));
        let filter = step["Filter"].as_str();
        if table == "pending" && filter.is_some_and(|filter| names(filter, "key")) {
            return Some(format!("a key is looked for in all that waits, by {name} and {shown}"));
        }
        let leaves_little_out =
            is_of_one || filter.is_none_or(|filter| filter.starts_with("(\"position\" > $"));
        let takes_the_first = kind != "Bitmap Index Scan" && ends_early && leaves_little_out;
        let is_fine = !LARGE.contains(&&**table) || goes_to_few || takes_the_first;
        return (!is_fine).then(|| format!("{kind} of {table} by {name} and {shown}"));
    }
    // What a bitmap leads to is as few as the index below it says; a place leads to one.
    let table = step["Relation Name"].as_str().map(whole).filter(|table| LARGE.contains(table))?;
    let is_fine = !kind.ends_with("Scan") || kind.starts_with("Tid") || kind == "Bitmap Heap Scan";
    (!is_fine).then(|| format!("{kind} of {table}"))
}

/// Whether a condition is about a column.
fn names(condition: &str, column: &str) -> bool {
    condition
        .split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .any(|word| word == column)
}

/// Whether it leads to a few rows, however much there is: to an account's, to a message's, to those of an ordering key.
fn is_narrow(table: &str, condition: &str) -> bool {
    let columns: &[&str] = match table {
        "account" | "lane" | "registration" | "signing_secret" => &["account"],
        "idempotency" => &["key"],
        _ => &["sequence", "turn", "\"position\"", "position", "key"],
    };
    columns.iter().any(|column| condition.contains(&format!("({column} = ")))
}

/// How much of a statement is shown.
const SHOWN: usize = 300;
/// What grows with the messages or with the accounts.
const LARGE: [&str; 10] = [
    "arrival",
    "ending",
    "pending",
    "account",
    "lane",
    "kept",
    "attempt",
    "registration",
    "signing_secret",
    "idempotency",
];

/// The table that a partition is of.
fn whole(table: &str) -> &str {
    table.trim_end_matches(|character: char| character.is_ascii_digit()).trim_end_matches('_')
}
