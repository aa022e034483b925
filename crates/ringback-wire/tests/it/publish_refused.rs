//! What publishers may not send, and what they are told.

use ringback_wire::error_code;
use ringback_wire::publish::{InvalidMessage, MAX_KEY_BYTES, check_idempotency_key, parse_published};

fn refused(json: &str) -> InvalidMessage {
    parse_published(json.as_bytes()).expect_err(json)
}

/// A message of type `upgradeProgress` with more fields at the top, and with these in its section.
fn progress(more: &str, section: &str) -> String {
    format!(
        r#"{{"accountName":"0242078689-00001","type":"upgradeProgress",{more}"upgradeProgress":{{{section}}}}}"#
    )
}

#[track_caller]
fn assert_field(json: &str, field: &str, problem: &str) {
    let error = refused(json);
    let InvalidMessage::Field { field: found, problem: said } = &error else { panic!("{error}") };
    assert_eq!(found, field, "{error}");
    assert!(said.contains(problem), "{error}");
}

#[test]
fn what_is_not_json_is_told_from_what_is_wrong() {
    for json in ["{", "", " \n", "{\"a\":01}", "nope", "[1,]", "{} {}", "{\"a\":\"\n\"}", "\u{feff}{}"] {
        assert!(refused(json).is_not_json(), "{json}");
    }
    assert_eq!(refused("").code(), error_code::REQUEST_UNDEFINED);
    assert_eq!(refused("{").code(), error_code::INVALID_JSON);
    assert!(refused("{\"a\" 1}").to_string().contains("line 1 column 6"), "{}", refused("{\"a\" 1}"));
    assert!(parse_published(b"{\"a\":\"\xff\"}").unwrap_err().is_not_json());
    for json in ["[]", "7", "\"x\"", "null"] {
        assert_eq!(refused(json), InvalidMessage::NotAnObject);
        assert_eq!(refused(json).code(), error_code::INVALID_JSON);
    }
    assert_eq!(refused(&progress("", "")).code(), error_code::MESSAGE_INVALID);
}

#[test]
fn an_account_must_have_the_contracts_form() {
    for json in ["{}", r#"{"accountName":7}"#, r#"{"accountName":"1-1"}"#, r#"{"accountName":null}"#] {
        assert_field(json, "accountName", "##########-#####");
        assert_eq!(refused(json).code(), error_code::ACCOUNT_INVALID);
    }
}

#[test]
fn a_user_name_or_a_password_must_not_be_given() {
    for name in ["username", "password"] {
        let json = progress(&format!("\"{name}\":\"hunter2\","), r#""upgradeId":"1""#);
        assert_field(&json, name, "must not be given");
        assert!(!refused(&json).to_string().contains("hunter2"));
    }
}

#[test]
fn a_field_must_not_be_given_twice() {
    assert_field(&progress(r#""type":"upgradeProgress","#, r#""a":1"#), "type", "more than once");
    assert_field(&progress(r#""x":1,"y":2,"\u0078":1,"#, r#""a":1"#), "x", "more than once");
    assert_field(
        &progress("", r#""status":"Queued","status":"Queued""#),
        "upgradeProgress.status",
        "more than once",
    );
    assert_field(
        &progress("", r#""deviceList":[{},{"deviceId":"1","deviceId":"2"}]"#),
        "upgradeProgress.deviceList[1].deviceId",
        "more than once",
    );
}

#[test]
fn the_type_must_be_one_of_the_four() {
    let json = |kind: &str| progress("", r#""a":1"#).replacen("\"upgradeProgress\"", kind, 1);
    assert_field(
        &json("\"firmware\""),
        "type",
        "firmwareList, upgradeScheduled, upgradeProgress, upgradeFinished",
    );
    assert_field(&json("null"), "type", "must be one of");
    assert_field(&json("\"ping\""), "type", "/ping");
    assert_field(r#"{"accountName":"0242078689-00001"}"#, "type", "must be one of");
}

#[test]
fn the_types_section_must_be_there_and_not_empty() {
    for section in ["{}", "{ }"] {
        let json = progress("", "").replace("{}", section);
        assert_field(&json, "upgradeProgress", "an object that is not empty");
    }
    assert_field(
        r#"{"accountName":"0242078689-00001","type":"upgradeProgress"}"#,
        "upgradeProgress",
        "must be given",
    );
    let list = |list: &str| {
        format!(r#"{{"accountName":"0242078689-00001","type":"firmwareList","firmwareList":{list}}}"#)
    };
    assert_field(&list("[ ]"), "firmwareList", "an array of objects that is not empty");
    for wrong in ["{}", "null", "\"x\"", "7", "true", "1.5", "-1"] {
        assert_field(&list(wrong), "firmwareList", "must be an array of objects");
    }
    assert_field(&list("[{},[]]"), "firmwareList[1]", "must be an object");
    assert_field(&list(r#"[{"model":null}]"#), "firmwareList[0].model", "must be a string");
}

#[test]
fn a_section_that_does_not_apply_must_be_empty() {
    for (section, wrong) in [
        ("firmwareList", "[{}]"),
        ("firmwareList", "{}"),
        ("firmwareList", "null"),
        ("upgradeFinished", r#"{"upgradeId":"1"}"#),
        ("upgradeScheduled", "[]"),
    ] {
        let json = progress(&format!("\"{section}\":{wrong},"), r#""upgradeId":"1""#);
        assert_field(&json, section, "or left out, as the type is upgradeProgress");
    }
}

#[test]
fn documented_fields_must_have_their_types() {
    for (section, field, problem) in [
        (r#""upgradeId":7"#, "upgradeId", "must be a string"),
        (r#""firmwareTo":{"a":[1]}"#, "firmwareTo", "must be a string"),
        (r#""firmwareName":["x"]"#, "firmwareName", "must be a string"),
        (r#""status":"Done""#, "status", "RequestPending, Queued"),
        (r#""status":"finished""#, "status", "Finished"),
        (r#""startDate":"2018-04-01""#, "startDate", "RFC 3339"),
        (r#""startDate":null"#, "startDate", "must be a string"),
        (r#""deviceList":{}"#, "deviceList", "must be an array of objects"),
        (r#""deviceList":["990003425730535"]"#, "deviceList[0]", "must be an object"),
        (r#""deviceList":[{},{"deviceId":990003425730535}]"#, "deviceList[1].deviceId", "must be a string"),
    ] {
        assert_field(&progress("", section), &format!("upgradeProgress.{field}"), problem);
    }
    assert_field(&progress(r#""participantName":null,"#, r#""a":1"#), "participantName", "must be a string");
}

#[test]
fn keys_have_1_to_255_bytes() {
    let long = "é".repeat(MAX_KEY_BYTES / 2 + 1);
    for name in ["orderingKey", "idempotencyKey"] {
        for wrong in ["\"\"", r#""a\u0000""#, &format!("\"{long}\"")] {
            let json = progress(&format!("\"{name}\":{wrong},"), r#""upgradeId":"1""#);
            assert_field(&json, name, "1 to 255 bytes");
        }
        assert_field(&progress(&format!("\"{name}\":7,"), r#""upgradeId":"1""#), name, "must be a string");
    }
    assert_field(&progress(r#""idempotencyKey":null,"#, r#""a":1"#), "idempotencyKey", "must be a string");
    let json = progress(r#""idempotencyKey":"","#, r#""a":1"#);
    assert_eq!(refused(&json).code(), error_code::IDEMPOTENCY_KEY_INVALID);
    assert!(check_idempotency_key("k").is_ok() && check_idempotency_key("").is_err());
}

#[test]
fn an_upgrade_id_that_is_the_ordering_key_must_be_one() {
    for id in [String::new(), "x".repeat(256)] {
        assert_field(
            &progress("", &format!(r#""upgradeId":"{id}""#)),
            "upgradeProgress.upgradeId",
            "orderingKey",
        );
    }
}

#[test]
fn what_listeners_could_not_read_is_refused() {
    for wrong in ["1e999", "-1E400", r#""\ud800""#, r#"{"\udc00":1}"#, r#"[["\ud800x"]]"#] {
        let reason = "holds what listeners can't read";
        assert_field(&progress(&format!("\"new\":{wrong},"), r#""a":1"#), "new", reason);
        assert_field(&progress("", &format!(r#""new":{wrong}"#)), "upgradeProgress.new", reason);
    }
    assert_field(
        &progress("", r#""deviceList":[{"status":"\ud800"}]"#),
        "upgradeProgress.deviceList[0].status",
        "listeners",
    );
}

#[test]
fn an_error_is_short_whatever_was_sent() {
    let name = "n".repeat(100_000);
    let json = progress(&format!(r#""{name}":1,"{name}":1,"#), r#""a":1"#);
    assert!(refused(&json).to_string().len() < 1_000);
    let json = progress("", &format!(r#""{name}":1e999"#));
    assert!(refused(&json).to_string().len() < 1_000);
}

#[test]
fn a_hundred_thousand_unknown_fields_are_looked_through_quickly() {
    let many: String = (0..100_000).map(|at| format!("\"f{at}\":0,")).collect();
    let start = std::time::Instant::now();
    assert!(parse_published(progress(&many, r#""upgradeId":"1""#).as_bytes()).is_ok());
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
}
