//! The form of an account's name.

/// Bytes in an account's name: ten digits, a hyphen, five digits.
pub const ACCOUNT_NAME_BYTES: usize = 16;

/// What a right account name looks like, for messages.
pub const ACCOUNT_NAME_FORM: &str = "##########-#####";

/// Whether `name` has the form `##########-#####`: ten ASCII digits, a hyphen, five ASCII digits, leading zeros kept
/// (contract §2). Says nothing about whether there is such an account.
#[must_use]
pub fn is_account_name(name: &str) -> bool {
    name.len() == ACCOUNT_NAME_BYTES
        && name
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 10 { byte == b'-' } else { byte.is_ascii_digit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_name_is_ten_digits_a_hyphen_and_five_digits() {
        assert!(is_account_name("0242078689-00001"));
        assert!(is_account_name("0000000000-00000"));
    }

    #[test]
    fn anything_else_is_not_an_account_name() {
        for name in [
            "",
            "242078689-00001",
            "02420786890-0001",
            "0242078689-0000a",
            "0242078689_00001",
            " 242078689-00001",
            "0242078689-00001\n",
            "٠242078689-0001",
        ] {
            assert!(!is_account_name(name), "{name:?}");
        }
    }
}
