//! Saturation: as much as can be published is published for a while, and all of it has to arrive.

use super::{Bench, PATIENCE, Used, note_accounting, note_latencies, note_rate, note_told, note_usage};
use crate::bench::figures::{self, Run};
use crate::bench::publisher::Form;
use crate::bench::server::Server;
use crate::bench::stage::account;
use crate::bench::tally::Tally;
use crate::bench::{bare, disk};
use crate::failure::Outcome;

/// Requests of many messages that are under way at once.
pub(super) const BATCHES_AT_ONCE: usize = 8;

/// The share of the bare sender that single publishes are to reach, and what of two commits for each round they are to
/// need at most.
const SHARE: f64 = 0.25;
const OF_COMMITS: f64 = 0.8;

/// Every run over the same accounts.
pub(super) async fn run(
    bench: &mut Bench,
    form: Form,
    connections: usize,
    accounts: u64,
    authorities: usize,
) -> Outcome<Vec<Run>> {
    let stage = bench.stage(accounts, authorities).await?;
    let mut runs = Vec::new();
    for _ in 0..bench.runs {
        let mut run = Run::default();
        let sync = disk::measure(stage.folder(), bench.scale.disk)?;
        let bound = bare::measure(bench.sink.address(), account(0), bench.scale.bare).await?;
        let server = Server::start(&stage).await?;
        let publisher = bench.publisher(&server, &stage, form, accounts).await?;
        bench.sink.take().await?;
        bench.warm_up(&publisher, connections).await?;

        let told = server.told(&publisher.token).await?;
        let before = Used::now(&server, &bench.sink);
        let published = publisher.closed_loop(connections, bench.scale.saturation).await?;
        let meanwhile = bench.sink.count().await?;
        let accepted = published.iter().map(|published| published.messages).sum();
        bench.sink.wait_for(accepted, PATIENCE).await?;
        let after = Used::now(&server, &bench.sink);
        let told = server.told(&publisher.token).await?.since(&told);
        let tally = Tally::of(published, &bench.sink.take().await?);
        server.stop().await?;

        let callbacks = tally.delivered as f64 / tally.seconds();
        note_rate(&mut run, callbacks, bound);
        if form == Form::Single {
            let of_commits = OF_COMMITS * connections as f64 / (2.0 * sync.p50 / 1000.0);
            run.note(figures::OF_TARGET, callbacks / of_commits.min(SHARE * bound));
        }
        run.note(figures::ACCEPTED_RATE, tally.accepted as f64 / tally.publishing_seconds());
        run.note(figures::MEANWHILE_RATE, meanwhile as f64 / tally.publishing_seconds());
        note_usage(&mut run, before, after, tally.delivered);
        note_told(&mut run, &told, tally.delivered);
        note_latencies(&mut run, &tally);
        run.note(figures::SYNC_P50, sync.p50);
        run.note(figures::SYNC_P99, sync.p99);
        run.note(figures::STORE_BYTES, stage.size().await? as f64 / f64::from(1 << 20));
        note_accounting(&mut run, &tally);
        runs.push(run);
    }
    Ok(runs)
}
