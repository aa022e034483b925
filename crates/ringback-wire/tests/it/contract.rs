//! The documented examples, read and written field for field.

use ringback_wire::message::{CallbackEvent, CallbackMessage, UpgradeStatus};
use ringback_wire::v1::*;

use crate::{fixture, round_trip};

#[test]
fn the_documented_requests_and_answers_are_read_and_written_unchanged() {
    let request: FotaV1CallbackRegistrationRequest = round_trip(&fixture("register-request"));
    assert_eq!(request.name, CallbackService::Fota.as_str());
    let result: FotaV1CallbackRegistrationResult = round_trip(&fixture("register-response"));
    assert_eq!(result.account_name.as_deref(), Some("0204563412-00001"));
    let list: Vec<RegisteredCallbacks> = round_trip(&fixture("list-response"));
    assert_eq!(list[0].name.as_deref(), Some("Fota"));
    let done: FotaV1SuccessResult = round_trip(&fixture("deregister-response"));
    assert_eq!(done.success, Some(true));
}

#[test]
fn the_documented_firmware_list_is_read_and_written_unchanged() {
    let message: CallbackMessage = round_trip(&fixture("message-firmware-list"));
    assert_eq!(message.username, "fota-user");
    assert_eq!(message.password.expose(), "fota-pass");
    let CallbackEvent::FirmwareList(items) = message.event else { panic!("{:?}", message.event) };
    assert_eq!(items[0].from_version.as_deref(), Some("VerizonFirmwareVersion-01"));
    assert!(message.extra.is_empty() && items[0].extra.is_empty());
}

#[test]
fn the_finished_upgrade_is_read_and_written_unchanged() {
    let message: CallbackMessage = round_trip(&fixture("message-upgrade-finished"));
    let upgrade = message.event.upgrade().unwrap();
    assert_eq!(upgrade.status, Some(UpgradeStatus::Finished));
    assert_eq!(upgrade.devices()[1].result_reason.as_deref(), Some("Device unreachable"));
}

#[test]
fn fields_that_are_not_set_are_left_out_and_null_is_not_set() {
    let request: FotaV1CallbackRegistrationRequest =
        serde_json::from_str(r#"{"name":"Fota","url":"http://a","username":null,"new":1}"#).unwrap();
    assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"name":"Fota","url":"http://a"}"#);
    assert_eq!(serde_json::to_string(&RegisteredCallbacks::default()).unwrap(), "{}");
}

#[test]
fn a_password_is_never_in_debug() {
    let request: FotaV1CallbackRegistrationRequest =
        serde_json::from_str(r#"{"name":"Fota","url":"http://a","username":"u","password":"hunter2"}"#)
            .unwrap();
    let message: CallbackMessage =
        serde_json::from_str(&fixture("message-upgrade-finished").replace("fota-pass", "hunter2")).unwrap();
    assert!(!format!("{request:?} {message:#?}").contains("hunter2"));
    assert!(serde_json::to_string(&request).unwrap().contains("hunter2"));
}

#[test]
fn an_error_body_has_a_code_and_a_message() {
    let error: FotaV1Result =
        round_trip(r#"{"errorCode":"INPUT_INVALID.RequestUndefined","errorMessage":"m"}"#);
    assert_eq!(error, FotaV1Result::new(ringback_wire::error_code::REQUEST_UNDEFINED, "m"));
}
