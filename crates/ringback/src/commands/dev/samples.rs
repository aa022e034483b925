//! One sample of each of the four message types, published as a platform would: a firmware that becomes available, and
//! an upgrade that is scheduled, gets under way and finishes, well for one device and not for the other.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp, Unit};
use ringback_client::{Client, OutgoingMessage};
use ringback_wire::MessageType;
use serde_json::{Value, json};

use super::ACCOUNT;
use crate::failure::Outcome;

const FIRMWARE: &str = "FOTA_Sample_Model-A_01To02_HF";
const FROM: &str = "SampleFirmwareVersion-01";
const TO: &str = "SampleFirmwareVersion-02";
const DEVICES: [&str; 2] = ["990003425730535", "990000473475989"];

/// Publishes them; gives the ids of those that will be delivered.
pub(super) async fn publish(client: &Client) -> Outcome<HashSet<String>> {
    let mut ids = HashSet::new();
    let now = Timestamp::now();
    let now = now.round(Unit::Second).unwrap_or(now);
    for message in messages(&uuid::Uuid::new_v4().to_string(), now) {
        let message = OutgoingMessage::from_json(message.to_string().as_bytes())
            .map_err(ringback_client::Error::from)?;
        ids.extend(client.messages().publish(&message).await?.result.id);
    }
    Ok(ids)
}

fn messages(upgrade_id: &str, now: Timestamp) -> [Value; 4] {
    let start = (now + SignedDuration::from_mins(5)).to_string();
    let upgrade = |status: &str, devices: [(&str, &str); 2]| {
        let devices: Vec<Value> = DEVICES
            .iter()
            .zip(devices)
            .map(|(id, (status, reason))| json!({"deviceId": id, "status": status, "resultReason": reason}))
            .collect();
        json!({
            "upgradeId": upgrade_id, "firmwareName": FIRMWARE, "firmwareTo": TO, "startDate": start,
            "status": status, "deviceList": devices,
        })
    };
    let list = json!([{
        "firmwareName": FIRMWARE, "participantName": "0", "launchDate": now.to_string(),
        "releaseNote": "Improves reattach after loss of coverage", "model": "Model-A", "make": "Sample",
        "fromVersion": FROM, "toVersion": TO,
    }]);
    [
        message(MessageType::FirmwareList, list),
        message(
            MessageType::UpgradeScheduled,
            upgrade("Queued", [("RequestPending", ""), ("RequestPending", "")]),
        ),
        message(
            MessageType::UpgradeProgress,
            upgrade("InProgress", [("InProgress", ""), ("InProgress", "")]),
        ),
        message(
            MessageType::UpgradeFinished,
            upgrade(
                "Finished",
                [
                    ("UpgradeSuccess", "Upgrade completed successfully"),
                    ("UpgradeFailed", "Device unreachable"),
                ],
            ),
        ),
    ]
}

fn message(kind: MessageType, section: Value) -> Value {
    json!({"accountName": ACCOUNT, "participantName": "", "type": kind.as_str(), kind.as_str(): section})
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_samples_are_right_and_one_of_each_type() {
        let messages = messages("e3a8d88a-04c6-4ef3-b039-89b62f91e962", Timestamp::UNIX_EPOCH);
        let kinds: Vec<MessageType> = messages
            .iter()
            .map(|message| {
                ringback_wire::publish::parse_published(message.to_string().as_bytes()).unwrap().kind
            })
            .collect();
        assert_eq!(kinds, MessageType::ALL);
    }
}
