//! What was handled already.

mod memory;

use std::pin::Pin;
use std::sync::Arc;

pub use memory::{DEFAULT_REMEMBER_FOR, DEFAULT_REMEMBER_REPLAYS_FOR, DEFAULT_REMEMBERED, MemoryStore};

use crate::BoxError;

/// What duplicates are told by.
///
/// A message that a person sent again is another delivery than the first. The account is part of the key so that the key of
/// one account's listener can't stand for another account's message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryKey {
    /// The message's account, `##########-#####`.
    pub account: String,
    /// The message's id, at most [`MAX_ID_BYTES`](crate::MAX_ID_BYTES).
    pub id: String,
    /// Whether a person had it sent again.
    pub replay: bool,
}

/// Where it is remembered what was handled; [`MemoryStore`] is the default. One that outlives the process, or that several
/// listeners share, keeps duplicates out across restarts and machines.
///
/// Two calls for the same key never run at the same time in one listener; across listeners that share a store they can, and
/// then a duplicate can get through between the two. For exactly one effect, let the handler write the key in the same
/// transaction as its effect, and use [`MemoryStore`] here.
pub trait SeenStore: Send + Sync + 'static {
    /// Whether the delivery was handled.
    ///
    /// An error answers 503, and the message comes again.
    fn is_handled(&self, key: &DeliveryKey) -> impl Future<Output = Result<bool, BoxError>> + Send;

    /// Remembers a delivery that was handled just now.
    ///
    /// An error is logged, and the message answered with 2xx all the same: it was handled.
    fn remember(&self, key: &DeliveryKey) -> impl Future<Output = Result<(), BoxError>> + Send;
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// A [`SeenStore`] whose type is forgotten.
pub(crate) trait AnyStore: Send + Sync {
    fn is_handled<'a>(&'a self, key: &'a DeliveryKey) -> Answer<'a, bool>;
    fn remember<'a>(&'a self, key: &'a DeliveryKey) -> Answer<'a, ()>;
}

impl<S: SeenStore> AnyStore for S {
    fn is_handled<'a>(&'a self, key: &'a DeliveryKey) -> Answer<'a, bool> {
        Box::pin(SeenStore::is_handled(self, key))
    }

    fn remember<'a>(&'a self, key: &'a DeliveryKey) -> Answer<'a, ()> {
        Box::pin(SeenStore::remember(self, key))
    }
}

impl<S: SeenStore> SeenStore for Arc<S> {
    fn is_handled(&self, key: &DeliveryKey) -> impl Future<Output = Result<bool, BoxError>> + Send {
        S::is_handled(self, key)
    }

    fn remember(&self, key: &DeliveryKey) -> impl Future<Output = Result<(), BoxError>> + Send {
        S::remember(self, key)
    }
}
