//! Work beside the dispatcher that panics ends like work that failed: otherwise nobody would ever hear of it, and what waits
//! for it would wait until a restart.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt as _, TryFutureExt as _};
use ringback_store::StoreError;

/// What the store says, or that nobody knows, where it panics. The panic itself is printed by the process's hook.
pub(super) async fn guarded<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match or_panic(work).await {
        Ok(said) => said,
        Err(Panicked) => Err(StoreError::Unavailable("an operation of the store panicked".to_owned())),
    }
}

/// It panicked.
#[derive(Debug)]
pub(super) struct Panicked;

/// What comes of the work, unless it panics. What it leaves behind then is dropped.
///
/// No `async fn`: that would keep a place for the work twice, and an attempt's is large.
pub(super) fn or_panic<T>(work: impl Future<Output = T>) -> impl Future<Output = Result<T, Panicked>> {
    AssertUnwindSafe(work).catch_unwind().map_err(|_| Panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_operation_of_which_nobody_knows_what_came() {
        let panics = async { panic!("of a test") };
        assert!(matches!(guarded::<()>(panics).await, Err(StoreError::Unavailable(_))));
        assert!(matches!(guarded(async { Ok(7) }).await, Ok(7)));
    }
}
