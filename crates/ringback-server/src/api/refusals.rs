//! Refusals with their sentences, each said in one place: where it is decided, and in the API's description.

use std::time::Duration;

use http::StatusCode;
use ringback_wire::error_code;

use super::problem::Problem;

impl Problem {
    /// 401: the bearer token is nobody's.
    pub(super) fn unknown_token() -> Self {
        Self::access_token("the bearer token is unknown, expired or revoked")
    }

    /// 401: there is no session token.
    pub(super) fn no_session() -> Self {
        let message = "there is no VZ-M2M-Token header; log in for one";
        Self::new(StatusCode::UNAUTHORIZED, error_code::SESSION_TOKEN_FORMAT, message)
    }

    /// 401: the session token is nobody's, or another client's.
    pub(super) fn unknown_session() -> Self {
        let message = "the VZ-M2M-Token is not a session of this client";
        Self::new(StatusCode::UNAUTHORIZED, error_code::SESSION_TOKEN_INVALID, message)
    }

    /// 401: the session was left alone for too long.
    pub(super) fn expired_session() -> Self {
        let message = "the session was not used for 20 minutes; log in again";
        Self::new(StatusCode::UNAUTHORIZED, error_code::SESSION_TOKEN_EXPIRED, message)
    }

    /// 400: unknown user or wrong password.
    pub(super) fn wrong_login() -> Self {
        Self::invalid(error_code::LOGIN_INVALID, "the user name or the password is wrong")
    }

    /// 400: the user is locked for so long.
    pub(super) fn locked_login(wait: Duration) -> Self {
        let message =
            "too many failed log-ins: the user is locked until Retry-After, or until an operator unlocks it";
        Self::invalid(error_code::LOGIN_LOCKED, message).retry_after(wait)
    }

    /// 429: too many log-ins wait for their turn.
    pub(super) fn many_logins() -> Self {
        Self::busy(error_code::TOO_MANY_REQUESTS, "too many log-ins at once")
    }

    /// 429: a credential's requests come too fast.
    pub(super) fn too_fast() -> Self {
        Self::busy(error_code::TOO_MANY_REQUESTS, "too many requests of this credential in a second")
    }

    /// 429: too many searches wait for their turn.
    pub(super) fn many_searches() -> Self {
        Self::busy(error_code::TOO_MANY_REQUESTS, "too many searches at once")
    }

    /// 429: too many requests wait for a message.
    pub(super) fn many_polls() -> Self {
        let message = "too many requests wait for messages, of this account or in all";
        Self::busy(error_code::TOO_MANY_REQUESTS, message)
    }

    /// 429: an endpoint is tried once at a time.
    pub(super) fn being_tried() -> Self {
        let message = "the account's endpoint, or too many others, are being tried at this moment";
        Self::busy(error_code::TOO_MANY_REQUESTS, message)
    }

    /// 429: an account's endpoint was checked just now.
    pub(super) fn checked_just_now() -> Self {
        let message = "an account is checked once in 10 seconds at most";
        Self::busy(error_code::TOO_MANY_REQUESTS, message)
    }

    /// 503: the store does not answer.
    pub(super) fn store_unavailable() -> Self {
        Self::unavailable("the store is unavailable: send the request again")
    }

    /// 400: there is no body.
    pub(super) fn empty_body() -> Self {
        Self::invalid(error_code::REQUEST_UNDEFINED, "the body is empty: it must be a JSON object")
    }

    /// 400: the body can't be read.
    pub(super) fn unreadable_body(reason: &str) -> Self {
        Self::invalid(error_code::INVALID_JSON, format!("the body can't be read: {reason}"))
    }

    /// 408.
    pub(super) fn late_body() -> Self {
        let message = "the body did not come in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, error_code::REQUEST_UNDEFINED, message)
    }

    /// 400: no such service.
    pub(super) fn other_service() -> Self {
        Self::invalid(error_code::CALLBACK_SERVICE_INVALID, "the callback service must be Fota")
    }

    /// 400: the URL can't be called.
    pub(super) fn callback_url(reason: impl Into<String>) -> Self {
        Self::invalid(error_code::CALLBACK_URL_INVALID, reason.into())
    }

    /// 400: there is nothing to deregister.
    pub(super) fn nothing_registered() -> Self {
        let message = "nothing is registered for this account and service";
        Self::invalid(error_code::CALLBACK_NOT_REGISTERED, message)
    }

    /// 409: there is nothing to restore.
    pub(super) fn nothing_to_restore() -> Self {
        let message = "no registration was replaced, or something was registered or deregistered since";
        Self::new(StatusCode::CONFLICT, error_code::REGISTRATION_NOT_RESTORABLE, message)
    }

    /// 400: two idempotency keys in headers.
    pub(super) fn key_twice() -> Self {
        let message = "the header Idempotency-Key is given twice";
        Self::invalid(error_code::IDEMPOTENCY_KEY_INVALID, message)
    }

    /// 409: a replay goes on.
    pub(super) fn replay_under_way() -> Self {
        let message = "a replay of this account is under way already: wait until it is through";
        Self::new(StatusCode::CONFLICT, error_code::STATE_CONFLICT, message)
    }

    /// 400: times for what waits.
    pub(super) fn pending_with_times() -> Self {
        let message = "since and until do not go with the state pending: all that waits is tried now";
        Self::invalid(error_code::PARAMETER_INVALID, message)
    }

    /// 400: a list of accounts that is none.
    pub(super) fn account_list() -> Self {
        let message = "accounts must be names in the form ##########-#####, or * alone";
        Self::invalid(error_code::ACCOUNT_INVALID, message)
    }
}
