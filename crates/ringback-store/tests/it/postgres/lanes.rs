//! Who changes a lane while others do: no change of its counters is lost, however many others came between.

use ringback_delivery::AccountId;
use ringback_store::{Dispatching as _, Upkeep as _};
use ringback_testbed::Database;

use super::{SOMEBODY_WAITS, Session, told_store};
use crate::cast::*;
use crate::looking::*;

/// A record waits for a message's row while the lane gets two new versions: with a row of the lane that it has read, and with
/// the lane's first one.
#[tokio::test]
async fn an_outcome_is_counted_however_often_its_lane_changed_while_it_waited() {
    for before in 0..=1 {
        let Some((database, store)) = told_store().await else { return };
        register(&store, ONE).await;
        accept_many(&store, at(1), ONE, 3 + before).await;
        let rows = waiting(&store, ONE).await;
        for row in &rows[..before] {
            store.record(at(2), vec![delivered(ONE, row)], Vec::new()).await.unwrap();
        }
        let [late, first, second] = &rows[before..] else { panic!("three wait") };

        let somebody = Session::begin(&database).await;
        somebody.run(&format!("SELECT FROM ringback.pending WHERE turn = {} FOR UPDATE", late.turn.0)).await;
        let meanwhile = async {
            database.until(SOMEBODY_WAITS).await;
            store.record(at(3), vec![delivered(ONE, first)], Vec::new()).await.unwrap();
            store.record(at(4), vec![delivered(ONE, second)], Vec::new()).await.unwrap();
            somebody.end().await;
        };
        let (recorded, ()) =
            tokio::join!(store.record(at(3), vec![delivered(ONE, late)], Vec::new()), meanwhile);
        recorded.unwrap();
        assert_eq!(verified(&store).await.counts.delivered, 3 + before as u64);
        assert_eq!(versions(&database, account(ONE)), 1);
    }
}

/// The retention counts in several lanes, and waits at the first while the last gets two new versions.
#[tokio::test]
async fn what_the_retention_took_is_counted_however_often_a_lane_changed_meanwhile() {
    let Some((database, store)) = told_store().await else { return };
    let mut accounts = [ONE, TWO];
    accounts.sort_by_key(|number| account(*number).shard());
    let [first, last] = accounts;
    for number in accounts {
        register(&store, number).await;
        accept_many(&store, at(0), number, 1).await;
        deliver_all(&store, at(0), number).await;
    }
    accept_many(&store, hour(2), last, 2).await;
    let rows = waiting(&store, last).await;

    let somebody = Session::begin(&database).await;
    let next = "SELECT shard, account, version + 1, 0, 0, 0, 0, 0, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0 FROM ringback.lane";
    somebody.run(&format!("INSERT INTO ringback.lane {next} WHERE account = {first}")).await;
    let meanwhile = async {
        database.until(SOMEBODY_WAITS).await;
        for row in &rows {
            store.record(hour(2), vec![delivered(last, row)], Vec::new()).await.unwrap();
        }
        somebody.end().await;
    };
    let (retired, ()) = tokio::join!(store.retire(hour(2), short()), meanwhile);
    retired.unwrap();
    let counts = verified(&store).await.counts;
    assert_eq!((counts.delivered, counts.dropped_delivered), (2, 2));
    assert_eq!(versions(&database, account(last)), 1);
}

/// Rows of a lane, of which the newest counts.
fn versions(database: &Database<'_>, account: AccountId) -> usize {
    let sql = format!("SELECT count(*) FROM ringback.lane WHERE account = {}", account.number());
    database.psql(&sql).trim().parse().unwrap()
}
