//! Reading an account's messages from the server, without an open port.
//!
//! The place where it left off is the server's: what was acknowledged. What was printed, and where it is passed on was
//! answered with a 2xx, is acknowledged a page at a time, and at the end; what was not comes again. Messages that were delivered to a URL
//! are passed over.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use ringback_client::Accounts;
use ringback_listener::{
    BoxError, Callback, CatchUp, CatchUpError, CaughtUp, Check, Clock as _, Listener, ReadError, SystemClock,
};
use ringback_wire::publish::splice_credentials;
use ringback_wire::signature::SigningKey;
use ringback_wire::{Secret, headers};

use super::{Printer, came_of};
use crate::args::listen::ListenArgs;
use crate::failure::{Failure, Outcome, both};
use crate::listener::{Forward, Forwarded, Receipt};
use crate::output;
use crate::signals::Stop;
use crate::target::Target;

/// How long the server is to wait for the next message.
const WAIT: Duration = Duration::from_secs(30);
/// Before the first try after a failure; doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Between tries at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Between two questions for a newer key, at least.
const BETWEEN: Duration = Duration::from_secs(30);
/// The place before the first message.
const BEGINNING: u64 = 0;

/// Reads until it is asked to stop.
pub(super) async fn run(args: &ListenArgs, account: &str) -> Outcome {
    let mut stop = Stop::catch()?;
    let client = Target::find(&args.connection)?.client()?;
    let accounts = client.accounts();
    let handing = Handing {
        printer: Arc::new(Mutex::new(Printer::new(args))),
        passing: passing(args, account, &accounts).await?.map(Arc::new),
        unprinted: Arc::default(),
    };
    let unprinted = handing.unprinted.clone();
    accounts.pull(account, true).await?;
    // Acknowledging nothing changes nothing, and tells through which number it was done.
    let place = accounts.ack(account, BEGINNING).await?.result.through;
    output::note(format_args!("reading messages of {account} behind #{place}; pull is on, and stays on"));

    let listener = Listener::new(Check::unverified(), move |callback| handing.clone().handle(callback));
    let mut source = CatchUp::new(accounts.clone(), account).after(place).wait(WAIT).acknowledge();
    let mut pause = FIRST_PAUSE;
    let printed = loop {
        let read = tokio::select! {
            () = stop.asked() => break Ok(()),
            read = listener.catch_up(&mut source) => read,
        };
        match read {
            Ok(sum) => {
                tell_gone(&sum);
                pause = FIRST_PAUSE;
            }
            Err(error) => {
                if let Some(error) = lock(&unprinted).take() {
                    break Err(error);
                }
                let failure = failure(error)?;
                output::note(format_args!("{failure}; trying again in {pause:?}"));
                tokio::select! {
                    () = stop.asked() => break Ok(()),
                    () = tokio::time::sleep(pause) => {}
                }
                pause = LONGEST_PAUSE.min(pause * 2);
            }
        }
    };
    // What was read since the last page's end.
    let through = source.position();
    let mut told = Ok(());
    stop.unless_insisted_upon(async {
        listener.idle().await;
        if through > place {
            told = accounts.ack(account, through).await.map(drop);
        }
    })
    .await?;
    both(came_of(printed), told.map_err(Failure::from))
}

fn tell_gone(sum: &CaughtUp) {
    if sum.gone > 0 {
        output::note(format_args!("{} messages are not kept any more, and were passed over", sum.gone));
    }
}

/// What went wrong, where trying again can help. An error is that it can't: who asks is not known, or may not.
fn failure(error: CatchUpError<ringback_client::Error>) -> Outcome<Failure> {
    let source = match error {
        CatchUpError::Handle { sequence, failure: ringback_listener::Failure::Handler(why) } => {
            return Ok(Failure::from(anyhow::anyhow!("#{sequence} was not taken: {why}")));
        }
        CatchUpError::Read(ReadError::Source(source)) | CatchUpError::Acknowledge { source, .. } => source,
        other => return Ok(Failure::from(anyhow::anyhow!("{other}"))),
    };
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND];
    let is_final = source.status_code().is_some_and(|status| refused.contains(&status));
    let failure = Failure::from(source);
    if is_final { Err(failure) } else { Ok(failure) }
}

/// What is done with each message.
#[derive(Clone)]
struct Handing {
    printer: Arc<Mutex<Printer>>,
    passing: Option<Arc<Passing>>,
    /// Why the last message could not be printed.
    unprinted: Arc<Mutex<Option<io::Error>>>,
}

impl Handing {
    async fn handle(self, callback: Callback) -> Result<(), BoxError> {
        let forwarded = match &self.passing {
            None => None,
            Some(passing) => Some(passing.pass_on(&callback).await),
        };
        let outcome = match &forwarded {
            Some(Forwarded::Answered(status)) if !status.is_success() => {
                Err(format!("it was passed on, and answered {status}").into())
            }
            Some(Forwarded::Unanswered(reason)) => Err(format!("it can't be passed on: {reason}").into()),
            _ => Ok(()),
        };
        let receipt = Receipt::read_back(callback, forwarded);
        if let Err(error) = lock(&self.printer).print(&receipt) {
            let why = format!("it can't be printed: {error}");
            *lock(&self.unprinted) = Some(error);
            return Err(why.into());
        }
        outcome
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes messages on as the server would have sent them: signed, with their number.
struct Passing {
    forward: Forward,
    accounts: Accounts,
    account: String,
    present: tokio::sync::Mutex<Present>,
}

/// The key to sign with.
#[derive(Clone)]
struct Key {
    secret: Secret,
    signing: SigningKey,
}

/// The present one, and when it was last asked for again.
struct Present {
    key: Key,
    asked: Option<Instant>,
}

async fn passing(args: &ListenArgs, account: &str, accounts: &Accounts) -> Outcome<Option<Passing>> {
    let Some(url) = &args.forward else { return Ok(None) };
    let forward = Forward::to(url)?;
    let present = tokio::sync::Mutex::new(Present { key: key(accounts, account).await?, asked: None });
    Ok(Some(Passing { forward, accounts: accounts.clone(), account: account.to_owned(), present }))
}

async fn key(accounts: &Accounts, account: &str) -> Outcome<Key> {
    let secret = accounts.signing_key(account).await?.into_result().secret;
    let signing =
        SigningKey::parse(secret.expose()).map_err(|error| Failure::from(anyhow::Error::new(error)))?;
    Ok(Key { secret, signing })
}

impl Passing {
    /// Passes it on; once more where it was refused and the key has been rotated since.
    async fn pass_on(&self, callback: &Callback) -> Forwarded {
        let key = self.present.lock().await.key.clone();
        let forwarded = self.pass_on_with(&key, callback).await;
        match forwarded {
            Forwarded::Answered(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                match self.newer_than(&key).await {
                    Some(newer) => self.pass_on_with(&newer, callback).await,
                    None => forwarded,
                }
            }
            _ => forwarded,
        }
    }

    /// Another key than this one, if there is one to be had.
    async fn newer_than(&self, refused: &Key) -> Option<Key> {
        let mut present = self.present.lock().await;
        if present.key.secret == refused.secret {
            if present.asked.is_some_and(|at| at.elapsed() < BETWEEN) {
                return None;
            }
            present.asked = Some(Instant::now());
            match key(&self.accounts, &self.account).await {
                Ok(key) => present.key = key,
                Err(failure) => output::note(format_args!(
                    "a message was refused where it is passed on to, and the key can't be had anew: {failure}"
                )),
            }
        }
        Some(present.key.clone()).filter(|key| key.secret != refused.secret)
    }

    async fn pass_on_with(&self, key: &Key, callback: &Callback) -> Forwarded {
        let body = Bytes::from(splice_credentials(&callback.body, "", ""));
        let id = callback.id.as_deref().unwrap_or_default();
        let timestamp = SystemClock::new().unix_seconds();
        let fields = [
            (headers::WEBHOOK_ID, id.to_owned()),
            (headers::WEBHOOK_TIMESTAMP, timestamp.to_string()),
            (headers::WEBHOOK_SIGNATURE, key.signing.sign(id, timestamp, &body)),
            (headers::RINGBACK_SEQUENCE, callback.sequence.unwrap_or_default().to_string()),
        ];
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::from_str(&value) {
                map.insert(name, value);
            }
        }
        self.forward.pass_on(&map, body).await.0
    }
}
