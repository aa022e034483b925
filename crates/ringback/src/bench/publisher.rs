//! The load: messages published over kept connections, in a closed loop or at a pace.
//!
//! In a closed loop each connection publishes as soon as it has its answer. At a pace messages have their times, and don't
//! wait for the answers of those before: what is late because the server is slow is counted as late.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use ringback_wire::routes;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::alarm::Alarm;
use super::clock;
use super::exchange::Exchange;
use super::message::Template;
use super::stage::account;
use crate::failure::Outcome;

/// Connections of a load at a pace: more than answers are ever awaited at once, unless the server has stalled.
const PACED_CONNECTIONS: usize = 256;

/// How messages are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One in a request.
    Single,
    /// So many in a request, as NDJSON.
    Batch(u64),
}

impl Form {
    fn messages(self) -> u64 {
        match self {
            Self::Single => 1,
            Self::Batch(lines) => lines,
        }
    }
}

/// What was published in one request, or tried to: marks from `first` on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Published {
    pub(super) first: u64,
    pub(super) messages: u64,
    /// When it was to be sent.
    pub(super) intended: u64,
    /// When its answer was there.
    pub(super) answered: u64,
}

/// Publishes to one server, or to several.
#[derive(Clone)]
pub(super) struct Publisher {
    /// The connections take turns with them.
    pub(super) servers: Arc<[SocketAddr]>,
    pub(super) token: Arc<str>,
    /// The accounts `0..accounts` take turns.
    pub(super) accounts: u64,
    pub(super) form: Form,
    pub(super) marks: Marks,
}

/// Gives every message of a run a number of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks(Rc<Cell<u64>>);

impl Marks {
    /// The first of so many.
    pub(super) fn take(&self, messages: u64) -> u64 {
        let first = self.0.get();
        self.0.set(first + messages);
        first
    }
}

impl Publisher {
    /// So many connections, each publishing again as soon as it is answered, for so long.
    pub(super) async fn closed_loop(&self, connections: usize, time: Duration) -> Outcome<Vec<Published>> {
        let until = clock::now() + nanos(time);
        let loops = tokio::task::LocalSet::new();
        let mut running = JoinSet::new();
        for number in 0..connections {
            let publisher = self.clone();
            running.spawn_local_on(
                async move {
                    let mut line = Line::open(&publisher, number).await?;
                    let mut published = Vec::new();
                    while clock::now() < until {
                        let first = publisher.marks.take(publisher.form.messages());
                        published.push(line.publish(first, clock::now()).await?);
                    }
                    Ok(published)
                },
                &loops,
            );
        }
        loops.run_until(gather(running)).await
    }

    /// So many messages a second for so long, each at its time.
    pub(super) async fn at_a_pace(&self, per_second: u64, time: Duration) -> Outcome<Vec<Published>> {
        let (sender, due) = mpsc::unbounded_channel();
        let due = Arc::new(Mutex::new(due));
        let loops = tokio::task::LocalSet::new();
        let mut running = JoinSet::new();
        for number in 0..PACED_CONNECTIONS {
            let (publisher, due) = (self.clone(), due.clone());
            running.spawn_local_on(
                async move {
                    let mut line = Line::open(&publisher, number).await?;
                    let mut published = Vec::new();
                    loop {
                        let next = due.lock().await.recv().await;
                        let Some((first, intended)) = next else { return Ok(published) };
                        published.push(line.publish(first, intended).await?);
                    }
                },
                &loops,
            );
        }
        let messages = per_second * nanos(time) / 1_000_000_000;
        let first = self.marks.take(messages);
        let pace = keep_pace(sender, first, messages, per_second);
        loops
            .run_until(async { tokio::try_join!(gather(running), pace) })
            .await
            .map(|(published, ())| published)
    }
}

/// How long before the first message's time the load begins to wait for it: until the connections are open.
const HEAD_START: u64 = 200_000_000;

/// Has each message published at its time.
async fn keep_pace(
    due: mpsc::UnboundedSender<(u64, u64)>,
    first: u64,
    messages: u64,
    per_second: u64,
) -> Outcome {
    let alarm = Alarm::new().context("there is no clock to keep a pace by")?;
    let begun = clock::now() + HEAD_START;
    for number in 0..messages {
        let intended = begun + number * 1_000_000_000 / per_second;
        if intended > clock::now() {
            alarm.ring_at(intended).await.context("the load's pace was lost")?;
        }
        if due.send((first + number, intended)).is_err() {
            break;
        }
    }
    Ok(())
}

async fn gather(mut running: JoinSet<Outcome<Vec<Published>>>) -> Outcome<Vec<Published>> {
    let mut all = Vec::new();
    while let Some(done) = running.join_next().await {
        all.extend(done.context("the load generator ended badly")??);
    }
    all.sort_unstable_by_key(|published| published.first);
    Ok(all)
}

/// One connection, with the request that it sends again and again.
struct Line {
    exchange: Exchange,
    publisher: Publisher,
    template: Template,
    head: Vec<u8>,
    request: Vec<u8>,
}

impl Line {
    async fn open(publisher: &Publisher, number: usize) -> Outcome<Self> {
        let server = publisher.servers[number % publisher.servers.len()];
        let exchange = Exchange::connect(server).await.context("the server can't be reached")?;
        let template = Template::new();
        let (content_type, length) = match publisher.form {
            Form::Single => ("application/json", template.len()),
            Form::Batch(lines) => ("application/x-ndjson", (template.len() + 1) * lines as usize),
        };
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {}\r\ncontent-type: {content_type}\r\n\
             content-length: {length}\r\n\r\n",
            routes::MESSAGES_PATH,
            publisher.token,
        );
        let publisher = publisher.clone();
        Ok(Self { exchange, publisher, template, head: head.into_bytes(), request: Vec::new() })
    }

    async fn publish(&mut self, first: u64, intended: u64) -> Outcome<Published> {
        let Publisher { form, accounts, .. } = self.publisher;
        let messages = form.messages();
        self.request.clear();
        self.request.extend_from_slice(&self.head);
        for mark in first..first + messages {
            self.template.write(&mut self.request, account(mark % accounts), mark);
            if form != Form::Single {
                self.request.push(b'\n');
            }
        }
        let answer = self.exchange.ask(&self.request).await.context("the server does not answer")?;
        if !is_accepted(form, answer.status, answer.body) {
            let said = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]).into_owned();
            return Err(anyhow!("the server refused a message: {} {said}", answer.status).into());
        }
        Ok(Published { first, messages, intended, answered: clock::now() })
    }
}

/// Whether all of a request's messages were accepted.
fn is_accepted(form: Form, status: u16, body: &[u8]) -> bool {
    match form {
        Form::Single => status == 202,
        Form::Batch(lines) => {
            status == 200 && memchr::memmem::find_iter(body, b"\"code\":202").count() as u64 == lines
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
