//! What is done in each scenario. A run starts a server of its own on the scenario's store, and ends with it.

mod backlog;
mod paced;
mod registered;
mod saturation;
mod start;
mod trouble;

use std::time::Duration;

use super::figures::{self, Run};
use super::publisher::{Form, Marks, Publisher};
use super::scale::Scale;
use super::scenario::Scenario;
use super::server::Server;
use super::sink_process::Sink;
use super::stage::{Given, Stage};
use super::tally::Tally;
use super::told::Told;
use super::usage::Usage;
use crate::failure::Outcome;

/// How long nothing may arrive before the rest counts as missing.
const PATIENCE: Duration = Duration::from_secs(10);

/// What every scenario works with.
pub(super) struct Bench {
    pub(super) scale: Scale,
    pub(super) runs: usize,
    pub(super) given: Option<Given>,
    pub(super) sink: Sink,
    pub(super) marks: Marks,
}

impl Bench {
    /// All runs of a scenario.
    pub(super) async fn run(&mut self, scenario: Scenario) -> Outcome<Vec<Run>> {
        let scale = self.scale;
        let batches = Form::Batch(scale.batch);
        match scenario {
            Scenario::Start => start::run(self).await,
            Scenario::Single64 => saturation::run(self, Form::Single, 64, 1, 1).await,
            Scenario::Single256 => saturation::run(self, Form::Single, 256, 1, 1).await,
            Scenario::Batches => saturation::run(self, batches, saturation::BATCHES_AT_ONCE, 1, 1).await,
            Scenario::Accounts10k => self.over_accounts(scale.many_accounts, 1).await,
            Scenario::Accounts10kAuthorities => {
                self.over_accounts(scale.many_accounts, scale.authorities).await
            }
            Scenario::Accounts1m => self.over_accounts(scale.most_accounts, 1).await,
            Scenario::Accounts1mAuthorities => {
                self.over_accounts(scale.most_accounts, scale.authorities).await
            }
            Scenario::Pace100 => paced::run(self, 100).await,
            Scenario::Pace500 => paced::run(self, 500).await,
            Scenario::Pace2000 => paced::run(self, 2000).await,
            Scenario::Pace5000 => paced::run(self, 5000).await,
            Scenario::Trouble => trouble::run(self).await,
            Scenario::Backlog => backlog::run(self).await,
            Scenario::Registered => registered::run(self).await,
        }
    }

    async fn over_accounts(&mut self, accounts: u64, authorities: usize) -> Outcome<Vec<Run>> {
        let form = Form::Batch(self.scale.batch);
        saturation::run(self, form, saturation::BATCHES_AT_ONCE, accounts, authorities).await
    }

    /// A store with that many accounts, whose good endpoints are spread over that many authorities.
    async fn stage(&self, accounts: u64, authorities: usize) -> Outcome<Stage> {
        let stage = Stage::set(self.given.as_ref()).await?;
        stage.register(0..accounts, |number| self.sink.url(number, authorities, "good")).await?;
        Ok(stage)
    }

    /// What publishes to this server.
    async fn publisher(
        &self,
        server: &Server,
        stage: &Stage,
        form: Form,
        accounts: u64,
    ) -> Outcome<Publisher> {
        let token = server.token(&stage.secrets).await?.into();
        let servers = server.addresses().into();
        Ok(Publisher { servers, token, accounts, form, marks: self.marks.clone() })
    }

    /// A little load before what is measured, to its end.
    async fn warm_up(&mut self, publisher: &Publisher, connections: usize) -> Outcome {
        let published = publisher.closed_loop(connections, self.scale.warm_up).await?;
        let accepted = published.iter().map(|published| published.messages).sum();
        self.sink.wait_for(accepted, PATIENCE).await?;
        self.sink.take().await?;
        Ok(())
    }
}

/// What the three processes have used by now.
#[derive(Clone, Copy)]
struct Used {
    server: Option<Usage>,
    load: Option<Usage>,
    sink: Option<Usage>,
}

impl Used {
    fn now(server: &Server, sink: &Sink) -> Self {
        Self { server: server.usage(), load: Usage::of_this_process(), sink: sink.usage() }
    }
}

/// Notes how many callbacks a second there were, and how many requests the bare sender made right before.
fn note_rate(run: &mut Run, callbacks: f64, bound: f64) {
    run.note(figures::CALLBACKS, callbacks);
    run.note(figures::BOUND, bound);
    run.note(figures::RATIO, callbacks / bound);
}

/// Notes whether everything arrived.
fn note_accounting(run: &mut Run, tally: &Tally) {
    run.note(figures::ACCEPTED, tally.accepted as f64);
    run.note(figures::DELIVERED, tally.delivered as f64);
    run.note(figures::MISSING, (tally.accepted - tally.delivered) as f64);
    run.note(figures::REPEATED, tally.repeated as f64);
}

/// Notes what the processes used between two moments for so many callbacks.
fn note_usage(run: &mut Run, before: Used, after: Used, delivered: u64) {
    let per_1000 = |before: Option<Usage>, after: Option<Usage>| {
        Some((after?.cpu - before?.cpu) * 1000.0 / delivered.max(1) as f64)
    };
    run.note_if(figures::SERVER_CPU, per_1000(before.server, after.server));
    run.note_if(figures::LOAD_CPU, per_1000(before.load, after.load));
    run.note_if(figures::SINK_CPU, per_1000(before.sink, after.sink));
    let written = before.server.and_then(|used| used.written).zip(after.server.and_then(|used| used.written));
    run.note_if(figures::WRITTEN, written.map(|(from, to)| (to - from) as f64 / delivered.max(1) as f64));
    run.note_if(figures::RESIDENT, after.server.map(|used| used.resident));
    run.note_if(figures::PEAK, after.server.map(|used| used.peak));
}

/// Notes what the server told of what it did for so many callbacks.
fn note_told(run: &mut Run, told: &Told, delivered: u64) {
    run.note(figures::COMMITS, told.commits * 1000.0 / delivered.max(1) as f64);
    if let Some(hand_off) = told.hand_off() {
        run.note(figures::HAND_OFF_P50, hand_off.p50);
        run.note(figures::HAND_OFF_P99, hand_off.p99);
        run.note(figures::HAND_OFF_P999, hand_off.p999);
    }
}

/// Notes the latencies that are seen from outside.
fn note_latencies(run: &mut Run, tally: &Tally) {
    let (accept, whole) = (tally.accept(), tally.whole());
    for (figure, value) in [
        (figures::ACCEPT_P50, accept.p50),
        (figures::ACCEPT_P99, accept.p99),
        (figures::ACCEPT_P999, accept.p999),
        (figures::WHOLE_P50, whole.p50),
        (figures::WHOLE_P99, whole.p99),
        (figures::WHOLE_P999, whole.p999),
    ] {
        run.note(figure, value);
    }
}
