//! What can be wrong with the body of a registration.

use crate::client::Answer;
use crate::server::{ACCOUNT, Server, callbacks};

async fn register(content_type: &str, body: impl Into<bytes::Bytes>) -> Answer {
    let server = Server::start().await;
    let user = server.user().await;
    server.as_user(&user, "POST", &callbacks(ACCOUNT)).body(content_type, body).send().await
}

#[tokio::test]
async fn an_empty_body_is_400_request_undefined_whatever_its_type() {
    register("application/json", "").await.error(400, "INPUT_INVALID.RequestUndefined");
    register("application/json", " \n").await.error(400, "INPUT_INVALID.RequestUndefined");
    register("text/plain", "").await.error(400, "INPUT_INVALID.RequestUndefined");
}

#[tokio::test]
async fn what_is_not_json_is_400_invalid_json() {
    register("application/json", "{").await.error(400, "INPUT_INVALID.Request.InvalidJson");
    register("application/json", "{} {}").await.error(400, "INPUT_INVALID.Request.InvalidJson");
}

#[tokio::test]
async fn a_field_of_the_wrong_type_is_400_invalid_json_and_the_message_names_it() {
    let wrong = register("application/json", r#"{"name":"Fota","url":5}"#).await;
    assert!(wrong.error(400, "INPUT_INVALID.Request.InvalidJson").contains("url"));
    let missing = register("application/json", r#"{"name":"Fota"}"#).await;
    assert!(missing.error(400, "INPUT_INVALID.Request.InvalidJson").contains("url"));
    for array in ["[]", r#" ["Fota","http://127.0.0.1/"]"#] {
        let array = register("application/json", array).await;
        array.error(400, "INPUT_INVALID.Request.InvalidJson");
    }
}

#[tokio::test]
async fn another_content_type_is_415_unsupported_media_type() {
    let body = r#"{"name":"Fota","url":"https://10.0.0.1/"}"#;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        register(content_type, body).await.error(415, "INPUT_INVALID.Request.UnsupportedMediaType");
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON;charset=UTF-8"] {
        register(content_type, body).await.ok();
    }
}

#[tokio::test]
async fn a_body_that_would_have_to_be_unpacked_is_415_and_is_not() {
    let server = Server::start().await;
    let user = server.user().await;
    let body = r#"{"name":"Fota","url":"https://10.0.0.1/"}"#;
    let encoded = |coding| {
        server
            .as_user(&user, "POST", &callbacks(ACCOUNT))
            .header("content-encoding", coding)
            .json(body)
            .send()
    };
    for coding in ["gzip", "deflate", "br", "zstd", "identity, gzip", "x"] {
        let message = encoded(coding).await.error(415, "INPUT_INVALID.Request.UnsupportedMediaType");
        assert!(message.contains("Content-Encoding"), "{message}");
    }
    encoded("identity").await.ok();
}

#[tokio::test]
async fn a_body_over_the_bound_is_413_too_large() {
    let huge = vec![b' '; 3 << 20];
    register("application/json", huge).await.error(413, "INPUT_INVALID.Request.TooLarge");
}

#[tokio::test]
async fn a_service_other_than_fota_is_400_callback_service_invalid() {
    let body = r#"{"name":"fota","url":"https://10.0.0.1/"}"#;
    register("application/json", body).await.error(400, "INPUT_INVALID.CallbackService.Invalid");
    // The service comes before the URL.
    let both = register("application/json", r#"{"name":"Other","url":"nonsense"}"#).await;
    both.error(400, "INPUT_INVALID.CallbackService.Invalid");
}

#[tokio::test]
async fn a_url_that_can_not_be_called_is_400_callback_url_invalid() {
    let long = format!("https://10.0.0.1/{}", "a".repeat(2048));
    for url in [
        "",
        "nonsense",
        "/relative",
        "ftp://10.0.0.1/",
        "https://10.0.0.1/#f",
        "https://u:p@10.0.0.1/",
        &long,
    ] {
        let body = serde_json::json!({"name": "Fota", "url": url}).to_string();
        register("application/json", body).await.error(400, "INPUT_INVALID.CallbackUrl.Invalid");
    }
}

#[tokio::test]
async fn a_url_that_the_policy_refuses_is_400_callback_url_invalid_and_the_message_names_the_setting() {
    let answer = register("application/json", r#"{"name":"Fota","url":"http://127.0.0.1/"}"#).await;
    let message = answer.error(400, "INPUT_INVALID.CallbackUrl.Invalid");
    assert!(message.contains("loopback") && message.contains("--egress any"), "{message}");
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_fit_for_the_next_request() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = Server::start().await;
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let mut answer = vec![0; 4096];
    for _ in 0..3 {
        let head = "POST /api/m2m/v1/session/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                    content-length: 20\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        // The body comes apart from its head, as the published SDKs send it.
        stream.write_all(b"{\"username\":\"x\"    ").await.unwrap();
        stream.write_all(b"}").await.unwrap();
        let read = stream.read(&mut answer).await.unwrap();
        assert!(
            answer[..read].starts_with(b"HTTP/1.1 401 "),
            "{:?}",
            String::from_utf8_lossy(&answer[..read])
        );
    }
}
