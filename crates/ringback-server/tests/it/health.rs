//! `/healthz` and `/readyz`.

use serde_json::json;

use crate::server::{Server, Settings};

#[tokio::test]
async fn a_living_process_says_ok() {
    let server = Server::start().await;
    let answer = server.ask("GET", "/healthz").send().await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"ok"[..]));
}

#[tokio::test]
async fn ready_says_why_not() {
    let server = Server::start().await;
    assert_eq!(server.ask("GET", "/readyz").send().await.ok(), json!({"ready": true, "reasons": []}));
    let reasons = vec!["the store is unavailable".to_owned()];
    let server = Server::start_with(Settings { not_ready: reasons.clone(), ..Settings::default() }).await;
    let answer = server.ask("GET", "/readyz").send().await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json(), json!({"ready": false, "reasons": reasons}));
}
