//! Bodies of freshly accepted messages, kept until their first attempt so that they need not be read back.

use std::collections::HashMap;

use bytes::Bytes;

/// Bodies by their position in the store, up to a number of bytes. One that finds no room is read when it is needed.
#[derive(Debug)]
pub(super) struct Bodies {
    by_position: HashMap<i64, Bytes>,
    bytes: usize,
    limit: usize,
}

impl Bodies {
    pub(super) fn new(limit: usize) -> Self {
        Self { by_position: HashMap::new(), bytes: 0, limit }
    }

    pub(super) fn keep(&mut self, position: i64, body: Bytes) {
        if self.bytes + body.len() <= self.limit {
            self.bytes += body.len();
            self.by_position.insert(position, body);
        }
    }

    pub(super) fn take(&mut self, position: i64) -> Option<Bytes> {
        let body = self.by_position.remove(&position)?;
        self.bytes -= body.len();
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_past_the_limit_are_not_kept_and_taking_one_makes_room() {
        let mut bodies = Bodies::new(10);
        bodies.keep(1, Bytes::from_static(b"12345678"));
        bodies.keep(2, Bytes::from_static(b"123"));
        assert_eq!(bodies.take(2), None);
        assert_eq!(bodies.take(1).map(|body| body.len()), Some(8));
        bodies.keep(2, Bytes::from_static(b"123"));
        assert_eq!(bodies.take(2).map(|body| body.len()), Some(3));
    }
}
