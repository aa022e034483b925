//! From a name to addresses, behind a trait, so that a test can have a name mean one thing now and another thing later.

use std::{future::Future, io, net::IpAddr, pin::Pin};

/// A look-up under way.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Turns a host name into addresses.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of a name, in the order in which to try them. Never empty: a name without addresses is an error.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a>;
}
