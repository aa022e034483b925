//! The threads that deliver: a runtime of their own, beside the one in which the service was started; and how many either
//! has.
//!
//! What delivers wakes one another all the time (an answer, the dispatcher, the next request). In the runtime of the API
//! each of those wakes asked for a second thread to help, which was then in the way of the first.

use std::io;
use std::num::NonZero;
use std::sync::mpsc;
use std::thread::{self, available_parallelism};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

const NAME: &str = "ringback-deliver";
/// How long is waited for what the work has started and given up: a name is looked up for as long as the system lets it.
const LAST_TASKS: Duration = Duration::from_secs(1);

/// Threads that wait for their work.
pub(super) struct Threads {
    runtime: Handle,
    work: oneshot::Sender<JoinHandle<()>>,
    ended: oneshot::Receiver<Result<(), JoinError>>,
}

/// Work that runs on its own threads; they end with it.
pub(super) struct Running(oneshot::Receiver<Result<(), JoinError>>);

impl Threads {
    /// Starts one for every other processor, and one at least.
    pub(super) fn start() -> io::Result<Self> {
        let (started, starts) = mpsc::sync_channel(1);
        let (work, given) = oneshot::channel();
        let (tell, ended) = oneshot::channel();
        // A runtime is made and ended where it may block.
        thread::Builder::new().name(NAME.to_owned()).spawn(move || {
            // Whoever started this waits for the first answer, and may not for the second.
            match build() {
                Ok(runtime) => {
                    let _ = started.send(Ok(runtime.handle().clone()));
                    let _ = tell.send(run(runtime, given));
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            }
        })?;
        let runtime = starts.recv().map_err(|_| io::Error::other("their runtime ended in a panic"))??;
        Ok(Self { runtime, work, ended })
    }

    /// Runs the work. What it starts runs there too, and is given up when the work has ended.
    pub(super) fn run(self, work: impl Future<Output = ()> + Send + 'static) -> Running {
        // They wait for it.
        let _ = self.work.send(self.runtime.spawn(work));
        Running(self.ended)
    }
}

fn build() -> io::Result<Runtime> {
    of(delivering()).thread_name(NAME).build()
}

/// A runtime of so many threads. One that needs a single thread hands tasks on for less.
fn of(threads: usize) -> Builder {
    let mut builder = if threads > 1 { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    builder.worker_threads(threads).enable_all();
    builder
}

fn processors() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

fn delivering() -> usize {
    (processors() / 2).max(1)
}

/// A runtime for the API, of one thread for each processor that those who deliver leave, and one at least. With more of them
/// what is handed on goes from one to another, and each is in the others' way.
///
/// # Errors
///
/// Where the system gives no threads.
pub fn serving_runtime() -> io::Result<Runtime> {
    of(processors().saturating_sub(delivering()).max(1)).build()
}

fn run(runtime: Runtime, given: oneshot::Receiver<JoinHandle<()>>) -> Result<(), JoinError> {
    let outcome = runtime.block_on(async {
        match given.await {
            Ok(work) => work.await,
            Err(_) => Ok(()),
        }
    });
    runtime.shutdown_timeout(LAST_TASKS);
    outcome
}

impl Running {
    /// Waits for the end of the work, and of what it started; says how it ended, if not well.
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
    use super::*;

    #[tokio::test]
    async fn work_and_what_it_starts_run_on_threads_of_that_name() {
        let (tell, told) = mpsc::channel();
        let work = async move {
            let name = || thread::current().name().map(str::to_owned);
            tell.send(name()).unwrap();
            tell.send(tokio::spawn(async move { name() }).await.unwrap()).unwrap();
        };
        Threads::start().unwrap().run(work).ended().await;
        assert_eq!(told.iter().collect::<Vec<_>>(), vec![Some(NAME.to_owned()); 2]);
    }

    #[tokio::test]
    async fn what_was_started_is_given_up_before_the_work_counts_as_ended() {
        let (held, mut released) = oneshot::channel::<()>();
        let work = async move {
            tokio::spawn(async move {
                let _held = held;
                std::future::pending::<()>().await;
            });
        };
        Threads::start().unwrap().run(work).ended().await;
        assert_eq!(released.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }

    #[tokio::test]
    async fn a_panic_ends_the_work_and_nothing_else() {
        Threads::start().unwrap().run(async { panic!("meant by the test") }).ended().await;
    }

    #[tokio::test]
    async fn threads_that_get_no_work_end() {
        let Threads { work, ended, .. } = Threads::start().unwrap();
        drop(work);
        assert!(ended.await.unwrap().is_ok());
    }
}
