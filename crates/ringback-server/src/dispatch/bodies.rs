//! Bodies kept until their attempt: of freshly accepted messages, so that they need not be read back, and of those that were
//! read ahead.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Bodies by their position in the store, up to a number of bytes: the oldest make room for the newest. So what waits
/// behind an endpoint in trouble, or was cancelled, keeps nobody else's out. One that is not here is read when it is
/// needed.
#[derive(Debug)]
pub(super) struct Bodies<T> {
    by_position: BTreeMap<i64, (Bytes, T)>,
    bytes: usize,
    limit: usize,
}

impl<T> Bodies<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self { by_position: BTreeMap::new(), bytes: 0, limit }
    }

    /// Keeps a body, with what is to be known of it.
    pub(super) fn keep(&mut self, position: i64, body: Bytes, known: T) {
        if body.len() > self.limit {
            return;
        }
        self.bytes += body.len();
        if let Some((before, _)) = self.by_position.insert(position, (body, known)) {
            self.bytes -= before.len();
        }
        while self.bytes > self.limit
            && let Some((_, (oldest, _))) = self.by_position.pop_first()
        {
            self.bytes -= oldest.len();
        }
    }

    pub(super) fn take(&mut self, position: i64) -> Option<(Bytes, T)> {
        let (body, known) = self.by_position.remove(&position)?;
        self.bytes -= body.len();
        Some((body, known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(bodies: &mut Bodies<()>, position: i64) -> Option<usize> {
        bodies.take(position).map(|(body, _)| body.len())
    }

    #[test]
    fn the_oldest_bodies_make_room_for_the_newest_and_taking_one_makes_room_too() {
        let mut bodies = Bodies::new(10);
        bodies.keep(1, Bytes::from_static(b"12345678"), ());
        bodies.keep(2, Bytes::from_static(b"123"), ());
        assert_eq!(kept(&mut bodies, 1), None);
        bodies.keep(3, Bytes::from_static(b"1234567"), ());
        assert_eq!(kept(&mut bodies, 2), Some(3));
        bodies.keep(4, Bytes::from_static(b"123"), ());
        assert_eq!((kept(&mut bodies, 3), kept(&mut bodies, 4)), (Some(7), Some(3)));
        assert_eq!(bodies.bytes, 0);
    }

    #[test]
    fn a_body_that_is_larger_than_all_the_room_is_not_kept_and_drives_nothing_out() {
        let mut bodies = Bodies::new(10);
        bodies.keep(1, Bytes::from_static(b"123"), ());
        bodies.keep(2, Bytes::from_static(b"12345678901"), ());
        assert_eq!((kept(&mut bodies, 1), kept(&mut bodies, 2)), (Some(3), None));
    }
}
