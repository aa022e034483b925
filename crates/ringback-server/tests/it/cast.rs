//! Who meets in a test of Ringback's own API: a platform that publishes, an account's owner, an operator; and outcomes
//! that nobody had to send anything for.

use std::time::Duration;

use ringback_delivery::{
    AccountId, Death, LaneRecord, LaneUpdate, Outcome, Sequence, Settlement, Turn, Verdict,
};
use ringback_store::{Attempt, Dispatching as _, Settled};
use serde_json::{Value, json};

use crate::client::{Answer, Ask};
use crate::publishing::{MESSAGES, message};
use crate::server::{ACCOUNT, CALLBACKS, OPERATE, PUBLISH, Server, Settings};

pub(crate) const ACCOUNTS: &str = "/api/ringback/v1/accounts";

/// The path of something of an account.
pub(crate) fn of(account: &str, what: &str) -> String {
    format!("{ACCOUNTS}/{account}{what}")
}

pub(crate) struct Cast {
    pub(crate) server: Server,
    /// Publishes for every account.
    pub(crate) platform: String,
    /// Has the scope callbacks for [`ACCOUNT`].
    pub(crate) owner: String,
    /// Has the scope operate on `'*'`.
    pub(crate) operator: String,
}

impl Cast {
    /// Everybody, with [`ACCOUNT`] registered.
    pub(crate) async fn meet() -> Self {
        Self::meet_with(Settings::default()).await
    }

    pub(crate) async fn meet_with(settings: Settings) -> Self {
        let server = Server::start_with(settings).await;
        let platform = server.bearer("platform", &["*"], PUBLISH).await;
        let owner = server.bearer("owner", &[ACCOUNT], CALLBACKS).await;
        let operator = server.bearer("operator", &["*"], OPERATE).await;
        server.register(ACCOUNT).await;
        Self { server, platform, owner, operator }
    }

    /// Publishes a message and gives its id.
    pub(crate) async fn publish(&self, account: &str) -> String {
        self.publish_with(account, &json!({})).await
    }

    pub(crate) async fn publish_with(&self, account: &str, more: &Value) -> String {
        let ask = self.server.ask("POST", MESSAGES).bearer(&self.platform).json(message(account, more));
        let answer = ask.send().await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn get(&self, bearer: &str, path: &str) -> Answer {
        self.server.ask("GET", path).bearer(bearer).send().await
    }

    pub(crate) async fn post(&self, bearer: &str, path: &str) -> Answer {
        self.server.ask("POST", path).bearer(bearer).send().await
    }

    pub(crate) async fn post_json(&self, bearer: &str, path: &str, body: &Value) -> Answer {
        self.ask_json("POST", bearer, path, body).send().await
    }

    pub(crate) fn ask_json(&self, method: &str, bearer: &str, path: &str, body: &Value) -> Ask {
        self.server.ask(method, path).bearer(bearer).json(body.to_string())
    }

    /// The account as its operator sees it.
    pub(crate) async fn account(&self, account: &str) -> Value {
        self.get(&self.operator, &of(account, "")).await.ok()
    }

    /// The message as its operator sees it.
    pub(crate) async fn message(&self, id: &str) -> Value {
        self.get(&self.operator, &format!("{MESSAGES}/{id}")).await.ok()
    }

    /// Has it that a message that was never replayed was tried once, and what came of that.
    pub(crate) async fn settle(&self, account: &str, sequence: u64, outcome: Outcome, verdict: Verdict) {
        let settlement = Settlement {
            account: account.parse().unwrap(),
            turn: Turn(sequence),
            sequence: Sequence(sequence),
            attempts: 1,
            verdict,
        };
        let attempt = Attempt {
            number: 1,
            started_at: self.server.clock.now(),
            duration: Duration::from_millis(12),
            error: matches!(outcome, Outcome::Failed(_)).then(|| "nobody is there".to_owned()),
            outcome,
            excerpt: Some(b"internal: stack trace".to_vec()),
        };
        let settled = vec![Settled { settlement, attempt: Some(attempt) }];
        self.server.store.record(self.server.clock.now(), settled, Vec::new()).await.unwrap();
    }

    pub(crate) async fn delivered(&self, account: &str, sequence: u64) {
        self.settle(account, sequence, answered(204), Verdict::Delivered).await;
    }

    pub(crate) async fn dead(&self, account: &str, sequence: u64) {
        self.settle(account, sequence, answered(500), Verdict::Dead(Death::Attempts)).await;
    }

    /// Has the lane's owner keep this of the lane.
    pub(crate) async fn lane(&self, account: &str, change: impl FnOnce(&mut LaneRecord)) {
        use ringback_store::Reading as _;
        let account: AccountId = account.parse().unwrap();
        let known = self.server.store.account(account).await.unwrap();
        let standing = known.standing;
        let mut record = LaneRecord {
            releases_seen: standing.releases,
            reinstatements_seen: standing.reinstatements,
            ..known.lane
        };
        change(&mut record);
        let update = LaneUpdate { account, record };
        self.server.store.record(self.server.clock.now(), Vec::new(), vec![update]).await.unwrap();
    }
}

pub(crate) fn answered(status: u16) -> Outcome {
    Outcome::Answered { status, retry_after: None }
}
