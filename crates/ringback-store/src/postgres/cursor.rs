//! Where the next question for news begins.
//!
//! Rows get their numbers before they are committed, and so become visible out of order, however late. So the highest number that was
//! given by one question is a *mark*: it is looked behind it only once all have ended that were writing by the next question, and
//! whatever became visible by then was given out. So the dead rows that an old snapshot keeps are not walked over each time, though
//! this node is told of nothing.
//!
//! Somebody's transaction that lasts for long keeps others from being told apart by their numbers. Then it is asked who holds the lock
//! of those that write news: those alone are waited for.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it is looked whether shards are nobody's.
const LOOK_FOR_SHARDS: Duration = Duration::from_millis(200);
/// For how long all that are writing are waited for, before it is asked who writes news; and how often that is asked then.
const ASK_WHO_WRITES: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Default)]
pub(super) struct Cursor(Mutex<Place>);

/// What is to be asked.
pub(super) struct Question {
    /// News that were given out with the last answer, and are done with.
    pub(super) given_out: Vec<i64>,
    /// Nothing comes any more with a number up to this one.
    pub(super) behind: i64,
    pub(super) looks_for_shards: bool,
    pub(super) asks_who_writes: bool,
}

/// What an answer said beside the news.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The server's timeline.
    pub(super) server: Option<String>,
    /// Of the transactions that were seen, all before this one had ended.
    pub(super) ended: i64,
    /// Those from this one on had not begun.
    pub(super) unbegun: i64,
    /// The highest number that was given by then.
    pub(super) highest: i64,
    /// Whether all news were in it that could be seen.
    pub(super) is_whole: bool,
}

#[derive(Default)]
struct Place {
    /// The server on which the leases were renewed, once they were.
    server: Option<Option<String>>,
    given_out: Vec<i64>,
    behind: Option<i64>,
    /// The highest number that was given by the last answer.
    highest: Option<i64>,
    mark: Option<Mark>,
    looked_for_shards: Option<Instant>,
}

/// A number up to which nothing comes any more, once all have ended that were writing when it was seen.
struct Mark {
    through: i64,
    /// None of them is this transaction, or a later one.
    unbegun: i64,
    /// Since when it is there, or it was last asked who writes.
    asked: Instant,
    /// Those of them that write news, once that was asked.
    writers: Option<BTreeSet<String>>,
}

impl Cursor {
    fn place(&self) -> std::sync::MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The leases are renewed on this server. If that is another one than before, it begins anew, as does what `forget` forgets;
    /// whether it is.
    pub(super) fn meet(&self, server: Option<String>, forget: impl FnOnce()) -> bool {
        let mut place = self.place();
        let is_another = place.server.as_ref().is_some_and(|known| *known != server);
        if is_another {
            *place = Place::default();
            forget();
        }
        place.server = Some(server);
        is_another
    }

    pub(super) fn question(&self, now: Instant) -> Question {
        let place = self.place();
        let is_due = |last: Instant, every| now.duration_since(last) >= every;
        Question {
            given_out: place.given_out.clone(),
            behind: place.behind.unwrap_or(i64::MIN),
            looks_for_shards: place.looked_for_shards.is_none_or(|looked| is_due(looked, LOOK_FOR_SHARDS)),
            asks_who_writes: place.mark.as_ref().is_some_and(|mark| is_due(mark.asked, ASK_WHO_WRITES)),
        }
    }

    /// Takes in what was answered to a question: the numbers of its news, and who wrote news before, if that was asked. `take` is
    /// called meanwhile. Where another server answered than the one on which the leases were renewed, nothing counts; whether it does.
    pub(super) fn note(
        &self,
        question: &Question,
        asked: Instant,
        ids: Vec<i64>,
        seen: &Seen,
        writers: Option<BTreeSet<String>>,
        take: impl FnOnce(),
    ) -> bool {
        let mut place = self.place();
        if place.server.as_ref().is_some_and(|known| *known != seen.server) {
            return false;
        }
        place.note(ids, seen, writers, asked);
        if question.looks_for_shards {
            place.looked_for_shards = Some(asked);
        }
        take();
        true
    }
}

impl Place {
    fn note(&mut self, ids: Vec<i64>, seen: &Seen, writers: Option<BTreeSet<String>>, asked: Instant) {
        if let Some(mark) = &mut self.mark {
            if let Some(now) = writers {
                mark.writers = Some(match mark.writers.take() {
                    None => now,
                    Some(then) => then.intersection(&now).cloned().collect(),
                });
                mark.asked = asked;
            }
            let nobody_writes = mark.writers.as_ref().is_some_and(BTreeSet::is_empty);
            if seen.is_whole && (mark.unbegun <= seen.ended || nobody_writes) {
                self.behind = Some(mark.through);
                self.mark = None;
            }
        }
        if self.mark.is_none()
            && let Some(through) = self.highest.filter(|highest| Some(*highest) > self.behind)
        {
            self.mark = Some(Mark { through, unbegun: seen.unbegun, asked, writers: None });
        }
        self.highest = Some(seen.highest);
        self.given_out = ids;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// An answer without news, by which transactions up to `ended` had ended, `unbegun` was the next, and `highest` was given.
    fn seen(ended: i64, unbegun: i64, highest: i64) -> Seen {
        Seen { server: None, ended, unbegun, highest, is_whole: true }
    }

    fn note(cursor: &Cursor, at: Instant, seen: &Seen, writers: Option<&[&str]>) -> i64 {
        let writers = writers.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        assert!(cursor.note(&cursor.question(at), at, Vec::new(), seen, writers, || {}));
        cursor.question(at).behind
    }

    #[test]
    fn it_looks_behind_a_number_once_all_have_ended_that_wrote_as_it_was_seen() {
        let (cursor, now) = (Cursor::default(), Instant::now());
        assert_eq!(note(&cursor, now, &seen(100, 110, 7), None), i64::MIN);
        // By now the seventh is given, and whoever has a number up to it has begun.
        assert_eq!(note(&cursor, now, &seen(105, 112, 9), None), i64::MIN);
        assert_eq!(note(&cursor, now, &seen(111, 120, 9), None), i64::MIN, "one of them is at it");
        let part = Seen { is_whole: false, ..seen(130, 140, 9) };
        assert_eq!(note(&cursor, now, &part, None), i64::MIN, "not all was given out");
        assert_eq!(note(&cursor, now, &seen(112, 140, 9), None), 7);
        assert_eq!(note(&cursor, now, &seen(140, 140, 9), None), 9);
    }

    #[test]
    fn of_a_transaction_that_lasts_those_that_write_news_are_told_apart() {
        let (cursor, start) = (Cursor::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for _ in 0..2 {
            note(&cursor, at(0), &seen(100, 110, 7), None);
        }
        assert!(!cursor.question(at(0)).asks_who_writes);
        assert!(cursor.question(at(1)).asks_who_writes);
        assert_eq!(note(&cursor, at(1), &seen(100, 110, 8), Some(&["one", "two"])), i64::MIN);
        assert!(!cursor.question(at(1)).asks_who_writes && cursor.question(at(2)).asks_who_writes);
        assert_eq!(note(&cursor, at(2), &seen(100, 110, 8), Some(&["two", "new"])), i64::MIN, "two is at it");
        assert_eq!(note(&cursor, at(3), &seen(100, 110, 8), Some(&["new"])), 7);
        // For the next mark they are asked for anew.
        assert_eq!(note(&cursor, at(4), &seen(100, 110, 9), Some(&["new"])), 7);
        assert_eq!(note(&cursor, at(5), &seen(100, 110, 9), Some(&[])), 8);
    }

    #[test]
    fn on_another_server_it_begins_anew_and_hears_nothing_before_that() {
        let (cursor, now) = (Cursor::default(), Instant::now());
        let on = |server: &str| Seen { server: Some(server.to_owned()), ..seen(200, 200, 7) };
        let hears = |server| {
            let mut heard = false;
            let counts = cursor.note(&cursor.question(now), now, vec![5], &on(server), None, || heard = true);
            assert_eq!(counts, heard);
            heard
        };
        assert!(hears("1"), "before there are leases");
        assert!(!cursor.meet(Some("1".to_owned()), || unreachable!()));
        assert!(hears("1") && hears("1") && hears("1"));
        assert_eq!(cursor.question(now).behind, 7);
        assert!(!hears("2"));
        let mut forgotten = false;
        assert!(cursor.meet(Some("2".to_owned()), || forgotten = true) && forgotten);
        let question = cursor.question(now);
        assert_eq!((question.behind, question.given_out), (i64::MIN, vec![]));
        assert!(hears("2") && !hears("1"));
    }
}
