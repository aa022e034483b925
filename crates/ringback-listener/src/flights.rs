//! Deliveries that are being handled.
//!
//! A delivery takes off with its first callback, as a task of its own, and lands with a result. Callbacks of the same delivery
//! that come meanwhile wait for that result; those that come afterwards find it remembered, if it was handled, or take off
//! anew, if it failed. That a landed flight leaves the list only after it was remembered is why there is no moment between.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::{DeliveryKey, Failure};

/// How a flight ended.
pub(crate) type Landed = Result<(), Failure>;

/// The list of flights that have a key.
#[derive(Default)]
pub(crate) struct Flights {
    under_way: Mutex<HashMap<DeliveryKey, watch::Receiver<Option<Landed>>>>,
}

/// What a callback gets.
pub(crate) enum Seat {
    /// It is the first: the flight is its to fly.
    Pilot(Flight, Arrival),
    /// Another one flies.
    Passenger(Arrival),
}

/// A flight, which has to land. One that is dropped without landing has failed.
pub(crate) struct Flight {
    flights: Arc<Flights>,
    key: Option<DeliveryKey>,
    landed: watch::Sender<Option<Landed>>,
}

/// Where a flight's result comes in.
pub(crate) struct Arrival(watch::Receiver<Option<Landed>>);

impl Flights {
    /// Finds the flight with this key, or begins one. `ready` is asked only if there is none; if it fails none begins.
    /// Without a key, every callback is a flight.
    pub(crate) fn board(
        self: &Arc<Self>,
        key: Option<DeliveryKey>,
        ready: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<Seat, Failure> {
        let mut under_way = self.lock();
        if let Some(flight) = key.as_ref().and_then(|key| under_way.get(key)) {
            return Ok(Seat::Passenger(Arrival(flight.clone())));
        }
        ready()?;
        let (landed, arrival) = watch::channel(None);
        if let Some(key) = &key {
            under_way.insert(key.clone(), arrival.clone());
        }
        Ok(Seat::Pilot(Flight { flights: Arc::clone(self), key, landed }, Arrival(arrival)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeliveryKey, watch::Receiver<Option<Landed>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    pub(crate) fn key(&self) -> Option<&DeliveryKey> {
        self.key.as_ref()
    }

    pub(crate) fn land(mut self, result: Landed) {
        self.leave();
        self.landed.send_replace(Some(result));
    }

    fn leave(&mut self) {
        if let Some(key) = self.key.take() {
            self.flights.lock().remove(&key);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Arrival {
    pub(crate) async fn result(mut self) -> Landed {
        let landed = self.0.wait_for(Option::is_some).await;
        landed.ok().and_then(|landed| landed.clone()).unwrap_or(Err(Failure::Aborted))
    }
}
