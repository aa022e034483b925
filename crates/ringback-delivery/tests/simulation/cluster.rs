//! What nodes have to do with each other: leases, the change cursor, and what happens to those that stop.

use std::collections::BTreeMap;
use std::time::Duration;

use ringback_delivery::{AccountId, Standing, Timestamp};

use crate::endpoint::REQUEST_TIMEOUT;
use crate::node::Held;
use crate::scene::group;
use crate::world::{Event, NodeEvent, Who, World};

const TERM: Duration = Duration::from_secs(30);
const RENEW_EVERY: Duration = Duration::from_secs(5);
const CURSOR_EVERY: Duration = Duration::from_millis(250);
const CURSOR_LASTS: Duration = Duration::from_secs(1);
pub(crate) const STARTS_WITH_LEASE_LEFT: Duration = Duration::from_secs(REQUEST_TIMEOUT.as_secs() + 2);

impl World {
    /// The standing as a node may act on it now; none where it knows too little.
    pub(crate) fn standing_seen(&self, node: usize, account: AccountId) -> Option<Standing> {
        let standing = if self.scene.nodes == 1 {
            // A cell that the store updates before it answers.
            self.store.account(account).standing
        } else {
            let cursor = &self.nodes[node].cursor;
            cursor.read_at.filter(|at| self.now.since(*at) <= CURSOR_LASTS)?;
            cursor.seen.get(&account)?.1
        };
        Some(standing)
    }

    pub(crate) fn own(&mut self, node: usize, group: usize, token: u64, until: Timestamp) {
        let tenure = self.number();
        self.tell(|| format!("n{node} owns group {group} with token {token}"));
        self.nodes[node].held[group] = Some(Held { token, until, tenure });
        self.discover_group(node, group);
    }

    pub(crate) fn lose(&mut self, node: usize, lost: usize) {
        if self.nodes[node].held[lost].take().is_some() {
            self.tell(|| format!("n{node} lost group {lost}"));
            self.nodes[node].engine().lost(|account| group(account) == lost);
        }
    }

    /// Before anything else a node gives up what it holds no more.
    pub(crate) fn look_at_clock(&mut self, node: usize) {
        for group in 0..self.nodes[node].held.len() {
            if self.nodes[node].held[group].is_some_and(|held| held.until <= self.now) {
                self.lose(node, group);
            }
        }
    }

    // ---- Leases --------------------------------------------------------------------------------------------------

    pub(crate) fn renew(&mut self, node: usize) {
        self.plan_at_node(node, RENEW_EVERY, NodeEvent::Renew);
        let latency = self.store_latency();
        let (who, sent) = (self.who(node), self.now);
        let held = self.nodes[node].held.iter().enumerate();
        let held = held.filter_map(|(group, held)| Some((group, (*held)?.token))).collect();
        self.plan(latency, Event::RenewPoint(who, sent, held));
        let latency = self.store_latency();
        self.plan(latency, Event::ClaimPoint(who, sent));
    }

    pub(crate) fn renew_point(&mut self, who: Who, sent: Timestamp, held: &[(usize, u64)]) {
        if self.happens(self.scene.disasters * 4) {
            return;
        }
        let groups = self.store.renew(self.now, (who.node, who.life), held, TERM);
        let rest = self.random.millis(0, 3);
        self.plan(rest, Event::Node(who, NodeEvent::Renewed(sent, groups)));
    }

    pub(crate) fn renewed(&mut self, node: usize, sent: Timestamp, groups: &[(usize, u64)]) {
        for (group, token) in groups {
            match &mut self.nodes[node].held[*group] {
                Some(held) if held.token == *token => held.until = held.until.max(sent.after(TERM)),
                _ => {}
            }
        }
        // What it holds and the store did not renew is another's.
        for group in 0..self.nodes[node].held.len() {
            let held = self.nodes[node].held[group];
            if held
                .is_some_and(|held| !groups.contains(&(group, held.token)) && held.until < sent.after(TERM))
            {
                self.lose(node, group);
            }
        }
    }

    pub(crate) fn claim_point(&mut self, who: Who, sent: Timestamp) {
        if self.nodes[who.node].life != who.life || self.happens(self.scene.disasters * 4) {
            return;
        }
        let Some((group, token)) = self.store.claim(self.now, (who.node, who.life), TERM) else { return };
        let rest = self.random.millis(0, 3);
        self.plan(rest, Event::Node(who, NodeEvent::Claimed(sent, group, token)));
    }

    pub(crate) fn claimed(&mut self, node: usize, sent: Timestamp, group: usize, token: u64) {
        self.lose(node, group);
        let until = sent.after(TERM);
        if until > self.now {
            self.own(node, group, token, until);
        }
    }

    /// Gives a group back at once, as a node does that has more than its share.
    pub(crate) fn give_back(&mut self, node: usize, given: usize) {
        let this = &self.nodes[node];
        let flying = this.flights.values().any(|(start, _)| group(start.account) == given);
        if this.held[given].is_some() && !flying && this.recording.is_none() {
            self.lose(node, given);
            self.store.leases[given].owner = None;
        }
    }

    // ---- The change cursor ---------------------------------------------------------------------------------------

    pub(crate) fn read_cursor(&mut self, node: usize) {
        self.plan_at_node(node, CURSOR_EVERY, NodeEvent::ReadCursor);
        let latency = self.store_latency();
        self.plan(latency, Event::CursorPoint(self.who(node), self.now));
    }

    pub(crate) fn cursor_point(&mut self, who: Who, sent: Timestamp) {
        if self.happens(self.scene.reads_fail) {
            return;
        }
        let seen: BTreeMap<AccountId, (u64, Standing)> = self
            .store
            .accounts
            .iter()
            .map(|(account, rows)| (*account, (rows.version, rows.standing)))
            .collect();
        let rest = self.random.millis(0, 3);
        self.plan(rest, Event::Node(who, NodeEvent::Cursor(sent, seen)));
    }

    pub(crate) fn cursor_read(
        &mut self,
        node: usize,
        sent: Timestamp,
        seen: BTreeMap<AccountId, (u64, Standing)>,
    ) {
        if self.nodes[node].cursor.read_at.is_some_and(|at| at > sent) {
            return;
        }
        let now = self.now;
        let before = std::mem::replace(&mut self.nodes[node].cursor.seen, seen.clone());
        self.nodes[node].cursor.read_at = Some(sent);
        for (account, (version, standing)) in seen {
            let known = before.get(&account).map_or(0, |(version, _)| *version);
            if version > known && self.nodes[node].owns(account) {
                let tenure = self.nodes[node].tenure(account);
                self.witness.told(now, account, tenure, version, &standing);
                self.nodes[node].engine().standing_changed(now, account, standing);
            }
        }
        self.nodes[node].engine().pump(now);
    }

    // ---- Disasters -----------------------------------------------------------------------------------------------

    /// Kills a node, and starts it again after a while.
    pub(crate) fn crash(&mut self, node: usize) {
        self.tell(|| format!("n{node} crashes"));
        self.nodes[node].die();
        self.witness.cut_off(node);
        let down = if self.random.chance(800) {
            self.random.millis(5, 2_000)
        } else {
            self.random.millis(2_000, 90_000)
        };
        self.begin(node, down);
    }

    /// Stops a node for a while, which it does not notice.
    pub(crate) fn freeze(&mut self, node: usize) {
        let span = if self.random.chance(500) {
            self.random.millis(10, 5_000)
        } else {
            self.random.millis(5_000, 120_000)
        };
        self.tell(|| format!("n{node} stops for {span:?}"));
        if self.scene.nodes > 1 {
            // Another may take over while its requests wait for their answers to be read.
            self.witness.cut_off(node);
        }
        let until = self.now.after(span);
        self.nodes[node].frozen_until = self.nodes[node].frozen_until.max(until);
    }
}
