//! Endpoints in trouble: of twelve, one is dead, one hangs and one is slow. The other nine are to notice nothing of it.
//!
//! In each run the same load goes first to twelve good endpoints, and then to these; the same nine are compared.

use std::time::{Duration, Instant};

use super::{Bench, PATIENCE, Used, note_latencies, note_told, note_usage};
use crate::bench::disk;
use crate::bench::figures::{self, Run};
use crate::bench::latency::Percentiles;
use crate::bench::publisher::{Form, Published};
use crate::bench::server::Server;
use crate::bench::sink_process::Sink;
use crate::bench::stage::Stage;
use crate::bench::tally::Tally;
use crate::bench::told::Told;
use crate::failure::Outcome;

const ENDPOINTS: u64 = 12;
/// The first of them are in trouble.
const IN_TROUBLE: u64 = 3;
const PER_SECOND: u64 = 400;
/// How long to wait for the next arrival before looking again whether any is missing.
const A_LITTLE: Duration = Duration::from_millis(100);

/// Every run.
pub(super) async fn run(bench: &mut Bench) -> Outcome<Vec<Run>> {
    // A port that was the system's to give and is nobody's now: connections to it are refused.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let dead = nobody.map(|address| format!("http://{address}/dead")).unwrap_or_default();
    let mut runs = Vec::new();
    for _ in 0..bench.runs {
        let mut run = Run::default();
        let without = measure(bench, |sink, number| sink.url(number, 1, "good")).await?;
        let with = measure(bench, |sink, number| match number {
            0 => dead.clone(),
            1 => sink.url(number, 1, "hang"),
            2 => sink.url(number, 1, "slow"),
            _ => sink.url(number, 1, "good"),
        })
        .await?;
        run.note(figures::ALONE_P50, without.good.p50);
        run.note(figures::ALONE_P99, without.good.p99);
        run.note(figures::GOOD_P50, with.good.p50);
        run.note(figures::GOOD_P99, with.good.p99);
        run.note(figures::GOOD_RATIO, with.good.p99 / without.good.p99);
        run.note(figures::SYNC_P50, with.sync.p50);
        run.note(figures::SYNC_P99, with.sync.p99);
        note_usage(&mut run, with.before, with.after, with.tally.delivered);
        note_told(&mut run, &with.told, with.tally.delivered);
        note_latencies(&mut run, &with.tally);
        run.note(figures::MISSING, (without.missing + with.missing) as f64);
        runs.push(run);
    }
    Ok(runs)
}

fn is_good(mark: u64) -> bool {
    mark % ENDPOINTS >= IN_TROUBLE
}

/// What came out of a load over the twelve.
struct Measured {
    tally: Tally,
    /// From the intended time to the arrival, of the messages to the nine that are always good.
    good: Percentiles,
    /// How many of those did not arrive.
    missing: u64,
    sync: Percentiles,
    before: Used,
    after: Used,
    told: Told,
}

async fn measure(bench: &mut Bench, url: impl Fn(&Sink, u64) -> String) -> Outcome<Measured> {
    let stage = Stage::set(bench.given.as_ref()).await?;
    stage.register(0..ENDPOINTS, |number| url(&bench.sink, number)).await?;
    let sync = disk::measure(stage.folder(), bench.scale.disk)?;
    let server = Server::start(&stage).await?;
    let publisher = bench.publisher(&server, &stage, Form::Single, ENDPOINTS).await?;
    let warming = publisher.at_a_pace(PER_SECOND, bench.scale.warm_up).await?;
    arrivals_of_good(bench, &warming).await?;

    let told = server.told(&publisher.token).await?;
    let before = Used::now(&server, &bench.sink);
    let published = publisher.at_a_pace(PER_SECOND, bench.scale.trouble).await?;
    let tally = arrivals_of_good(bench, &published).await?;
    let after = Used::now(&server, &bench.sink);
    let told = server.told(&publisher.token).await?.since(&told);
    drop(server);
    let (good, missing) = (tally.whole_of(is_good), tally.missing_of(is_good));
    Ok(Measured { tally, good, missing, sync, before, after, told })
}

/// What arrived, once all that goes to a good endpoint has, or nothing has for a while.
async fn arrivals_of_good(bench: &mut Bench, published: &[Published]) -> Outcome<Tally> {
    let begun = Instant::now();
    let mut arrivals = Vec::new();
    loop {
        arrivals.extend(bench.sink.take().await?);
        let tally = Tally::of(published.to_vec(), &arrivals);
        if tally.missing_of(is_good) == 0 || begun.elapsed() > PATIENCE {
            return Ok(tally);
        }
        bench.sink.wait_for(1, A_LITTLE).await?;
    }
}
