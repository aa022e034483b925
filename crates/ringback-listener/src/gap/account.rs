//! One account's numbers: up to where they came, and which did not.

use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    last: u64,
    /// Since when it is missing.
    since: Duration,
    /// Whether it was told.
    told: bool,
}

#[derive(Debug)]
pub(super) struct Account {
    /// The highest number that came.
    highest: u64,
    /// What did not come below it, by the first number; the ranges don't touch each other.
    missing: BTreeMap<u64, Range>,
}

impl Account {
    /// One whose numbers all came, up to this one.
    pub(super) fn through(highest: u64) -> Self {
        Self { highest, missing: BTreeMap::new() }
    }

    /// Up to which number nothing is missing.
    pub(super) fn position(&self) -> u64 {
        self.missing.first_key_value().map_or(self.highest, |(first, _)| first - 1)
    }

    /// These numbers came, the last included. True if this opened a gap.
    pub(super) fn came(&mut self, first: u64, last: u64, now: Duration, max_gaps: usize) -> bool {
        self.fill(first, last);
        let mut opened = false;
        if last > self.highest {
            let next = self.highest + 1;
            self.highest = last;
            if first > next {
                self.missing.insert(next, Range { last: first - 1, since: now, told: false });
                opened = true;
            }
        }
        while self.missing.len() > max_gaps.max(1) {
            self.join_lowest();
        }
        opened
    }

    /// Takes numbers out of what is missing.
    fn fill(&mut self, first: u64, last: u64) {
        // The range that begins before, and what of it lies before and behind.
        if let Some((&start, &range)) = self.missing.range(..first).next_back()
            && range.last >= first
        {
            self.missing.insert(start, Range { last: first - 1, ..range });
            if range.last > last {
                self.missing.insert(last + 1, range);
                return;
            }
        }
        // Those that begin within, and what of the last lies behind.
        while let Some((&start, &range)) = self.missing.range(first..=last).next() {
            self.missing.remove(&start);
            if range.last > last {
                self.missing.insert(last + 1, range);
            }
        }
    }

    /// Makes one of the two lowest ranges: more is told than is missing, and nothing less.
    fn join_lowest(&mut self) {
        let Some((first, low)) = self.missing.pop_first() else { return };
        let Some((_, high)) = self.missing.pop_first() else { return };
        // Of two that wait to be told the older one's time counts, so that somebody waits for it.
        let (since, told) = match (low.told, high.told) {
            (true, false) => (high.since, false),
            (false, true) => (low.since, false),
            (_, told) => (low.since.min(high.since), told),
        };
        let joined = Range { last: high.last, since, told };
        self.missing.insert(first, joined);
    }

    /// The first range that is not told, and is missing since `since` or longer; it counts as told now.
    pub(super) fn tell(&mut self, since: Duration) -> Option<(u64, u64)> {
        let (first, range) =
            self.missing.iter_mut().find(|(_, range)| !range.told && range.since <= since)?;
        range.told = true;
        Some((*first, range.last))
    }

    /// Whether something is missing since just then, and not told.
    pub(super) fn waits_since(&self, since: Duration) -> bool {
        self.missing.values().any(|range| !range.told && range.since == since)
    }
}
