//! Where one token is kept, and how many callers come to share one request for it.
//!
//! A slot is empty, holds a token, or has a request for one under way, the *flight*, which every caller that needs the token
//! joins. The flight is run by those who wait for it, so there is no task to leave behind: when all of them are dropped, so is
//! the flight, and the next caller begins another. A failure is shared too, so that a hundred callers with a wrong password
//! are one failed log-in and not a hundred.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use http::HeaderValue;
use tokio::time::Instant;

use crate::Error;

/// A token as it is sent.
pub(crate) struct Held {
    /// The header's whole value, marked as sensitive.
    pub(crate) header: HeaderValue,
    /// From when on it is not used any more; `None` where that is not known.
    stale_at: Mutex<Option<Instant>>,
    /// For a token that lives as long as it is used: how long it lives without.
    idle: Option<Duration>,
}

impl Held {
    pub(crate) fn until(header: HeaderValue, stale_at: Option<Instant>) -> Self {
        Self { header, stale_at: Mutex::new(stale_at), idle: None }
    }

    pub(crate) fn while_used(header: HeaderValue, idle: Duration, now: Instant) -> Self {
        Self { header, stale_at: Mutex::new(now.checked_add(idle)), idle: Some(idle) }
    }

    /// Whether it is good to be used now; if so, that counts as a use.
    fn use_at(&self, now: Instant) -> bool {
        let mut stale_at = lock(&self.stale_at);
        if stale_at.is_some_and(|stale_at| now >= stale_at) {
            return false;
        }
        if let Some(idle) = self.idle {
            *stale_at = now.checked_add(idle);
        }
        true
    }
}

type Flight = BoxFuture<'static, Result<Arc<Held>, Error>>;

/// The place of one token.
#[derive(Default)]
pub(crate) struct Slot(Mutex<State>);

#[derive(Default)]
struct State {
    held: Option<Arc<Held>>,
    flight: Option<WeakShared<Flight>>,
}

impl Slot {
    pub(crate) fn with(held: Option<Held>) -> Self {
        Self(Mutex::new(State { held: held.map(Arc::new), flight: None }))
    }

    /// The token, if it is good to be used now.
    pub(crate) fn held(&self, now: Instant) -> Option<Arc<Held>> {
        lock(&self.0).held.clone().filter(|held| held.use_at(now))
    }

    /// The flight that is under way, or a new one. What `acquire` ends with goes into this slot by [`Slot::land`].
    pub(crate) fn join(&self, acquire: impl FnOnce() -> Flight) -> Shared<Flight> {
        let mut state = lock(&self.0);
        if let Some(flight) = state.flight.as_ref().and_then(WeakShared::upgrade) {
            return flight;
        }
        let flight = acquire().shared();
        state.flight = flight.downgrade();
        flight
    }

    /// Ends the flight that is under way. The last thing that it does itself.
    pub(crate) fn land(&self, outcome: Result<Held, Error>) -> Result<Arc<Held>, Error> {
        let mut state = lock(&self.0);
        state.flight = None;
        let held = Arc::new(outcome?);
        state.held = Some(Arc::clone(&held));
        Ok(held)
    }

    /// Forgets a token that was refused, if it is still the one that is kept.
    pub(crate) fn discard(&self, refused: &Arc<Held>) {
        let mut state = lock(&self.0);
        if state.held.as_ref().is_some_and(|held| Arc::ptr_eq(held, refused)) {
            state.held = None;
        }
    }
}

/// A panic while the lock was held leaves nothing half done: every change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn header() -> HeaderValue {
        HeaderValue::from_static("token")
    }

    #[test]
    fn a_token_is_good_until_it_is_stale() {
        let now = Instant::now();
        let slot = Slot::with(Some(Held::until(header(), Some(now + MINUTE))));
        assert!(slot.held(now + MINUTE / 2).is_some());
        assert!(slot.held(now + MINUTE).is_none());
    }

    #[test]
    fn a_session_is_good_as_long_as_it_is_used() {
        let now = Instant::now();
        let slot = Slot::with(Some(Held::while_used(header(), MINUTE, now)));
        assert!(slot.held(now + MINUTE / 2).is_some());
        assert!(slot.held(now + MINUTE).is_some());
        assert!(slot.held(now + 2 * MINUTE).is_none());
    }

    #[test]
    fn only_the_refused_token_is_forgotten() {
        let now = Instant::now();
        let slot = Slot::with(Some(Held::until(header(), None)));
        let first = slot.held(now).expect("held");
        let second = slot.land(Ok(Held::until(header(), None))).expect("landed");
        slot.discard(&first);
        assert!(slot.held(now).is_some());
        slot.discard(&second);
        assert!(slot.held(now).is_none());
    }
}
