//! From a name to addresses, behind a trait, so that a test can have a name mean one thing now and another thing later.

use std::{
    future::Future,
    io,
    net::{IpAddr, ToSocketAddrs},
    pin::Pin,
    sync::Arc,
};

use tokio::{sync::Semaphore, task::spawn_blocking};

/// How many look-ups may be under way at once.
///
/// The system's resolver blocks a thread for as long as a name server is silent. The bound keeps names that don't resolve
/// from taking every thread that the process has for blocking work (512 in tokio).
const MAX_LOOKUPS: usize = 256;

/// A look-up under way.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Turns a host name into addresses.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of a name, in the order in which to try them. Never empty: a name without addresses is an error.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a>;
}

/// The system's own resolver: the hosts file, DNS, and whatever else the machine is set up to ask.
#[derive(Debug, Clone)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let permit = self.lookups.clone().acquire_owned().await.map_err(io::Error::other)?;
            let name = name.to_owned();
            let lookup = spawn_blocking(move || {
                // Held by the thread, not by the one who waits for it: a look-up whose time is up still blocks.
                let _permit = permit;
                let addresses: Vec<_> =
                    (name.as_str(), 0).to_socket_addrs()?.map(|found| found.ip()).collect();
                if addresses.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(addresses) }
            });
            lookup.await.map_err(io::Error::other)?
        })
    }
}
