//! What others do late, or keep others from doing.

use ringback_store::{PostgresStore, Registrations as _, Role, Sharing as _};

use super::{Session, options, told_store};
use crate::cast::*;

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
    assert_eq!(owner.tidings().await.unwrap().accepted, [account(ONE)]);
    assert!(owner.tidings().await.unwrap().accepted.is_empty());
    assert_eq!(database.psql("SELECT count(*) FROM ringback.news").trim(), "0");
}
