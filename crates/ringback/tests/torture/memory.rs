//! How much memory a process takes, as the system says.

use rustix::process::Pid;

/// In MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    /// In memory now.
    pub(crate) resident: u64,
    /// At most, since it began.
    pub(crate) peak: u64,
}

impl Memory {
    pub(crate) fn of(process: Pid) -> Self {
        let path = format!("/proc/{}/status", process.as_raw_nonzero());
        let status = std::fs::read_to_string(path).unwrap();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
            kib / 1024
        };
        Self { resident: of("VmRSS:"), peak: of("VmHWM:") }
    }
}
