//! `ringback callbacks …`: Software Management Callbacks V1.

use ringback_wire::routes;
use ringback_wire::v1::{
    CallbackService, FotaV1CallbackRegistrationRequest, FotaV1CallbackRegistrationResult,
    FotaV1SuccessResult, RegisteredCallbacks,
};

use super::stdin;
use crate::args::callbacks::{CallbacksCommand, DeregisterArgs, ListArgs, RegisterArgs};
use crate::args::connection::ConnectionArgs;
use crate::failure::{Failure, Outcome};
use crate::http_client::ApiClient;
use crate::output;
use crate::table::Table;
use crate::target::Target;

pub(super) async fn run(command: CallbacksCommand) -> Outcome {
    match command {
        CallbacksCommand::List(args) => list(args).await,
        CallbacksCommand::Register(args) => register(args).await,
        CallbacksCommand::Deregister(args) => deregister(args).await,
    }
}

async fn list(args: ListArgs) -> Outcome {
    let client = logged_in(&args.connection).await?;
    let registered: Vec<RegisteredCallbacks> = client.get(&routes::callbacks_path(&args.account)).await?;
    if args.json {
        output::say_json(&registered);
        return Ok(());
    }
    if registered.is_empty() {
        output::note(format_args!("nothing is registered for {}", args.account));
        return Ok(());
    }
    let mut table = Table::new(&["ACCOUNT", "SERVICE", "URL", "USERNAME"]);
    for one in registered {
        table.row([one.aname, one.name, one.url, one.username].map(Option::unwrap_or_default));
    }
    output::say(table);
    Ok(())
}

async fn register(args: RegisterArgs) -> Outcome {
    let password = if args.password_stdin { Some(stdin::secret().await?) } else { None };
    let request = FotaV1CallbackRegistrationRequest {
        name: CallbackService::Fota.as_str().to_owned(),
        url: args.callback_url,
        username: args.username,
        password,
    };
    let client = logged_in(&args.connection).await?;
    let result: FotaV1CallbackRegistrationResult =
        client.post(&routes::callbacks_path(&args.account), &request).await?;
    if args.json {
        output::say_json(&result);
    } else {
        output::say(format_args!("registered: callbacks of {} go to {}", args.account, request.url));
    }
    Ok(())
}

async fn deregister(args: DeregisterArgs) -> Outcome {
    let client = logged_in(&args.connection).await?;
    let path = routes::callback_path(&args.account, CallbackService::Fota.as_str());
    let answer = client.delete(&path).await?;
    if args.json {
        let result: FotaV1SuccessResult =
            serde_json::from_slice(&answer).map_err(|error| Failure::from(anyhow::Error::new(error)))?;
        output::say_json(&result);
    } else {
        output::say(format_args!("deregistered: {} gets no more callbacks", args.account));
    }
    Ok(())
}

async fn logged_in(connection: &ConnectionArgs) -> Outcome<ApiClient> {
    let mut client = ApiClient::connect(Target::find(connection)?).await?;
    client.log_in().await?;
    Ok(client)
}
