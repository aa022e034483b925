//! `ringback bench`.

use std::path::PathBuf;

use clap::Args;

use crate::bench::Scenario;

/// Measure Ringback on this machine, this disk and this store.
///
/// A real server runs as a child, with the defaults of production, and sends to a sink on this machine; beside it a bare
/// sender without a store is measured, as the bound. Without --store each scenario has a database of its own in a new
/// folder in the working directory, which goes when it is done: run it on the disk that you mean. All scenarios together
/// take about half an hour for one run, and up to 8 GiB.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringback bench --scenario single-256,batches --runs 5
  ringback bench --store postgres://ringback@db.example/bench --key-file bench.key --json > bench.json
  ringback bench --store postgres://ringback@db.example/bench --key-file bench.key --nodes 2 --scenario batches")]
pub(crate) struct BenchArgs {
    /// An empty store to measure on, such as sqlite:PATH; it is left as it is afterwards.
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// The file of that store's sealing key; RINGBACK_KEY gives the key itself.
    #[arg(long, value_name = "FILE", requires = "store")]
    pub(crate) key_file: Option<PathBuf>,
    /// So many servers on that store, each published to by its part of the connections.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16), requires = "store")]
    pub(crate) nodes: u8,
    /// What to measure [default: everything].
    #[arg(long, value_name = "NAME", value_enum, value_delimiter = ',')]
    pub(crate) scenario: Vec<Scenario>,
    /// How often; figures are the median, with the spread.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = runs)]
    pub(crate) runs: usize,
    /// Only see whether it works: everything small and short. Its figures mean nothing.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Draw a chart of it.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The benchmark's endpoint, which it starts itself.
///
/// It prints its ports and answers on them until its stdin ends.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringback bench-sink 1")]
pub(crate) struct SinkArgs {
    /// How many ports to listen on.
    pub(crate) ports: usize,
}

fn runs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(runs @ 1..=99) => Ok(runs),
        _ => Err("a number from 1 to 99".to_owned()),
    }
}
