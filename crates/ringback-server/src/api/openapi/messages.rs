//! Looking at messages, and sending them again.

use http::{Method, StatusCode};
use ringback_wire::api::{AttemptView, MessageList, MessageState, MessageView, ReplayAnswer, ReplayRequest};
use ringback_wire::schema::{AccountName, Time};
use ringback_wire::{MessageType, routes};
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::super::limits::Limits;
use super::super::message_view;
use super::super::principal::Wants;
use super::super::problem::Problem;
use super::super::query;
use super::operation::Operation;
use super::parameters::{self, ACCOUNT, MESSAGE_ID, in_query, text};

const TAG: &str = "Messages";

pub(super) fn operations(limits: &Limits) -> Vec<Operation> {
    vec![search(limits), show(), replay_one(), replay_many(limits)]
}

fn search(limits: &Limits) -> Operation {
    let named = |name| Ref::from_schema_name(name);
    Operation::new(Method::GET, routes::MESSAGES_PATH, "searchMessages", "Search messages")
        .tag(TAG)
        .says(
            "The newest first, of the credential's accounts. A page may hold fewer than `limit`, even none, and still have a \
             `next`. What is another's is not found, like what does not exist.",
        )
        .wants(Wants::Messages)
        .parameters([
            in_query("account", named(AccountName::name()), "Only this account's."),
            in_query("state", named(MessageState::name()), "Only in this state."),
            in_query("type", named(MessageType::name()), "Only of this type."),
            in_query("since", named(Time::name()), "Only accepted at this time or later."),
            in_query("until", named(Time::name()), "Only accepted before this time."),
            in_query("upgradeId", text(), "Only of this upgrade. Wants `account`."),
            in_query("device", text(), "Only about the device with this IMEI. Wants `account`."),
        ])
        .parameters(parameters::page(limits))
        .with_schema::<MessageType>()
        .with_schema::<Time>()
        .with_schema::<MessageState>()
        .with_schema::<AccountName>()
        .answers(StatusCode::OK, "A page", &MessageList { messages: vec![listed()], next: Some("MXMxNw".to_owned()) })
        .refuses([
            query::wrong("limit", &format!("must be a whole number from 1 to {}", limits.page_most)),
            Problem::account_form(),
            Problem::many_searches(),
        ])
}

fn show() -> Operation {
    let mut message = listed();
    message.attempts = Some(vec![AttemptView {
        attempt: 1,
        started_at: "2018-04-01T16:03:00.12Z".to_owned(),
        duration_ms: 43,
        endpoint: Some("https://10.120.102.183:50559".to_owned()),
        status: Some(200),
        error: None,
        excerpt: None,
        replay: false,
    }]);
    message.trace_id = Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned());
    message.message = message_view::raw(super::callbacks::kept_example().to_string().as_bytes());
    Operation::new(Method::GET, routes::MESSAGE_PATH, "getMessage", "Look at a message")
        .tag(TAG)
        .parameter(parameters::message())
        .wants(Wants::Messages)
        .answers(StatusCode::OK, "The message, with all that was tried for it", &message)
        .refuses([Problem::not_found()])
}

/// As a list has it.
fn listed() -> MessageView {
    MessageView {
        id: MESSAGE_ID.to_owned(),
        account: ACCOUNT.to_owned(),
        sequence: 17,
        kind: MessageType::UpgradeFinished,
        state: MessageState::Delivered,
        trace_id: None,
        ordering_key: Some("e3a8d88a-04c6-4ef3-b039-89b62f91e962".to_owned()),
        accepted_at: "2018-04-01T16:03:00.1Z".to_owned(),
        finished_at: Some("2018-04-01T16:03:00.163Z".to_owned()),
        death_cause: None,
        waits_for: None,
        waiting: None,
        waits_behind: None,
        next_attempt_at: None,
        attempt_count: 1,
        attempts: None,
        message: None,
    }
}

fn replay_one() -> Operation {
    let answer = |count| ReplayAnswer {
        count,
        at_least: false,
        dry_run: false,
        id: Some(MESSAGE_ID.to_owned()),
        state: Some(MessageState::Pending),
    };
    Operation::new(Method::POST, routes::MESSAGE_REPLAY_PATH, "replayMessage", "Send a message again")
        .tag(TAG)
        .says("With the same id and sequence number, behind what its ordering key has pending. A body is not looked at.")
        .parameter(parameters::message())
        .wants(Wants::Accounts)
        .answers(StatusCode::ACCEPTED, "It will be sent again", &answer(1))
        .answers(StatusCode::OK, "It waits already, and is tried now", &answer(0))
        .refuses([Problem::not_found(), Problem::not_registered()])
}

fn replay_many(limits: &Limits) -> Operation {
    let answer = |dry_run| ReplayAnswer { count: 3, at_least: false, dry_run, id: None, state: None };
    Operation::new(Method::POST, routes::ACCOUNT_REPLAY_PATH, "replayMessages", "Send an account's messages again")
        .tag(TAG)
        .says("The dead ones, unless `state` says otherwise; `pending` ones are tried now, all of them, so that `since` and `until` do not go with it. Where `dryRun` is said in either place they are only counted.")
        .parameter(parameters::account())
        .wants(Wants::Accounts)
        .parameter(in_query("dryRun", ObjectBuilder::new().schema_type(Type::Boolean), "Only count them."))
        .may_take::<ReplayRequest>("Which ones; may be empty.", json!({"state": "dead", "since": "2018-04-01T00:00:00Z"}))
        .body_refusals(limits.request_bytes)
        .answers(StatusCode::ACCEPTED, "They will be sent again", &answer(false))
        .answers(StatusCode::OK, "They were counted", &answer(true))
        .refuses([
            Problem::account_form(),
            Problem::pending_with_times(),
            Problem::not_found(),
            Problem::not_registered(),
            Problem::replay_under_way(),
        ])
}
