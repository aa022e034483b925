//! Endpoints in trouble: of twelve, one is dead, one hangs and one is slow. The other nine are to notice nothing of it.
//!
//! In each run the same load goes first to twelve good endpoints, and then to these; the same nine are compared.

use super::{Bench, PATIENCE};
use crate::bench::disk;
use crate::bench::figures::{self, Run};
use crate::bench::latency::Percentiles;
use crate::bench::publisher::Form;
use crate::bench::server::Server;
use crate::bench::tally::Tally;
use crate::failure::Outcome;

const ENDPOINTS: u64 = 12;
/// The first of them are in trouble.
const IN_TROUBLE: u64 = 3;
const PER_SECOND: u64 = 400;

/// Every run.
pub(super) async fn run(bench: &mut Bench) -> Outcome<Vec<Run>> {
    // A port that was the system's to give and is nobody's now: connections to it are refused.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let dead = nobody.map(|address| format!("http://{address}/dead")).unwrap_or_default();
    let mut runs = Vec::new();
    for _ in 0..bench.runs {
        let mut run = Run::default();
        let (without, sync, missing) = measure(bench, |sink, number| sink.url(number, 1, "good")).await?;
        let (with, ..) = measure(bench, |sink, number| match number {
            0 => dead.clone(),
            1 => sink.url(number, 1, "hang"),
            2 => sink.url(number, 1, "slow"),
            _ => sink.url(number, 1, "good"),
        })
        .await?;
        run.note(figures::ALONE_P50, without.p50);
        run.note(figures::ALONE_P99, without.p99);
        run.note(figures::GOOD_P50, with.p50);
        run.note(figures::GOOD_P99, with.p99);
        run.note(figures::GOOD_RATIO, with.p99 / without.p99);
        run.note(figures::SYNC_P50, sync.p50);
        run.note(figures::SYNC_P99, sync.p99);
        run.note(figures::MISSING, missing);
        runs.push(run);
    }
    Ok(runs)
}

/// The latencies of the nine that are always good, the disk's, and how many of their messages did not arrive.
async fn measure(
    bench: &mut Bench,
    url: impl Fn(&crate::bench::sink_process::Sink, u64) -> String,
) -> Outcome<(Percentiles, Percentiles, f64)> {
    let stage = crate::bench::stage::Stage::set(bench.given.as_ref()).await?;
    stage.register(0..ENDPOINTS, |number| url(&bench.sink, number)).await?;
    let sync = disk::measure(stage.folder(), bench.scale.disk)?;
    let server = Server::start(&stage).await?;
    let publisher = bench.publisher(&server, &stage, Form::Single, ENDPOINTS).await?;
    let warming = publisher.at_a_pace(PER_SECOND, bench.scale.warm_up).await?;
    let is_good = |mark: u64| mark % ENDPOINTS >= IN_TROUBLE;
    let good = |published: &[crate::bench::publisher::Published]| {
        published.iter().filter(|published| is_good(published.first)).count() as u64
    };
    bench.sink.wait_for(good(&warming), PATIENCE).await?;
    bench.sink.take().await?;
    let published = publisher.at_a_pace(PER_SECOND, bench.scale.trouble).await?;
    let expected = good(&published);
    bench.sink.wait_for(published.len() as u64, std::time::Duration::from_secs(1)).await?;
    let arrivals = bench.sink.take().await?;
    let arrived = arrivals.iter().filter(|arrival| is_good(arrival.mark)).count() as u64;
    let tally = Tally::of(published, &arrivals);
    drop(server);
    Ok((tally.whole_of(is_good), sync, expected.saturating_sub(arrived) as f64))
}
