//! Error codes: the contract's (§2) and, in the same style, those of Ringback's own API.
//!
//! A code is `CLASS.Specific`, stable across releases, while the message beside it may change. ThingSpace puts a service's
//! name before some of its codes, so compare with [`code_matches`].

/// Whether a code that a server sent is `expected`, with or without a service's name before it:
/// `UnifiedWebService.REQUEST_FAILED.AccountName` is `REQUEST_FAILED.AccountName`.
#[must_use]
pub fn code_matches(received: &str, expected: &str) -> bool {
    received.strip_suffix(expected).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.'))
}

/// 400: the body is empty.
pub const REQUEST_UNDEFINED: &str = "INPUT_INVALID.RequestUndefined";
/// 400: the body is not JSON, or not of the model's types (ours).
pub const INVALID_JSON: &str = "INPUT_INVALID.Request.InvalidJson";
/// 400: the account is not in the form `##########-#####` (ours).
pub const ACCOUNT_INVALID: &str = "INPUT_INVALID.Account.Invalid";
/// 400: the service is not `Fota` (ours).
pub const CALLBACK_SERVICE_INVALID: &str = "INPUT_INVALID.CallbackService.Invalid";
/// 400: the URL is malformed, too long, or may not be called (ours).
pub const CALLBACK_URL_INVALID: &str = "INPUT_INVALID.CallbackUrl.Invalid";
/// 400: there is nothing to deregister (ours); 409: there is nowhere to replay to.
pub const CALLBACK_NOT_REGISTERED: &str = "REQUEST_FAILED.CallbackNotRegistered";
/// 401: the bearer token is missing, malformed, expired or revoked (ours).
pub const ACCESS_TOKEN_INVALID: &str = "REQUEST_FAILED.AccessToken.Invalid";
/// 401: there is no session header.
pub const SESSION_TOKEN_FORMAT: &str = "REQUEST_FAILED.SessionToken.Format";
/// 401: the session token is not a GUID, or no session of this client.
pub const SESSION_TOKEN_INVALID: &str = "INPUT_INVALID.SessionToken.Invalid";
/// 401: the session was not used for 20 minutes.
pub const SESSION_TOKEN_EXPIRED: &str = "REQUEST_FAILED.SessionToken.Expired";
/// 403: the credential is not entitled to the account.
pub const ACCOUNT_NAME: &str = "REQUEST_FAILED.AccountName";
/// 413: the body is too large (ours).
pub const TOO_LARGE: &str = "INPUT_INVALID.Request.TooLarge";
/// 415: the body's content type is not one that the route takes (ours).
pub const UNSUPPORTED_MEDIA_TYPE: &str = "INPUT_INVALID.Request.UnsupportedMediaType";
/// 405: the route does not have this method (ours).
pub const METHOD_NOT_ALLOWED: &str = "INPUT_INVALID.Request.MethodNotAllowed";
/// 404: there is no such route or thing, or it is not yours (ours).
pub const NOT_FOUND: &str = "REQUEST_FAILED.NotFound";
/// 429: too many requests; `Retry-After` says when (ours).
pub const TOO_MANY_REQUESTS: &str = "REQUEST_FAILED.TooManyRequests";
/// 500, 503: our fault. For a publish a 503 means "unknown: send it again with the same key".
pub const UNEXPECTED_ERROR: &str = "REQUEST_FAILED.UnexpectedError";

/// 400: log-in with an unknown user or a wrong password, which look the same.
pub const LOGIN_INVALID: &str = "REQUEST_FAILED.Login.Invalid";
/// 400: log-in of a locked user; `Retry-After` says until when (ours).
pub const LOGIN_LOCKED: &str = "REQUEST_FAILED.Login.Locked";

/// 400: a published message breaks the contract; the message names the field (ours, as all that follow).
pub const MESSAGE_INVALID: &str = "INPUT_INVALID.Message.Invalid";
/// 400: the idempotency key is empty, longer than 255 bytes, given twice, or given in a header with NDJSON.
pub const IDEMPOTENCY_KEY_INVALID: &str = "INPUT_INVALID.IdempotencyKey.Invalid";
/// 409: the idempotency key was used for another message.
pub const IDEMPOTENCY_KEY_CONFLICT: &str = "REQUEST_FAILED.IdempotencyKey.Conflict";
/// 429: the account has as many messages pending as it may.
pub const PENDING_LIMIT_REACHED: &str = "REQUEST_FAILED.PendingMessages.LimitReached";
/// 400: a parameter of the query or the path is wrong; the message names it.
pub const PARAMETER_INVALID: &str = "INPUT_INVALID.Parameter.Invalid";
/// 403: the credential does not have the scope that the request needs.
pub const SCOPE_INSUFFICIENT: &str = "REQUEST_FAILED.Scope.Insufficient";
/// 400: a credential's name, accounts, scopes, user name or password can't be so.
pub const CREDENTIAL_INVALID: &str = "INPUT_INVALID.Credential.Invalid";
/// 409: there is a credential with this name or user name.
pub const CREDENTIAL_EXISTS: &str = "REQUEST_FAILED.Credential.Exists";
/// 409: there is no replaced registration to restore, or something changed since.
pub const REGISTRATION_NOT_RESTORABLE: &str = "REQUEST_FAILED.Registration.NotRestorable";
/// 421: the operators' pages don't answer to the name in `Host`.
pub const HOST_UNKNOWN: &str = "INPUT_INVALID.Request.Host";
/// 409: the thing is not in a state in which this can be done; the message says which it is in.
pub const STATE_CONFLICT: &str = "REQUEST_FAILED.State.Conflict";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_matches_after_any_service_prefix() {
        assert!(code_matches("REQUEST_FAILED.AccountName", ACCOUNT_NAME));
        assert!(code_matches("UnifiedWebService.REQUEST_FAILED.AccountName", ACCOUNT_NAME));
        assert!(code_matches("A.B.REQUEST_FAILED.AccountName", ACCOUNT_NAME));
    }

    #[test]
    fn a_part_of_a_code_does_not_match() {
        assert!(!code_matches("REQUEST_FAILED.AccountName.More", ACCOUNT_NAME));
        assert!(!code_matches("XREQUEST_FAILED.AccountName", ACCOUNT_NAME));
        assert!(!code_matches("AccountName", ACCOUNT_NAME));
        assert!(!code_matches("", ACCOUNT_NAME));
    }
}
