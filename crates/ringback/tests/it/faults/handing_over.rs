//! A shard changes hands while a message of it is under way.

use ringback_testbed::Postgres;

use super::Scene;
use crate::house::KEY_FILE;
use crate::program::Program;

/// Shards are looked after every three seconds, and a request may take longer than a shard needs to be given back.
const SETTINGS: [&str; 4] = ["--lease-term", "18s", "--request-timeout", "12s"];

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_goes_once_the_outcome_of_what_was_under_way_is_recorded_and_nothing_is_sent_again() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    let scene = Scene::on(database.url(), &SETTINGS).await;
    // A node that has too much gives the upper ones back.
    assert_eq!(database.psql("SELECT shard >= 512 FROM ringback.account").trim(), "t");
    scene.endpoint.hold();
    scene.accepted("under way").await;
    scene.arrived(1).await;

    let store = ["--store", &scene.store, "--key-file", KEY_FILE];
    let serve = [&["serve", "--listen", "127.0.0.1:0", "--egress", "any"], &store[..], &SETTINGS].concat();
    let mut other = Program::start(scene.house.folder(), &serve);
    other.url();
    let held = |most: u32, by_all: bool| {
        format!(
            "SELECT max(held) = {most} AND bool_and(owner IS NOT NULL) >= {by_all}
             FROM (SELECT owner, count(*) AS held FROM ringback.shard GROUP BY owner) shares"
        )
    };
    // All go that should, but for the one that the message is of.
    database.until(&held(513, false)).await;
    scene.endpoint.release();
    database.until(&held(512, true)).await;
    database.until("SELECT count(*) = 0 FROM ringback.pending").await;
    assert!(other.stop().success());
    scene.end(1);
}
