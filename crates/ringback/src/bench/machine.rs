//! What it was measured on.

use std::fmt;
use std::fs;

use serde::Serialize;

/// The machine, as far as it tells.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Machine {
    cores: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    processor: Option<String>,
    #[serde(rename = "memoryMiB", skip_serializing_if = "Option::is_none")]
    memory: Option<u64>,
    system: &'static str,
}

impl Machine {
    /// This one.
    pub(super) fn look() -> Self {
        let told = |file: &str, name: &str| {
            let text = fs::read_to_string(file).ok()?;
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let kibibytes = told("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split(' ').next().and_then(|number| number.parse::<u64>().ok()));
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: told("/proc/cpuinfo", "model name"),
            memory: kibibytes.map(|kibibytes| kibibytes / 1024),
            system: std::env::consts::OS,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cores", self.cores)?;
        if let Some(processor) = &self.processor {
            write!(f, " of {processor}")?;
        }
        if let Some(memory) = self.memory {
            write!(f, ", {memory} MiB")?;
        }
        write!(f, ", {}", self.system)
    }
}
