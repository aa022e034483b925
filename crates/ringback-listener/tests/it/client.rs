//! Catching up through the real client, from a server that speaks the pull API over HTTP.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use ringback_client::{Client, Credentials, Environment};
use ringback_listener::MessageState::{Dead, Delivered, Pending};
use ringback_listener::{CatchUp, Check};
use ringback_wire::api::{AckRequest, CatchUpPage};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::cast::{ACCOUNT, diarist};
use crate::fake_source::FakeSource;

async fn page(
    State(source): State<Arc<FakeSource>>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<CatchUpPage> {
    Json(source.page_after(query["after"].parse().unwrap(), query["limit"].parse().unwrap()))
}

async fn ack(State(source): State<Arc<FakeSource>>, Json(request): Json<AckRequest>) -> Json<Value> {
    source.acknowledged.lock().unwrap().push(request.through);
    Json(json!({"through": request.through, "delivered": 1}))
}

async fn token() -> Json<Value> {
    Json(json!({"access_token": "t", "token_type": "Bearer", "expires_in": 3600}))
}

#[tokio::test]
async fn the_client_is_a_source() {
    let source = Arc::new(FakeSource::with([(1, Delivered), (2, Dead), (3, Pending)]));
    let router = Router::new()
        .route(ringback_wire::routes::TOKEN_PATH, post(token))
        .route(ringback_wire::routes::ACCOUNT_MESSAGES_PATH, get(page))
        .route(ringback_wire::routes::ACCOUNT_ACK_PATH, post(ack))
        .with_state(Arc::clone(&source));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(socket, router).await });
    let client = Client::builder()
        .environment(Environment::url(url))
        .credentials(Credentials::new().client("id", "secret"))
        .build()
        .unwrap();
    let (listener, diary, _) = diarist(Check::unverified());
    let mut reading = CatchUp::new(client.clone(), ACCOUNT).page_limit(2).acknowledge();
    let sum = listener.catch_up(&mut reading).await.unwrap();
    assert_eq!((sum.handled, sum.dead, sum.delivered), (2, 1, 1));
    assert_eq!(diary.ids(), ["msg_2", "msg_3"]);
    assert_eq!(*source.acknowledged.lock().unwrap(), [2, 3]);
    listener.catch_up(&mut CatchUp::new(client.accounts(), ACCOUNT)).await.unwrap();
    assert_eq!(diary.len(), 2);
}
