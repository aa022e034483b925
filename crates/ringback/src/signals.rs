//! Being asked to stop: SIGTERM or SIGINT (Ctrl-C), and the same again for those who can't wait.

use anyhow::{Context as _, anyhow};

use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};

/// The signals that ask to stop, caught from its creation on.
pub(crate) struct Stop {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    #[cfg(unix)]
    pub(crate) fn catch() -> Outcome<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let catch = |kind| signal(kind).context("the signals that ask to stop can't be caught");
        Ok(Self { terminate: catch(SignalKind::terminate())?, interrupt: catch(SignalKind::interrupt())? })
    }

    #[cfg(not(unix))]
    pub(crate) fn catch() -> Outcome<Self> {
        Ok(Self {})
    }

    /// Until the next signal.
    #[cfg(unix)]
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Until the next signal.
    #[cfg(not(unix))]
    pub(crate) async fn asked(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }

    /// Stops in order, unless a second signal says to end at once.
    pub(crate) async fn unless_asked_again(mut self, stopping: impl Future<Output = ()>) -> Outcome {
        tokio::select! {
            () = stopping => Ok(()),
            () = self.asked() => Err(Failure::new(
                ExitCode::Interrupted,
                anyhow!("ended at once by a second signal; what was under way will be sent again"),
            )),
        }
    }
}
