//! `ringback messages publish`: one message, or a file of them.
//!
//! Three parts meet here: the [`input`], read ahead by a thread; the client's stream, which takes messages
//! from it in batches and gives what became of each, in order; and the [`Tally`], which tells and keeps it. What went into
//! the stream waits in the [`Feed`] until its result is there: when publishing stops in between, nothing is lost.

use std::collections::VecDeque;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use ringback_client::{OutgoingMessage, PublishSettings, PublishStream, Published, RetrySettings};

use super::failed::FailedFile;
use super::input::{self, Input};
use super::tally::Tally;
use crate::args::messages::PublishArgs;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};
use crate::signals::Stop;
use crate::target;

pub(super) async fn run(args: PublishArgs) -> Outcome {
    let client = target::client(&args.connection)?;
    let file = input::named(args.file.as_deref());
    let failed_file = FailedFile::plan(args.failed.as_deref(), file)?;
    let mut stop = Stop::catch()?;
    let input = input::open(file)?;
    let bar = bar(input.bytes);
    let mut tally = Tally::new(args.json, bar.clone(), failed_file);
    let feed = Feed::new(input);
    let settings = PublishSettings::new().retry(RetrySettings::up_to(args.retries));
    let mut results = client.messages().publish_all(feed.messages(args.fail_fast), settings).fuse();

    let ended = loop {
        let published = tokio::select! {
            biased;
            () = stop.asked() => break Ended::Asked,
            published = results.next() => published,
        };
        let Some(published) = published else {
            // The feed ends before the input does only where it was halted.
            break if args.fail_fast && feed.lock().halted { Ended::Failed } else { Ended::All };
        };
        feed.settle(published, &mut tally, &bar)?;
        if args.fail_fast && !tally.is_clean() {
            break Ended::Failed;
        }
    };
    let known_input = file.is_some();
    feed.close(results, ended, known_input, &mut tally, &bar).await?;
    tally.finish()
}

/// A bar on a terminal; of stdin nobody knows how long it is.
fn bar(bytes: Option<u64>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match bytes {
        Some(bytes) => {
            (ProgressBar::new(bytes), "{bar:32} {bytes}/{total_bytes}, {msg}, {elapsed} of {duration}")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {bytes}, {msg}, {elapsed}"),
    };
    bar.set_style(ProgressStyle::with_template(template).unwrap_or(ProgressStyle::default_bar()));
    bar.with_message(progress(0))
}

fn progress(published: u64) -> String {
    if published == 1 { "1 message".to_owned() } else { format!("{published} messages") }
}

/// How publishing came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Everything has its result.
    All,
    /// Something failed, and that was to be the end.
    Failed,
    /// A signal asked for it.
    Asked,
}

/// Between the input and the stream.
#[derive(Clone)]
struct Feed(Arc<Mutex<Feeding>>);

struct Feeding {
    input: Input,
    /// What has no result yet, in order.
    waiting: VecDeque<Waiting>,
    halted: bool,
    broken: Option<std::io::Error>,
    published: u64,
}

enum Waiting {
    /// It went into the stream.
    Sent { line: u64, read: u64, message: OutgoingMessage },
    /// It is no message.
    Unreadable { line: u64, text: Bytes, problem: String },
}

impl Feed {
    fn new(input: Input) -> Self {
        let waiting = VecDeque::new();
        Self(Arc::new(Mutex::new(Feeding { input, waiting, halted: false, broken: None, published: 0 })))
    }

    fn lock(&self) -> MutexGuard<'_, Feeding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The messages for the stream, until the input ends or the feed is halted.
    fn messages(
        &self,
        fail_fast: bool,
    ) -> impl futures_util::Stream<Item = OutgoingMessage> + Send + 'static {
        let feed = self.clone();
        stream::poll_fn(move |context| feed.lock().poll(context, fail_fast))
    }

    /// Takes a result, after those before it that need none.
    fn settle(&self, published: Published, tally: &mut Tally, bar: &ProgressBar) -> Outcome {
        let mut feeding = self.lock();
        while let Some(waiting) = feeding.waiting.pop_front() {
            match waiting {
                Waiting::Unreadable { line, text, problem } => tally.unreadable(line, &text, &problem)?,
                Waiting::Sent { line, read, message } => {
                    feeding.published += 1;
                    bar.set_position(read);
                    bar.set_message(progress(feeding.published));
                    return tally.answered(line, &message, published.outcome);
                }
            }
        }
        Ok(())
    }

    /// Sees to it that all that was read has a result, or is kept; of a file, all that was not read too.
    async fn close(
        &self,
        mut results: stream::Fuse<PublishStream>,
        ended: Ended,
        known_input: bool,
        tally: &mut Tally,
        bar: &ProgressBar,
    ) -> Outcome {
        self.lock().halted = true;
        if ended == Ended::Failed {
            // Of the batch that was out the results are here already.
            while let Some(Some(published)) = results.next().now_or_never() {
                self.settle(published, tally, bar)?;
            }
        }
        drop(results);
        let (waiting, broken, mut items) = {
            let mut feeding = self.lock();
            let (_, none) = tokio::sync::mpsc::channel(1);
            let items = std::mem::replace(&mut feeding.input.items, none);
            (std::mem::take(&mut feeding.waiting), feeding.broken.take(), items)
        };
        for waiting in waiting {
            match waiting {
                Waiting::Unreadable { line, text, problem } => tally.unreadable(line, &text, &problem)?,
                Waiting::Sent { message, .. } => tally.left(&message.to_json())?,
            }
        }
        if ended != Ended::All {
            // Who feeds stdin may never end.
            while let Some(item) = if known_input { items.recv().await } else { items.try_recv().ok() } {
                let item = item.map_err(broken_input)?;
                match item.message {
                    Ok(message) => tally.left(&message.to_json())?,
                    Err(_) => tally.left(&item.text)?,
                }
            }
        }
        broken.map_or(Ok(()), |error| Err(broken_input(error)))
    }
}

impl Feeding {
    fn poll(&mut self, context: &mut Context<'_>, fail_fast: bool) -> Poll<Option<OutgoingMessage>> {
        loop {
            if self.halted {
                return Poll::Ready(None);
            }
            let item = match std::task::ready!(self.input.items.poll_recv(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => {
                    self.broken = Some(error);
                    self.halted = true;
                    continue;
                }
                Some(Ok(item)) => item,
            };
            match item.message {
                Ok(message) => {
                    let (line, read) = (item.line, item.read);
                    self.waiting.push_back(Waiting::Sent { line, read, message: message.clone() });
                    return Poll::Ready(Some(message));
                }
                Err(problem) => {
                    self.halted |= fail_fast;
                    let (line, text) = (item.line, item.text);
                    self.waiting.push_back(Waiting::Unreadable { line, text, problem });
                }
            }
        }
    }
}

fn broken_input(error: std::io::Error) -> Failure {
    Failure::new(ExitCode::Usage, anyhow::Error::new(error).context("the input can't be read to its end"))
}
