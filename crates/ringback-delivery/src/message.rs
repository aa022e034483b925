//! What identifies a message, and what the engine needs to know of it: never its body.

use std::fmt;
use std::str::FromStr;

use crate::account::AccountId;
use crate::time::Timestamp;

/// A message's number within its account: consecutive from 1, never given twice (promise 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

/// A message's place in its account's queue. It is the sequence number until a replay puts a message at the end anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Turn(pub u64);

/// Messages of one account with equal ordering keys arrive one after another (promise 3).
///
/// It is the start of a hash of the publisher's key: should two keys of an account ever meet in one, their messages
/// lose some parallelism and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderingKey(pub i64);

/// What a message tells (contract, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// New firmware is available.
    FirmwareList,
    /// An upgrade has been scheduled.
    UpgradeScheduled,
    /// An upgrade has started, or moved on.
    UpgradeProgress,
    /// An upgrade has finished.
    UpgradeFinished,
}

impl MessageKind {
    /// Every kind there is.
    pub const ALL: [Self; 4] =
        [Self::FirmwareList, Self::UpgradeScheduled, Self::UpgradeProgress, Self::UpgradeFinished];

    /// The number that stands for the kind in a store. It is part of the stored format.
    pub fn number(self) -> u8 {
        match self {
            Self::FirmwareList => 1,
            Self::UpgradeScheduled => 2,
            Self::UpgradeProgress => 3,
            Self::UpgradeFinished => 4,
        }
    }

    /// The kind that [`MessageKind::number`] gave this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// The state of a message: of the message, not of its last attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// It waits to be sent, or to be sent again.
    Pending,
    /// The endpoint answered 2xx, or the account acknowledged it.
    Delivered,
    /// Given up: after its last attempt, or of age.
    Dead,
    /// Its account deregistered while it waited.
    Cancelled,
}

/// The public name of a message, the same in `webhook-id`, in the API and in every duplicate.
///
/// It encodes account and sequence number, so that looking a message up needs no index of its own, and the second
/// in which it was accepted, so that a store put back from an older copy gives no name that it gave before. The text
/// is `msg_` and 26 digits of Crockford's base 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// Whose message it is.
    pub account: AccountId,
    /// Its number there.
    pub sequence: Sequence,
    /// The second in which it was accepted, since the Unix epoch.
    pub accepted_second: u32,
}

/// A text is not a message's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a message id is msg_ and 26 letters or digits, as the answer to its publication gave it")]
pub struct InvalidMessageId;

const PREFIX: &str = "msg_";
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ID_LENGTH: usize = 26;
const SEQUENCE_BITS: u32 = 46;
const SECOND_BITS: u32 = 32;

impl MessageId {
    /// The id of an account's message with this number, accepted at this moment.
    pub fn new(account: AccountId, sequence: Sequence, accepted_at: Timestamp) -> Self {
        let second = accepted_at.as_seconds().clamp(0, i64::from(u32::MAX));
        Self { account, sequence, accepted_second: u32::try_from(second).unwrap_or(0) }
    }

    fn bits(self) -> u128 {
        (u128::from(self.account.number()) << (SEQUENCE_BITS + SECOND_BITS))
            | (u128::from(self.sequence.0 & ((1 << SEQUENCE_BITS) - 1)) << SECOND_BITS)
            | u128::from(self.accepted_second)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bits = self.bits();
        let mut text = [0_u8; ID_LENGTH];
        for digit in text.iter_mut().rev() {
            *digit = DIGITS[(bits & 31) as usize];
            bits >>= 5;
        }
        f.write_str(PREFIX)?;
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl FromStr for MessageId {
    type Err = InvalidMessageId;

    fn from_str(text: &str) -> Result<Self, InvalidMessageId> {
        let digits = text.strip_prefix(PREFIX).ok_or(InvalidMessageId)?.as_bytes();
        if digits.len() != ID_LENGTH || digits[0] > b'7' {
            return Err(InvalidMessageId);
        }
        let mut bits = 0_u128;
        for digit in digits {
            let value = DIGITS.iter().position(|known| known == digit).ok_or(InvalidMessageId)?;
            bits = (bits << 5) | value as u128;
        }
        let account = u64::try_from(bits >> (SEQUENCE_BITS + SECOND_BITS)).map_err(|_| InvalidMessageId)?;
        Ok(Self {
            account: AccountId::from_number(account).ok_or(InvalidMessageId)?,
            sequence: Sequence((bits >> SECOND_BITS) as u64 & ((1 << SEQUENCE_BITS) - 1)),
            accepted_second: (bits & u128::from(u32::MAX)) as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_reads_back_as_it_was_written(account in 0..1_000_000_000_000_000_u64, sequence in 1..1_u64 << 46, second: u32) {
            let id = MessageId {
                account: AccountId::from_number(account).unwrap(),
                sequence: Sequence(sequence),
                accepted_second: second,
            };
            prop_assert_eq!(id.to_string().parse::<MessageId>(), Ok(id));
        }

        #[test]
        fn no_text_panics_the_parser(text: String) {
            let _ = text.parse::<MessageId>();
        }
    }

    #[test]
    fn an_id_of_an_impossible_account_is_refused() {
        assert_eq!(format!("msg_7{}", "z".repeat(25)).parse::<MessageId>(), Err(InvalidMessageId));
    }
}
