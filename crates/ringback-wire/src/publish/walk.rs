//! Walking through a JSON value without keeping it: seeds that look at what they must, and remember what is wrong and where.
//!
//! The text is known to be JSON by then, so what can fail here is what the rules below refuse, and what JSON's grammar allows
//! and a listener can't read: a number out of range, an unpaired surrogate.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::invalid::shortened;

/// A key of an object: the index that the given function knows it by, or itself.
pub(super) enum Key<'de> {
    Known(usize),
    Unknown(Cow<'de, str>),
}

/// Reads a key, borrowing it where it has no escapes.
pub(super) struct KeyOf<F>(pub(super) F);

impl<'de, F: Fn(&str) -> Option<usize>> DeserializeSeed<'de> for KeyOf<F> {
    type Value = Key<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, F: Fn(&str) -> Option<usize>> Visitor<'de> for KeyOf<F> {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok((self.0)(name).map_or(Key::Unknown(Cow::Borrowed(name)), Key::Known))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok((self.0)(name).map_or_else(|| Key::Unknown(Cow::Owned(name.to_owned())), Key::Known))
    }
}

/// What a walk found out.
#[derive(Default)]
pub(super) struct Found {
    /// What is wrong, with the way to it from where the walk began.
    problem: Option<(String, String)>,
    /// The upgrade's id, if there is one.
    pub(super) upgrade_id: Option<String>,
}

impl Found {
    /// Ends the walk: the value that is being looked at is wrong.
    pub(super) fn refuse<E: Error>(&mut self, problem: impl Into<String>) -> E {
        self.problem = Some((String::new(), problem.into()));
        E::custom("refused")
    }

    /// Adds a step to the way, on the way back from an error.
    pub(super) fn at<E: Error>(&mut self, step: &str, error: E) -> E {
        let (way, problem) = self.problem.take().unwrap_or_else(|| (String::new(), unreadable(&error)));
        let dot = if way.is_empty() || way.starts_with('[') { "" } else { "." };
        self.problem = Some((format!("{}{dot}{way}", shortened(step)), problem));
        error
    }

    /// The way to what is wrong, and what it is. Call after an error that went through [`Found::at`].
    pub(super) fn into_problem(self) -> (String, String) {
        self.problem.unwrap_or_default()
    }
}

/// A reason of serde's without its position, which would be one within the field.
fn unreadable(error: &impl fmt::Display) -> String {
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default();
    format!("holds what listeners can't read: {}", shortened(reason))
}

/// Reads any value to its end and keeps nothing.
pub(super) struct Skip;

impl<'de> DeserializeSeed<'de> for Skip {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skip {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Skip)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while fields.next_key_seed(Skip)?.is_some() {
            fields.next_value_seed(Skip)?;
        }
        Ok(())
    }
}
