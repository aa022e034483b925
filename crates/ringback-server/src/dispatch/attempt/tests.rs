#![allow(clippy::unwrap_used)]

use futures_util::FutureExt as _;
use ringback_delivery::{
    AccountId, Command, EmptyLane, Engine, LaneRead, LaneRecord, MessageKind, Settings, Standing, Turn,
    Waiting,
};
use ringback_store::sqlite::{SqliteOptions, SqliteStore};
use ringback_store::{
    Dispatching as _, NewMessage, Publishing as _, Registration, Registrations as _, Secret,
};
use tokio::net::TcpListener;

use crate::send::{EgressMode, EgressPolicy, SenderSettings};

use super::*;

/// Where nobody listens: an attempt that begins fails.
const NOWHERE: &str = "http://127.0.0.1:9/";

async fn register(store: &SqliteStore, account: AccountId) {
    register_at(store, account, NOWHERE).await;
}

async fn register_at(store: &SqliteStore, account: AccountId, url: &str) {
    let registration = Registration { url: Secret::new(url), username: None, password: None };
    store.register(Clock::system().now(), account, registration).await.unwrap();
}

async fn accept(store: &SqliteStore, account: AccountId) {
    let message = NewMessage {
        account,
        kind: MessageKind::UpgradeFinished,
        key: None,
        idempotency: None,
        content: Bytes::from_static(b"{}").into(),
    };
    store.accept(Clock::system().now(), vec![message]).await.unwrap();
}

async fn waiting(store: &SqliteStore, account: AccountId) -> Vec<Waiting> {
    let read =
        LaneRead { account, opening: false, after: Turn(0), limit: 10, due_by: None, followers: Vec::new() };
    let rows = store.load(vec![read]).await.unwrap().remove(0);
    rows.queue.into_iter().map(|(waiting, _)| waiting).collect()
}

/// As a lane decides that has heard of nothing but the message.
fn decide(account: AccountId, waiting: Waiting) -> Start {
    let now = Clock::system().now();
    let before = Turn(waiting.turn.0 - 1);
    let standing = Standing { registered: true, last_turn: before, ..Standing::default() };
    let lane = EmptyLane { standing, record: LaneRecord::default() };
    let mut engine = Engine::new(Settings::default(), now);
    engine.accepted(now, account, waiting, Some(&lane));
    engine.pump(now);
    match engine.next_command() {
        Some(Command::Start(start)) => start,
        other => panic!("{other:?}"),
    }
}

fn anywhere() -> SenderSettings {
    let policy = Arc::new(EgressPolicy::new(EgressMode::Any));
    SenderSettings { policy, ..SenderSettings::default() }
}

fn attempts(store: Arc<dyn Store>) -> Attempts {
    attempts_with(store, anywhere())
}

fn attempts_with(store: Arc<dyn Store>, settings: SenderSettings) -> Attempts {
    Attempts {
        store,
        endpoints: Arc::default(),
        sender: Sender::new(settings).unwrap(),
        clock: Clock::system(),
        signing: Signing::Hmac,
        ownership: Arc::new(Ownership::new(false, Duration::from_secs(15))),
        tracer: Tracer::default(),
        trouble: Arc::default(),
    }
}

#[tokio::test]
async fn what_was_cancelled_does_not_go_to_who_is_registered_since() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(SqliteOptions::server(folder.path().join("db"))).unwrap());
    let account: AccountId = "0252012345-00001".parse().unwrap();
    register(&store, account).await;
    accept(&store, account).await;
    store.deregister(Clock::system().now(), account).await.unwrap();
    register(&store, account).await;
    accept(&store, account).await;
    let attempts = attempts(store.clone());
    let token = attempts.ownership.token(account);
    let mut outcomes = Vec::new();
    for waiting in waiting(&store, account).await {
        let start = decide(account, waiting);
        let content = Content::from(Bytes::from_static(b"{}"));
        outcomes.push(attempts.make(start, token, &content).await.outcome);
    }
    assert!(matches!(outcomes[..], [Outcome::NotStarted, Outcome::Failed(_)]), "{outcomes:?}");
}

/// Two attempts to one endpoint of one place, of which the second waits, and is overtaken by what is done to its account.
/// Gives what came of it, and whether a connection was opened for it to where the first one went.
async fn overtaken(overtake: impl AsyncFnOnce(&SqliteStore, &Attempts, AccountId)) -> (Attempt, bool) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(SqliteOptions::server(folder.path().join("db"))).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let accounts = ["0252012345-00001", "0252012345-00002"].map(|account| account.parse().unwrap());
    let attempts = attempts_with(store.clone(), SenderSettings { open_at_once: 1, ..anywhere() });
    let content = Content::from(Bytes::from_static(b"{}"));
    let mut made = Vec::new();
    for account in accounts {
        register_at(&store, account, &url).await;
        accept(&store, account).await;
        attempts.endpoints.look_up(&*store, &attempts.clock, attempts.signing, vec![account]).await;
        let start = decide(account, waiting(&store, account).await[0]);
        made.push(Box::pin(attempts.make(start, attempts.ownership.token(account), &content)));
    }
    let (mut late, mut first) = (made.pop().unwrap(), made.pop().unwrap());
    assert!(futures_util::poll!(&mut first).is_pending(), "it has the endpoint's only place, and connects");
    assert!(futures_util::poll!(&mut late).is_pending(), "it waits");
    overtake(&store, &attempts, accounts[1]).await;
    let late = late.await;
    // The first is not looked at again: it has sent nothing.
    let (_first, _) = listener.accept().await.unwrap();
    (late, listener.accept().now_or_never().is_some())
}

#[tokio::test]
async fn what_waits_for_a_connection_does_not_go_to_who_has_deregistered_meanwhile() {
    let deregister = async |_: &SqliteStore, attempts: &Attempts, account| {
        let gone = Standing { registered: false, cancelled_through: Turn(1), ..Standing::default() };
        attempts.endpoints.changed(account, gone);
    };
    let (late, opened) = overtaken(deregister).await;
    assert_eq!(late.outcome, Outcome::NotStarted);
    assert!(!opened);
}

#[tokio::test]
async fn what_waits_for_a_connection_goes_to_who_is_registered_by_then() {
    let replace = async |store: &SqliteStore, attempts: &Attempts, account| {
        register(store, account).await;
        let anew = Standing { registered: true, generation: 2, ..Standing::default() };
        attempts.endpoints.changed(account, anew);
    };
    let (late, opened) = overtaken(replace).await;
    assert_eq!(late.outcome, Outcome::Failed(Failure::Connect), "nobody listens at the new address");
    assert!(!opened);
}

#[tokio::test]
async fn an_attempt_that_panics_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(SqliteOptions::server(folder.path().join("db"))).unwrap());
    let account: AccountId = "0252012345-00001".parse().unwrap();
    register(&store, account).await;
    accept(&store, account).await;
    let attempts = attempts(store.clone());
    let start = decide(account, waiting(&store, account).await[0]);
    let no_object = Content::from(Bytes::new());
    let attempt = attempts.make(start, attempts.ownership.token(account), &no_object).await;
    assert_eq!((attempt.number, attempt.outcome), (1, Outcome::Failed(Failure::Protocol)));
    assert!(attempt.error.unwrap().contains("fault of the server"));
}

#[test]
fn every_place_of_a_secret_is_hidden() {
    assert_eq!(replace(b"a pass b passpass", b"pass", b"*"), b"a * b **");
    assert_eq!(replace(b"unchanged", b"", b"*"), b"unchanged");
}
