//! What callbacks are checked with. Where it is an account's keys, the server is asked for them anew once a signature is of none:
//! they may have been rotated since. Forgers may send as much as they like; it is asked once in a while only.

use std::sync::{Mutex, PoisonError};
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
    present: Mutex<Present>,
    source: Option<KeySource>,
    /// When the source was asked last; held while it is being asked.
    asked: tokio::sync::Mutex<Option<Instant>>,
}

/// A check, and how many there were before it.
#[derive(Clone)]
pub(super) struct Present {
    pub(super) check: Check,
    edition: u64,
}

impl Keyring {
    pub(super) fn new(check: Check, source: Option<KeySource>) -> Self {
        let present = Mutex::new(Present { check, edition: 0 });
        Self { present, source, asked: tokio::sync::Mutex::new(None) }
    }

    pub(super) fn present(&self) -> Present {
        self.present.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A check that is newer than the one that failed, if there is one to be had.
    pub(super) async fn newer_than(&self, failed: &Present) -> Option<Check> {
        let source = self.source.as_ref()?;
        let mut asked = self.asked.lock().await;
        let present = self.present();
        if present.edition > failed.edition {
            return Some(present.check);
        }
        if asked.is_some_and(|at| at.elapsed() < BETWEEN) {
            return None;
        }
        *asked = Some(Instant::now());
        let check = source.check().await?;
        let newer = Present { check: check.clone(), edition: present.edition + 1 };
        *self.present.lock().unwrap_or_else(PoisonError::into_inner) = newer;
        Some(check)
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
