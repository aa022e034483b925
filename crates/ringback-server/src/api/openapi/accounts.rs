//! Accounts as they stand, holding and releasing their lanes, and trying their endpoints.

use http::{Method, StatusCode};
use ringback_wire::api::{
    AccountCounts, AccountList, AccountSort, AccountView, CheckAnswer, LaneState, PingAnswer,
    RegistrationView,
};
use ringback_wire::routes;
use utoipa::ToSchema;
use utoipa::openapi::Ref;

use super::super::limits::Limits;
use super::super::principal::Wants;
use super::super::problem::Problem;
use super::super::query;
use super::operation::Operation;
use super::parameters::{self, ACCOUNT, MESSAGE_ID, in_query, text};

const TAG: &str = "Accounts";

pub(super) fn operations(limits: &Limits) -> Vec<Operation> {
    vec![list(limits), show(), pause(), resume(), restore(), ping(), check()]
}

/// An operation on one account.
fn on_account(method: Method, path: &'static str, id: &str, summary: &str, wants: Wants) -> Operation {
    Operation::new(method, path, id, summary)
        .tag(TAG)
        .parameter(parameters::account())
        .wants(wants)
        .refuses([Problem::account_form(), Problem::not_found()])
}

fn list(limits: &Limits) -> Operation {
    Operation::new(Method::GET, routes::ACCOUNTS_PATH, "listAccounts", "List accounts")
        .tag(TAG)
        .says("The credential's; of one for all accounts, those that something was done for.")
        .wants(Wants::Accounts)
        .parameters([
            in_query(
                "prefix",
                text().pattern(Some("^([0-9]{1,10}|[0-9]{10}-[0-9]{0,5}|[0-9]{11,15})$")),
                "Only those whose name begins so. Does not go with `sort=trouble`.",
            ),
            in_query(
                "sort",
                Ref::from_schema_name(AccountSort::name()),
                "By `name`, where left out. With `trouble` there is one page, and no `cursor`.",
            ),
        ])
        .parameters(parameters::page(limits))
        .with_schema::<AccountSort>()
        .answers(StatusCode::OK, "A page", &AccountList { accounts: vec![account()], next: None })
        .refuses([query::wrong("sort", "must be one of name, trouble")])
}

fn account() -> AccountView {
    AccountView {
        account: ACCOUNT.to_owned(),
        registration: Some(RegistrationView {
            service: "Fota".to_owned(),
            url: "https://10.120.102.183:50559/CallbackListener/FirmwareServiceMessages.asmx".to_owned(),
            username: Some("fota-user".to_owned()),
            registered_at: "2018-04-01T15:00:00Z".to_owned(),
        }),
        pull: false,
        state: LaneState::Active,
        lane: "active".to_owned(),
        counts: AccountCounts { accepted: 17, delivered: 16, pending: 1, dead: 0, cancelled: 0 },
        oldest_pending_at: Some("2018-04-01T16:03:00.1Z".to_owned()),
        last_error: None,
    }
}

fn show() -> Operation {
    on_account(Method::GET, routes::ACCOUNT_PATH, "getAccount", "Look at an account", Wants::Accounts)
        .answers(StatusCode::OK, "The account", &account())
}

fn pause() -> Operation {
    on_account(Method::POST, routes::ACCOUNT_PAUSE_PATH, "pauseAccount", "Hold deliveries", Wants::Operate)
        .says("Messages are accepted and wait. A body is not looked at.")
        .answers(StatusCode::OK, "The account", &AccountView { state: LaneState::Paused, ..account() })
}

fn resume() -> Operation {
    on_account(
        Method::POST,
        routes::ACCOUNT_RESUME_PATH,
        "resumeAccount",
        "Let deliveries go",
        Wants::Operate,
    )
    .says("Ends a pause, a hold and a suspension. A body is not looked at.")
    .answers(StatusCode::OK, "The account", &account())
}

fn restore() -> Operation {
    on_account(
        Method::POST,
        routes::REGISTRATION_RESTORE_PATH,
        "restoreRegistration",
        "Bring the replaced registration back",
        Wants::Accounts,
    )
    .says("If nothing was registered or deregistered since. A body is not looked at.")
    .answers(StatusCode::OK, "The account", &account())
    .refuses([Problem::nothing_to_restore()])
}

fn ping() -> Operation {
    let answer =
        PingAnswer { id: MESSAGE_ID.to_owned(), ok: true, status: Some(200), error: None, duration_ms: 43 };
    on_account(Method::POST, routes::ACCOUNT_PING_PATH, "pingEndpoint", "Send a test message", Wants::Accounts)
        .says("Signed, of `type` `ping`, without a sequence number, outside of every count. That it failed is an answer, not an error. A body is not looked at.")
        .parameter(parameters::trace("It goes on in the test message."))
        .answers(StatusCode::OK, "What the endpoint did", &answer)
        .refuses([Problem::not_registered(), Problem::being_tried()])
}

fn check() -> Operation {
    let answer = CheckAnswer {
        ok: false,
        address_class: Some("private".to_owned()),
        policy: Some("allowed".to_owned()),
        error: Some("the connection was refused".to_owned()),
        duration_ms: 3,
        ..CheckAnswer::default()
    };
    on_account(Method::POST, routes::ACCOUNT_CHECK_PATH, "checkEndpoint", "Try the endpoint", Wants::Accounts)
        .says(
            "A test message, and what was found on the way. A success ends a hold. A body is not looked at.",
        )
        .parameter(parameters::trace("It goes on in the test message."))
        .answers(StatusCode::OK, "What was found, as far as it went", &answer)
        .refuses([Problem::not_registered(), Problem::being_tried(), Problem::checked_just_now()])
}
