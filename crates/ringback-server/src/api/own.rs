//! What a path of Ringback's own API names, and whether it is the caller's. What is another's is no more there than
//! what does not exist.

use http::Uri;
use ringback_delivery::{AccountId, MessageId};

use super::path;
use super::principal::{Principal, Wants};
use super::problem::Problem;

/// Where the account stands in the path: `/api/ringback/v1/accounts/{account}`.
const ACCOUNT_SEGMENT: usize = 4;
/// Where the message stands: `/api/ringback/v1/messages/{id}`.
const MESSAGE_SEGMENT: usize = 4;

/// The account of the path: its form first, then the scope, then whether it is the caller's.
pub(super) fn account(principal: &Principal, uri: &Uri, wants: Wants) -> Result<AccountId, Problem> {
    let name = path::segment(uri, ACCOUNT_SEGMENT);
    let account: AccountId = name.and_then(|name| name.parse().ok()).ok_or_else(Problem::account_form)?;
    principal.may(wants)?;
    if principal.reaches(account) { Ok(account) } else { Err(Problem::not_found()) }
}

/// The message of the path. A text that is no id names nothing.
pub(super) fn message(principal: &Principal, uri: &Uri, wants: Wants) -> Result<MessageId, Problem> {
    principal.may(wants)?;
    let id: Option<MessageId> = path::segment(uri, MESSAGE_SEGMENT).and_then(|text| text.parse().ok());
    id.filter(|id| principal.reaches(id.account)).ok_or_else(Problem::not_found)
}
