//! Handing what was read back to a listener's handler.

use ringback_wire::api::MessageState;

use super::{CatchUp, Found, Missed, PullSource, ReadError};
use crate::{Callback, Failure, Listener};

/// What catching up came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaughtUp {
    /// Messages that are handled now: by this, or before (a duplicate is not handled again).
    pub handled: u64,
    /// How many of those are dead.
    pub dead: u64,
    /// How many of those are cancelled.
    pub cancelled: u64,
    /// Messages that were delivered, here or elsewhere, and were not handed on for that.
    pub delivered: u64,
    /// Numbers that are not kept any more.
    pub gone: u64,
}

/// Why catching up stopped. What was handled before is; to go on from there, call it again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatchUpError<E: std::error::Error + 'static> {
    /// The next message can't be had.
    #[error(transparent)]
    Read(#[from] ReadError<E>),
    /// The handler failed. The message is given again.
    #[error("message {sequence}: {failure}")]
    Handle {
        /// The message's number.
        sequence: u64,
        /// Why it was not handled.
        #[source]
        failure: Failure,
    },
    /// The server could not be told what was handled. That is done again with the next page.
    #[error("can't acknowledge messages through {through}: {source}")]
    Acknowledge {
        /// Through which number.
        through: u64,
        /// What went wrong.
        source: E,
    },
}

impl Listener {
    /// Hands what did not come to the handler, in sequence, one after another, as if it came now: with
    /// [`Callback::state`], and `None` for the attempt. What this listener remembers, or is handling, is not handled again;
    /// what was delivered is stepped over, unless [`CatchUp::include_delivered`] was said. Gaps in which this finds something, or
    /// finds that it is gone, are closed.
    ///
    /// Ends at the newest message, or with [`CatchUp::through`], or where none came in [`CatchUp::wait`].
    ///
    /// # Errors
    /// [`CatchUpError`], and the place is kept.
    pub async fn catch_up<S: PullSource>(
        &self,
        from: &mut CatchUp<S>,
    ) -> Result<CaughtUp, CatchUpError<S::Error>> {
        let mut sum = CaughtUp::default();
        loop {
            if let Some(through) = from.unacknowledged() {
                let told = from.source.acknowledge(&from.account, through).await;
                told.map_err(|source| CatchUpError::Acknowledge { through, source })?;
                from.acknowledged = through;
            }
            let Some(found) = from.peek().await? else { return Ok(sum) };
            match &found {
                Found::Gone { first, last } => {
                    self.settle(&from.account, *first, *last);
                    sum.gone += last - first + 1;
                }
                Found::Message(missed)
                    if missed.state == MessageState::Delivered && !from.include_delivered =>
                {
                    self.settle(&from.account, missed.sequence, missed.sequence);
                    sum.delivered += 1;
                }
                Found::Message(missed) => {
                    let (sequence, state) = (missed.sequence, missed.state);
                    let delivered = self.deliver_patiently(Callback::from(Missed::clone(missed))).await;
                    delivered.map_err(|failure| CatchUpError::Handle { sequence, failure })?;
                    sum.handled += 1;
                    sum.dead += u64::from(state == MessageState::Dead);
                    sum.cancelled += u64::from(state == MessageState::Cancelled);
                }
            }
            // Only now: what was dropped or failed before is found again.
            from.pass(&found);
        }
    }
}

impl From<Missed> for Callback {
    /// As if it had come now, for [`Listener::deliver`].
    fn from(missed: Missed) -> Self {
        let Missed { sequence, id, state, message, body } = missed;
        Self {
            message,
            id: Some(id),
            sequence: Some(sequence),
            attempt: None,
            replay: false,
            trace: None,
            state: Some(state),
            body,
        }
    }
}
