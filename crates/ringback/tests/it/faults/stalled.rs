//! The line to the database stands, and nothing gets through.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;
use ringback_testbed::{Postgres, Proxy};

use super::Scene;
use crate::api::Tokens;

/// What is sent, and not answered, is given up after five seconds: then connections are made anew.
const LONG: Duration = Duration::from_secs(7);
/// Publishes at once.
const WAVE: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_stalled_line_publishes_are_refused_in_time_and_all_goes_on_where_it_stood() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, line) = (postgres.database(), Proxy::start(postgres.port()).await);
    let scene = Scene::on(database.url_at(line.port()), &[]).await;
    scene.endpoint.hold();
    scene.accepted("under way").await;
    scene.arrived(1).await;

    let stalled = Instant::now();
    line.stall();
    // The outcome of this one can't be recorded.
    scene.endpoint.release();
    let keys: Vec<String> = (0..WAVE).map(|number| number.to_string()).collect();
    while stalled.elapsed() < LONG {
        join_all(keys.iter().map(|key| scene.refused(key))).await;
    }
    let (status, answer) = scene.api.get("/readyz", &Tokens::default()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");

    // What was refused may be there: sent again, it is there once. What could not be recorded is not sent again.
    line.restore();
    for key in &keys {
        scene.accepted_soon(key).await;
    }
    scene.arrived(1 + keys.len()).await;
    scene.end(1 + keys.len());
}
