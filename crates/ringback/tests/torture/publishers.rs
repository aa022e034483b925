//! Those who load a server that is killed again and again: they insist on an answer, through all its lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::api::{Api, Tokens, text};
use crate::listener::Listener;
use crate::program::PATIENCE;
use crate::stage::{account, message};

/// Messages of an account with one of so many keys go one after another; some have none.
const KEYS: u8 = 5;

/// Who insists is as patient as a program that sends again at once may be.
const BEFORE_ASKING_AGAIN: Duration = Duration::from_millis(5);

/// The servers that live now: what asks them. One after another of a service that has only one at a time.
#[derive(Clone)]
pub(crate) struct Lives {
    apis: watch::Receiver<Vec<Api>>,
    /// Whose turn it is.
    turn: usize,
    /// For how long a server may keep one waiting before another is asked.
    pub(crate) waits: Duration,
    pub(crate) tokens: Tokens,
    pub(crate) over: Arc<AtomicBool>,
    /// The longest that an answer took within one life.
    slowest: Duration,
    /// Whether the last answer came to a question that had been asked before, without an answer.
    insisted: bool,
    /// Between two messages of a publisher; none where the server sets the pace.
    pub(crate) breath: Duration,
}

impl Lives {
    pub(crate) fn new(apis: watch::Receiver<Vec<Api>>, tokens: Tokens, over: Arc<AtomicBool>) -> Self {
        let (slowest, breath) = (Duration::ZERO, Duration::ZERO);
        Self { apis, turn: 0, waits: PATIENCE, tokens, over, slowest, insisted: false, breath }
    }

    /// One of those that live, once there is one.
    pub(crate) async fn next(&mut self) -> Api {
        self.turn += 1;
        let apis = self.apis.wait_for(|apis| !apis.is_empty()).await.unwrap();
        apis[self.turn % apis.len()].clone()
    }

    /// Asks until there is an answer, in this life or a later one. 503 is none: "send it again".
    pub(crate) async fn insist(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let until = Instant::now() + PATIENCE;
        self.insisted = false;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let api = tokio::time::timeout(left, self.next()).await.expect("a server should live again");
            let asked = Instant::now();
            let asking = api.ask(method.clone(), path, &self.tokens, body);
            let answered = tokio::time::timeout(self.waits, asking).await;
            if let Ok(Ok((status, answer))) = &answered
                && *status != StatusCode::SERVICE_UNAVAILABLE
                && (!answer.is_null() || *status == StatusCode::NO_CONTENT)
            {
                self.slowest = self.slowest.max(asked.elapsed());
                return (*status, answer.clone());
            }
            assert!(!left.is_zero(), "{path} gets no answer: the last was {answered:?}");
            self.insisted = true;
            // It is dead, which whoever killed it may not have said yet, or it refuses as a load goes on.
            tokio::time::sleep(BEFORE_ASKING_AGAIN).await;
        }
    }
}

/// A message that is published under a name, by which it is known again.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) account: usize,
    name: String,
    pub(crate) key: Option<u8>,
}

impl Named {
    fn body(&self) -> Value {
        let mut body = message(&account(self.account), &self.name);
        body["idempotencyKey"] = json!(self.name);
        if let Some(key) = self.key {
            body["orderingKey"] = json!(format!("k{key}"));
        }
        body
    }
}

/// One with a 202.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) message: Named,
    pub(crate) id: String,
    pub(crate) sequence: u64,
}

/// What a publisher did.
#[derive(Default)]
pub(crate) struct Published {
    pub(crate) accepted: Vec<Accepted>,
    /// How many were answered as duplicates, of those that had got no answer and of those that had.
    pub(crate) duplicates: usize,
    /// The longest that a publish took within one life.
    pub(crate) slowest: Duration,
}

/// Publishes one message after another until it is over; some of them again, and again.
pub(crate) async fn publish(mut lives: Lives, publisher: usize, accounts: usize, mut rng: Rng) -> Published {
    let (mut published, mut doubtful) = (Published::default(), Vec::new());
    let mut number = 0;
    while !lives.over.load(Ordering::SeqCst) {
        number += 1;
        if !lives.breath.is_zero() {
            tokio::time::sleep(lives.breath).await;
        }
        let new = Named {
            account: rng.usize(..accounts),
            name: format!("p{publisher}-{number}"),
            key: Some(rng.u8(..=KEYS)).filter(|key| *key < KEYS),
        };
        match one(&mut lives, &new, &mut published).await {
            Some(accepted) => published.accepted.push(accepted),
            None if lives.insisted => doubtful.push(new),
            None => {}
        }
        if rng.u8(..10) == 0 && !published.accepted.is_empty() {
            let first = published.accepted[rng.usize(..published.accepted.len())].clone();
            let again = one(&mut lives, &first.message, &mut published).await;
            let again = again.expect("what was accepted once is known for a day");
            assert_eq!((again.id, again.sequence), (first.id, first.sequence), "the first answer's");
        }
    }
    published.slowest = lives.slowest;
    for message in doubtful {
        settle(&mut lives, &message, &mut published).await;
    }
    published
}

/// Gets a 202 for a message whose account was not registered when it was asked for again: a server that slept may have
/// taken it in since, from the first time.
async fn settle(lives: &mut Lives, message: &Named, published: &mut Published) {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(accepted) = one(lives, message, published).await {
            return published.accepted.push(accepted);
        }
        assert!(Instant::now() < until, "{message:?}: its account should be registered again");
        tokio::time::sleep(BEFORE_ASKING_AGAIN).await;
    }
}

async fn one(lives: &mut Lives, message: &Named, published: &mut Published) -> Option<Accepted> {
    let (status, answer) =
        lives.insist(Method::POST, "/api/ringback/v1/messages", Some(&message.body())).await;
    match (status, answer["status"].as_str()) {
        (StatusCode::ACCEPTED, Some(said)) => {
            published.duplicates += usize::from(said == "duplicate");
            let (id, sequence) = (text(&answer["id"]), answer["sequence"].as_u64().unwrap());
            Some(Accepted { message: message.clone(), id, sequence })
        }
        (StatusCode::OK, Some("unregistered")) => None,
        _ => panic!("{status} {answer}"),
    }
}

/// A time in which nothing may start for an account, or only at its newest URL.
pub(crate) struct Fence {
    pub(crate) account: usize,
    /// What may come all the same; nothing where it is `None`.
    pub(crate) path: Option<String>,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

/// Deregisters the last of the accounts now and then and registers it again, and replaces the URL of the one before. Each
/// time it gives that so long to have its effect, and watches it for some time more.
pub(crate) async fn turn_over(
    mut lives: Lives,
    listener: Arc<Listener>,
    accounts: usize,
    effect: Duration,
    mut rng: Rng,
) -> Vec<Fence> {
    let (moving, leaving) = (accounts - 2, accounts - 1);
    let mut fences: Vec<Fence> = Vec::new();
    let mut round = 0;
    while !lives.over.load(Ordering::SeqCst) {
        round += 1;
        let path = format!("{}/r{round}", account(moving));
        if let Some(before) = fences.iter_mut().rfind(|fence| fence.account == moving) {
            before.to = Instant::now();
        }
        register(&mut lives, moving, &listener.url(&path)).await;
        let from = Instant::now();
        fences.push(Fence { account: moving, path: Some(path), from, to: from });

        let gone = format!("/api/fota/v1/callbacks/{}/name/Fota", account(leaving));
        lives.insist(Method::DELETE, &gone, None).await;
        let from = Instant::now();
        tokio::time::sleep(effect + Duration::from_millis(rng.u64(500..900))).await;
        fences.push(Fence { account: leaving, path: None, from, to: Instant::now() });
        register(&mut lives, leaving, &listener.url(&account(leaving))).await;
        tokio::time::sleep(Duration::from_millis(rng.u64(100..500))).await;
    }
    fences
}

/// Registers the account, through all lives.
pub(crate) async fn register(lives: &mut Lives, number: usize, url: &str) {
    let path = format!("/api/fota/v1/callbacks/{}", account(number));
    let (status, answer) =
        lives.insist(Method::POST, &path, Some(&json!({"name": "Fota", "url": url}))).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}
