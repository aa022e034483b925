//! What the accounts add up to that a visitor sees.

use std::sync::Arc;
use std::time::Duration;

use ringback_store::{Reach, StoreError, Tally};

use super::Console;
use crate::metrics::Total;

/// How old a sum of all accounts may be that is shown without looking again.
const FRESH: Duration = Duration::from_secs(1);
/// How long a page waits for a fresh one, when there is an older one to show.
const PATIENCE: Duration = Duration::from_millis(300);
/// Named accounts in one read, and in all.
const PART: usize = 2000;
const NAMED: u64 = 10_000;

/// The sum of the accounts within reach; `None` while all of a great many are added up for the first time.
pub(super) async fn of(console: &Console, reach: &Reach) -> Result<Option<Arc<Total>>, StoreError> {
    let (api, now) = (&console.0.api, console.now());
    if *reach == Reach::Every {
        return Ok(api.metrics.total(now, FRESH, PATIENCE).await);
    }
    let mut tally = Tally::default();
    loop {
        tally.add(api.store.tally(reach.clone(), tally.next, PART).await?);
        if tally.next.is_none() || tally.accounts >= NAMED {
            return Ok(Some(Arc::new(Total { tally, at: now })));
        }
    }
}
