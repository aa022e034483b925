use ringback_delivery::AccountId;
use ringback_wire::account::is_account_name;

/// The wire and the domain agree on what an account's name is, and it reads back as it was written.
pub fn account(data: &[u8]) {
    let Ok(name) = std::str::from_utf8(data) else { return };
    let read = name.parse::<AccountId>();
    assert_eq!(read.is_ok(), is_account_name(name));
    if let Ok(account) = read {
        assert_eq!(account.to_string(), name);
        assert_eq!(AccountId::from_number(account.number()), Some(account));
    }
}
