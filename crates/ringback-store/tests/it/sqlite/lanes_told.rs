//! The news of a message bring its lane along where nothing else waits, so that the lane need not be read.

use std::sync::{Arc, Mutex};

use ringback_delivery::{AccountId, EmptyLane, LaneRecord, LaneUpdate, Standing, Turn};
use ringback_store::{
    Admission, CommitListener, Dispatching as _, Fresh, Publishing as _, Registrations as _, SqliteStore,
};

use super::{database, new_store};
use crate::cast::*;

/// What came with each message.
#[derive(Default)]
struct Lanes(Mutex<Vec<Option<EmptyLane>>>);

impl Lanes {
    fn told_by(store: &SqliteStore) -> Arc<Self> {
        let lanes = Arc::new(Self::default());
        store.listen(lanes.clone());
        lanes
    }

    fn take(&self) -> Vec<Option<EmptyLane>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl CommitListener for Lanes {
    fn accepted(&self, fresh: Vec<Fresh>) {
        self.0.lock().unwrap().extend(fresh.into_iter().map(|fresh| fresh.lane.map(|lane| *lane)));
    }

    fn standing_changed(&self, _: AccountId, _: Standing) {}
}

/// The lane as a read finds it.
async fn read(store: &SqliteStore, of: u64) -> EmptyLane {
    let (standing, record) = load(store, from_the_head(of)).await.opening.unwrap();
    EmptyLane { standing, record }
}

#[tokio::test]
async fn the_first_message_of_an_empty_queue_brings_the_lane_as_it_was_before() {
    let (_folder, store) = new_store();
    register(&store, ONE).await;
    register(&store, TWO).await;
    let lanes = Lanes::told_by(&store);
    let before = (read(&store, ONE).await, read(&store, TWO).await);

    let batch = vec![message(ONE, "1"), message(TWO, "1"), message(ONE, "2")];
    store.accept(at(1), batch).await.unwrap();
    assert_eq!(lanes.take(), [Some(before.0), Some(before.1), None]);

    accept(&store, at(2), message(ONE, "3")).await;
    assert_eq!(lanes.take(), [None], "two others wait");

    let record = LaneRecord { successes: 3, ..LaneRecord::default() };
    let settled = waiting(&store, ONE).await.iter().map(|row| delivered(ONE, row)).collect();
    let update = LaneUpdate { account: account(ONE), record };
    store.record(at(3), settled, vec![update]).await.unwrap();
    let before = read(&store, ONE).await;
    assert_eq!((before.record, before.standing.last_turn), (record, Turn(3)));
    accept(&store, at(4), message(ONE, "4")).await;
    assert_eq!(lanes.take(), [Some(before)]);
}

#[tokio::test]
async fn what_is_cancelled_and_not_swept_yet_waits() {
    let (_folder, store) = new_store();
    register(&store, ONE).await;
    accept(&store, at(1), message(ONE, "1")).await;
    store.deregister(at(2), account(ONE)).await.unwrap();
    register(&store, ONE).await;
    let lanes = Lanes::told_by(&store);
    accept(&store, at(3), message(ONE, "2")).await;
    assert_eq!(lanes.take(), [None]);
}

#[tokio::test]
async fn what_waits_is_known_by_its_row_and_a_record_that_can_not_be_read_stops_nobody() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    register(&store, TWO).await;
    accept(&store, at(1), message(ONE, "1")).await;
    // The counters say that nothing waits for the first, and nothing can be made of the second's record.
    let other = rusqlite::Connection::open(database(folder.path())).unwrap();
    let damage = "INSERT INTO lane (account, delivered, health) VALUES (?1, ?2, ?3)";
    other.execute(damage, [ONE, 1, 0]).unwrap();
    other.execute(damage, [TWO, 0, 9]).unwrap();
    let lanes = Lanes::told_by(&store);
    let admissions = store.accept(at(2), vec![message(ONE, "2"), message(TWO, "1")]).await.unwrap();
    assert!(admissions.iter().all(|admission| matches!(admission, Admission::Queued(_))), "{admissions:?}");
    assert_eq!(lanes.take(), [None, None]);
}
