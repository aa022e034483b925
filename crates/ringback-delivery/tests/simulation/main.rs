//! The engine in a simulated world: store, network, clock, crashes, several nodes, all from one seed.
//!
//! The cast: a [`world::World`] plays what a [`scene::Scene`] says; [`node::Node`]s drive the engine as the real
//! dispatcher does ([`driver`], [`cluster`]); [`store::Store`] is the store's documentation as a program; and a
//! [`witness::Witness`] compares all that happens with the promises ([`promises`]), each of which is a function there.
//!
//! A failure names its seed, and tells the last events. To see it again: `SEED=n cargo test -p ringback-delivery --test
//! simulation`. `SEEDS=n` runs another number of seeds, `FROM=n` starts elsewhere, `STEPS=n` makes them
//! longer, `TOLD=n` tells more events, and `SURVEY=1` goes on after a failure and counts what broke.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod actions;
mod cluster;
mod driver;
mod endpoint;
mod lane_view;
mod node;
mod promises;
mod random;
mod scene;
mod store;
mod stories;
mod witness;
mod world;

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use random::Random;
use scene::Scene;
use world::{Event, World};

const SEEDS: u64 = 800;
const STEPS: u64 = 3_000;
/// How many times as many steps two nodes get.
const CLUSTER: u64 = 5;

/// A number from the environment.
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What a seed came to.
#[derive(Default)]
struct Tally {
    steps: u64,
    arrivals: u64,
    duplicates: u64,
    replayed: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.arrivals += other.arrivals;
        self.duplicates += other.duplicates;
        self.replayed += other.replayed;
    }
}

#[test]
fn the_promises_hold_in_every_seed() {
    let steps = variable("STEPS").unwrap_or(STEPS);
    if let Some(seed) = variable("SEED") {
        play(seed, steps, true);
        return;
    }
    let from = variable("FROM").unwrap_or(1);
    let seeds = variable("SEEDS").unwrap_or(SEEDS);
    let survey = variable("SURVEY").is_some();
    let mut all = Tally::default();
    let mut broken: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for seed in from..from + seeds {
        match catch_unwind(AssertUnwindSafe(|| play(seed, steps, false))) {
            Ok(tally) => all.add(&tally),
            Err(why) if survey => broken.entry(kind(why.as_ref())).or_default().push(seed),
            Err(_) => {
                let passed = seed - from;
                eprintln!(
                    "seed {seed} broke a promise, after {passed} seeds and {} steps. Once more:",
                    all.steps
                );
                play(seed, steps, true);
                panic!(
                    "seed {seed} broke a promise, but not the second time: the engine is not deterministic"
                );
            }
        }
    }
    println!(
        "{seeds} seeds, {} steps, {} attempts, {} of them duplicates, {} replays",
        all.steps, all.arrivals, all.duplicates, all.replayed
    );
    for (kind, seeds) in &broken {
        println!("{:>5} {kind} (first in seed {})", seeds.len(), seeds[0]);
    }
    assert!(broken.is_empty(), "promises were broken");
}

/// The start of a panic's message, without what differs from case to case.
fn kind(why: &(dyn Any + Send)) -> String {
    let text = why.downcast_ref::<String>().cloned();
    let text = text.or_else(|| why.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    let text = text.unwrap_or_default();
    text.split(|c: char| c == '{' || c.is_ascii_digit() && !text.starts_with("promise"))
        .next()
        .unwrap_or("")
        .chars()
        .take(90)
        .collect()
}

/// Tells the story when a promise breaks.
struct Teller<'a>(&'a mut World, u64);

impl Drop for Teller<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let story = self.0.story();
            if !story.is_empty() {
                eprintln!("{story}seed {}, step {}", self.1, self.0.steps);
            }
        }
    }
}

fn play(seed: u64, steps: u64, traced: bool) -> Tally {
    let mut random = Random::new(seed);
    let scene = Scene::of(&mut random);
    let mut world = World::new(scene, random, traced);
    let teller = Teller(&mut world, seed);
    let world = &mut *teller.0;
    for account in world.accounts() {
        if world.random.chance(850) {
            world.register(account);
        }
    }
    world.plan(Duration::ZERO, Event::Act);
    // Most steps of two nodes go into keeping in touch.
    let steps = if world.scene.nodes > 1 { steps * CLUSTER } else { steps };
    while world.steps < steps && world.step() {}
    world.calm_down();
    world.come_to_rest();
    Tally {
        steps: world.steps,
        arrivals: world.witness.arrivals,
        duplicates: world.witness.duplicates,
        replayed: world.store.replayed,
    }
}

impl World {
    /// Lets time run until nothing is left to do, and sees that nothing is.
    fn come_to_rest(&mut self) {
        let longest = self.scene.settings.retry.longest().max(self.scene.settings.retry_after_cap);
        // Who starts after the clock was set back reads due times of before.
        let patience = Duration::from_secs(900) + longest + self.set_back;
        let end = self.now.after(patience);
        // The longest wait between two probes, and time to work off what has gathered.
        self.run_for(Duration::from_secs(500));
        promises::one_what_can_go_has_gone(
            self.now,
            &self.store,
            |account, row| self.witness.due(account, row),
            |account| self.witness.succeeded_lately(self.now, account),
        );
        while self.now < end && self.store.accounts.values().any(|rows| !rows.pending.is_empty()) {
            self.run_for(Duration::from_secs(10));
        }
        promises::one_nothing_is_left(&self.store, patience);
        self.run_for(Duration::from_secs(30) + self.set_back);
        let before = self.witness.commands;
        self.run_for(Duration::from_secs(if self.scene.nodes > 1 { 60 } else { 24 * 3600 }));
        let idle = self.witness.commands - before;
        assert!(idle <= self.scene.accounts, "liveness: {idle} commands though nothing is left to do");
        promises::six_the_rows_agree_with_the_counters(&self.store);
        for node in &self.nodes {
            let engine = node.engine.as_ref().expect("every node is up again");
            promises::an_engine_at_rest_holds_nothing(engine, &self.scene.settings);
        }
    }
}
