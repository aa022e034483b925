//! How large the store is.

use std::path::Path;

use super::connection::beside;
use super::space;
use crate::StoreSize;

/// Measures the files and their file system.
pub(super) fn measure(database: &Path, commits: u64) -> StoreSize {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
    StoreSize {
        bytes: length(database) + length(&beside(database, "-wal")),
        free_bytes: space::free(database),
        commits,
    }
}
