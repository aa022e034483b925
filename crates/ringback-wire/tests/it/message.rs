//! The callback message as listeners get it: generous in what is read.

use ringback_wire::message::{CallbackEvent, CallbackMessage, Upgrade, UpgradeStatus};

use crate::round_trip;

const EMPTY: &str = r#""firmwareList":[],"upgradeScheduled":{},"upgradeProgress":{},"upgradeFinished":{}"#;

fn message(head: &str, sections: &str) -> String {
    format!(r#"{{"accountName":"a","participantName":"","username":"","password":"",{head}{sections}}}"#)
}

#[test]
fn a_type_that_is_not_known_is_kept_with_all_its_data() {
    let json = message(r#""type":"modemReset","modemReset":{"imei":["1",2.5]},"#, EMPTY);
    let message: CallbackMessage = round_trip(&json);
    assert_eq!(message.event, CallbackEvent::Unknown { kind: "modemReset".into() });
    assert_eq!(message.extra["modemReset"]["imei"][0], "1");
}

#[test]
fn fields_that_are_not_known_are_kept_at_every_level() {
    let json = message(
        r#""type":"upgradeProgress","sent":[1],"firmwareList":[],"upgradeScheduled":{},"upgradeFinished":{},"#,
        r#""upgradeProgress":{"percent":18446744073709551615,"status":"Paused","deviceList":[{"x":null}]}"#,
    );
    let message: CallbackMessage = round_trip(&json);
    let upgrade = message.event.upgrade().unwrap();
    assert_eq!(upgrade.status, Some(UpgradeStatus::Other("Paused".into())));
    assert_eq!(upgrade.extra["percent"], u64::MAX);
    assert!(upgrade.devices()[0].extra.contains_key("x"));
}

#[test]
fn a_section_that_does_not_apply_and_is_not_empty_is_kept() {
    let json = message(
        r#""type":"upgradeFinished","upgradeScheduled":{"upgradeId":"1"},"#,
        r#""firmwareList":{},"upgradeProgress":[],"upgradeFinished":{}"#,
    );
    let message: CallbackMessage = round_trip(&json);
    assert_eq!(message.event, CallbackEvent::UpgradeFinished(Upgrade::default()));
    assert_eq!(message.extra.len(), 3);
}

#[test]
fn what_is_missing_or_null_is_empty() {
    let read = CallbackMessage::parse(
        br#"{"accountName":"a","type":"upgradeScheduled","username":null,"upgradeScheduled":null}"#,
    )
    .unwrap();
    assert_eq!(read, CallbackMessage::new("a", CallbackEvent::UpgradeScheduled(Upgrade::default())));
    let firmware = CallbackMessage::parse(br#"{"accountName":"a","type":"firmwareList"}"#).unwrap();
    assert_eq!(firmware.event, CallbackEvent::FirmwareList(Vec::new()));
}

#[test]
fn what_is_written_has_the_whole_envelope() {
    let mut ping = CallbackMessage::new("a", CallbackEvent::Ping);
    ping.extra.insert("type".into(), "never twice".into());
    let wanted: serde_json::Value = serde_json::from_str(&message(r#""type":"ping","#, EMPTY)).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&serde_json::to_string(&ping).unwrap()).unwrap(),
        wanted
    );
    assert_eq!(serde_json::to_string(&ping).unwrap().matches("\"type\"").count(), 1);
}

#[test]
fn a_documented_field_of_another_type_is_an_error_that_names_the_section() {
    let error = CallbackMessage::parse(
        br#"{"accountName":"a","type":"upgradeFinished","upgradeFinished":{"deviceList":7}}"#,
    )
    .unwrap_err();
    assert!(error.to_string().starts_with("upgradeFinished: invalid type: "), "{error}");
    assert!(CallbackMessage::parse(br#"{"type":"ping"}"#).unwrap_err().to_string().contains("accountName"));
    assert!(CallbackMessage::parse(br#"{"accountName":"a"}"#).unwrap_err().to_string().contains("type"));
}
