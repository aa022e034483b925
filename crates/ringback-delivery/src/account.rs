//! An account, in the form that the whole system uses past the API's edge.
//!
//! ThingSpace names an account `##########-#####` (contract, section 2). The fifteen digits make one number, so an
//! account is eight bytes everywhere: no name table, no look-up, and the name can be had back from the number.

use std::fmt;
use std::str::FromStr;

/// How many shards the accounts hash into: the unit of ownership when several nodes share a store.
pub const SHARDS: u16 = 1024;

const HEAD_DIGITS: usize = 10;
const TAIL_DIGITS: usize = 5;
const LIMIT: u64 = 1_000_000_000_000_000;

/// An account: the fifteen digits of its name as one number, below 10¹⁵.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(u64);

/// A text is not an account's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an account is ten digits, a hyphen and five digits, such as 0252012345-00001")]
pub struct InvalidAccount;

impl AccountId {
    /// The account with this number, as [`AccountId::number`] gave it; `None` from 10¹⁵ on.
    pub fn from_number(number: u64) -> Option<Self> {
        (number < LIMIT).then_some(Self(number))
    }

    /// The fifteen digits as a number.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The shard that the account belongs to, below [`SHARDS`]. It is part of the stored format: never change it.
    pub fn shard(self) -> u16 {
        // The finaliser of SplitMix64: neighbouring account numbers land in unrelated shards.
        let mut mixed = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        u16::try_from(mixed % u64::from(SHARDS)).unwrap_or(0)
    }
}

impl FromStr for AccountId {
    type Err = InvalidAccount;

    fn from_str(name: &str) -> Result<Self, InvalidAccount> {
        let bytes = name.as_bytes();
        if bytes.len() != HEAD_DIGITS + 1 + TAIL_DIGITS || bytes[HEAD_DIGITS] != b'-' {
            return Err(InvalidAccount);
        }
        let mut number = 0_u64;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                _ if at == HEAD_DIGITS => {}
                b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
                _ => return Err(InvalidAccount),
            }
        }
        Ok(Self(number))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}-{:05}", self.0 / 100_000, self.0 % 100_000)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_keeps_its_leading_zeros() {
        let account: AccountId = "0000000042-00007".parse().unwrap();
        assert_eq!(account.number(), 4_200_007);
        assert_eq!(account.to_string(), "0000000042-00007");
    }

    #[test]
    fn what_is_not_ten_digits_a_hyphen_and_five_digits_is_refused() {
        for name in
            ["", "0252012345", "0252012345-0001", "0252012345_00001", "025201234a-00001", "٠252012345-00001"]
        {
            assert_eq!(name.parse::<AccountId>(), Err(InvalidAccount), "{name}");
        }
    }

    #[test]
    fn neighbours_spread_over_the_shards() {
        let shards: std::collections::HashSet<u16> =
            (0..SHARDS).map(|n| AccountId(u64::from(n) * 100_000 + 1).shard()).collect();
        assert!(shards.len() > usize::from(SHARDS) / 2);
    }
}
