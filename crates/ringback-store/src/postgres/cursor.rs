//! Where the next question for news begins.
//!
//! Rows get their numbers before they are committed, and so become visible out of order, however late. So it is looked behind the
//! highest number that was given by one answer only once nobody writes news any more who did so at some time after it; whatever became
//! visible by then was given out. So the dead rows that an old snapshot keeps are not walked over each time, though this node is
//! told of nothing.
//!
//! Who writes news holds the table's lock before a number is given to any, and until all can see it; so who does is asked of the
//! database's locks. Transactions that write elsewhere, however long, are nobody's business here. (Snapshots don't tell: their upper
//! bound is the first transaction that has not *ended*, and such a one may have begun.)
//!
//! One question is asked at a time. Numbers that nobody had committed come again after a crash of the database; that is noticed where
//! the highest one has fallen by the next answer.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often it is looked whether shards are nobody's.
const LOOK_FOR_SHARDS: Duration = Duration::from_millis(200);
/// How often it is asked who writes news, where that is of use.
const ASK_WHO_WRITES: Duration = Duration::from_millis(250);

/// See the module.
#[derive(Default)]
pub(super) struct Cursor(Mutex<Place>);

/// What is to be asked.
pub(super) struct Question {
    /// The server on which the leases were renewed last. On another one nothing is done with what was given out.
    pub(super) server: Option<String>,
    /// News that were given out with the last answer, and are done with.
    pub(super) given_out: Vec<i64>,
    /// Nothing comes any more with a number up to this one.
    pub(super) behind: i64,
    pub(super) looks_for_shards: bool,
    /// Whether it is to be asked, before all else, who writes news.
    pub(super) asks_who_writes: bool,
}

/// What an answer said beside the news.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The server's timeline, where it tells.
    pub(super) server: Option<String>,
    /// The highest number that was given by then.
    pub(super) highest: i64,
    /// Whether all news were in it that could be seen.
    pub(super) is_whole: bool,
}

#[derive(Default)]
struct Place {
    server: Option<String>,
    given_out: Vec<i64>,
    behind: Option<i64>,
    /// The highest number that was given by the last answer.
    highest: Option<i64>,
    mark: Option<Mark>,
    looked_for_shards: Option<Instant>,
    asked_who_writes: Option<Instant>,
}

/// A number up to which nothing comes any more, once none of the writers are left.
struct Mark {
    through: i64,
    /// Those who wrote news when this was asked, and still do.
    writers: BTreeSet<String>,
}

impl Cursor {
    fn place(&self) -> MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this is another server than the one on which the leases were renewed last.
    pub(super) fn is_another(&self, server: Option<&str>) -> bool {
        self.place().is_another(server)
    }

    /// The server on which the leases were renewed last, if it told.
    pub(super) fn server(&self) -> Option<String> {
        self.place().server.clone()
    }

    /// The leases were renewed on this server. Where that is not the one of before, what is known here is of no use, nor what
    /// `forget` forgets.
    pub(super) fn meet(&self, server: Option<String>, forget: impl FnOnce()) {
        let mut place = self.place();
        let server = server.or_else(|| place.server.clone());
        if place.server != server {
            *place = Place { server, ..Place::default() };
            forget();
        }
    }

    pub(super) fn question(&self, now: Instant) -> Question {
        let place = self.place();
        let is_due = |last: Option<Instant>, every| last.is_none_or(|last| now.duration_since(last) >= every);
        let is_of_use = place.mark.is_some() || place.highest > place.behind;
        Question {
            server: place.server.clone(),
            given_out: place.given_out.clone(),
            behind: place.behind.unwrap_or(i64::MIN),
            looks_for_shards: is_due(place.looked_for_shards, LOOK_FOR_SHARDS),
            asks_who_writes: is_of_use && is_due(place.asked_who_writes, ASK_WHO_WRITES),
        }
    }

    /// Takes in what was answered to a question: the numbers of its news, and who wrote news before, if that was asked. `take` is
    /// called meanwhile. Where another server answered than the one on which the leases were renewed, or they were renewed on another one
    /// since it was asked, nothing counts; whether it does.
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
        if question.server != place.server || place.is_another(seen.server.as_deref()) {
            return false;
        }
        if question.looks_for_shards {
            place.looked_for_shards = Some(asked);
        }
        if question.asks_who_writes {
            place.asked_who_writes = Some(asked);
        }
        place.note(ids, seen, writers);
        take();
        true
    }
}

impl Place {
    fn is_another(&self, server: Option<&str>) -> bool {
        let both = self.server.as_deref().zip(server);
        both.is_some_and(|(known, server)| known != server)
    }

    fn note(&mut self, ids: Vec<i64>, seen: &Seen, writers: Option<BTreeSet<String>>) {
        if self.highest.is_some_and(|highest| seen.highest < highest) {
            // After a crash: what nobody had committed comes again.
            (self.highest, self.behind, self.mark) = (None, None, None);
        }
        if let Some(now) = writers {
            if let Some(mark) = &mut self.mark {
                mark.writers.retain(|writer| now.contains(writer));
            }
            if seen.is_whole {
                self.look_behind();
                if self.mark.is_none() {
                    let through = self.highest.filter(|highest| Some(*highest) > self.behind);
                    self.mark = through.map(|through| Mark { through, writers: now });
                    self.look_behind();
                }
            }
        }
        self.highest = Some(seen.highest);
        self.given_out = ids;
    }

    /// Nothing comes any more up to the mark, if nobody is left that wrote when it was set.
    fn look_behind(&mut self) {
        if let Some(mark) = self.mark.take_if(|mark| mark.writers.is_empty()) {
            self.behind = Some(mark.through);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn seen(highest: i64) -> Seen {
        Seen { server: None, highest, is_whole: true }
    }

    /// Notes an answer, before which these wrote news, if that was asked; where the next question begins.
    fn note(cursor: &Cursor, seen: &Seen, writers: Option<&[&str]>) -> i64 {
        let (now, writers) =
            (Instant::now(), writers.map(|names| names.iter().map(|name| (*name).to_owned()).collect()));
        assert!(cursor.note(&cursor.question(now), now, Vec::new(), seen, writers, || {}));
        cursor.question(now).behind
    }

    #[test]
    fn it_looks_behind_a_number_once_none_are_left_that_wrote_after_it_was_given() {
        let cursor = Cursor::default();
        assert_eq!(note(&cursor, &seen(7), None), i64::MIN);
        // The eighth may be one of theirs: they are asked for before the answer that tells of it.
        assert_eq!(note(&cursor, &seen(8), Some(&["one", "two"])), i64::MIN);
        assert_eq!(note(&cursor, &seen(8), None), i64::MIN);
        assert_eq!(note(&cursor, &seen(8), Some(&["two", "new"])), i64::MIN, "two is at it");
        let part = Seen { is_whole: false, ..seen(9) };
        assert_eq!(note(&cursor, &part, Some(&["new"])), i64::MIN, "not all was given out");
        assert_eq!(note(&cursor, &seen(9), Some(&["new"])), 7);
        // The next one was seen before they were asked for.
        assert_eq!(note(&cursor, &seen(9), Some(&["newer"])), 9);
        assert_eq!(note(&cursor, &seen(11), Some(&[])), 9);
        assert_eq!(note(&cursor, &seen(11), Some(&[])), 11, "nobody writes");
    }

    #[test]
    fn who_writes_is_asked_for_now_and_then_where_that_is_of_use() {
        let (cursor, start) = (Cursor::default(), Instant::now());
        assert!(!cursor.question(start).asks_who_writes);
        note(&cursor, &seen(7), None);
        assert!(cursor.question(Instant::now()).asks_who_writes);
        note(&cursor, &seen(8), Some(&["one"]));
        let now = Instant::now();
        assert!(
            !cursor.question(now).asks_who_writes && cursor.question(now + ASK_WHO_WRITES).asks_who_writes
        );
        note(&cursor, &seen(8), Some(&[]));
        note(&cursor, &seen(8), Some(&[]));
        assert!(!cursor.question(Instant::now() + ASK_WHO_WRITES).asks_who_writes, "nothing new was given");
    }

    #[test]
    fn numbers_that_come_again_are_looked_for_again() {
        let cursor = Cursor::default();
        for _ in 0..3 {
            note(&cursor, &seen(33), Some(&[]));
        }
        assert_eq!(cursor.question(Instant::now()).behind, 33);
        assert_eq!(note(&cursor, &seen(32), None), i64::MIN);
    }

    #[test]
    fn of_another_server_nothing_is_heard_until_the_leases_are_renewed_there() {
        let (cursor, now) = (Cursor::default(), Instant::now());
        let hears = |server: Option<&str>| {
            let seen = Seen { server: server.map(str::to_owned), ..seen(7) };
            let mut heard = false;
            let counts =
                cursor
                    .note(&cursor.question(now), now, vec![5], &seen, Some(BTreeSet::new()), || heard = true);
            assert_eq!(counts, heard);
            heard
        };
        assert!(hears(Some("1")) && hears(Some("2")), "before there are leases");
        cursor.meet(Some("1".to_owned()), || {});
        assert_eq!(cursor.question(now).behind, i64::MIN, "wherever that was");
        assert!(hears(Some("1")) && hears(Some("1")) && hears(None), "one that does not tell is none other");
        cursor.meet(Some("1".to_owned()), || unreachable!());
        cursor.meet(None, || unreachable!());
        assert_eq!((cursor.question(now).behind, cursor.question(now).server.as_deref()), (7, Some("1")));
        assert!(!hears(Some("2")) && cursor.is_another(Some("2")) && !cursor.is_another(None));
        let (before, mut forgotten) = (cursor.question(now), false);
        cursor.meet(Some("2".to_owned()), || forgotten = true);
        assert!(forgotten);
        let late = Seen { server: Some("2".to_owned()), ..seen(9) };
        assert!(!cursor.note(&before, now, vec![9], &late, None, || unreachable!()), "it was asked before");
        assert!(hears(Some("2")) && !hears(Some("1")));
        let question = cursor.question(now);
        assert_eq!((question.behind, question.given_out), (i64::MIN, vec![5]));
    }
}
