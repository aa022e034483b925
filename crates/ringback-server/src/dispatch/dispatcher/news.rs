//! What the store's commits told: it is heard before any answer is acted on.

use std::time::Instant;

use ringback_delivery::Timestamp;

use super::super::inbox::{Arrived, News};
use super::Running;

impl Running {
    /// Takes a message in that was committed then.
    fn arrived(&mut self, now: Timestamp, committed: Instant, message: Arrived) {
        let Arrived { account, waiting, lane, content } = message;
        let position = waiting.position;
        let heard = self.engine.accepted(now, account, waiting, lane.as_deref());
        if let Some(lane) = lane.filter(|_| heard.lane_began) {
            self.events_seen.loaded(account, &lane.record);
        }
        // Behind a lane that is behind itself it is read ahead when its turn comes.
        if let Some(content) = content.filter(|_| heard.goes_soon) {
            self.bodies.keep_fresh(position, content, committed);
        }
    }

    /// Takes a message in that another node accepted, some time ago.
    fn brought(&mut self, now: Timestamp, message: Arrived) {
        let Arrived { account, waiting, content, .. } = message;
        let heard = self.engine.accepted(now, account, waiting, None);
        if let Some(content) = content.filter(|_| heard.goes_soon) {
            self.bodies.keep_ahead([(waiting.position, content)]);
        }
    }

    /// Takes the news of the store's commits.
    pub(super) fn hear(&mut self) {
        let now = self.clock.now();
        let (news, overflowed) = self.inbox.take();
        for news in news {
            match news {
                News::Standing(account, standing) if self.owns(account) => {
                    self.engine.standing_changed(now, account, standing);
                }
                News::Accepted(committed, messages) => {
                    self.watch.heard(committed.elapsed());
                    for message in messages {
                        if self.owns(message.account) {
                            self.arrived(now, committed, message);
                        }
                    }
                }
                News::Brought(told, messages) => {
                    self.watch.heard(told.elapsed());
                    for message in messages {
                        if self.owns(message.account) {
                            self.brought(now, message);
                        }
                    }
                }
                News::Reaches(told, accounts) => {
                    self.watch.heard(told.elapsed());
                    for (account, through) in accounts {
                        if self.owns(account) {
                            self.engine.reaches(now, account, through);
                        }
                    }
                }
                News::Missed(told, accounts) => {
                    self.watch.heard(told.elapsed());
                    for account in accounts {
                        if self.owns(account) {
                            self.engine.discovered(now, account);
                        }
                    }
                }
                News::Gained(leases) => self.gained(&leases),
                News::Lost(leases) => self.lost(&self.still(&leases)),
                // Another node's account: its lane is there. What drains is looked at in each step.
                News::Standing(..) | News::Drain => {}
            }
        }
        if overflowed {
            self.to_look_in.extend(self.ownership.held());
        }
    }
}
