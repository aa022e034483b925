//! What a server tells of itself at `/metrics`: commits, and how long after its commit a message was answered for.
//!
//! The hand-off, from the commit to the arrival, is nothing that can be seen from outside: the 202 comes some time after
//! the commit. The server measures it to the *answer* of the first attempt, which is after the arrival, so what is told
//! here is never too short. As a percentile the upper bound of its bucket is given.

use super::latency::Percentiles;

const COMMITS: &str = "ringback_commit_duration_seconds_count ";
const FIRST_ANSWERS: &str = "ringback_first_answer_duration_seconds_bucket{le=\"";

/// The counters at one moment, or what they grew by.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Told {
    /// Transactions that the store committed.
    pub(super) commits: f64,
    /// Bounds of buckets in seconds, the last without end, and how many first answers took no longer.
    first_answers: Vec<(f64, f64)>,
}

impl Told {
    /// Reads them from the text format.
    pub(super) fn read(text: &str) -> Self {
        let commits = text.lines().find_map(|line| line.strip_prefix(COMMITS)?.trim().parse().ok());
        let bucket = |line: &str| {
            let (bound, count) = line.strip_prefix(FIRST_ANSWERS)?.split_once("\"} ")?;
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
            Some((bound, count.trim().parse().ok()?))
        };
        Self {
            commits: commits.unwrap_or_default(),
            first_answers: text.lines().filter_map(bucket).collect(),
        }
    }

    /// Of two servers together.
    pub(super) fn with(mut self, other: Self) -> Self {
        self.commits += other.commits;
        if self.first_answers.is_empty() {
            self.first_answers = other.first_answers;
        } else {
            // All have the same buckets.
            for ((_, count), (_, more)) in self.first_answers.iter_mut().zip(other.first_answers) {
                *count += more;
            }
        }
        self
    }

    /// What was added since then.
    pub(super) fn since(&self, then: &Self) -> Self {
        let first_answers = self
            .first_answers
            .iter()
            .map(|(bound, count)| {
                let before = then.first_answers.iter().find(|(known, _)| known == bound);
                (*bound, count - before.map_or(0.0, |(_, count)| *count))
            })
            .collect();
        Self { commits: self.commits - then.commits, first_answers }
    }

    /// From the commit to the first attempt's answer; none where nothing was answered.
    pub(super) fn hand_off(&self) -> Option<Percentiles> {
        let (_, all) = self.first_answers.last().filter(|(_, all)| *all > 0.0)?;
        let at = |share: f64| {
            let within = self.first_answers.iter().find(|(_, count)| *count >= share * all);
            within.map_or(f64::INFINITY, |(bound, _)| bound * 1000.0)
        };
        Some(Percentiles { p50: at(0.5), p99: at(0.99), p999: at(0.999) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(commits: u64, buckets: [u64; 3]) -> Told {
        let [first, second, all] = buckets;
        Told::read(&format!(
            "# TYPE ringback_commit_duration_seconds histogram\n\
             ringback_commit_duration_seconds_count {commits}\n\
             ringback_first_answer_duration_seconds_bucket{{le=\"0.0005\"}} {first}\n\
             ringback_first_answer_duration_seconds_bucket{{le=\"0.001\"}} {second}\n\
             ringback_first_answer_duration_seconds_bucket{{le=\"+Inf\"}} {all}\n"
        ))
    }

    #[test]
    fn a_percentile_is_the_bound_of_the_bucket_that_it_lies_in_of_what_came_meanwhile() {
        let grown = told(12, [1500, 1599, 1600]).since(&told(5, [500, 600, 600]));
        assert_eq!(grown.commits, 7.0);
        let Percentiles { p50, p99, p999 } = grown.hand_off().unwrap_or_default();
        assert_eq!((p50, p99, p999), (0.5, 0.5, 0.5), "{grown:?}");
        let late = told(0, [980, 998, 1000]).hand_off().unwrap_or_default();
        assert_eq!((late.p50, late.p99, late.p999), (0.5, 1.0, f64::INFINITY));
        assert_eq!(told(1, [0, 0, 0]).hand_off(), None);
    }
}
