//! The threads that deliver: a runtime of their own, beside the one in which the service was started.
//!
//! What delivers wakes one another all the time (an answer, the dispatcher, the next request). In the runtime of the API
//! each of those wakes asked for a second thread to help, which was then in the way of the first.

use std::io;
use std::num::NonZero;
use std::thread::{self, available_parallelism};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinError;

const NAME: &str = "ringback-deliver";

/// Work that runs on its own threads; they end with it.
pub(super) struct Running(oneshot::Receiver<Result<(), JoinError>>);

/// Starts work on half of the processors, on one thread at least. What it starts runs there too, and is given up when the
/// work has ended.
pub(super) fn start(work: impl Future<Output = ()> + Send + 'static) -> io::Result<Running> {
    let threads = available_parallelism().map_or(1, NonZero::get) / 2;
    // A runtime of one thread hands tasks on for less.
    let mut builder = if threads > 1 { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    let runtime = builder.worker_threads(threads.max(1)).thread_name(NAME).enable_all().build()?;
    let (tell, told) = oneshot::channel();
    thread::Builder::new().name(NAME.to_owned()).spawn(move || {
        let outcome = run(runtime, work);
        // Nobody may wait for it.
        let _ = tell.send(outcome);
    })?;
    Ok(Running(told))
}

fn run(runtime: Runtime, work: impl Future<Output = ()> + Send + 'static) -> Result<(), JoinError> {
    // As a task: on a runtime of several threads, this one only waits.
    let outcome = runtime.block_on(runtime.spawn(work));
    // A look-up of a name may take as long as the system lets it.
    runtime.shutdown_background();
    outcome
}

impl Running {
    /// Waits for the end of the work; says how it ended, if not well.
    pub(super) async fn ended(self) {
        match self.0.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the dispatcher ended badly"),
            Err(error) => tracing::error!(%error, "the dispatcher's thread ended badly"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn work_and_what_it_starts_run_on_threads_of_that_name() {
        let (tell, told) = mpsc::channel();
        let work = async move {
            let name = || thread::current().name().map(str::to_owned);
            tell.send(name()).unwrap();
            tell.send(tokio::spawn(async move { name() }).await.unwrap()).unwrap();
        };
        start(work).unwrap().ended().await;
        assert_eq!(told.iter().collect::<Vec<_>>(), vec![Some(NAME.to_owned()); 2]);
    }

    #[tokio::test]
    async fn what_was_started_is_given_up_with_the_work() {
        let (held, released) = oneshot::channel::<()>();
        let work = async move {
            tokio::spawn(async move {
                let _held = held;
                std::future::pending::<()>().await;
            });
        };
        start(work).unwrap().ended().await;
        released.await.unwrap_err();
    }

    #[tokio::test]
    async fn a_panic_ends_the_work_and_nothing_else() {
        start(async { panic!("meant by the test") }).unwrap().ended().await;
    }
}
