//! Bodies kept until their attempt: of freshly accepted messages, so that they need not be read back, and of those that were
//! read ahead.

use std::collections::BTreeMap;

use ringback_store::Content;

/// Bodies by their position in the store, up to a number of bytes: the oldest make room for the newest. So what waits
/// behind an endpoint in trouble, or was cancelled, keeps nobody else's out. One that is not here is read when it is
/// needed.
#[derive(Debug)]
pub(super) struct Bodies<T> {
    by_position: BTreeMap<i64, (Content, T)>,
    bytes: usize,
    limit: usize,
}

impl<T> Bodies<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self { by_position: BTreeMap::new(), bytes: 0, limit }
    }

    /// Keeps a body, with what is to be known of it.
    pub(super) fn keep(&mut self, position: i64, content: Content, known: T) {
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

    pub(super) fn take(&mut self, position: i64) -> Option<(Content, T)> {
        let (content, known) = self.by_position.remove(&position)?;
        self.bytes -= content.body.len();
        Some((content, known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn kept(bodies: &mut Bodies<()>, position: i64) -> Option<usize> {
        bodies.take(position).map(|(content, _)| content.body.len())
    }

    #[test]
    fn the_oldest_bodies_make_room_for_the_newest_and_taking_one_makes_room_too() {
        let mut bodies = Bodies::new(10);
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
    fn a_body_that_is_larger_than_all_the_room_is_not_kept_and_drives_nothing_out() {
        let mut bodies = Bodies::new(10);
        bodies.keep(1, Bytes::from_static(b"123").into(), ());
        bodies.keep(2, Bytes::from_static(b"12345678901").into(), ());
        assert_eq!((kept(&mut bodies, 1), kept(&mut bodies, 2)), (Some(3), None));
    }
}
