//! The end of the dispatcher, as others see it: from then on nothing is sent, whoever asked for it.

use tokio::sync::watch;

/// Held for as long as the dispatcher does its work; a panic drops it.
pub(super) struct Life(#[expect(dead_code, reason = "what counts is that it is there")] watch::Sender<()>);

/// Tells whether the dispatcher has ended.
#[derive(Debug, Clone)]
pub struct End(watch::Receiver<()>);

/// A life, and what tells of its end.
pub(super) fn life() -> (Life, End) {
    let (life, end) = watch::channel(());
    (Life(life), End(end))
}

impl End {
    /// Whether it has ended.
    pub fn has_come(&self) -> bool {
        self.0.has_changed().is_err()
    }

    /// Waits for it.
    pub async fn come(mut self) {
        // Nothing is ever sent.
        while self.0.changed().await.is_ok() {}
    }
}
