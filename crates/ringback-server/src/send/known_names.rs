//! The names that were resolved lately, a bounded number of them.

use std::collections::HashSet;

/// So many of the last ones are remembered at least, and twice as many at most.
const REMEMBERED: usize = 10_000;

/// Two generations: when the younger one is full, the older one is forgotten, and it takes its place.
#[derive(Default)]
pub(super) struct KnownNames {
    young: HashSet<String>,
    old: HashSet<String>,
}

impl KnownNames {
    pub(super) fn contains(&self, name: &str) -> bool {
        self.young.contains(name) || self.old.contains(name)
    }

    pub(super) fn insert(&mut self, name: String) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.young.remove(name);
        self.old.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_remembered_and_no_more_than_twice_as_many() {
        let mut names = KnownNames::default();
        for number in 0..REMEMBERED * 5 / 2 {
            names.insert(number.to_string());
            assert!(names.young.len() + names.old.len() <= REMEMBERED * 2);
        }
        assert!(names.contains(&(REMEMBERED * 3 / 2).to_string()));
        assert!(!names.contains("0"));
        let last = (REMEMBERED * 5 / 2 - 1).to_string();
        names.remove(&last);
        assert!(!names.contains(&last));
    }
}
