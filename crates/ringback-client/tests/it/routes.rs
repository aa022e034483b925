//! Ringback's own routes: what each call sends, and how its answer is read.

use std::time::Duration;

use ringback_client::models::{
    CredentialCreateRequest, LaneState, MessageSearch, MessageState, ReplayRequest, Scope,
};
use ringback_client::{AccessToken, Client, Credentials, Error};

use crate::server::{ACCOUNT, Reply, Server};

const ACCOUNT_VIEW: &str = r#"{"account":"0242078689-00001","pull":false,"state":"new-state","lane":"It sleeps.",
    "counts":{"accepted":1,"delivered":1,"pending":0,"dead":0,"cancelled":0}}"#;
const CREATED: &str = r#"{"name":"n","clientId":"c","clientSecret":"s","username":"u","password":"p","accounts":["*"],
    "scopes":["publish"]}"#;
const VIEW: &str = r#"{"name":"n","clientId":"c","username":"u","accounts":[],"scopes":[],"createdAt":"t"}"#;
const KEY: &str = r#"{"secret":"whsec_x","publicKey":"whpk_x"}"#;
const MESSAGE: &str = r#"{"id":"m","account":"0242078689-00001","sequence":1,"type":"firmwareList","state":"dead",
    "acceptedAt":"t","attemptCount":3}"#;

/// A client of a server that always answers so.
async fn answering(status: u16, body: impl Into<String>) -> (Server, Client) {
    let body = body.into();
    let server = Server::with_tokens(move |_, _| match status {
        204 => Reply::empty(204),
        _ => Reply::json(status, body.clone()),
    })
    .await;
    let client = server.client();
    (server, client)
}

/// The only call, and its body.
fn sent(server: &Server) -> (String, String) {
    let calls = server.calls();
    assert_eq!(calls.len(), 1);
    (calls[0].line(), String::from_utf8(calls[0].body.clone()).expect("text"))
}

fn line(server: &Server) -> String {
    let (line, body) = sent(server);
    assert_eq!(body, "");
    line
}

#[tokio::test]
async fn accounts_are_listed_and_shown() {
    let (server, client) = answering(200, format!(r#"{{"accounts":[{ACCOUNT_VIEW}],"next":"n+1"}}"#)).await;
    let page = client.accounts().list(Some("a&b")).await.expect("a page").into_result();
    assert_eq!(page.accounts[0].state, LaneState::Other("new-state".to_owned()));
    assert_eq!(page.next.as_deref(), Some("n+1"));
    assert_eq!(line(&server), "GET /api/ringback/v1/accounts?cursor=a%26b");

    let (server, client) = answering(200, ACCOUNT_VIEW).await;
    client.accounts().show(ACCOUNT).await.expect("an account");
    assert_eq!(line(&server), format!("GET /api/ringback/v1/accounts/{ACCOUNT}"));
}

#[tokio::test]
async fn an_endpoint_is_pinged_and_checked() {
    let (server, client) =
        answering(200, r#"{"id":"p","ok":false,"error":"no answer","durationMs":5}"#).await;
    let ping = client.accounts().ping(ACCOUNT).await.expect("an answer").into_result();
    assert!(!ping.ok);
    assert_eq!(line(&server), format!("POST /api/ringback/v1/accounts/{ACCOUNT}/ping"));

    let (server, client) = answering(200, r#"{"ok":true,"status":200,"durationMs":5}"#).await;
    assert!(client.accounts().check(ACCOUNT).await.expect("an answer").result.ok);
    assert_eq!(line(&server), format!("POST /api/ringback/v1/accounts/{ACCOUNT}/check"));
}

#[tokio::test]
async fn a_lane_is_held_and_released_and_a_registration_restored_whatever_the_answer_s_body() {
    for (status, body) in [(200, ACCOUNT_VIEW), (200, ""), (204, "")] {
        let (server, client) = answering(status, body).await;
        client.accounts().pause(ACCOUNT).await.expect("done");
        assert_eq!(line(&server), format!("POST /api/ringback/v1/accounts/{ACCOUNT}/pause"));

        let (server, client) = answering(status, body).await;
        client.accounts().resume(ACCOUNT).await.expect("done");
        assert_eq!(line(&server), format!("POST /api/ringback/v1/accounts/{ACCOUNT}/resume"));

        let (server, client) = answering(status, body).await;
        client.accounts().restore_registration(ACCOUNT).await.expect("done");
        assert_eq!(line(&server), format!("POST /api/ringback/v1/accounts/{ACCOUNT}/registration/restore"));
    }
}

#[tokio::test]
async fn an_account_reads_its_messages_back_as_they_are_kept() {
    let page = r#"{"first":1,"messages":[{"sequence":5,"id":"m","state":"pending","message":{"n": 1.10}}],"last":5}"#;
    let (server, client) = answering(200, page).await;
    let wait = Some(Duration::from_secs(30));
    let page = client.accounts().catch_up(ACCOUNT, 4, Some(10), wait).await.expect("a page").into_result();
    assert_eq!(page.messages[0].message.get(), r#"{"n": 1.10}"#);
    let path = format!("/api/ringback/v1/accounts/{ACCOUNT}/messages?after=4&limit=10&wait=30");
    assert_eq!(line(&server), format!("GET {path}"));

    let (server, client) = answering(200, r#"{"first":1,"messages":[],"last":0}"#).await;
    client.accounts().catch_up(ACCOUNT, 0, None, None).await.expect("a page");
    assert_eq!(line(&server), format!("GET /api/ringback/v1/accounts/{ACCOUNT}/messages?after=0"));

    let error = client.accounts().catch_up(ACCOUNT, 0, None, Some(Duration::from_secs(61))).await;
    assert!(matches!(error, Err(Error::InvalidArgument(_))));
}

#[tokio::test]
async fn the_time_out_leaves_room_for_the_server_s_wait() {
    let server = Server::start(|_, _| Reply::Stuck(Vec::new())).await;
    let ready = Credentials::new().access_token(AccessToken::new("mine"));
    let builder = server.builder().credentials(ready).timeout(Duration::from_secs(5));
    let client = builder.build().expect("a client");
    // The clock goes on by itself while nothing else happens.
    tokio::time::pause();
    let error = client.accounts().catch_up(ACCOUNT, 0, None, Some(Duration::from_secs(30))).await;
    assert!(matches!(error, Err(Error::Timeout { after, .. }) if after.as_secs() == 35), "{error:?}");
}

#[tokio::test]
async fn pull_is_switched_and_messages_acknowledged() {
    let (server, client) = answering(200, r#"{"enabled":true}"#).await;
    assert!(client.accounts().pull(ACCOUNT, true).await.expect("on").result.enabled);
    let (line, body) = sent(&server);
    assert_eq!(
        (line.as_str(), body.as_str()),
        ("PUT /api/ringback/v1/accounts/0242078689-00001/pull", r#"{"enabled":true}"#,)
    );

    let (server, client) = answering(200, r#"{"through":9,"delivered":2}"#).await;
    assert_eq!(client.accounts().ack(ACCOUNT, 9).await.expect("done").result.through, 9);
    let (line, body) = sent(&server);
    assert_eq!(
        (line.as_str(), body.as_str()),
        ("POST /api/ringback/v1/accounts/0242078689-00001/ack", r#"{"through":9}"#,)
    );
}

#[tokio::test]
async fn a_signing_key_is_shown_and_rotated() {
    let (server, client) = answering(200, KEY).await;
    assert_eq!(client.accounts().signing_key(ACCOUNT).await.expect("a key").result.public_key, "whpk_x");
    assert_eq!(line(&server), format!("GET /api/ringback/v1/accounts/{ACCOUNT}/signing-key"));

    for (overlap, expected) in [(None, "{}"), (Some(Duration::from_secs(60)), r#"{"overlapSeconds":60}"#)] {
        let (server, client) = answering(200, KEY).await;
        client.accounts().rotate_signing_key(ACCOUNT, overlap).await.expect("a key");
        let (line, body) = sent(&server);
        assert_eq!(line, format!("POST /api/ringback/v1/accounts/{ACCOUNT}/signing-key/rotate"));
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn messages_are_searched_shown_and_replayed() {
    let (server, client) = answering(200, format!(r#"{{"messages":[{MESSAGE}]}}"#)).await;
    let search =
        MessageSearch { state: Some(MessageState::Dead), limit: Some(5), ..MessageSearch::default() };
    let list = client.messages().search(&search).await.expect("a list").into_result();
    assert_eq!(list.messages[0].attempt_count, 3);
    assert_eq!(line(&server), "GET /api/ringback/v1/messages?limit=5&state=dead");

    let (server, client) = answering(200, MESSAGE).await;
    client.messages().show("a/b").await.expect("a message");
    assert_eq!(line(&server), "GET /api/ringback/v1/messages/a%2Fb");

    let (server, client) = answering(202, r#"{"count":1}"#).await;
    assert_eq!(client.messages().replay("m").await.expect("done").result.count, 1);
    assert_eq!(line(&server), "POST /api/ringback/v1/messages/m/replay");

    let (server, client) = answering(200, r#"{"count":7,"dryRun":true}"#).await;
    let request = ReplayRequest { dry_run: true, ..ReplayRequest::default() };
    assert!(client.messages().replay_account(ACCOUNT, &request).await.expect("counted").result.dry_run);
    let (line, body) = sent(&server);
    assert_eq!(line, format!("POST /api/ringback/v1/accounts/{ACCOUNT}/replay"));
    assert_eq!(body, r#"{"dryRun":true}"#);
}

#[tokio::test]
async fn an_id_can_not_lead_to_another_route() {
    let (server, client) = answering(200, MESSAGE).await;
    for id in ["", ".", ".."] {
        assert!(matches!(client.messages().show(id).await, Err(Error::InvalidArgument(_))));
        assert!(matches!(client.credentials().revoke(id).await, Err(Error::InvalidArgument(_))));
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn credentials_are_made_and_listed() {
    let (server, client) = answering(201, CREATED).await;
    let request = CredentialCreateRequest {
        name: "n".to_owned(),
        accounts: vec!["*".to_owned()],
        scopes: vec![Scope::Publish],
        username: None,
        password: None,
    };
    let created = client.credentials().create(&request).await.expect("created").into_result();
    assert_eq!(created.client_secret.expose(), "s");
    let (line_sent, body) = sent(&server);
    assert_eq!(line_sent, "POST /api/ringback/v1/credentials");
    assert_eq!(body, r#"{"name":"n","accounts":["*"],"scopes":["publish"]}"#);

    let (server, client) = answering(200, format!(r#"{{"credentials":[{VIEW}]}}"#)).await;
    assert_eq!(client.credentials().list().await.expect("a list").result.credentials[0].client_id, "c");
    assert_eq!(line(&server), "GET /api/ringback/v1/credentials");
}

#[tokio::test]
async fn credentials_are_changed_and_ended() {
    let (server, client) = answering(200, CREATED).await;
    client.credentials().rotate("c", Duration::from_secs(60)).await.expect("rotated");
    let (line_sent, body) = sent(&server);
    assert_eq!(line_sent, "PATCH /api/ringback/v1/credentials/c");
    assert_eq!(body, r#"{"rotate":{"overlapSeconds":60}}"#);

    let (server, client) = answering(200, VIEW).await;
    client.credentials().grant("c", &[ACCOUNT], &[Scope::Operate]).await.expect("granted");
    assert_eq!(sent(&server).1, r#"{"grant":{"accounts":["0242078689-00001"],"scopes":["operate"]}}"#);

    let (server, client) = answering(200, VIEW).await;
    client.credentials().unlock("c").await.expect("unlocked");
    assert_eq!(sent(&server).1, r#"{"unlock":{}}"#);

    let (server, client) = answering(204, "").await;
    client.credentials().revoke("c").await.expect("revoked");
    assert_eq!(line(&server), "DELETE /api/ringback/v1/credentials/c");
}
