//! The timer of a connection's heads.
//!
//! hyper asks for a sleep before each request and drops it as soon as the request's head is there. One timer of the runtime
//! serves all of a connection's: it is set anew when it rings too early, and not for each request.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// For the task of one connection. A clone is the same.
#[derive(Clone, Default)]
pub(super) struct HeadTimer(Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>);

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(HeadSleep { deadline: deadline.into(), timer: self.clone() })
    }
}

/// Ends at its moment; the timer may have been set for an earlier one.
struct HeadSleep {
    deadline: tokio::time::Instant,
    timer: HeadTimer,
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut timer = self.timer.0.lock().unwrap_or_else(PoisonError::into_inner);
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(self.deadline)));
        if timer.deadline() > self.deadline {
            timer.as_mut().reset(self.deadline);
        }
        loop {
            match timer.as_mut().poll(cx) {
                Poll::Ready(()) if timer.deadline() < self.deadline => timer.as_mut().reset(self.deadline),
                polled => return polled,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn each_sleep_ends_at_its_own_moment_whatever_the_timer_was_set_for() {
        let timer = HeadTimer::default();
        let begun = tokio::time::Instant::now();
        let until = |seconds: u32| timer.sleep_until((begun + SECOND * seconds).into_std());
        let mut dropped = until(3);
        assert!(futures_util::poll!(dropped.as_mut()).is_pending());
        drop(dropped);
        until(5).await;
        assert_eq!(begun.elapsed(), SECOND * 5, "later than it was set for");
        let mut long = until(60);
        assert!(futures_util::poll!(long.as_mut()).is_pending());
        until(7).await;
        assert_eq!(begun.elapsed(), SECOND * 7, "earlier than it was set for");
        until(7).await;
        assert_eq!(begun.elapsed(), SECOND * 7, "at once");
    }
}
