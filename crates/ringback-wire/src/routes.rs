//! Paths, relative to the server's root URL: the contract's and Ringback's own.
//!
//! `{…}` marks a segment to fill in, in the form that axum's routes have; the functions fill it in for a client, with
//! everything encoded that would not be part of the segment.

use std::fmt::Write as _;

/// `POST`: a bearer token for a client's id and secret (contract §1).
pub const TOKEN_PATH: &str = "/api/ts/v1/oauth2/token";
/// `POST`: ends a bearer token (RFC 7009).
pub const REVOKE_PATH: &str = "/api/ts/v1/oauth2/revoke";
/// `POST`: starts a session.
pub const LOGIN_PATH: &str = "/api/m2m/v1/session/login";
/// `POST`: ends a session.
pub const LOGOUT_PATH: &str = "/api/m2m/v1/session/logout";

/// Everything of Software Management Callbacks V1 lies below (contract §2).
pub const FOTA_PREFIX: &str = "/api/fota/v1";
/// `GET` lists, `POST` registers.
pub const CALLBACKS_PATH: &str = "/api/fota/v1/callbacks/{account}";
/// `DELETE` deregisters.
pub const CALLBACK_PATH: &str = "/api/fota/v1/callbacks/{account}/name/{service}";

/// Everything of Ringback's own API lies below.
pub const RINGBACK_PREFIX: &str = "/api/ringback/v1";
/// `POST` publishes, `GET` searches.
pub const MESSAGES_PATH: &str = "/api/ringback/v1/messages";
/// `GET`: one message with its attempts.
pub const MESSAGE_PATH: &str = "/api/ringback/v1/messages/{id}";
/// `POST`: sends one message again.
pub const MESSAGE_REPLAY_PATH: &str = "/api/ringback/v1/messages/{id}/replay";
/// `GET`: the credential's accounts.
pub const ACCOUNTS_PATH: &str = "/api/ringback/v1/accounts";
/// `GET`: one account.
pub const ACCOUNT_PATH: &str = "/api/ringback/v1/accounts/{account}";
/// `GET`: an account's own messages after a sequence number.
pub const ACCOUNT_MESSAGES_PATH: &str = "/api/ringback/v1/accounts/{account}/messages";
/// `POST`: sends an account's messages again.
pub const ACCOUNT_REPLAY_PATH: &str = "/api/ringback/v1/accounts/{account}/replay";
/// `POST`: sends a test message.
pub const ACCOUNT_PING_PATH: &str = "/api/ringback/v1/accounts/{account}/ping";
/// `POST`: tries the registered endpoint and says what was found.
pub const ACCOUNT_CHECK_PATH: &str = "/api/ringback/v1/accounts/{account}/check";
/// `POST`: holds an account's lane.
pub const ACCOUNT_PAUSE_PATH: &str = "/api/ringback/v1/accounts/{account}/pause";
/// `POST`: releases an account's lane.
pub const ACCOUNT_RESUME_PATH: &str = "/api/ringback/v1/accounts/{account}/resume";
/// `PUT`: keeps messages without a URL, or stops doing so.
pub const ACCOUNT_PULL_PATH: &str = "/api/ringback/v1/accounts/{account}/pull";
/// `POST`: marks messages delivered that were read.
pub const ACCOUNT_ACK_PATH: &str = "/api/ringback/v1/accounts/{account}/ack";
/// `GET`: the account's signing key.
pub const SIGNING_KEY_PATH: &str = "/api/ringback/v1/accounts/{account}/signing-key";
/// `POST`: a new signing key.
pub const SIGNING_KEY_ROTATE_PATH: &str = "/api/ringback/v1/accounts/{account}/signing-key/rotate";
/// `POST`: brings the replaced registration back.
pub const REGISTRATION_RESTORE_PATH: &str = "/api/ringback/v1/accounts/{account}/registration/restore";
/// `GET` lists, `POST` creates.
pub const CREDENTIALS_PATH: &str = "/api/ringback/v1/credentials";
/// `PATCH` changes, `DELETE` revokes; the segment is the client id.
pub const CREDENTIAL_PATH: &str = "/api/ringback/v1/credentials/{clientId}";

/// `GET`, without a token: the process is alive.
pub const HEALTH_PATH: &str = "/healthz";
/// `GET`, without a token: the process can accept messages.
pub const READY_PATH: &str = "/readyz";
/// `GET`, without a token: the description of the API.
pub const OPENAPI_PATH: &str = "/openapi.json";
/// `GET`, without a token: the JSON Schema of a callback.
pub const CALLBACK_SCHEMA_PATH: &str = "/schemas/callback-message.json";
/// `GET`, without a token: the JSON Schema of a published message.
pub const PUBLISHED_SCHEMA_PATH: &str = "/schemas/published-message.json";
/// `GET`: Prometheus metrics.
pub const METRICS_PATH: &str = "/metrics";
/// The operator's page.
pub const CONSOLE_PATH: &str = "/console";

/// [`CALLBACKS_PATH`] of an account.
#[must_use]
pub fn callbacks_path(account: &str) -> String {
    fill(CALLBACKS_PATH, &[account])
}

/// [`CALLBACK_PATH`] of an account and a service.
#[must_use]
pub fn callback_path(account: &str, service: &str) -> String {
    fill(CALLBACK_PATH, &[account, service])
}

/// A template of this module with its `{…}` filled in from `values`, in order, each percent-encoded but for the
/// unreserved characters of RFC 3986 §2.3. A template without a value for a segment keeps it.
#[must_use]
pub fn fill(template: &str, values: &[&str]) -> String {
    let mut path = String::with_capacity(template.len() + 32);
    let mut rest = template;
    for value in values {
        let Some((before, after)) = rest.split_once('{').and_then(|(b, a)| Some((b, a.split_once('}')?.1)))
        else {
            break;
        };
        path.push_str(before);
        push_encoded(&mut path, value);
        rest = after;
    }
    path.push_str(rest);
    path
}

fn push_encoded(path: &mut String, segment: &str) {
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_in_segment_by_segment() {
        assert_eq!(
            callback_path("0242078689-00001", "Fota"),
            "/api/fota/v1/callbacks/0242078689-00001/name/Fota"
        );
    }

    #[test]
    fn a_value_can_not_leave_its_segment() {
        assert_eq!(fill(MESSAGE_PATH, &["a/../{b}?c"]), "/api/ringback/v1/messages/a%2F..%2F%7Bb%7D%3Fc");
    }
}
