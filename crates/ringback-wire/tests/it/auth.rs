//! Tokens and sessions.

use ringback_wire::auth::*;

use crate::round_trip;

#[test]
fn a_token_answer_may_have_no_scope() {
    let token: TokenResponse =
        round_trip(r#"{"access_token":"t0p","token_type":"Bearer","expires_in":3600}"#);
    assert_eq!(token.access_token.expose(), "t0p");
    assert!(!format!("{token:?}").contains("t0p"));
}

#[test]
fn an_oauth_error_that_is_not_known_is_kept() {
    let known: OAuthError = round_trip(r#"{"error":"invalid_client","error_description":"d"}"#);
    assert_eq!(known.error, OAuthErrorCode::InvalidClient);
    let other: OAuthError = round_trip(r#"{"error":"server_error"}"#);
    assert_eq!(other.error, OAuthErrorCode::Other("server_error".into()));
}

#[test]
fn a_session_is_started_and_ended_with_the_documented_fields() {
    let login: LoginRequest = round_trip(r#"{"username":"u","password":"hunter2"}"#);
    assert!(!format!("{login:?}").contains("hunter2"));
    let _: LoginResponse = round_trip(r#"{"sessionToken":"bcce3ea6-fe4f-4952-bacf-eadd80718e83"}"#);
    let _: LogoutResponse = round_trip(r#"{"sessionToken":"bcce3ea6-fe4f-4952-bacf-eadd80718e83"}"#);
}
