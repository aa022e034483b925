//! At a pace: so many messages a second, each at its time, whether those before it are answered or not.
//!
//! The first seconds begin as soon as the server is ready. What comes behind them is warm.

use super::{Bench, PATIENCE, Used, note_accounting, note_latencies, note_told, note_usage};
use crate::bench::disk;
use crate::bench::figures::{self, Run};
use crate::bench::publisher::Form;
use crate::bench::server::Server;
use crate::bench::tally::Tally;
use crate::failure::Outcome;

/// Every run at this pace.
pub(super) async fn run(bench: &mut Bench, per_second: u64) -> Outcome<Vec<Run>> {
    let stage = bench.stage(1, 1).await?;
    let mut runs = Vec::new();
    for _ in 0..bench.runs {
        let mut run = Run::default();
        let sync = disk::measure(stage.folder(), bench.scale.disk)?;
        let server = Server::start(&stage).await?;
        let publisher = bench.publisher(&server, &stage, Form::Single, 1).await?;
        bench.sink.take().await?;

        let at_first = server.told(&publisher.token).await?;
        let early = publisher.at_a_pace(per_second, bench.scale.first_seconds).await?;
        bench.sink.wait_for(early.len() as u64, PATIENCE).await?;
        let early = Tally::of(early, &bench.sink.take().await?);
        let told = server.told(&publisher.token).await?;
        let early_told = told.since(&at_first);
        let before = Used::now(&server, &bench.sink);
        let published = publisher.at_a_pace(per_second, bench.scale.paced).await?;
        bench.sink.wait_for(published.len() as u64, PATIENCE).await?;
        let after = Used::now(&server, &bench.sink);
        let told = server.told(&publisher.token).await?.since(&told);
        let tally = Tally::of(published, &bench.sink.take().await?);
        server.stop().await?;

        note_latencies(&mut run, &tally);
        run.note(figures::EARLY_ACCEPT_P99, early.accept().p99);
        run.note_if(figures::EARLY_HAND_OFF_P99, early_told.hand_off().map(|hand_off| hand_off.p99));
        run.note(figures::SYNC_P50, sync.p50);
        run.note(figures::SYNC_P99, sync.p99);
        run.note(figures::CALLBACKS, tally.delivered as f64 / tally.seconds());
        note_usage(&mut run, before, after, tally.delivered);
        note_told(&mut run, &told, tally.delivered);
        note_accounting(&mut run, &tally);
        runs.push(run);
    }
    Ok(runs)
}
