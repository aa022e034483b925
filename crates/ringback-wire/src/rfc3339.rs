//! Whether a text is a date and time of RFC 3339.

/// Whether `text` is a `date-time` of RFC 3339 §5.6, with the offset it demands: `2018-04-01T16:03:00.000Z`,
/// `2018-04-01T18:03:00+02:00`. `T` and `Z` may be lower case; the second may be 60 (a leap second). The day must be one
/// of its month.
#[must_use]
pub fn is_date_time(text: &str) -> bool {
    check(text.as_bytes()).is_some()
}

fn check(text: &[u8]) -> Option<()> {
    let (head, tail) = text.split_at_checked(19)?;
    let separated = head[4] == b'-'
        && head[7] == b'-'
        && matches!(head[10], b'T' | b't')
        && head[13] == b':'
        && head[16] == b':';
    let (year, month, day) = (number(&head[..4])?, number(&head[5..7])?, number(&head[8..10])?);
    let (hour, minute, second) = (number(&head[11..13])?, number(&head[14..16])?, number(&head[17..])?);
    let right = separated
        && (1..=days_in(year, month)).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 60
        && is_offset(without_fraction(tail)?);
    right.then_some(())
}

/// `tail` without a leading `.` and its digits; `None` for a point without digits.
fn without_fraction(tail: &[u8]) -> Option<&[u8]> {
    let Some(digits) = tail.strip_prefix(b".") else { return Some(tail) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then(|| &digits[count..])
}

fn is_offset(text: &[u8]) -> bool {
    match text {
        b"Z" | b"z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            number(&[*h1, *h2]).is_some_and(|hours| hours <= 23)
                && number(&[*m1, *m2]).is_some_and(|minutes| minutes <= 59)
        }
        _ => false,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

/// Days in a month of the Gregorian calendar; 0 where there is no such month.
const fn days_in(year: u32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_with_a_time_and_an_offset_are_right() {
        for text in [
            "2018-04-01T16:03:00.000Z",
            "2018-04-01T16:03:00Z",
            "2018-04-01t16:03:00z",
            "2024-02-29T00:00:00+05:30",
            "2000-02-29T23:59:60-00:00",
            "2018-04-01T16:03:00.123456789123Z",
        ] {
            assert!(is_date_time(text), "{text}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        for text in [
            "",
            "2018-04-01",
            "2018-04-01T16:03:00",
            "2018-04-01 16:03:00Z",
            "2018-04-01T16:03Z",
            "2018-04-01T16:03:00.Z",
            "2018-04-01T16:03:00+0200",
            "2018-04-01T24:03:00Z",
            "2018-13-01T16:03:00Z",
            "2018-00-01T16:03:00Z",
            "2023-02-29T16:03:00Z",
            "1900-02-29T16:03:00Z",
            "2018-04-31T16:03:00Z",
            "2018-04-01T16:03:00Z[UTC]",
            "+018-04-01T16:03:00Z",
            "2018-04-01T16:03:00ä",
        ] {
            assert!(!is_date_time(text), "{text}");
        }
    }
}
