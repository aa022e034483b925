//! What the disk under the store takes to make a write safe: the bound of every commit.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hdrhistogram::Histogram;

use super::latency::{Percentiles, histogram};
use crate::failure::Outcome;

/// What is written each time, in bytes: a small commit's pages.
pub(super) const WRITE: usize = 16 * 1024;
/// The file that is written to again and again, as a log is.
pub(super) const FILE: u64 = 4 * 1024 * 1024;

/// Writes and syncs in this folder for a while.
pub(super) fn measure(folder: &Path, time: Duration) -> Outcome<Percentiles> {
    let path = folder.join("fdatasync.probe");
    let taken = sync_again_and_again(&path, time).context("the disk could not be tried");
    let _ = std::fs::remove_file(&path);
    Ok(Percentiles::of(&taken?))
}

fn sync_again_and_again(path: &Path, time: Duration) -> std::io::Result<Histogram<u64>> {
    let file = File::create(path)?;
    let bytes = vec![0x5a; WRITE];
    for at in (0..FILE).step_by(WRITE) {
        file.write_all_at(&bytes, at)?;
    }
    file.sync_all()?;
    let mut taken = histogram();
    let mut at = 0;
    let begun = Instant::now();
    while begun.elapsed() < time {
        file.write_all_at(&bytes, at)?;
        let asked = Instant::now();
        file.sync_data()?;
        taken.saturating_record(u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX));
        at = (at + WRITE as u64) % FILE;
    }
    Ok(taken)
}
