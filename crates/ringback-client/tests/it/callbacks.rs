//! The three operations as they stand on the wire.

use std::time::Duration;

use ringback_client::models::{CallbackService, FotaV1CallbackRegistrationRequest};
use ringback_client::{
    AuthenticationError, BuildError, Client, Credentials, Environment, Error, RequestOptions,
};
use ringback_wire::routes::{LOGIN_PATH, TOKEN_PATH};

use crate::server::{ACCOUNT, Reply, Server, credentials, good_tokens};

const CALLBACKS: &str = "/api/fota/v1/callbacks/0242078689-00001";

fn registration() -> FotaV1CallbackRegistrationRequest {
    FotaV1CallbackRegistrationRequest {
        name: CallbackService::Fota.to_string(),
        url: "http://10.120.102.183:50559/CallbackListener/".to_owned(),
        username: None,
        password: None,
    }
}

#[tokio::test]
async fn the_tokens_are_asked_for_as_the_contract_says() {
    let server = Server::with_tokens(|_, _| Reply::json(200, "[]")).await;
    let client = server.client();
    client.software_management_callbacks_v1().list_registered_callbacks(ACCOUNT).await.expect("a list");

    let seen = server.seen();
    let lines: Vec<_> = seen.iter().map(|seen| seen.line()).collect();
    assert_eq!(
        lines,
        [format!("POST {TOKEN_PATH}"), format!("POST {LOGIN_PATH}"), format!("GET {CALLBACKS}")]
    );
    assert_eq!(seen[0].body, b"grant_type=client_credentials");
    assert_eq!(seen[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    // client-id:client-secret-hush
    assert_eq!(seen[0].header("authorization"), Some("Basic Y2xpZW50LWlkOmNsaWVudC1zZWNyZXQtaHVzaA=="));
    assert_eq!(seen[1].body, br#"{"username":"user","password":"password-hush"}"#);
    assert_eq!(seen[1].header("authorization"), Some("Bearer access-0"));
    assert_eq!(seen[2].header("authorization"), Some("Bearer access-0"));
    assert_eq!(seen[2].header("vz-m2m-token"), Some("session-0"));
    assert!(seen[2].header("user-agent").is_some_and(|agent| agent.starts_with("ringback-client/")));
}

#[tokio::test]
async fn a_list_has_what_is_registered_and_the_response_around_it() {
    let body = r#"[{"aname":"0242078689-00001","name":"Fota","url":"http://10.120.102.183:50559/"}]"#;
    let server = Server::with_tokens(move |_, _| Reply::json(200, body).with("x-request", "7")).await;
    let callbacks = server.client().software_management_callbacks_v1();
    let response = callbacks.list_registered_callbacks(ACCOUNT).await.expect("a list");
    assert_eq!(response.result[0].url.as_deref(), Some("http://10.120.102.183:50559/"));
    assert_eq!(response.status_code.as_u16(), 200);
    assert_eq!(response.headers["x-request"], "7");
    assert_eq!(response.body, body);
}

#[tokio::test]
async fn an_empty_200_is_an_empty_list() {
    for body in ["", " \n", "[]"] {
        let server = Server::with_tokens(move |_, _| Reply::json(200, body)).await;
        let callbacks = server.client().software_management_callbacks_v1();
        let response = callbacks.list_registered_callbacks(ACCOUNT).await.expect("a list");
        assert_eq!(response.result, [], "{body:?}");
    }
}

#[tokio::test]
async fn registering_sends_only_the_fields_that_are_set() {
    let answer = r#"{"accountName":"0242078689-00001","serviceName":"Fota"}"#;
    let server = Server::with_tokens(move |_, _| Reply::json(200, answer)).await;
    let callbacks = server.client().software_management_callbacks_v1();
    let response = callbacks.register_callback(ACCOUNT, &registration()).await.expect("registered");
    assert_eq!(response.result.service_name.as_deref(), Some("Fota"));
    let call = &server.calls()[0];
    assert_eq!(call.line(), format!("POST {CALLBACKS}"));
    assert_eq!(call.body, br#"{"name":"Fota","url":"http://10.120.102.183:50559/CallbackListener/"}"#);
    assert_eq!(call.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn deregistering_names_the_service() {
    let server = Server::with_tokens(|_, _| Reply::json(200, r#"{"success":true}"#)).await;
    let callbacks = server.client().software_management_callbacks_v1();
    let response = callbacks.deregister_callback(ACCOUNT, CallbackService::Fota).await.expect("deregistered");
    assert_eq!(response.result.success, Some(true));
    assert_eq!(server.calls()[0].line(), format!("DELETE {CALLBACKS}/name/Fota"));
}

#[tokio::test]
async fn an_account_of_the_wrong_form_fails_before_anything_is_sent() {
    let server = Server::with_tokens(|_, _| Reply::json(200, "[]")).await;
    let (client, wrong) = (server.client(), "0242078689/00001");
    let callbacks = client.software_management_callbacks_v1();
    let errors = [
        callbacks.list_registered_callbacks(wrong).await.expect_err("refused"),
        callbacks.register_callback(wrong, &registration()).await.expect_err("refused"),
        callbacks.deregister_callback(wrong, CallbackService::Fota).await.expect_err("refused"),
        client.accounts().show(wrong).await.expect_err("refused"),
    ];
    for error in errors {
        assert!(matches!(&error, Error::InvalidArgument(wrong) if wrong.argument == "account"), "{error:?}");
        assert!(error.to_string().contains("##########-#####"), "{error}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn without_a_session_the_callbacks_fail_before_anything_is_sent() {
    let server = Server::with_tokens(|_, _| Reply::json(200, r#"{"accounts":[]}"#)).await;
    let only_oauth = Credentials::new().client("client-id", "secret");
    let client = server.builder().credentials(only_oauth).build().expect("a client");
    let error = client.software_management_callbacks_v1().list_registered_callbacks(ACCOUNT).await;
    assert!(matches!(error, Err(Error::Authentication(AuthenticationError::NoSession))), "{error:?}");
    assert!(server.seen().is_empty());
    client.accounts().list(None).await.expect("needs no session");
}

#[tokio::test]
async fn a_call_can_have_its_own_time_out() {
    let server = Server::with_tokens(|_, _| Reply::Stuck(Vec::new())).await;
    let options = RequestOptions::new().timeout(Duration::from_millis(100));
    let callbacks = server.client().software_management_callbacks_v1().with_options(options);
    let error = callbacks.list_registered_callbacks(ACCOUNT).await.expect_err("no answer");
    assert!(
        matches!(&error, Error::Timeout { request, .. } if **request == format!("GET {CALLBACKS}")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_call_s_own_time_out_bounds_its_wait_for_tokens_too() {
    let server = Server::start(|_, _| Reply::Stuck(Vec::new())).await;
    let options = RequestOptions::new().timeout(Duration::from_millis(100));
    let callbacks = server.client().software_management_callbacks_v1().with_options(options);
    let error = callbacks.list_registered_callbacks(ACCOUNT).await.expect_err("no answer");
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_below_a_path_is_asked_there() {
    let server = Server::start(|seen, _| {
        let mut below = seen.clone();
        below.path = below.path.replace("/ringback/", "/");
        good_tokens(&below, 0).unwrap_or_else(|| Reply::json(200, "[]"))
    })
    .await;
    let below = Environment::url(format!("{}/ringback/", server.url));
    let client = server.builder().environment(below).build().expect("a client");
    client.software_management_callbacks_v1().list_registered_callbacks(ACCOUNT).await.expect("a list");
    assert!(server.seen().iter().all(|seen| seen.path.starts_with("/ringback/api/")));
}

#[test]
fn neither_an_environment_nor_credentials_are_a_default() {
    let error = Client::builder().credentials(credentials()).build().expect_err("no environment");
    assert!(matches!(error, BuildError::NoEnvironment), "{error:?}");
    let error = Client::builder().environment(Environment::Production).build().expect_err("no credentials");
    assert!(matches!(error, BuildError::NoCredentials), "{error:?}");
}

#[test]
fn a_client_is_cheap_to_share() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Client>();
    shared::<Error>();
}
