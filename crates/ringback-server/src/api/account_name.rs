//! The beginning of an account's name, and the accounts that it may be.

use std::ops::RangeInclusive;

use ringback_delivery::AccountId;

use super::problem::Problem;
use super::query;

/// Digits of a name.
const DIGITS: usize = 15;
/// Digits before its hyphen.
const HEAD: usize = 10;

/// The accounts whose name begins with this text.
///
/// # Errors
///
/// 400 for what no name begins with.
pub(super) fn beginning_with(text: &str) -> Result<RangeInclusive<AccountId>, Problem> {
    range(text)
        .ok_or_else(|| query::wrong("prefix", "must be the beginning of an account, such as 0252012345-"))
}

fn range(text: &str) -> Option<RangeInclusive<AccountId>> {
    let digits = match text.split_once('-') {
        Some((head, tail)) if head.len() == HEAD => format!("{head}{tail}"),
        Some(_) => return None,
        // Without the hyphen it is read as well.
        None => text.to_owned(),
    };
    if digits.is_empty() || digits.len() > DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let bound = |filler: &str| -> Option<AccountId> {
        let number = format!("{digits}{}", filler.repeat(DIGITS - digits.len())).parse().ok()?;
        AccountId::from_number(number)
    };
    Some(bound("0")?..=bound("9")?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(text: &str) -> Option<(String, String)> {
        range(text).map(|range| (range.start().to_string(), range.end().to_string()))
    }

    #[test]
    fn a_beginning_stands_for_all_names_that_go_on() {
        let pair = |start: &str, end: &str| Some((start.to_owned(), end.to_owned()));
        assert_eq!(of("0"), pair("0000000000-00000", "0999999999-99999"));
        assert_eq!(of("0252012345"), pair("0252012345-00000", "0252012345-99999"));
        assert_eq!(of("0252012345-"), of("0252012345"));
        assert_eq!(of("0252012345-0000"), pair("0252012345-00000", "0252012345-00009"));
        assert_eq!(of("0252012345-00001"), pair("0252012345-00001", "0252012345-00001"));
        assert_eq!(of("025201234500001"), of("0252012345-00001"));
    }

    #[test]
    fn what_no_name_begins_with_is_refused() {
        for wrong in ["", "-", "02520-", "0252012345-000011", "0252012345-0-", "x", "０", "0252012345 "] {
            assert_eq!(of(wrong), None, "{wrong}");
            assert!(beginning_with(wrong).is_err());
        }
    }
}
