//! The same client for programs without an async runtime (feature `blocking`).
//!
//! It has a thread of its own for connections and timers, which ends with the last clone.
//!
//! ```no_run
//! use ringback_client::{Client, Credentials, Environment};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder()
//!     .environment(Environment::url("http://127.0.0.1:8080"))
//!     .credentials(Credentials::from_env()?)
//!     .build_blocking()?;
//! let callbacks = client.software_management_callbacks_v1();
//! for registered in callbacks.list_registered_callbacks("0242078689-00001")?.result {
//!     println!("{:?}", registered.url);
//! }
//! # Ok(()) }
//! ```
//!
//! # Panics
//! Every call panics if it is made inside an async runtime, which it would block: use [`crate::Client`] there.

mod group;
mod groups;
mod runtime;

use ringback_wire::publish::{NdjsonLine, PublishAnswer};

use crate::{ApiResponse, BuildError, ClientBuilder, Error, OutgoingMessage, PublishSettings, Published};
use runtime::Driver;

pub use groups::{Accounts, CredentialAdmin, Messages, SoftwareManagementCallbacksV1};

/// [`crate::Client`], waiting for each answer.
#[derive(Debug, Clone)]
pub struct Client {
    client: crate::Client,
    driver: Driver,
}

impl ClientBuilder {
    /// The blocking client. Nothing is sent yet.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`]; [`BuildError::Runtime`] if the client's thread can't be started.
    pub fn build_blocking(self) -> Result<Client, BuildError> {
        Ok(Client { client: self.build()?, driver: Driver::start()? })
    }
}

impl Client {
    /// ThingSpace's Software Management Callbacks V1: list, register, deregister.
    #[must_use]
    pub fn software_management_callbacks_v1(&self) -> SoftwareManagementCallbacksV1 {
        SoftwareManagementCallbacksV1::new(self.client.software_management_callbacks_v1(), &self.driver)
    }

    /// Ringback's messages: publish, search, show, replay.
    #[must_use]
    pub fn messages(&self) -> Messages {
        Messages::new(self.client.messages(), &self.driver)
    }

    /// Ringback's accounts: registration, lane, signing key, catching up.
    #[must_use]
    pub fn accounts(&self) -> Accounts {
        Accounts::new(self.client.accounts(), &self.driver)
    }

    /// Ringback's credentials, for an operator.
    #[must_use]
    pub fn credentials(&self) -> CredentialAdmin {
        CredentialAdmin::new(self.client.credentials(), &self.driver)
    }
}

impl Messages {
    /// As [`crate::Messages::publish`].
    ///
    /// # Errors
    /// As there.
    pub fn publish(&self, message: &OutgoingMessage) -> Result<ApiResponse<PublishAnswer>, Error> {
        self.driver.wait(self.inner.publish(message))
    }

    /// As [`crate::Messages::publish_batch`].
    ///
    /// # Errors
    /// As there.
    pub fn publish_batch(&self, messages: &[OutgoingMessage]) -> Result<ApiResponse<Vec<NdjsonLine>>, Error> {
        self.driver.wait(self.inner.publish_batch(messages))
    }

    /// As [`crate::Messages::publish_all`], from an iterator to an iterator: messages are taken, a batch at a time, while the
    /// results are asked for.
    ///
    /// # Errors
    /// As there: each result has its own.
    pub fn publish_all<I>(
        &self,
        messages: I,
        settings: PublishSettings,
    ) -> impl Iterator<Item = Published> + use<I>
    where
        I: IntoIterator<Item = OutgoingMessage>,
        I::IntoIter: Send + 'static,
    {
        let mut results = self.inner.publish_all(futures_util::stream::iter(messages), settings);
        let driver = self.driver.clone();
        std::iter::from_fn(move || driver.wait(results.next()))
    }
}
