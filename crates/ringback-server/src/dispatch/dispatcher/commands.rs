//! What the engine decides is carried out, and what gathers is set going, so much at once.

use std::time::Instant;

use ringback_delivery::{Command, Start};
use ringback_store::Settled;

use super::{Event, Running};
use crate::dispatch::guarded::guarded;
use crate::dispatch::loads::Loader;

impl Running {
    /// Carries out all that the engine has decided; gives what is to begin once its body has been read.
    pub(super) fn carry_out(&mut self) -> Vec<Start> {
        let mut bodiless = Vec::new();
        while let Some(command) = self.engine.next_command() {
            match command {
                Command::Read(read) => self.loads.ask(read),
                Command::Start(start) => bodiless.extend(self.send_off(start)),
                Command::Settle(flight, settlement) => {
                    let attempt = flight.and_then(|flight| self.answers.remove(&flight));
                    self.recorder.settle(Settled { settlement, attempt });
                }
                Command::Keep(update) => self.recorder.keep(update),
                Command::Sweep(account, standing, under_way) => {
                    let (store, now) = (self.store.clone(), self.clock.now());
                    let trouble = self.trouble.clone();
                    self.spawn(async move {
                        let swept = guarded(store.sweep(now, account, standing, under_way)).await;
                        trouble.after(&swept).await;
                        Event::Swept(account, swept)
                    });
                }
                Command::Hasten(account) => {
                    let (store, now) = (self.store.clone(), self.clock.now());
                    let trouble = self.trouble.clone();
                    self.spawn(async move {
                        let hastened = guarded(store.hasten(now, account)).await;
                        trouble.after(&hastened).await;
                        Event::Hastened(account, hastened)
                    });
                }
                Command::Forget(account) => {
                    self.endpoints.forget(account);
                    self.events_seen.forgotten(account);
                }
            }
        }
        bodiless
    }

    /// Sets going what has gathered: reads of lanes, of bodies and of endpoints, and what is to be recorded.
    pub(super) fn set_going(&mut self, bodiless: Vec<Start>) {
        if let Some(reads) = self.loads.next() {
            let loader = self.loader();
            self.spawn(async move { Event::Loaded(loader.load(reads).await) });
        }
        if !bodiless.is_empty() {
            let store = self.store.clone();
            self.spawn(async move {
                let positions = bodiless.iter().map(|start| start.waiting.position).collect();
                let contents = guarded(store.contents(positions)).await;
                Event::Bodies(bodiless, contents)
            });
        }
        if let Some(starts) = self.unaddressed.next() {
            let loader = self.loader();
            self.spawn(async move { Event::Addressed(loader.address(starts).await) });
        }
        if let Some(batch) = self.recorder.next(&self.ownership, Instant::now()) {
            let (store, clock, ownership) = (self.store.clone(), self.clock.clone(), self.ownership.clone());
            let (live, events) = (self.live.clone(), self.events_seen.clone());
            self.spawn(
                async move { Event::Recorded(batch.record(store, clock, live, events, ownership).await) },
            );
        }
    }

    fn loader(&self) -> Loader {
        Loader {
            store: self.store.clone(),
            endpoints: self.endpoints.clone(),
            bodies: self.bodies.clone(),
            clock: self.clock.clone(),
            signing: self.attempts.signing,
            trouble: self.trouble.clone(),
        }
    }
}
