//! How much room the disk has left for what is accepted.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long an answer of the system is believed: at the pace of a fast disk, far less than the reserve is written in it.
const BELIEVED: Duration = Duration::from_millis(100);

/// Watches the free space of the database's file system.
pub(super) struct Space {
    database: PathBuf,
    reserve: u64,
    asked: Option<(Instant, bool)>,
}

impl Space {
    pub(super) fn new(database: &Path, reserve: u64) -> Self {
        Self { database: database.to_owned(), reserve, asked: None }
    }

    /// Whether less than the reserve is free. Where the system does not tell, there is room. It is said in the log when
    /// that begins and when it is over.
    pub(super) fn is_short(&mut self) -> bool {
        match self.asked {
            Some((when, short)) if when.elapsed() < BELIEVED => short,
            _ => {
                let free = free(&self.database);
                let short = free.is_some_and(|free| free < self.reserve);
                if short != self.asked.is_some_and(|(_, before)| before) {
                    self.say(short, free);
                }
                self.asked = Some((Instant::now(), short));
                short
            }
        }
    }

    fn say(&self, short: bool, free: Option<u64>) {
        let reserve = self.reserve;
        if short {
            tracing::error!(free, reserve, "the disk has less free than the reserve: nothing is accepted");
        } else {
            tracing::info!(free, reserve, "the disk has room again: messages are accepted");
        }
    }
}

/// The free bytes of the file system that a file is on; none where the system does not tell.
#[cfg(unix)]
pub(super) fn free(database: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(database).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
pub(super) fn free(_: &Path) -> Option<u64> {
    None
}
