//! An account reading its own messages back.

use http::{Method, StatusCode};
use ringback_wire::api::{
    AckAnswer, AckRequest, CatchUpMessage, CatchUpPage, MAX_WAIT_SECONDS, MessageState, PullAnswer,
    PullRequest,
};
use ringback_wire::routes;
use serde_json::json;

use super::super::catch_up::MOST_AFTER;
use super::super::limits::Limits;
use super::super::message_view;
use super::super::principal::Wants;
use super::super::problem::Problem;
use super::super::query;
use super::callbacks::kept_example;
use super::operation::Operation;
use super::parameters::{self, MESSAGE_ID, in_query, limit, whole};

const TAG: &str = "Reading back";

pub(super) fn operations(limits: &Limits) -> Vec<Operation> {
    vec![read_on(limits), pull(limits), acknowledge(limits)]
}

fn read_on(limits: &Limits) -> Operation {
    let message = message_view::raw(kept_example().to_string().as_bytes()).map(|message| CatchUpMessage {
        sequence: 17,
        id: MESSAGE_ID.to_owned(),
        state: MessageState::Delivered,
        message,
    });
    let page = CatchUpPage { first: 1, messages: message.into_iter().collect(), last: 17 };
    Operation::new(Method::GET, routes::ACCOUNT_MESSAGES_PATH, "readMessages", "Read an account's messages")
        .tag(TAG)
        .says("Those behind a sequence number, in order. With `wait` it answers as soon as there is one.")
        .parameter(parameters::account())
        .wants(Wants::Callbacks)
        .parameters([
            in_query(
                "after",
                whole(0, MOST_AFTER as usize).default(Some(0.into())),
                "The sequence number behind which to read on.",
            ),
            limit(limits.catch_up, limits.catch_up_most),
            in_query(
                "wait",
                whole(0, MAX_WAIT_SECONDS as usize).default(Some(0.into())),
                "How long to wait for a message where there is none, in seconds.",
            ),
        ])
        .answers(StatusCode::OK, "A page", &page)
        .refuses([
            query::wrong("wait", &format!("must be a whole number from 0 to {MAX_WAIT_SECONDS}")),
            Problem::account_form(),
            Problem::not_found(),
            Problem::many_polls(),
        ])
}

fn pull(limits: &Limits) -> Operation {
    Operation::new(Method::PUT, routes::ACCOUNT_PULL_PATH, "setPull", "Keep messages without a URL")
        .tag(TAG)
        .says("While pull is on, messages are accepted and kept for the account even when nothing is registered.")
        .parameter(parameters::account())
        .wants(Wants::Callbacks)
        .takes::<PullRequest>("On or off.", json!({"enabled": true}))
        .body_refusals(limits.request_bytes)
        .answers(StatusCode::OK, "As it is now", &PullAnswer { enabled: true })
        .refuses([Problem::account_form(), Problem::not_found()])
}

fn acknowledge(limits: &Limits) -> Operation {
    Operation::new(
        Method::POST,
        routes::ACCOUNT_ACK_PATH,
        "acknowledgeMessages",
        "Say which messages one has",
    )
    .tag(TAG)
    .says("Messages up to the number count as delivered, and pushes of them that wait are dropped.")
    .parameter(parameters::account())
    .wants(Wants::Callbacks)
    .takes::<AckRequest>("The last one that was read.", json!({"through": 17}))
    .body_refusals(limits.request_bytes)
    .answers(StatusCode::OK, "The highest number acknowledged so far", &AckAnswer { through: 17 })
    .refuses([
        Problem::account_form(),
        query::wrong("through", "must be 17 at most: that is the last message so far"),
        Problem::not_found(),
    ])
}
