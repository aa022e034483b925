//! What a server asks of the system for its own process.

/// Raises the limit of open files as far as the system allows, since every endpoint, client and connection is one.
#[cfg(unix)]
pub(crate) fn raise_open_files() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::debug!(limit, "open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
}

/// Keeps secrets out of core dumps, and other processes of the same user out of this one's memory.
#[cfg(unix)]
pub(crate) fn keep_memory_private() {
    if let Err(error) = rlimit::Resource::CORE.set(0, 0) {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
    // A core pattern that is a pipe does not look at the limit.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::warn!(%error, "core dumps to a program could not be switched off");
    }
}

/// Nothing to raise here.
#[cfg(not(unix))]
pub(crate) fn raise_open_files() {}

/// Nothing to switch off here.
#[cfg(not(unix))]
pub(crate) fn keep_memory_private() {}
