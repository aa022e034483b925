//! An account's replay outlives the program.

use ringback_delivery::MessageState;
use ringback_store::{ReplayFilter, ReplayJob, Replaying, SqliteOptions, SqliteStore, Swept};

use super::{database, new_store};
use crate::cast::*;
use crate::looking::*;

#[tokio::test]
async fn a_replay_goes_on_after_a_restart_where_it_was() {
    let (folder, mut store) = new_store();
    register(&store, ONE).await;
    for _ in 0..3 {
        accept_many(&store, at(0), ONE, 500).await;
    }
    kill_all(&store, at(1), ONE).await;
    let filter = ReplayFilter { state: Some(MessageState::Dead), since: Some(at(0)), until: Some(at(1)) };
    let begun = store.begin_replay(at(2), account(ONE), filter).await.unwrap();
    assert_eq!(begun, ReplayJob::Kept(1500));
    let mut steps = 0;
    loop {
        drop(store);
        store = SqliteStore::open(SqliteOptions::server(database(folder.path()))).unwrap();
        assert_eq!(counts(&store, ONE).await.pending, (steps * 500).min(1500));
        steps += 1;
        if store.replay_step(at(3)).await.unwrap() == Swept::Done {
            break;
        }
        let busy = store.begin_replay(at(3), account(ONE), filter).await.unwrap();
        assert_eq!(busy, ReplayJob::Busy);
    }
    let report = verified(&store).await;
    assert_eq!((report.counts.pending, report.counts.dead), (1500, 0));
}
