//! Connections that are being made: that goes on, though whoever wanted one may have stopped waiting. It is left to the next
//! who wants one. Else a connection that takes longer than anybody waits would never come about.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::fault::Fault;

type Outcome<T> = Result<T, Fault>;

/// Where connections are made.
pub(super) struct Openings<T> {
    /// Those that nobody waits for. There are never more of them, with those in use, than were wanted at once.
    left: Mutex<Vec<oneshot::Receiver<Outcome<T>>>>,
    /// Where all of them live: who wants one may be in another runtime, which ends before the store is closed.
    runtime: Handle,
}

impl<T: Send + 'static> Openings<T> {
    /// None yet; they are to live in the runtime in which this is called.
    pub(super) fn here() -> Self {
        Self { left: Mutex::default(), runtime: Handle::current() }
    }

    /// What one that was left comes to, if that is of use; or else a new one. It is waited for no longer than this is.
    pub(super) async fn get<F>(&self, make: impl Fn() -> F, is_of_use: impl Fn(&T) -> bool) -> Outcome<T>
    where
        F: Future<Output = Outcome<T>> + Send + 'static,
    {
        while let Some(left) = self.take() {
            match self.wait(left).await {
                Ok(made) if is_of_use(&made) => return Ok(made),
                // It may have failed, or broken, long ago.
                _ => {}
            }
        }
        let (tell, told) = oneshot::channel();
        let making = make();
        self.runtime.spawn(async move {
            // Nobody hears it where the store is closed meanwhile.
            let _ = tell.send(making.await);
        });
        self.wait(told).await
    }

    async fn wait(&self, told: oneshot::Receiver<Outcome<T>>) -> Outcome<T> {
        let mut waiting = Waiting { openings: self, told: Some(told) };
        let Some(told) = waiting.told.as_mut() else { return Err(gone()) };
        let outcome = told.await.unwrap_or_else(|_| Err(gone()));
        waiting.told = None;
        outcome
    }

    fn take(&self) -> Option<oneshot::Receiver<Outcome<T>>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

fn gone() -> Fault {
    Fault::unavailable("a connection to the database did not come about")
}

/// Somebody who waits, and may stop.
struct Waiting<'a, T> {
    openings: &'a Openings<T>,
    told: Option<oneshot::Receiver<Outcome<T>>>,
}

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        let left = self.told.take();
        self.openings.left.lock().unwrap_or_else(PoisonError::into_inner).extend(left);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn who_stops_waiting_leaves_it_to_the_next() {
        let (openings, begun) = (Openings::here(), Arc::<AtomicU32>::default());
        let gate = Arc::new(Semaphore::new(0));
        let make = || {
            let (number, gate) = (begun.fetch_add(1, Ordering::SeqCst), Arc::clone(&gate));
            async move {
                gate.acquire().await.unwrap().forget();
                Ok(number)
            }
        };
        for _ in 0..3 {
            tokio::time::timeout(Duration::from_millis(10), openings.get(make, |_| true)).await.unwrap_err();
        }
        gate.add_permits(2);
        assert_eq!(openings.get(make, |_| true).await.ok(), Some(0));
        assert_eq!(openings.get(make, |_| true).await.ok(), Some(1), "that one is taken");
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn what_came_to_nothing_meanwhile_is_made_anew() {
        let (openings, begun) = (Openings::here(), Arc::<AtomicU32>::default());
        let gate = Arc::new(Semaphore::new(0));
        let make = || {
            let (number, gate) = (begun.fetch_add(1, Ordering::SeqCst), Arc::clone(&gate));
            async move {
                gate.acquire().await.unwrap().forget();
                if number == 0 { Err(gone()) } else { Ok(number) }
            }
        };
        let is_of_use = |number: &u32| *number > 1;
        let hurried = async || {
            let got = openings.get(make, is_of_use);
            tokio::time::timeout(Duration::from_millis(10), got).await.unwrap_err();
        };
        hurried().await;
        gate.add_permits(1);
        // The first fails while nobody waits; the second breaks so.
        hurried().await;
        gate.add_permits(2);
        assert_eq!(openings.get(make, is_of_use).await.ok(), Some(2));
    }
}
