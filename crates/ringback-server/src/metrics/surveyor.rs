//! Asks the store, in bounded steps and beside everything else, for what only it knows: what is pending, what is oldest,
//! how the lanes are. Once a second it also takes the minute's counters.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringback_store::{Reach, Store, StoreError};

use super::{Metrics, Total};
use crate::clock::Clock;

/// How often the counters are put to their minute.
const TICK: Duration = Duration::from_secs(1);
/// From the end of a survey to the beginning of the next, unless somebody wants one sooner;
const EVERY: Duration = Duration::from_secs(5);
/// but always so many times as long as the last one took, so that a million accounts cost a small part of a core.
const REST: u32 = 20;
/// Accounts in one read.
const STEP: usize = 2000;
/// Between two reads: publishing and delivering go first.
const BREATH: Duration = Duration::from_millis(10);

/// Surveys until `stop` is ready.
pub async fn keep_surveying(
    metrics: Metrics,
    store: Arc<dyn Store>,
    clock: Clock,
    stop: impl Future<Output = ()>,
) {
    tokio::pin!(stop);
    let ticking = async {
        let mut tick = tokio::time::interval(TICK);
        loop {
            tick.tick().await;
            let failed = metrics.0.attempts.failed();
            metrics.0.minutes.tick(clock.now(), metrics.0.commits.totals(failed));
        }
    };
    let surveying = async {
        let mut fails = false;
        loop {
            let began = Instant::now();
            match survey(&metrics, store.as_ref(), &clock).await {
                Err(error) if !fails => {
                    tracing::warn!(%error, "the accounts could not be surveyed: what the metrics say of them grows old");
                    fails = true;
                }
                Err(error) => tracing::debug!(%error, "the accounts could not be surveyed"),
                Ok(()) if fails => {
                    tracing::info!("the accounts can be surveyed again");
                    fails = false;
                }
                Ok(()) => {}
            }
            let rest = began.elapsed() * REST;
            let wanted = async {
                tokio::time::sleep(rest).await;
                metrics.0.totals.is_wanted().await;
            };
            tokio::select! {
                () = tokio::time::sleep(EVERY.max(rest)) => {}
                () = wanted => {}
            }
        }
    };
    tokio::select! {
        () = stop => {}
        () = ticking => {}
        () = surveying => {}
    }
}

async fn survey(metrics: &Metrics, store: &dyn Store, clock: &Clock) -> Result<(), StoreError> {
    metrics.0.gauges.sized(store.size().await?);
    metrics.0.gauges.held_back(store.oldest_snapshot().await?);
    let (began, at) = (Instant::now(), clock.now());
    let mut all = store.tally(Reach::Every, None, STEP).await?;
    while all.next.is_some() {
        tokio::time::sleep(BREATH).await;
        all.add(store.tally(Reach::Every, all.next, STEP).await?);
    }
    metrics.0.gauges.surveyed(clock.now(), began.elapsed(), &all);
    metrics.0.totals.surveyed(Total { tally: all, at });
    Ok(())
}
