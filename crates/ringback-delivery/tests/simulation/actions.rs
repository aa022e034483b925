//! What people and platforms do: publish, register, pause, replay, acknowledge; and what simply happens.

use std::time::Duration;

use ringback_delivery::{AccountId, Health, OrderingKey, Sequence};

use crate::node::News;
use crate::scene::GROUPS;
use crate::world::{Event, World};

impl World {
    /// Something that is picked by chance.
    pub(crate) fn act(&mut self) {
        if !self.stormy {
            return;
        }
        // A day without an event costs a step; two nodes that keep in touch for a day cost a million.
        let wait = match (self.scene.nodes, self.random.below(100)) {
            (_, 0..60) => self.random.millis(0, 150),
            (2.., 60..97) => self.random.millis(0, 5_000),
            (2.., _) => self.random.millis(0, 90_000),
            (_, 60..90) => self.random.millis(0, 20_000),
            (_, 90..98) => self.random.millis(0, 400_000),
            _ => self.random.millis(0, 12 * 3_600_000),
        };
        self.plan(wait, Event::Act);
        let account = self.some_account();
        match self.random.below(100) {
            0..45 => self.publish(),
            45..60 => self.change_endpoint(account),
            60..66 => self.register(account),
            66..68 => self.deregister(account),
            68..69 => self.waver(account),
            69..72 => self.pause(account),
            72..76 => self.resume(account),
            76..79 => self.release(account),
            79..86 => self.replay_some(account),
            86..89 => self.acknowledge_some(account),
            89..92 => {
                let enabled = self.random.chance(500);
                self.set_pull(account, enabled);
            }
            92..95 => self.poison_next(account),
            _ => self.strike(),
        }
    }

    pub(crate) fn some_account(&mut self) -> AccountId {
        let number = self.random.between(1, self.scene.accounts);
        AccountId::from_number(number).expect("it is small")
    }

    pub(crate) fn accounts(&self) -> Vec<AccountId> {
        self.store.accounts.keys().copied().collect()
    }

    fn publish(&mut self) {
        let messages = self.random.between(1, self.scene.burst);
        let one = self.random.chance(500).then(|| self.some_account());
        for _ in 0..messages {
            let account = one.unwrap_or_else(|| self.some_account());
            let keyed = self.random.chance(800);
            let key = keyed.then(|| OrderingKey(self.random.between(1, self.scene.keys) as i64));
            if self.happens(self.scene.poison) {
                self.poison_next(account);
            }
            self.accept(account, key);
        }
    }

    /// Accepts one message, and tells the engines.
    pub(crate) fn accept(&mut self, account: AccountId, key: Option<OrderingKey>) {
        let lane = self.store.empty_lane(account).filter(|_| self.scene.lanes_told);
        let Some(waiting) = self.store.accept(self.now, account, key) else { return };
        self.witness.excuse(account);
        self.tell(|| format!("accepted for {account}: {:?} with {key:?}", waiting.turn));
        self.spread(account, &News::Accepted(account, waiting, lane));
    }

    /// The standing changed: tells the engine. In a cluster the change cursor does that.
    fn stood(&mut self, account: AccountId, what: &str) {
        let rows = self.store.account(account);
        let (version, standing) = (rows.version, rows.standing);
        self.tell(|| format!("{what} {account}: {standing:?}"));
        if self.scene.nodes == 1 {
            self.spread(account, &News::Standing(account, version, standing));
        }
    }

    fn spread(&mut self, account: AccountId, news: &News) {
        for node in 0..self.nodes.len() {
            if !self.happens(self.scene.news_lost) {
                self.send_news(node, news.clone());
            } else if self.scene.nodes == 1 {
                self.send_news(node, News::Lost(account));
            } else if let News::Accepted(_, waiting, _) = news {
                // As of what another node took in.
                self.send_news(node, News::Reaches(account, waiting.turn));
            }
        }
    }

    pub(crate) fn register(&mut self, account: AccountId) {
        self.store.register(account);
        self.stood(account, "registered");
    }

    pub(crate) fn deregister(&mut self, account: AccountId) {
        self.store.deregister(account);
        self.witness.deregistered(self.now, account);
        self.stood(account, "deregistered");
    }

    /// Someone can't make up their mind, within moments.
    fn waver(&mut self, account: AccountId) {
        for _ in 0..self.random.between(1, 4) {
            self.deregister(account);
            self.run_for_moments();
            self.register(account);
            for _ in 0..self.random.between(1, 4) {
                self.accept(account, None);
            }
            self.run_for_moments();
        }
        self.deregister(account);
    }

    fn run_for_moments(&mut self) {
        let span = self.random.millis(0, 12);
        self.run_for(span);
    }

    pub(crate) fn pause(&mut self, account: AccountId) {
        self.store.pause(self.now, account);
        self.stood(account, "paused");
    }

    pub(crate) fn resume(&mut self, account: AccountId) {
        self.store.resume(self.now, account);
        self.stood(account, "resumed");
    }

    pub(crate) fn release(&mut self, account: AccountId) {
        self.store.release(account);
        self.stood(account, "released");
    }

    pub(crate) fn set_pull(&mut self, account: AccountId, enabled: bool) {
        self.store.set_pull(account, enabled);
        self.stood(account, "pull set");
    }

    fn some_sequence(&mut self, account: AccountId) -> Option<Sequence> {
        let last = self.store.account(account).standing.last_sequence.0;
        (last > 0).then(|| Sequence(self.random.between(last.saturating_sub(30).max(1), last)))
    }

    fn replay_some(&mut self, account: AccountId) {
        for _ in 0..self.random.between(1, 3) {
            let Some(sequence) = self.some_sequence(account) else { return };
            if self.store.replay(self.now, account, sequence) {
                self.witness.excuse(account);
                self.stood(account, "replayed");
            }
        }
    }

    fn acknowledge_some(&mut self, account: AccountId) {
        let Some(through) = self.some_sequence(account) else { return };
        self.store.acknowledge(account, through);
        self.stood(account, "acknowledged");
    }

    fn change_endpoint(&mut self, account: AccountId) {
        let trouble = self.scene.trouble;
        let Some(endpoint) = self.endpoints.get_mut(&account) else { return };
        endpoint.change(&mut self.random, trouble);
        let behaviour = endpoint.behaviour;
        self.tell(|| format!("{account}'s endpoint: {behaviour:?}"));
    }

    fn poison_next(&mut self, account: AccountId) {
        let next = self.store.account(account).standing.last_sequence.0 + 1;
        let Some(endpoint) = self.endpoints.get_mut(&account) else { return };
        endpoint.poison(&mut self.random, Sequence(next));
    }

    fn strike(&mut self) {
        if !self.random.chance(self.scene.disasters * 10) {
            return;
        }
        let node = self.random.below(self.nodes.len() as u64) as usize;
        if self.nodes[node].engine.is_none() {
            return;
        }
        match self.random.below(4) {
            0 | 1 => self.crash(node),
            2 => self.freeze(node),
            _ if self.scene.nodes > 1 => {
                let group = self.random.below(GROUPS as u64) as usize;
                self.give_back(node, group);
            }
            _ => self.set_back_some(),
        }
    }

    /// As where a clock is put right that was ahead; by more than the server takes for a small correction.
    fn set_back_some(&mut self) {
        let by = self.random.millis(60_001, 3 * 3_600_000);
        self.set_clock_back(by);
    }

    // ---- All is well again ---------------------------------------------------------------------------------------

    /// Ends all trouble, and lets what is broken come back.
    pub(crate) fn calm_down(&mut self) {
        self.stormy = false;
        for endpoint in self.endpoints.values_mut() {
            *endpoint = crate::endpoint::Endpoint::new();
        }
        if self.scene.nodes == 1 && self.random.chance(200) {
            self.set_back_some();
        }
        self.run_for(Duration::from_secs(150));
        let all = self.random.chance(250) || (self.scene.nodes > 1 && !self.short_schedule());
        self.tell(|| format!("all is well again; everything is released: {all}"));
        for account in self.accounts() {
            let rows = self.store.account(account);
            let suspended = matches!(rows.record.health, Health::Suspended { .. });
            if all || !rows.standing.registered || suspended {
                self.register(account);
            }
            if all || self.store.account(account).standing.pause.since.is_some() {
                self.resume(account);
            }
        }
    }

    /// Whether the longest wait of a message is some minutes.
    fn short_schedule(&self) -> bool {
        self.scene.settings.retry.longest() < Duration::from_secs(900)
    }

    pub(crate) fn run_for(&mut self, span: Duration) {
        // A clock that is set back meanwhile does not make it longer.
        let end = self.now.after(self.set_back).after(span);
        while self.next_at().is_some_and(|at| at.after(self.set_back) <= end) {
            self.step();
        }
        self.now = end.before(self.set_back);
    }
}
