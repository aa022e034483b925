//! Watching for changes of credentials, whoever makes them: another process beside this one, too.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use super::state::ApiState;

/// How often the store is asked.
const EVERY: Duration = Duration::from_millis(250);

/// Keeps what the API remembers about tokens true, until `shutdown` is ready: asks the store four times a second whether
/// a credential has changed, and forgets everything if so. To be started once by the composition. Without it the API
/// works, and reads the store for each request.
pub async fn watch_credentials(state: ApiState, shutdown: impl Future<Output = ()>) {
    let mut shutdown = pin!(shutdown);
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            () = async { tick.tick().await; look(&state).await } => {}
        }
    }
}

async fn look(state: &ApiState) {
    let asked_at = Instant::now();
    match state.store.credentials_version().await {
        Ok(version) => state.cache.confirm(asked_at, version),
        // Nothing is confirmed, so that what is remembered soon stops counting.
        Err(error) => tracing::debug!(%error, "the credentials' version could not be read"),
    }
}
