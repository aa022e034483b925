//! What the writer is asked to do, and how it answers.

use ringback_delivery::{LaneUpdate, Timestamp};
use tokio::sync::oneshot;

use super::fault::Fault;
use super::work::Work;
use crate::{Admission, NewMessage, Settled, StoreError};

/// One request to the writer.
pub(super) enum Job {
    /// Take messages in; all of a batch are run as one.
    Accept(Accept),
    /// Record outcomes; all of a batch are run as one.
    Record(Record),
    /// Anything else.
    Act(Box<dyn Act>),
}

/// Messages to take in.
pub(super) struct Accept {
    pub(super) now: Timestamp,
    pub(super) messages: Vec<NewMessage>,
    pub(super) slot: Slot<Vec<Admission>>,
}

/// Outcomes to record.
pub(super) struct Record {
    pub(super) now: Timestamp,
    pub(super) settled: Vec<Settled>,
    pub(super) lanes: Vec<LaneUpdate>,
    pub(super) slot: Slot<()>,
}

/// Where a job's result waits for the commit.
pub(super) struct Slot<T> {
    made: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T> Slot<T> {
    pub(super) fn new(answer: oneshot::Sender<Result<T, StoreError>>) -> Self {
        Self { made: None, answer }
    }

    /// Notes what the job came to; the last note counts.
    pub(super) fn fill(&mut self, made: Result<T, StoreError>) {
        self.made = Some(made);
    }

    /// Answers, after the commit. Whoever asked may have gone.
    pub(super) fn answer(self) {
        let made = self.made.unwrap_or_else(|| Err(super::writer::gone()));
        let _ = self.answer.send(made);
    }

    /// Answers that nothing was committed.
    pub(super) fn refuse(self, error: &StoreError) {
        let _ = self.answer.send(Err(error.clone()));
    }
}

/// An act of any kind. It may be run again, after what it did was undone.
pub(super) trait Act: Send {
    /// Does it, and keeps what it came to.
    fn run(&mut self, work: &mut Work<'_>) -> Result<(), Fault>;
    /// Notes that it failed, and was undone.
    fn fail(&mut self, error: StoreError);
    /// See [`Slot::answer`].
    fn answer(self: Box<Self>);
    /// See [`Slot::refuse`].
    fn refuse(self: Box<Self>, error: &StoreError);
}

/// An act that is a closure.
pub(super) struct Asked<T, F> {
    act: F,
    slot: Slot<T>,
}

impl<T, F> Asked<T, F> {
    pub(super) fn new(act: F, answer: oneshot::Sender<Result<T, StoreError>>) -> Self {
        Self { act, slot: Slot::new(answer) }
    }
}

impl<T, F> Act for Asked<T, F>
where
    T: Send,
    F: FnMut(&mut Work<'_>) -> Result<T, Fault> + Send,
{
    fn run(&mut self, work: &mut Work<'_>) -> Result<(), Fault> {
        let made = (self.act)(work)?;
        self.slot.fill(Ok(made));
        Ok(())
    }

    fn fail(&mut self, error: StoreError) {
        self.slot.fill(Err(error));
    }

    fn answer(self: Box<Self>) {
        self.slot.answer();
    }

    fn refuse(self: Box<Self>, error: &StoreError) {
        self.slot.refuse(error);
    }
}
