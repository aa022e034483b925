//! One log-in with a chosen password at a time: hashing takes a core for tens of milliseconds and 19 MiB.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

/// Lets one in; a bounded number waits.
pub(super) struct LoginGate {
    inside: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
}

/// Held by the one inside.
pub(super) struct Inside(
    #[allow(dead_code, reason = "held, and let go of when dropped")] OwnedSemaphorePermit,
);

impl LoginGate {
    pub(super) fn new(most_waiting: usize) -> Self {
        Self { inside: Arc::new(Semaphore::new(1)), waiting: AtomicUsize::new(0), most_waiting }
    }

    /// Waits its turn.
    ///
    /// # Errors
    ///
    /// 429 when too many wait already.
    pub(super) async fn enter(&self) -> Result<Inside, Problem> {
        if let Ok(permit) = self.inside.clone().try_acquire_owned() {
            return Ok(Inside(permit));
        }
        let waiting = Waiting::count(&self.waiting);
        if waiting.before >= self.most_waiting {
            return Err(Problem::many_logins());
        }
        let permit = self.inside.clone().acquire_owned().await.map_err(|_| Problem::unexpected())?;
        drop(waiting);
        Ok(Inside(permit))
    }
}

/// Counts one that waits, for as long as it does; also when it gives up.
struct Waiting<'a> {
    counter: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn count(counter: &'a AtomicUsize) -> Self {
        Self { before: counter.fetch_add(1, Ordering::Relaxed), counter }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn one_is_inside_a_bounded_number_waits_and_the_next_is_refused() {
        let gate = Arc::new(LoginGate::new(1));
        let inside = gate.enter().await.unwrap();
        let enter = |gate: Arc<LoginGate>| tokio::spawn(async move { gate.enter().await.is_ok() });
        let second = enter(gate.clone());
        tokio::task::yield_now().await;
        assert!(gate.enter().await.is_err());
        drop(inside);
        assert!(second.await.unwrap());
        assert!(gate.enter().await.is_ok());
    }
}
