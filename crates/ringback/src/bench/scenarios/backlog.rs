//! A start with a backlog: so many messages are pending when the server starts, and all of them arrive.

use super::{Bench, PATIENCE, Used, note_rate, note_usage};
use crate::bench::figures::{self, Run};
use crate::bench::server::Server;
use crate::bench::stage::account;
use crate::bench::{bare, clock, disk};
use crate::failure::Outcome;

/// Accounts among which the backlog lies.
const ACCOUNTS: u64 = 1000;

/// Every run: a backlog is laid anew for each.
pub(super) async fn run(bench: &mut Bench) -> Outcome<Vec<Run>> {
    let accounts = ACCOUNTS.min(bench.scale.backlog);
    let mut runs = Vec::new();
    for _ in 0..bench.runs {
        let mut run = Run::default();
        let stage = bench.stage(accounts, bench.scale.authorities).await?;
        let messages = bench.scale.backlog;
        stage.fill(messages, accounts, bench.marks.take(messages)).await?;
        let sync = disk::measure(stage.folder(), bench.scale.disk)?;
        let bound = bare::measure(bench.sink.address(), account(0), bench.scale.bare).await?;
        bench.sink.take().await?;
        let server = Server::start(&stage).await?;
        let before = Used { server: Some(Default::default()), ..Used::now(&server, &bench.sink) };
        let begun = clock::now();
        bench.sink.wait_for(messages, PATIENCE).await?;
        let arrivals = bench.sink.take().await?;
        let after = Used::now(&server, &bench.sink);
        run.note(figures::READY, server.ready_after.as_secs_f64() * 1000.0);
        let last = arrivals.iter().map(|arrival| arrival.at).max().unwrap_or(begun);
        note_rate(&mut run, arrivals.len() as f64 / clock::seconds(begun, last), bound);
        note_usage(&mut run, before, after, arrivals.len() as u64);
        let told = server.told(&server.token(&stage.secrets).await?).await?;
        run.note(figures::COMMITS, told.commits * 1000.0 / arrivals.len().max(1) as f64);
        run.note(figures::SYNC_P50, sync.p50);
        run.note(figures::SYNC_P99, sync.p99);
        let mut marks: Vec<u64> = arrivals.iter().map(|arrival| arrival.mark).collect();
        marks.sort_unstable();
        marks.dedup();
        run.note(figures::ACCEPTED, messages as f64);
        run.note(figures::DELIVERED, marks.len() as f64);
        run.note(figures::MISSING, messages.saturating_sub(marks.len() as u64) as f64);
        run.note(figures::REPEATED, (arrivals.len() - marks.len()) as f64);
        server.stop().await?;
        run.note(figures::STORE_BYTES, stage.size().await? as f64 / f64::from(1 << 20));
        runs.push(run);
    }
    Ok(runs)
}
