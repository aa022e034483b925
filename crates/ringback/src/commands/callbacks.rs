//! `ringback callbacks …`: Software Management Callbacks V1.

use std::time::Duration;

use ringback_client::{Client, RequestOptions};
use ringback_wire::api::LaneState;
use ringback_wire::v1::{CallbackService, FotaV1CallbackRegistrationRequest};

use super::stdin;
use crate::args::callbacks::{CallbacksCommand, DeregisterArgs, ListArgs, RegisterArgs};
use crate::failure::Outcome;
use crate::table::Table;
use crate::target::Target;
use crate::{output, target};

/// How long is waited for what is only a note.
const NOTE_WITHIN: Duration = Duration::from_secs(5);

pub(super) async fn run(command: CallbacksCommand) -> Outcome {
    match command {
        CallbacksCommand::List(args) => list(args).await,
        CallbacksCommand::Register(args) => register(args).await,
        CallbacksCommand::Deregister(args) => deregister(args).await,
    }
}

async fn list(args: ListArgs) -> Outcome {
    let callbacks = target::client(&args.connection)?.software_management_callbacks_v1();
    let mut registered = callbacks.list_registered_callbacks(&args.account).await?.result;
    // Ringback gives none; what another server gives is not for a screen or a log.
    registered.iter_mut().for_each(|one| one.password = None);
    if args.json {
        return output::say_json(&registered);
    }
    if registered.is_empty() {
        output::note(format_args!("nothing is registered for {}", args.account));
        return Ok(());
    }
    let mut table = Table::new(&["ACCOUNT", "SERVICE", "URL", "USERNAME"]);
    for one in registered {
        table.row([one.aname, one.name, one.url, one.username].map(Option::unwrap_or_default));
    }
    output::say(table)
}

async fn register(args: RegisterArgs) -> Outcome {
    let target = Target::find(&args.connection)?;
    let may_pause = !target.is_thingspace();
    let client = target.client()?;
    let password = if args.callback_password_stdin { Some(stdin::secret().await?) } else { None };
    let request = FotaV1CallbackRegistrationRequest {
        name: CallbackService::Fota.as_str().to_owned(),
        url: args.callback_url,
        username: args.callback_username,
        password,
    };
    let callbacks = client.software_management_callbacks_v1();
    let result = callbacks.register_callback(&args.account, &request).await?.result;
    if args.json {
        return output::say_json(&result);
    }
    output::say(format_args!("registered: callbacks of {} go to {}", args.account, request.url))?;
    if may_pause {
        note_a_pause(&client, &args.account).await;
    }
    Ok(())
}

/// Registering does not end a pause: who waits for callbacks is told.
async fn note_a_pause(client: &Client, account: &str) {
    let accounts = client.accounts().with_options(RequestOptions::new().timeout(NOTE_WITHIN));
    if let Ok(shown) = accounts.show(account).await
        && shown.result.state == LaneState::Paused
    {
        output::note(format_args!("none go out yet: {account} is {}", shown.result.lane));
    }
}

async fn deregister(args: DeregisterArgs) -> Outcome {
    let callbacks = target::client(&args.connection)?.software_management_callbacks_v1();
    let result = callbacks.deregister_callback(&args.account, CallbackService::Fota).await?.result;
    if args.json {
        output::say_json(&result)
    } else {
        output::say(format_args!("deregistered: {} gets no more callbacks", args.account))
    }
}
