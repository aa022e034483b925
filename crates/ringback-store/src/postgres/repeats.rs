//! Keys that come more than once in a batch: the first message goes to the database, and what becomes of it answers for the
//! others too.

use std::collections::{BTreeMap, HashMap};

use ringback_delivery::{MessageState, Timestamp};

use crate::{Admission, NewMessage};

/// By place: for each message whose key a message of the same account before it bears, the first of these.
pub(super) fn of(messages: &[(Timestamp, &NewMessage)]) -> BTreeMap<usize, usize> {
    let (mut seen, mut repeats) = (HashMap::new(), BTreeMap::new());
    for (at, (_, message)) in messages.iter().enumerate() {
        if let Some(named) = &message.idempotency {
            let first = *seen.entry((message.account, named.key)).or_insert(at);
            if first != at {
                repeats.insert(at, first);
            }
        }
    }
    repeats
}

/// What the answer to the first message with a key means for a later one; none where the database has to be asked.
pub(super) fn answer(to_first: Admission, first: &NewMessage, later: &NewMessage) -> Option<Admission> {
    let content = |message: &NewMessage| message.idempotency.as_ref().map(|named| named.message);
    let is_same = content(first) == content(later);
    match to_first {
        Admission::Queued(id) if is_same => Some(Admission::Duplicate(id, MessageState::Pending)),
        Admission::Queued(_) => Some(Admission::Conflict),
        Admission::Duplicate(..) => Some(if is_same { to_first } else { Admission::Conflict }),
        // Which message the key was used for before is not known, but that it is not the first.
        Admission::Conflict => is_same.then_some(to_first),
        Admission::Unregistered | Admission::AccountFull | Admission::StoreFull => Some(to_first),
    }
}
