//! The sink, from outside.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;

use super::child::Child;
use super::exchange::Exchange;
use super::usage::Usage;
use crate::failure::Outcome;

/// The hidden command that is the sink.
pub(crate) const COMMAND: &str = "bench-sink";
/// How often it is asked how far it is.
const LOOK: Duration = Duration::from_millis(5);

/// One arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) mark: u64,
    /// In nanoseconds of the shared clock.
    pub(super) at: u64,
}

/// The process, and a connection to it.
pub(super) struct Sink {
    child: Child,
    control: Exchange,
    ports: Vec<u16>,
}

impl Sink {
    /// Starts one that listens on so many ports.
    pub(super) async fn start(ports: usize) -> Outcome<Self> {
        let mut child = Child::start(&[COMMAND, &ports.to_string()])?;
        let line = child.line().await?;
        let ports: Vec<u16> = line.split(' ').filter_map(|port| port.parse().ok()).collect();
        let first = *ports.first().context("the sink has no port")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, first));
        let control = Exchange::connect(address).await.context("the sink can't be reached")?;
        Ok(Self { child, control, ports })
    }

    /// Its first address.
    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.first().copied().unwrap_or_default()))
    }

    /// A URL of the account with this number: at one of so many authorities, under this first part of the path.
    pub(super) fn url(&self, number: u64, authorities: usize, part: &str) -> String {
        let among = authorities.clamp(1, self.ports.len()) as u64;
        let port = self.ports[(number % among) as usize];
        format!("http://127.0.0.1:{port}/{part}")
    }

    /// How many arrivals there were since they were last taken.
    pub(super) async fn count(&mut self) -> Outcome<u64> {
        let answer = self.control.get("/count").await.context("the sink does not answer")?;
        let text = std::str::from_utf8(answer.body).context("the sink's count is none")?;
        Ok(text.parse().context("the sink's count is none")?)
    }

    /// Waits until so many have arrived, or none more for so long.
    pub(super) async fn wait_for(&mut self, wanted: u64, patience: Duration) -> Outcome {
        let mut last = (0, std::time::Instant::now());
        loop {
            let count = self.count().await?;
            if count >= wanted || (count == last.0 && last.1.elapsed() > patience) {
                return Ok(());
            }
            if count != last.0 {
                last = (count, std::time::Instant::now());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Takes the arrivals.
    pub(super) async fn take(&mut self) -> Outcome<Vec<Arrival>> {
        let answer = self.control.get("/take").await.context("the sink does not answer")?;
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
        let arrival = |pair: &[u8]| Arrival { mark: number(&pair[..8]), at: number(&pair[8..]) };
        Ok(answer.body.chunks_exact(16).map(arrival).collect())
    }

    /// What it has used.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.child.usage()
    }
}
