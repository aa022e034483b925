//! The writer: takes messages in by group commit, on a connection of its own.
//!
//! Its day is that of SQLite's writer: wait for a job; take all that gathered meanwhile; one statement, which is one commit;
//! tell the listener; answer everyone. While a commit is under way the next batch gathers by itself.
//!
//! Whoever hands a message in hears within [`ANSWER_WITHIN`], whatever the database does: what it is not known of by then
//! may or may not have been kept, and the connection is not used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ringback_delivery::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::accept::{self, Taken};
use super::days::Days;
use super::ear::Ear;
use super::fault::Fault;
use super::hints::Hints;
use super::link::Link;
use super::pool::Maker;
use super::tenure::Tenure;
use crate::{Admission, Commit, Limits, Movements, NewMessage, StoreError};

/// Jobs that wait; who comes then waits for a place, as long as for an answer.
const QUEUE: usize = 1024;
/// Jobs in a batch at most.
const JOBS: usize = 1024;
/// Messages in a batch before no further job joins it, and their bytes.
const ROWS: usize = 2048;
const BYTES: usize = 16 << 20;
/// By then whoever asked has an answer.
const ANSWER_WITHIN: Duration = Duration::from_millis(1500);
/// How often a batch is begun again that met somebody else at the same rows.
const CONFLICTS: usize = 5;

type Answer = Result<Vec<Admission>, StoreError>;

struct Job {
    now: Timestamp,
    messages: Vec<NewMessage>,
    by: Instant,
    answer: oneshot::Sender<Answer>,
}

/// The task, from outside. It ends when this is dropped, after what it has in hand.
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

/// What the writer works with.
pub(super) struct Desk {
    pub(super) maker: Arc<Maker>,
    pub(super) days: Arc<Days>,
    pub(super) tenure: Arc<Tenure>,
    pub(super) ear: Arc<Ear>,
    pub(super) hints: Arc<Hints>,
    pub(super) commits: Arc<AtomicU64>,
    pub(super) limits: Limits,
}

impl Writer {
    pub(super) fn start(desk: Desk) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        tokio::spawn(desk.serve(queue));
        Self { jobs }
    }

    /// Hands messages in and waits for the answer.
    pub(super) async fn accept(&self, now: Timestamp, messages: Vec<NewMessage>) -> Answer {
        let (answer, answered) = oneshot::channel();
        let by = Instant::now() + ANSWER_WITHIN;
        let job = Job { now, messages, by, answer };
        match tokio::time::timeout_at(by, self.jobs.send(job)).await {
            Ok(Ok(())) => answered.await.unwrap_or_else(|_| Err(gone())),
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(StoreError::Unavailable("too many wait for the database".to_owned())),
        }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the store's writer gave no answer".to_owned())
}

impl Desk {
    async fn serve(self, mut queue: mpsc::Receiver<Job>) {
        let mut link = None;
        let mut in_trouble = false;
        while let Some(first) = queue.recv().await {
            let batch = gather(first, &mut queue);
            let began = Instant::now();
            let by = batch.iter().map(|job| job.by).min().unwrap_or_else(Instant::now);
            let done = match tokio::time::timeout_at(by, self.run(&mut link, &batch)).await {
                Ok(done) => done,
                Err(_) => Err(Fault::unavailable("the database does not answer")),
            };
            match done {
                Ok(taken) => {
                    in_trouble = false;
                    self.answer(batch, taken, began.elapsed());
                }
                Err(fault) => {
                    // What is under way on it is in doubt.
                    if fault.breaks_connection() {
                        link = None;
                    }
                    let error = fault.into_error();
                    if !std::mem::replace(&mut in_trouble, true) {
                        tracing::error!(%error, "messages can't be taken in");
                    }
                    batch.into_iter().for_each(|job| drop(job.answer.send(Err(error.clone()))));
                }
            }
        }
    }

    async fn run(&self, link: &mut Option<Link>, batch: &[Job]) -> Result<Taken, Fault> {
        let open = match link.take().filter(Link::is_usable) {
            Some(open) => open,
            None => self.maker.make().await?,
        };
        let messages: Vec<_> =
            batch.iter().flat_map(|job| job.messages.iter().map(|message| (job.now, message))).collect();
        let mut tries = 0;
        loop {
            // In its place only when it is known what became of the statement.
            let taken = accept::accept(&open, &self.days, self.tenure.node(), self.limits, &messages).await;
            match taken {
                Err(fault) if fault.is_conflict() && tries < CONFLICTS => tries += 1,
                taken => {
                    *link = Some(open);
                    return taken;
                }
            }
        }
    }

    fn answer(&self, batch: Vec<Job>, taken: Taken, took: Duration) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        let moved = Movements { accepted: taken.fresh.len() as u64, ..Movements::default() };
        self.ear.accepted(taken.fresh);
        self.ear.committed(Commit { took, moved });
        if taken.told {
            self.hints.give();
        }
        let mut admissions = taken.admissions.into_iter();
        for job in batch {
            let own = admissions.by_ref().take(job.messages.len()).collect();
            // Whoever asked may have gone.
            let _ = job.answer.send(Ok(own));
        }
    }
}

/// The first job and what waits behind it, without waiting for more.
fn gather(first: Job, queue: &mut mpsc::Receiver<Job>) -> Vec<Job> {
    let size = |job: &Job| job.messages.iter().map(|message| message.content.body.len()).sum::<usize>();
    let (mut count, mut bytes) = (first.messages.len(), size(&first));
    let mut batch = vec![first];
    while batch.len() < JOBS
        && count < ROWS
        && bytes < BYTES
        && let Ok(job) = queue.try_recv()
    {
        count += job.messages.len();
        bytes += size(&job);
        batch.push(job);
    }
    batch
}
