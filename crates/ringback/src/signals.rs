//! Being asked to stop: SIGTERM or SIGINT (Ctrl-C), and the same again for those who can't wait. And SIGHUP, which asks to
//! look at the files anew.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};

use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};

/// Signals that come within this time of the first are the same one.
const SAME_SIGNAL: Duration = Duration::from_millis(500);

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

    /// The same, for a stop that undoes something elsewhere: the same Ctrl-C often comes twice, from the terminal and from
    /// a wrapper (`timeout`, `npm run`), and only one that comes later ends it at once.
    pub(crate) async fn unless_insisted_upon(mut self, stopping: impl Future<Output = ()>) -> Outcome {
        let began = Instant::now();
        let insisted = async {
            loop {
                self.asked().await;
                if began.elapsed() > SAME_SIGNAL {
                    return;
                }
            }
        };
        tokio::select! {
            () = stopping => Ok(()),
            () = insisted => Err(Failure::new(
                ExitCode::Interrupted,
                anyhow!("ended at once by a second signal; what was registered may still be"),
            )),
        }
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

/// Makes a file that may not grow any more (`ulimit -f`, `LimitFSIZE=`) an error of the write that meets it: by itself
/// SIGXFSZ would end the program. It is caught from now on, and nobody waits for it.
#[cfg(unix)]
pub(crate) fn outlive_file_limits() -> Outcome {
    use tokio::signal::unix::{SignalKind, signal};
    let kind = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    drop(signal(kind).context("SIGXFSZ can't be caught")?);
    Ok(())
}

/// There is no such signal here.
#[cfg(not(unix))]
pub(crate) fn outlive_file_limits() -> Outcome {
    Ok(())
}

/// SIGHUP, caught from its creation on.
pub(crate) struct HangUp {
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
}

impl HangUp {
    #[cfg(unix)]
    pub(crate) fn catch() -> Outcome<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { hang_up: signal(SignalKind::hangup()).context("SIGHUP can't be caught")? })
    }

    #[cfg(not(unix))]
    pub(crate) fn catch() -> Outcome<Self> {
        Ok(Self {})
    }

    /// Until the next one.
    #[cfg(unix)]
    pub(crate) async fn asked(&mut self) {
        if self.hang_up.recv().await.is_none() {
            std::future::pending().await
        }
    }

    /// There is none here.
    #[cfg(not(unix))]
    pub(crate) async fn asked(&mut self) {
        std::future::pending().await
    }
}
