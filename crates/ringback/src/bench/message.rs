//! The message that everything is measured with: an upgrade that finished on seven devices, a kilobyte of JSON.
//!
//! Each is of an upgrade of its own, whose id is the message's *mark*: by it an arrival at the sink is known again.

use ringback_delivery::AccountId;
use ringback_wire::publish::{parse_published, splice_credentials};

/// What an account registers with its URL, and every delivery bears.
pub(super) const USER_NAME: &str = "bench-user";
pub(super) const PASSWORD: &str = "bench-password";

const DEVICES: u64 = 7;
const UPGRADE_ID: &[u8] = b"\"upgradeId\":\"00000000-0000-4000-8000-";
const MARK_DIGITS: usize = 12;
const ACCOUNT_NAME: &[u8] = b"\"accountName\":\"";

/// A message's text, and where in it account and mark stand.
#[derive(Clone)]
pub(super) struct Template {
    text: Vec<u8>,
    account_at: usize,
    mark_at: usize,
}

impl Template {
    /// The message as it is published.
    pub(super) fn new() -> Self {
        let device = |n: u64| {
            format!(
                r#"{{"deviceId":"99000342573053{n}","status":"UpgradeSuccess","resultReason":"Upgrade completed successfully"}}"#
            )
        };
        let devices = (0..DEVICES).map(device).collect::<Vec<_>>().join(",");
        let text = format!(
            r#"{{"accountName":"0000000000-00000","type":"upgradeFinished","upgradeFinished":{{"upgradeId":"00000000-0000-4000-8000-000000000000","firmwareName":"FOTA_Model-A_01To02","startDate":"2018-04-01T16:03:00.000Z","status":"Finished","deviceList":[{devices}]}}}}"#
        )
        .into_bytes();
        let after = |what: &[u8]| find(&text, what).map_or(0, |at| at + what.len());
        let (account_at, mark_at) = (after(ACCOUNT_NAME), after(UPGRADE_ID));
        Self { text, account_at, mark_at }
    }

    /// Writes the message of this account and mark behind what is there.
    pub(super) fn write(&self, out: &mut Vec<u8>, account: AccountId, mark: u64) {
        let start = out.len();
        out.extend_from_slice(&self.text);
        let name = account.to_string();
        out[start + self.account_at..][..name.len()].copy_from_slice(name.as_bytes());
        let digits = format!("{mark:012x}");
        out[start + self.mark_at..][..MARK_DIGITS].copy_from_slice(digits.as_bytes());
    }

    /// The message's size as it is published, in bytes.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }
}

/// A message as it is delivered.
pub(super) fn delivered(account: AccountId, mark: u64) -> Vec<u8> {
    let mut text = Vec::new();
    Template::new().write(&mut text, account, mark);
    let body = parse_published(&text).map(|published| published.body).unwrap_or_default();
    splice_credentials(&body, USER_NAME, PASSWORD)
}

/// The mark of a delivered message, if it is one of ours.
pub(super) fn mark_of(body: &[u8]) -> Option<u64> {
    let at = find(body, UPGRADE_ID)? + UPGRADE_ID.len();
    let digits = std::str::from_utf8(body.get(at..at + MARK_DIGITS)?).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, what)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_delivered_message_bears_its_account_and_its_mark_and_is_a_kilobyte() {
        let account: AccountId = "0242078689-00001".parse().unwrap();
        let body = delivered(account, 0x12_3456_789a);
        assert_eq!(mark_of(&body), Some(0x12_3456_789a));
        assert!(find(&body, b"\"accountName\":\"0242078689-00001\"").is_some());
        assert!((1000..1400).contains(&body.len()), "{}", body.len());
        assert_eq!(mark_of(b"{\"type\":\"ping\"}"), None);
    }
}
