//! The bodies of requests and answers, from [`ringback_wire`].

pub use ringback_wire::MessageType;
pub use ringback_wire::api::*;
pub use ringback_wire::auth::{OAuthError, OAuthErrorCode};
pub use ringback_wire::message::*;
pub use ringback_wire::publish::{LineOutcome, NdjsonLine, PublishAnswer, PublishStatus};
pub use ringback_wire::v1::*;
