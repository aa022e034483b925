//! The stream of results: take what is ready, send it, give the results, and so on. It is driven by whoever reads it.
//!
//! One request is out at a time, so that messages arrive in the order in which they were given. When a message is to be sent
//! again, so is every one after it, before any new one: those that the server did not look at after a 429 or 503 all got the
//! same answer.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use http::StatusCode;
use ringback_wire::publish::{LineOutcome, NdjsonLine};

use super::{PublishFailure, PublishSettings, Published, batch};
use crate::retry::{jitter, retry_after};
use crate::{Client, Error, OutgoingMessage, RequestOptions, RetrySettings, wall_clock};

/// What became of the messages of [`crate::Messages::publish_all`], in their order.
///
/// It ends when the messages do. Dropping it cancels what was not sent; what was out has an unknown outcome.
#[must_use = "nothing is published unless the results are asked for"]
pub struct PublishStream(BoxStream<'static, Published>);

impl PublishStream {
    pub(crate) fn new(
        client: Client,
        options: RequestOptions,
        messages: impl Stream<Item = OutgoingMessage> + Send + 'static,
        settings: PublishSettings,
    ) -> Self {
        let publisher = Publisher {
            client,
            options,
            settings,
            source: messages.fuse().boxed(),
            held_back: None,
            batch: VecDeque::new(),
            results: VecDeque::new(),
            retries: 0,
            wait: Duration::ZERO,
        };
        // Fused: who asks once more after the end is told again that it is the end.
        Self(stream::unfold(publisher, Publisher::step).fuse().boxed())
    }

    /// The next result; `None` after the last.
    pub async fn next(&mut self) -> Option<Published> {
        self.0.next().await
    }
}

impl Stream for PublishStream {
    type Item = Published;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Published>> {
        self.0.poll_next_unpin(context)
    }
}

impl fmt::Debug for PublishStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishStream").finish_non_exhaustive()
    }
}

struct Publisher {
    client: Client,
    options: RequestOptions,
    settings: PublishSettings,
    source: BoxStream<'static, OutgoingMessage>,
    /// A message that was taken and did not fit into the batch any more.
    held_back: Option<OutgoingMessage>,
    /// To be sent, or sent again.
    batch: VecDeque<OutgoingMessage>,
    /// To be given out.
    results: VecDeque<Published>,
    /// How often the batch's first message was sent again in vain.
    retries: u32,
    /// How long to wait before the batch is sent again.
    wait: Duration,
}

impl Publisher {
    async fn step(mut self) -> Option<(Published, Self)> {
        loop {
            if let Some(result) = self.results.pop_front() {
                return Some((result, self));
            }
            if self.batch.is_empty() {
                self.retries = 0;
                self.gather().await;
            }
            if self.batch.is_empty() {
                return None;
            }
            self.send().await;
        }
    }

    /// Waits for a message and takes what else is ready, up to a batch.
    async fn gather(&mut self) {
        let mut bytes = 0;
        let mut next = match self.held_back.take() {
            Some(message) => Some(message),
            None => self.source.next().await,
        };
        while let Some(message) = next {
            bytes += message.json_bytes() + 1;
            if !self.batch.is_empty() && bytes > self.settings.bytes {
                self.held_back = Some(message);
                return;
            }
            self.batch.push_back(message);
            if self.batch.len() >= self.settings.lines {
                return;
            }
            next = self.source.next().now_or_never().flatten();
        }
    }

    /// Sends the batch. Afterwards it has what is to be sent again, and the results have the rest.
    async fn send(&mut self) {
        tokio::time::sleep(std::mem::take(&mut self.wait)).await;
        match self.exchange().await {
            Ok(lines) => self.take(lines),
            Err(error) => {
                let asked = match &error {
                    Error::Transport { .. } | Error::Timeout { .. } => Some(None),
                    Error::Status { response, .. } if self.retry().has_status(response.status_code()) => {
                        Some(retry_after(response.headers(), wall_clock::now()))
                    }
                    _ => None,
                };
                let wait = asked.and_then(|asked| self.retry().wait(self.retries, jitter(), asked));
                match wait {
                    Some(wait) => self.send_again_after(wait),
                    None => self.give_up(|| PublishFailure::Request(error.clone())),
                }
            }
        }
    }

    async fn exchange(&mut self) -> Result<Vec<NdjsonLine>, Error> {
        let messages = self.batch.make_contiguous();
        let call = batch::call(messages)?;
        let response = self.client.call_with(&call, &self.options, &RetrySettings::none()).await?;
        batch::read(&call.name(), &response, messages.len())
    }

    /// Sorts the answers: up to the first that is to be sent again they are results.
    fn take(&mut self, lines: Vec<NdjsonLine>) {
        let again = |line: &NdjsonLine| {
            matches!(line.outcome, LineOutcome::Error(_))
                && StatusCode::from_u16(line.code).is_ok_and(|code| self.retry().has_status(code))
        };
        let stop = lines.iter().position(again).unwrap_or(lines.len());
        if stop > 0 {
            self.retries = 0;
        }
        let wait = self.retry().wait(self.retries, jitter(), None);
        let taken = if wait.is_some() { stop } else { lines.len() };
        let left = taken < lines.len();
        for (message, line) in self.batch.drain(..taken).zip(lines) {
            self.results.push_back(Published { message, outcome: outcome(line) });
        }
        if let (true, Some(wait)) = (left, wait) {
            self.send_again_after(wait);
        }
    }

    /// Not waited for here: results that are there go out first.
    fn send_again_after(&mut self, wait: Duration) {
        self.retries += 1;
        self.wait = wait;
    }

    fn give_up(&mut self, failure: impl Fn() -> PublishFailure) {
        self.retries = 0;
        self.results
            .extend(self.batch.drain(..).map(|message| Published { message, outcome: Err(failure()) }));
    }

    fn retry(&self) -> &RetrySettings {
        &self.settings.retry
    }
}

fn outcome(line: NdjsonLine) -> Result<ringback_wire::publish::PublishAnswer, PublishFailure> {
    match line.outcome {
        LineOutcome::Answer(answer) => Ok(answer),
        LineOutcome::Error(result) => Err(PublishFailure::Refused { code: line.code, result }),
    }
}
