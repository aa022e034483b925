//! `ringback bench`, and the sink that it starts: each on one thread, so that little of the machine is theirs.

use anyhow::{Context as _, anyhow};

use crate::args::bench::{BenchArgs, SinkArgs};
use crate::bench;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};
use crate::signals::Stop;

/// Measures, until it is done or asked to stop. Its children end with it.
pub(super) async fn run(args: BenchArgs) -> Outcome {
    on_one_thread(move || async move {
        let mut stop = Stop::catch()?;
        tokio::select! {
            done = bench::run(args) => done,
            () = stop.asked() => {
                Err(Failure::new(ExitCode::Interrupted, anyhow!("asked to stop: nothing is reported")))
            }
        }
    })
    .await
}

/// Is the sink.
pub(super) async fn sink(args: SinkArgs) -> Outcome {
    on_one_thread(move || async move { bench::sink(args.ports).await }).await
}

async fn on_one_thread<W, F>(work: W) -> Outcome
where
    W: FnOnce() -> F + Send + 'static,
    F: Future<Output = Outcome>,
{
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("the thread to work on could not be started")?.block_on(work())
    });
    thread.await.context("the benchmark ended badly")?
}
