//! `ringback messages replay`.

use ringback_client::Client;
use ringback_wire::api::{LaneState, ReplayAnswer, ReplayRequest, WaitsFor};

use crate::args::messages::ReplayArgs;
use crate::failure::{Failure, Outcome};
use crate::{output, target};

pub(super) async fn run(args: ReplayArgs) -> Outcome {
    let client = target::client(&args.connection)?;
    let messages = client.messages();
    let answer = match (&args.id, &args.account) {
        (Some(id), _) => messages.replay(id).await?.into_result(),
        (None, Some(account)) => {
            let request = ReplayRequest {
                state: args.state,
                since: args.since.map(|since| since.to_string()),
                until: args.until.map(|until| until.to_string()),
                dry_run: args.dry_run,
            };
            messages.replay_account(account, &request).await?.into_result()
        }
        (None, None) => return Err(Failure::usage("give a message's id or --account")),
    };
    if args.json {
        return output::say_json(&answer);
    }
    let paused = !answer.dry_run && is_paused(&client, &args, &answer).await;
    output::say(words(&answer, paused))
}

/// Whether what is to be sent again waits for a person, who paused the account. What can't be asked is not told: the replay
/// is under way all the same.
async fn is_paused(client: &Client, args: &ReplayArgs, answer: &ReplayAnswer) -> bool {
    if let Some(account) = &args.account {
        let shown = client.accounts().show(account).await;
        return shown.is_ok_and(|account| account.result.state == LaneState::Paused);
    }
    let Some(id) = &answer.id else { return false };
    let shown = client.messages().show(id).await;
    shown.is_ok_and(|message| message.result.waits_for == Some(WaitsFor::Resume))
}

fn words(answer: &ReplayAnswer, paused: bool) -> String {
    let messages = match (answer.count, answer.at_least) {
        (1, false) => "1 message".to_owned(),
        (count, false) => format!("{count} messages"),
        (count, true) => format!("at least {count} messages"),
    };
    match (&answer.id, answer.dry_run) {
        (Some(id), _) if paused && answer.count == 0 => {
            format!("{id} waits already, and is not tried: its account is paused until it is resumed")
        }
        (Some(id), _) if paused => format!("{id} is sent again once its account is resumed: it is paused"),
        (None, false) if paused => {
            format!("sending {messages} again once the account is resumed: it is paused")
        }
        (Some(id), _) if answer.count == 0 => format!("{id} waits already: it is tried now"),
        (Some(id), _) => format!("{id} is sent again"),
        (None, true) => format!("{messages} would be sent again"),
        (None, false) => format!("sending {messages} again"),
    }
}
