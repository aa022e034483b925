//! Keeps the store in order beside everything else: kept replays go on, what is old goes, in bounded steps, and a
//! sealing key that was added or retired is heard of.

use std::sync::Arc;
use std::time::Duration;

use ringback_store::{Retention, Store, StoreError, Swept};

use crate::clock::Clock;

/// How often to look for work when there was none.
const EVERY: Duration = Duration::from_secs(1);
/// Between two steps of the retention: publishing and delivering go first.
const BREATH: Duration = Duration::from_millis(20);
/// How long to leave the store alone after it failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Works until `stop` is ready. A step that is under way then is finished by the store.
pub(super) async fn keep_up(
    store: Arc<dyn Store>,
    clock: Clock,
    retention: Retention,
    stop: impl Future<Output = ()>,
) {
    tokio::pin!(stop);
    let mut failed = false;
    loop {
        let wait = match step(store.as_ref(), &clock, retention).await {
            Ok(Swept::More) => BREATH,
            Ok(Swept::Done) => EVERY,
            Err(error) => {
                if !failed {
                    tracing::error!(%error, "the store can't be kept in order; trying on");
                }
                failed = true;
                AFTER_FAILURE
            }
        };
        failed &= wait == AFTER_FAILURE;
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn step(store: &dyn Store, clock: &Clock, retention: Retention) -> Result<Swept, StoreError> {
    // Neither waits for the other: what fails is tried again, and the other goes on.
    let replayed = store.replay_step(clock.now()).await;
    let retired = store.retire(clock.now(), retention).await;
    // Once a second at least: who rotates the key counts on it.
    let keys = store.follow_keys().await;
    let (replayed, retired) = (replayed?, retired?);
    if keys? {
        tracing::info!("the store's sealing keys have changed");
    }
    Ok(if replayed == Swept::More || retired == Swept::More { Swept::More } else { Swept::Done })
}
