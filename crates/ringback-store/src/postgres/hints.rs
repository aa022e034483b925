//! Hints among nodes, by `NOTIFY`: that there are tidings, or shards that are nobody's. Polling is the truth, and each may be lost.
//!
//! A notification makes commits wait for one another, so it is never sent with what it tells of, and not more often than
//! [`EVERY`]: one that comes too soon is sent when that time is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::connector::Connector;
use super::fault::Fault;
use super::link::Link;

/// Between two notifications of a node.
const EVERY: Duration = Duration::from_millis(20);
const NEWS: &str = "NOTIFY ringback_news";
/// Between two looks at a connection that may be gone.
const LOOK: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Hints {
    heard: Arc<Notify>,
    wanted: Arc<Notify>,
    listening: Arc<AtomicBool>,
    enabled: bool,
    task: Option<JoinHandle<()>>,
}

impl Hints {
    /// Keeps a connection of its own that listens and notifies, where that is enabled.
    pub(super) fn new(connector: Arc<Connector>, enabled: bool) -> Self {
        let (heard, wanted) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let listening = Arc::new(AtomicBool::new(false));
        let run = || run(connector, Arc::clone(&heard), Arc::clone(&wanted), Arc::clone(&listening));
        let task = enabled.then(|| tokio::spawn(run()));
        Self { heard, wanted, listening, enabled, task }
    }

    /// Whether the connection that listens stands.
    pub(super) fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    /// Tells the other nodes, soon.
    pub(super) fn give(&self) {
        if self.enabled {
            self.wanted.notify_one();
        }
    }

    /// Tells them now, on this connection, after what it tells of was committed.
    pub(super) async fn give_by(&self, link: &Link) -> Result<(), Fault> {
        if self.enabled { link.script(NEWS).await } else { Ok(()) }
    }

    /// Waits until another node told something.
    pub(super) async fn notified(&self) {
        self.heard.notified().await;
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn run(connector: Arc<Connector>, heard: Arc<Notify>, wanted: Arc<Notify>, listening: Arc<AtomicBool>) {
    let trouble = AtomicBool::new(false);
    loop {
        match listen(&connector, &heard).await {
            Ok(link) => {
                trouble.store(false, Ordering::Relaxed);
                listening.store(true, Ordering::Relaxed);
                serve(&link, &wanted).await;
                listening.store(false, Ordering::Relaxed);
            }
            Err(fault) => {
                if !trouble.swap(true, Ordering::Relaxed) {
                    let error = fault.into_error();
                    tracing::warn!(%error, "no hints among nodes for now; news are polled");
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn listen(connector: &Connector, heard: &Arc<Notify>) -> Result<Link, Fault> {
    let link = connector.connect(Some(Arc::clone(heard))).await?;
    link.script("LISTEN ringback_news").await?;
    Ok(link)
}

async fn serve(link: &Link, wanted: &Notify) {
    while link.is_usable() {
        if tokio::time::timeout(LOOK, wanted.notified()).await.is_ok() {
            if link.script(NEWS).await.is_err() {
                return;
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}
