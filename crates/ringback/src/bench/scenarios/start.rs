//! A cold start: how long until it is ready, how large the program is, and what it takes at rest.

use anyhow::Context as _;

use super::Bench;
use crate::bench::figures::{self, Run};
use crate::bench::server::Server;
use crate::failure::Outcome;

const MEBIBYTE: f64 = 1_048_576.0;

/// Every run, on a store that is there already.
pub(super) async fn run(bench: &mut Bench) -> Outcome<Vec<Run>> {
    let stage = bench.stage(1, 1).await?;
    let program = std::env::current_exe().and_then(std::fs::metadata);
    let size = program.context("this program does not know its size")?.len() as f64 / MEBIBYTE;
    let mut runs = Vec::new();
    for _ in 0..bench.runs {
        let mut run = Run::default();
        let server = Server::start(&stage).await?;
        run.note(figures::READY, server.ready_after.as_secs_f64() * 1000.0);
        run.note(figures::BINARY, size);
        run.note_if(figures::RESIDENT, server.usage().map(|used| used.resident));
        server.stop().await?;
        runs.push(run);
    }
    Ok(runs)
}
