//! A store and a dispatcher, and what a test does with them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringback_delivery::{AccountId, MessageKind, OrderingKey, Timestamp};
use ringback_server::clock::Clock;
use ringback_server::dispatch::{DispatchSettings, Dispatcher, Inbox};
use ringback_server::send::{EgressMode, EgressPolicy, Sender, SenderSettings};
use ringback_store::sqlite::{Limits, SqliteOptions, SqliteStore};
use ringback_store::{
    Admission, Content, Dispatching as _, NewMessage, Publishing as _, Registration, Registrations as _,
    Replayed, Replaying as _, Secret, Trace,
};
use ringback_testbed::looking;
use tempfile::TempDir;

const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);
/// However slow the machine is, what is waited for comes within this time.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct House {
    pub clock: Clock,
    pub store: Arc<SqliteStore>,
    pub account: AccountId,
    dispatcher: Dispatcher,
    settings: DispatchSettings,
    folder: TempDir,
}

impl House {
    pub async fn build() -> Self {
        Self::build_with(DispatchSettings::default()).await
    }

    pub async fn build_with(settings: DispatchSettings) -> Self {
        Self::open(tempfile::tempdir().unwrap(), Clock::manual(START), settings)
    }

    fn open(folder: TempDir, clock: Clock, settings: DispatchSettings) -> Self {
        let limits = Limits { free_space_reserve: 0, ..Limits::default() };
        let options = SqliteOptions { limits, ..SqliteOptions::server(folder.path().join("ringback.db")) };
        let store = Arc::new(SqliteStore::open(options).unwrap());
        let policy = Arc::new(EgressPolicy::new(EgressMode::Any));
        let sender = Sender::new(SenderSettings { policy, ..SenderSettings::default() }).unwrap();
        let inbox = Arc::new(Inbox::default());
        store.listen(inbox.clone());
        let dispatcher =
            Dispatcher::start(settings.clone(), inbox, store.clone(), sender, clock.clone()).unwrap();
        let account = "0252012345-00001".parse().unwrap();
        Self { clock, store, account, dispatcher, settings, folder }
    }

    /// Where the store's database is.
    pub fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("ringback.db")
    }

    /// Stops at once, as far as a process can without being killed, and starts again on the same store.
    pub async fn restart(self) -> Self {
        let Self { clock, store, dispatcher, settings, folder, .. } = self;
        dispatcher.stop(Duration::ZERO).await;
        // What was under way lets go of the store when it is given up.
        let look = async || match Arc::strong_count(&store) {
            1 => Ok(()),
            holders => Err(format!("{holders} hold it")),
        };
        looking::within(PATIENCE, "the store to be let go of", look).await;
        drop(store);
        Self::open(folder, clock, settings)
    }

    pub async fn register(&self, url: String) {
        let registration = Registration {
            url: Secret::new(url),
            username: Some(Secret::new("fota-user")),
            password: Some(Secret::new("fota-\"pass\"")),
        };
        self.store.register(self.clock.now(), self.account, registration).await.unwrap();
    }

    /// Publishes a message and gives its id.
    pub async fn publish(&self, key: Option<i64>) -> String {
        self.publish_in(None, key).await
    }

    /// Publishes a message in a trace.
    pub async fn publish_in(&self, trace: Option<Trace>, key: Option<i64>) -> String {
        let body = Bytes::from_static(br#"{"accountName":"0252012345-00001","type":"firmwareList"}"#);
        self.accept(vec![Content { body, trace }], key).await.remove(0)
    }

    /// Publishes messages in one commit and gives their ids.
    pub async fn accept(&self, contents: Vec<Content>, key: Option<i64>) -> Vec<String> {
        let message = |content| NewMessage {
            account: self.account,
            kind: MessageKind::FirmwareList,
            key: key.map(OrderingKey),
            idempotency: None,
            content,
        };
        let messages = contents.into_iter().map(message).collect();
        let admissions = self.store.accept(self.clock.now(), messages).await.unwrap();
        let id = |admission| match admission {
            Admission::Queued(id) => id.to_string(),
            other => panic!("not accepted: {other:?}"),
        };
        admissions.into_iter().map(id).collect()
    }

    /// Has a message sent again.
    pub async fn replay(&self, id: &str) {
        let replayed = self.store.replay(self.clock.now(), id.parse().unwrap()).await.unwrap();
        assert_eq!(replayed, Replayed::Queued);
    }

    /// Lets time pass in the house.
    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Waits until every outcome is recorded and nothing is under way.
    pub async fn settled(&self) {
        use std::sync::atomic::Ordering::Relaxed;
        let stats = self.dispatcher.stats();
        let look = async || match (stats.flying.load(Relaxed), stats.unrecorded.load(Relaxed)) {
            (0, 0) => Ok(()),
            (flying, unrecorded) => Err(format!("{flying} under way, {unrecorded} not recorded")),
        };
        looking::within(PATIENCE, "everything to be recorded", look).await;
    }

    /// How many messages wait.
    pub async fn pending(&self) -> usize {
        let read = ringback_delivery::LaneRead {
            account: self.account,
            opening: true,
            after: ringback_delivery::Turn(0),
            limit: 10_000,
            due_by: None,
            followers: Vec::new(),
        };
        self.store.load(vec![read]).await.unwrap()[0].queue.len()
    }
}
