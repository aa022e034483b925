//! The line to the database stands, and nothing gets through.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;
use ringback_testbed::{Postgres, Proxy};

use super::Scene;
use crate::api::Tokens;

/// Where nothing was heard of the other nodes for a second, nothing starts.
const DEAF: Duration = Duration::from_millis(1500);
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
    // A lane that nothing is known of sends one at a time.
    for key in ["under way", "next"] {
        scene.accepted(key).await;
    }
    scene.arrived(1).await;

    let stalled = Instant::now();
    line.stall();
    let keys: Vec<String> = (0..WAVE).map(|number| number.to_string()).collect();
    let refused_for = async |time: Duration| {
        while stalled.elapsed() < time {
            join_all(keys.iter().map(|key| scene.refused(key))).await;
        }
    };
    refused_for(DEAF).await;
    // The outcome of the one can't be recorded, and the other does not start.
    scene.endpoint.release();
    refused_for(LONG).await;
    assert_eq!(scene.endpoint.received().len(), 1);
    let (status, answer) = scene.api.get("/readyz", &Tokens::default()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");

    // What was refused may be there: sent again, it is there once. What could not be recorded is not sent again.
    line.restore();
    for key in &keys {
        scene.accepted_soon(key).await;
    }
    scene.arrived(2 + keys.len()).await;
    scene.end(2 + keys.len());
}
