//! What a process has used: CPU, memory, bytes written. Linux tells it in `/proc`; elsewhere there are no such figures.

use std::fs;

/// What one process has used so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Usage {
    /// User and system time, in seconds, of all its threads.
    pub(super) cpu: f64,
    /// Resident memory now, in MiB.
    pub(super) resident: f64,
    /// The most that it was.
    pub(super) peak: f64,
    /// Bytes that it had written to storage; none where we may not know.
    pub(super) written: Option<u64>,
}

impl Usage {
    /// Of a process.
    pub(super) fn of(pid: u32) -> Option<Self> {
        Self::under(&format!("/proc/{pid}"))
    }

    /// Of this one.
    pub(super) fn of_this_process() -> Option<Self> {
        Self::under("/proc/self")
    }

    /// Of two processes together.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            resident: self.resident + other.resident,
            peak: self.peak + other.peak,
            written: self.written.zip(other.written).map(|(one, other)| one + other),
        }
    }

    fn under(place: &str) -> Option<Self> {
        let stat = fs::read_to_string(format!("{place}/stat")).ok()?;
        let status = fs::read_to_string(format!("{place}/status")).ok()?;
        let io = fs::read_to_string(format!("{place}/io")).ok();
        Some(Self {
            cpu: cpu_ticks(&stat)? as f64 / rustix::param::clock_ticks_per_second() as f64,
            resident: field(&status, "VmRSS:")? as f64 / 1024.0,
            peak: field(&status, "VmHWM:")? as f64 / 1024.0,
            written: io.as_deref().and_then(|io| field(io, "write_bytes:")),
        })
    }
}

/// User and system time. Before them stands the program's name, in which anything may be, and eleven fields.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11).map(|ticks| ticks.parse::<u64>().ok());
    Some(times.next()?? + times.next()??)
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read_whatever_the_program_is_called() {
        let stat = "7 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 4 0";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(field("VmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n", "VmRSS:"), Some(1024));
        assert_eq!(field("VmHWM:\t  2048 kB\n", "VmRSS:"), None);
    }
}
