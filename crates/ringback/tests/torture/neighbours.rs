//! Good endpoints with their messages, and how soon they come: measured without trouble, and beside it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::Value;
use tempfile::{TempDir, tempdir};
use tokio::task::JoinSet;

use crate::listener::Listener;
use crate::stage::{Server, account, message};

pub(crate) const GOOD: usize = 12;
/// Each good endpoint gets a message so often: 240 a second in all.
const EVERY: Duration = Duration::from_millis(50);
/// What the bad may cost: three times as long and 50 ms, as the machine is busy with other things too.
const RATIO: u32 = 3;
const SLACK: Duration = Duration::from_millis(50);

/// A server with its good endpoints, each of which has had a message.
pub(crate) struct House {
    pub(crate) server: Server,
    good: Vec<Listener>,
    /// To each of them so far.
    sent: AtomicUsize,
    pub(crate) folder: TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = tempdir().unwrap();
        let server = Server::first(folder.path(), &[]).await;
        let mut good = Vec::new();
        for number in 0..GOOD {
            let listener = Listener::start().await;
            server.register(&account(number), &listener.url("")).await;
            server.publish(&message(&account(number), "first")).await;
            good.push(listener);
        }
        for listener in &good {
            listener.until("the first", |arrivals| !arrivals.is_empty()).await;
        }
        Self { server, good, sent: AtomicUsize::new(1), folder }
    }

    /// The good endpoints' latencies, from a publish's answer to its arrival. Every publish has to be accepted, and every
    /// message to arrive.
    pub(crate) async fn measure(&self, seconds: u32) -> Figures {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let begun = Instant::now();
        let mut publishes = JoinSet::new();
        for _ in 0..seconds * 1000 / EVERY.as_millis() as u32 {
            tick.tick().await;
            for number in 0..GOOD {
                let (api, tokens) = (self.server.api.clone(), self.server.tokens.clone());
                publishes.spawn(async move {
                    let (status, answer) =
                        api.publish(&tokens, &message(&account(number), "moderate")).await.unwrap();
                    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
                    (answer["id"].as_str().unwrap().to_owned(), Instant::now())
                });
            }
        }
        let answered = publishes.join_all().await;
        let took = begun.elapsed();
        let more = answered.len() / GOOD;
        let (each, mut arrived) = (self.sent.fetch_add(more, Ordering::SeqCst) + more, HashMap::new());
        for listener in &self.good {
            listener.until("the arrival of all", |arrivals| arrivals.len() >= each).await;
            arrived.extend(listener.arrivals().into_iter().map(|arrival| (arrival.id, arrival.at)));
        }
        let mut latencies: Vec<Duration> =
            answered.iter().map(|(id, at)| arrived[id].saturating_duration_since(*at)).collect();
        latencies.sort_unstable();
        let part = |percent: usize| latencies[latencies.len() * percent / 100];
        Figures {
            messages: latencies.len(),
            took,
            p50: part(50),
            p99: part(99),
            most: latencies[latencies.len() - 1],
        }
    }

    /// A message, many times, for an account.
    pub(crate) async fn pour(&self, number: usize, count: usize) {
        let lines: Vec<Value> = (0..count).map(|_| message(&account(number), "poured")).collect();
        let answers = self.server.api.publish_lines(&self.server.tokens, &lines).await;
        assert!(answers.iter().all(|answer| answer["code"] == 202), "{:?}", answers[0]);
    }
}

#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "printed")]
pub(crate) struct Figures {
    pub(crate) messages: usize,
    took: Duration,
    p50: Duration,
    pub(crate) p99: Duration,
    most: Duration,
}

pub(crate) fn close_enough(without: &Figures, with: &Figures) -> bool {
    with.p99 <= without.p99 * RATIO + SLACK
}
