//! Bodies kept until their attempt: of freshly accepted messages, so that they need not be read back, and of those that were
//! read ahead.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ringback_store::Content;

/// The bodies in memory. What reads ahead looks here too, so that nothing is read that is here.
pub(super) struct Bodies(Mutex<Kept>);

struct Kept {
    /// Of messages whose commit was told with the body, and when that was.
    fresh: UpTo<Instant>,
    /// Others that are likely to be sent soon.
    ahead: UpTo<()>,
}

impl Bodies {
    /// None yet; for those of fresh messages and for the others there is half of these bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self(Mutex::new(Kept { fresh: UpTo::new(limit / 2), ahead: UpTo::new(limit / 2) }))
    }

    /// Keeps that of a message that was committed then.
    pub(super) fn keep_fresh(&self, position: i64, content: Content, committed: Instant) {
        self.lock().fresh.keep(position, content, committed);
    }

    /// Keeps others that were read, or told later, but for those that are here.
    pub(super) fn keep_ahead(&self, bodies: impl IntoIterator<Item = (i64, Content)>) {
        let mut kept = self.lock();
        for (position, content) in bodies {
            if !kept.fresh.by_position.contains_key(&position) {
                kept.ahead.keep(position, content, ());
            }
        }
    }

    /// The body of a message that is to be sent, and when it was committed, if that was told with it.
    pub(super) fn take(&self, position: i64) -> Option<(Content, Option<Instant>)> {
        let mut kept = self.lock();
        match kept.fresh.take(position) {
            Some((content, committed)) => Some((content, Some(committed))),
            None => kept.ahead.take(position).map(|(content, ())| (content, None)),
        }
    }

    /// Those of the positions whose bodies are not here.
    pub(super) fn lacking(&self, mut positions: Vec<i64>) -> Vec<i64> {
        let kept = self.lock();
        positions.retain(|position| {
            !kept.fresh.by_position.contains_key(position) && !kept.ahead.by_position.contains_key(position)
        });
        positions
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bodies by their position in the store, up to a number of bytes: the oldest make room for the newest. So what waits
/// behind an endpoint in trouble, or was cancelled, keeps nobody else's out. One that is not here is read when it is
/// needed.
#[derive(Debug)]
struct UpTo<T> {
    by_position: BTreeMap<i64, (Content, T)>,
    bytes: usize,
    limit: usize,
}

impl<T> UpTo<T> {
    fn new(limit: usize) -> Self {
        Self { by_position: BTreeMap::new(), bytes: 0, limit }
    }

    /// Keeps a body, with what is to be known of it.
    fn keep(&mut self, position: i64, content: Content, known: T) {
        if content.body.len() > self.limit {
            return;
        }
        self.bytes += content.body.len();
        if let Some((before, _)) = self.by_position.insert(position, (content, known)) {
            self.bytes -= before.body.len();
        }
        while self.bytes > self.limit
            && let Some((_, (oldest, _))) = self.by_position.pop_first()
        {
            self.bytes -= oldest.body.len();
        }
    }

    fn take(&mut self, position: i64) -> Option<(Content, T)> {
        let (content, known) = self.by_position.remove(&position)?;
        self.bytes -= content.body.len();
        Some((content, known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn kept(bodies: &mut UpTo<()>, position: i64) -> Option<usize> {
        bodies.take(position).map(|(content, _)| content.body.len())
    }

    #[test]
    fn the_oldest_bodies_make_room_for_the_newest_and_taking_one_makes_room_too() {
        let mut bodies = UpTo::new(10);
        bodies.keep(1, Bytes::from_static(b"12345678").into(), ());
        bodies.keep(2, Bytes::from_static(b"123").into(), ());
        assert_eq!(kept(&mut bodies, 1), None);
        bodies.keep(3, Bytes::from_static(b"1234567").into(), ());
        assert_eq!(kept(&mut bodies, 2), Some(3));
        bodies.keep(4, Bytes::from_static(b"123").into(), ());
        assert_eq!((kept(&mut bodies, 3), kept(&mut bodies, 4)), (Some(7), Some(3)));
        assert_eq!(bodies.bytes, 0);
    }

    #[test]
    fn what_is_here_need_not_be_read_and_is_not_kept_twice() {
        let (bodies, body) = (Bodies::new(20), |text: &'static [u8]| Content::from(Bytes::from_static(text)));
        let committed = Instant::now();
        bodies.keep_fresh(1, body(b"fresh"), committed);
        bodies.keep_ahead([(1, body(b"read")), (2, body(b"read"))]);
        assert_eq!(bodies.lacking(vec![1, 2, 3]), [3]);
        let take = |position| bodies.take(position).map(|(content, told)| (content.body, told));
        assert_eq!(take(1), Some((Bytes::from_static(b"fresh"), Some(committed))));
        assert_eq!(take(2), Some((Bytes::from_static(b"read"), None)));
        assert_eq!((take(1), take(2)), (None, None));
        assert_eq!(bodies.lacking(vec![1, 2, 3]), [1, 2, 3]);
    }

    #[test]
    fn a_body_that_is_larger_than_all_the_room_is_not_kept_and_drives_nothing_out() {
        let mut bodies = UpTo::new(10);
        bodies.keep(1, Bytes::from_static(b"123").into(), ());
        bodies.keep(2, Bytes::from_static(b"12345678901").into(), ());
        assert_eq!((kept(&mut bodies, 1), kept(&mut bodies, 2)), (Some(3), None));
    }
}
