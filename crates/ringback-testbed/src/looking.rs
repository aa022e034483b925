//! Waiting for what tells nobody that it has come about: a row of a database, a page in a browser, an account as the API
//! shows it. Only looking again finds it.
//!
//! What has an event is waited for by that event instead: a line of a child's output, its end, a stream, a channel.

use std::fmt::Display;
use std::panic::Location;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::PATIENCE;

/// Before the second look. What comes soon is seen soon;
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// and what takes its time is not kept from its work by those who look.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Looks until there is what is waited for, and gives it; what a look saw instead is an error. Panics after a minute, with
/// what was waited for, where, and what was seen last.
#[track_caller]
pub fn until<T>(what: impl Display, look: impl AsyncFnMut() -> Result<T, String>) -> impl Future<Output = T> {
    within(PATIENCE, what, look)
}

/// The same with another patience.
#[track_caller]
pub fn within<T>(
    patience: Duration,
    what: impl Display,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> impl Future<Output = T> {
    let caller = Location::caller();
    async move {
        let end = Instant::now() + patience;
        let (mut pause, mut seen) = (FIRST_PAUSE, "the first look did not end".to_owned());
        while let Ok(looked) = timeout_at(end, look()).await {
            match looked {
                Ok(found) => return found,
                Err(instead) => seen = instead,
            }
            if Instant::now() >= end {
                break;
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
        panic!("{caller}: waited {patience:?} for {what}; seen last: {seen}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_comes_is_given_after_as_many_looks_as_it_takes() {
        let mut looks = 0;
        let look = async || {
            looks += 1;
            if looks == 12 { Ok(looks) } else { Err(format!("{looks} looks")) }
        };
        assert_eq!(until("the twelfth look", look).await, 12);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited 2s for a miracle; seen last: nothing")]
    async fn what_does_not_come_is_named_with_what_was_seen_instead() {
        within(Duration::from_secs(2), "a miracle", async || Err::<(), _>("nothing".to_owned())).await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "looking.rs")]
    async fn a_look_that_hangs_ends_with_the_patience_and_the_caller_is_named() {
        within::<()>(Duration::from_secs(2), "an answer", async || std::future::pending().await).await;
    }
}
