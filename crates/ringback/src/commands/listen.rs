//! `ringback listen`: prints callbacks as they come.

use std::net::SocketAddr;

use anyhow::Context as _;
use ringback_server::clock::Clock;
use ringback_wire::signature::Verifier;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::args::listen::ListenArgs;
use crate::config::log::Log;
use crate::failure::{Failure, Outcome};
use crate::listener::{Listener, Receipt, Verdict};
use crate::narrator::Narrator;
use crate::signals::Stop;
use crate::{logging, output};

/// Holds the keys to verify with.
const KEYS: &str = "RINGBACK_SIGNING_SECRET";

/// Listens until it is asked to stop.
pub(super) async fn run(args: ListenArgs) -> Outcome {
    logging::start(&Log::quiet());
    let mut stop = Stop::catch()?;
    let verifier = verifier()?;
    let listener = Listener::bind(SocketAddr::new(args.address, args.port), "--port").await?;
    output::note(format_args!("listening on http://{} (any path)", listener.address()));
    if verifier.is_none() {
        output::note(format_args!("signatures are not verified: {KEYS} is not set"));
    }
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let (mut receipts, serving) = listener.serve(verifier, Clock::system(), async { drop(ended.await) });
    let mut narrator = Narrator::default();
    loop {
        tokio::select! {
            () = stop.asked() => break,
            receipt = receipts.recv() => match receipt {
                Some(receipt) if args.json => print_json(&receipt),
                Some(receipt) => output::say(narrator.tell(&receipt)),
                None => break,
            }
        }
    }
    drop(end);
    // Whoever waits to hand a callback on is told 503, and sends it again.
    drop(receipts);
    stop.unless_asked_again(async { drop(serving.await) }).await
}

/// The keys' verifier, where keys are given.
fn verifier() -> Outcome<Option<Verifier>> {
    let Ok(keys) = std::env::var(KEYS) else { return Ok(None) };
    let keys: Vec<&str> = keys.split([' ', ',']).filter(|key| !key.is_empty()).collect();
    if keys.is_empty() {
        return Ok(None);
    }
    Verifier::parse(keys).map(Some).map_err(|error| Failure::configuration(format_args!("{KEYS}: {error}")))
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
    /// Left out where nothing was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
    /// The body as it came; `null` where it is not JSON.
    message: Option<&'a RawValue>,
}

fn print_json(receipt: &Receipt) {
    let message: Option<&RawValue> = serde_json::from_slice(&receipt.body).context("not JSON").ok();
    output::say_json(&Line {
        id: &receipt.id,
        sequence: receipt.sequence,
        attempt: receipt.attempt,
        verified: match receipt.verdict {
            Verdict::Verified => Some(true),
            Verdict::Wrong(_) => Some(false),
            Verdict::NotChecked => None,
        },
        message,
    });
}
