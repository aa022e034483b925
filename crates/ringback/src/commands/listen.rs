//! `ringback listen`: prints callbacks as they come.
//!
//! Two ways to get them: the [`serving`] one has a port that callbacks are posted to, and [`registers`](registering) itself
//! where it is told to; the [`pulling`] one reads them from the server. Both end once a callback can't be printed, and it
//! counts as not received.

mod pulling;
mod registering;
mod serving;

use std::io;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::args::listen::ListenArgs;
use crate::config::log::Log;
use crate::failure::Outcome;
use crate::listener::{Forwarded, Receipt, Verdict};
use crate::narrator::Narrator;
use crate::{logging, output};

/// Listens until it is asked to stop.
pub(super) async fn run(args: ListenArgs) -> Outcome {
    logging::start(&Log::quiet());
    match &args.pull {
        Some(account) => pulling::run(&args, account).await,
        None => serving::run(&args).await,
    }
}

/// Prints what came, for a person or for a script.
struct Printer {
    json: bool,
    narrator: Narrator,
}

impl Printer {
    fn new(args: &ListenArgs) -> Self {
        Self { json: args.json, narrator: Narrator::default() }
    }

    fn print(&mut self, receipt: &Receipt) -> io::Result<()> {
        if self.json {
            output::print_json(&Line::of(receipt))
        } else {
            output::print(self.narrator.tell(receipt))
        }
    }
}

/// What listening comes to that ended because a callback could not be printed: whoever reads may have left.
fn came_of(printed: io::Result<()>) -> Outcome {
    output::unless_nobody_reads(printed)
        .map_err(|failure| failure.and("what was not printed was not taken, and will come again"))
}

/// A callback as a script reads it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replay: bool,
    /// Left out where nothing was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection: Option<String>,
    /// Where it stands, of one that was read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    /// What whoever it was passed on to answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    forward_status: Option<u16>,
    /// Why it was not passed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    forward_error: Option<&'a str>,
    /// The body as it came; `null` where it is not JSON.
    message: Option<&'a RawValue>,
}

impl<'a> Line<'a> {
    fn of(receipt: &'a Receipt) -> Self {
        let (verified, rejection) = match &receipt.verdict {
            Verdict::Verified | Verdict::Known => (Some(true), None),
            Verdict::Wrong(rejection) => (Some(false), Some(rejection.to_string())),
            Verdict::NotChecked | Verdict::ReadBack(_) => (None, None),
        };
        let (forward_status, forward_error) = match &receipt.forwarded {
            Some(Forwarded::Answered(status)) => (Some(status.as_u16()), None),
            Some(Forwarded::Unanswered(reason)) => (None, Some(reason.as_str())),
            None => (None, None),
        };
        Self {
            id: &receipt.id,
            sequence: receipt.sequence,
            attempt: receipt.attempt,
            replay: receipt.replay,
            verified,
            rejection,
            state: match &receipt.verdict {
                Verdict::ReadBack(state) => Some(state.as_str()),
                _ => None,
            },
            forward_status,
            forward_error,
            message: serde_json::from_slice(&receipt.body).ok(),
        }
    }
}
