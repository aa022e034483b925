//! An account's replay outlives the program.

use ringback_delivery::MessageState;
use ringback_store::{
    Admission, Limits, Publishing, ReplayFilter, ReplayJob, Replayed, Replaying, SqliteOptions, SqliteStore,
    Swept,
};

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
    assert_eq!(begun, kept(1500));
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

#[tokio::test]
async fn what_is_sent_again_takes_room_like_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { pending_in_all: 2, ..Limits::default() };
    let options = SqliteOptions { limits, ..SqliteOptions::server(database(folder.path())) };
    let store = SqliteStore::open(options).unwrap();
    register(&store, ONE).await;
    let id = accept(&store, at(0), message(ONE, "x")).await;
    kill_all(&store, at(1), ONE).await;
    accept(&store, at(2), message(ONE, "y")).await;
    assert_eq!(store.replay(at(3), id).await.unwrap(), Replayed::Queued);
    let refused = store.accept(at(4), vec![message(ONE, "z")]).await.unwrap();
    assert_eq!(refused, [Admission::StoreFull]);
    deliver_all(&store, at(5), ONE).await;
    // But a replay is not refused: what is asked for was accepted long ago.
    accept_many(&store, at(6), ONE, 2).await;
    assert_eq!(store.replay(at(7), id).await.unwrap(), Replayed::Queued);
    verified(&store).await;
}
