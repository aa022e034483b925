//! What came of the messages: told as it comes, counted, and kept where it has to be tried again.

use std::path::PathBuf;

use anyhow::anyhow;
use indicatif::ProgressBar;
use ringback_client::{OutgoingMessage, PublishFailure};
use ringback_wire::publish::{LineOutcome, NdjsonLine, PublishAnswer, PublishStatus};
use serde::Serialize;

use super::failed::FailedFile;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome, both};
use crate::output;

/// What came of the messages.
pub(super) struct Tally {
    json: bool,
    bar: ProgressBar,
    failed_file: FailedFile,
    queued: u64,
    duplicate: u64,
    unregistered: u64,
    failed: u64,
    /// Of these, those that were stopped before there was an answer.
    left: u64,
    /// Of those that are kept, those that fail again as they are.
    wrong: u64,
    /// The last answer that is told of if it is the only one.
    last_answer: Option<PublishAnswer>,
    /// What failed last, to be told once for all that it failed for.
    last_failure: Option<PublishFailure>,
    told: Option<String>,
    /// Why what came of the messages can't be told any more; they are published all the same.
    untold: Option<Failure>,
}

/// A failure as a script reads it, where the server gave no answer for the line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Unanswered<'a> {
    line: u64,
    error: &'a str,
    /// Whether it may have been published nevertheless.
    outcome_unknown: bool,
}

impl Tally {
    pub(super) fn new(json: bool, bar: ProgressBar, failed_file: FailedFile) -> Self {
        Self {
            json,
            bar,
            failed_file,
            queued: 0,
            duplicate: 0,
            unregistered: 0,
            failed: 0,
            left: 0,
            wrong: 0,
            last_answer: None,
            last_failure: None,
            told: None,
            untold: None,
        }
    }

    /// Whether nothing failed.
    pub(super) fn is_clean(&self) -> bool {
        self.failed == 0
    }

    /// A line that is no message. It stands in the file as it was, for a person to put right.
    pub(super) fn unreadable(&mut self, line: u64, text: &[u8], problem: &str) -> Outcome {
        self.failed += 1;
        let error = format!("the message {problem}");
        if self.json {
            self.say_json(&Unanswered { line, error: &error, outcome_unknown: false });
        } else {
            self.say(format_args!("line {line}: {error}"));
        }
        if text.is_empty() {
            return Ok(());
        }
        self.wrong += 1;
        self.failed_file.keep(text)
    }

    /// What the server said of a message.
    pub(super) fn answered(
        &mut self,
        line: u64,
        message: &OutgoingMessage,
        outcome: Result<PublishAnswer, PublishFailure>,
    ) -> Outcome {
        match outcome {
            Ok(answer) => {
                self.accepted(line, answer);
                Ok(())
            }
            Err(failure) => self.refused(line, message, failure),
        }
    }

    fn accepted(&mut self, line: u64, answer: PublishAnswer) {
        let (count, code) = match answer.status {
            PublishStatus::Queued => (&mut self.queued, 202),
            PublishStatus::Duplicate => (&mut self.duplicate, 202),
            PublishStatus::Unregistered => (&mut self.unregistered, 200),
        };
        *count += 1;
        if self.json {
            self.say_json(&NdjsonLine { line, code, outcome: LineOutcome::Answer(answer.clone()) });
        }
        self.last_answer = Some(answer);
    }

    fn refused(&mut self, line: u64, message: &OutgoingMessage, failure: PublishFailure) -> Outcome {
        self.failed += 1;
        match &failure {
            PublishFailure::Refused { code, result } if self.json => {
                let outcome = LineOutcome::Error(result.clone());
                self.say_json(&NdjsonLine { line, code: *code, outcome });
            }
            _ if self.json => {
                let error = Failure::from(anyhow::Error::new(failure.clone())).to_string();
                let outcome_unknown = failure.is_outcome_unknown();
                self.say_json(&Unanswered { line, error: &error, outcome_unknown });
            }
            _ => {
                // A request that failed did so for all of its messages.
                let error = Failure::from(anyhow::Error::new(failure.clone())).to_string();
                if self.told.as_ref() != Some(&error) {
                    self.say(format_args!("line {line}: {error}"));
                    self.told = matches!(failure, PublishFailure::Request(_)).then_some(error);
                }
            }
        }
        self.wrong += u64::from(is_about_the_message(&failure));
        self.last_failure = Some(failure);
        self.failed_file.keep(&message.to_json())
    }

    /// A message of which nothing is known, as it was stopped.
    pub(super) fn left(&mut self, message: &[u8]) -> Outcome {
        self.failed += 1;
        self.left += 1;
        self.failed_file.keep(message)
    }

    /// Tells the sum, and ends with it.
    pub(super) fn finish(mut self) -> Outcome {
        self.bar.finish_and_clear();
        let known = self.queued + self.duplicate + self.unregistered;
        let all = known + self.failed;
        if all == 0 {
            return Err(Failure::usage("there is no message to publish"));
        }
        if !self.json {
            match &self.last_answer {
                Some(answer) if all == 1 => self.say(words(answer)),
                // Its error says it all.
                None if all == 1 => {}
                _ => self.say(self.sum()),
            }
        }
        let sum = self.sum();
        let told = self.untold.map_or(Ok(()), |untold| Err(untold.and(sum)));
        let kept =
            self.failed_file.finish()?.map(|path| Kept { path, messages: self.failed, wrong: self.wrong });
        if self.failed == 0 {
            return told;
        }
        let failure = match self.last_failure {
            Some(PublishFailure::Request(error)) if known == 0 => with_file(error.into(), kept),
            Some(failure) if all == 1 => with_file(Failure::new(ExitCode::Refused, failure), kept),
            None if all == 1 && self.left == 0 => with_file(Failure::usage("the input is no message"), kept),
            _ => {
                let known = if self.left > 0 { ", or are not known to be" } else { "" };
                let sentence = anyhow!("{} of {all} messages were not published{known}", self.failed);
                with_file(Failure::new(ExitCode::Partly, sentence), kept)
            }
        };
        both(Err(failure), told)
    }

    fn sum(&self) -> String {
        let mut parts = vec![format!("{} queued", self.queued)];
        for (count, what) in [
            (self.duplicate, "published before"),
            (self.unregistered, "not kept, as nothing is registered for their account"),
            (self.failed, "failed"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        parts.join(", ")
    }

    fn say(&mut self, text: impl std::fmt::Display) {
        self.tell(|| output::say(text));
    }

    fn say_json(&mut self, value: &impl Serialize) {
        self.tell(|| output::say_json(value));
    }

    fn tell(&mut self, say: impl FnOnce() -> Outcome) {
        if self.untold.is_none() {
            self.untold = self.bar.suspend(say).err();
        }
    }
}

/// What failed, in its file.
struct Kept {
    path: PathBuf,
    messages: u64,
    /// Of these, those that fail again as they are.
    wrong: u64,
}

fn with_file(failure: Failure, kept: Option<Kept>) -> Failure {
    let Some(Kept { path, messages, wrong }) = kept else { return failure };
    let path = path.display();
    match wrong {
        0 => failure.and(format_args!(
            "what failed is in {path}, with its keys: `ringback messages publish {path}` tries it again"
        )),
        wrong => {
            let which = match wrong {
                wrong if wrong == messages => "it".to_owned(),
                1 => "the one that is wrong".to_owned(),
                wrong => format!("the {wrong} that are wrong"),
            };
            failure.and(format_args!(
                "what failed is in {path}, with its keys: put {which} right there first, or it fails in the same way; \
                 then `ringback messages publish {path}` tries it again"
            ))
        }
    }
}

/// Whether the same message would be refused again: it is not right, is too large, or its key is another's.
fn is_about_the_message(failure: &PublishFailure) -> bool {
    matches!(failure, PublishFailure::Refused { code: 400 | 409 | 413, .. })
}

fn words(answer: &PublishAnswer) -> String {
    let id = answer.id.as_deref().unwrap_or("?");
    let sequence = answer.sequence.unwrap_or_default();
    match answer.status {
        PublishStatus::Queued => format!("queued as #{sequence}, id {id}"),
        PublishStatus::Duplicate => match answer.state {
            Some(state) => format!("published before as #{sequence}, id {id}; it is {state}"),
            None => format!("published before as #{sequence}, id {id}"),
        },
        PublishStatus::Unregistered => "not kept: nothing is registered for the account".to_owned(),
    }
}
