//! How the database goes about each statement of the busy path: from row to row by an index, whatever it knows of its tables.
//!
//! A server of the test's own tells every plan that it follows, in its log. A table that grows with the messages or with the
//! accounts is never read from end to end, nor sorted, nor merged with something as a whole. That costs nothing among few
//! messages and everything among many, and a plan is chosen by what the tables were like when somebody last looked.

use std::collections::{BTreeSet, HashSet};

use ringback_delivery::{LaneRead, LaneUpdate, MessageState, OrderingKey, Sequence, Turn};
use ringback_store::{MessageFilter, NewMessage, Reach, ReplayFilter, Retention, Store};
use ringback_testbed::{Database, Postgres};
use serde_json::Value;

use super::costs::{add_idle, open};
use crate::cast::*;
use crate::looking::*;

/// Accounts beside the story's, and messages of each of them.
const ACCOUNTS: u64 = 4000;
const MESSAGES: u64 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_over_a_large_table_whatever_the_planner_knows_of_it() {
    let Some(postgres) = Postgres::own() else { return };
    for known in [false, true] {
        let database = postgres.database();
        drop(open(&database).await);
        database.psql(
            "DO $$ DECLARE t regclass; BEGIN
                 FOR t IN SELECT c.oid FROM pg_class c
                          WHERE c.relnamespace = 'ringback'::regnamespace AND c.relkind = 'r'
                 LOOP EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', t); END LOOP;
             END $$",
        );
        fill(&database);
        if known {
            database.psql("ANALYZE");
        }
        tell_plans(&database);
        let store = open(&database).await;
        let before = postgres.log().len();
        live(&store).await;
        drop(store);
        database.until_left_alone().await;
        let plans = plans(&postgres.log()[before..]);
        assert!(plans.len() > 100, "the database tells its plans: {}", plans.len());
        let faults: BTreeSet<String> = plans.iter().flat_map(faults).collect();
        let faults = faults.into_iter().collect::<Vec<_>>().join("\n");
        assert!(faults.is_empty(), "with statistics: {known}\n{faults}");
    }
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
    let day = at(0).as_millis() / 86_400_000;
    let millis = at(0).as_millis();
    database.psql(&format!("SELECT ringback.make_day_1({day})"));
    database.psql(&format!(
        "CREATE TEMPORARY TABLE m AS
             SELECT a.shard, a.account, s.n AS sequence, s.n % 10 AS sort, a.account % 1000 * {MESSAGES} + s.n AS key,
                 (({millis} + row_number() OVER ()) << 20) AS position, {millis} + row_number() OVER () AS accepted_at
             FROM ringback.account a, generate_series(1, {MESSAGES}) AS s (n);
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
async fn live(store: &dyn Store) {
    for number in [ONE, TWO] {
        register(store, number).await;
    }
    accept_and_deliver(store).await;
    look(store).await;
    stop_and_send_again(store).await;
    store.retire(hour(3), short()).await.unwrap();
    store.retire(hour(12), Retention { bytes: Some(1), ..short() }).await.unwrap();
}

async fn accept_and_deliver(store: &dyn Store) {
    let batch = (0..200_u8).map(|n| {
        let message = named(if n % 2 == 0 { ONE } else { TWO }, n, n);
        NewMessage { key: Some(OrderingKey((n / 20).into())), ..message }
    });
    let batch: Vec<_> = batch.collect();
    // Prepared statements get a plan that is kept after some uses.
    for round in 0..8 {
        store.accept(at(1), batch.clone()).await.unwrap();
        accept(store, at(2), message(ONE, "alone")).await;
        store.tidings().await.unwrap();
        store.beat().await.unwrap();
        let shards: Vec<u16> = [ONE, TWO].map(|number| account(number).shard()).into();
        store.lanes_waiting_in(&shards, None, 100).await.unwrap();
        let lane = |number| LaneRead {
            due_by: Some(at(60)),
            followers: vec![(OrderingKey(3), Turn(7))],
            ..from_the_head(number)
        };
        let rows = store.load(vec![lane(ONE), lane(TWO)]).await.unwrap();
        let (ones, twos) = (&rows[0].queue, &rows[1].queue);
        let positions = ones.iter().chain(twos).map(|(waiting, _)| waiting.position).collect();
        store.contents(positions).await.unwrap();
        let first = &ones[0].0;
        let outcomes = vec![
            delivered(ONE, first),
            retry(ONE, &ones[1].0, at(100 + round)),
            dead(ONE, &ones[2].0),
            delivered(TWO, &twos[0].0),
        ];
        let lanes = vec![LaneUpdate { account: account(ONE), record: Default::default() }];
        store.record(at(50), outcomes, lanes).await.unwrap();
        store.hasten(at(60), account(ONE)).await.unwrap();
    }
}

async fn look(store: &dyn Store) {
    let ids = accept_many(store, at(3), TWO, 6).await;
    for id in ids {
        store.endpoint(at(4), account(ONE)).await.unwrap();
        store.registration(account(ONE)).await.unwrap();
        store.standing(account(ONE)).await.unwrap();
        seen(store, id).await;
        store.account(account(TWO)).await.unwrap();
        store.reel(account(ONE), Sequence(3), 10, 1 << 20).await.unwrap();
        let states =
            [None, Some(MessageState::Pending), Some(MessageState::Dead), Some(MessageState::Delivered)];
        for state in states {
            for filter in [of(ONE), everything()] {
                store.search(MessageFilter { state, ..filter }, None, 10).await.unwrap();
            }
        }
        for reach in [Reach::Every, Reach::Accounts(vec![account(ONE), account(TWO)])] {
            store.accounts(reach.clone(), None, 10).await.unwrap();
            store.tally(reach.clone(), None, 100).await.unwrap();
            store.troubled(reach, 10).await.unwrap();
        }
    }
}

async fn stop_and_send_again(store: &dyn Store) {
    let every = ReplayFilter { state: None, since: None, until: None };
    let ids = accept_many(store, at(5), ONE, 8).await;
    deliver_all(store, at(6), ONE).await;
    for id in ids {
        store.replay(at(7), id).await.unwrap();
    }
    store.count_replay(account(ONE), every).await.unwrap();
    for _ in 0..6 {
        store.begin_replay(at(8), account(ONE), every).await.unwrap();
        replay_all(store, at(9)).await;
        store.acknowledge(at(10), account(ONE), 20).await.unwrap();
        sweep_all(store, at(10), ONE).await;
        store.pause(at(11), account(TWO)).await.unwrap();
        store.resume(at(12), account(TWO)).await.unwrap();
        store.set_pull(at(12), account(TWO), true).await.unwrap();
        store.deregister(at(13), account(TWO)).await.unwrap();
        sweep_all(store, at(14), TWO).await;
        store.register(at(15), account(TWO), registration("anew")).await.unwrap();
        accept_many(store, at(16), TWO, 3).await;
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

/// What is wrong with a plan, and whose it is.
fn faults(told: &Value) -> Vec<String> {
    let sql = told["Query Text"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    look_at(&told["Plan"], false, &mut found);
    found.iter().map(|fault| format!("{fault}: {}", sql.chars().take(SHOWN).collect::<String>())).collect()
}

/// Looks at a step of a plan and at those below it. It `ends early` where whoever asks takes the first rows only.
fn look_at(step: &Value, ends_early: bool, found: &mut Vec<String>) {
    let kind = step["Node Type"].as_str().unwrap();
    let table = step["Relation Name"].as_str().map(whole).filter(|table| LARGE.contains(table));
    if let Some(table) = table.filter(|_| kind.ends_with("Scan")) {
        let condition = ["Index Cond", "Recheck Cond"].iter().find_map(|kind| step[*kind].as_str());
        let is_by_place = kind.starts_with("Tid");
        let is_in_order = kind.starts_with("Index");
        let goes_to_few = condition.is_some_and(|condition| is_narrow(table, condition));
        if !(is_by_place || goes_to_few || (is_in_order && ends_early)) {
            found.push(format!("{kind} of {table} by {}", condition.unwrap_or("nothing")));
        }
    }
    let ends_early = match kind {
        "Limit" => true,
        // These take all rows before they give one.
        "Sort" | "Aggregate" | "Hash" | "Hash Join" | "Merge Join" | "WindowAgg" | "ModifyTable" => false,
        _ => ends_early,
    };
    for below in step["Plans"].as_array().into_iter().flatten() {
        look_at(below, ends_early, found);
    }
}

/// Whether it leads to a few rows, however much there is: to an account's, to a message's, to those of an ordering key.
fn is_narrow(table: &str, condition: &str) -> bool {
    let columns: &[&str] = match table {
        "account" | "lane" | "registration" => &["account"],
        "idempotency" => &["key"],
        _ => &["sequence", "turn", "\"position\"", "position", "key"],
    };
    columns.iter().any(|column| condition.contains(&format!("({column} = ")))
}

/// How much of a statement is shown.
const SHOWN: usize = 300;
/// What grows with the messages or with the accounts.
const LARGE: [&str; 9] =
    ["arrival", "ending", "pending", "account", "lane", "kept", "attempt", "registration", "idempotency"];

/// The table that a partition is of.
fn whole(table: &str) -> &str {
    table.trim_end_matches(|character: char| character.is_ascii_digit()).trim_end_matches('_')
}
