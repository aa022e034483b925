//! The system's own resolver: the hosts file, DNS, and whatever else the machine is set up to ask.
//!
//! It blocks a thread for as long as a name server is silent, so the threads are bounded. Whoever may register URLs can
//! name servers that never answer, as many as there are threads; so names that were resolved lately have threads of their
//! own, and those of the others are not theirs to take. A name has one thread at most, whoever asks for it.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, ToSocketAddrs},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::spawn_blocking,
};

use super::{Resolve, Resolving, known_names::KnownNames};

/// Threads for names that were resolved lately. With the others they leave room among those that the process has for
/// blocking work (512 in tokio).
const KNOWN_LOOKUPS: usize = 128;
/// Threads for all other names.
const UNKNOWN_LOOKUPS: usize = 192;

/// See the module. Clones share the threads.
#[derive(Clone)]
pub struct SystemResolver(Arc<Shared>);

/// Looks a name up; blocks its thread meanwhile.
type Ask = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

struct Shared {
    ask: Box<Ask>,
    known: Arc<Semaphore>,
    unknown: Arc<Semaphore>,
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    known: KnownNames,
    /// The look-ups that have a thread, and what will come of each.
    under_way: HashMap<String, watch::Receiver<Option<Found>>>,
}

impl Names {
    /// What will come of the name's look-up, if it has a thread that lives.
    fn awaited(&self, name: &str) -> Option<watch::Receiver<Option<Found>>> {
        self.under_way.get(name).filter(|found| found.has_changed().is_ok()).cloned()
    }
}

/// What came of a look-up, for all who wait for it.
type Found = Result<Vec<IpAddr>, io::ErrorKind>;

impl Default for SystemResolver {
    fn default() -> Self {
        let ask = |name: &str| Ok((name, 0).to_socket_addrs()?.map(|found| found.ip()).collect());
        Self::asking(ask, KNOWN_LOOKUPS, UNKNOWN_LOOKUPS)
    }
}

impl SystemResolver {
    /// One that asks what is given, with so many threads for known names and for others.
    pub(super) fn asking(
        ask: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
        known: usize,
        unknown: usize,
    ) -> Self {
        let (known, unknown) = (Arc::new(Semaphore::new(known)), Arc::new(Semaphore::new(unknown)));
        Self(Arc::new(Shared { ask: Box::new(ask), known, unknown, names: Mutex::default() }))
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let awaited = self.0.names().awaited(name);
            let mut found = match awaited {
                Some(found) => found,
                None => {
                    let places = self.0.places(name).clone();
                    let place = places.acquire_owned().await.map_err(io::Error::other)?;
                    self.0.clone().begin(name, place)
                }
            };
            let found = found.wait_for(Option::is_some).await.map_err(io::Error::other)?.clone();
            match found {
                Some(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
                Some(Err(kind)) => Err(kind.into()),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        })
    }
}

impl Shared {
    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn places(&self, name: &str) -> &Arc<Semaphore> {
        if self.names().known.contains(name) { &self.known } else { &self.unknown }
    }

    /// Gives the name a thread, unless it has got one meanwhile.
    fn begin(self: Arc<Self>, name: &str, place: OwnedSemaphorePermit) -> watch::Receiver<Option<Found>> {
        let mut names = self.names();
        if let Some(found) = names.awaited(name) {
            return found;
        }
        let (tell, found) = watch::channel(None);
        names.under_way.insert(name.to_owned(), found.clone());
        // Until it is resolved again: one that has fallen silent is to take a place once.
        names.known.remove(name);
        drop(names);
        let name = name.to_owned();
        spawn_blocking(move || {
            // Held by the thread, not by those who wait for it: a look-up whose time is up still blocks.
            let _place = place;
            let asked = (self.ask)(&name).map_err(|error| error.kind());
            let mut names = self.names();
            names.under_way.remove(&name);
            if asked.as_ref().is_ok_and(|addresses| !addresses.is_empty()) {
                names.known.insert(name);
            }
            drop(names);
            // Nobody may be waiting any more.
            tell.send_replace(Some(asked));
        });
        found
    }
}
