//! What callbacks are checked with. Where it is an account's keys, the server is asked for them anew once a signature is of none:
//! they may have been rotated since. Forgers may send as much as they like; it is asked once in a while only.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ringback_client::Client;
use ringback_listener::Check;
use tokio::time::timeout;

use crate::{output, signing_keys};

/// Between two questions for the keys, at least.
const BETWEEN: Duration = Duration::from_secs(30);
/// How long the keys are waited for; whoever sent the callback waits with it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where an account's keys are to be had.
pub(crate) struct KeySource {
    pub(crate) client: Client,
    pub(crate) account: String,
}

/// What callbacks are checked with.
pub(super) struct Keyring {
    present: Arc<Mutex<Present>>,
    source: Option<Arc<KeySource>>,
    /// When the source was asked last; held while it is being asked.
    asked: Arc<tokio::sync::Mutex<Option<Instant>>>,
}

/// A check, and how many there were before it.
#[derive(Clone)]
pub(super) struct Present {
    pub(super) check: Check,
    edition: u64,
}

impl Keyring {
    pub(super) fn new(check: Check, source: Option<KeySource>) -> Self {
        let present = Arc::new(Mutex::new(Present { check, edition: 0 }));
        Self { present, source: source.map(Arc::new), asked: Arc::default() }
    }

    pub(super) fn present(&self) -> Present {
        self.present.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A check that is newer than the one that failed, if there is one to be had. Once the source is being asked, its answer
    /// is kept though whoever sent the callback has left: a forger would else use up each turn to ask.
    pub(super) async fn newer_than(&self, failed: &Present) -> Option<Check> {
        let source = self.source.clone()?;
        let mut asked = self.asked.clone().lock_owned().await;
        let present = self.present();
        if present.edition > failed.edition {
            return Some(present.check);
        }
        if asked.is_some_and(|at| at.elapsed() < BETWEEN) {
            return None;
        }
        *asked = Some(Instant::now());
        let kept = self.present.clone();
        let asking = tokio::spawn(async move {
            let check = source.check().await?;
            let newer = Present { check: check.clone(), edition: present.edition + 1 };
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = newer;
            drop(asked);
            Some(check)
        });
        asking.await.ok().flatten()
    }
}

impl KeySource {
    async fn check(&self) -> Option<Check> {
        let why = match timeout(PATIENCE, signing_keys::of_account(&self.client, &self.account)).await {
            Ok(Ok(keys)) => match signing_keys::check(&keys) {
                Ok(check) => return Some(check),
                Err(failure) => failure.to_string(),
            },
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {PATIENCE:?}"),
        };
        output::note(format_args!("a signature is wrong, and the keys can't be had anew: {why}"));
        None
    }
}
