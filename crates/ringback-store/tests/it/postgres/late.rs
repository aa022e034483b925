//! What others do late, or keep others from doing.

use ringback_store::{PostgresStore, Registrations as _, Role, Sharing as _};

use super::{Session, options, told_store};
use crate::cast::*;
use crate::looking::*;

#[tokio::test]
async fn news_come_however_late_and_out_of_order_they_are_committed() {
    let Some((database, owner)) = told_store().await else { return };
    register(&owner, ONE).await;
    let late = Session::begin(&database).await;
    let shard = account(ONE).shard();
    late.run(&format!("INSERT INTO ringback.news (shard, account, standing) VALUES ({shard}, {ONE}, false)"))
        .await;
    let other = PostgresStore::connect(options(&database, Role::Server)).await.unwrap();
    for _ in 0..3 {
        other.pause(at(1), account(ONE)).await.unwrap();
        let tidings = owner.tidings().await.unwrap();
        assert_eq!((tidings.accepted, tidings.standings.len()), (vec![], 1));
        assert!(owner.tidings().await.unwrap().standings.is_empty());
    }
    late.commit().await;
    assert_eq!(owner.tidings().await.unwrap().accepted, [(account(ONE), None)]);
    assert!(owner.tidings().await.unwrap().accepted.is_empty());
    assert_eq!(database.psql("SELECT count(*) FROM ringback.news").trim(), "0");
}

#[tokio::test]
async fn a_partition_that_is_being_read_is_left_alone_for_a_while() {
    let Some((database, store)) = told_store().await else { return };
    register(&store, ONE).await;
    // One in a day, and one in a later day, so that the first is over.
    for day in [0, 30] {
        accept_many(&store, hour(day), ONE, 1).await;
        deliver_all(&store, hour(day), ONE).await;
    }
    let first = database.psql("SELECT min(relname) FROM pg_class WHERE relname ~ '^arrival_[0-9]+$'");
    let is_there = || database.psql(&format!("SELECT to_regclass('ringback.{}') IS NOT NULL", first.trim()));

    let reader = Session::begin(&database).await;
    reader.run("SELECT count(*) FROM ringback.arrival").await;
    retire_all(&store, hour(72), short()).await;
    reader.end().await;
    // It was tried a moment ago.
    retire_all(&store, hour(72), short()).await;
    assert_eq!(is_there().trim(), "t");
    retire_all(&store, hour(73), short()).await;
    assert_eq!(is_there().trim(), "f");
}
