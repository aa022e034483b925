//! The bookkeeping of gaps, without a clock.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use ringback_listener::{Gap, GapDetector, GapSettings};

use crate::cast::ACCOUNT;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn all_due(detector: &mut GapDetector, seconds: u64) -> Vec<(u64, u64)> {
    std::iter::from_fn(|| detector.due(at(seconds))).map(|gap| (gap.first, gap.last)).collect()
}

#[test]
fn a_short_gap_is_normal_and_one_of_a_minute_is_told_once() {
    let mut detector = GapDetector::default();
    assert!(!detector.came(ACCOUNT, 1, at(0)));
    assert!(detector.came(ACCOUNT, 5, at(0)));
    assert_eq!(detector.next_due(), Some(at(60)));
    assert!(!detector.came(ACCOUNT, 3, at(59)));
    assert_eq!(all_due(&mut detector, 59), []);
    assert_eq!(all_due(&mut detector, 60), [(2, 2), (4, 4)]);
    assert_eq!(all_due(&mut detector, 600), []);
    assert_eq!(detector.next_due(), None);
    assert_eq!(detector.position(ACCOUNT), Some(1));
    detector.came(ACCOUNT, 2, at(601));
    assert_eq!(detector.position(ACCOUNT), Some(3));
    detector.settle(ACCOUNT, 4, 4, at(601));
    assert_eq!(detector.position(ACCOUNT), Some(5));
}

#[test]
fn a_gap_that_is_filled_in_time_is_not_told() {
    let mut detector = GapDetector::default();
    for (second, sequence) in [1, 4, 3, 2].into_iter().enumerate() {
        detector.came(ACCOUNT, sequence, at(second as u64));
    }
    assert_eq!(all_due(&mut detector, 600), []);
    assert_eq!(detector.position(ACCOUNT), Some(4));
}

#[test]
fn an_account_begins_with_its_first_number_or_where_it_was_left() {
    let mut detector = GapDetector::default();
    assert_eq!(detector.position(ACCOUNT), None);
    detector.came(ACCOUNT, 7, at(0));
    detector.came(ACCOUNT, 3, at(0));
    assert_eq!(all_due(&mut detector, 600), []);
    assert!(!detector.resume(ACCOUNT, 3), "it is known already");
    let mut detector = GapDetector::default();
    assert!(detector.resume(ACCOUNT, 3));
    detector.came(ACCOUNT, 7, at(0));
    assert_eq!(all_due(&mut detector, 60), [(4, 6)]);
    detector.forget(ACCOUNT);
    detector.came(ACCOUNT, 1, at(61));
    assert_eq!(detector.position(ACCOUNT), Some(1));
}

#[test]
fn accounts_are_apart_and_bounded() {
    let mut detector = GapDetector::new(GapSettings { max_accounts: 2, ..GapSettings::default() });
    for account in ["a", "b", "c"] {
        detector.came(account, 1, at(0));
        detector.came(account, 3, at(1));
    }
    let gap = |account: &str| Gap { account: account.into(), first: 2, last: 2 };
    assert_eq!(
        [detector.due(at(61)), detector.due(at(61)), detector.due(at(61))],
        [Some(gap("a")), Some(gap("b")), None]
    );
    assert_eq!(detector.position("c"), None);
}

#[test]
fn beyond_their_bound_the_lowest_gaps_are_told_as_one() {
    let mut detector = GapDetector::new(GapSettings { max_gaps: 2, ..GapSettings::default() });
    for (second, sequence) in [1, 3, 5, 7, 9].into_iter().enumerate() {
        detector.came(ACCOUNT, sequence, at(second as u64));
    }
    assert_eq!(all_due(&mut detector, 60), []);
    assert_eq!(all_due(&mut detector, 61), [(2, 6)]);
    assert_eq!(all_due(&mut detector, 64), [(8, 8)]);
}

#[test]
fn a_gap_that_is_joined_to_one_that_was_told_is_told_in_its_own_time_however_many_follow() {
    let mut detector = GapDetector::new(GapSettings { max_gaps: 1, ..GapSettings::default() });
    detector.came(ACCOUNT, 1, at(0));
    detector.came(ACCOUNT, 3, at(0));
    assert_eq!(all_due(&mut detector, 60), [(2, 2)]);
    for later in 0..200 {
        detector.came(ACCOUNT, 5 + 2 * later, at(61) + Duration::from_millis(later));
    }
    assert_eq!(all_due(&mut detector, 120), []);
    assert_eq!(all_due(&mut detector, 121), [(2, 402)]);
}

#[test]
fn the_highest_number_there_is_does_no_harm() {
    let mut detector = GapDetector::default();
    detector.came(ACCOUNT, 1, at(0));
    detector.came(ACCOUNT, u64::MAX, at(0));
    detector.came(ACCOUNT, 2, at(0));
    detector.came(ACCOUNT, u64::MAX, at(0));
    detector.settle(ACCOUNT, 4, u64::MAX, at(0));
    assert_eq!(all_due(&mut detector, 60), [(3, 3)]);
    assert!(!detector.came(ACCOUNT, 0, at(60)));
    assert!(!detector.settle(ACCOUNT, 3, 2, at(60)));
}

proptest! {
    /// With bounds that are not reached: exactly what is below the highest number and did not come is told, each number once.
    #[test]
    fn what_is_told_is_what_did_not_come(steps in proptest::collection::vec((1_u64..60, 1_u64..4, 0_u64..20), 1..80)) {
        let mut detector = GapDetector::default();
        detector.resume(ACCOUNT, 0);
        let (mut came, mut told, mut now, mut highest) = (BTreeSet::new(), BTreeSet::new(), 0, 0);
        for (first, count, later) in steps {
            now += later;
            let last = first + count - 1;
            detector.settle(ACCOUNT, first, last, at(now));
            came.extend(first..=last);
            highest = highest.max(last);
            let missing = (1..=highest).find(|number| !came.contains(number));
            prop_assert_eq!(detector.position(ACCOUNT), Some(missing.map_or(highest, |number| number - 1)));
            for (first, last) in all_due(&mut detector, now) {
                for number in first..=last {
                    prop_assert!(!came.contains(&number), "{} came", number);
                    prop_assert!(told.insert(number), "{} was told before", number);
                }
            }
        }
        for (first, last) in all_due(&mut detector, now + 60) {
            told.extend(first..=last);
        }
        let missing: BTreeSet<u64> = (1..=highest).filter(|number| !came.contains(number)).collect();
        prop_assert!(missing.is_subset(&told), "{:?} not told", missing.difference(&told));
    }

    /// With a bound that is reached: whatever did not come is told all the same.
    #[test]
    fn a_bound_hides_nothing(
        numbers in proptest::collection::vec((1_u64..200, 0_u64..3), 1..200),
        max_gaps in 1_usize..5,
        asks in any::<bool>(),
    ) {
        let mut detector = GapDetector::new(GapSettings { max_gaps, ..GapSettings::default() });
        detector.resume(ACCOUNT, 0);
        let (mut came, mut told, mut now) = (BTreeSet::new(), BTreeSet::new(), 0);
        for (number, later) in numbers {
            now += later;
            detector.came(ACCOUNT, number, at(now));
            came.insert(number);
            if asks {
                told.extend(all_due(&mut detector, now).into_iter().flat_map(|(first, last)| first..=last));
            }
        }
        told.extend(all_due(&mut detector, now + 60).into_iter().flat_map(|(first, last)| first..=last));
        for number in 1..came.last().copied().unwrap_or(0) {
            prop_assert!(came.contains(&number) || told.contains(&number), "{} not told", number);
        }
    }
}
