//! Rooms for requests that hold much memory: so many in all, and so many for one credential, so that none takes them all.
//! Who finds none waits for one, first among its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::places::PlaceLimits;

/// See the module. Only credentials that have a room or wait for one are in memory.
pub(super) struct Rooms {
    in_all: Semaphore,
    each: usize,
    guests: Mutex<HashMap<i64, Own>>,
}

/// What one credential has.
struct Own {
    rooms: Arc<Semaphore>,
    /// Its requests that have one or wait for one.
    guests: usize,
}

/// A request that has a room or waits for one; forgotten when it is dropped.
struct Guest<'a> {
    rooms: &'a Rooms,
    credential: i64,
}

/// A room, given back when it is dropped.
pub(super) struct Room<'a> {
    _in_all: SemaphorePermit<'a>,
    _own: OwnedSemaphorePermit,
    _guest: Guest<'a>,
}

impl Rooms {
    pub(super) fn new(limits: PlaceLimits) -> Self {
        Self { in_all: Semaphore::new(limits.in_all), each: limits.each, guests: Mutex::default() }
    }

    /// A room for a request of the credential, as soon as there is one.
    pub(super) async fn enter(&self, credential: i64) -> Room<'_> {
        let (guest, own) = self.announce(credential);
        loop {
            // Neither is ever closed.
            let Ok(own) = own.clone().acquire_owned().await else { continue };
            let Ok(in_all) = self.in_all.acquire().await else { continue };
            return Room { _in_all: in_all, _own: own, _guest: guest };
        }
    }

    fn announce(&self, credential: i64) -> (Guest<'_>, Arc<Semaphore>) {
        let mut guests = self.lock();
        let new = || Own { rooms: Arc::new(Semaphore::new(self.each)), guests: 0 };
        let own = guests.entry(credential).or_insert_with(new);
        own.guests += 1;
        (Guest { rooms: self, credential }, own.rooms.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Own>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        let mut guests = self.rooms.lock();
        if let Some(own) = guests.get_mut(&self.credential) {
            own.guests -= 1;
            if own.guests == 0 {
                guests.remove(&self.credential);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures_util::FutureExt as _;

    use super::*;

    fn rooms(in_all: usize, each: usize) -> Rooms {
        Rooms::new(PlaceLimits { in_all, each })
    }

    #[test]
    fn one_credential_does_not_take_them_all() {
        let rooms = rooms(3, 2);
        let _held = [rooms.enter(1).now_or_never().unwrap(), rooms.enter(1).now_or_never().unwrap()];
        assert!(rooms.enter(1).now_or_never().is_none());
        let _other = rooms.enter(2).now_or_never().unwrap();
        assert!(rooms.enter(3).now_or_never().is_none());
    }

    #[test]
    fn who_waits_gets_the_room_that_is_given_back_and_holds_up_nobody_until_then() {
        let rooms = rooms(2, 1);
        let held = rooms.enter(1).now_or_never().unwrap();
        let mut waiting = Box::pin(rooms.enter(1));
        assert!(waiting.as_mut().now_or_never().is_none());
        let _other = rooms.enter(2).now_or_never().unwrap();
        drop(held);
        assert!(waiting.now_or_never().is_some());
    }

    #[test]
    fn nothing_is_kept_of_who_is_gone_or_gave_up() {
        let rooms = rooms(1, 1);
        let held = rooms.enter(1).now_or_never().unwrap();
        assert!(rooms.enter(2).now_or_never().is_none());
        assert_eq!(rooms.lock().len(), 1);
        drop(held);
        assert!(rooms.lock().is_empty());
    }
}
