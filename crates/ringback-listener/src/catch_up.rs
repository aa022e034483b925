//! Reading back what did not come: an account's own messages, through Ringback's pull API.

#[cfg(feature = "catch-up")]
mod client;
mod run;
mod source;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use ringback_wire::api::{CatchUpMessage, CatchUpPage, MessageState};
use ringback_wire::message::CallbackMessage;

pub use run::{CatchUpError, CaughtUp};
pub use source::PullSource;

use crate::Gap;

/// Messages on a page at most.
pub const DEFAULT_PAGE: u32 = 100;

/// Reads an account's messages back, in sequence, from a number on: those that are pending, dead or cancelled too.
///
/// [`Listener::catch_up`](crate::Listener::catch_up) hands them to a listener's handler; [`CatchUp::next`] gives them one by
/// one. It holds one page at a time.
#[derive(Debug)]
pub struct CatchUp<S> {
    source: S,
    account: String,
    after: u64,
    through: u64,
    limit: u32,
    wait: Option<Duration>,
    page: VecDeque<CatchUpMessage>,
    include_delivered: bool,
    acknowledge: bool,
    /// Through which number the server was told.
    acknowledged: u64,
}

/// What was found at the next number.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Found {
    /// A message.
    Message(Box<Missed>),
    /// These numbers, `last` included, are not kept any more: they were delivered or cancelled, or are dead for longer than dead
    /// messages are kept (30 days).
    Gone {
        /// The first number that is gone.
        first: u64,
        /// The last number that is gone.
        last: u64,
    },
}

/// A message that was read back.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Missed {
    /// Its number in the account.
    pub sequence: u64,
    /// Its id, the `webhook-id` of its deliveries.
    pub id: String,
    /// Where it stands. `Dead` and `Cancelled` ones are not sent any more.
    pub state: MessageState,
    /// What happened; without user name and password.
    pub message: CallbackMessage,
    /// The message as it is kept, byte for byte.
    pub body: Bytes,
}

/// Why the next message can't be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError<E: std::error::Error + 'static> {
    /// The server did not answer, or said no.
    #[error("can't read messages back: {0}")]
    Source(#[source] E),
    /// The server's page is not in sequence.
    #[error("the page after {after} is not in sequence: {sequence} is on it")]
    Disorder {
        /// The number after which messages were asked for.
        after: u64,
        /// The number that was not to be there.
        sequence: u64,
    },
    /// A message can't be read. To go on behind it, use [`CatchUp::after`] with its number.
    #[error("message {sequence} can't be read")]
    Unreadable {
        /// The message's number.
        sequence: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl<S: PullSource> CatchUp<S> {
    /// Reads an account's messages from the first one on.
    pub fn new(source: S, account: impl Into<String>) -> Self {
        Self {
            source,
            account: account.into(),
            after: 0,
            through: u64::MAX,
            limit: DEFAULT_PAGE,
            wait: None,
            page: VecDeque::new(),
            include_delivered: false,
            acknowledge: false,
            acknowledged: 0,
        }
    }

    /// Reads what is missing in a gap, and no more.
    pub fn gap(source: S, gap: &Gap) -> Self {
        Self::new(source, &gap.account).after(gap.first.saturating_sub(1)).through(gap.last)
    }

    /// Begins behind this number: the [`Listener::position`](crate::Listener::position) that was kept.
    #[must_use]
    pub fn after(mut self, sequence: u64) -> Self {
        self.after = sequence;
        self.acknowledged = sequence;
        self.page.clear();
        self
    }

    /// Ends with this number.
    #[must_use]
    pub fn through(mut self, sequence: u64) -> Self {
        self.through = sequence;
        self
    }

    /// Asks for this many messages at a time, at least 1: [`DEFAULT_PAGE`].
    #[must_use]
    pub fn page_limit(mut self, messages: u32) -> Self {
        self.limit = messages.max(1);
        self
    }

    /// Where there is none, waits for the next message, in whole seconds and 60 s at most.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// Hands messages to the handler as well that were delivered, here or elsewhere, and are not remembered.
    #[must_use]
    pub fn include_delivered(mut self) -> Self {
        self.include_delivered = true;
        self
    }

    /// Tells the server what was handled, a page at a time, so that it does not push it any more. That counts *everything* of the
    /// account up to there as delivered, what lies before [`CatchUp::after`] too.
    #[must_use]
    pub fn acknowledge(mut self) -> Self {
        self.acknowledge = true;
        self
    }

    /// The number that was read last: everything up to it was given, or is gone.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.after
    }

    /// The next message, or the next numbers that are gone; `None` at the end, or where none came in the time of
    /// [`CatchUp::wait`]. Ask again then, or after an error, to go on from there. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn next(&mut self) -> Result<Option<Found>, ReadError<S::Error>> {
        let found = self.peek().await?;
        if let Some(found) = &found {
            self.pass(found);
        }
        Ok(found)
    }

    /// As [`CatchUp::next`], and stays before what it found until [`CatchUp::pass`].
    async fn peek(&mut self) -> Result<Option<Found>, ReadError<S::Error>> {
        if self.after >= self.through {
            return Ok(None);
        }
        if self.page.is_empty() {
            let limit =
                u32::try_from(self.through - self.after).map_or(self.limit, |left| left.min(self.limit));
            let page = self.source.page(&self.account, self.after, limit, self.wait).await;
            if let Some(gone) = self.take(page.map_err(ReadError::Source)?)? {
                return Ok(Some(gone));
            }
        }
        let Some(next) = self.page.front() else { return Ok(None) };
        let sequence = next.sequence;
        if sequence > self.after + 1 {
            return Ok(Some(self.gone(sequence - 1)));
        }
        let body = Bytes::copy_from_slice(next.message.get().as_bytes());
        let message =
            CallbackMessage::parse(&body).map_err(|source| ReadError::Unreadable { sequence, source })?;
        let missed = Missed { sequence, id: next.id.clone(), state: next.state, message, body };
        Ok(Some(Found::Message(Box::new(missed))))
    }

    /// Goes behind what was found.
    fn pass(&mut self, found: &Found) {
        self.after = match found {
            Found::Gone { last, .. } => *last,
            Found::Message(missed) => missed.sequence,
        };
        while self.page.front().is_some_and(|next| next.sequence <= self.after) {
            self.page.pop_front();
        }
    }

    /// Takes a page, if its numbers are in order. Where it is empty although messages were accepted, they are gone.
    fn take(&mut self, page: CatchUpPage) -> Result<Option<Found>, ReadError<S::Error>> {
        let mut before = self.after;
        for message in &page.messages {
            if message.sequence <= before {
                return Err(ReadError::Disorder { after: self.after, sequence: message.sequence });
            }
            before = message.sequence;
        }
        self.page = page.messages.into();
        let kept_from = page.first.min(page.last.saturating_add(1));
        let all_gone = self.page.is_empty() && kept_from > self.after + 1;
        Ok(all_gone.then(|| self.gone(kept_from - 1)))
    }

    /// The numbers behind the place, up to this one.
    fn gone(&self, last: u64) -> Found {
        Found::Gone { first: self.after + 1, last: last.min(self.through) }
    }

    /// Through which number the server is to be told that messages were handled: once the page is at its end.
    fn unacknowledged(&self) -> Option<u64> {
        let due = self.acknowledge && self.after > self.acknowledged;
        (due && (self.page.is_empty() || self.after >= self.through)).then_some(self.after)
    }
}
