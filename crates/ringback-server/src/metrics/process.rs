//! What the system says of this process, under the names that Prometheus' own libraries give it. Linux tells; elsewhere
//! they stay at nothing.

use prometheus::Gauge;

use super::instruments::Instruments;

pub(super) struct ProcessGauges {
    resident: Gauge,
    open_files: Gauge,
    most_files: Gauge,
    threads: Gauge,
}

impl ProcessGauges {
    pub(super) fn new(make: &Instruments<'_>) -> Self {
        Self {
            resident: make.gauge("process_resident_memory_bytes", "Memory of this process that is in RAM."),
            open_files: make.gauge("process_open_fds", "Files and connections that this process has open."),
            most_files: make.gauge("process_max_fds", "How many it may have open."),
            threads: make.gauge("process_threads", "Threads of this process."),
        }
    }

    /// Asks the system. Four small reads of files that are none.
    pub(super) fn look(&self) {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<f64>().ok()
        };
        self.resident.set(field("VmRSS:").map_or(0.0, |kibibytes| kibibytes * 1024.0));
        self.threads.set(field("Threads:").unwrap_or_default());
        let files = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        self.open_files.set(files as f64);
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let most = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
        let most = most.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        self.most_files.set(most.unwrap_or_default());
    }
}
