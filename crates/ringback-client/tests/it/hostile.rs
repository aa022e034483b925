//! Servers that break off, never end, or send what nobody asked for.

use std::error::Error as _;
use std::time::Duration;

use ringback_client::Error;
use tokio::net::TcpListener;

use crate::server::{ACCOUNT, Reply, Server};
use ringback_wire::routes::TOKEN_PATH;

async fn list_error(server: &Server) -> Error {
    list_error_within(server, Duration::from_secs(60)).await
}

async fn list_error_within(server: &Server, timeout: Duration) -> Error {
    let client = server.builder().timeout(timeout).max_response_bytes(1_000).build();
    let callbacks = client.expect("a client").software_management_callbacks_v1();
    callbacks.list_registered_callbacks(ACCOUNT).await.expect_err("an error")
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_a_failure_of_transport() {
    let cut: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[";
    let server = Server::with_tokens(move |_, _| Reply::Raw(cut.to_vec())).await;
    let error = list_error(&server).await;
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert!(error.source().is_some());
    assert!(error.is_outcome_unknown());
}

#[tokio::test]
async fn a_chunked_body_without_an_end_is_a_failure_of_transport() {
    let cut: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[]\r\n";
    let server = Server::with_tokens(move |_, _| Reply::Raw(cut.to_vec())).await;
    let error = list_error(&server).await;
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_hangs_up_is_a_failure_of_transport() {
    let server = Server::with_tokens(|_, _| Reply::Raw(Vec::new())).await;
    let error = list_error(&server).await;
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_not_http_is_a_failure_of_transport() {
    let server = Server::with_tokens(|_, _| Reply::Raw(b"SSH-2.0-x\r\n".to_vec())).await;
    let error = list_error(&server).await;
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_a_failure_of_transport() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut server = Server::with_tokens(|_, _| Reply::empty(200)).await;
    server.url = format!("http://{}", listener.local_addr().expect("its address"));
    drop(listener);
    let error = list_error(&server).await;
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_time_out() {
    let server = Server::with_tokens(|_, _| Reply::Stuck(Vec::new())).await;
    let error = list_error_within(&server, Duration::from_millis(300)).await;
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_that_never_ends_is_a_time_out() {
    let slow: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[";
    let server = Server::with_tokens(move |_, _| Reply::Stuck(slow.to_vec())).await;
    let error = list_error_within(&server, Duration::from_millis(300)).await;
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_page_in_place_of_json_is_an_unreadable_body_and_is_kept() {
    let server = Server::with_tokens(|_, _| {
        let headers = vec![("content-type", "text/html".to_owned())];
        Reply::Whole { status: 200, headers, body: b"<html>sign in</html>".to_vec() }
    })
    .await;
    let error = list_error(&server).await;
    let Error::UnreadableBody { response, .. } = &error else { panic!("{error:?}") };
    assert_eq!(response.body(), "<html>sign in</html>".as_bytes());
    assert_eq!(response.headers()["content-type"], "text/html");
    assert!(error.source().is_some());
}

#[tokio::test]
async fn json_of_another_content_type_is_read() {
    let server = Server::with_tokens(|_, _| {
        let headers = vec![("content-type", "text/plain".to_owned())];
        Reply::Whole { status: 200, headers, body: br#"[{"name":"Fota","new":1}]"#.to_vec() }
    })
    .await;
    let callbacks = server.client().software_management_callbacks_v1();
    let list = callbacks.list_registered_callbacks(ACCOUNT).await.expect("a list").into_result();
    assert_eq!(list[0].name.as_deref(), Some("Fota"));
}

#[tokio::test]
async fn a_body_that_is_said_to_be_huge_is_not_read() {
    let huge: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n";
    let server = Server::with_tokens(move |_, _| Reply::Stuck(huge.to_vec())).await;
    let error = list_error(&server).await;
    assert!(matches!(error, Error::BodyTooLarge { limit: 1_000, .. }), "{error:?}");
}

#[tokio::test]
async fn a_huge_body_of_no_said_length_is_read_up_to_the_bound() {
    let mut huge = b"HTTP/1.1 500 Oh\r\n\r\n".to_vec();
    huge.extend_from_slice(&[b' '; 1_001]);
    let server = Server::with_tokens(move |_, _| Reply::Stuck(huge.clone())).await;
    let error = list_error(&server).await;
    assert!(
        matches!(&error, Error::BodyTooLarge { status_code, .. } if status_code.as_u16() == 500),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_huge_answer_to_a_token_request_is_not_read() {
    let huge: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n";
    let server = Server::start(move |_, _| Reply::Stuck(huge.to_vec())).await;
    let error = list_error(&server).await;
    let Error::BodyTooLarge { request, .. } = &error else { panic!("{error:?}") };
    assert_eq!(**request, format!("POST {TOKEN_PATH}"));
}

#[tokio::test]
async fn a_token_that_can_not_stand_in_a_header_is_an_error() {
    let server = Server::start(|_, _| {
        Reply::json(200, r#"{"access_token":"a\r\nx: y","token_type":"Bearer","expires_in":3600}"#)
    })
    .await;
    let error = list_error(&server).await;
    assert!(matches!(error, Error::Authentication(_)), "{error:?}");
}
