//! Cursors: where a page ended, as a text that its reader gives back and does not look into.
//!
//! A cursor is a place in a list and no permission: whoever gives it back sees what is theirs behind that place. It
//! is unpadded base64url of a version, a letter for the list, and a number.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::problem::Problem;
use super::query;

const VERSION: char = '1';

/// A store's numbers end here.
const MOST: u64 = i64::MAX as u64;

/// The list that a cursor is a place in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// One account's messages: the number is a sequence number.
    Account,
    /// The messages of several accounts: the number is a position.
    Messages,
    /// Accounts: the number is an account's.
    Accounts,
}

impl List {
    fn letter(self) -> char {
        match self {
            Self::Account => 's',
            Self::Messages => 'p',
            Self::Accounts => 'a',
        }
    }

    /// The cursor of a place in this list.
    pub(super) fn cursor(self, number: u64) -> String {
        URL_SAFE_NO_PAD.encode(format!("{VERSION}{}{number}", self.letter()))
    }

    /// The place of a cursor of this list.
    ///
    /// # Errors
    ///
    /// 400 for what is no cursor of this list.
    pub(super) fn place(self, cursor: &str) -> Result<u64, Problem> {
        self.parse(cursor)
            .ok_or_else(|| query::wrong("cursor", "must be the next of a page of the same list"))
    }

    fn parse(self, cursor: &str) -> Option<u64> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let number = std::str::from_utf8(&bytes).ok()?.strip_prefix(VERSION)?.strip_prefix(self.letter())?;
        let number = number.parse().ok().filter(|number| *number <= MOST)?;
        // One text for each place: no sign, no leading zeros.
        (self.cursor(number) == cursor).then_some(number)
    }
}

/// The places that a text is a cursor of, each as the cursor that we would give for it. For the fuzzer.
#[doc(hidden)]
pub fn read_cursor(text: &str) -> Vec<String> {
    let lists = [List::Account, List::Messages, List::Accounts];
    lists.into_iter().filter_map(|list| Some(list.cursor(list.parse(text)?))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_place_reads_back_from_its_cursor_in_its_own_list_only() {
        for list in [List::Account, List::Messages, List::Accounts] {
            for number in [0, 7, MOST] {
                assert_eq!(list.place(&list.cursor(number)).unwrap(), number);
            }
        }
        assert!(List::Messages.place(&List::Account.cursor(7)).is_err());
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let later = URL_SAFE_NO_PAD.encode("2s7");
        let beyond = URL_SAFE_NO_PAD.encode("1s9223372036854775808");
        let (signed, padded) = (URL_SAFE_NO_PAD.encode("1s+7"), URL_SAFE_NO_PAD.encode("1s07"));
        for wrong in ["", "7", "!", "MXM", &later, &beyond, &signed, &padded] {
            assert!(List::Account.place(wrong).is_err(), "{wrong}");
        }
    }
}
