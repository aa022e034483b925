//! What one transaction does: the jobs that had gathered when it began.

use tokio::sync::mpsc;

use crate::StoreError;
use crate::sqlite::fault::Fault;
use crate::sqlite::job::{Accept, Act, Job, Record};
use crate::sqlite::work::Work;
use crate::sqlite::{accept, record};

/// Jobs in a batch at most.
const JOBS: usize = 1024;
/// Messages and outcomes in a batch before no further job joins it.
const ROWS: usize = 4096;
/// Outcomes that are worth a commit of their own.
const WORTH_A_COMMIT: usize = 512;

/// Jobs by kind, each kind in the order of arrival. Nobody among them has been answered, so any order between the
/// kinds is right.
#[derive(Default)]
pub(super) struct Batch {
    acts: Vec<Box<dyn Act>>,
    accepts: Vec<Accept>,
    records: Vec<Record>,
}

impl Batch {
    /// The first job and what waits behind it, without waiting for more.
    pub(super) fn gather(first: Job, queue: &mut mpsc::Receiver<Job>) -> Self {
        let mut batch = Self::default();
        batch.join(first, queue);
        batch
    }

    /// Adds a job, and what waits behind it.
    pub(super) fn join(&mut self, job: Job, queue: &mut mpsc::Receiver<Job>) {
        let mut rows = self.add(job);
        for _ in 1..JOBS {
            if rows >= ROWS {
                break;
            }
            let Ok(job) = queue.try_recv() else { break };
            rows += self.add(job);
        }
    }

    /// Whether it is only a few outcomes.
    pub(super) fn may_wait(&self) -> bool {
        let outcomes: usize =
            self.records.iter().map(|record| record.settled.len() + record.lanes.len()).sum();
        self.acts.is_empty() && self.accepts.is_empty() && outcomes < WORTH_A_COMMIT
    }

    fn add(&mut self, job: Job) -> usize {
        match job {
            Job::Accept(accept) => {
                let rows = accept.messages.len();
                self.accepts.push(accept);
                rows
            }
            Job::Record(record) => {
                let rows = record.settled.len() + record.lanes.len();
                self.records.push(record);
                rows
            }
            Job::Act(act) => {
                self.acts.push(act);
                1
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.acts.is_empty() && self.accepts.is_empty() && self.records.is_empty()
    }

    /// Whether it takes messages in.
    pub(super) fn accepts(&self) -> bool {
        !self.accepts.is_empty()
    }

    /// Runs everything. The acts come first, so that the listener hears of a standing before it hears of messages that
    /// were accepted under it.
    pub(super) fn run(&mut self, work: &mut Work<'_>) -> Result<(), Fault> {
        for act in &mut self.acts {
            act.run(work)?;
        }
        accept::accept(work, &mut self.accepts)?;
        record::record(work, &mut self.records)
    }

    /// Runs everything, each job by itself, so that one that contradicts what is stored fails alone.
    pub(super) fn run_each(&mut self, work: &mut Work<'_>) -> Result<(), Fault> {
        for act in &mut self.acts {
            if let Err(error) = work.apart(|work| act.run(work))? {
                act.fail(error);
            }
        }
        for job in &mut self.accepts {
            if let Err(error) = work.apart(|work| accept::accept(work, std::slice::from_mut(job)))? {
                job.slot.fill(Err(error));
            }
        }
        for job in &mut self.records {
            if let Err(error) = work.apart(|work| record::record(work, std::slice::from_mut(job)))? {
                job.slot.fill(Err(error));
            }
        }
        Ok(())
    }

    /// Answers everybody, after the commit.
    pub(super) fn answer(self) {
        self.acts.into_iter().for_each(Act::answer);
        self.accepts.into_iter().for_each(|job| job.slot.answer());
        self.records.into_iter().for_each(|job| job.slot.answer());
    }

    /// Answers everybody that nothing was committed.
    pub(super) fn refuse(mut self, error: &StoreError) {
        self.refuse_accepts(error);
        self.acts.into_iter().for_each(|act| act.refuse(error));
        self.records.into_iter().for_each(|job| job.slot.refuse(error));
    }

    /// Answers those who hand messages in, and lets them go.
    pub(super) fn refuse_accepts(&mut self, error: &StoreError) {
        self.accepts.drain(..).for_each(|job| job.slot.refuse(error));
    }
}
