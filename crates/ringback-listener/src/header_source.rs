//! Headers in whatever form a framework has them.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use http::HeaderMap;

/// Where a request's headers can be looked up: an [`http::HeaderMap`], pairs of name and value, or a map of them. Names
/// are compared without regard to case.
///
/// For anything else, implement the one function, or collect the pairs into a `Vec`.
pub trait Headers {
    /// The first value of a header, if it is there and is visible ASCII; `name` comes in lower case.
    fn value(&self, name: &str) -> Option<&str>;
}

impl Headers for HeaderMap {
    fn value(&self, name: &str) -> Option<&str> {
        self.get(name)?.to_str().ok()
    }
}

impl<K: AsRef<str>, V: AsRef<str>> Headers for [(K, V)] {
    fn value(&self, name: &str) -> Option<&str> {
        find(self.iter().map(|(name, value)| (name, value)), name)
    }
}

impl<K: AsRef<str>, V: AsRef<str>, const N: usize> Headers for [(K, V); N] {
    fn value(&self, name: &str) -> Option<&str> {
        self.as_slice().value(name)
    }
}

impl<K: AsRef<str>, V: AsRef<str>> Headers for Vec<(K, V)> {
    fn value(&self, name: &str) -> Option<&str> {
        self.as_slice().value(name)
    }
}

impl<K: AsRef<str>, V: AsRef<str>, S: BuildHasher> Headers for HashMap<K, V, S> {
    fn value(&self, name: &str) -> Option<&str> {
        find(self.iter(), name)
    }
}

impl<K: AsRef<str>, V: AsRef<str>> Headers for BTreeMap<K, V> {
    fn value(&self, name: &str) -> Option<&str> {
        find(self.iter(), name)
    }
}

fn find<'a, K: AsRef<str> + 'a, V: AsRef<str> + 'a>(
    mut pairs: impl Iterator<Item = (&'a K, &'a V)>,
    wanted: &str,
) -> Option<&'a str> {
    pairs.find(|(name, _)| name.as_ref().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_ref())
}
