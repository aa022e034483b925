//! At a pace: so many messages a second, each at its time, whether those before it are answered or not.
//!
//! The first seconds begin as soon as the server is ready. What comes behind them is warm.

use std::path::Path;

use super::{Bench, PATIENCE, Used, note_accounting, note_latencies, note_rate, note_told, note_usage};
use crate::bench::acceptor::Acceptor;
use crate::bench::figures::{self, Run};
use crate::bench::latency::Percentiles;
use crate::bench::publisher::{Form, Publisher};
use crate::bench::server::Server;
use crate::bench::stage::account;
use crate::bench::tally::Tally;
use crate::bench::{bare, disk};
use crate::failure::Outcome;

/// Every run at this pace.
pub(super) async fn run(bench: &mut Bench, per_second: u64) -> Outcome<Vec<Run>> {
    let stage = bench.stage(1, 1).await?;
    let mut runs = Vec::new();
    for _ in 0..bench.runs {
        let mut run = Run::default();
        let sync = disk::measure(stage.folder(), bench.scale.disk)?;
        let bound = bare::measure(bench.sink.address(), account(0), bench.scale.bare).await?;
        let bare = accept_bare(bench, stage.folder(), per_second).await?;
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
        run.note(figures::BARE_ACCEPT_P50, bare.p50);
        run.note(figures::BARE_ACCEPT_P99, bare.p99);
        run.note(figures::SYNC_P50, sync.p50);
        run.note(figures::SYNC_P99, sync.p99);
        note_rate(&mut run, tally.delivered as f64 / tally.seconds(), bound);
        note_usage(&mut run, before, after, tally.delivered);
        note_told(&mut run, &told, tally.delivered);
        run.note(figures::STORE_BYTES, stage.size().await? as f64 / f64::from(1 << 20));
        note_accounting(&mut run, &tally);
        runs.push(run);
    }
    Ok(runs)
}

/// What the same load sees of a bare acceptor.
async fn accept_bare(bench: &Bench, folder: &Path, per_second: u64) -> Outcome<Percentiles> {
    let acceptor = Acceptor::start(folder)?;
    let publisher = Publisher {
        servers: [acceptor.address].into(),
        token: "bench".into(),
        accounts: 1,
        form: Form::Single,
        marks: bench.marks.clone(),
    };
    Ok(Tally::of(publisher.at_a_pace(per_second, bench.scale.first_seconds).await?, &[]).accept())
}
