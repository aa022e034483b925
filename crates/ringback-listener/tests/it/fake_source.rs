//! A server's pull API, in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use ringback_listener::{MessageState, PullSource};
use ringback_wire::api::{CatchUpMessage, CatchUpPage};

use crate::cast::{ACCOUNT, ping_body};

#[derive(Debug, thiserror::Error)]
#[error("the server is away")]
pub(crate) struct Away;

/// An account's messages, some of which may be gone.
#[derive(Default)]
pub(crate) struct FakeSource {
    pub(crate) messages: BTreeMap<u64, MessageState>,
    pub(crate) last: u64,
    pub(crate) away: Mutex<bool>,
    /// After which number, and how many, was asked for.
    pub(crate) asked: Mutex<Vec<(u64, u32)>>,
    pub(crate) acknowledged: Mutex<Vec<u64>>,
}

impl FakeSource {
    pub(crate) fn with(messages: impl IntoIterator<Item = (u64, MessageState)>) -> Self {
        let messages: BTreeMap<_, _> = messages.into_iter().collect();
        let last = messages.last_key_value().map_or(0, |(sequence, _)| *sequence);
        Self { messages, last, ..Self::default() }
    }

    pub(crate) fn is_away(&self, away: bool) {
        *self.away.lock().unwrap() = away;
    }

    pub(crate) fn page_after(&self, after: u64, limit: u32) -> CatchUpPage {
        let message = |(sequence, state): (&u64, &MessageState)| CatchUpMessage {
            sequence: *sequence,
            id: format!("msg_{sequence}"),
            state: *state,
            message: serde_json::value::RawValue::from_string(ping_body()).unwrap(),
        };
        let first = self.messages.first_key_value().map_or(self.last + 1, |(sequence, _)| *sequence);
        let messages = self.messages.range(after + 1..).take(limit as usize).map(message).collect();
        CatchUpPage { first, messages, last: self.last }
    }

    fn answers(&self) -> Result<(), Away> {
        if *self.away.lock().unwrap() { Err(Away) } else { Ok(()) }
    }
}

impl PullSource for FakeSource {
    type Error = Away;

    async fn page(
        &self,
        account: &str,
        after: u64,
        limit: u32,
        _: Option<Duration>,
    ) -> Result<CatchUpPage, Away> {
        assert_eq!(account, ACCOUNT);
        self.answers()?;
        self.asked.lock().unwrap().push((after, limit));
        Ok(self.page_after(after, limit))
    }

    async fn acknowledge(&self, account: &str, through: u64) -> Result<(), Away> {
        assert_eq!(account, ACCOUNT);
        self.answers()?;
        self.acknowledged.lock().unwrap().push(through);
        Ok(())
    }
}
