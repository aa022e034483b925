//! Publishing one message.

use ringback_server::api::Limits;
use ringback_store::{Dispatching as _, sqlite};
use serde_json::{Value, json};

use crate::client::{Answer, Ask};
use crate::server::{ACCOUNT, CALLBACKS, OTHER, PUBLISH, Server, Settings};

pub(crate) const MESSAGES: &str = "/api/ringback/v1/messages";

/// A message of an account, with more fields.
pub(crate) fn message(account: &str, more: &Value) -> String {
    let mut message = json!({
        "accountName": account,
        "type": "upgradeFinished",
        "upgradeFinished": {"upgradeId": "e3a8d88a-04c6-4ef3-b039-89b62f91e962", "status": "Finished"},
    });
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    message.to_string()
}

pub(crate) fn plain(account: &str) -> String {
    message(account, &json!({}))
}

pub(crate) struct Publisher {
    pub(crate) server: Server,
    pub(crate) bearer: String,
}

impl Publisher {
    /// A publisher for every account, with [`ACCOUNT`] registered.
    pub(crate) async fn start(settings: Settings) -> Self {
        let server = Server::start_with(settings).await;
        let bearer = server.bearer("platform", &["*"], PUBLISH).await;
        server.register(ACCOUNT).await;
        Self { server, bearer }
    }

    pub(crate) fn ask(&self) -> Ask {
        self.server.ask("POST", MESSAGES).bearer(&self.bearer)
    }

    pub(crate) async fn publish(&self, body: impl Into<bytes::Bytes>) -> Answer {
        self.ask().json(body).send().await
    }
}

async fn publisher() -> Publisher {
    Publisher::start(Settings::default()).await
}

#[tokio::test]
async fn a_message_is_202_queued_with_its_id_and_consecutive_numbers() {
    let publisher = publisher().await;
    for sequence in 1..=3 {
        let answer = publisher.publish(plain(ACCOUNT)).await;
        assert_eq!(answer.status, 202);
        let body = answer.json();
        assert_eq!((&body["status"], &body["sequence"]), (&json!("queued"), &json!(sequence)));
        let id: ringback_delivery::MessageId = body["id"].as_str().unwrap().parse().unwrap();
        assert_eq!((id.account.to_string().as_str(), id.sequence.0), (ACCOUNT, sequence));
        assert_eq!(body.as_object().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn what_is_kept_is_the_message_without_the_keys_and_with_every_section() {
    let publisher = publisher().await;
    let mut given: Value =
        serde_json::from_str(include_str!("../fixtures/message-upgrade-finished.json")).unwrap();
    let expected = given.as_object_mut().unwrap();
    expected.remove("username");
    expected.remove("password");
    expected.insert("accountName".to_owned(), json!(ACCOUNT));
    let expected = given.clone();
    let sent = given.as_object_mut().unwrap();
    sent.remove("firmwareList");
    sent.insert("orderingKey".to_owned(), json!("k"));
    sent.insert("idempotencyKey".to_owned(), json!("i"));
    assert_eq!(publisher.publish(given.to_string()).await.status, 202);

    let store = &publisher.server.store;
    let account = ACCOUNT.parse().unwrap();
    let read = ringback_delivery::LaneRead {
        account,
        opening: false,
        after: ringback_delivery::Turn(0),
        limit: 10,
        due_by: None,
        followers: Vec::new(),
    };
    let rows = store.load(vec![read]).await.unwrap().remove(0);
    let (waiting, _) = rows.queue[0];
    // The key is part of what is stored: it must never change.
    assert_eq!(waiting.key.unwrap().0, ordering_key("k"));
    let body = store.contents(vec![waiting.position]).await.unwrap().remove(0).unwrap().body;
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
}

fn ordering_key(text: &str) -> i64 {
    use sha2::Digest as _;
    i64::from_be_bytes(sha2::Sha256::digest(text)[..8].try_into().unwrap())
}

#[tokio::test]
async fn an_account_without_a_registration_is_200_unregistered_and_nothing_is_kept() {
    let publisher = publisher().await;
    let answer = publisher.publish(plain(OTHER)).await;
    assert_eq!(answer.ok(), json!({"status": "unregistered"}));
    publisher.server.register(OTHER).await;
    assert_eq!(publisher.publish(plain(OTHER)).await.json()["sequence"], 1);
}

#[tokio::test]
async fn publishing_wants_the_scope_publish_and_no_session() {
    let server = Server::start().await;
    let reader = server.bearer("reader", &["*"], CALLBACKS).await;
    let answer = server.ask("POST", MESSAGES).bearer(&reader).json(plain(ACCOUNT)).send().await;
    answer.error(403, "REQUEST_FAILED.Scope.Insufficient");
    let nobody = server.ask("POST", MESSAGES).json(plain(ACCOUNT)).send().await;
    nobody.error(401, "REQUEST_FAILED.AccessToken.Invalid");
}

#[tokio::test]
async fn a_message_for_an_account_that_is_not_the_publishers_is_403() {
    let server = Server::start().await;
    let bearer = server.bearer("platform", &[ACCOUNT], PUBLISH).await;
    let answer = server.ask("POST", MESSAGES).bearer(&bearer).json(plain(OTHER)).send().await;
    answer.error(403, "REQUEST_FAILED.AccountName");
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_400_and_named() {
    let publisher = publisher().await;
    publisher.publish("").await.error(400, "INPUT_INVALID.RequestUndefined");
    publisher.publish("{").await.error(400, "INPUT_INVALID.Request.InvalidJson");
    publisher.publish("[]").await.error(400, "INPUT_INVALID.Request.InvalidJson");
    publisher.publish(plain("1-2")).await.error(400, "INPUT_INVALID.Account.Invalid");
    let with_user = publisher.publish(message(ACCOUNT, &json!({"username": "u"}))).await;
    assert!(with_user.error(400, "INPUT_INVALID.Message.Invalid").contains("username"));
    let no_section = json!({"accountName": ACCOUNT, "type": "upgradeScheduled"}).to_string();
    assert!(
        publisher
            .publish(no_section)
            .await
            .error(400, "INPUT_INVALID.Message.Invalid")
            .contains("upgradeScheduled")
    );
    let text = publisher.ask().body("text/plain", plain(ACCOUNT)).send().await;
    text.error(415, "INPUT_INVALID.Request.UnsupportedMediaType");
}

#[tokio::test]
async fn a_message_may_have_one_mebibyte_and_not_a_byte_more() {
    let publisher = publisher().await;
    let mut largest = plain(ACCOUNT).into_bytes();
    largest.resize(1 << 20, b' ');
    assert_eq!(publisher.publish(largest.clone()).await.status, 202);
    largest.push(b' ');
    publisher.publish(largest).await.error(413, "INPUT_INVALID.Request.TooLarge");
}

#[tokio::test]
async fn an_account_with_too_many_pending_is_429_and_all_together_503() {
    let store = sqlite::Limits { pending_per_account: 2, pending_in_all: 3, free_space_reserve: 0 };
    let publisher = Publisher::start(Settings { store, ..Settings::default() }).await;
    publisher.server.register(OTHER).await;
    for _ in 0..2 {
        assert_eq!(publisher.publish(plain(ACCOUNT)).await.status, 202);
    }
    let full = publisher.publish(plain(ACCOUNT)).await;
    full.error(429, "REQUEST_FAILED.PendingMessages.LimitReached");
    assert!(full.header("retry-after").is_some());
    assert_eq!(publisher.publish(plain(OTHER)).await.status, 202);
    publisher.publish(plain(OTHER)).await.error(503, "REQUEST_FAILED.UnexpectedError");
}

#[tokio::test]
async fn a_full_disk_is_503_that_says_to_send_again_and_nothing_internal() {
    let store = sqlite::Limits { free_space_reserve: u64::MAX, ..sqlite::Limits::default() };
    let publisher = Publisher::start(Settings { store, ..Settings::default() }).await;
    let answer = publisher.publish(plain(ACCOUNT)).await;
    let said = answer.error(503, "REQUEST_FAILED.UnexpectedError");
    assert!(said.contains("send it again") && !said.contains("disk"), "{said}");
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_408() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let limits = Limits { body_timeout: std::time::Duration::from_millis(50), ..Limits::default() };
    let publisher = Publisher::start(Settings { limits, ..Settings::default() }).await;
    let mut stream = tokio::net::TcpStream::connect(publisher.server.address()).await.unwrap();
    let head = format!(
        "POST {MESSAGES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 9\r\n\r\n{{",
        publisher.bearer
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
}
