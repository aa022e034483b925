//! `ringback bench`: what this machine, this disk and this store make of Ringback.
//!
//! The cast: the [`sink`] is an endpoint as thin as can be, in a process of its own; the [`bare`] sender tells what HTTP
//! alone would allow, the [`disk`] what a commit costs, and the bare [`acceptor`] both together at a pace; the [`server`] is a real `ringback serve`, a child, or several
//! ([`node`]), on the [`stage`]'s store; the [`publisher`] is the load. What was published and what arrived meet in the [`tally`].
//!
//! The promise: nothing is counted that did not arrive, and nothing is made easier than production: the server's own
//! defaults, every commit on stable storage, every callback signed, every outcome recorded.

mod acceptor;
mod alarm;
mod bare;
mod chart;
mod child;
mod clock;
mod disk;
mod exchange;
mod figures;
mod latency;
mod machine;
mod message;
mod node;
mod publisher;
mod report;
mod scale;
mod scenario;
mod scenarios;
mod server;
mod sink;
mod sink_process;
mod stage;
mod tally;
mod targets;
mod told;
mod usage;

use clap::ValueEnum as _;

use anyhow::anyhow;

use crate::args::bench::BenchArgs;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};
use crate::{output, process};
use figures::spreads;
use machine::Machine;
use publisher::Marks;
use report::{Report, Result};
use scale::Scale;
pub(crate) use scenario::Scenario;
use scenarios::Bench;
pub(crate) use sink_process::COMMAND as SINK_COMMAND;
use sink_process::Sink;
use stage::Given;

/// Runs every scenario that was asked for, and tells what came out.
pub(crate) async fn run(args: BenchArgs) -> Outcome {
    process::raise_open_files();
    if args.nodes > 1 && args.store.as_deref().is_some_and(|url| !url.starts_with("postgres")) {
        return Err(Failure::usage("--nodes: several servers can share a store of PostgreSQL only"));
    }
    let scale = if args.quick { Scale::quick() } else { Scale::full() };
    let given = args.store.clone().map(|url| Given {
        url,
        key_file: args.key_file.clone(),
        nodes: args.nodes.into(),
        stages: Default::default(),
    });
    let scenarios =
        if args.scenario.is_empty() { Scenario::value_variants().to_vec() } else { args.scenario.clone() };
    let mut bench = Bench {
        scale,
        runs: args.runs,
        given,
        sink: Sink::start(scale.authorities).await?,
        marks: Marks::default(),
    };
    let mut results = Vec::new();
    for scenario in scenarios {
        output::note(format_args!("{}: {}", scenario.name(), scenario.what()));
        let figures = spreads(&bench.run(scenario).await?);
        results.push(Result { scenario, figures });
    }
    // The URL of a store may hold a password.
    let store = args.store.as_deref().and_then(|url| url.split(':').next()).unwrap_or("sqlite").to_owned();
    let report =
        Report { machine: Machine::look(), store, nodes: args.nodes.into(), runs: args.runs, results };
    if let Some(path) = &args.svg {
        std::fs::write(path, chart::draw(&report))
            .map_err(|error| Failure::new(ExitCode::Store, anyhow!("{}: {error}", path.display())))?;
    }
    if args.json { output::say_json(&report.document()) } else { output::say(report.text()) }
}

/// Is the sink, until stdin ends.
pub(crate) async fn sink(ports: usize) -> Outcome {
    sink::run(ports).await
}
