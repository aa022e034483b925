//! Where Ringback keeps what it accepted.
//!
//! [`Store`] is what the rest of the house knows: acts, each durable when it answers. One trait for each concern, so
//! that a caller can say what it needs: [`Publishing`] takes messages in, [`Registrations`] says where they go,
//! [`Dispatching`] gives them out and takes the outcomes back, [`Credentials`] knows who may do what, [`Reading`] looks,
//! [`Overseeing`] looks over all accounts, [`Replaying`] sends again, [`Resealing`] changes the sealing key, [`Upkeep`]
//! keeps order, [`Sharing`] divides the work among nodes.
//!
//! [`sqlite::SqliteStore`] is the embedded default: one file, one writer thread, group commit. [`postgres::PostgresStore`]
//! is for several nodes: stateless, alike, and each the owner of some of the shards.

mod closed;
pub mod content;
pub mod credentials;
pub mod dispatching;
pub mod error;
pub mod movements;
pub mod overseeing;
pub mod postgres;
pub mod publishing;
pub mod reading;
pub mod registrations;
pub mod replaying;
pub mod resealing;
mod sealed;
pub mod sharing;
pub mod sqlite;
mod stored;
pub mod upkeep;
pub mod vault;

pub use closed::Closed;
pub use content::{Content, Trace};
pub use credentials::{
    Credential, CredentialChange, CredentialOutcome, Credentials, PasswordHash, Reach, Scopes, Session, Token,
};
pub use dispatching::{Attempt, CommitListener, Dispatching, Fresh, Settled, Swept};
pub use error::{OpenError, StoreError};
pub use movements::{Commit, Movements};
pub use overseeing::{Act, Ailment, KeptAct, LaneCounts, Overseeing, Tally};
pub use postgres::{
    Copied, CopyError, CopyProgress, PostgresHost, PostgresOptions, PostgresStore, PostgresTls, copy_sqlite,
};
pub use publishing::{Admission, Idempotency, NewMessage, Publishing};
pub use reading::{AccountSummary, Counts, Cursor, Message, MessageFilter, Page, Reading, Reel};
pub use registrations::{Endpoint, Registration, Registrations, Restored, SigningSecret};
pub use replaying::{ReplayCount, ReplayFilter, ReplayJob, Replayed, Replaying};
pub use resealing::{Resealed, Resealing, Rotation};
pub use sharing::{Beat, LEASE_TERM, Lease, Node, Sharing, Tidings};
pub use sqlite::{KeySource, Limits, Role, SqliteOptions, SqliteStore};
pub use upkeep::{Discrepancy, LedgerReport, Retention, StoreSize, Upkeep};
pub use vault::{KeyError, KeyId, KeyRecord, SealingKey, Secret, Vault};

/// A whole store.
pub trait Store:
    Publishing
    + Registrations
    + Dispatching
    + Credentials
    + Reading
    + Overseeing
    + Replaying
    + Resealing
    + Upkeep
    + Sharing
    + Send
    + Sync
{
    /// What seals, opens and digests for this store.
    fn vault(&self) -> &Vault;
}
