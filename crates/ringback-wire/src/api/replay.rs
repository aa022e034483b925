//! Sending again, one message or many.

use serde::{Deserialize, Serialize};

use super::MessageState;
#[cfg(feature = "schema")]
use crate::schema;

/// The body of `POST /accounts/{a}/replay`; an empty object replays what is dead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplayRequest {
    /// Only messages in this state; `dead` where left out. `pending` ones are tried now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<MessageState>,
    /// Only messages accepted at this time or later; RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::Time>))]
    pub since: Option<String>,
    /// Only messages accepted before this time; RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::Time>))]
    pub until: Option<String>,
    /// Only count them.
    #[serde(default)]
    pub dry_run: bool,
}

/// The answer to a replay, of one message or of an account's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplayAnswer {
    /// How many messages are sent again; 0 for one that is waiting already, and is only tried now.
    pub count: u64,
    /// Whether there may be more of them: not all of the account's messages were looked at to count them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// Whether they were only counted.
    #[serde(default)]
    pub dry_run: bool,
    /// The message's id; of a single message only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where it stands now; of a single message only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<MessageState>,
}
