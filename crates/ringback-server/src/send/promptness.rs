//! How promptly an endpoint answers, and whether more connections to it would be of any use.
//!
//! An endpoint that is far away takes its time however few requests are open there: more connections are more answers. One
//! that is near, or whose answers this process can't read any faster, takes the longer for each the more there are. The two
//! are told apart by what the quickest answers of late have taken, in itself and beside what is usual. One that is near and
//! waits for something itself, now longer and now less, is taken for the second kind; [`super::idle`] bounds what that costs.

use std::time::Duration;

use tokio::time::Instant;

/// The quickest answer counts for this long at least, and until one comes after twice that. While an endpoint gets as much as it
/// can take none is quick, so it is long: what an endpoint can do when nothing waits there is slow to change.
const LATELY: Duration = Duration::from_mins(10);
/// Each answer makes this part of what is usual.
const PART: u32 = 16;
/// Who never answers within this is far away.
const NEAR: Duration = Duration::from_millis(1);
/// Where what is usual takes so many times what the quickest took, requests wait for one another.
const CROWDED: u32 = 4;

/// See the module.
#[derive(Default)]
pub(super) struct Promptness {
    usual: Option<Duration>,
    /// Of this time span, and of the one before.
    quickest: [Option<Duration>; 2],
    began: Option<Instant>,
}

impl Promptness {
    pub(super) fn answered_in(&mut self, took: Duration, now: Instant) {
        self.usual = Some(self.usual.map_or(took, |usual| usual - usual / PART + took / PART));
        let elapsed = self.began.map(|began| now.saturating_duration_since(began));
        if elapsed.is_none_or(|elapsed| elapsed >= LATELY) {
            let before = self.quickest[0].filter(|_| elapsed.is_some_and(|elapsed| elapsed < 2 * LATELY));
            self.quickest = [None, before];
            self.began = Some(now);
        }
        self.quickest[0] = Some(self.quickest[0].map_or(took, |quickest| quickest.min(took)));
    }

    #[cfg(test)]
    pub(super) fn has_answered(&self) -> bool {
        self.usual.is_some()
    }

    /// Whether its requests wait for one another.
    pub(super) fn is_crowded(&self) -> bool {
        let quickest = self.quickest.into_iter().flatten().min().filter(|quickest| *quickest <= NEAR);
        self.usual.zip(quickest).is_some_and(|(usual, quickest)| usual > CROWDED * quickest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers one after the other that took these times, in tenths of a millisecond.
    fn answers(promptness: &mut Promptness, now: Instant, took: impl IntoIterator<Item = u32>) {
        for took in took {
            promptness.answered_in(took * Duration::from_micros(100), now);
        }
    }

    #[test]
    fn nothing_is_known_of_an_endpoint_that_has_not_answered() {
        assert!(!Promptness::default().is_crowded());
    }

    #[test]
    fn one_that_is_far_away_is_not_crowded_nor_one_that_takes_much_the_same_each_time() {
        for took in [[11, 200], [4, 15]] {
            let mut promptness = Promptness::default();
            answers(&mut promptness, Instant::now(), took.into_iter().cycle().take(100));
            assert!(!promptness.is_crowded(), "{took:?}");
        }
    }

    #[test]
    fn one_that_takes_longer_than_it_must_is_crowded_until_it_no_longer_does() {
        let (mut promptness, now) = (Promptness::default(), Instant::now());
        answers(&mut promptness, now, [1, 1, 1]);
        answers(&mut promptness, now, [9; 50]);
        assert!(promptness.is_crowded());
        answers(&mut promptness, now, [2; 50]);
        assert!(!promptness.is_crowded());
    }

    #[test]
    fn what_was_quickest_is_forgotten_after_a_while() {
        let (mut promptness, began) = (Promptness::default(), Instant::now());
        answers(&mut promptness, began, [1]);
        answers(&mut promptness, began, [9; 50]);
        for (later, crowded) in [(1, true), (2, false)] {
            answers(&mut promptness, began + later * LATELY, [9; 50]);
            assert_eq!(promptness.is_crowded(), crowded, "after {later} spans");
        }
        answers(&mut promptness, began + 3 * LATELY, [2]);
        answers(&mut promptness, began + 6 * LATELY, [9; 50]);
        assert!(!promptness.is_crowded(), "nothing was answered for a long time");
    }
}
