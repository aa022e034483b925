//! The first of several ways that leads somewhere: the next is tried once the one before has failed, or has been silent for a
//! moment. So a machine that is off costs that moment, and not all the time there is.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::fault::Fault;

/// How long one is waited for before the next begins beside it.
pub(super) const SILENCE: Duration = Duration::from_millis(250);

/// What the first that succeeds gives; what is under way beside it is dropped. Where none does, what a server said, or else
/// what came last.
pub(super) async fn first_of<T, F>(ways: impl IntoIterator<Item = F>) -> Result<T, Fault>
where
    F: Future<Output = Result<T, Fault>>,
{
    let mut ways = ways.into_iter();
    let mut under_way = FuturesUnordered::new();
    let mut next = ways.next();
    let mut failure = None;
    loop {
        under_way.extend(next.take());
        next = ways.next();
        let longest = if next.is_some() { SILENCE } else { Duration::MAX };
        match tokio::time::timeout(longest, under_way.next()).await {
            Ok(Some(Ok(found))) => return Ok(found),
            Ok(Some(Err(fault))) => failure = Some(telling(failure, fault)),
            Ok(None) => return Err(failure.unwrap_or_else(|| Fault::unavailable("there is no address"))),
            // It is silent.
            Err(_) => {}
        }
    }
}

/// The one of two failures that tells more.
fn telling(before: Option<Fault>, fault: Fault) -> Fault {
    let is_a_servers = |fault: &Fault| matches!(fault, Fault::Sql(error) if error.as_db_error().is_some());
    match before {
        Some(before) if is_a_servers(&before) && !is_a_servers(&fault) => before,
        _ => fault,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::future::{pending, ready};
    use std::time::Instant;

    use futures_util::future::{BoxFuture, FutureExt as _};

    use super::*;

    fn silent() -> BoxFuture<'static, Result<u32, Fault>> {
        pending().boxed()
    }

    fn failing(word: &'static str) -> BoxFuture<'static, Result<u32, Fault>> {
        ready(Err(Fault::unavailable(word))).boxed()
    }

    #[tokio::test]
    async fn each_begins_when_the_one_before_failed_or_was_silent_for_a_moment() {
        let begun = Instant::now();
        let found =
            first_of([failing("off"), silent(), failing("off"), silent(), ready(Ok(7)).boxed()]).await;
        assert_eq!(found.ok(), Some(7));
        assert!(begun.elapsed() >= 2 * SILENCE, "two were waited for");
        assert!(begun.elapsed() < 4 * SILENCE, "those that failed at once were not");
    }

    #[tokio::test]
    async fn where_none_leads_anywhere_the_last_failure_is_told() {
        let failure = first_of([failing("one"), failing("two")]).await.unwrap_err().into_error();
        assert!(failure.to_string().contains("two"), "{failure}");
        first_of(Vec::<BoxFuture<'static, Result<u32, Fault>>>::new()).await.unwrap_err();
    }
}
