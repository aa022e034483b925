//! Ringback's own bodies: the field names that the documentation shows.

use ringback_wire::api::*;
use ringback_wire::message::{CallbackEvent, CallbackMessage};

use crate::round_trip;

#[test]
fn credentials_have_the_documented_fields() {
    let create: CredentialCreateRequest = round_trip(
        r#"{"name":"n","accounts":["*"],"scopes":["callbacks","publish","operate"],"username":"u","password":"hunter2"}"#,
    );
    assert_eq!(create.scopes, Scope::ALL);
    let created: CredentialCreated = round_trip(
        r#"{"name":"n","clientId":"c","clientSecret":"hunter2","username":"u","password":"hunter2","accounts":["0242078689-00001"],"scopes":[]}"#,
    );
    assert!(!format!("{create:?} {created:?}").contains("hunter2"));
    let _: CredentialList = round_trip(
        r#"{"credentials":[{"name":"n","clientId":"c","username":"u","accounts":[],"scopes":[],"createdAt":"t","revokedAt":"t","lockedUntil":"t"}]}"#,
    );
}

#[test]
fn a_credential_is_changed_one_way_at_a_time() {
    let rotate: CredentialPatch = round_trip(r#"{"rotate":{"overlapSeconds":86400}}"#);
    assert_eq!(rotate, CredentialPatch::Rotate { overlap_seconds: 86_400 });
    let _: CredentialPatch =
        round_trip(r#"{"grant":{"accounts":["0242078689-00001"],"scopes":["publish"]}}"#);
    let _: CredentialPatch = round_trip(r#"{"unlock":{}}"#);
    for wrong in [r#"{"rotate":{},"unlock":{}}"#, r#"{"rotate":{"overlap":"24h"}}"#, "{}"] {
        assert!(serde_json::from_str::<CredentialPatch>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_page_of_messages_keeps_their_bytes() {
    let page: CatchUpPage = serde_json::from_str(
        r#"{"first":1,"messages":[{"sequence":3,"id":"m","state":"pending","message":{"accountName":"a", "type":"ping","n":1.50}}],"last":3}"#,
    )
    .unwrap();
    assert_eq!(page.messages[0].message.get(), r#"{"accountName":"a", "type":"ping","n":1.50}"#);
    let message = CallbackMessage::parse(page.messages[0].message.get().as_bytes()).unwrap();
    assert_eq!(message.event, CallbackEvent::Ping);
}

#[test]
fn messages_and_attempts_have_the_documented_fields() {
    let view: MessageView = round_trip(
        r#"{"id":"m","account":"a","sequence":1,"type":"upgradeFinished","state":"dead","acceptedAt":"t","attemptCount":1,
            "attempts":[{"attempt":1,"startedAt":"t","durationMs":3,"status":500,"error":"e"}],"message":{"type":"x"}}"#,
    );
    assert_eq!(view.state, MessageState::Dead);
    let dead: MessageView = round_trip(
        r#"{"id":"m","account":"a","sequence":1,"type":"firmwareList","state":"dead","acceptedAt":"t","deathCause":"age","attemptCount":0}"#,
    );
    assert_eq!(dead.death_cause, Some(DeathCause::Age));
    let pending: MessageView = round_trip(
        r#"{"id":"m","account":"a","sequence":2,"type":"firmwareList","state":"pending","acceptedAt":"t","waitsFor":"message",
            "waiting":"waits behind message 1","waitsBehind":"n","attemptCount":0}"#,
    );
    assert_eq!(pending.waits_for, Some(WaitsFor::Message));
    let _: MessageList = round_trip(r#"{"messages":[],"next":"cursor"}"#);
    let search: MessageSearch =
        round_trip(r#"{"account":"a","state":"dead","type":"firmwareList","upgradeId":"u"}"#);
    assert_eq!(search.state, Some(MessageState::Dead));
}

#[test]
fn a_replay_answers_with_a_count_and_for_a_single_message_with_where_it_stands() {
    let _: ReplayAnswer = round_trip(r#"{"count":3,"dryRun":true}"#);
    let _: ReplayAnswer = round_trip(r#"{"count":3,"atLeast":true,"dryRun":false}"#);
    let one: ReplayAnswer = round_trip(r#"{"count":1,"dryRun":false,"id":"m","state":"pending"}"#);
    assert_eq!(one.state, Some(MessageState::Pending));
    let _: AckAnswer = round_trip(r#"{"through":4}"#);
}

#[test]
fn accounts_and_keys_have_the_documented_fields() {
    let view: AccountView = round_trip(
        r#"{"account":"a","pull":false,"state":"hold","lane":"on hold since …","counts":{"accepted":4,"delivered":1,"pending":1,"dead":1,"cancelled":1},"oldestPendingAt":"t","lastError":"e"}"#,
    );
    assert_eq!(view.state, LaneState::Hold);
    let keys: SigningKeyAnswer = round_trip(
        r#"{"secret":"whsec_s","publicKey":"whpk_p","previous":[{"secret":"whsec_o","publicKey":"whpk_o","expiresAt":"t"}]}"#,
    );
    assert!(!format!("{keys:?}").contains("whsec_"));
}

#[test]
fn requests_that_change_something_refuse_fields_they_do_not_know() {
    assert!(serde_json::from_str::<AckRequest>(r#"{"through":1,"upTo":2}"#).is_err());
    assert!(serde_json::from_str::<PullRequest>(r#"{"enabled":true,"x":1}"#).is_err());
    assert!(serde_json::from_str::<ReplayRequest>(r#"{"dryrun":true}"#).is_err());
    assert_eq!(serde_json::from_str::<ReplayRequest>("{}").unwrap(), ReplayRequest::default());
}
