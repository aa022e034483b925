//! The runtime of a blocking client: one thread for connections and timers. Calls run on the thread that makes them.

use std::future::Future;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use crate::BuildError;

/// Shared by the handles of a client; the last one ends the thread.
#[derive(Debug, Clone)]
pub(super) struct Driver(Arc<Owned>);

#[derive(Debug)]
struct Owned(Option<Runtime>);

impl Driver {
    pub(super) fn start() -> Result<Self, BuildError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("ringback-client")
            .enable_all()
            .build()
            .map_err(BuildError::Runtime)?;
        Ok(Self(Arc::new(Owned(Some(runtime)))))
    }

    /// Waits for a future on this thread.
    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        match &self.0.0 {
            Some(runtime) => runtime.block_on(future),
            None => unreachable!("the runtime is taken only when nothing refers to it any more"),
        }
    }
}

impl Drop for Owned {
    /// Doesn't wait for the thread: waiting is not allowed where the last handle may be dropped, inside another runtime.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
