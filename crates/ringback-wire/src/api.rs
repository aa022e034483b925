//! Bodies of Ringback's own API, under `/api/ringback/v1` (all of it ours). Its errors have the contract's body,
//! [`crate::v1::FotaV1Result`].
//!
//! Times are texts of RFC 3339 in UTC. Answers may get more fields, which readers ignore. Requests that change something
//! refuse fields that they don't know, so that a misspelt one can't be lost.

mod accounts;
mod catch_up;
mod credentials;
mod messages;
mod replay;

pub use accounts::{
    AccountCounts, AccountList, AccountSort, AccountView, CheckAnswer, LaneState, PingAnswer,
    PreviousSigningKey, RegistrationView, SigningKeyAnswer, SigningKeyRotateRequest,
};
pub use catch_up::{
    AckAnswer, AckRequest, CatchUpMessage, CatchUpPage, MAX_WAIT_SECONDS, PullAnswer, PullRequest,
};
pub use credentials::{
    ALL_ACCOUNTS, CredentialCreateRequest, CredentialCreated, CredentialList, CredentialPatch,
    CredentialView, Scope,
};
pub use messages::{
    AttemptView, DeathCause, MessageList, MessageSearch, MessageState, MessageView, WaitsFor,
};
pub use replay::{ReplayAnswer, ReplayRequest};
