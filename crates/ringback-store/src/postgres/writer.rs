//! The writer: takes messages in by group commit, on a connection of its own.
//!
//! Its day is that of SQLite's writer: wait for a job; take all that gathered meanwhile; one statement, which is one commit;
//! tell the listener; answer everyone. While a commit is under way the next batch gathers by itself.
//!
//! Whoever hands a message in hears within [`ANSWER_WITHIN`], whatever the database does: what it is not known of by then
//! may or may not have been kept. The statement is waited for on: its messages' lanes hear what became of them. Meanwhile
//! nothing more is sent, and no other connection opened. After [`UNANSWERED`] it is given up, and is one of the `doubts`.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ringback_delivery::{AccountId, MessageId, MessageState, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::accept::{self, Taken};
use super::days::Days;
use super::doubts::Doubts;
use super::ear::Ear;
use super::fault::Fault;
use super::heard::Heard;
use super::hints::Hints;
use super::link::Link;
use super::pool::Maker;
use super::tenure::Tenure;
use crate::{Admission, Commit, Limits, Movements, NewMessage, StoreError};

/// Jobs that wait; who comes then waits for a place, as long as for an answer.
const QUEUE: usize = 1024;
/// Jobs in a batch at most.
const JOBS: usize = 1024;
/// Messages in a batch before no further job joins it, and their bytes. More of them would cost no less each, and those who
/// deliver would wait longer for the first of them.
const ROWS: usize = 256;
const BYTES: usize = 16 << 20;
/// By then whoever asked has an answer.
const ANSWER_WITHIN: Duration = Duration::from_millis(1500);
/// How long the answer to a statement is waited for that nobody else waits for any more.
const UNANSWERED: Duration = Duration::from_secs(5);

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
    pub(super) doubts: Arc<Doubts>,
    pub(super) hints: Arc<Hints>,
    pub(super) heard: Arc<Heard>,
    pub(super) commits: Arc<AtomicU64>,
    pub(super) limits: Limits,
}

impl Writer {
    pub(super) fn start(desk: Desk) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        tokio::spawn(Arc::new(desk).serve(queue));
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

/// A batch on its way: where it came to, and the connection, if that can be used again.
type UnderWay = Pin<Box<dyn Future<Output = (Link, Result<Taken, Fault>)> + Send>>;

/// A batch whose answer did not come in time. Those who handed it in have heard that it is in doubt.
struct Late {
    under_way: UnderWay,
    began: Instant,
    until: Instant,
    accounts: BTreeSet<AccountId>,
}

impl Desk {
    async fn serve(self: Arc<Self>, mut queue: mpsc::Receiver<Job>) {
        let mut link = None;
        let mut late: Option<Late> = None;
        let mut trouble = Trouble::default();
        loop {
            let first = tokio::select! {
                biased;
                found = self.ended(&mut late) => {
                    link = found;
                    continue;
                }
                first = queue.recv() => first,
            };
            let Some(first) = first else { return };
            let batch = gather(first, &mut queue);
            let by = batch.iter().map(|job| job.by).min().unwrap_or_else(Instant::now);
            if late.is_some() {
                // No other connection is opened while the server keeps one for what it has not answered.
                match tokio::time::timeout_at(by, self.ended(&mut late)).await {
                    Ok(found) => link = found,
                    Err(_) => {
                        trouble.refuse(batch, unanswered());
                        continue;
                    }
                }
            }
            let opened = match tokio::time::timeout_at(by, self.open(link.take())).await {
                Ok(opened) => opened,
                Err(_) => Err(unanswered()),
            };
            let open = match opened {
                Ok(open) => open,
                // Nothing was sent.
                Err(fault) => {
                    trouble.refuse(batch, fault);
                    continue;
                }
            };
            let (batch, messages) = apart(batch);
            let accounts: BTreeSet<AccountId> = messages.iter().map(|(_, message)| message.account).collect();
            let began = Instant::now();
            let _begun = self.heard.begin(&accounts);
            let mut under_way: UnderWay = Box::pin(Arc::clone(&self).run(open, messages));
            match tokio::time::timeout_at(by, &mut under_way).await {
                Ok((open, Ok(taken))) => {
                    link = Some(open);
                    trouble = Trouble::default();
                    self.answer(batch, taken, began.elapsed());
                }
                Ok((open, Err(fault))) => {
                    link = self.after_failure(open, &fault, accounts);
                    trouble.refuse(batch, fault);
                }
                Err(_) => {
                    trouble.refuse(batch, unanswered());
                    late = Some(Late { under_way, began, until: Instant::now() + UNANSWERED, accounts });
                }
            }
        }
    }

    /// Waits for the batch that is late, if there is one; gives its connection back. What came of it is told: nobody waits
    /// for an answer any more, but the lanes for the messages. When it is waited for no longer it is in doubt.
    async fn ended(&self, late: &mut Option<Late>) -> Option<Link> {
        let Some(known) = late else { return std::future::pending().await };
        let ended = tokio::time::timeout_at(known.until, &mut known.under_way).await;
        let (accounts, began) = (std::mem::take(&mut known.accounts), known.began);
        *late = None;
        match ended {
            Ok((open, Ok(taken))) => {
                self.tell(taken, began.elapsed());
                Some(open)
            }
            Ok((open, Err(fault))) => self.after_failure(open, &fault, accounts),
            Err(_) => {
                self.doubts.note(accounts);
                None
            }
        }
    }

    /// The connection of a batch that failed, if it can be used again. A part of the batch may be there, or all of it.
    fn after_failure(&self, link: Link, fault: &Fault, accounts: BTreeSet<AccountId>) -> Option<Link> {
        self.doubts.note(accounts);
        (!fault.breaks_connection()).then_some(link)
    }

    async fn open(&self, link: Option<Link>) -> Result<Link, Fault> {
        if self.doubts.are_too_many() {
            return Err(Fault::unavailable("too much is in doubt that the database has not answered"));
        }
        match link.filter(Link::is_usable) {
            Some(open) => Ok(open),
            None => self.maker.make().await,
        }
    }

    async fn run(
        self: Arc<Self>,
        link: Link,
        messages: Vec<(Timestamp, NewMessage)>,
    ) -> (Link, Result<Taken, Fault>) {
        let messages: Vec<_> = messages.iter().map(|(now, message)| (*now, message)).collect();
        let taken =
            accept::accept(&link, &self.days, self.tenure.node(), self.limits, &self.heard, &messages).await;
        (link, taken)
    }

    /// Tells what was taken in; gives back what is to be answered.
    fn tell(&self, taken: Taken, took: Duration) -> Vec<Admission> {
        self.commits.fetch_add(1, Ordering::Relaxed);
        let moved = Movements { accepted: taken.fresh.len() as u64, ..Movements::default() };
        for fresh in taken.brought.iter().chain(&taken.fresh) {
            self.heard.note(fresh.account, fresh.waiting.turn);
        }
        // What others took in comes before it in the queues.
        self.ear.brought_along(taken.brought);
        self.ear.accepted(taken.fresh);
        self.ear.behind(taken.behind.into_iter().collect());
        self.ear.committed(Commit { took, moved });
        if taken.told {
            self.hints.give();
        }
        taken.admissions
    }

    fn answer(&self, batch: Vec<Asked>, taken: Taken, took: Duration) {
        // Whoever sends a message again may not have heard of the first time, and then its lane has not either.
        let is_fresh = |id: &MessageId| {
            taken
                .fresh
                .iter()
                .any(|fresh| fresh.account == id.account && fresh.waiting.sequence == id.sequence)
        };
        let waiting: BTreeSet<AccountId> = taken
            .admissions
            .iter()
            .filter_map(|admission| match admission {
                Admission::Duplicate(id, MessageState::Pending) if !is_fresh(id) => Some(id.account),
                _ => None,
            })
            .collect();
        let admissions = self.tell(taken, took);
        self.ear.missed(waiting.into_iter().collect());
        let mut admissions = admissions.into_iter();
        for asked in batch {
            let own = admissions.by_ref().take(asked.messages).collect();
            // Whoever asked may have gone.
            let _ = asked.answer.send(Ok(own));
        }
    }
}

fn unanswered() -> Fault {
    Fault::unavailable("the database does not answer")
}

/// Who waits for the answer about so many messages of a batch.
struct Asked {
    messages: usize,
    answer: oneshot::Sender<Answer>,
}

/// Those who asked, and all that they handed in.
fn apart(batch: Vec<Job>) -> (Vec<Asked>, Vec<(Timestamp, NewMessage)>) {
    let (mut asked, mut all) = (Vec::with_capacity(batch.len()), Vec::new());
    for Job { now, messages, answer, .. } in batch {
        asked.push(Asked { messages: messages.len(), answer });
        all.extend(messages.into_iter().map(|message| (now, message)));
    }
    (asked, all)
}

/// Whether it was said already that messages can't be taken in.
#[derive(Default)]
struct Trouble(bool);

impl Trouble {
    fn refuse(&mut self, batch: Vec<impl Into<oneshot::Sender<Answer>>>, fault: Fault) {
        let error = fault.into_error();
        if !std::mem::replace(&mut self.0, true) {
            tracing::error!(%error, "messages can't be taken in");
        }
        // Whoever asked may have gone.
        for asked in batch {
            let answer: oneshot::Sender<Answer> = asked.into();
            let _ = answer.send(Err(error.clone()));
        }
    }
}

impl From<Job> for oneshot::Sender<Answer> {
    fn from(job: Job) -> Self {
        job.answer
    }
}

impl From<Asked> for oneshot::Sender<Answer> {
    fn from(asked: Asked) -> Self {
        asked.answer
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
