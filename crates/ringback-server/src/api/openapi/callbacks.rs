//! Software Management Callbacks V1 (contract, section 2), and the callbacks that are sent (section 3).

use http::{Method, StatusCode};
use ringback_wire::message::CallbackMessage;
use ringback_wire::v1::{
    CallbackService, FotaV1CallbackRegistrationRequest, FotaV1CallbackRegistrationResult,
    FotaV1SuccessResult, RegisteredCallbacks,
};
use ringback_wire::{headers, routes};
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, Required};

use super::super::limits::Limits;
use super::super::principal::Wants;
use super::super::problem::Problem;
use super::operation::Operation;
use super::parameters::{self, MESSAGE_ID, in_header, in_path, text, whole};

const TAG: &str = "Callbacks";

pub(super) fn operations(limits: &Limits) -> Vec<Operation> {
    vec![list(), register(limits), deregister()]
}

fn callbacks(method: Method, path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new(method, path, id, summary)
        .tag(TAG)
        .parameter(parameters::account())
        .session_wants(Wants::Callbacks)
        .refuses([Problem::account_form(), Problem::account_name()])
}

fn list() -> Operation {
    let registered = RegisteredCallbacks {
        aname: Some("0252012345-00001".to_owned()),
        name: Some(CallbackService::Fota.as_str().to_owned()),
        url: Some(CALLBACK_URL.to_owned()),
        ..RegisteredCallbacks::default()
    };
    callbacks(Method::GET, routes::CALLBACKS_PATH, "listCallbacks", "List registered callbacks").answers_list(
        StatusCode::OK,
        "The registration, or nothing; never its password",
        &[registered],
    )
}

/// The contract's.
const CALLBACK_URL: &str = "http://10.120.102.183:50559/CallbackListener/FirmwareServiceMessages.asmx";

fn register(limits: &Limits) -> Operation {
    callbacks(Method::POST, routes::CALLBACKS_PATH, "registerCallback", "Register a callback URL")
        .says("Replaces the account's earlier registration: later attempts of earlier messages go to the new URL, too.")
        .takes::<FotaV1CallbackRegistrationRequest>(
            "Where callbacks go, and the user name and password that each is to bear.",
            json!({"name": "Fota", "url": CALLBACK_URL.replace("http:", "https:")}),
        )
        .body_refusals(limits.request_bytes)
        .answers(
            StatusCode::OK,
            "It is registered",
            &FotaV1CallbackRegistrationResult {
                account_name: Some("0204563412-00001".to_owned()),
                service_name: Some(CallbackService::Fota.as_str().to_owned()),
            },
        )
        .refuses([Problem::other_service(), Problem::callback_url("the URL must be http or https")])
}

fn deregister() -> Operation {
    callbacks(Method::DELETE, routes::CALLBACK_PATH, "deregisterCallback", "Deregister the callback URL")
        .says("Once it is answered no attempt starts; what is pending is cancelled.")
        .parameter(in_path(
            "service",
            Ref::from_schema_name(CallbackService::name()),
            "The service.",
            json!("Fota"),
        ))
        .answers(StatusCode::OK, "It is deregistered", &FotaV1SuccessResult { success: Some(true) })
        .refuses([Problem::other_service(), Problem::nothing_registered()])
        .with_schema::<CallbackService>()
}

/// The contract's message, as it is kept: without user name and password.
pub(super) fn kept_example() -> serde_json::Value {
    let text = include_str!("../../../tests/fixtures/message-upgrade-finished.json");
    let mut message: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(fields) = message.as_object_mut() {
        fields.retain(|name, _| name != "username" && name != "password");
    }
    message
}

/// A callback as it is sent to the registered URL, for the document's `webhooks`.
pub(super) fn webhook() -> Operation {
    let done = |description| ResponseBuilder::new().description(description);
    let operation = Operation::new(Method::POST, "callback", "callback", "A message for the registered URL")
        .tag(TAG)
        .says(
            "Sent until it is answered with a 2xx, at least once: `webhook-id` tells a duplicate. The signature follows \
             Standard Webhooks, with the account's signing key, over `webhook-id.webhook-timestamp.body`. A message with \
             `type` `ping` is a test, and bears no sequence number.",
        )
        .open()
        .parameters(webhook_headers())
        .answers_with(StatusCode::OK, done("Any 2xx: it is kept, and is not sent again."))
        .answers_with(StatusCode::GONE, done("Nobody wants messages here: nothing is sent until the account registers again."));
    let content = |operation: &mut Operation| {
        ContentBuilder::new()
            .schema(Some(operation.schema::<CallbackMessage>()))
            .example(
                serde_json::from_str(include_str!("../../../tests/fixtures/message-upgrade-finished.json"))
                    .ok(),
            )
            .build()
    };
    let mut operation = operation;
    let content = content(&mut operation);
    operation.takes_contents("The message.", [("application/json", content)], Required::True)
}

fn webhook_headers() -> Vec<Parameter> {
    let required = |mut parameter: Parameter, example: serde_json::Value| {
        parameter.required = Required::True;
        let mut parameter = utoipa::openapi::path::ParameterBuilder::from(parameter);
        parameter = parameter.example(Some(example));
        parameter.build()
    };
    let from_one = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1_usize));
    vec![
        required(
            in_header(headers::WEBHOOK_ID, text(), "The message's id: the same on every attempt."),
            json!(MESSAGE_ID),
        ),
        required(
            in_header(
                headers::WEBHOOK_TIMESTAMP,
                whole(0, u32::MAX as usize),
                "When this attempt was made, in whole Unix seconds.",
            ),
            json!(1_522_598_580),
        ),
        required(
            in_header(
                headers::WEBHOOK_SIGNATURE,
                text(),
                "The signatures, separated by spaces: `v1,` and the base64 of an HMAC-SHA256; where the server is told to, \
                 `v1a,` and that of an Ed25519 signature.",
            ),
            json!("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ),
        in_header(
            headers::RINGBACK_SEQUENCE,
            from_one(),
            "The message's number in its account: from 1, without gaps. A ping has none.",
        ),
        required(
            in_header(
                headers::RINGBACK_ATTEMPT,
                from_one(),
                "Which attempt this is; a replay goes on counting.",
            ),
            json!(1),
        ),
        in_header(
            headers::RINGBACK_REPLAY,
            text().enum_values(Some([headers::REPLAY_VALUE])),
            "There when a person sent the message again.",
        ),
        in_header(
            headers::TRACEPARENT,
            text().pattern(Some("^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$")).examples([parameters::TRACEPARENT]),
            "The trace that the message was published in, and this attempt's span; not there where it was in none.",
        ),
    ]
}
